"""What a source hands to the collector: one picture at a time, and what was said of it where it came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""No digital photograph is older; a listing that says so means "unknown"."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an export or a page says of a picture. Positions are degrees, WGS 84."""

    caption: str = ""
    taken_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None

    def over(self, other: Told) -> Told:
        """This, with what it leaves open taken from ``other``."""
        placed = self.latitude is not None and self.longitude is not None
        return Told(
            self.caption or other.caption,
            other.taken_at if self.taken_at is None else self.taken_at,
            self.latitude if placed else other.latitude,
            self.longitude if placed else other.longitude,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A picture that can be read. ``stamp`` changes when the file does, without its being read."""

    name: str
    stamp: str
    read: Callable[[], bytes]
    """The bytes; may be called once, before the next item is asked for. Raises CollectionError."""
    told: Told = field(default_factory=Told)
    grant_id: str | None = None
    afar: bool = False
    """The bytes come over a network: ``read`` may be called later, in any thread, and for several items at once."""
    size_bytes: int = 0
    """As listed, of what is ``afar``."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that was not looked at, and why."""

    name: str
    code: str
    message: str
    remedy: str = ""


def moment(seconds: float) -> datetime | None:
    """The moment that many seconds (or milliseconds) after 1970, or None when it makes no sense."""
    try:
        at = datetime.fromtimestamp(seconds / 1000 if abs(seconds) > 1e11 else seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return at if at >= EARLIEST else None
