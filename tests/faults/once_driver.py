"""Begins one request in a process of its own and is killed in the middle of it. Used by test_once_killed.py.

``python -m tests.faults.once_driver OPERATION PLACE ROOT CACHE``; the place is the part that kills after its work.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.faults.once_acts import BEFORE, OPERATIONS, PLACES, SENT, asker
from tests.galleries import Galleries


def kill_after(owner: object, name: str) -> None:
    """Let a method do its work, and die as in a power cut."""
    real = getattr(owner, name)

    def dying(*given: object, **named: object) -> None:
        real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dying)


def kill_before(owner: object, name: str) -> None:
    """Die where a method would have begun."""
    setattr(owner, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))


def arm(place: str) -> None:
    """Let this process be killed at one of the places."""
    owner, name = PLACES[place]
    (kill_before if place in BEFORE else kill_after)(owner, name)


if __name__ == "__main__":
    _, operation, place, root, cache = sys.argv
    gallery = Galleries(Path(root), Path(cache)).open()
    fresh = gallery.oversight.once.begin(asker(gallery, operation), operation, SENT)
    arm(place)
    OPERATIONS[operation](gallery, fresh.request_id)  # type: ignore[union-attr]
