"""The gate: every question is decided here, on what is on record now; a refusal is logged and counted."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from countenance.clock import Clock
from countenance.errors import AccessRefused
from countenance.oversight.bars import Bars
from countenance.oversight.credentials import ACTIVE, Credentials
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Decision, Refused, Verb, decide
from countenance.oversight.records import Recorder
from countenance.store import customers
from countenance.store.database import Database

SEARCHES, RELEASES, REFUSALS = "searches", "releases", "refusals"
"""What the register counts for a customer."""


class Gate:
    """Lets through what the policy allows."""

    def __init__(
        self, database: Database, credentials: Credentials, bars: Bars, recorder: Recorder, clock: Clock
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._bars = bars
        self._recorder = recorder
        self._clock = clock

    def require(
        self,
        who: Principal,
        verb: Verb,
        *,
        customer_id: str | None = None,
        purpose: str | None = None,
        case_id: str | None = None,
    ) -> Principal:
        """The asker as on record now, if it may do ``verb``. Raises AccessRefused, CredentialInvalid."""
        fresh = self._credentials.refresh(who)
        bars = () if fresh.customer_id is None else self._bars.now()
        decision = decide(fresh, verb, bars=bars, customer_id=customer_id, purpose=purpose, case_id=case_id)
        self.pass_on(fresh, verb, decision)
        return fresh

    def still(self, who: Principal, verb: Verb) -> None:
        """Asked in the middle of long work, whose asker may have logged out: may the customer still do it?

        Raises AccessRefused.
        """
        with self._database.read() as connection:
            row = None if who.customer_id is None else customers.get(connection, who.customer_id)
        active = row is not None and row.state == ACTIVE
        bars = self._bars.now()
        self.pass_on(who, verb, decide(replace(who, customer_active=active), verb, bars=bars))

    def pass_on(self, who: Principal, verb: Verb, decision: Decision) -> None:
        """Go on when ``decision`` grants. Raises AccessRefused otherwise."""
        if isinstance(decision, Refused):
            self.refuse(who, verb, decision)

    def refuse(self, who: Principal, verb: Verb, refused: Refused) -> NoReturn:
        """Log and count a refusal, and raise it: AccessRefused."""
        if who.customer_id is not None:
            with self._database.write() as connection:
                customers.count(connection, who.customer_id, REFUSALS)
        body = {"actor": who.actor, "verb": verb.value, "why": refused.code.value, "customer": who.customer_id}
        self._recorder.note("access.refused", self._clock.now(), **body)
        raise AccessRefused(refused.reason, reason=refused.code.value)
