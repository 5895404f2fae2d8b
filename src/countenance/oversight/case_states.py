"""The life of a case: one table from state and event to state. Pure; what is missing from the table is refused.

Rules kept here:

1. No case, no search: only an authorised case, or an emergency that is still within its hours, allows one, and
   never more than its quota.
2. Whoever asked for a case does not authorise it.
3. An emergency that nobody authorises within 48 hours stops, as does one that is refused or closed before; what it
   found is erased. Nothing is released before a case is authorised, because what is released cannot be erased.
4. Time acts first: before an event is looked at, whatever the clock alone brings by then has happened. An ended
   case stays as it ended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from countenance.oversight.policy import Code, Decision, Granted, Refused

EMERGENCY_HOURS = 48
LONGEST = timedelta(days=365)
"""A case that has to run longer is asked for again."""

MOST_SEARCHES = 100_000
"""The largest quota of one case; a program that searches all day under its standing case needs many."""


class CaseState(StrEnum):
    """The states of a case."""

    ASKED = "asked"
    EMERGENCY = "emergency"
    AUTHORISED = "authorised"
    REFUSED = "refused"
    STOPPED = "stopped"
    CLOSED = "closed"
    EXPIRED = "expired"


class CaseEvent(StrEnum):
    """What can happen to a case. The last two come from the clock alone."""

    AUTHORISE = "authorise"
    REFUSE = "refuse"
    CLOSE = "close"
    LATE = "late"
    RUN_OUT = "run_out"


CLOCK_EVENTS = frozenset({CaseEvent.LATE, CaseEvent.RUN_OUT})
SEARCHABLE = frozenset({CaseState.AUTHORISED, CaseState.EMERGENCY})
ENDED = frozenset({CaseState.REFUSED, CaseState.STOPPED, CaseState.CLOSED, CaseState.EXPIRED})

_S, _E = CaseState, CaseEvent
TABLE: MappingProxyType[CaseState, dict[CaseEvent, CaseState]] = MappingProxyType(
    {
        _S.ASKED: {
            _E.AUTHORISE: _S.AUTHORISED,
            _E.REFUSE: _S.REFUSED,
            _E.CLOSE: _S.CLOSED,
            _E.RUN_OUT: _S.EXPIRED,
        },
        _S.EMERGENCY: {
            _E.AUTHORISE: _S.AUTHORISED,
            _E.REFUSE: _S.STOPPED,
            _E.CLOSE: _S.STOPPED,
            _E.LATE: _S.STOPPED,
            _E.RUN_OUT: _S.STOPPED,
        },
        _S.AUTHORISED: {_E.CLOSE: _S.CLOSED, _E.RUN_OUT: _S.EXPIRED},
        _S.REFUSED: {},
        _S.STOPPED: {},
        _S.CLOSED: {},
        _S.EXPIRED: {},
    }
)
"""State and event to the state after."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What decides about a case."""

    state: CaseState
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    quota: int
    used: int
    authorise_by: datetime | None = None
    """For an emergency: when it stops unless somebody has authorised it."""
    decided_by: str | None = None
    decided_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def emergency(self) -> bool:
        """Whether it was asked for as an emergency."""
        return self.authorise_by is not None


def asked(by: str, at: datetime, *, expires_at: datetime, quota: int, emergency: bool) -> CaseFacts | Refused:
    """A case as it is asked for."""
    if not at < expires_at <= at + LONGEST:
        return Refused(Code.CASE_STATE, f"A case expires later than it begins and within {LONGEST.days} days.")
    if not 1 <= quota <= MOST_SEARCHES:
        return Refused(Code.CASE_QUOTA, f"A case has a quota of 1 to {MOST_SEARCHES} searches.")
    if not emergency:
        return CaseFacts(CaseState.ASKED, by, at, expires_at, quota, 0)
    authorise_by = at + timedelta(hours=EMERGENCY_HOURS)
    return CaseFacts(CaseState.EMERGENCY, by, at, expires_at, quota, 0, authorise_by)


def at(case: CaseFacts, now: datetime) -> CaseFacts:
    """``case`` after whatever time alone has brought by ``now``."""
    late, out = case.authorise_by, case.expires_at
    if case.state is CaseState.EMERGENCY and late is not None and late <= min(now, out):
        return replace(case, state=TABLE[case.state][CaseEvent.LATE], ended_at=late)
    if case.state not in ENDED and out <= now:
        return replace(case, state=TABLE[case.state][CaseEvent.RUN_OUT], ended_at=out)
    return case


def apply(case: CaseFacts, event: CaseEvent, by: str, now: datetime) -> CaseFacts | Refused:
    """``case`` after ``event``, or why not."""
    if event in CLOCK_EVENTS:
        return Refused(Code.CASE_STATE, f"“{event}” comes from the clock, not from a person.")
    case = at(case, now)
    after = TABLE[case.state].get(event)
    if after is None:
        return Refused(Code.CASE_STATE, f"A case that is {case.state} cannot take “{event}”.")
    if event is CaseEvent.AUTHORISE and by == case.asked_by:
        return Refused(Code.SAME_PERSON, "Whoever asked for a case does not authorise it.")
    if event in (CaseEvent.AUTHORISE, CaseEvent.REFUSE):
        case = replace(case, decided_by=by, decided_at=now)
    return replace(case, state=after, ended_at=now if after in ENDED else None)


def may_search(case: CaseFacts, now: datetime) -> Decision:
    """Whether one more search may be made for ``case``."""
    case = at(case, now)
    if case.state not in SEARCHABLE:
        return Refused(Code.CASE_STATE, f"A case that is {case.state} allows no search.")
    if case.used >= case.quota:
        return Refused(Code.CASE_QUOTA, f"The case's {case.quota} searches are used up.")
    return Granted()


def may_release(case: CaseFacts, now: datetime) -> Decision:
    """Whether a confirmed candidate of ``case`` may be released."""
    case = at(case, now)
    if case.state is not CaseState.AUTHORISED:
        return Refused(Code.CASE_STATE, f"Nothing is released for a case that is {case.state}.")
    return Granted()
