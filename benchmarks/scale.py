"""The engine at a million references: filling, start to ready, identify, tuning, withdrawal, bulk addition.

Run alone: ``python -m benchmarks.scale [--references 1000000]``. Everything is simulated
(benchmarks.identities, five pictures a subject) and goes through the engine as templates do: sealed, logged,
searched with the whole of identify except the networks. ``engine over index`` is what the engine adds to the
index's own search.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.identities import Identities
from countenance import Countenance, TemplateRow
from countenance.index.protocol import Filter
from countenance.recognition.candidates.identify import Identification, Identifier
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store.references import Source
from countenance.terms import Box, Vectors

UNTIL = date(2035, 1, 1)
PURPOSE = "bench"
SEARCHES = 200


def rows(identities: Identities) -> Iterator[TemplateRow]:
    """Every simulated picture with its permission."""
    for owners, templates in identities.blocks():
        for owner, template in zip(owners.tolist(), templates, strict=True):
            yield TemplateRow(f"simulated {owner}", template, (PURPOSE,), "GB", UNTIL, Source.SIMULATED)


def newcomers(who: str, count: int = 20_000) -> Iterator[TemplateRow]:
    """Strangers who come later."""
    for templates in (block for _, block in Identities(subjects=count, each=1, seed=len(who)).blocks()):
        for number, template in enumerate(templates):
            yield TemplateRow(f"{who} {number}", template, (PURPOSE,), "FR", UNTIL, Source.SIMULATED)


def add(folder: Path) -> None:
    """What another process does meanwhile."""
    with Countenance(folder / "gallery") as gallery:
        gallery.enrol_templates(newcomers("newcomer"))


def identify(gallery: Countenance, probe: Vectors) -> Identification:
    """Everything that identify does after the networks."""
    face = Face(Box(0, 0, 100, 100), np.zeros((5, 2), np.float32), 1.0)
    seen = RecognisedFace(face, np.zeros((112, 112, 3), np.uint8), Quality(100, ()), probe)
    identifier = Identifier(
        gallery._database,
        gallery._vault,
        gallery._ledger,
        gallery._searchable,
        gallery._calibration(gallery.model),
        gallery._clock,
    )
    return identifier.identify((seen,), purpose=PURPOSE, limit=10, threshold=0.5)


class Sheet:
    """What was measured, printed as it comes."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    def note(self, name: str, value: float, unit: str) -> None:
        """One figure."""
        self.figures[f"{name} [{unit}]"] = round(value, 4)
        sys.stderr.write(f"{name:44} {value:12,.2f} {unit}\n")

    def timed(self, name: str, work: Callable[[], object]) -> float:
        """Seconds that ``work`` took."""
        begun = time.perf_counter()
        work()
        took = time.perf_counter() - begun
        self.note(name, took, "s")
        return took

    def spread(self, name: str, seconds: list[float]) -> None:
        """Median and 95th percentile, in milliseconds."""
        ordered = sorted(seconds)
        self.note(f"{name}, p50", 1000 * statistics.median(ordered), "ms")
        self.note(f"{name}, p95", 1000 * ordered[int(0.95 * (len(ordered) - 1))], "ms")


def each(work: Callable[[Vectors], object], probes: Vectors) -> list[float]:
    """Seconds of ``work`` for every probe."""
    took = []
    for probe in probes:
        begun = time.perf_counter()
        work(probe)
        took.append(time.perf_counter() - begun)
    return took


def run(folder: Path, references: int) -> Sheet:
    """One fresh gallery from nothing to the end."""
    sheet = Sheet()
    identities = Identities(subjects=references // 5)
    owners, probes = identities.probes(SEARCHES)
    with Countenance.init(folder / "gallery") as gallery:
        took = sheet.timed("enrol in bulk, and snapshot", lambda: gallery.enrol_templates(rows(identities)))
        sheet.note("enrol in bulk, one reference", 1000 * took / references, "ms")
    snapshot = next((folder / "gallery" / "index").glob("*.snapshot"))
    sheet.note("snapshot, one reference", snapshot.stat().st_size / references, "bytes")
    sheet.note("database, one reference", (folder / "gallery" / "gallery.db").stat().st_size / references, "bytes")
    measure(sheet, folder, owners, probes)
    for path in (folder / "gallery" / "index").glob("*.snapshot"):
        path.unlink()
    with Countenance(folder / "gallery") as gallery:
        took = sheet.timed("start to ready, rebuilt from sealed templates", gallery._searchable.current)
        sheet.note("rebuilt, references a second", references / took, "1/s")
    sheet.note("peak memory of this process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
    return sheet


def measure(sheet: Sheet, folder: Path, owners: Vectors, probes: Vectors) -> None:
    """What needs the gallery filled and open."""
    begun = time.perf_counter()
    with Countenance(folder / "gallery") as gallery:
        sheet.note("opening the gallery", time.perf_counter() - begun, "s")
        sheet.timed("the first search, snapshot loaded", lambda: identify(gallery, probes[0]))
        sheet.note("start to ready", time.perf_counter() - begun, "s")
        index = gallery._searchable.current()
        fact = index.describe()
        sheet.note("memory of the index, one reference", fact.memory_bytes / fact.references, "bytes")
        tuned = gallery.index.tune(0.999, seed=1)
        if tuned.tuning is not None:
            sheet.note("tuned: subject recall", tuned.tuning.subject_recall, "share")
            sheet.note("tuned: candidates", tuned.tuning.effort.candidates, "subjects")
        alone = each(lambda probe: index.search(probe[None], 18, Filter(purpose=0, today=0)), probes)
        sheet.spread("the index's own search", alone)
        whole = each(lambda probe: identify(gallery, probe), probes)
        sheet.spread("identify", whole)
        sheet.note("engine over index", 1000 * (statistics.median(whole) - statistics.median(alone)), "ms")
        found = [
            [one.subject for one in identify(gallery, probe).faces[0].candidates[:1]] == [f"simulated {owner}"]
            for owner, probe in zip(owners.tolist(), probes, strict=True)
        ]
        sheet.note("identify: right subject first", sum(found) / len(found), "share")
        adding: list[tuple[str, multiprocessing.process.BaseProcess | threading.Thread]] = [
            ("another process", multiprocessing.get_context("spawn").Process(target=add, args=(folder,))),
            ("a thread of this one", threading.Thread(target=lambda: gallery.enrol_templates(newcomers("later")))),
        ]
        for who, one in adding:
            begun, busy = time.perf_counter(), list[float]()
            one.start()
            while one.is_alive():
                busy += each(lambda probe: identify(gallery, probe), probes[len(busy) % SEARCHES :][:1])
            one.join()
            sheet.note(f"{who} adds 20,000 meanwhile, in", time.perf_counter() - begun, "s")
            sheet.spread(f"identify while {who} adds 20,000", busy)
        name = f"simulated {owners[0]}"
        begun = time.perf_counter()
        frozen: list[float] = []

        def told(done: int, total: int | None, what: str) -> None:
            if not frozen:
                frozen.append(time.perf_counter() - begun)

        gallery.withdraw(name, progress=told)
        sheet.note("withdraw: out of every search after", 1000 * frozen[0], "ms")
        sheet.note("withdraw: destroyed, confirmed, snapshot", time.perf_counter() - begun, "s")


def main() -> None:
    """Print a table as Markdown; progress and figures go to standard error as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        sheet = run(Path(folder), asked.references)
    if asked.out is not None:
        asked.out.write_text(json.dumps(sheet.figures, indent=2) + "\n", "utf-8")
    load = f"load average {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    print(f"{asked.references:,} references, five a subject; {load}")
    print("\n| what | figure |\n|---|---|")
    for name, value in sheet.figures.items():
        print(f"| {name} | {value:,.2f} |")


if __name__ == "__main__":
    main()
