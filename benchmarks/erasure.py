"""What an order costs: plan, freeze, erasing to a certificate while searches go on, checking the certificate.

Promised, for 100,000 subjects with 3 references each on 2 cores: plan at most 3 s; freeze at most 1 s; 10,000
subjects to a certificate at most 60 s, while the 95th percentile of another process's searches is at most 3 times
that of idle ones; check at most 1 s. And: what erasing a subject costs does not grow with the gallery, beyond the
index epoch.

``python -m benchmarks.erasure`` does everything at 100,000 subjects and at 10,000 and 100,000 references. In steps,
with galleries that are made once and copied for each run:

    python -m benchmarks.erasure prepare FOLDER --references 9999     (and 99999, and 300000; with --seconds 60,
                                                                       say it again until it is done)
    python -m benchmarks.erasure pad FOLDER      (1,200,000 references, of which 300,000 can be found by a search;
                                                  with --times 16, 4,800,000)
    python -m benchmarks.erasure order FOLDER
    python -m benchmarks.erasure typed FOLDER
    python -m benchmarks.erasure served FOLDER
    python -m benchmarks.erasure sizes FOLDER --references 9999     (then 99999, then 1200000: it remembers in
                                                                     FOLDER, and holds the last against the first)

The gallery is simulated: random templates, residence in turn. A figure of a smaller order than the promised one is
shown as that, not as kept.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks import service
from benchmarks.service import PASSWORD
from countenance import Countenance, TemplateRow
from countenance.clock import SteppedClock
from countenance.custody.erasure.errand import Errand, Ground
from countenance.custody.proof import verifier
from countenance.oversight.parties import MACHINE, Role
from countenance.recognition.candidates.identify import Identifier
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import holder
from countenance.store import references as stored
from countenance.store import subjects as people
from countenance.terms import Box, SubjectId, Vectors

REFERENCES_EACH = 3
DIMENSIONS = 128
SERVED = datetime(2022, 5, 18, 9, tzinfo=UTC)
ELSEWHERE = ("FR", "IT", "AU", "NL", "US-IL", "DE", "ES", "PL", "JP")
ORDER = "ico-2022"
SUBJECTS = 100_000
SHARE = 10
"""Of 100 subjects, how many the order reaches."""
PROMISED_ERASED = 10_000
FEW, MANY, ROUNDS = 100, 1_000, 3
"""Subjects of the two erasures between which the cost of one more subject is measured, and how often."""
SMALLEST = 9_999
"""References of the smallest gallery whose cost is measured."""
GROWTH = 1.25
"""The cost of one more subject counts as the same up to this ratio: rounds of one size differ by as much."""


def example_signing() -> ModuleType:
    """The examples' worthless keys; see examples/orders/sign.py."""
    path = Path(__file__).resolve().parents[1] / "examples" / "orders" / "sign.py"
    spec = importlib.util.spec_from_file_location("example_signing", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def example_order(gallery: Countenance) -> bytes:
    """The example order as it is served; the key of its authority is registered."""
    signing = example_signing()
    data = (Path(signing.__file__ or "").parent / f"{ORDER}.json").read_bytes()
    authority = json.loads(data)["authority"]["name"]
    gallery.orders.register_authority(authority, signing.registered(authority).public_key)
    return data


def rows(subjects: int, share: int = SHARE, *, after: int = 0, seed: int = 7) -> Iterator[TemplateRow]:
    """Three simulated references for each subject from number ``after``; ``share`` of 100 subjects live in GB."""
    for number in range(after, subjects):
        random = np.random.default_rng((seed, number))
        centre = random.standard_normal(DIMENSIONS)
        residence = "GB" if number % 100 < share else ELSEWHERE[number % len(ELSEWHERE)]
        for _ in range(REFERENCES_EACH):
            values = centre + 0.5 * random.standard_normal(DIMENSIONS)
            template = (values / np.linalg.norm(values)).astype(np.float32)
            yield TemplateRow(
                f"simulated {number}", template, ("bench",), residence, date(2030, 1, 1), release="simulated"
            )


def gallery_of(folder: Path, references: int) -> Path:
    """Where the prepared gallery of that size lies."""
    return folder / f"{references}-references"


def prepare(folder: Path, references: int, seconds: float = float("inf")) -> None:
    """Make the gallery of that size, or go on making it for so many seconds; 5,000 subjects at a time."""
    place, subjects = gallery_of(folder, references), references // REFERENCES_EACH
    clock = SteppedClock(SERVED)
    begun = time.perf_counter()
    if not place.exists():
        Countenance.init(place, clock=clock).close()
    with Countenance(place, clock=clock) as gallery:
        while (done := gallery.status().references // REFERENCES_EACH) < subjects:
            until = min(done + 5_000, subjects)
            gallery.enrol_templates(rows(until, after=done))
            print(f"  {until:,} of {subjects:,} subjects, {time.perf_counter() - begun:.0f} s", flush=True)
            if time.perf_counter() - begun > seconds:
                break


PADDED_FROM = 10_000_000
"""Subjects that were only copied have numbers above this."""

_COPIED = {
    "subjects": {"subject_id": "subject_id + :far", "name_tag": "randomblob(32)"},
    "permissions": {"subject_id": "subject_id + :far", "permission_id": "substr(permission_id, 1, 30) || :mark"},
    "permission_purposes": {
        "subject_id": "subject_id + :far",
        "permission_id": "substr(permission_id, 1, 30) || :mark",
    },
    "residency_evidence": {"subject_id": "subject_id + :far", "evidence_id": "substr(evidence_id, 1, 14) || :mark"},
    "template_references": {
        "subject_id": "subject_id + :far",
        "reference_id": "reference_id + :far",
        "model": "'padding'",
    },
}
"""What changes when the rows of a gallery are copied within it, so that nothing is there twice."""


def pad(folder: Path, references: int, times: int) -> None:
    """Make a gallery ``times`` as large whose added records are in no search: copied rows, of another model.

    For the cost of erasing from large tables, where making as many real records would take hours.
    """
    source, place = gallery_of(folder, references), gallery_of(folder, times * references)
    Countenance(source, clock=SteppedClock(SERVED)).close()  # brings its schema up to date
    for suffix in ("", ".keys"):
        shutil.copytree(source.with_name(source.name + suffix), place.with_name(place.name + suffix))
    with closing(sqlite3.connect(place / "gallery.db")) as database:
        for copy in range(1, times):
            named = {"far": copy * PADDED_FROM, "mark": f"g{copy}"}
            for table, changed in _COPIED.items():
                columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                values = ", ".join(changed.get(column, column) for column in columns)
                query = f"INSERT INTO {table} SELECT {values} FROM {table} WHERE subject_id < {PADDED_FROM}"
                database.execute(query, {name: value for name, value in named.items() if f":{name}" in query})
            database.commit()
            print(f"  {(copy + 1) * references:,} references", flush=True)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def copied(folder: Path, references: int) -> Iterator[Path]:
    """A copy of the prepared gallery, its keys and an empty place beside it; deleted afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for suffix in ("", ".keys"):
            source = gallery_of(folder, references)
            shutil.copytree(source.with_name(source.name + suffix), Path(place) / f"gallery{suffix}")
        os.sync()
        yield Path(place) / "gallery"


def first_template(gallery: Countenance) -> Vectors:
    """A template of the first subject, whom the order reaches."""
    with gallery._database.read() as connection:
        owners = people.by_ids(connection, [1])
        held = stored.of_subjects(connection, [1])[SubjectId(1)]
    _, templates = TemplateReader(gallery._vault, owners).open(held[:1], DIMENSIONS)
    return templates[0]


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
    times: list[tuple[float, float]] = []
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

    erased: int = 0
    serve: float = 0
    plan: float = 0
    freeze: float = 0
    """The event itself and the first search after it, in one process."""
    typed: float = 0
    """The whole command on the command line: Python, imports, opening the gallery, freezing, closing."""
    elsewhere: float = 0
    """From the start of that command to the end of the first search of another process that found nobody."""
    served: float = 0
    """From asking a running service for it to the end of the first search of another process that found nobody."""
    execute: float = 0
    check: float = 0
    idle_p95: float = 0
    busy_p95: float = 0
    busy_most: float = 0


def order(folder: Path, references: int) -> Figures:
    """One order on a copy of a prepared gallery."""
    clock = SteppedClock(SERVED)
    found = Figures()
    subjects = references // REFERENCES_EACH
    with copied(folder, references) as place, Countenance(place, clock=clock) as gallery:
        data = example_order(gallery)
        probe = first_template(gallery)
        assert search(gallery, probe)
        paper = place.with_name("paper.txt")
        paper.write_text("freeze now", "utf-8")
        found.serve = timed("serve", lambda: gallery.orders.serve(data))
        found.plan = timed("plan", lambda: gallery.orders.plan(ORDER).as_dict())

        def freeze() -> None:
            gallery.orders.event(ORDER, "freeze", paper)
            assert not search(gallery, probe), "a subject under the order was found after the freeze"

        found.freeze = timed("freeze, and the first search after it", freeze)
        clock.step(timedelta(days=60))
        apart = multiprocessing.get_context("spawn")
        stop, ready, told = apart.Event(), apart.Event(), apart.Queue()
        worker = apart.Process(target=searching, args=(place, clock.now(), stop, ready, told))
        worker.start()
        ready.wait()
        time.sleep(10)
        started = time.time()
        answers: list[dict[str, object]] = []
        found.execute = timed(
            "execute to a certificate",
            lambda: answers.append(gallery.orders.execute(ORDER, progress=step).as_dict()),
        )
        ended = time.time()
        found.erased = int(str(answers[0]["erased_subjects"]))
        stop.set()
        times = told.get()
        worker.join()
        idle = [seconds for at, seconds in times if at < started]
        busy = [seconds for at, seconds in times if started <= at <= ended]
        found.idle_p95, found.busy_p95 = float(np.quantile(idle, 0.95)), float(np.quantile(busy, 0.95))
        found.busy_most = max(busy)
        print(f"  searches, idle: {len(idle)}, p95 {found.idle_p95 * 1000:.1f} ms")
        print(f"  during: {len(busy)}, p95 {found.busy_p95 * 1000:.1f} ms, longest {max(busy):.2f} s", flush=True)
        certificate = gallery.orders.certificate(ORDER)[0]
        keys = verifier.read_keys(gallery.log.keys())
        verdicts: list[verifier.Verdict] = []
        found.check = timed("check the certificate", lambda: verdicts.append(verifier.check(certificate, keys)))
        assert verdicts[0].ok
        assert gallery.status().subjects == subjects - found.erased
    return found


def typed(folder: Path, references: int, found: Figures) -> None:
    """The freeze as it is typed, with a service beside it that goes on searching."""
    with copied(folder, references) as place, Countenance(place) as gallery:
        probe = first_template(gallery)
        gallery.orders.serve(example_order(gallery))
        paper = place.with_name("paper.txt")
        paper.write_text("freeze now", "utf-8")
        assert search(gallery, probe)
        command = ["order", "freeze", ORDER, "--instrument", str(paper), "--gallery", str(place), "--json"]
        begun = time.perf_counter()
        program = Path(sys.executable).with_name("countenance")
        typing = subprocess.Popen([program, *command], stdout=subprocess.DEVNULL)
        ended = False
        while search(gallery, probe):
            assert not ended, "the freeze has ended, and its subjects are still found"
            ended = typing.poll() is not None
        found.elsewhere = say("freeze typed: until another process finds nobody any more", begun)
        assert typing.wait() == 0
        found.typed = say("freeze typed: until the command has ended", begun)


def over_http(folder: Path, references: int, found: Figures) -> None:
    """The freeze as a client of a running service asks for it, while another process searches."""
    with copied(folder, references) as place, Countenance(place) as gallery:
        probe = first_template(gallery)
        gallery.orders.serve(example_order(gallery))
        gallery.oversight.people.add(MACHINE, "operator", PASSWORD, roles=[Role.OPERATOR], customer_id=None)
        session = gallery.oversight.login("operator", PASSWORD).secret
        with service.served(service.Prepared(place.parent, "", "", "")) as server:
            asked = urllib.request.Request(
                f"http://127.0.0.1:{server.port}/v1/orders/{ORDER}/events",
                data=(
                    b'--b\r\nContent-Disposition: form-data; name="kind"\r\n\r\nfreeze\r\n'
                    b'--b\r\nContent-Disposition: form-data; name="instrument"; filename="paper.txt"\r\n\r\n'
                    b"freeze now\r\n--b--\r\n"
                ),
                headers={"Authorization": f"Bearer {session}", "Content-Type": "multipart/form-data; boundary=b"},
                method="POST",
            )
            assert search(gallery, probe)
            with ThreadPoolExecutor(1) as pool:
                begun = time.perf_counter()
                answer = pool.submit(lambda: urllib.request.urlopen(asked, timeout=60).status)
                while search(gallery, probe):
                    assert not answer.done(), "the freeze was answered, and its subjects are still found"
                found.served = say("freeze over HTTP: until another process finds nobody any more", begun)
                assert answer.result() in (200, 201)
                say("freeze over HTTP: until it is answered", begun)


@dataclass(frozen=True)
class Cost:
    """What erasing costs in a gallery of one size; seconds."""

    references: int
    near: bool
    """Whether the erased lie as close together as they do in the smallest gallery, or all over this one."""
    judging: float
    """Looking at everybody, to find who is inside an order."""
    index: float
    """Of the larger erasure: dropping entries from the index, compacting it, and writing the next snapshot."""
    one_more: tuple[float, ...]
    """What one more subject costs, without the index: in every round, least first."""
    computed: tuple[float, ...]
    """The same in processor seconds of this process."""
    fixed: float
    """What an erasure of nobody would cost, without the index; the median round."""


def cost(folder: Path, references: int, *, near: bool) -> Cost:
    """Pairs of erasures of different size on a copy of a prepared gallery.

    ``near``: of subjects from the first SMALLEST references only, so that as many share a page of the database at
    every size; otherwise of subjects all over it. Rests between transactions are waiting, not cost: there are none.
    """
    wanted = ROUNDS * (FEW + MANY)
    holder.RESTS = 0.0
    with copied(folder, references) as place, Countenance(place, clock=SteppedClock(SERVED)) as gallery:
        gallery.orders.serve(example_order(gallery))
        assert search(gallery, first_template(gallery))
        with gallery._database.read() as connection:
            held = [number for number in people.numbers(connection) if number < PADDED_FROM]
        held = held[: SMALLEST // REFERENCES_EACH] if near else held
        if len(held) < wanted + 2:
            raise SystemExit(f"This needs a gallery of at least {REFERENCES_EACH * (wanted + 2):,} references.")
        places = np.linspace(0, len(held) - 1, wanted + 2).astype(int)[1:-1]
        everybody = np.random.default_rng(3).permutation(np.array(held)[places])
        judging = watched(gallery._execution, "_reach")
        gallery.orders.plan(ORDER)
        index = [watched(gallery._searching, name) for name in ("erase", "describe", "confirm_absent")]
        spent: list[tuple[Spent, Spent]] = []
        for chosen in np.split(everybody, np.cumsum([FEW, MANY] * ROUNDS)[:-1]):
            before, begun = total(index), Spent.now()
            erased = gallery._eraser.erase(sorted(SubjectId(int(n)) for n in chosen), Errand(Ground.WITHDRAWAL))
            whole, apart = Spent.now() - begun, total(index) - before
            assert len(erased.subject_ids) == len(chosen)
            spent.append((whole - apart, apart))
        begun = time.perf_counter()
        gallery._searchable.save(always=True)
        saving = time.perf_counter() - begun
    few, many = spent[::2], spent[1::2]
    more = [large - small for (small, _), (large, _) in zip(few, many, strict=True)]
    slopes = sorted(one.wall / (MANY - FEW) for one in more)
    computed = sorted(one.processor / (MANY - FEW) for one in more)
    fixed = float(np.median([small.wall for small, _ in few])) - FEW * float(np.median(slopes))
    apart_s = float(np.median([apart.wall for _, apart in many]))
    return Cost(
        references, near, judging().wall, apart_s + saving, tuple(slopes), tuple(computed), fixed
    )  # fmt: skip


@dataclass(frozen=True)
class Spent:
    """Seconds on the wall, and of this process's processors."""

    wall: float = 0
    processor: float = 0

    @classmethod
    def now(cls) -> Spent:
        """What the clocks show."""
        return cls(time.perf_counter(), time.process_time())

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.wall + other.wall, self.processor + other.processor)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.wall - other.wall, self.processor - other.processor)


def total(parts: Sequence[Callable[[], Spent]]) -> Spent:
    """What was spent in all of ``parts``."""
    return sum((one() for one in parts), Spent())


def watched(thing: object, method: str) -> Callable[[], Spent]:
    """Count what is spent in one method of an object from now on; returns what tells it."""
    plain, spent = getattr(thing, method), [Spent()]

    def counted(*arguments: object, **named: object) -> object:
        begun = Spent.now()
        try:
            return plain(*arguments, **named)
        finally:
            spent[0] += Spent.now() - begun

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


def tell(found: Figures) -> None:
    """Hold the figures against the promised ones."""
    promised = {
        "plan": (found.plan, 3.0),
        "freeze": (found.freeze, 1.0),
        "execute": (found.execute, 60.0),
        "p95 ratio": (found.busy_p95 / found.idle_p95, 3.0),
        "check": (found.check, 1.0),
    }
    too_small = found.erased < PROMISED_ERASED
    print(f"{found.erased:,} subjects erased; promised for {PROMISED_ERASED:,} of {SUBJECTS:,}")
    for name, (figure, limit) in promised.items():
        verdict = "MISSED" if figure > limit else "within it, of a smaller order" if too_small else "met"
        print(f"{name:<12} {figure:8.2f}   at most {limit:g}   {verdict}")
    if found.served:
        print(f"freeze over HTTP, to a running service: {found.served:.2f} s")
    if found.typed:
        print(f"freeze as it is typed, Python's start included: {found.elsewhere:.2f} s; no promise is made of it")


def remembered(folder: Path, fresh: Cost) -> list[Cost]:
    """``fresh`` with what was measured of other sizes in the same folder, the smallest gallery first."""
    record = folder / "sizes.json"
    known = [Cost(**one) for one in json.loads(record.read_text("utf-8"))] if record.exists() else []
    every = {
        (one.near, one.references): replace(one, one_more=tuple(one.one_more), computed=tuple(one.computed))
        for one in [*known, fresh]
    }
    record.write_text(json.dumps([asdict(one) for one in every.values()]), "utf-8")
    return [every[near, size] for near, size in sorted(every) if near is fresh.near]


def tell_costs(every: Sequence[Cost]) -> None:
    """The table of cost by size, and whether the cost of a subject grows from the smallest to the largest."""
    print(
        "erased: as close together as in the smallest gallery" if every[0].near else "erased: all over the gallery"
    )
    for one in every:
        least, middle, most = (1000 * np.quantile(one.one_more, part) for part in (0, 0.5, 1))
        print(
            f"{one.references:>10,} references: judging all {one.judging:.2f} s, index epoch {one.index:.2f} s, an "
            f"erasure {one.fixed:.2f} s and {middle:.2f} ms a subject ({least:.2f} to {most:.2f}), processor "
            f"{1000 * float(np.median(one.computed)):.2f} ms",
            flush=True,
        )
    if len(every) > 1:
        ratio = float(np.median(every[-1].one_more) / np.median(every[0].one_more))
        computed = float(np.median(every[-1].computed) / np.median(every[0].computed))
        verdict = "the same" if ratio <= GROWTH else "MORE"
        print(
            f"a subject costs {ratio:.2f} times as much among {every[-1].references:,} references as among "
            f"{every[0].references:,}, and {computed:.2f} times the processor time; up to {GROWTH:g} counts as the "
            f"same   {verdict}"
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["prepare", "pad", "order", "typed", "served", "sizes"])
    parser.add_argument("folder", nargs="?", type=Path, help="where prepared galleries lie")
    parser.add_argument("--references", type=int, default=SUBJECTS * REFERENCES_EACH)
    parser.add_argument("--times", type=int, default=4, help="pad: how many times as large")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="prepare for no longer than this")
    given = parser.parse_args()
    if given.what is not None and given.folder is None:
        parser.error(f"{given.what} needs the folder of the prepared galleries")
    print("```text")
    match given.what:
        case "prepare":
            prepare(given.folder, given.references, given.seconds)
        case "pad":
            pad(given.folder, given.references, given.times)
        case "order":
            tell(order(given.folder, given.references))
        case "typed":
            typed(given.folder, given.references, Figures())
        case "served":
            over_http(given.folder, given.references, Figures())
        case "sizes":
            for near in (True, False):
                tell_costs(remembered(given.folder, cost(given.folder, given.references, near=near)))
        case _:
            with tempfile.TemporaryDirectory() as folder:
                for references in (SMALLEST, 99_999, SUBJECTS * REFERENCES_EACH):
                    prepare(Path(folder), references)
                found = order(Path(folder), SUBJECTS * REFERENCES_EACH)
                typed(Path(folder), SUBJECTS * REFERENCES_EACH, found)
                over_http(Path(folder), SUBJECTS * REFERENCES_EACH, found)
                tell(found)
                for near in (True, False):
                    tell_costs([cost(Path(folder), size, near=near) for size in (SMALLEST, 99_999)])
    print("```")


if __name__ == "__main__":
    main()
