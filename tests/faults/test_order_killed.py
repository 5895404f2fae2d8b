"""Killed (SIGKILL) at every step of carrying an order out, and again while it recovers: the end is the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from countenance.clock import SteppedClock, from_text
from countenance.custody.proof import verifier
from tests.galleries import Galleries
from tests.order_gallery import document, people, photograph, register, residents, signed

ORDER = "garante-2022"
ROOT = Path(__file__).resolve().parents[2]
PARTS = 4

# A process that imports everything once and forks a child for every turn. A child counts what changes the disk or
# makes it lasting, and kills itself at the n-th; with n = 0 it finishes and says what it found.
CHILD = """
    import json, os, signal, sys
    from datetime import timedelta
    from pathlib import Path

    from sqlalchemy import Engine, event

    from countenance import Countenance
    from countenance.clock import SteppedClock, from_text
    from countenance.custody.proof import verifier
    from tests.order_gallery import document, found, residents, verdict

    served = from_text(document("garante-2022")["service"]["at"])

    def fatal_from_now_on(turn):
        steps = 0
        def one_more():
            nonlocal steps
            steps += 1
            if steps == turn:
                os.kill(os.getpid(), signal.SIGKILL)
        def counted(call):
            def step(*args, **kwargs):
                one_more()
                return call(*args, **kwargs)
            return step
        for name in ("fsync", "replace", "rename", "unlink", "pwrite", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        event.listen(Engine, "commit", lambda connection: one_more())
        return lambda: steps

    for line in sys.stdin:
        turn, folder = line.rstrip().split(" ", 1)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            count = fatal_from_now_on(int(turn))
            answer = {}
            try:
                clock = SteppedClock(served + timedelta(hours=1))
                with Countenance(folder, clock=clock) as gallery:
                    gallery.orders.execute("garante-2022")
                    if turn == "0":
                        answer["steps"] = count()
                        answer["found"] = sorted(found(gallery, sorted(residents())))
                        certificates = gallery.orders.certificate("garante-2022")
                        answer["stands"] = [verdict(gallery, one).ok for one in certificates]
                        answer["subjects"] = [
                            len(json.loads(one)["statement"]["subjects"]["commitments"]) for one in certificates
                        ]
                        answer["fsck"] = gallery.log.fsck().ok
                        log = gallery._witness.log
                        logged = [one.event for one in log.entries(0, log.size)]
                        answer["logged"] = [one for one in logged if one.startswith("erasure.")]
                        answer["met"] = [
                            one["obligation"]
                            for one in gallery.orders.get("garante-2022")["obligations"]
                            if one["standing"] == "met"
                        ]
                        status = gallery.status()
                        answer["status"] = [status.subjects, status.references, status.images, status.erasures]
                        answer["open"] = status.erasures_open
            except BaseException as error:
                answer["error"] = repr(error)
            os.write(writing, json.dumps(answer).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        print(json.dumps({"killed": not said, **(json.loads(said) if said else {})}), flush=True)
"""


@dataclass
class Runner:
    """Talks to the process that forks."""

    process: subprocess.Popen[str]

    def __call__(self, turn: int, folder: Path) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{turn} {folder}\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    yield Runner(process)
    process.communicate()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery with an order in force and two photographs of people it reaches."""
    galleries = Galleries(tmp_path_factory.mktemp("prepared"), ROOT / "build" / "test-cache")
    galleries.clock = SteppedClock(from_text(document(ORDER)["service"]["at"]))
    gallery = galleries.new()
    people(gallery, residents())
    for number, name in enumerate(("IT-0", "IT-1", "FR-0")):
        noise = np.random.default_rng(number).integers(0, 255, (96, 96, 3), np.uint8)
        out = BytesIO()
        Image.fromarray(noise).save(out, "PNG")
        photograph(gallery, name, out.getvalue())
    register(gallery, ORDER)
    gallery.orders.serve(signed(ORDER))
    galleries.close()
    return galleries.folder


def copied(prepared: Path, to: Path) -> Path:
    for suffix in ("", ".keys"):
        place = to / f"gallery{suffix}"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(prepared.with_name(prepared.name + suffix), place)
    return to / "gallery"


EXPECTED = {
    "found": sorted(name for name, home in residents().items() if home != "IT"),
    "stands": [True],
    "subjects": [2],
    "fsck": True,
    "logged": [f"erasure.{step}" for step in verifier.STEPS[1:]],
    "met": ["ban-using", "erase"],
    "status": [len(residents()) - 2, len(residents()) - 2 + 1, 1, 1],
    "open": 0,
}


def ended(answer: dict[str, Any], folder: Path) -> None:
    assert {name: answer.get(name) for name in EXPECTED} == EXPECTED, answer
    assert len(list((folder / "blobs").rglob("*.sealed"))) == 1
    assert list((folder / "certificates").glob("*.json")) == [*(folder / "certificates").iterdir()]


def test_the_order_ends_as_expected_when_nothing_is_killed(runner: Runner, prepared: Path, tmp_path: Path) -> None:
    folder = copied(prepared, tmp_path)
    ended(runner(0, folder), folder)
    again = runner(0, folder)
    ended(again, folder)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_any_step_and_again_while_recovering_the_end_is_the_same(
    runner: Runner, prepared: Path, tmp_path: Path, part: int
) -> None:
    folder = copied(prepared, tmp_path)
    steps = runner(0, folder)["steps"]
    assert steps > 40, "the steps are counted"
    killed = 0
    for turn in range(1 + part, steps + 1, PARTS):
        folder = copied(prepared, tmp_path)
        killed += runner(turn, folder)["killed"]
        # Somewhere else in the recovery every time; beyond its last step it simply finishes.
        runner(1 + (7 * turn) % max(2, steps - turn + 12), folder)
        ended(runner(0, folder), folder)
    assert killed >= (steps // PARTS) - 1
