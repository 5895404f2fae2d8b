"""Who uses the processors now: searches at once, long work in what they leave.

Rules kept here:

* A search never waits for a turn. While none is at work, long work may use every processor; while some are, only
  those that they leave.
* Long work is not starved: when searches leave it nothing, one piece is done every ``STARVED_S`` all the same.
* Turns are of one process. Nobody holds one while waiting for somebody who waits for one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STARVED_S = 0.25
"""The longest that one piece of long work waits when nothing else of it is at work."""


class Turns:
    """Turns of one process. Thread-safe."""

    def __init__(self, processors: int, starved_s: float = STARVED_S) -> None:
        self._processors = processors
        self._starved_s = starved_s
        self._changed = threading.Condition()
        self._searches = 0
        self._pieces = 0

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Held by what somebody waits for."""
        with self._changed:
            self._searches += 1
        try:
            yield
        finally:
            with self._changed:
                self._searches -= 1
                self._changed.notify_all()

    @contextmanager
    def between(self) -> Iterator[None]:
        """Held by one piece of long work: one photograph, one group of rows. Waits for its turn."""
        with self._changed:
            until = time.monotonic() + self._starved_s
            while not self._may_begin(until):
                self._changed.wait(max(0.0, until - time.monotonic()) or self._starved_s)
            self._pieces += 1
        try:
            yield
        finally:
            with self._changed:
                self._pieces -= 1
                self._changed.notify_all()

    def _may_begin(self, until: float) -> bool:
        if self._pieces < self._processors - self._searches:
            return True
        return self._pieces == 0 and time.monotonic() >= until
