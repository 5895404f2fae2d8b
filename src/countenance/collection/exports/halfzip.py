"""The front half of a ZIP archive whose directory, which stands at the end, never arrived.

Rules kept here: what is whole is read from the members' own headers (APPNOTE.TXT 4.3.7), front to back; the first
thing that is not whole ends it, and is named.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from countenance.collection.exports.containers import MOST_MEMBERS, Member, Read, Unread, Wanted
from countenance.collection.exports.paths import danger, normal, zip_name
from countenance.errors import ArchiveBomb, ArchiveEncrypted, ArchiveUnreadable, EntryTooLarge, EntryUnsafe

_HEADER = struct.Struct("<4s5H3L2H")
_LOCAL = b"PK\x03\x04"
_STORED, _DEFLATED = 0, 8
_LARGEST = 256 * 1024 * 1024
"""Nothing larger is looked for in a damaged archive."""


@dataclass(frozen=True, slots=True)
class _Place:
    member: Member | Unread
    start: int
    end: int
    method: int


class HalfZip:
    """What can still be read of a damaged or incomplete ZIP archive."""

    afar = False

    def __init__(self, path: Path) -> None:
        self.label = path.name
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._places = list(islice(self._scan(), MOST_MEMBERS + 1))
        if len(self._places) > MOST_MEMBERS:
            raise ArchiveBomb(f"{self.label} holds more than {MOST_MEMBERS:,} files.")

    def names(self) -> Iterator[Member | Unread]:
        """As ``Container.names``; the last one says where the archive ends."""
        for place in self._places:
            yield place.member
        yield Unread(
            self.label,
            ArchiveUnreadable(
                f"{self.label} is incomplete: {len(self._places):,} whole files were found before its end."
            ),
        )

    def stream(self, wanted: Wanted) -> Iterator[tuple[Member, Read]]:
        """As ``Container.stream``."""
        for place in self._places:
            if isinstance(place.member, Member) and wanted(normal(place.member.name)):
                yield place.member, self._reader(place)

    def _reader(self, place: _Place) -> Read:
        def read(limit: int) -> bytes:
            packed = self._data[place.start : place.end]
            try:
                data = packed if place.method == _STORED else zlib.decompressobj(-15).decompress(packed, limit + 1)
            except zlib.error as error:
                raise ArchiveUnreadable(f"{place.member.name} in {self.label} is damaged.") from error
            if len(data) > limit:
                raise EntryTooLarge(f"{place.member.name} has more than {limit:,} bytes.")
            return data

        return read

    def _scan(self) -> Iterator[_Place]:
        at = 0
        while at + _HEADER.size <= len(self._data):
            fields = _HEADER.unpack_from(self._data, at)
            mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = fields
            if mark != _LOCAL:
                return
            start = at + _HEADER.size + name_length + extra_length
            raw = self._data[at + _HEADER.size : at + _HEADER.size + name_length]
            name = zip_name(
                raw.decode("utf-8" if flags & 0x800 else "cp437", "replace"), marked_utf8=bool(flags & 0x800)
            )
            if flags & 0x1 or method not in {_STORED, _DEFLATED}:
                error = ArchiveEncrypted(f"{name} in {self.label} is encrypted or packed in an unknown way.")
                yield _Place(Unread(name, error), start, start, method)
                return
            if flags & 0x8:  # the sizes stand behind the data
                found = self._inflated_end(start) if method == _DEFLATED else None
                if found is None:
                    return
                end, crc, size = found
                after = end + (16 if self._data[end : end + 4] == b"PK\x07\x08" else 12)
            else:
                end = after = start + packed
                if end > len(self._data):
                    return
            why = danger(name)
            member: Member | Unread = Member(name, size, f"{size}:{crc:08x}")
            if why is not None:
                member = Unread(name, EntryUnsafe(f"{name[:200]} in {self.label}: {why}."))
            if not name.endswith("/"):
                yield _Place(member, start, end, method)
            at = after

    def _inflated_end(self, start: int) -> tuple[int, int, int] | None:
        """Where a packed member ends, its checksum and size; None when it is not whole."""
        inflate, crc, size, at = zlib.decompressobj(-15), 0, 0, start
        try:
            while not inflate.eof:
                part = self._data[at : at + 65536]
                if not part or size > _LARGEST:
                    return None
                at += len(part)
                while part and not inflate.eof:
                    out = inflate.decompress(part, 1 << 20)
                    crc, size = zlib.crc32(out, crc), size + len(out)
                    part = inflate.unconsumed_tail
        except zlib.error:
            return None
        return at - len(inflate.unused_data), crc, size
