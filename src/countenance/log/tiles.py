"""How the tree lies on disk: C2SP tlog-tiles, so that a plain web server can publish it and anyone can check it.

Rules kept here:

* A tile is 256 hashes; the tile above holds the roots of full tiles; the last of a level may be partial.
* Names and bytes follow from the size of the tree alone. Nothing that a checkpoint covers is ever rewritten:
  growing writes new files beside the old ones.
* Only paths and bytes here; who makes them durable is :mod:`countenance.log.durable`.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import InputInvalid, LogDamaged
from countenance.log.merkle import EMPTY_ROOT, HASH_BYTES, LeafHashes, leaf_hash, node_hash, root

TILE_WIDTH = 256
TILE_HEIGHT = 8
ENTRIES = "entries"
_TILES_IN_MEMORY = 64


def tile_path(level: int | str, index: int, width: int = TILE_WIDTH) -> str:
    """Path of a tile below the log's folder; ``level`` is a number or :data:`ENTRIES`, ``width`` 1 to 256."""
    digits = f"{index % 1000:03d}"
    rest = index // 1000
    while rest:
        digits = f"x{rest % 1000:03d}/{digits}"
        rest //= 1000
    return f"tile/{level}/{digits}" + ("" if width == TILE_WIDTH else f".p/{width}")


_PATH = re.compile(
    r"tile/(\d|[1-5]\d|6[0-3]|entries)/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d?|1\d\d|2[0-4]\d|25[0-5]))?", re.ASCII
)


def parse_path(path: str) -> tuple[int | str, int, int]:
    """Level, index and width of a path that :func:`tile_path` wrote. Raises InputInvalid for any other."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise InputInvalid("That is no path of a tile.")
    level, digits, width = found.groups()
    index = int(digits.replace("x", "").replace("/", ""))
    parsed = (level if level == ENTRIES else int(level), index, TILE_WIDTH if width is None else int(width))
    if tile_path(*parsed) != path:
        raise InputInvalid("That is no path of a tile.")
    return parsed


def widths(size: int) -> tuple[int, ...]:
    """Width of the rightmost, partial tile of each level in a tree of ``size`` leaves; 0 where there is none."""
    found: list[int] = []
    while size:
        found.append(size % TILE_WIDTH)
        size //= TILE_WIDTH
    return tuple(found)


def expected_paths(size: int) -> Iterable[tuple[int | str, int, int]]:
    """Every (level, index, width) that a tree of ``size`` leaves consists of, bundles of entries first."""
    count, level = size, 0
    names: list[int | str] = [ENTRIES]
    while count:
        for name in [*names, level]:
            for index in range(count // TILE_WIDTH):
                yield name, index, TILE_WIDTH
            if count % TILE_WIDTH:
                yield name, count // TILE_WIDTH, count % TILE_WIDTH
        names, count, level = [], count // TILE_WIDTH, level + 1


def pack_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle: each after its length in two bytes, big-endian."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unpack_bundle(data: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle. Raises LogDamaged when it ends in the middle of one."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(data) - at < 2 or len(entry) != length:
            raise LogDamaged("a bundle of entries ends in the middle of an entry")
        found.append(entry)
        at += 2 + length
    return tuple(found)


def unpack_tile(data: bytes) -> tuple[bytes, ...]:
    """The hashes of a tile. Raises LogDamaged when its length is not a whole number of hashes."""
    if len(data) % HASH_BYTES:
        raise LogDamaged("a tile ends in the middle of a hash")
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """Root over the 256 hashes of a full tile: one hash of the level above."""
    return root(LeafHashes(hashes), len(hashes))


def read_tile(folder: Path, level: int | str, index: int, width: int) -> bytes:
    """Bytes of a tile of at least ``width``: the partial one, or the full one that took its place.

    Raises LogDamaged when neither is there.
    """
    for candidate in (width, TILE_WIDTH):
        try:
            return (folder / tile_path(level, index, candidate)).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise LogDamaged(f"{tile_path(level, index, width)} is missing")


class TileReader:
    """The complete subtrees of a log on disk, read tile by tile, the last few kept in memory.

    Not for several threads; each proof makes its own.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._held: OrderedDict[tuple[int, int], LeafHashes] = OrderedDict()

    def complete(self, height: int, index: int) -> bytes:
        """See :class:`countenance.log.merkle.Subtrees`. Raises LogDamaged."""
        level, within = divmod(height, TILE_HEIGHT)
        first = index << within
        tile = self._tile(level, first // TILE_WIDTH)
        return tile.complete(within, (first % TILE_WIDTH) >> within)

    def _tile(self, level: int, index: int) -> LeafHashes:
        if (level, index) in self._held:
            self._held.move_to_end((level, index))
            return self._held[level, index]
        count = self._size // TILE_WIDTH**level
        width = min(TILE_WIDTH, count - index * TILE_WIDTH)
        hashes = unpack_tile(read_tile(self._folder, level, index, width))
        if len(hashes) < width:
            raise LogDamaged(f"{tile_path(level, index, width)} is cut short")
        tile = self._held[level, index] = LeafHashes(hashes[:width])
        if len(self._held) > _TILES_IN_MEMORY:
            self._held.popitem(last=False)
        return tile


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of the tree: all that has to be known to make it grow."""

    size: int = 0
    levels: tuple[tuple[bytes, ...], ...] = ()
    """Hashes of the partial tile of each level, lowest first."""
    bundle: tuple[bytes, ...] = ()
    """Entries of the partial bundle."""

    @classmethod
    def read(cls, folder: Path, size: int) -> Edge:
        """The edge of the log in ``folder`` at ``size``. Raises LogDamaged when it does not fit that size."""
        levels: list[tuple[bytes, ...]] = []
        bundle: tuple[bytes, ...] = ()
        for level, width in enumerate(widths(size)):
            index = size // TILE_WIDTH ** (level + 1)
            hashes = unpack_tile(read_tile(folder, level, index, width)) if width else ()
            if len(hashes) < width:
                raise LogDamaged(f"{tile_path(level, index, width)} is cut short")
            levels.append(hashes[:width])
        if size % TILE_WIDTH:
            width, index = size % TILE_WIDTH, size // TILE_WIDTH
            bundle = unpack_bundle(read_tile(folder, ENTRIES, index, width))[:width]
            if tuple(leaf_hash(entry) for entry in bundle) != levels[0]:
                raise LogDamaged(f"{tile_path(ENTRIES, index, width)} does not fit its leaf hashes")
        return cls(size, tuple(levels), bundle)

    def grow(self, entries: Sequence[bytes]) -> tuple[Edge, dict[str, bytes]]:
        """The edge after ``entries``, and the files, path to bytes, to be written before it may be relied on."""
        files: dict[str, bytes] = {}
        bundle = [*self.bundle, *entries]
        first = self.size // TILE_WIDTH
        for offset in range(0, len(bundle), TILE_WIDTH):
            part = bundle[offset : offset + TILE_WIDTH]
            files[tile_path(ENTRIES, first + offset // TILE_WIDTH, len(part))] = pack_bundle(part)
        rising = [leaf_hash(entry) for entry in entries]
        levels: list[tuple[bytes, ...]] = []
        level = 0
        while rising or level < len(self.levels):
            held = self.levels[level] if level < len(self.levels) else ()
            row = [*held, *rising]
            index = self.size // TILE_WIDTH ** (level + 1)
            above: list[bytes] = []
            while len(row) >= TILE_WIDTH:
                files[tile_path(level, index)] = b"".join(row[:TILE_WIDTH])
                above.append(tile_root(row[:TILE_WIDTH]))
                row, index = row[TILE_WIDTH:], index + 1
            if rising and row:
                files[tile_path(level, index, len(row))] = b"".join(row)
            levels.append(tuple(row))
            rising, level = above, level + 1
        full = len(bundle) - len(bundle) % TILE_WIDTH
        return Edge(self.size + len(entries), tuple(levels), tuple(bundle[full:])), files

    def root(self) -> bytes:
        """Root of the whole tree, from its right edge alone (RFC 9162, 2.1.2)."""
        reached: bytes | None = None
        for row in self.levels:
            rest = list(row)
            while rest:
                width = len(rest) & -len(rest)
                part = root(LeafHashes(rest[-width:]), width)
                del rest[-width:]
                reached = part if reached is None else node_hash(part, reached)
        return EMPTY_ROOT if reached is None else reached

    def superseded(self, after: Edge) -> Iterable[str]:
        """Folders of partial tiles that full ones have replaced by the time of ``after``; they may be deleted."""
        for level, width in enumerate(widths(self.size)):
            index = self.size // TILE_WIDTH ** (level + 1)
            if width and after.size // TILE_WIDTH ** (level + 1) > index:
                yield tile_path(level, index) + ".p"
                if level == 0:
                    yield tile_path(ENTRIES, index) + ".p"
