"""Several real processes share one gallery: a deletion in one is seen by the others within a second."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.galleries import UNTIL, Galleries, fill, permit, row, template

_WORKER = """
import sys, time
from pathlib import Path
from countenance import Countenance
from tests.galleries import SteppedClock, START, names, search, template
with Countenance(Path(sys.argv[1]), cache=Path(sys.argv[2]), clock=SteppedClock(START)) as gallery:
    found = True
    print("ready", flush=True)
    while sys.stdin.readline().strip() == "search":
        print(",".join(names(search(gallery, template(1)))) or "-", time.monotonic(), flush=True)
"""


class Worker:
    """A process of its own that searches for anna when it is told to."""

    def __init__(self, galleries: Galleries) -> None:
        root = Path(__file__).resolve().parents[2]
        path = os.pathsep.join([str(root), *(p for p in sys.path if p)])
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(galleries.folder), str(galleries.cache)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert self._line() == "ready"

    def search(self) -> str:
        """The names found."""
        assert self._process.stdin is not None
        self._process.stdin.write("search\n")
        self._process.stdin.flush()
        return self._line().split()[0]

    def stop(self) -> None:
        self._process.communicate("stop\n", timeout=30)

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.mark.slow
def test_worker_processes_see_a_deletion_within_a_second_and_an_addition_too(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", template(1))])
    fill(gallery, 2000)
    workers = [Worker(galleries) for _ in range(3)]
    try:
        assert [worker.search() for worker in workers] == ["anna"] * 3
        gallery.withdraw("anna")
        done = time.monotonic()
        assert [worker.search() for worker in workers] == ["-"] * 3
        assert time.monotonic() - done < 1.0
        permit(gallery, "anna", returning="her letter")
        gallery.enrol_templates([row("anna", template(1), until=UNTIL)])
        assert [worker.search() for worker in workers] == ["anna"] * 3
    finally:
        for worker in workers:
            worker.stop()
