"""Stretches of days. Residence is a set of them; a scope asks about one.

Rules kept here: days are local calendar days without a time of day; both ends are included; None is an open end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from countenance.errors import DateImpossible


@dataclass(frozen=True, slots=True)
class Interval:
    """The days from ``start`` to ``end``, both included. Raises DateImpossible when it ends before it starts."""

    start: date | None = None
    end: date | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise DateImpossible(f"The interval from {self.start} to {self.end} ends before it starts.")

    @classmethod
    def day(cls, day: date) -> Interval:
        """The interval of one day."""
        return cls(day, day)

    def overlaps(self, other: Interval) -> bool:
        """True when the two have a day in common."""
        return _starts_by(self, other.end) and _starts_by(other, self.end)


def covers(parts: Iterable[Interval], whole: Interval) -> bool:
    """True when every day of ``whole`` lies in one of ``parts``; an open end is covered only by an open end."""
    ordered = sorted(parts, key=lambda part: part.start or date.min)
    reached: date | None = whole.start
    open_start = whole.start is None
    for part in ordered:
        if open_start:
            if part.start is not None:
                return False
        elif part.start is not None and reached is not None and part.start > reached:
            return False
        if part.end is None:
            return True
        if open_start or (reached is not None and part.end >= reached):
            open_start = False
            if part.end == date.max:
                return whole.end is not None
            reached = max(part.end + timedelta(days=1), reached or date.min)
        if whole.end is not None and reached is not None and reached > whole.end:
            return True
    return False


def _starts_by(interval: Interval, day: date | None) -> bool:
    return interval.start is None or day is None or interval.start <= day
