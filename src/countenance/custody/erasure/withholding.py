"""Making searches agree with an order: who is taken out of them for it, and who is let back.

Rules kept here:

* Whoever an order reaches is held back while it is frozen, and nobody for an order that is not.
* A variation lets go whom the next revision reaches no longer, in the instant in which it holds the others back.
* Whoever is sealed for an undecided conflict with a duty to keep stays sealed until that is decided.
* Nothing else ends a freeze for anybody: what is told of a subject later does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from countenance.custody.orders.state import Event, EventKind, OrderState
from countenance.custody.residency.register import Judged
from countenance.store import feed, orders
from countenance.terms import SubjectId


@dataclass(frozen=True, slots=True)
class Moved:
    """How many subjects something has taken out of searches, and let back into them, for an order."""

    held_back: int = 0
    let_go: int = 0


def hold_back(connection: Connection, order_id: str, inside: Sequence[Judged]) -> int:
    """Take everybody ``inside`` out of searches for an order; returns how many it had not taken out before."""
    fresh = orders.hold_back(connection, order_id, [(one.subject_id, one.alike.decision.value) for one in inside])
    feed.announce_subjects(connection, feed.Change.REMOVE, fresh)
    return len(fresh)


def let_go(connection: Connection, order_id: str, only: Sequence[SubjectId] | None = None) -> int:
    """Hold nobody (or none of ``only``) back for an order any more; returns how many it had held back.

    Whoever another order holds back stays out of searches for that one.
    """
    gone = orders.let_go(connection, order_id, only)
    feed.announce_subjects(connection, feed.Change.ADD, gone)
    return len(gone)


def no_longer_reached(
    connection: Connection, order_id: str, inside: Sequence[Judged], may_go: Callable[[SubjectId], bool]
) -> list[SubjectId]:
    """Whom an order holds back although she is not ``inside`` any more, as far as she may go."""
    reached = {one.subject_id for one in inside}
    return [one for one in orders.members(connection, order_id) if one not in reached and may_go(one)]


def who_may_go(state: OrderState, event: Event) -> Callable[[SubjectId], bool] | None:
    """Of those whom the order reaches no longer, whom ``event`` lets go; None when it lets nobody go.

    A variation lets everybody go but whoever is in an open conflict, and the decision of that those it was about.
    """
    undecided = {number for one in state.open_escalations for number in one.subject_ids}
    if event.kind is EventKind.VARY:
        return lambda number: number not in undecided
    if event.kind is EventKind.RESOLVE and state.order.revision > 1:
        about = {number for one in state.escalations if one.hold_id == event.hold_id for number in one.subject_ids}
        return (about - undecided).__contains__
    return None
