"""Several real processes share one gallery: a deletion in one is seen by the others within a second."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.galleries import UNTIL, Galleries, permit, row, strangers, template

_WORKER = """
import sys, time
from pathlib import Path
import pytest
from countenance import Countenance
from tests.galleries import SteppedClock, START, embedded_above, names, search, template
patch = pytest.MonkeyPatch()
if sys.argv[3] == "embedded":
    embedded_above(patch, 100)
with Countenance(Path(sys.argv[1]), cache=Path(sys.argv[2]), clock=SteppedClock(START)) as gallery:
    print(gallery.index.status().kind, flush=True)
    while sys.stdin.readline().strip() == "search":
        print(",".join(names(search(gallery, template(1)))) or "-", time.monotonic(), flush=True)
"""


class Worker:
    """A process of its own that searches for anna when it is told to."""

    def __init__(self, galleries: Galleries, index_kind: str) -> None:
        root = Path(__file__).resolve().parents[2]
        path = os.pathsep.join([str(root), *(p for p in sys.path if p)])
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(galleries.folder), str(galleries.cache), index_kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert self._line() == index_kind

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
def test_worker_processes_see_a_deletion_within_a_second_and_an_addition_too(
    galleries: Galleries, index_kind: str
) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", template(1)), *strangers(2000)])
    workers = [Worker(galleries, index_kind) for _ in range(3)]
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
