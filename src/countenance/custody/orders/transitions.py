"""The life of an order: one table from state and event to state, and what each event brings with it.

Rules kept here:

1. What the table does not have is Refused, a value with a reason; nothing is changed then.
2. Time acts first: before an event is looked at, whatever the clock alone brings by then has happened. A clock
   that was set back is refused.
3. Suspending, staying or remitting an order freezes. Only ``release`` ends a freeze, only after the order was
   set aside or has run out, and never by itself.
4. The history only grows, and each entry cites an instrument; what the clock brings cites the order itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from countenance.custody.orders.clocks import appeal_expires_at, ends_at, passes_at
from countenance.custody.orders.consequences import carried
from countenance.custody.orders.model import Instrument, Order
from countenance.custody.orders.state import (
    CLOCK_EVENTS,
    PAUSED_STATES,
    Entry,
    Event,
    EventKind,
    OrderState,
    Pause,
    Refused,
    State,
)

S, E = State, EventKind


_ANYWHERE = {E.FREEZE, E.ESCALATE, E.RESOLVE}
_RUNNING = {
    E.SUSPEND: S.SUSPENDED,
    E.STAY: S.STAYED,
    E.VARY: S.VARIED,
    E.SET_ASIDE: S.SET_ASIDE,
    E.COMPLY: S.COMPLIED,
}


def _row(state: State, moves: dict[EventKind, State], stays: set[EventKind]) -> dict[EventKind, State]:
    return {**moves, **dict.fromkeys(stays, state)}


_IN_TIME = {E.APPEAL, E.DISMISS_APPEAL, E.FULFIL} | _ANYWHERE
TABLE: MappingProxyType[State, dict[EventKind, State]] = MappingProxyType(
    {
        S.DRAFT: {E.SERVE: S.SERVED},
        S.SERVED: _row(
            S.SERVED,
            {**_RUNNING, E.COME_INTO_FORCE: S.IN_FORCE, E.MISS_DEADLINE: S.BREACHED, E.RUN_OUT: S.EXPIRED},
            _IN_TIME,
        ),
        S.IN_FORCE: _row(S.IN_FORCE, {**_RUNNING, E.MISS_DEADLINE: S.BREACHED, E.RUN_OUT: S.EXPIRED}, _IN_TIME),
        S.VARIED: _row(S.VARIED, {**_RUNNING, E.MISS_DEADLINE: S.BREACHED, E.RUN_OUT: S.EXPIRED}, _IN_TIME),
        S.BREACHED: _row(S.BREACHED, _RUNNING, _IN_TIME | {E.MISS_DEADLINE}),
        S.COMPLIED: _row(
            S.COMPLIED,
            {E.VARY: S.VARIED, E.SET_ASIDE: S.SET_ASIDE, E.RUN_OUT: S.EXPIRED},
            {E.APPEAL, E.DISMISS_APPEAL, E.FREEZE},
        ),
        S.SUSPENDED: _row(
            S.SUSPENDED,
            {
                E.LIFT: S.IN_FORCE,
                E.DISMISS_APPEAL: S.IN_FORCE,
                E.STAY: S.STAYED,
                E.SET_ASIDE: S.SET_ASIDE,
                E.RUN_OUT: S.EXPIRED,
            },
            {E.APPEAL, E.SUSPEND, E.VARY, E.FULFIL} | _ANYWHERE,
        ),
        S.STAYED: _row(
            S.STAYED,
            {E.LIFT: S.IN_FORCE, E.SET_ASIDE: S.SET_ASIDE, E.RUN_OUT: S.EXPIRED},
            {E.APPEAL, E.DISMISS_APPEAL, E.VARY, E.FULFIL} | _ANYWHERE,
        ),
        S.SET_ASIDE: {
            E.REMIT: S.REMITTED,
            E.REINSTATE: S.IN_FORCE,
            E.RELEASE: S.SET_ASIDE,
            E.FREEZE: S.SET_ASIDE,
        },
        S.REMITTED: _row(
            S.REMITTED,
            {E.REINSTATE: S.IN_FORCE, E.SET_ASIDE: S.SET_ASIDE, E.RUN_OUT: S.EXPIRED},
            {E.VARY} | _ANYWHERE,
        ),
        S.EXPIRED: {E.RELEASE: S.EXPIRED, E.FREEZE: S.EXPIRED},
    }
)
"""State and event to the state after. What is missing is refused."""

_WHY_NOT = {
    (S.SERVED, E.SERVE): "The order was served already.",
    (S.SUSPENDED, E.RELEASE): "A suspended order keeps its subjects out of every search.",
    (S.STAYED, E.RELEASE): "A stayed order keeps its subjects out of every search.",
    (S.REMITTED, E.RELEASE): "A remitted order can come back into force; its subjects stay out of every search.",
    (S.SUSPENDED, E.COMPLY): "Nothing is completed while the order is suspended.",
    (S.STAYED, E.COMPLY): "Nothing is completed while the order is stayed.",
}
_FREEZING = frozenset({E.SUSPEND, E.STAY, E.REMIT, E.REINSTATE, E.FREEZE, E.ESCALATE})


def apply(state: OrderState, event: Event) -> OrderState | Refused:
    """``state`` after ``event``, or why not. Pure: the same arguments give the same answer."""
    if event.kind in CLOCK_EVENTS:
        return Refused(f"“{event.kind.value}” comes from the clock, not from a paper.")
    if event.kind is E.SERVE and event.at != state.order.service.at:
        return Refused("An order is served at the moment that it says itself.")
    current = at(state, event.at)
    if isinstance(current, Refused):
        return current
    after = TABLE[current.state].get(event.kind)
    if after is None:
        state_, kind = (word.value.replace("_", " ") for word in (current.state, event.kind))
        usual = f"An order that is {state_} cannot take “{kind}”."
        if event.kind is E.SERVE:
            usual = "The order was served already."
        return Refused(_WHY_NOT.get((current.state, event.kind), usual))
    changed = carried(current, event)
    if isinstance(changed, Refused):
        return changed
    if event.kind is E.APPEAL and _suspends(changed.order) and current.state is not S.COMPLIED:
        after = S.STAYED if current.state is S.STAYED else S.SUSPENDED
    if event.kind is E.DISMISS_APPEAL and _suspended_by_more_than_appeal(current):
        after = current.state
    if event.kind is E.VARY and after is S.VARIED and _appeal_in_time(changed.order, event.at):
        after = S.SERVED
    after = _in_force(changed, after)
    if event.kind in _FREEZING or after is S.SUSPENDED:
        changed = replace(changed, frozen_since=changed.frozen_since or event.at)
    moved = _enter(changed, after, event.at, event.kind, event.instrument, event.note)
    return at(moved, event.at)


def at(state: OrderState, now: datetime) -> OrderState | Refused:
    """``state`` as it is at ``now``, after whatever time alone has brought; refused when the clock went back."""
    last = state.last_change
    if last is not None and now < last:
        return Refused("The clock stands before the last entry of the order's history.")
    while (following := _next_by_clock(state)) is not None and following[0] <= now:
        moment, kind, note = following
        last = state.last_change
        moment = moment if last is None or moment >= last else last
        after = _in_force(state, TABLE[state.state][kind])
        state = _enter(state, after, moment, kind, state.order.instrument, note)
    return state


def _suspends(order: Order) -> bool:
    return order.appeal is not None and order.appeal.suspensive


def _appeal_in_time(order: Order, moment: datetime) -> bool:
    expires = appeal_expires_at(order)
    return _suspends(order) and expires is not None and moment < expires


def _in_force(state: OrderState, after: State) -> State:
    """A later revision that is in force is called varied."""
    return S.VARIED if after is S.IN_FORCE and state.order.revision > 1 else after


def _suspended_by_more_than_appeal(state: OrderState) -> bool:
    for entry in reversed(state.history):
        if entry.after is not S.SUSPENDED:
            return False
        if entry.event is E.SUSPEND:
            return True
    return False


def _missed_already(state: OrderState) -> set[str]:
    """Obligations whose missed deadline this breach has on record; a breach after a suspension starts anew."""
    noted: set[str] = set()
    for entry in reversed(state.history):
        if entry.after is not S.BREACHED:
            break
        if entry.event is E.MISS_DEADLINE:
            noted.add(entry.note)
    return noted


def _next_by_clock(state: OrderState) -> tuple[datetime, EventKind, str] | None:
    row, found = TABLE[state.state], []
    if E.COME_INTO_FORCE in row:
        # A suspensive appeal must be out of time first; otherwise service is enough.
        expires = appeal_expires_at(state.order) if _suspends(state.order) else None
        found.append((expires or state.order.service.at, E.COME_INTO_FORCE, ""))
    if E.MISS_DEADLINE in row:
        noted = _missed_already(state)
        for obligation in state.order.obligations:
            open_still = state.fulfilment(obligation.id) is None and obligation.id not in noted
            if obligation.deadline is not None and open_still:
                passes = passes_at(state, obligation.deadline)
                if passes is not None:
                    found.append((passes, E.MISS_DEADLINE, obligation.id))
    ends = ends_at(state)
    if E.RUN_OUT in row and ends is not None:
        found.append((ends, E.RUN_OUT, ""))
    return min(found, key=lambda item: item[0]) if found else None


def _enter(
    state: OrderState, after: State, moment: datetime, kind: EventKind, instrument: Instrument, note: str
) -> OrderState:
    pauses = state.pauses
    paused = bool(pauses) and pauses[-1].end is None
    if after in PAUSED_STATES and not paused:
        pauses = (*pauses, Pause(moment, None))
    elif after not in PAUSED_STATES and paused:
        pauses = (*pauses[:-1], Pause(pauses[-1].start, moment))
    entry = Entry(moment, kind, state.state, after, instrument, note)
    return replace(state, state=after, pauses=pauses, history=(*state.history, entry))
