"""An album of very many small files through ``import``: rate, memory, and what a kill costs.

    python -m benchmarks.many_files                                 # a million files in a folder
    python -m benchmarks.imports --small N [--packed folder|zip|tar]

What is measured is the pipeline around the networks: listing, fingerprints, duplicates, the record of files,
resuming. So few of the N files are photographs: one in 5,000 shows the subject, one in 1,000 is a tiny picture of
nobody. A tenth is text that is called a picture, each with other bytes; one in a hundred is called text and never
opened; the rest are exact copies of 64 files. The import runs in a process of its own, is killed with SIGKILL when
half is done, and starts again; then it runs a third time over the finished album.
"""

from __future__ import annotations

import io
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from countenance import Countenance

FILES = 1_000_000
COPIES = 64
PER_FOLDER = 10_000
MOST_LINKS = 50_000
"""Hard links to one file; ext4 allows 65,000."""
MARKS = 40
"""Times at which rate and memory are read."""
PACKINGS = ("folder", "zip", "tar")


def kind(number: int) -> str:
    """What the file of this number is."""
    if number % 5_000 == 0:
        return "subject"
    if number % 1_000 == 3:
        return "nobody"
    if number % 100 == 1:
        return "text"
    return "damaged" if number % 10 == 2 else "copy"


def files(count: int) -> Iterator[tuple[str, bytes, int | None]]:
    """Name and bytes of each file; for a copy also of which."""
    out = io.BytesIO()
    portrait = Image.fromarray(data.astronaut()).crop((30, 0, 350, 240))
    portrait.save(out, "JPEG", quality=85)
    photograph = out.getvalue()
    for number in range(count):
        name = f"{number // PER_FOLDER:04d}/{number:07d}"
        match kind(number):
            case "subject":
                comment = b"%012d" % number
                marked = photograph[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
                yield f"{name}.jpg", marked + photograph[2:], None
            case "nobody":
                grain = np.random.default_rng(number).integers(0, 256, (32, 32), np.uint8)
                yield f"{name}.pgm", b"P5 32 32 255\n" + grain.tobytes(), None
            case "text":
                yield f"{name}.txt", b"%d" % number, None
            case "damaged":
                yield f"{name}.jpg", b"no photograph, number %d" % number, None
            case _:
                which = number % COPIES
                yield f"{name}.jpg", b"no photograph, and a copy of %d" % which, which


def make(place: Path, count: int, packed: str) -> Path:
    """The album; returns what to import."""
    if packed == "folder":
        album = place / "album"
        made: dict[int, tuple[Path, int]] = {}
        for number, (name, content, copy) in enumerate(files(count)):
            target = album / name
            if number % PER_FOLDER == 0:
                target.parent.mkdir(parents=True)
            known = None if copy is None else made.get(copy)
            if copy is None or known is None or known[1] >= MOST_LINKS:
                target.write_bytes(content)
                os.utime(target, (1_700_000_000, 1_700_000_000))
                if copy is not None:
                    made[copy] = target, 1
            else:
                os.link(known[0], target)
                made[copy] = known[0], known[1] + 1
        return album
    album = place / f"album.{packed}"
    if packed == "zip":
        with zipfile.ZipFile(album, "w") as archive:
            for name, content, _ in files(count):
                archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content)
    else:
        with tarfile.open(album, "w", format=tarfile.USTAR_FORMAT) as tar:
            for name, content, _ in files(count):
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(content), 1_700_000_000
                tar.addfile(info, io.BytesIO(content))
                tar.members = []  # the writer would keep a million of them
    return album


@dataclass
class Run:
    """What one process told of its import."""

    seconds_to_first: float = 0.0
    """From its start to the first file that is not one of an earlier run."""
    seconds: float = 0.0
    marks: list[tuple[int, float, float]] = field(default_factory=list)
    """Files finished with, seconds since the start, resident MiB."""
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def rates(self) -> list[float]:
        """Files a second between the marks."""
        return [(b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(self.marks) if b[1] > a[1]]


def work(gallery: Path, album: Path, step: int) -> int:
    """In its own process: import, and say how far it is."""
    begun = time.monotonic()
    fresh = False
    with Countenance(gallery) as engine:
        done = 0

        def report(outcome: object) -> None:
            nonlocal done, fresh
            done += 1
            if not fresh and getattr(outcome, "became", "") != "earlier":
                fresh = True
                print(f"first {time.monotonic() - begun:.3f}", flush=True)
            if done % step == 0:
                resident = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]
                print(f"mark {done} {time.monotonic() - begun:.3f} {int(resident) / 1024:.1f}", flush=True)

        answer = engine.collecting.import_album("anna", [album], report=report)
    print(f"done {time.monotonic() - begun:.3f}", flush=True)
    for name, count in answer.outcomes.items():
        print(f"outcome {name} {count}", flush=True)
    return 0


def run(gallery: Path, album: Path, step: int, kill_at: int | None = None) -> Run:
    """One process, to its end or to the mark at which it is killed."""
    found = Run()
    command = [sys.executable, "-m", "benchmarks.many_files", str(gallery), str(album), str(step)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            what, *said = line.split()
            if what == "first":
                found.seconds_to_first = float(said[0])
            elif what == "mark":
                found.marks.append((int(said[0]), float(said[1]), float(said[2])))
                if kill_at is not None and int(said[0]) >= kill_at:
                    process.send_signal(signal.SIGKILL)
                    break
            elif what == "done":
                found.seconds = float(said[0])
            elif what == "outcome":
                found.outcomes[said[0]] = int(said[1])
    if kill_at is None and process.returncode != 0:
        raise RuntimeError(f"the import ended with status {process.returncode}")
    return found


def measure(count: int, packed: str, place: Path) -> int:
    """Print the table; status 1 when a file was lost or counted twice."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=place) as folder:
        gallery, step = Path(folder) / "gallery", max(1, count // MARKS)
        album = make(Path(folder), count, packed)
        making = time.monotonic() - begun
        with Countenance.init(gallery) as engine:
            until = (datetime.now(UTC) + timedelta(days=30)).date()
            engine.permit("anna", purposes=["benchmark"], residence="GB", until=until)
            portrait = Image.fromarray(data.astronaut()).crop((60, 0, 380, 320))
            for number, one in enumerate((portrait, portrait.rotate(3), portrait.resize((500, 500)))):
                one.save(Path(folder) / f"{number}.png")
            engine.enrol("anna", [Path(folder) / f"{number}.png" for number in range(3)])
        first = run(gallery, album, step, kill_at=count // 2)
        second = run(gallery, album, step)
        third = run(gallery, album, step)
        with Countenance(gallery) as engine:
            seen = engine.collecting.bystanders("anna").files
    wanted = sum(kind(number) != "text" for number in range(count))
    fresh = [rate for rate, (done, _, _) in zip(second.rates, second.marks, strict=False) if done >= count // 2]
    rates = [*first.rates, *fresh]
    early = statistics.median(m[2] for m in first.marks[:3])
    late = statistics.median(m[2] for m in second.marks[-3:])
    redone = first.marks[-1][0] - second.outcomes.get("earlier", 0)
    whole = seen == wanted and third.outcomes == {"earlier": wanted}
    tenth = max(1, len(rates) // 10)
    print("| work | measured |\n|---|---|")
    first_rate, last_rate = statistics.median(rates[:tenth]), statistics.median(rates[-tenth:])
    for name, said in {
        f"files in one {packed}, of them offered to the pipeline": f"{count:,} and {wanted:,}",
        "files a second, the middle of all fortieths": f"{statistics.median(rates):,.0f}",
        "files a second, in the first tenth and in the last": f"{first_rate:,.0f} and {last_rate:,.0f}",
        "from the start to the first file": f"{first.seconds_to_first:.1f} s",
        "memory at the start, at the kill, at the end": f"{early:.0f}, {first.marks[-1][2]:.0f}, {late:.0f} MiB",
        "SIGKILL after so many files": f"{first.marks[-1][0]:,}",
        "from the new start to the first new file": f"{second.seconds_to_first:.1f} s",
        "files looked at again after the kill": f"{max(0, redone):,}",
        "the same command once more, all finished": f"{third.seconds:.1f} s",
        "every file on record exactly once": "yes" if whole else "**no**",
        "seconds in all, and of them making the album": f"{time.monotonic() - begun:.0f} and {making:.0f}",
    }.items():
        print(f"| {name} | {said} |")
    print(f"\nOutcomes of the second run: {', '.join(f'{n:,} {o}' for o, n in sorted(second.outcomes.items()))}.")
    return int(not whole)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        sys.exit(work(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
    sys.exit(measure(FILES, PACKINGS[0], Path(tempfile.gettempdir())))
