"""Time is passed in, never read from the side: tests turn the clock, and a clock set back is noticed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Anything that can say what time it is."""

    def now(self) -> datetime:
        """The present moment, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The machine's idea of the present moment, in UTC, to the microsecond."""
        return datetime.now(UTC)


class SteppedClock:
    """A clock that stands still until it is moved; for tests, simulations and rehearsals of an order."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs a time zone")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The moment the clock was last set to."""
        return self._now

    def step(self, by: timedelta) -> None:
        """Move the clock by ``by``; negative sets it back."""
        self._now += by


def to_text(moment: datetime) -> str:
    """``moment`` as RFC 3339 in UTC with a ``Z``, whole seconds dropped nowhere: microseconds are kept if any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The moment that :func:`to_text` wrote. Raises ValueError for text without a time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
