"""Whether this process was told to stop: known at once to all that must not begin something new.

Rules kept here: one process serves one gallery, so this is one flag a process. What has to be done when it is
raised runs in a thread of its own, since signals come in the middle of anything.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

told = threading.Event()
failed = threading.Event()
"""The gallery could not be opened."""
FAILED = 3
"""Exit status of a process whose gallery could not be opened; uvicorn knows it, and starts no such worker again."""

_waiting: list[Callable[[], None]] = []


def when_told(do: Callable[[], None]) -> Callable[[], None]:
    """Have ``do`` done in a thread when the process is told to stop; returns what takes that back."""
    _waiting.append(do)

    def forget() -> None:
        if do in _waiting:
            _waiting.remove(do)

    return forget


def listen() -> None:
    """Hear SIGTERM and SIGINT before uvicorn does, which goes on to do what it does. In the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        return  # a service within a test has no process of its own
    for number in (signal.SIGTERM, signal.SIGINT):
        after = signal.getsignal(number)

        def heard(signum: int, frame: FrameType | None, after: object = after) -> None:
            tell()
            if callable(after):
                after(signum, frame)

        signal.signal(number, heard)


def tell() -> None:
    """The process is to stop."""
    if not told.is_set():
        told.set()
        for do in tuple(_waiting):
            threading.Thread(target=do, name="drain", daemon=True).start()
