"""A scope: the tree of predicates by which an order says whom it protects.

Rules kept here:

* A tree has leaves, ``all`` of several and ``any`` of several. There is no *not*: an order that protects
  "everyone except" would widen when evidence is missing and nobody could say how far.
* A branch with nothing in it is ScopeEmpty; "all of nothing" would mean everyone.
* Customers and subjects do not mix in one tree (ScopeMixed).
* A leaf about places says *when*: one day, a span of days, or the day on which the order is carried out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from countenance.custody.residency.evidence import Predicate
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.places import Place
from countenance.errors import ScopeEmpty, ScopeMixed


class CustomerClass(StrEnum):
    """The classes of customer that orders have told apart."""

    ANY = "any"
    PRIVATE = "private"
    PUBLIC_AUTHORITY = "public_authority"


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` to ``end``, both included; an open end is the day on which the scope is evaluated."""

    start: date | None
    end: date | None

    def resolve(self, on: date) -> Interval:
        """The days meant when the scope is evaluated on ``on``."""
        end = on if self.end is None else self.end
        if self.start is not None and end < self.start:
            end = self.start
        return Interval(self.start, end)


@dataclass(frozen=True, slots=True)
class AtExecution:
    """The day on which the order is carried out."""

    def resolve(self, on: date) -> Interval:
        """The one day ``on``."""
        return Interval.day(on)


When = Span | AtExecution


@dataclass(frozen=True, slots=True)
class InPlace:
    """A leaf: a predicate about a subject's or an image's place."""

    predicate: Predicate
    place: Place
    when: When


@dataclass(frozen=True, slots=True)
class Named:
    """A leaf: one subject, by the name it has in the gallery."""

    name: str

    @property
    def key(self) -> str:
        """The name as it is compared."""
        return comparable_name(self.name)


@dataclass(frozen=True, slots=True)
class Customers:
    """A leaf: customers of a class in a place."""

    place: Place
    customer_class: CustomerClass
    when: When


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part must hold. Raises ScopeEmpty without parts."""

    parts: tuple[Scope, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ScopeEmpty("The scope has an “all” with nothing in it.")


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part must hold. Raises ScopeEmpty without parts."""

    parts: tuple[Scope, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ScopeEmpty("The scope has an “any” with nothing in it.")


Leaf = InPlace | Named | Customers
Scope = InPlace | Named | Customers | AllOf | AnyOf


def leaves(scope: Scope) -> Iterator[Leaf]:
    """Every leaf of ``scope``, left to right."""
    match scope:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            yield scope


def is_about_customers(scope: Scope) -> bool:
    """True for a scope of customers, False for one of subjects. Raises ScopeMixed for both at once."""
    kinds = {isinstance(leaf, Customers) for leaf in leaves(scope)}
    if len(kinds) > 1:
        raise ScopeMixed("The scope mixes customers with subjects.")
    return kinds.pop()


def means_everyone(scope: Scope) -> bool:
    """True when ``scope`` takes in every subject or customer, whatever the evidence says."""
    match scope:
        case AllOf(parts):
            return all(means_everyone(part) for part in parts)
        case AnyOf(parts):
            return any(means_everyone(part) for part in parts)
        case InPlace(place=place):
            return place.is_world
        case Customers(place=place, customer_class=customer_class):
            return place.is_world and customer_class is CustomerClass.ANY
        case Named():
            return False


def comparable_name(name: str) -> str:
    """``name`` with case, width and spacing made alike (Unicode NFKC, case folded), for equality only."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
