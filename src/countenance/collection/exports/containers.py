"""Archives and folders as members that can be read one after the other, however hostile they are.

Rules kept here:

* Nothing is written to the disk, and a member is read only when it is wanted.
* A member is never believed about its size: reading stops at the limit, whatever the archive says.
* Links, devices, dangerous names and encrypted members are named and passed over; the rest goes on.
* What lies over something else, or would unpack to hundreds of times its size, is a bomb.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from countenance.collection.exports.paths import danger, normal, zip_name
from countenance.errors import (
    ArchiveBomb,
    ArchiveEncrypted,
    ArchiveUnreadable,
    CollectionError,
    EntryTooLarge,
    EntryUnsafe,
    SourceMissing,
)

MOST_MEMBERS = 2_000_000
MOST_TIMES_ITS_SIZE = 200
"""A member that unpacks to more than this many times its size is refused; photographs unpack to about once."""
_RATIO_FROM_BYTES = 8 * 1024 * 1024
_ENCRYPTED = 0x1
_UTF8 = 0x800
ZIP_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError, ValueError, struct.error
)  # fmt: skip
"""What the standard library raises about a damaged ZIP archive or one packed in a way that it does not know."""

Wanted = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a container. ``stamp`` changes when the file does."""

    name: str
    size_bytes: int
    stamp: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A member that may not be read, and why."""

    name: str
    error: CollectionError


Read = Callable[[int], bytes]
"""Reads a member, at most so many bytes; raises EntryTooLarge when there are more, or another CollectionError."""


class Container(Protocol):
    """A folder or an archive."""

    @property
    def label(self) -> str:
        """What messages call it: the file's name."""
        ...

    @property
    def afar(self) -> bool:
        """Whether its files come over a network; they may then be read in any order, several at once."""
        ...

    def names(self) -> Iterator[Member | Unread]:
        """Every file in it, without reading any."""
        ...

    def stream(self, wanted: Wanted) -> Iterator[tuple[Member, Read]]:
        """The files whose names are ``wanted``, in the container's own order; read each before the next, unless
        the container is ``afar``."""
        ...


def open_container(path: Path) -> Container:
    """The folder or archive at ``path``. Raises SourceMissing, ArchiveUnreadable, ArchiveBomb."""
    if path.is_dir():
        return Folder(path)
    try:
        with path.open("rb") as file:
            start = file.read(512)
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SourceMissing(f"{path} is not a file.")
    except OSError as error:
        raise SourceMissing(f"{path} cannot be read: {error.strerror or 'no such file'}.") from error
    if start.startswith(b"PK"):
        try:
            return Zip(path)
        except ZIP_DAMAGE:
            from countenance.collection.exports.halfzip import HalfZip

            return HalfZip(path)
    if start[257:262] == b"ustar" or start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        return Tar(path)
    raise ArchiveUnreadable(f"{path.name} is not a ZIP or TAR archive.")


class Folder:
    """A folder; links inside it are not followed."""

    afar = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self.label = path.name

    def names(self) -> Iterator[Member | Unread]:
        """As :meth:`Container.names`; folders in the order of their names."""
        for place, name in self._walk():
            if isinstance(place, OSError):
                yield Unread(name, SourceMissing(f"{name} cannot be read: {place.strerror or 'gone'}."))
                continue
            if place.is_symlink():
                yield Unread(name, EntryUnsafe(f"{name} is a link; links are not followed."))
                continue
            try:
                status = place.stat(follow_symlinks=False)
            except OSError as error:  # it went away while the folder was being listed
                yield Unread(name, SourceMissing(f"{name} cannot be read: {error.strerror or 'gone'}."))
                continue
            if not stat.S_ISREG(status.st_mode):
                yield Unread(name, EntryUnsafe(f"{name} is not a file but a pipe, a socket or a device."))
            else:
                yield Member(name, status.st_size, f"{status.st_size}:{status.st_mtime_ns}")

    def stream(self, wanted: Wanted) -> Iterator[tuple[Member, Read]]:
        """As :meth:`Container.stream`."""
        for member in self.names():
            if isinstance(member, Member) and wanted(normal(member.name)):
                yield member, _reader_of_file(f"{self._path}/{member.name}", member.name)

    def _walk(self) -> Iterator[tuple[os.DirEntry[str] | OSError, str]]:
        """Whatever is no folder, with its name in here; for a folder that cannot be listed, why."""
        # A stack, not a call for each folder in a folder: how deep they go is somebody else's choice.
        waiting: list[Iterator[tuple[os.DirEntry[str], str]]] = []
        try:
            waiting.append(_listed(self._path, ""))
        except OSError as error:
            raise SourceMissing(f"{self.label} cannot be read: {error.strerror or 'gone'}.") from error
        while waiting:
            one = next(waiting[-1], None)
            if one is None:
                waiting.pop()
                continue
            entry, name = one
            if not entry.is_dir(follow_symlinks=False):
                yield entry, name
                continue
            try:
                waiting.append(_listed(Path(entry.path), f"{name}/"))
            except OSError as error:
                yield error, name


def _listed(folder: Path, prefix: str) -> Iterator[tuple[os.DirEntry[str], str]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    return ((entry, f"{prefix}{entry.name}") for entry in entries)


def _reader_of_file(place: str, name: str) -> Read:
    def read(limit: int) -> bytes:
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                return within(file.read(limit + 1), limit, name)
        except OSError as error:
            raise SourceMissing(f"{name} cannot be read: {error.strerror or 'gone'}.") from error

    return read


class Zip:
    """A whole ZIP archive."""

    afar = False

    def __init__(self, path: Path | io.BufferedReader[Any], label: str = "") -> None:
        self.label = path.name if isinstance(path, Path) else label
        self._zip = zipfile.ZipFile(path)
        members = self._zip.infolist()
        if len(members) > MOST_MEMBERS:
            raise ArchiveBomb(f"{self.label} lists {len(members):,} files; at most {MOST_MEMBERS:,} are read.")
        _no_overlap(self.label, members)

    def names(self) -> Iterator[Member | Unread]:
        """As :meth:`Container.names`."""
        for info in self._zip.infolist():
            if not _is_folder(info):
                yield self._member(info)

    def stream(self, wanted: Wanted) -> Iterator[tuple[Member, Read]]:
        """As :meth:`Container.stream`."""
        for info in self._zip.infolist():
            if _is_folder(info):
                continue
            member = self._member(info)
            if isinstance(member, Member) and wanted(normal(member.name)):
                yield member, self._reader(info, member.name)

    def _member(self, info: zipfile.ZipInfo) -> Member | Unread:
        name = zip_name(info.filename, marked_utf8=bool(info.flag_bits & _UTF8))
        mode = info.external_attr >> 16
        why = danger(info.orig_filename if "\0" in info.orig_filename else name)
        if why is None and mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0):
            why = "it is a link or a device"
        if why is not None:
            return Unread(name, EntryUnsafe(f"{name[:200]} in {self.label}: {why}."))
        if info.flag_bits & _ENCRYPTED:
            return Unread(name, ArchiveEncrypted(f"{name} in {self.label} is encrypted."))
        if info.file_size > _RATIO_FROM_BYTES and info.file_size > MOST_TIMES_ITS_SIZE * max(1, info.compress_size):
            return Unread(
                name,
                ArchiveBomb(
                    f"{name} in {self.label} would unpack from {info.compress_size:,} to {info.file_size:,} bytes."
                ),
            )
        return Member(name, info.file_size, f"{info.file_size}:{info.CRC:08x}")

    def _reader(self, info: zipfile.ZipInfo, name: str) -> Read:
        def read(limit: int) -> bytes:
            try:
                with self._zip.open(info) as file:
                    return within(file.read(limit + 1), limit, name)
            except ZIP_DAMAGE as error:
                raise ArchiveUnreadable(
                    f"{name} in {self.label} is damaged or packed in an unknown way."
                ) from error

        return read


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # is_dir() of Python 3.11 fails on an empty name


def _no_overlap(label: str, members: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes make a small archive unpack to anything (Fifield, USENIX WOOT 2019)."""
    end = 0
    for info in sorted(members, key=lambda one: one.header_offset):
        if info.header_offset < end:
            raise ArchiveBomb(f"The files in {label} lie over each other.")
        end = info.header_offset + 30 + info.compress_size


class Tar:
    """A TAR archive, packed or not, read from front to back each time."""

    afar = False

    def __init__(self, path: Path) -> None:
        self.label = path.name
        self._path = path
        self._size = path.stat().st_size
        self._damage: CollectionError | None = None

    def names(self) -> Iterator[Member | Unread]:
        """As :meth:`Container.names`; where the archive is damaged, the last one says so."""
        for info, _ in self._walk():
            if info.isdir():
                continue
            why = danger(info.name)
            if why is None and not info.isreg():
                why = "it is a link or a device"
            if why is None:
                yield Member(info.name, info.size, f"{info.size}:{int(info.mtime)}")
            else:
                yield Unread(info.name, EntryUnsafe(f"{info.name[:200]} in {self.label}: {why}."))
        if self._damage is not None:
            yield Unread(self.label, self._damage)

    def stream(self, wanted: Wanted) -> Iterator[tuple[Member, Read]]:
        """As :meth:`Container.stream`."""
        for info, archive in self._walk():
            if info.isreg() and danger(info.name) is None and wanted(normal(info.name)):
                member = Member(info.name, info.size, f"{info.size}:{int(info.mtime)}")
                yield member, self._reader(archive, info)

    def _walk(self) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
        self._damage, unpacked, count = None, 0, 0
        try:
            # "r|*" reads forwards only, so a member is skipped by reading it, never by trusting an offset.
            with tarfile.open(self._path, "r|*") as archive:
                for info in archive:
                    unpacked, count = unpacked + max(0, info.size) + 512, count + 1
                    if count > MOST_MEMBERS or unpacked > MOST_TIMES_ITS_SIZE * self._size + _RATIO_FROM_BYTES:
                        self._damage = ArchiveBomb(f"{self.label} would unpack to hundreds of times its size.")
                        return
                    yield info, archive
                    # It would remember a million of them, and go back to none.
                    archive.members = []  # type: ignore[attr-defined]
        except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, TypeError) as error:
            self._damage = ArchiveUnreadable(f"{self.label} is damaged or ends early.")
            self._damage.__cause__ = error

    def _reader(self, archive: tarfile.TarFile, info: tarfile.TarInfo) -> Read:
        def read(limit: int) -> bytes:
            if info.size > limit:
                raise EntryTooLarge(f"{info.name} has {info.size:,} bytes; at most {limit:,} are read.")
            try:
                file = archive.extractfile(info)
                data = b"" if file is None else file.read(limit + 1)
            except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
                raise ArchiveUnreadable(f"{info.name} in {self.label} is damaged.") from error
            if len(data) != info.size:
                raise ArchiveUnreadable(f"{info.name} in {self.label} ends early.")
            return data

        return read


def within(data: bytes, limit: int, name: str) -> bytes:
    """``data`` unless it is longer than ``limit``. Raises EntryTooLarge."""
    if len(data) > limit:
        raise EntryTooLarge(f"{name} has more than {limit:,} bytes.")
    return data
