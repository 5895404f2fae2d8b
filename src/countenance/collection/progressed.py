"""How far an import is: which files it has finished with, on record so that a kill costs a moment's work.

Rules kept here: a file is known by a keyed fingerprint of its name, size and date, so that it need not be read
again; its content by another, so that a copy under another name is not looked at again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from countenance.store import collecting
from countenance.store.collecting import FileRow
from countenance.store.database import Database
from countenance.terms import SubjectId
from countenance.vault.keys import KeyRing

_TOGETHER = 500
"""Files without anything to keep that are written in one transaction, at most."""
_SECONDS = 0.25
"""Outcomes do not wait longer than this for others: when each takes a while, each is written at once."""
_REMEMBERED = 65_536
"""Contents that are known without asking the database again: about 10 MB."""


class Finished:
    """The files that were finished with before: eight bytes each, so that a million of them need 8 MB."""

    def __init__(self, tags: npt.NDArray[np.uint64]) -> None:
        self._tags = np.sort(tags)

    def __contains__(self, tag: bytes) -> bool:
        wanted = np.frombuffer(tag[:8], np.uint64)[0]
        place = int(np.searchsorted(self._tags, wanted))
        return place < len(self._tags) and bool(self._tags[place] == wanted)


class Progressed:
    """The record of files of one gallery's imports."""

    def __init__(self, database: Database, ring: KeyRing, seconds: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._ring = ring
        self._seconds = seconds
        self._written = seconds()
        self._waiting: list[FileRow] = []
        self._known: dict[tuple[int, bytes], None] = {}

    def file_tag(self, stamp: str) -> bytes:
        """The keyed fingerprint of a file's name, size and date."""
        return self._ring.fingerprint("import-file", stamp.encode("utf-8", "surrogateescape"))

    def finished(self, subject_id: SubjectId) -> Finished:
        """What earlier runs for this subject have finished with."""
        with self._database.read() as connection:
            tags = b"".join(tag[:8] for tag in collecting.file_tags(connection, subject_id))
        return Finished(np.frombuffer(tags, np.uint64))

    def is_known(self, subject_id: SubjectId, digest_tag: bytes) -> bool:
        """Whether exactly these bytes were looked at, or enrolled, for this subject before."""
        key = int(subject_id), digest_tag
        if key in self._known:
            return True
        with self._database.read() as connection:
            known = collecting.seen_digest(connection, subject_id, digest_tag)
        if known:
            self._remember(key)
        return known

    def _remember(self, key: tuple[int, bytes]) -> None:
        self._known[key] = None
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]

    def later(self, row: FileRow) -> None:
        """Write a file's outcome with the next few."""
        self._waiting.append(row)
        if row.digest_tag is not None:
            self._remember((int(row.subject_id), row.digest_tag))
        if len(self._waiting) >= _TOGETHER or self._seconds() - self._written >= _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            with self._database.write() as connection:
                self.write(connection, [])

    def write(self, connection: Connection, rows: Sequence[FileRow]) -> None:
        """Write outcomes, and what waits, in a transaction that is under way."""
        collecting.add_files(connection, [*self._waiting, *rows])
        self._waiting = []
        self._written = self._seconds()

    @contextmanager
    def writing(self, *rows: FileRow) -> Iterator[Connection]:
        """A transaction that ends with these outcomes."""
        with self._database.write() as connection:
            yield connection
            self.write(connection, rows)
