"""What an order costs: plan, freeze, erasing to a certificate while searches go on, and checking the certificate.

Run alone: ``python -m benchmarks.erasure [--subjects 100000] [--share 10] [--full]``. Issue 4 asks, for 100,000
subjects with 3 references each on 2 cores: plan at most 3 s; freeze at most 1 s; 10,000 subjects to a certificate
at most 60 s while another process searches with a 95th percentile at most 3 times its idle one; check at most 1 s.
The gallery is simulated: random templates, residence in turn. ``--full`` adds the table of cost per erased subject
at 10,000, 100,000 and 1,000,000 references; without it the last one is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from types import ModuleType

import numpy as np

from countenance import Countenance, TemplateRow
from countenance.clock import SteppedClock
from countenance.custody.proof import verifier
from countenance.recognition.candidates.identify import Identifier
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.terms import Box, Vectors

REFERENCES_EACH = 3
DIMENSIONS = 128
SERVED = datetime(2022, 5, 18, 9, tzinfo=UTC)
ELSEWHERE = ("FR", "IT", "AU", "NL", "US-IL", "DE", "ES", "PL", "JP")
ORDER = "ico-2022"


def example_signing() -> ModuleType:
    """The examples' worthless keys; see examples/orders/sign.py."""
    path = Path(__file__).resolve().parents[1] / "examples" / "orders" / "sign.py"
    spec = importlib.util.spec_from_file_location("example_signing", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(subjects: int, share: int, seed: int = 7) -> Iterator[TemplateRow]:
    """``subjects`` times three simulated references; ``share`` of 100 subjects live in GB."""
    random = np.random.default_rng(seed)
    for number in range(subjects):
        centre = random.standard_normal(DIMENSIONS)
        residence = "GB" if number % 100 < share else ELSEWHERE[number % len(ELSEWHERE)]
        for _ in range(REFERENCES_EACH):
            values = centre + 0.5 * random.standard_normal(DIMENSIONS)
            template = (values / np.linalg.norm(values)).astype(np.float32)
            yield TemplateRow(f"simulated {number}", template, ("bench",), residence, date(2030, 1, 1))


def search(gallery: Countenance, probe: Vectors) -> list[str]:
    """Names found, through everything that ``identify`` does after the networks."""
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
    answer = identifier.identify((seen,), purpose="bench", limit=10, threshold=0.5)
    return [candidate.subject for candidate in answer.faces[0].candidates]


def searching(folder: Path, now: datetime, stop: Event, ready: Event, told: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    """A second process that searches until it is told to stop; gives back (moment, seconds) of every search."""
    times = []
    probes = np.random.default_rng(11).standard_normal((64, DIMENSIONS)).astype(np.float32)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    with Countenance(folder, clock=SteppedClock(now)) as gallery:
        search(gallery, probes[0])
        ready.set()
        while not stop.is_set():
            begun = time.perf_counter()
            search(gallery, probes[len(times) % 64])
            times.append((time.time(), time.perf_counter() - begun))
            time.sleep(0.05)
    told.put(times)


@dataclass
class Figures:
    """Seconds, or as the name says."""

    subjects: int
    erased: int = 0
    serve: float = 0
    plan: float = 0
    freeze: float = 0
    execute: float = 0
    check: float = 0
    judging: float = 0
    """Of executing: looking at everybody once more, to find who is inside."""
    index_epoch: float = 0
    """Of executing: dropping entries from the index, compacting it, and writing the next epoch's snapshot."""
    idle_p95: float = 0
    busy_p95: float = 0
    busy_most: float = 0


def run(folder: Path, subjects: int, share: int, *, other_process: bool = True) -> Figures:
    """One order on one fresh gallery."""
    signing = example_signing()
    data = (Path(signing.__file__ or "").parent / f"{ORDER}.json").read_bytes()
    authority = json.loads(data)["authority"]["name"]
    clock = SteppedClock(SERVED)
    found = Figures(subjects)
    with Countenance.init(folder / "gallery", clock=clock) as gallery:
        begun = time.perf_counter()
        gallery.enrol_templates(rows(subjects, share))
        say(f"enrolled {subjects * REFERENCES_EACH:,} references", begun)
        gallery.orders.register_authority(authority, signing.registered(authority).public_key)
        probe = next(row.template for row in rows(1, 100))
        assert search(gallery, probe)
        found.serve = timed("serve", lambda: gallery.orders.serve(data))
        found.plan = timed("plan", lambda: gallery.orders.plan(ORDER).as_dict())
        paper = folder / "paper.txt"
        paper.write_text("freeze now", "utf-8")

        def freeze() -> None:
            gallery.orders.event(ORDER, "freeze", paper)
            assert not search(gallery, probe), "a subject under the order was found after the freeze"

        found.freeze = timed("freeze, and the first search after it", freeze)
        clock.step(timedelta(days=60))
        apart = multiprocessing.get_context("spawn")
        stop, ready, told = apart.Event(), apart.Event(), apart.Queue()
        worker = apart.Process(target=searching, args=(folder / "gallery", clock.now(), stop, ready, told))
        if other_process:
            worker.start()
            ready.wait()
            time.sleep(10)
        index = [watched(gallery._searchable, name) for name in ("erase", "save", "describe", "confirm_absent")]
        judging = watched(gallery._execution, "_reach")
        started = time.time()
        answers: list[dict[str, object]] = []
        found.execute = timed(
            "execute to a certificate",
            lambda: answers.append(gallery.orders.execute(ORDER, progress=step).as_dict()),
        )
        ended = time.time()
        found.judging, found.index_epoch = judging(), sum(one() for one in index)
        found.erased = int(str(answers[0]["erased_subjects"]))
        if other_process:
            stop.set()
            times = told.get()
            worker.join()
            idle = [seconds for at, seconds in times if at < started]
            busy = [seconds for at, seconds in times if started <= at <= ended]
            found.idle_p95, found.busy_p95 = float(np.quantile(idle, 0.95)), float(np.quantile(busy, 0.95))
            found.busy_most = max(busy)
            print(f"  searches, idle: {len(idle)}, p95 {found.idle_p95 * 1000:.1f} ms")
            print(
                f"  during: {len(busy)}, p95 {found.busy_p95 * 1000:.1f} ms, longest {max(busy):.2f} s", flush=True
            )
        certificate = gallery.orders.certificate(ORDER)[0]
        keys = verifier.read_keys(gallery.log.keys())
        verdicts: list[verifier.Verdict] = []
        found.check = timed("check the certificate", lambda: verdicts.append(verifier.check(certificate, keys)))
        assert verdicts[0].ok
        assert gallery.status().subjects == subjects - found.erased
    return found


def watched(thing: object, method: str) -> Callable[[], float]:
    """Count the seconds spent in one method of an object from now on; returns what tells them."""
    plain, spent = getattr(thing, method), [0.0]

    def counted(*arguments: object, **named: object) -> object:
        begun = time.perf_counter()
        try:
            return plain(*arguments, **named)
        finally:
            spent[0] += time.perf_counter() - begun

    setattr(thing, method, counted)
    return lambda: spent[0]


def timed(what: str, work: object) -> float:
    """Run ``work`` and say how long it took, and how much of that this process computed; seconds."""
    begun, computed = time.perf_counter(), time.process_time()
    work()  # type: ignore[operator]
    return say(f"{what} (CPU {time.process_time() - computed:.2f} s)", begun)


def say(what: str, begun: float) -> float:
    """Print how long ``what`` took."""
    seconds = time.perf_counter() - begun
    print(f"  {what:<56} {seconds:8.3f} s", flush=True)
    return seconds


def step(done: int, total: int | None, what: str) -> None:
    """Print each step with its moment, so that a slow one can be seen."""
    print(f"    {time.strftime('%H:%M:%S')} {what}", flush=True)


def main() -> None:
    """Print the figures and hold them against the issue's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--share", type=int, default=10, help="of 100 subjects, how many the order reaches")
    parser.add_argument("--full", action="store_true", help="the table of cost by size, up to a million references")
    parser.add_argument("--no-table", action="store_true", help="leave out the table of cost by size")
    given = parser.parse_args()
    print("```text")
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), given.subjects, given.share)
    promised = {
        "plan": (figures.plan, 3.0),
        "freeze": (figures.freeze, 1.0),
        "execute": (figures.execute, 60.0),
        "p95 ratio": (figures.busy_p95 / figures.idle_p95, 3.0),
        "check": (figures.check, 1.0),
    }
    for name, (figure, limit) in promised.items():
        print(f"{name:<12} {figure:8.2f}   at most {limit:g}   {'kept' if figure <= limit else 'MISSED'}")
    if given.no_table:
        print("```")
        return
    print("cost per erased subject (1,000 subjects erased):")
    for references in (9_999, 99_999, 999_999) if given.full else (9_999, 99_999):
        subjects = references // REFERENCES_EACH
        with tempfile.TemporaryDirectory() as folder:
            one = run(Path(folder), subjects, max(1, round(100_000 / subjects)), other_process=False)
        rest = one.execute - one.judging - one.index_epoch
        print(
            f"{references:>10,} references: {one.erased:,} erased in {one.execute:.2f} s: judging all "
            f"{one.judging:.2f} s, index epoch {one.index_epoch:.2f} s, rest {1000 * rest / one.erased:.2f} ms each"
        )
    print("```")


if __name__ == "__main__":
    main()
