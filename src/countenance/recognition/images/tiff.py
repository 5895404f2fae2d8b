"""Reads the first directory of a TIFF and writes it anew, without metadata, previews and further pages.

Rules kept here: every value lies inside the file, and together they are no longer than the file, so that many
entries cannot each copy the same bytes. No sub-directory is followed. Source: TIFF revision 6.0, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import error, pack, unpack_from

from countenance.errors import ImageTooLarge, ImageTruncated
from countenance.recognition.images.headers import Header

_WIDTH, _HEIGHT, _BITS, _ORIENTATION = 256, 257, 258, 274
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_SINGLE = frozenset(
    {_WIDTH, _HEIGHT, 259, 262, 266, _ORIENTATION, 277, 278, 284, 292, 293, 317, _TILE_WIDTH, _TILE_HEIGHT}
)
"""Tags with one number: sizes, compression, colours, fill order, samples, rows a strip, planes, predictor."""

_SERIES = frozenset({_BITS, 273, 279, 320, 324, 325, 332, 338, 339, 347, 529, 530, 531, 532})
"""Tags with several: bits, where strips and tiles are, palette, extra samples, JPEG tables, YCbCr details."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I"}
_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class _Entry:
    """One directory entry: its twelve bytes as they are, and its first number, if it is a number."""

    raw: bytes
    first: int | None


def tiff(data: bytes) -> Header:
    """The header of a TIFF; ``drawing`` has one directory, with the entries that draw and no orientation."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = unpack_from(order + "I", data, 4)
    entries = _entries(data, order, start)
    width, height = _number(entries, _WIDTH), _number(entries, _HEIGHT)
    if width is None or height is None:
        raise ImageTruncated("the header does not describe a picture")
    tile = (_number(entries, _TILE_WIDTH) or 0) * (_number(entries, _TILE_HEIGHT) or 0)
    if tile > max(4 * width * height, 1 << 24):
        raise ImageTooLarge("the picture is stored in tiles that are much larger than itself")
    turned = _number(entries, _ORIENTATION)
    return Header(
        _rewritten(data, order, {tag: entry for tag, entry in entries.items() if tag != _ORIENTATION}),
        width,
        height,
        _pages(data, order, start),
        turned if turned is not None and 1 <= turned <= 8 else 1,
        _number(entries, _BITS) or 1,
    )


def _entries(data: bytes, order: str, start: int) -> dict[int, _Entry]:
    (count,) = unpack_from(order + "H", data, start)
    entries: dict[int, _Entry] = {}
    total = 0
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values = unpack_from(order + "HHI", data, at)
        if tag not in _SINGLE | _SERIES or tag in entries or kind not in _SIZES or values == 0:
            continue
        if tag in _SINGLE and values != 1:
            raise ImageTruncated("the header gives several values where there is one")
        size = _SIZES[kind] * values
        place = at + 8
        if size > 4:
            (place,) = unpack_from(order + "I", data, at + 8)
            total += size
        if place + size > len(data) or total > len(data):
            raise ImageTruncated("the file ends in the middle of its header")
        first = unpack_from(order + _NUMBERS[kind], data, place)[0] if kind in _NUMBERS else None
        entries[tag] = _Entry(data[at : at + 12], first)
    return entries


def _number(entries: dict[int, _Entry], tag: int) -> int | None:
    entry = entries.get(tag)
    return None if entry is None else entry.first


def _rewritten(data: bytes, order: str, entries: dict[int, _Entry]) -> bytes:
    """The file with one new directory at its end. Strips, tiles and long values stay where they were."""
    padding = b"\x00" * (len(data) & 1)
    directory = pack(order + "H", len(entries)) + b"".join(entries[tag].raw for tag in sorted(entries))
    start = pack(order + "I", len(data) + len(padding))
    return b"".join((data[:4], start, memoryview(data)[8:], padding, directory, b"\x00\x00\x00\x00"))


def _pages(data: bytes, order: str, start: int) -> int:
    """How many directories the file chains together, up to a loop, a damaged one, or ``_PAGES``."""
    seen: set[int] = set()
    while start and start not in seen and len(seen) < _PAGES:
        try:
            (count,) = unpack_from(order + "H", data, start)
            (following,) = unpack_from(order + "I", data, start + 2 + 12 * count)
        except error:
            break
        seen.add(start)
        start = following
    return max(1, len(seen))
