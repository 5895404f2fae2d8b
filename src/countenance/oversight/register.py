"""The public register: who has been using the data, in counts.

Rules kept here:

* Anybody may read it. It names no customer, no person and no subject.
* Every count of customers and of what they did that is below five is suppressed (None), zero included, so that a
  difference between two days tells of nobody. There are no totals, from which a suppressed count could be found.
* Orders are acts of authorities and are counted as they are.
* What is counted stays counted when a subject is erased.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from countenance import clock
from countenance.clock import Clock
from countenance.custody.orders.desk import Desk
from countenance.oversight.gate import REFUSALS, RELEASES, SEARCHES
from countenance.store import customers
from countenance.store.database import Database

SMALLEST = 5
"""Counts below this are not published."""


@dataclass(frozen=True, slots=True)
class RegisterLine:
    """Customers alike; None stands for fewer than five."""

    customer_class: str
    jurisdiction: str
    legal_basis: str
    customers: int | None
    searches: int | None
    releases: int | None
    refusals: int | None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "class": self.customer_class,
            "jurisdiction": self.jurisdiction,
            "legal_basis": self.legal_basis,
            "customers": self.customers,
            "searches": self.searches,
            "releases": self.releases,
            "refusals": self.refusals,
        }


@dataclass(frozen=True, slots=True)
class PublicRegister:
    """The register at one moment."""

    at_utc: str
    lines: tuple[RegisterLine, ...]
    orders: tuple[tuple[str, int], ...]
    """States and how many orders are in them."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "at": self.at_utc,
            "suppressed_below": SMALLEST,
            "customers": [line.as_dict() for line in self.lines],
            "orders": dict(self.orders),
        }


class Registrar:
    """Makes the register of one gallery."""

    def __init__(self, database: Database, desk: Desk, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._clock = clock

    def register(self) -> PublicRegister:
        """The register now."""
        with self._database.read() as connection:
            alike = Counter(
                (row.customer_class, row.jurisdiction, row.legal_basis) for row in customers.everyone(connection)
            )
            counted = customers.counted(connection)
        states = Counter(docket.state.state.value for docket in self._desk.everything())
        return drawn_up(self._clock.now(), alike, counted, states)


def drawn_up(
    at: datetime,
    alike: Counter[tuple[str, str, str]],
    counted: Sequence[tuple[str, str, str, str, int]],
    orders: Counter[str],
) -> PublicRegister:
    """The register of these counts. Pure."""
    done = {(*key, what): number for *key, what, number in counted}
    lines = tuple(
        RegisterLine(
            *key, suppressed(number), *(suppressed(done.get((*key, w), 0)) for w in (SEARCHES, RELEASES, REFUSALS))
        )
        for key, number in sorted(alike.items())
    )
    return PublicRegister(clock.to_text(at), lines, tuple(sorted(orders.items())))


def suppressed(count: int) -> int | None:
    """``count``, or None when it is below five."""
    return count if count >= SMALLEST else None
