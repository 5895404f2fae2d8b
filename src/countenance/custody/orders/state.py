"""Where an order stands: its state, what was done, what stopped the clocks, and a history that only grows.

Rules kept here: records are frozen and carry a version; every entry of the history cites an instrument; an
OrderState is made by :func:`drafted` and changed by transitions.py alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from countenance.custody.orders.model import EvidenceKind, Instrument, Order
from countenance.holding import Absence
from countenance.terms import SubjectId


class State(StrEnum):
    """The states of an order."""

    DRAFT = "draft"
    SERVED = "served"
    IN_FORCE = "in_force"
    COMPLIED = "complied"
    SUSPENDED = "suspended"
    STAYED = "stayed"
    VARIED = "varied"
    SET_ASIDE = "set_aside"
    REMITTED = "remitted"
    BREACHED = "breached"
    EXPIRED = "expired"


PAUSED_STATES = frozenset({State.SUSPENDED, State.STAYED, State.SET_ASIDE, State.REMITTED})
"""States in which no deadline runs."""


class EventKind(StrEnum):
    """What can happen to an order. The last three come from the clock alone."""

    SERVE = "serve"
    APPEAL = "appeal"
    DISMISS_APPEAL = "dismiss_appeal"
    SUSPEND = "suspend"
    STAY = "stay"
    LIFT = "lift"
    VARY = "vary"
    SET_ASIDE = "set_aside"
    REMIT = "remit"
    REINSTATE = "reinstate"
    FREEZE = "freeze"
    RELEASE = "release"
    FULFIL = "fulfil"
    COMPLY = "comply"
    ESCALATE = "escalate"
    RESOLVE = "resolve"
    COME_INTO_FORCE = "come_into_force"
    MISS_DEADLINE = "miss_deadline"
    RUN_OUT = "run_out"


CLOCK_EVENTS = frozenset({EventKind.COME_INTO_FORCE, EventKind.MISS_DEADLINE, EventKind.RUN_OUT})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history."""

    at: datetime
    event: EventKind
    before: State
    after: State
    instrument: Instrument
    note: str
    """What the event was about: an obligation's id, a reason; empty when the event says it all."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing shown for an obligation."""

    kind: EvidenceKind
    reference: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """An obligation that was met, with what shows it."""

    obligation_id: str
    at: datetime
    shown: tuple[Shown, ...]
    holders: tuple[str, ...] = ()
    """For an erasure: the names of every Holder there is."""
    absences: tuple[Absence, ...] = ()
    """For an erasure: every Holder's own answer."""
    recipients_silent: int = 0
    """Recipients of released candidates whose answer is not on record yet."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which no deadline ran; ``end`` is None while it lasts."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Escalation:
    """An order to erase that met a duty to keep: the subjects are sealed until somebody competent decides."""

    hold_id: str
    subject_ids: frozenset[SubjectId]
    since: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order and everything that has happened to it."""

    order: Order
    state: State
    history: tuple[Entry, ...]
    fulfilments: tuple[Fulfilment, ...]
    pauses: tuple[Pause, ...]
    appeal_lodged_at: datetime | None
    appeal_disposed_at: datetime | None
    frozen_since: datetime | None
    """Since when the subjects in scope are out of every search; None when they are not."""
    escalations: tuple[Escalation, ...]

    @property
    def frozen(self) -> bool:
        """True when nobody in scope may be returned by a search."""
        return self.frozen_since is not None

    def fulfilment(self, obligation_id: str) -> Fulfilment | None:
        """How that obligation was met, or None."""
        return next((f for f in self.fulfilments if f.obligation_id == obligation_id), None)

    @property
    def open_obligations(self) -> tuple[str, ...]:
        """Ids of the obligations that nothing on record shows to be met, in the order's own order."""
        return tuple(o.id for o in self.order.obligations if self.fulfilment(o.id) is None)

    @property
    def open_escalations(self) -> tuple[Escalation, ...]:
        """Conflicts that nobody has decided yet."""
        return tuple(e for e in self.escalations if e.resolved_at is None)

    @property
    def last_change(self) -> datetime | None:
        """When the last entry of the history was made; None for a draft."""
        return self.history[-1].at if self.history else None


def drafted(order: Order) -> OrderState:
    """``order`` before it was served."""
    return OrderState(order, State.DRAFT, (), (), (), None, None, None, ())


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, at a moment, on a paper. Some kinds bring more with them."""

    kind: EventKind
    at: datetime
    instrument: Instrument
    note: str = ""
    order: Order | None = None
    """With ``vary``: the next revision, its signature already checked."""
    fulfilment: Fulfilment | None = None
    """With ``fulfil``."""
    escalation: Escalation | None = None
    """With ``escalate``."""
    hold_id: str = ""
    """With ``resolve``: which conflict was decided."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be; ``reason`` is a plain sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may be done now."""
