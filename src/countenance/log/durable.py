"""Files that are there or not there, never half there, whenever the power goes.

Rules kept here:

* A file gets its name only when its bytes are on the disk: written aside, flushed, renamed, the folder flushed.
* Folders are flushed too; a name that is only in memory is no name after a power cut.
* A full disk leaves nothing behind and is reported as :class:`DiskFull`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from countenance.errors import DiskFull, GalleryBusy

ASIDE = ".aside"
"""Ending of a file that has no name yet; left over only by a crash, and swept at the next start."""
_WAIT_SECONDS = 0.01


def flush_folder(folder: Path) -> None:
    """Put the names in ``folder`` on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_aside(path: Path, data: bytes) -> Path:
    aside = path.with_name(path.name + ASIDE)
    try:
        handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        aside.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("there is no room left for the log; nothing was appended") from error
        raise
    return aside


def place(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole and on the disk. Raises DiskFull, and then ``path`` is as it was."""
    _write_aside(path, data).replace(path)
    flush_folder(path.parent)


def place_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write many files below ``folder``; when this returns, all of them are on the disk. Raises DiskFull."""
    touched: dict[Path, None] = {}
    for name, data in files.items():
        path = folder / name
        missing = [parent for parent in path.parents if not parent.exists()]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull("there is no room left for the log; nothing was appended") from error
            raise
        for parent in missing:
            touched[parent.parent] = None
        _write_aside(path, data).replace(path)
        touched[path.parent] = None
    for parent in touched:
        flush_folder(parent)


@contextmanager
def only_writer(lock: Path, timeout_seconds: float) -> Iterator[None]:
    """Be the one writer, among threads and processes, for as long as the block lasts.

    The lock goes with the process: a killed writer holds nobody up. Raises GalleryBusy after the timeout.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise GalleryBusy("another process is writing to the log") from error
                time.sleep(_WAIT_SECONDS)
        yield
    finally:
        os.close(handle)
