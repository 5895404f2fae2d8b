"""Which customers are kept out just now: by the operator's blocks, and by orders that demand it.

Rules kept here: nothing is copied from an order; its obligations are read at every question, so that serving,
varying or setting aside an order takes effect at once. An order that was set aside or has run out bars on as
long as its freeze was not released, as it does for subjects.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from countenance.clock import Clock
from countenance.custody.orders.desk import Desk
from countenance.custody.orders.model import CUSTOMER_VERBS
from countenance.custody.orders.state import OrderState, State
from countenance.custody.residency import scope
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.scope import Customers, leaves
from countenance.oversight.parties import ORDERED_CLASSES, CustomerClass
from countenance.oversight.policy import Bar
from countenance.store import customers
from countenance.store.database import Database

_OVER = frozenset({State.SET_ASIDE, State.EXPIRED})


class Bars:
    """The bars of one gallery."""

    def __init__(self, database: Database, desk: Desk, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock

    def now(self) -> list[Bar]:
        """Every bar that stands now, the standing ones of the policy left out."""
        with self._database.read() as connection:
            rows = customers.blocks(connection)
        own = [Bar(classes_of(row.customers), row.jurisdiction, row.ground) for row in rows]
        today = self._clock.now().date()
        return own + [bar for docket in self._desk.everything() for bar in _ordered(docket.state, today)]


def classes_of(word: str) -> frozenset[CustomerClass]:
    """The classes that a word means: one, or ``any``, ``private``, ``public_authority``. Raises ValueError."""
    try:
        return ORDERED_CLASSES[scope.CustomerClass(word)]
    except ValueError:
        return frozenset({CustomerClass(word)})


def _ordered(state: OrderState, today: date) -> Iterator[Bar]:
    """The bars that one order demands. A scope of several parts bars whomever any part names: doubt narrows."""
    if state.state is State.DRAFT or (state.state in _OVER and not state.frozen):
        return
    for obligation in state.order.obligations:
        if obligation.verb not in CUSTOMER_VERBS:
            continue
        for leaf in leaves(state.order.scope_of(obligation)):
            if isinstance(leaf, Customers) and leaf.when.resolve(today).overlaps(Interval.day(today)):
                yield Bar(ORDERED_CLASSES[leaf.customer_class], leaf.place.code, f"order {state.order.id}")
