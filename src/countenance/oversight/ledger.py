"""The subject's ledger: every search that returned her, for whom, for what, and when.

Rules kept here:

* A search is in the ledger from the moment it is made. Only an authority's instrument delays it, for at most 90
  days, and the delay is itself in the log and ends by itself; there is no way to leave a search out for good.
* A customer that is a person (class ``subject``) appears by its class; every other by name.
* That she was shown to reviewers as a known non-mate is in the ledger too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from countenance import clock
from countenance.clock import Clock
from countenance.errors import CaseUnknown, InputInvalid
from countenance.oversight.case_states import CaseState
from countenance.oversight.customers import name_of
from countenance.oversight.gate import Gate
from countenance.oversight.parties import CustomerClass, Principal
from countenance.oversight.policy import Verb
from countenance.oversight.records import Recorder, Seals, new_id
from countenance.oversight.reviewing import ItemKind
from countenance.store import cases, customers, requests, reviews, searches
from countenance.store.cases import CaseRow, DelayRow
from countenance.store.customers import CustomerRow
from countenance.store.database import Database
from countenance.store.searches import ResultRow, SearchRow
from countenance.terms import SubjectId

LONGEST_DELAY = timedelta(days=90)
OPERATOR = "the operator of this gallery"


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One search that returned a subject, or one showing of her as a known non-mate."""

    at_utc: str
    customer: str
    customer_class: str
    jurisdiction: str | None
    purpose: str
    what: str
    """``returned``, ``released``, ``erased`` (the case was stopped) or ``shown as a non-mate``."""
    search_id: str | None
    search: SearchRow | None = None
    result: ResultRow | None = None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "at": self.at_utc,
            "customer": self.customer,
            "class": self.customer_class,
            "jurisdiction": self.jurisdiction,
            "purpose": self.purpose,
            "what": self.what,
            "search": self.search_id,
        }


class SearchLedger:
    """The ledgers of one gallery's subjects."""

    def __init__(self, database: Database, seals: Seals, clock: Clock) -> None:
        self._database = database
        self._seals = seals
        self._clock = clock

    def of(self, subject_id: SubjectId) -> tuple[LedgerLine, ...]:
        """A subject's ledger now, oldest first. Whoever calls has made sure who asks."""
        now = clock.to_text(self._clock.now())
        with self._database.read() as connection:
            returned = searches.that_returned(connection, subject_id)
            made_for = cases.of_searches(connection, [search.search_id for search, _ in returned])
            shown = reviews.controls_of(connection, subject_id, ItemKind.CONTROL)
            ids = {*made_for.values(), *(case_id for case_id, _ in shown)}
            known = {case_id: cases.get(connection, case_id) for case_id in sorted(ids)}
            owners = {row.customer_id: row for row in customers.everyone(connection)} if ids else {}
            released = reviews.releases_of(connection, subject_id)
            delayed = cases.delayed(connection, now)
        lines = []
        for search, result in returned:
            case = known.get(made_for.get(search.search_id, ""))
            if case is None or case.case_id not in delayed:
                what = _what(case, search.search_id in released)
                told = self._told(case, owners)
                lines.append(
                    LedgerLine(search.at_utc, *told, search.purpose, what, search.search_id, search, result)
                )
        for case_id, at_utc in shown:
            case = known.get(case_id)
            if case is not None and case_id not in delayed:
                told = self._told(case, owners)
                lines.append(LedgerLine(at_utc, *told, case.purpose, "shown as a non-mate", None))
        return tuple(sorted(lines, key=lambda line: line.at_utc))

    def _told(self, case: CaseRow | None, owners: dict[str, CustomerRow]) -> tuple[str, str, str | None]:
        if case is None:
            return OPERATOR, "operator", None
        row = owners[case.customer_id]
        person = row.customer_class == CustomerClass.SUBJECT
        return "another subject" if person else name_of(self._seals, row), row.customer_class, row.jurisdiction


class Delays:
    """Authorities that keep a case's searches out of ledgers for a while."""

    def __init__(self, database: Database, gate: Gate, recorder: Recorder, clock: Clock) -> None:
        self._database = database
        self._gate = gate
        self._recorder = recorder
        self._clock = clock

    def place(
        self,
        who: Principal,
        case_id: str,
        *,
        authority: str,
        instrument_sha256: str,
        until: datetime,
        request_id: str | None = None,
    ) -> DelayRow:
        """Delay what ledgers show of a case, on an authority's instrument; once for one ``request_id``.

        Raises CaseUnknown, InputInvalid, AccessRefused, CredentialInvalid.
        """
        who = self._gate.require(who, Verb.LEDGER_DELAY)
        now = self._clock.now()
        if not 0 < len(authority) <= 200 or re.fullmatch(r"[0-9a-f]{64}", instrument_sha256) is None:
            raise InputInvalid("A delay names an authority and the SHA-256 of its instrument.")
        if not now < until <= now + LONGEST_DELAY:
            raise InputInvalid(
                f"A delay ends within {LONGEST_DELAY.days} days; a longer one needs a new instrument."
            )
        row = DelayRow(
            request_id or new_id(), case_id, authority, instrument_sha256, clock.to_text(now), clock.to_text(until)
        )
        with self._database.write() as connection:
            if cases.get(connection, case_id) is None:
                raise CaseUnknown("There is no case of that id here.")
            made = cases.get_delay(connection, row.delay_id)
            if made is None:
                cases.delay(connection, row)
                requests.mark(connection, request_id, requests.MADE)
        note, row = (self._recorder.note, row) if made is None else (self._recorder.note_once, made)
        body = {"delay": row.delay_id, "case": row.case_id, "actor": who.actor, "until": row.until_utc}
        at = clock.from_text(row.placed_utc)
        note("ledger.delayed", at, **body, instrument=f"sha256:{row.instrument_sha256}")
        return row


def _what(case: CaseRow | None, released: bool) -> str:
    if case is not None and case.state == CaseState.STOPPED:
        return "erased"
    return "released" if released else "returned"
