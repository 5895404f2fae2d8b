"""What an event brings beside a change of state, and what must be on record before it may.

Rules kept here:

1. An obligation is met only after those it depends on, and only with every kind of evidence that it asks for.
2. An erasure is met only when every Holder there is has itself confirmed absence, every recipient of a released
   candidate has answered, and no conflict with a duty to keep is undecided.
3. A variation is the same order's next revision by the same authority; what was shown stays shown only where the
   duty, its artefacts and the people it is about are unchanged.
4. Nothing is destroyed while an order is suspended, stayed, set aside or remitted, or before an appeal that
   would suspend it is out of time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from countenance.custody.orders.clocks import appeal_expires_at
from countenance.custody.orders.model import Order, Verb
from countenance.custody.orders.state import (
    PAUSED_STATES,
    Allowed,
    Event,
    EventKind,
    Fulfilment,
    OrderState,
    Refused,
    State,
)


def may_destroy(state: OrderState, obligation_id: str) -> Allowed | Refused:
    """Whether data may be destroyed for that obligation now; ``state`` must be brought up to date with :func:`at`.

    Freezing is always allowed; this is about what cannot be undone.
    """
    obligation = state.order.obligation(obligation_id)
    if obligation is None:
        return Refused(f"The order has no obligation {obligation_id}.")
    if state.state is State.SERVED:
        return Refused("An appeal would still suspend the order; freeze instead, and destroy when it is in force.")
    if state.state not in (State.IN_FORCE, State.VARIED, State.BREACHED):
        return Refused(f"Nothing is destroyed for an order that is {state.state.value}.")
    waiting = [id_ for id_ in obligation.depends_on if state.fulfilment(id_) is None]
    if waiting:
        return Refused(f"Obligation {obligation_id} waits for {', '.join(waiting)}.")
    return Allowed()


def carried(state: OrderState, event: Event) -> OrderState | Refused:
    """``state`` with what ``event`` brings beside the change of state, or why it cannot be."""
    match event.kind:
        case EventKind.APPEAL:
            return _appealed(state, event.at)
        case EventKind.DISMISS_APPEAL:
            if state.appeal_lodged_at is None or state.appeal_disposed_at is not None:
                return Refused("No appeal is pending.")
            return replace(state, appeal_disposed_at=event.at)
        case EventKind.VARY:
            return _varied(state, event.order)
        case EventKind.RELEASE:
            if state.open_escalations:
                return Refused("Subjects sealed for an undecided conflict are not released.")
            return replace(state, frozen_since=None)
        case EventKind.FULFIL:
            return _fulfilled(state, event)
        case EventKind.COMPLY:
            return _completed(state)
        case EventKind.ESCALATE:
            if event.escalation is None or event.escalation.resolved_at is not None:
                return Refused("An escalation must say which hold it met, and cannot be decided already.")
            if any(e.hold_id == event.escalation.hold_id for e in state.open_escalations):
                return Refused(f"The conflict with hold {event.escalation.hold_id} is on record already.")
            return replace(state, escalations=(*state.escalations, event.escalation))
        case EventKind.RESOLVE:
            if all(e.hold_id != event.hold_id for e in state.open_escalations):
                return Refused(f"No conflict with hold {event.hold_id} is open.")
            decided = tuple(
                replace(e, resolved_at=event.at) if e.hold_id == event.hold_id and e.resolved_at is None else e
                for e in state.escalations
            )
            return replace(state, escalations=decided)
        case _:
            return state


def _appealed(state: OrderState, moment: datetime) -> OrderState | Refused:
    expires = appeal_expires_at(state.order)
    if expires is None:
        return Refused("The order grants no appeal.")
    if state.appeal_lodged_at is not None:
        return Refused("An appeal was lodged already.")
    if moment >= expires:
        return Refused("The time to appeal is over; a court that admits it late suspends or stays the order.")
    return replace(state, appeal_lodged_at=moment)


def _varied(state: OrderState, new: Order | None) -> OrderState | Refused:
    old = state.order
    if new is None:
        return Refused("A variation must bring the order's next revision.")
    if new.id != old.id or new.revision != old.revision + 1:
        return Refused(f"The next revision of {old.id} is number {old.revision + 1}.")
    if new.authority.name != old.authority.name:
        return Refused("Only the authority that made an order can vary it.")
    # What was shown stays shown where the duty, its artefacts and the people it is about are the same.
    same = {
        o.id
        for o in new.obligations
        if old.obligation(o.id) == o and old.scope_of(o) == new.scope_of(o) and old.artefacts == new.artefacts
    }
    kept = tuple(f for f in state.fulfilments if f.obligation_id in same)
    suspended = state.state in PAUSED_STATES
    return replace(
        state,
        order=new,
        fulfilments=kept,
        appeal_lodged_at=state.appeal_lodged_at if suspended else None,
        appeal_disposed_at=state.appeal_disposed_at if suspended else None,
    )


def _fulfilled(state: OrderState, event: Event) -> OrderState | Refused:
    fulfilment = event.fulfilment
    if fulfilment is None or fulfilment.at != event.at:
        return Refused("A fulfilment must say what was met, at the moment of the event.")
    obligation = state.order.obligation(fulfilment.obligation_id)
    if obligation is None:
        return Refused(f"The order has no obligation {fulfilment.obligation_id}.")
    if state.fulfilment(obligation.id) is not None:
        return Refused(f"Obligation {obligation.id} is on record as met.")
    waiting = [id_ for id_ in obligation.depends_on if state.fulfilment(id_) is None]
    if waiting:
        return Refused(f"Obligation {obligation.id} waits for {', '.join(waiting)}.")
    missing = [n.kind.value for n in obligation.evidence if n.kind not in {s.kind for s in fulfilment.shown}]
    if missing:
        return Refused(f"Obligation {obligation.id} lacks {', '.join(missing)}.")
    if obligation.verb is Verb.ERASE:
        refused = _not_erased(state, fulfilment)
        if refused is not None:
            return refused
    return replace(state, fulfilments=(*state.fulfilments, fulfilment))


def _not_erased(state: OrderState, fulfilment: Fulfilment) -> Refused | None:
    allowed = may_destroy(state, fulfilment.obligation_id)
    if isinstance(allowed, Refused):
        return allowed
    if state.open_escalations:
        return Refused("A conflict with a duty to keep evidence is not decided.")
    confirmed = {a.holder for a in fulfilment.absences if a.absent and a.remaining == 0}
    denied = {a.holder for a in fulfilment.absences if not a.absent or a.remaining != 0}
    silent = (set(fulfilment.holders) - confirmed) | denied
    if not fulfilment.holders or silent:
        names = ", ".join(sorted(silent)) or "any keeper"
        return Refused(f"Absence is not confirmed by {names}.")
    if fulfilment.recipients_silent != 0:
        return Refused(f"{fulfilment.recipients_silent} recipients of released candidates have not answered.")
    return None


def _completed(state: OrderState) -> OrderState | Refused:
    if state.open_obligations:
        return Refused(f"Nothing on record shows: {', '.join(state.open_obligations)}.")
    if state.open_escalations:
        return Refused("A conflict with a duty to keep evidence is not decided.")
    return state
