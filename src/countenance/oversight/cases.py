"""Cases: asked for, authorised by somebody else, searched within a quota, ended; and then nothing of them is left.

Rules kept here:

* What a case is about is sealed under its own key, and so are the faces of its probes; when it ends, the probes'
  key is destroyed and what is in review is deleted. The papers (who asked for what, and why) stay, sealed.
* What a stopped emergency found is erased: of its results only the subjects' own ledger lines stay, without score
  and rank.
* A search is taken from the quota before it is made, in a transaction: two at once cannot share the last one.
* Time moves a case whenever it is looked at, and in :meth:`Cases.sweep` when nobody does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.errors import AccessRefused, CaseUnknown, InputInvalid
from countenance.log.entry import Value
from countenance.oversight.case_states import ENDED, CaseEvent, CaseFacts, CaseState, apply, asked, at, may_search
from countenance.oversight.gate import SEARCHES, Gate
from countenance.oversight.parties import LegalBasis, Principal
from countenance.oversight.policy import Code, Refused, Verb
from countenance.oversight.records import Recorder, Seals, new_id
from countenance.store import cases, customers, requests
from countenance.store.cases import CaseRow
from countenance.store.database import Database
from countenance.terms import ArtefactClass

_TAKEN = "taken"
"""Mark of a request that has taken its search from a case's quota."""

_IMAGE, _PAPERS = ArtefactClass.IMAGE, ArtefactClass.METADATA


@dataclass(frozen=True, slots=True)
class Case:
    """One case, opened."""

    case_id: str
    customer_id: str
    facts: CaseFacts
    purpose: str
    legal_basis: str
    reference: str
    subject_matter: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        facts = self.facts
        return {
            "case": self.case_id,
            "customer": self.customer_id,
            "state": facts.state,
            "emergency": facts.emergency,
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            "reference": self.reference,
            "subject_matter": self.subject_matter,
            "asked_by": facts.asked_by,
            "asked": clock.to_text(facts.asked_at),
            "authorise_by": _text(facts.authorise_by),
            "decided_by": facts.decided_by,
            "decided": _text(facts.decided_at),
            "expires": clock.to_text(facts.expires_at),
            "ended": _text(facts.ended_at),
            "quota": facts.quota,
            "used": facts.used,
        }


class Cases:
    """The cases of one gallery. All methods that take ``who`` raise AccessRefused and CredentialInvalid."""

    def __init__(self, database: Database, seals: Seals, gate: Gate, recorder: Recorder, clock: Clock) -> None:
        self._database = database
        self._seals = seals
        self._gate = gate
        self._recorder = recorder
        self._clock = clock

    # -- the life of a case ---------------------------------------------------------------------------------

    def open(
        self,
        who: Principal,
        *,
        purpose: str,
        legal_basis: LegalBasis | str,
        reference: str,
        subject_matter: str,
        expires: datetime,
        quota: int,
        emergency: bool = False,
        request_id: str | None = None,
    ) -> Case:
        """Ask for a case, once for one ``request_id``. Raises InputInvalid."""
        who = self._gate.require(who, Verb.CASE_OPEN, purpose=purpose)
        try:
            basis = LegalBasis(legal_basis)
        except ValueError as error:
            raise InputInvalid(f"The legal bases are: {', '.join(LegalBasis)}.") from error
        if not 0 < len(reference) <= 200 or not 0 < len(subject_matter) <= 4000:
            raise InputInvalid("A case has a reference of at most 200 characters and says what it is about.")
        now = self._clock.now()
        facts = asked(who.actor, now, expires_at=expires, quota=quota, emergency=emergency)
        if isinstance(facts, Refused):
            raise InputInvalid(facts.reason)
        case_id, customer_id, where = request_id or new_id(), str(who.customer_id), str(who.jurisdiction)
        with self._database.read() as connection:
            made = cases.get(connection, case_id)
        if made is not None:
            return self._asked(made, again=True)
        slot, keys = self._seals.new_slot(where)
        papers = json.dumps({"v": 1, "reference": reference, "subject_matter": subject_matter}).encode()
        sealed = self._seals.seal(slot, where, _PAPERS, keys[_PAPERS], papers, f"case:{case_id}")
        row = CaseRow(
            case_id, customer_id, facts.state, purpose, basis, int(emergency), quota, 0, who.actor,
            clock.to_text(now), _text(facts.authorise_by), None, None, clock.to_text(expires), None, 0, slot, where,
            keys[_IMAGE], keys[_PAPERS], sealed,
        )  # fmt: skip
        with self._database.write() as connection:
            cases.add(connection, row)
            requests.mark(connection, request_id, requests.MADE)
        return self._asked(row, again=False)

    def authorise(self, who: Principal, case_id: str) -> Case:
        """Authorise a case that somebody else asked for. Raises CaseUnknown."""
        return self._happen(who, case_id, CaseEvent.AUTHORISE, Verb.CASE_AUTHORISE)

    def refuse(self, who: Principal, case_id: str) -> Case:
        """Refuse a case; an emergency stops, and what it found is erased. Raises CaseUnknown."""
        return self._happen(who, case_id, CaseEvent.REFUSE, Verb.CASE_AUTHORISE)

    def close(self, who: Principal, case_id: str) -> Case:
        """End a case before it expires. Raises CaseUnknown."""
        return self._happen(who, case_id, CaseEvent.CLOSE, Verb.CASE_CLOSE)

    def get(self, who: Principal, case_id: str) -> Case:
        """A case of the asker's customer, as it is now. Raises CaseUnknown."""
        who = self._gate.require(who, Verb.CASE_LIST, case_id=case_id)
        row = self.moved(self.row_for(who, case_id))
        return self._opened(row, facts_of(row))

    def listed(self, who: Principal) -> tuple[Case, ...]:
        """The cases of the asker's customer, oldest first."""
        who = self._gate.require(who, Verb.CASE_LIST)
        with self._database.read() as connection:
            rows = cases.of_customer(connection, str(who.customer_id))
        moved = (self.moved(row) for row in rows if who.case_id in (None, row.case_id))
        return tuple(self._opened(row, facts_of(row)) for row in moved)

    # -- searches -------------------------------------------------------------------------------------------

    def take_search(self, who: Principal, case_id: str, request_id: str | None = None) -> tuple[Principal, CaseRow]:
        """Take one search from a case's quota, once for one request; returns the asker and the case.

        Raises CaseUnknown.
        """
        who = self._gate.require(who, Verb.IDENTIFY, case_id=case_id)
        row = self.moved(self.row_for(who, case_id))
        who = self._gate.require(who, Verb.IDENTIFY, case_id=case_id, purpose=row.purpose)
        with self._database.write() as connection:
            now_row = _known(cases.get(connection, case_id))
            if requests.marked(connection, request_id) == _TAKEN:  # by a run that was cut off before it searched
                now_row = replace(now_row, used=now_row.used - 1)
            decision = may_search(facts_of(now_row), self._clock.now())
            if not isinstance(decision, Refused):
                cases.change(connection, case_id, used=now_row.used + 1)
                requests.mark(connection, request_id, _TAKEN)
        self._gate.pass_on(who, Verb.IDENTIFY, decision)
        return who, replace(now_row, used=now_row.used + 1)

    def give_back(self, case_id: str, request_id: str | None = None) -> None:
        """Return a search to the quota: it failed before anything was searched."""
        with self._database.write() as connection:
            row = _known(cases.get(connection, case_id))
            cases.change(connection, case_id, used=max(0, row.used - 1))
            requests.mark(connection, request_id, None)

    def attach(
        self, connection: Connection, row: CaseRow, who: Principal, search_id: str, probes: Sequence[bytes]
    ) -> None:
        """Write down that a search was made for a case, and keep the faces of its probe, in order, sealed.

        An empty probe (a face that found nobody) is not kept. In the transaction that writes the search itself.
        Raises AccessRefused when the case has ended meanwhile;
        then the search leaves nothing behind.
        """
        standing = _known(cases.get(connection, row.case_id))
        if at(facts_of(standing), self._clock.now()).state in ENDED:
            raise AccessRefused("The case has ended.", reason=Code.CASE_STATE.value)
        cases.add_search(connection, search_id, row.case_id, who.actor)
        for face, plain in enumerate(probes, 1):
            if not plain:
                continue
            sealed = self._seals.seal(
                row.key_slot, row.jurisdiction, _IMAGE, row.wrapped_image_key, plain, f"probe:{search_id}:{face}"
            )
            cases.add_probe(connection, search_id, face, row.case_id, sealed)
        customers.count(connection, row.customer_id, SEARCHES)

    def probe(self, row: CaseRow, search_id: str, face: int) -> bytes | None:
        """A probe's face as it was given; None when its case has ended. Raises KeyDestroyed, SealBroken."""
        with self._database.read() as connection:
            sealed = cases.probe(connection, search_id, face)
        if sealed is None:
            return None
        record = f"probe:{search_id}:{face}"
        return self._seals.unseal(row.key_slot, row.jurisdiction, _IMAGE, row.wrapped_image_key, sealed, record)

    def purpose_at_the_console(self, named: str) -> str | None:
        """The purpose of the case with this id or reference, for a search that the operator makes himself.

        None when no case that runs is called so: then it is a file number of his own. It takes nothing from the
        quota and puts nothing before reviewers. Raises AccessRefused when the case allows no search now;
        InputInvalid when several cases are called so and their purposes differ.
        """
        with self._database.read() as connection:
            rows = cases.unswept(connection)
        running = [row for row in map(self.moved, rows) if row.state not in ENDED]
        found = [row for row in running if named in (row.case_id, self._opened(row, facts_of(row)).reference)]
        decisions = [may_search(facts_of(row), self._clock.now()) for row in found]
        refused = next((one for one in decisions if isinstance(one, Refused)), None)
        if refused is not None:
            raise AccessRefused(refused.reason, reason=refused.code.value)
        purposes = {row.purpose for row in found}
        if len(purposes) > 1:
            raise InputInvalid(
                f"{len(found)} cases are called {named[:200]}; name the one that is meant by its id."
            )
        return next(iter(purposes), None)

    # -- time -----------------------------------------------------------------------------------------------

    def sweep(self) -> int:
        """Let time move every case, and destroy what ended ones still hold; returns how many ended.

        At every opening, and as often as a service likes. Killed anywhere, the next sweep goes on.
        """
        with self._database.read() as connection:
            rows = cases.unswept(connection)
        return sum(self.moved(row).state in ENDED for row in rows)

    def moved(self, row: CaseRow) -> CaseRow:
        """A case after whatever time has brought; what follows from its end is carried out."""
        now = self._clock.now()
        if at(facts_of(row), now).state != row.state:
            with self._database.write() as connection:
                row = _known(cases.get(connection, row.case_id))
                before, after = row.state, at(facts_of(row), now)
                row = self._written(connection, row, after)
            if before != row.state:
                self._recorder.note(f"case.{row.state}", now, case=row.case_id, customer=row.customer_id)
        if row.state in ENDED and not row.swept:
            row = self._swept(row)
        return row

    def row_for(self, who: Principal, case_id: str) -> CaseRow:
        """A case of the asker's customer. Raises CaseUnknown, for another customer's case in the same words."""
        with self._database.read() as connection:
            row = cases.get(connection, case_id)
        if row is None or row.customer_id != who.customer_id:
            raise CaseUnknown("There is no case of that id here.")
        return row

    # -- inside ---------------------------------------------------------------------------------------------

    def _asked(self, row: CaseRow, *, again: bool) -> Case:
        note = self._recorder.note_once if again else self._recorder.note
        body: dict[str, Value] = {
            "case": row.case_id,
            "customer": row.customer_id,
            "actor": row.asked_by,
            "purpose": row.purpose,
            "basis": row.legal_basis,
            "emergency": bool(row.emergency),
            "quota": row.quota,
        }
        note("case.asked", clock.from_text(row.asked_utc), **body)
        return self._opened(row, facts_of(row))

    def _happen(self, who: Principal, case_id: str, event: CaseEvent, verb: Verb) -> Case:
        who = self._gate.require(who, verb, case_id=case_id)
        row = self.moved(self.row_for(who, case_id))
        if event is CaseEvent.AUTHORISE:
            self._gate.require(who, verb, case_id=case_id, purpose=row.purpose)
        now = self._clock.now()
        with self._database.write() as connection:
            row = _known(cases.get(connection, case_id))
            after = apply(facts_of(row), event, who.actor, now)
            if not isinstance(after, Refused):
                row = self._written(connection, row, after)
        if isinstance(after, Refused):
            self._gate.refuse(who, verb, after)
        self._recorder.note(f"case.{row.state}", now, case=case_id, customer=row.customer_id, actor=who.actor)
        if row.state in ENDED:
            row = self._swept(row)
        return self._opened(row, after)

    def _written(self, connection: Connection, row: CaseRow, facts: CaseFacts) -> CaseRow:
        """Write a case's new state; when it ends, its probes and reviews are deleted in the same transaction."""
        if facts.state in ENDED:
            cases.drop_found(connection, row.case_id)
        if facts.state is CaseState.STOPPED:
            cases.empty_results(connection, row.case_id)
        values = {
            "state": facts.state.value,
            "decided_by": facts.decided_by,
            "decided_utc": _text(facts.decided_at),
            "ended_utc": _text(facts.ended_at),
        }
        cases.change(connection, row.case_id, **values)
        return _known(cases.get(connection, row.case_id))

    def _swept(self, row: CaseRow) -> CaseRow:
        """Destroy the key of an ended case's probes."""
        self._seals.destroy(row.key_slot, _IMAGE)
        with self._database.write() as connection:
            cases.drop_found(connection, row.case_id)  # what a search that was under way has still written
            if row.state == CaseState.STOPPED:
                cases.empty_results(connection, row.case_id)
            cases.change(connection, row.case_id, swept=1)
        self._database.forget_deleted_rows()
        self._recorder.note("case.swept", self._clock.now(), case=row.case_id)
        return replace(row, swept=1)

    def _opened(self, row: CaseRow, facts: CaseFacts) -> Case:
        sealed, wrapped, record = row.sealed_papers, row.wrapped_metadata_key, f"case:{row.case_id}"
        papers = json.loads(self._seals.unseal(row.key_slot, row.jurisdiction, _PAPERS, wrapped, sealed, record))
        said = str(papers["reference"]), str(papers["subject_matter"])
        return Case(row.case_id, row.customer_id, facts, row.purpose, row.legal_basis, *said)


def facts_of(row: CaseRow) -> CaseFacts:
    """What decides about a case, from its row."""
    return CaseFacts(
        CaseState(row.state),
        row.asked_by,
        clock.from_text(row.asked_utc),
        clock.from_text(row.expires_utc),
        row.quota,
        row.used,
        _moment(row.authorise_by_utc),
        row.decided_by,
        _moment(row.decided_utc),
        _moment(row.ended_utc),
    )


def _known(row: CaseRow | None) -> CaseRow:
    if row is None:
        raise CaseUnknown("There is no case of that id here.")
    return row


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else clock.to_text(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else clock.from_text(text)
