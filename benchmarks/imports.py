"""An album of 12-megapixel photographs through ``import``, against a plain loop over ``face_recognition``.

    python -m benchmarks.imports prepare [PHOTOGRAPHS [DISTINCT]]   # makes the album; minutes, 1.6 MB a photograph
    python -m benchmarks.imports [--most N]              # imports it, or its first N, and prints the table

The album lies in ``COUNTENANCE_BENCHMARK_ALBUM`` or the temporary folder; what is there of it is not made again.
Where there is none, a small one is made: 200 photographs, 40 of them distinct, 0.35 GB, which stays there.
Its photographs are made: the public-domain portrait that scikit-image ships is the subject, people of the ORL set
are the bystanders, from 100 pixels on, scikit-image's photographs are the background, with the noise of a sensor.
Each is written many times with another comment in its file, so that no two files have the same bytes and none is
skipped as a duplicate, which the run checks. Processor time is counted in decoding, detection and templates, and in
everything else.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from skimage import data

from benchmarks.pipeline import ORL, PEERS, install_peers
from countenance import Countenance
from countenance.collection import collector
from countenance.recognition.images import decode
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import ImageLimits, cache_folder

PLACE = Path(os.environ.get("COUNTENANCE_BENCHMARK_ALBUM") or Path(tempfile.gettempdir()) / "countenance-album")
WIDTH, HEIGHT = 4000, 3000
DISTINCT, PHOTOGRAPHS = 200, 20_000
SMALL, SMALL_DISTINCT = 200, 40
PEER_SAMPLE, FOUND_SAMPLE = 12, 40
MARKS = 20
"""Times at which rate and memory are read."""
LEAST_SHARE, LEAST_TIMES, FLAT_MIB = 0.85, 5.0, 64.0
_WORDS = ("**missed**", "met")
_LOOP = """
import sys, time, face_recognition
def work(name):
    return face_recognition.face_encodings(face_recognition.load_image_file(name))
work(sys.argv[1])
begun = time.monotonic()
found = [len(work(name)) for name in sys.argv[1:]]
print(time.monotonic() - begun, sum(found))
"""


def photograph(number: int) -> bytes:
    """One photograph: a background, the subject in two of three, strangers in some."""
    random = np.random.default_rng(number)
    scenes = (data.coffee, data.chelsea, data.rocket, data.retina, data.hubble_deep_field)
    scene = scenes[number % len(scenes)]()
    page = cv2.resize(scene, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    if number % 2:
        page = page[:, ::-1].copy()
    people = [data.astronaut()[0:320, 60:380]] if number % 3 else []
    for _ in range(int(random.integers(0, 3))):
        person, shot = random.integers(1, 41), random.integers(1, 11)
        people.append(np.asarray(cv2.imread(str(ORL / f"s{person}" / f"{shot}.pgm"), cv2.IMREAD_COLOR_RGB)))
    cell = WIDTH // max(1, len(people))
    for place, person in enumerate(people):
        side = int(np.exp(random.uniform(np.log(100), np.log(min(cell, 1_700)))))
        shown = cv2.resize(person, (side, side * person.shape[0] // person.shape[1]), interpolation=cv2.INTER_CUBIC)
        shown = shown[:HEIGHT]
        top = int(random.integers(0, HEIGHT - shown.shape[0] + 1))
        left = place * cell + int(random.integers(0, cell - side + 1))
        page[top : top + shown.shape[0], left : left + side] = shown
    grain = random.normal(0, 4, (HEIGHT // 2, WIDTH // 2)).astype(np.float32)
    noise = cv2.resize(grain, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)[:, :, None]
    out = BytesIO()
    Image.fromarray(np.clip(page + noise, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=88)
    return out.getvalue()


def prepare(count: int, different: int) -> None:
    """Write the album."""
    PLACE.mkdir(parents=True, exist_ok=True)
    mark = f"{min(different, count)} distinct, from 100 pixels\n"
    made = PLACE / "distinct.txt"
    if not made.exists() or made.read_text() != mark:
        for file in PLACE.glob("*.jpg"):
            file.unlink()
        made.write_text(mark)
    distinct: dict[int, bytes] = {}
    for number in range(count):
        if (PLACE / f"{number:06d}.jpg").exists():
            continue
        kind = number % min(different, count)
        if kind not in distinct:
            distinct[kind] = photograph(kind)
        whole = distinct[kind]
        comment = b"%012d" % number
        marked = whole[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + whole[2:]
        half = PLACE / "half.tmp"
        half.write_bytes(marked)
        half.rename(PLACE / f"{number:06d}.jpg")


@dataclass
class Clocked:
    """Processor seconds of threads inside some functions, summed over all threads."""

    decoding: float = 0.0
    recognising: float = 0.0
    closer: float = 0.0
    workers: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def around(self, work: Callable[..., Any], name: str) -> Callable[..., Any]:
        """``work``, whose time is added to the sum called ``name``."""

        def timed(*given: Any, **named: Any) -> Any:
            begun = time.thread_time()
            try:
                return work(*given, **named)
            finally:
                spent = time.thread_time() - begun
                with self.lock:
                    setattr(self, name, getattr(self, name) + spent)

        return timed


@dataclass(frozen=True)
class Run:
    """What one import came to."""

    files: int
    outcomes: dict[str, int]
    references: int
    seconds: float
    processor_seconds: float
    share: float
    rates: list[float]
    memory_mib: list[float]
    stages: dict[str, float]
    """Processor seconds by what took them."""


def imported(gallery: Countenance, album: Path, count: int) -> Run:
    """Import the album, and count."""
    chunk = max(1, count // MARKS)
    clocked = Clocked()
    stages: Any = collector
    stages.decode = clocked.around(collector.decode, "decoding")
    recogniser: Any = Recogniser
    recogniser.recognise = clocked.around(Recogniser.recognise, "recognising")
    recogniser.closer = clocked.around(Recogniser.closer, "closer")
    collecting: Any = collector.Collector
    collecting._examine = clocked.around(collector.Collector._examine, "workers")
    marks: list[tuple[float, float]] = []

    def progress(done: int, total: int, said: str) -> None:
        if done % chunk == 0:
            marks.append((time.perf_counter(), _memory_mib()))

    before, own = time.process_time(), time.thread_time()
    begun = time.perf_counter()
    done = gallery.collecting.import_album("anna", [album], progress=progress)
    seconds = time.perf_counter() - begun
    processor, here = time.process_time() - before, time.thread_time() - own
    # Whatever is neither the reading and writing thread nor the rest of a worker is decoding or a network.
    rest = here + clocked.workers - clocked.decoding - clocked.recognising - clocked.closer
    rates = [chunk / (b[0] - a[0]) for a, b in pairwise(marks)]
    files = sum(done.outcomes.values())
    stages_s = {
        "decoding": clocked.decoding,
        "finding faces and templates, outside the networks": clocked.recognising + clocked.closer,
        "the networks' threads": processor - here - clocked.workers,
        "reading and writing": here,
        "the rest of the workers": clocked.workers - clocked.decoding - clocked.recognising - clocked.closer,
    }
    return Run(
        files, dict(done.outcomes), done.references, seconds, processor, 1 - rest / processor, rates,
        [m for _, m in marks], stages_s,
    )  # fmt: skip


def _memory_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def found_faces(recogniser: Recogniser, files: list[Path]) -> tuple[int, int, int]:
    """Faces found in whole photographs, those of them found again in scaled ones, and faces found only there."""
    whole = again = more = 0
    for file in files:
        raw = file.read_bytes()
        big = recogniser.recognise(decode(raw, ImageLimits()).pixels)
        picture = decode(raw, ImageLimits(), longest_side_hint=collector.SIDE_HINT)
        small = [found.face.box for found in recogniser.recognise(picture.pixels)]
        centres = [
            ((box.x + box.width / 2) * picture.reduction, (box.y + box.height / 2) * picture.reduction)
            for box in small
        ]
        boxes = [found.face.box for found in big]
        hits = [any(b.x <= x <= b.x + b.width and b.y <= y <= b.y + b.height for x, y in centres) for b in boxes]
        whole += len(boxes)
        again += sum(hits)
        more += max(0, len(centres) - sum(hits))
    return whole, again, more


def plain_loop(files: list[Path]) -> float:
    """Photographs a second of a plain loop over ``face_recognition``."""
    command = [str(PEERS / "bin" / "python"), "-W", "ignore", "-c", _LOOP, *map(str, files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return len(files) / float(done.stdout.split()[0])


def main() -> int:
    """Print the table; status 1 when there are too few photographs, or a file was taken for a duplicate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="prepare [PHOTOGRAPHS [DISTINCT]]")
    parser.add_argument("--most", type=int, default=PHOTOGRAPHS, help="import so many of the album's photographs")
    given = parser.parse_args()
    if given.what[:1] == ["prepare"]:
        count, different = (*map(int, given.what[1:3]), *(PHOTOGRAPHS, DISTINCT)[len(given.what[1:3]) :])
        prepare(count, different)
        return 0
    if not any(PLACE.glob("*.jpg")):
        print(f"No album in {PLACE}: making one of {SMALL} photographs, 0.35 GB.", file=sys.stderr, flush=True)
        prepare(SMALL, SMALL_DISTINCT)
    files = sorted(PLACE.glob("*.jpg"))[: given.most]
    if len(files) < 2 * MARKS:
        print(f"Make an album of {2 * MARKS} or more photographs: python -m benchmarks.imports prepare")
        return 1
    install_peers()
    recogniser = Recogniser.open(cache_folder())
    whole, again, more = found_faces(recogniser, files[:FOUND_SAMPLE])
    with tempfile.TemporaryDirectory(dir=PLACE.parent) as place:
        album = Path(place) / "album"
        album.mkdir()
        for file in files:
            os.link(file, album / file.name)
        gallery = Countenance.init(Path(place) / "gallery")
        until = (datetime.now(UTC) + timedelta(days=30)).date()
        gallery.permit("anna", purposes=["benchmark"], residence="GB", until=until)
        portrait = Image.fromarray(data.astronaut()).crop((60, 0, 380, 320))
        for number, one in enumerate((portrait, portrait.rotate(3), portrait.resize((500, 500)))):
            one.save(Path(place) / f"{number}.png")
        gallery.enrol("anna", [Path(place) / f"{number}.png" for number in range(3)])
        run = imported(gallery, album, len(files))
        gallery.close()
    peer = plain_loop(files[:: max(1, len(files) // PEER_SAMPLE)][:PEER_SAMPLE])
    rate = run.files / run.seconds
    size = sum(file.stat().st_size for file in files) / len(files) / 1e6
    early, late = statistics.median(run.memory_mib[1:4]), statistics.median(run.memory_mib[-3:])
    flat, times = late - early <= FLAT_MIB, rate / peer
    print("| work | measured | to reach | |\n|---|---|---|---|")
    _row(f"photographs imported, {WIDTH} x {HEIGHT} pixels, {size:.1f} MB", f"{run.files:,}", f"{PHOTOGRAPHS:,}")
    _row("photographs a second", f"{rate:.2f}")
    _row("slowest and fastest twentieth", f"{min(run.rates):.2f} to {max(run.rates):.2f}")
    _row(f"processors kept busy, of {os.cpu_count()}", f"{run.processor_seconds / run.seconds:.2f}")
    _row(
        "processor time in decoding, detection and templates",
        f"{run.share:.1%}", f"{LEAST_SHARE:.0%}", run.share >= LEAST_SHARE,
    )  # fmt: skip
    _row("memory in the first fifth and at the end", f"{early:.0f} and {late:.0f} MiB", "flat", flat)
    _row(f"plain loop over face_recognition, {PEER_SAMPLE} of the files", f"{peer:.3f} a second")
    _row("Countenance is", f"{times:.1f} times as fast", f"{LEAST_TIMES:.0f} times", times >= LEAST_TIMES)
    _row(
        f"faces found in {FOUND_SAMPLE} whole photographs, and of those in scaled ones",
        f"{whole} and {again}", "all", again == whole,
    )  # fmt: skip
    twice = run.outcomes.get("duplicate", 0)
    _row("files taken for duplicates", f"{twice:,}", "0", twice == 0)
    spent = ", ".join(f"{what} {seconds / run.processor_seconds:.1%}" for what, seconds in run.stages.items())
    print(
        f"\nOf the processor time: {spent}.\n\n{(PLACE / 'distinct.txt').read_text().split()[0]} distinct "
        f"photographs, composed, each several times with other bytes; {run.references:,} references came of it. "
        f"{more} faces were found in scaled photographs only. "
        + ("" if run.files >= PHOTOGRAPHS else f"{run.files:,} files stand for {PHOTOGRAPHS:,}: more were not run.")
    )
    return int(twice > 0)


def _row(work: str, measured: str, to_reach: str = "", met: bool | None = None) -> None:
    print(f"| {work} | {measured} | {to_reach} | {'' if met is None else _WORDS[met]} |")


if __name__ == "__main__":
    sys.exit(main())
