"""A folder in which each process notes what it has begun, and by which the next one knows what a dead one left.

Rules kept here: every process stages in a folder of its own that it keeps locked (``flock``), so a living writer
is never disturbed; the lock goes with the process, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from countenance.vault.files import disk_errors


class Staging:
    """The staging folders ``.staging-*`` in ``folder``; this process's own is made when it is first needed.
    Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._making = threading.Lock()
        self._folder = folder
        self._own: Path | None = None
        self._lock = -1

    def own(self) -> Path:
        """This process's folder."""
        with self._making:
            while self._own is None:
                staging = self._folder / f".staging-{secrets.token_hex(8)}"
                with disk_errors():
                    staging.mkdir(parents=True, mode=0o700)
                lock = _try_lock(staging)
                if lock is not None:  # else somebody took it for a dead process's and cleaned it away
                    self._own, self._lock = staging, lock
            return self._own

    def everywhere(self, name: str) -> list[Path]:
        """The files of that name in any process's folder."""
        return list(self._folder.glob(f".staging-*/{name}"))

    def settle_abandoned(self, settle: Callable[[Path], None]) -> None:
        """Call ``settle`` with each file that a dead process left, then remove its folder.

        What ``settle`` raises ends it: the file and its folder stay for the next attempt.
        """
        for staging in self._folder.glob(".staging-*"):
            if staging == self._own:
                continue
            lock = _try_lock(staging)
            if lock is None:
                continue
            try:
                for path in staging.iterdir():
                    if path.name != "lock":
                        settle(path)
                for leftover in staging.iterdir():
                    leftover.unlink()
                staging.rmdir()
            finally:
                os.close(lock)

    def close(self) -> None:
        """Let go of this process's folder and remove it if it is empty."""
        if self._own is not None:
            with suppress(OSError):
                (self._own / "lock").unlink()
                self._own.rmdir()
            os.close(self._lock)
            self._own, self._lock = None, -1


def _try_lock(staging: Path) -> int | None:
    try:
        descriptor = os.open(staging / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if not (staging / "lock").exists():  # its last owner was cleaned away between our open and our lock
        os.close(descriptor)
        return None
    return descriptor
