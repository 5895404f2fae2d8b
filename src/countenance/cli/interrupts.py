"""Ctrl-C, once: the first one interrupts, and what was begun is then put in order undisturbed.

Rules kept here: a process that was started with interrupts ignored (in the background, under nohup) goes on
ignoring them; somebody who insists is obeyed after a moment.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS_TO_PUT_IN_ORDER = 2.0
"""A transaction is rolled back and files are closed in far less."""


@contextmanager
def one_interruption(seconds: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Within, an impatient second Ctrl-C does not break off the cleaning up that the first one began."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    latest: float | None = None

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal latest
        now = seconds()
        if latest is None or now - latest > SECONDS_TO_PUT_IN_ORDER:
            latest = now
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
