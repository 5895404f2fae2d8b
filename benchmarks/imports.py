"""An album of 12-megapixel photographs through ``import``, against a plain loop over ``face_recognition``.

    python -m benchmarks.imports prepare [PHOTOGRAPHS [DISTINCT]]   # makes the album, once; minutes, gigabytes
    python -m benchmarks.imports                         # imports it and prints the table

The album lies in ``COUNTENANCE_BENCHMARK_ALBUM`` or the temporary folder. Its photographs are made: the
public-domain portrait that scikit-image ships is the subject, people of the ORL set are the bystanders,
scikit-image's photographs are the background, with the noise of a sensor. Each is written many times with another
comment in its file, so that no two files have the same bytes. Processor time is counted in decoding, detection and
templates, and in everything else.
"""

from __future__ import annotations

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
PEER_SAMPLE, FOUND_SAMPLE = 12, 40
CHUNK = 250
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
        side = int(random.integers(500, min(cell, 1_700)))
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
    distinct = [photograph(number) for number in range(min(different, count))]
    (PLACE / "distinct.txt").write_text(str(len(distinct)))
    for number in range(count):
        whole = distinct[number % len(distinct)]
        comment = b"%012d" % number
        marked = whole[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + whole[2:]
        (PLACE / f"{number:06d}.jpg").write_bytes(marked)


@dataclass
class Clocked:
    """Processor seconds of threads inside some functions, summed over all threads."""

    inside: float = 0.0
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
    references: int
    seconds: float
    processor_seconds: float
    share: float
    rates: list[float]
    memory_mib: list[float]


def imported(gallery: Countenance) -> Run:
    """Import the album, and count."""
    clocked = Clocked()
    stages: Any = collector
    stages.decode = clocked.around(collector.decode, "inside")
    recogniser: Any = Recogniser
    recogniser.recognise = clocked.around(Recogniser.recognise, "inside")
    recogniser.closer = clocked.around(Recogniser.closer, "inside")
    collecting: Any = collector.Collector
    collecting._examine = clocked.around(collector.Collector._examine, "workers")
    marks: list[tuple[float, float]] = []

    def progress(done: int, total: int, said: str) -> None:
        if done % CHUNK == 0:
            marks.append((time.perf_counter(), _memory_mib()))

    before, own = time.process_time(), time.thread_time()
    begun = time.perf_counter()
    done = gallery.collecting.import_album("anna", [PLACE], progress=progress)
    seconds = time.perf_counter() - begun
    processor, here = time.process_time() - before, time.thread_time() - own
    # Whatever is neither the reading and writing thread nor the rest of a worker is decoding or a network.
    rest = here + clocked.workers - clocked.inside
    rates = [CHUNK / (b[0] - a[0]) for a, b in pairwise(marks)]
    files = sum(done.outcomes.values())
    return Run(files, done.references, seconds, processor, 1 - rest / processor, rates, [m for _, m in marks])


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
    """Print the table; status 1 when there is no album."""
    if sys.argv[1:2] == ["prepare"]:
        count, different = (*map(int, sys.argv[2:4]), *(PHOTOGRAPHS, DISTINCT)[len(sys.argv[2:4]) :])
        prepare(count, different)
        return 0
    files = sorted(PLACE.glob("*.jpg"))
    if len(files) < 2 * CHUNK:
        print("There is no album; make one with: python -m benchmarks.imports prepare")
        return 1
    install_peers()
    recogniser = Recogniser.open(cache_folder())
    whole, again, more = found_faces(recogniser, files[:FOUND_SAMPLE])
    with tempfile.TemporaryDirectory() as place:
        gallery = Countenance.init(Path(place) / "gallery")
        until = (datetime.now(UTC) + timedelta(days=30)).date()
        gallery.permit("anna", purposes=["benchmark"], residence="GB", until=until)
        portrait = Image.fromarray(data.astronaut()).crop((60, 0, 380, 320))
        for number, one in enumerate((portrait, portrait.rotate(3), portrait.resize((500, 500)))):
            one.save(Path(place) / f"{number}.png")
        gallery.enrol("anna", [Path(place) / f"{number}.png" for number in range(3)])
        run = imported(gallery)
        gallery.close()
    peer = plain_loop(files[:: max(1, len(files) // PEER_SAMPLE)][:PEER_SAMPLE])
    rate = run.files / run.seconds
    size = sum(file.stat().st_size for file in files) / len(files) / 1e6
    early, late = statistics.median(run.memory_mib[:3]), statistics.median(run.memory_mib[-3:])
    print("| work | measured | to reach |\n|---|---|---|")
    print(f"| photographs imported, {WIDTH} x {HEIGHT} pixels, {size:.1f} MB | {run.files:,} | {PHOTOGRAPHS:,} |")
    print(f"| photographs a second | {rate:.2f} | |")
    print(f"| slowest and fastest {CHUNK} in a row | {min(run.rates):.2f} to {max(run.rates):.2f} | |")
    print(f"| processors kept busy, of {os.cpu_count()} | {run.processor_seconds / run.seconds:.2f} | |")
    print(f"| processor time in decoding, detection and templates | {run.share:.1%} | 85% |")
    print(f"| memory after {CHUNK} to {3 * CHUNK} files, and of the last | {early:.0f} and {late:.0f} MiB | flat |")
    print(f"| plain loop over face_recognition, {PEER_SAMPLE} of the files | {peer:.3f} a second | |")
    print(f"| Countenance is | {rate / peer:.1f} times as fast | 5 times |")
    print(f"| faces found in whole photographs, and of those in scaled ones | {whole} and {again} | all |")
    print(
        f"\n{(PLACE / 'distinct.txt').read_text()} distinct photographs, composed, each several times with other "
        f"bytes; {run.references:,} references came of it. {more} faces were found in scaled photographs only. "
        + ("" if run.files >= PHOTOGRAPHS else f"{run.files:,} files stand for {PHOTOGRAPHS:,}: more were not run.")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
