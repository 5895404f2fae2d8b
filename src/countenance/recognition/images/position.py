"""Where and when a camera says that it took a photograph: the position and the day in EXIF, and nothing else of it.

Rules kept here: the bytes may be anything; whatever is damaged, incomplete or off the Earth is None, never a guess.
Nothing here looks at the picture.

Source: EXIF 2.32 (CIPA DC-008), 4.6.3 and 4.6.6: tags 0x8825, 0x8769, 0x9003 and GPS tags 1 to 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from struct import error, unpack_from

_BLOCK = re.compile(rb"(?:Exif\x00\x00|eXIf|EXIF.{4})(?=II\*\x00|MM\x00\*)", re.DOTALL)
"""How JPEG and HEIC, PNG, and WebP introduce a block; a TIFF file is one itself."""
_MOST_ENTRIES = 500
_GPS, _DETAILS, _TAKEN = 0x8825, 0x8769, 0x9003
_RATIONAL, _ASCII = 5, 2


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees, WGS 84, north and east positive; the local day, where the camera says it."""

    latitude: float
    longitude: float
    taken_on: date | None


def position(data: bytes) -> Position | None:
    """The position in the metadata of an image file's bytes, or None."""
    start = 0 if data[:4] in (b"II*\x00", b"MM\x00*") else None
    if start is None:
        found = _BLOCK.search(data)
        if found is None:
            return None
        start = found.end()
    try:
        return _position(memoryview(data)[start:])
    except (error, ValueError, ZeroDivisionError, OverflowError):
        return None


def _position(block: memoryview) -> Position | None:
    order = "<" if bytes(block[:2]) == b"II" else ">"
    (first,) = unpack_from(order + "I", block, 4)
    tags = _directory(block, order, first)
    if _GPS not in tags:
        return None
    (at,) = unpack_from(order + "I", block, tags[_GPS][2])
    gps = _directory(block, order, at)
    if not {1, 2, 3, 4} <= gps.keys():
        return None
    latitude = _degrees(block, order, gps[2]) * _sign(block, gps[1], b"N", b"S")
    longitude = _degrees(block, order, gps[4]) * _sign(block, gps[3], b"E", b"W")
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Position(latitude, longitude, _day(block, order, tags))


def _directory(block: memoryview, order: str, at: int) -> dict[int, tuple[int, int, int]]:
    """Tag to (kind, count, where its value or the value's offset stands)."""
    (entries,) = unpack_from(order + "H", block, at)
    found: dict[int, tuple[int, int, int]] = {}
    for place in range(at + 2, at + 2 + 12 * min(entries, _MOST_ENTRIES), 12):
        tag, kind, count = unpack_from(order + "HHI", block, place)
        found.setdefault(tag, (kind, count, place + 8))
    return found


def _degrees(block: memoryview, order: str, entry: tuple[int, int, int]) -> float:
    kind, count, place = entry
    if kind != _RATIONAL or count != 3:
        raise ValueError("not degrees, minutes and seconds")
    (at,) = unpack_from(order + "I", block, place)
    parts = unpack_from(order + "6I", block, at)
    # Seconds of 0/0 mean "not given" (EXIF 2.32, 4.6.6).
    degrees, minutes = parts[0] / parts[1], parts[2] / parts[3]
    seconds = 0.0 if parts[4] == 0 else parts[4] / parts[5]
    return float(degrees + minutes / 60 + seconds / 3600)


def _sign(block: memoryview, entry: tuple[int, int, int], plus: bytes, minus: bytes) -> int:
    letter = bytes(block[entry[2] : entry[2] + 1])
    if letter not in (plus, minus):
        raise ValueError("no hemisphere")
    return 1 if letter == plus else -1


def _day(block: memoryview, order: str, tags: dict[int, tuple[int, int, int]]) -> date | None:
    if _DETAILS not in tags:
        return None
    try:
        (at,) = unpack_from(order + "I", block, tags[_DETAILS][2])
        kind, count, place = _directory(block, order, at).get(_TAKEN, (0, 0, 0))
        if kind != _ASCII or count < 11:
            return None
        (text_at,) = unpack_from(order + "I", block, place)
        return date.fromisoformat(bytes(block[text_at : text_at + 10]).decode("ascii").replace(":", "-"))
    except (error, ValueError):
        return None
