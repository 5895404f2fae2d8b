"""Runs one act on a gallery in a process of its own that is killed or starved. Used by the tests beside it.

``python -m tests.faults.driver ACT ROOT CACHE [NUMBER]``
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path

from tests.galleries import Galleries, row, template
from tests.photographs import of_portrait


def kill_self() -> None:
    """As a power cut would: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def withdraw_and_die(makers: Galleries, step: int) -> None:
    """Withdraw anna and be killed after erasure step ``step``."""

    def die(done: int, total: int | None, what: str) -> None:
        if done == step:
            kill_self()

    makers.open().withdraw("anna", progress=die)


def recover_and_die(makers: Galleries, step: int) -> None:
    """Open the gallery, which resumes the erasure, and be killed after the step's change was committed."""
    from countenance.custody.erasure.eraser import Eraser

    real = Eraser._done
    count = 0

    def dying(self: Eraser, *given: object) -> object:
        nonlocal count
        answer = real(self, *given)  # type: ignore[arg-type]
        count += 1
        if count == step:
            kill_self()
        return answer

    Eraser._done = dying  # type: ignore[method-assign,assignment]
    makers.open()


def enrol_and_die(makers: Galleries, place: int) -> None:
    """Enrol and be killed: 0 before staging, 1 staged, 2 rows committed, 3 in place."""
    from countenance.recognition.gallery.enrol import Enroller
    from countenance.vault.blobs import FolderBlobs

    def before(owner: type, name: str) -> None:
        setattr(owner, name, lambda *_: kill_self())

    def after(owner: type, name: str) -> None:
        real = getattr(owner, name)
        setattr(owner, name, lambda *given: (real(*given), kill_self()))

    wheres = [
        (before, FolderBlobs, "stage"),
        (after, FolderBlobs, "stage"),
        (after, Enroller, "_write_rows"),
        (after, FolderBlobs, "commit"),
    ]
    arm, owner, name = wheres[place]
    arm(owner, name)
    makers.open().enrol("anna", of_portrait()[:1])


def enrol_starved(makers: Galleries, size_bytes: int) -> None:
    """Enrol with no file allowed to grow beyond ``size_bytes``; prints the code of what was raised."""
    from countenance import CountenanceError

    gallery = makers.open()
    gallery._recogniser(gallery.model)  # prepared before the shortage
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))
    try:
        gallery.enrol("anna", of_portrait())
    except CountenanceError as error:
        print(error.code)


def enrol_slowly(makers: Galleries, _: int) -> None:
    """Enrol six photographs, saying after each that it is there; ends in a KeyboardInterrupt."""

    def say(done: int, total: int | None, what: str) -> None:
        print(done, flush=True)

    try:
        makers.open().enrol("anna", of_portrait(), progress=say)
    except KeyboardInterrupt:
        print("interrupted", flush=True)


def write_many(makers: Galleries, number: int) -> None:
    """Enrol 12 templates one by one, under names of this writer's own."""
    gallery = makers.open()
    for one in range(12):
        gallery.enrol_templates([row(f"writer-{number}-{one}", template(number * 100 + one))])


ACTS = {
    act.__name__: act
    for act in (withdraw_and_die, recover_and_die, enrol_and_die, enrol_starved, enrol_slowly, write_many)
}

if __name__ == "__main__":
    _, act_name, root, cache, *rest = sys.argv
    makers = Galleries(Path(root), Path(cache))
    ACTS[act_name](makers, int(rest[0]) if rest else 0)
    makers.close()
