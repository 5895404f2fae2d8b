"""A prefix of an S3-compatible bucket as a container, and an archive that lies in one.

Rules kept here:

* Exactly the bucket and prefix that the operator names are listed; nothing in an object leads to another, and no
  redirect of the service is followed.
* Where the service is and who asks is said by the environment, as for sealed images in object storage; it is in no
  command, no record and no message.
* An object is read only as it was listed: one that has changed since is another.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from countenance.collection.exports.containers import (
    ZIP_DAMAGE,
    Container,
    Member,
    Read,
    Unread,
    Wanted,
    Zip,
    within,
)
from countenance.collection.exports.paths import danger, normal
from countenance.errors import (
    ArchiveUnreadable,
    BlobsDriverMissing,
    BlobsError,
    BucketClientMissing,
    BucketUnreachable,
    CollectionError,
    EntryTooLarge,
    EntryUnsafe,
    SourceMissing,
)
from countenance.settings import ObjectStorage
from countenance.vault.bucket import Bucket as Objects
from countenance.vault.bucket import Place

SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TAR = re.compile(r"\.(?:tar|tgz|tar\.(?:gz|bz2|xz))$", re.IGNORECASE)
_FAILURES_IN_A_ROW = 10
_BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """``s3://bucket/prefix``, and how to reach it."""

    bucket: str
    prefix: str
    storage: ObjectStorage

    @classmethod
    def parse(cls, text: str, storage: ObjectStorage) -> BucketAddress:
        """The address written in ``text``. Raises SourceMissing."""
        bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
        parts = [part for part in prefix.split("/") if part]
        if _BUCKET.fullmatch(bucket) is None or danger("/".join(parts) or "all") is not None:
            raise SourceMissing(f"{text} is no bucket and prefix; write s3://bucket/prefix.")
        return cls(bucket, "/".join(parts), storage)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"


def open_bucket(address: BucketAddress) -> Container:
    """The objects under a prefix, or the ZIP archive that the address names.

    Raises BucketClientMissing, BucketUnreachable, SourceMissing, and what reading a ZIP archive raises.
    """
    if _TAR.search(address.prefix):
        raise ArchiveUnreadable(
            f"{address.name} is a TAR archive; in a bucket only ZIP archives are read in place."
        )
    if not address.prefix.lower().endswith(".zip"):
        return Bucket(Objects(Place(address.bucket, address.prefix), address.storage), address.name)
    folder, _, name = address.prefix.rpartition("/")
    objects = Objects(Place(address.bucket, folder), address.storage)
    with _explained(address.name):
        about = objects.about(name)
    if about is None:
        raise SourceMissing(f"There is no object {address.name}.")
    raw: io.RawIOBase = _ObjectFile(objects, name, *about)
    try:
        return Zip(io.BufferedReader(raw, _BUFFER_BYTES), name)
    except ZIP_DAMAGE as error:
        raise ArchiveUnreadable(f"{address.name} is damaged or no ZIP archive.") from error


class Bucket:
    """The objects under a prefix. Several may be read at once."""

    afar = True

    def __init__(self, objects: Objects, label: str) -> None:
        self.label = label
        self._objects = objects
        self._failures = 0

    def names(self) -> Iterator[Member | Unread]:
        """As ``Container.names``; in the order of their keys."""
        with _explained(self.label):
            for name, size, tag in self._objects.listed():
                if name.endswith("/") or (not size and "." not in name.rpartition("/")[2]):
                    continue  # what consoles write for an empty folder
                why = danger(name)
                if why is None:
                    yield Member(name, size, f"{size}:{tag}")
                else:
                    yield Unread(name, EntryUnsafe(f"{name[:200]} in {self.label}: {why}."))

    def stream(self, wanted: Wanted) -> Iterator[tuple[Member, Read]]:
        """As ``Container.stream``. Raises BucketUnreachable when one object after the other cannot be read."""
        for member in self.names():
            if isinstance(member, Member) and wanted(normal(member.name)):
                yield member, self._reader(member)
                if self._failures >= _FAILURES_IN_A_ROW:  # of those that were asked for, in the order of answers
                    raise BucketUnreachable(
                        f"{self._failures} objects in a row of {self.label} could not be read; what came before is "
                        "kept."
                    )

    def _reader(self, member: Member) -> Read:
        def read(limit: int) -> bytes:
            if member.size_bytes > limit:
                raise EntryTooLarge(f"{member.name} has {member.size_bytes:,} bytes; at most {limit:,} are read.")
            if not member.size_bytes:
                return b""
            tag = member.stamp.partition(":")[2]
            try:
                data = _read(self._objects, member.name, 0, member.size_bytes, tag)
            except CollectionError:
                self._failures += 1
                raise
            self._failures = 0
            return within(data, limit, member.name)

        return read


class _ObjectFile(io.RawIOBase):
    """One object as a file that can be read from any place on."""

    def __init__(self, objects: Objects, name: str, size: int, tag: str) -> None:
        super().__init__()
        self._objects, self._name, self._size, self._tag = objects, name, size, tag
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        data = _read(self._objects, self._name, self._at, end, self._tag)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def _read(objects: Objects, name: str, start: int, end: int, tag: str) -> bytes:
    with _explained(name):
        data = objects.part(name, start, end, tag)
    if data is None:
        raise BucketUnreachable(f"{name} cannot be read: it has changed since it was listed.")
    return data


@contextmanager
def _explained(label: str) -> Iterator[None]:
    """The errors of object storage as those of a source: one object that is not there ends no import."""
    try:
        yield
    except BlobsDriverMissing as error:
        raise BucketClientMissing("The package boto3 is not installed.") from error
    except BlobsError as error:
        raise BucketUnreachable(f"{label} cannot be read: {error}") from error
