"""Writing so that a power cut leaves the old file or the new one, and overwriting what must not be read again.

Rules kept here: temporary names lie in the same folder and start with ``.``; a folder is synced after a rename
or a removal in it; "disk full" becomes our error and leaves nothing half written.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from countenance.errors import DiskFull, GalleryError


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn "no space" and "read-only" into errors with a remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull("There is no room left on the disk of the data folder or of the key folder.") from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise GalleryError(
                "The data folder or the key folder cannot be written.", remedy="Check its owner and mode."
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Make renames and removals in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write ``data`` to ``path`` durably: afterwards the file has the old content or all of the new one."""
    with written_whole(path, mode=mode) as file:
        file.write(data)


@contextmanager
def written_whole(path: Path, *, mode: int = 0o600) -> Iterator[IO[bytes]]:
    """A file to write, piece by piece, that has the name ``path`` when all of it is on the disk, or never."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with disk_errors():
        try:
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive advisory lock on ``path`` (made if missing); waits for whoever holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_now(path: Path) -> Iterator[bool]:
    """Like :func:`locked`, but does not wait: says whether the lock is held."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Like :func:`locked_now` for work that is done once: a lock that was held takes the file with it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    held = False
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it may have taken the name along in between: then this is a lock on nothing.
            held = path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino
        yield held
    finally:
        if held:
            path.unlink(missing_ok=True)
        os.close(descriptor)
