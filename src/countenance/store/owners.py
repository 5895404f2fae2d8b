"""Whose work this is: each open engine has a number, and a lock that nobody but a living process can hold.

Rules kept here:

* The lock goes with the process, however it ends: a session's advisory lock on PostgreSQL, a locked file in the
  data folder beside SQLite. Nobody waits for a lease to run out, and no clock is asked.
* A number is random and never used twice; a file whose lock can be had belongs to nobody and is removed.
* Doubt says "alive": then a retry is told to come back, and nothing is done twice.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, text

from countenance.store.database import Database
from countenance.vault.files import disk_errors

FOLDER = "owners"
_BITS = 62
"""Advisory locks are signed 64-bit numbers; ours of other kinds are smaller than 2**56."""
_FLOOR = 1 << 60


class Owners:
    """The owner numbers of one gallery. Thread-safe; one for each engine that is open."""

    def __init__(self, database: Database, folder: Path) -> None:
        """``folder`` is the data folder. Nothing is locked before :attr:`number` is asked for."""
        self._database = database
        self._folder = folder / FOLDER
        self._inside = threading.Lock()
        self._number: int | None = None
        self._connection: Connection | None = None
        self._file = -1

    @property
    def number(self) -> int:
        """This engine's number; its lock is held from now until :meth:`close`.

        A new one when a database server has dropped the connection that held it.
        """
        with self._inside:
            if self._number is None or not self._still_held():
                self._let_go()
                self._number = self._take()
            return self._number

    def alive(self, connection: Connection, number: int) -> bool:
        """Whether the engine with that number is still open. ``connection`` is in a transaction."""
        if self._database.backend == "postgresql":
            query = text("SELECT pg_try_advisory_xact_lock_shared(:key)")
            return not connection.execute(query, {"key": number}).scalar()
        return not _free(self._path(number))

    def sweep(self) -> None:
        """Remove the files of engines that are gone."""
        for path in self._folder.glob("*.lock"):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDWR)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(descriptor)

    def close(self) -> None:
        """Let go: whatever is still begun under this number may be taken over."""
        with self._inside:
            self._let_go()

    def _take(self) -> int:
        if self._database.backend == "postgresql":
            number = _FLOOR + secrets.randbits(_BITS - 2)
            self._connection = self._database.session()
            self._connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": number})
            return number
        with disk_errors():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            while True:
                number = _FLOOR + secrets.randbits(_BITS - 2)
                path = self._path(number)
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
                with suppress(BlockingIOError, FileNotFoundError):  # somebody swept between making and locking
                    fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    if path.stat().st_ino == os.fstat(self._file).st_ino:
                        return number
                os.close(self._file)

    def _still_held(self) -> bool:
        return self._connection is None or self._database.session_lives(self._connection)

    def _let_go(self) -> None:
        if self._file >= 0:
            if self._number is not None:
                with suppress(OSError):
                    self._path(self._number).unlink()
            os.close(self._file)
            self._file = -1
        if self._connection is not None:
            self._database.end_session(self._connection)
            self._connection = None
        self._number = None

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:016x}.lock"


def _free(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
