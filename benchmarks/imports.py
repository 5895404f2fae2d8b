"""An album of 12-megapixel photographs through ``import``, against a plain loop over ``face_recognition``.

    python -m benchmarks.imports prepare [PHOTOGRAPHS [DISTINCT]]   # makes the album; minutes, 1.6 MB a photograph
    python -m benchmarks.imports [--most N] [--in FOLDER]           # imports it, or its first N; prints the table
    python -m benchmarks.imports --faces                            # only counts faces: whole against halved
    python -m benchmarks.imports --small N [--packed folder|zip|tar]   # very many small files; see many_files

The album (``benchmarks.album``) lies in ``COUNTENANCE_BENCHMARK_ALBUM`` or the temporary folder. Where there is
none, a small one is made: 200 photographs, 40 of them distinct, 0.35 GB, which stays there. With ``--in FOLDER``
the gallery and what was measured stay in that folder until the table is printed: a run that was ended goes on there
with the same command, and the table sums all its sittings. Processor time is counted in decoding, detection and
templates, and in everything else. No file may be taken for a duplicate, which the run checks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image
from skimage import data

from benchmarks import many_files
from benchmarks.album import DISTINCT, HEIGHT, PHOTOGRAPHS, PLACE, WIDTH, Pasted, distinct, pasted, prepare
from benchmarks.pipeline import PEERS, install_peers
from countenance import Countenance
from countenance.collection import collector
from countenance.collection.outcomes import FileOutcome
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM
from countenance.recognition.images import decode
from countenance.recognition.templates.recogniser import RecognisedFace, Recogniser
from countenance.settings import ImageLimits, cache_folder

SMALL, SMALL_DISTINCT = 200, 40
PEER_SAMPLE, FOUND_SAMPLE = 12, 200
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


@dataclass
class Clocked:
    """Processor seconds of threads inside some functions, over all threads; each second in the innermost only."""

    seconds: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    inside: threading.local = field(default_factory=threading.local)

    def around(self, work: Callable[..., Any], name: str) -> Callable[..., Any]:
        """``work``, whose time is added to the sum called ``name``."""

        def timed(*given: Any, **named: Any) -> Any:
            outer = getattr(self.inside, "spent", 0.0)
            self.inside.spent, begun = 0.0, time.thread_time()
            try:
                return work(*given, **named)
            finally:
                whole = time.thread_time() - begun
                with self.lock:
                    self.seconds[name] += whole - self.inside.spent
                self.inside.spent = outer + whole

        return timed


@dataclass(frozen=True)
class Mark:
    """How far a sitting is: files finished with by it, and what it has taken since it began."""

    sitting: int
    files: int
    seconds: float
    processor_seconds: float
    memory_mib: float
    stages: dict[str, float]
    """Processor seconds by what took them."""
    outcomes: dict[str, int]


def imported(gallery: Countenance, album: Path, count: int, notes: Path) -> None:
    """Import the album, or what is left of it, and write marks to ``notes``."""
    step = max(1, count // MARKS)
    clocked = Clocked()
    stages: Any = collector
    stages.decode = clocked.around(collector.decode, "decoding")
    stages.recognise_reduced = clocked.around(collector.recognise_reduced, "recognising")
    recogniser: Any = Recogniser
    recogniser.closer = clocked.around(Recogniser.closer, "recognising")
    collecting: Any = collector.Collector
    collecting._examine = clocked.around(collector.Collector._examine, "the rest of the workers")
    sitting = len({mark.sitting for mark in marks_in(notes)})
    before, own, begun = time.process_time(), time.thread_time(), time.perf_counter()
    became: Counter[str] = Counter()

    def report(outcome: FileOutcome) -> None:
        became[outcome.became] += 1
        fresh = outcome.became != "earlier"  # what was finished in another sitting says nothing of rate or memory
        if fresh and (became.total() % step == 0 or became.total() == count):
            mark()

    def mark() -> None:
        # Whatever is neither the reading and writing thread nor a worker's own time is a network's thread.
        processor, here = time.process_time() - before, time.thread_time() - own
        spent = clocked.seconds
        told = {
            "decoding": spent["decoding"],
            "finding faces and templates, outside the networks": spent["recognising"],
            "the networks' threads": processor - here - spent.total(),
            "reading and writing": here,
            "the rest of the workers": spent["the rest of the workers"],
        }
        files = became.total() - became["earlier"]
        seconds = time.perf_counter() - begun
        one = Mark(sitting, files, seconds, processor, _memory_mib(), told, dict(became))
        with notes.open("a") as file:
            file.write(json.dumps(asdict(one)) + "\n")

    gallery.collecting.import_album("anna", [album], report=report)


def marks_in(notes: Path) -> list[Mark]:
    """What was measured so far."""
    return [Mark(**json.loads(line)) for line in notes.read_text().splitlines()] if notes.exists() else []


def _memory_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@dataclass
class Faces:
    """Portraits in distinct photographs, and which of them were found and may be enrolled."""

    portraits: int = 0
    whole: int = 0
    both: int = 0
    halved: int = 0
    worth: int = 0
    """Good enough to enrol in the whole photograph."""
    worth_both: int = 0
    elsewhere_whole: int = 0
    """Finds that are in no portrait."""
    elsewhere_halved: int = 0


def faces(gallery: Countenance, files: list[Path]) -> Faces:
    """Look at whole photographs, and at the same ones as an import does."""
    parts: Any = gallery.collecting
    looking, whole = parts._collector(company=False), Recogniser.open(cache_folder())
    counted = Faces()
    for number, file in enumerate(files):
        raw, people = file.read_bytes(), pasted(number)
        big = _by_portrait(people, whole.recognise(decode(raw, ImageLimits()).pixels), 1)
        seen = looking._seen(raw, file.name)
        small = _by_portrait(people, seen.faces, seen.picture.reduction)
        counted.elsewhere_whole += big.pop(None, [0])[0]
        counted.elsewhere_halved += small.pop(None, [0])[0]
        good = {place for place, (_, quality) in big.items() if quality >= ENROLMENT_MINIMUM}
        counted.portraits += len(people)
        counted.whole += len(big)
        counted.halved += len(small)
        counted.both += len(big.keys() & small.keys())
        counted.worth += len(good)
        counted.worth_both += sum(place in small and small[place][1] >= ENROLMENT_MINIMUM for place in good)
    return counted


def _by_portrait(
    people: list[Pasted], found: tuple[RecognisedFace, ...], scale: int
) -> dict[int | None, list[int]]:
    """For each portrait in which a face was found: how many, and the best quality. None: in no portrait."""
    told: dict[int | None, list[int]] = {}
    for one in found:
        box = one.face.box
        x, y = (box.x + box.width / 2) * scale, (box.y + box.height / 2) * scale
        place = next((i for i, portrait in enumerate(people) if portrait.holds(x, y)), None)
        before = told.get(place, [0, 0])
        told[place] = [before[0] + 1, max(before[1], one.quality.score)]
    return told


def plain_loop(files: list[Path]) -> float:
    """Photographs a second of a plain loop over ``face_recognition``."""
    command = [str(PEERS / "bin" / "python"), "-W", "ignore", "-c", _LOOP, *map(str, files)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return len(files) / float(done.stdout.split()[0])


@contextmanager
def sitting(folder: Path | None) -> Iterator[tuple[Path, Countenance]]:
    """A place and a gallery in it that knows the subject; those of an earlier sitting if there are any."""
    place = folder or Path(tempfile.mkdtemp(dir=PLACE.parent))
    place.mkdir(parents=True, exist_ok=True)
    try:
        if (place / "ready").exists():
            gallery = Countenance(place / "gallery")
        else:
            shutil.rmtree(place / "gallery", ignore_errors=True)
            gallery = Countenance.init(place / "gallery")
            until = (datetime.now(UTC) + timedelta(days=30)).date()
            gallery.permit("anna", purposes=["benchmark"], residence="GB", until=until)
            portrait = Image.fromarray(data.astronaut()).crop((60, 0, 380, 320))
            for number, one in enumerate((portrait, portrait.rotate(3), portrait.resize((500, 500)))):
                one.save(place / f"{number}.png")
            gallery.enrol("anna", [place / f"{number}.png" for number in range(3)])
            (place / "ready").touch()
        with gallery:
            yield place, gallery
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def main() -> int:
    """Print the table; status 1 when there are too few photographs, or a file was taken for a duplicate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="prepare [PHOTOGRAPHS [DISTINCT]]")
    parser.add_argument("--most", type=int, default=PHOTOGRAPHS, help="import so many of the album's photographs")
    parser.add_argument("--in", dest="folder", type=Path, help="keep gallery and marks there until it is finished")
    parser.add_argument("--faces", action="store_true", help="only count faces, whole against halved")
    parser.add_argument("--small", type=int, metavar="N", help="import N small files instead")
    parser.add_argument("--packed", choices=many_files.PACKINGS, default="folder", help="with --small")
    given = parser.parse_args()
    if given.small is not None:
        return many_files.measure(given.small, given.packed, PLACE.parent)
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
    with sitting(given.folder) as (place, gallery):
        if given.faces:
            _print_faces(faces(gallery, files[: min(FOUND_SAMPLE, distinct())]))
            return 0
        install_peers()
        album = place / "album"
        album.mkdir(exist_ok=True)
        for file in files:
            if not (album / file.name).exists():
                os.link(file, album / file.name)
        notes = place / "marks.jsonl"
        if sum(mark.files for mark in _last(marks_in(notes))) < len(files):
            imported(gallery, album, len(files), notes)
        references = gallery.collecting.bystanders("anna").images_kept
        found = faces(gallery, files[: min(FOUND_SAMPLE, distinct())])
        marks = marks_in(notes)
    peer = plain_loop(files[:: max(1, len(files) // PEER_SAMPLE)][:PEER_SAMPLE])
    twice = _print_run(marks, references, peer, files)
    _print_faces(found)
    if given.folder is not None:
        shutil.rmtree(given.folder)
    return int(twice > 0)


def _last(marks: list[Mark]) -> list[Mark]:
    """The last mark of each sitting."""
    return list({mark.sitting: mark for mark in marks}.values())


def _print_run(marks: list[Mark], references: int, peer: float, files: list[Path]) -> int:
    """The table of the import; returns how many files were taken for duplicates."""
    ends = _last(marks)
    done, seconds = sum(m.files for m in ends), sum(m.seconds for m in ends)
    processor = sum(m.processor_seconds for m in ends)
    stages: Counter[str] = sum((Counter(m.stages) for m in ends), Counter())
    twice = sum(m.outcomes.get("duplicate", 0) for m in ends)
    share = 1 - (stages["reading and writing"] + stages["the rest of the workers"]) / processor
    rates = [
        (b.files - a.files) / (b.seconds - a.seconds)
        for a, b in pairwise(marks)
        if a.sitting == b.sitting and b.files > a.files
    ]
    memory = [m.memory_mib for m in marks]
    early, late = statistics.median(memory[1:4]), statistics.median(memory[-3:])
    middle = statistics.median(memory[len(memory) // 2 - 1 : len(memory) // 2 + 2])
    size = sum(file.stat().st_size for file in files) / len(files) / 1e6
    rate = done / seconds
    print("| work | measured | to reach | |\n|---|---|---|---|")
    _row(f"photographs imported, {WIDTH} x {HEIGHT} pixels, {size:.1f} MB", f"{done:,}", f"{PHOTOGRAPHS:,}")
    _row("photographs a second", f"{rate:.2f}")
    if rates:
        _row("slowest and fastest twentieth", f"{min(rates):.2f} to {max(rates):.2f}")
    _row(f"processors kept busy, of {os.cpu_count()}", f"{processor / seconds:.2f}")
    enough, times = share >= LEAST_SHARE, rate / peer
    _row("processor time in decoding, detection and templates", f"{share:.1%}", f"{LEAST_SHARE:.0%}", enough)
    _row("memory in the first fifth, in the middle and at the end", f"{early:.0f}, {middle:.0f} and {late:.0f} MiB",
         "flat", late - early <= FLAT_MIB)  # fmt: skip
    _row(f"plain loop over face_recognition, {PEER_SAMPLE} of the files", f"{peer:.3f} a second")
    _row("Countenance is", f"{times:.1f} times as fast", f"{LEAST_TIMES:.0f} times", times >= LEAST_TIMES)
    _row("files taken for duplicates", f"{twice:,}", "0", twice == 0)
    spent = ", ".join(f"{what} {took / processor:.1%}" for what, took in stages.items())
    print(
        f"\nOf the processor time: {spent}. {len(ends)} sitting(s).\n\n{distinct()} distinct photographs, "
        f"composed, each several times with other bytes; {references:,} references came of it. "
        + ("" if done >= PHOTOGRAPHS else f"{done:,} files stand for {PHOTOGRAPHS:,}: more were not run.")
        + "\n"
    )
    return twice


def _print_faces(found: Faces) -> None:
    print("| faces, whole photographs against what an import sees | measured | to reach | |\n|---|---|---|---|")
    _row("portraits pasted into distinct photographs", f"{found.portraits}")
    _row("found in whole ones, and of those in halved ones", f"{found.whole} and {found.both}", "all",
         found.both == found.whole)  # fmt: skip
    _row("good enough to enrol in whole ones, and of those in halved ones", f"{found.worth} and {found.worth_both}",
         "all", found.worth_both == found.worth)  # fmt: skip
    _row("found in halved ones", f"{found.halved}")
    _row("finds in no portrait, whole and halved", f"{found.elsewhere_whole} and {found.elsewhere_halved}")


def _row(work: str, measured: str, to_reach: str = "", met: bool | None = None) -> None:
    print(f"| {work} | {measured} | {to_reach} | {'' if met is None else _WORDS[met]} |")


if __name__ == "__main__":
    sys.exit(main())
