"""The service under load: over HTTP against in the process, many clients, too many, a large enrolment, start.

``python -m benchmarks.service [--references 1000000] [--keep FOLDER] [--part NAME ...]``. Client and server share
this machine's processors and talk over loopback only. References are simulated (benchmarks.identities, five a
subject); the probe is a 640 pixel JPEG of the public-domain portrait that scikit-image ships. Another crop of it
is enrolled, so every search runs the whole pipeline: decode, detect, template, index, candidates, decisions,
ledger, reviewers' table. After each part it is counted that every search did find her; else the benchmark fails.
Every part ends by itself.

With ``--keep`` the filled gallery stays in FOLDER for the next call, so that the parts can be run one by one.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from skimage import data as pictures

from benchmarks.identities import Identities
from benchmarks.scale import PURPOSE, rows
from countenance import Countenance
from countenance.errors import SubjectUnknown
from countenance.oversight.parties import MACHINE, CustomerClass, LegalBasis, Role
from countenance.settings import SERVICE_VARIABLE, ServiceSettings
from countenance.store import cases, reviews, searches

PARTS = ("start", "overhead", "many", "flood", "enrolment")
SECONDS = 60.0
OTHER_PURPOSE = "badge-photos"
MOST_BESIDE_S = 600.0
"""After this the enrolment beside searches is cancelled, and its rate is that of what was done."""
PASSWORD = "a password for a benchmark"
PORTRAIT = "the portrait"
"""Whom the searches find."""
BOUNDARY = b"----countenance-benchmark"


@cache
def portrait() -> Image.Image:
    """The public-domain portrait."""
    return Image.fromarray(pictures.astronaut())


def jpeg(side: int, *, shift: int = 0, quality: int = 88) -> bytes:
    """The portrait, ``side`` pixels wide; ``shift`` moves the crop so that no two have the same bytes."""
    moved = portrait().crop((shift % 40, shift // 40 % 40, 472 + shift % 40, 472 + shift // 40 % 40))
    buffer = io.BytesIO()
    moved.resize((side, side)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@dataclass
class Prepared:
    """A filled gallery, a key that may search under an authorised case, and one that may enrol."""

    folder: Path
    case_id: str
    key: str
    enroller: str


def prepare(folder: Path, references: int) -> Prepared:
    """Fill a gallery, or find it filled; register a customer with a case of 100,000 searches."""
    gallery_folder = folder / "gallery"
    if not gallery_folder.exists():
        with Countenance.init(gallery_folder) as gallery:
            gallery.enrol_templates(rows(Identities(subjects=references // 5)))
    with Countenance(gallery_folder) as gallery:
        put_portrait(gallery)
        oversight = gallery.oversight
        name = f"Bench {time.time_ns()}"
        customer = oversight.customers.register(
            MACHINE,
            name,
            customer_class=CustomerClass.PUBLIC_BODY,
            jurisdiction="GB",
            legal_basis=LegalBasis.PUBLIC_TASK,
            purposes=[PURPOSE, OTHER_PURPOSE],
        ).customer_id
        people = {}
        for role in (Role.INVESTIGATOR, Role.AUTHORISER):
            oversight.people.add(MACHINE, f"{role} {name}", PASSWORD, roles=[role], customer_id=customer)
            people[role] = oversight.authenticate(oversight.login(f"{role} {name}", PASSWORD).secret)
        end = datetime.now(UTC) + timedelta(days=30)
        case = oversight.cases.open(
            people[Role.INVESTIGATOR],
            purpose=PURPOSE,
            legal_basis=LegalBasis.PUBLIC_TASK,
            reference="benchmark",
            subject_matter="measuring",
            expires=end,
            quota=100_000,
        ).case_id
        oversight.cases.authorise(people[Role.AUTHORISER], case)
        key = oversight.keys.issue(MACHINE, customer, roles=[Role.INVESTIGATOR], expires=end)
        enroller = oversight.keys.issue(MACHINE, customer, roles=[Role.ENROLLER], expires=end)
        oversight.compartments.open(MACHINE, "bench", customer_id=customer)
        return Prepared(folder, case, key.secret, enroller.secret)


def put_portrait(gallery: Countenance) -> None:
    """Permit and enrol whom the searches find, unless an earlier call has."""
    try:
        gallery._ledger.find(PORTRAIT)
    except SubjectUnknown:
        until = (datetime.now(UTC) + timedelta(days=300)).date()
        gallery.permit(PORTRAIT, purposes=[PURPOSE], residence="GB", until=until)
    gallery.enrol(PORTRAIT, [jpeg(640, shift=17, quality=80)])  # passed over where it is enrolled already


@dataclass(frozen=True)
class Made:
    """Searches of a case so far, and how many of them found the portrait and put her before reviewers."""

    searches: int
    found: int
    before_reviewers: int

    @classmethod
    def now(cls, prepared: Prepared) -> Made:
        """As it is on record; nothing may be running."""
        with Countenance(prepared.folder / "gallery") as gallery:
            who = gallery._ledger.find(PORTRAIT).subject_id
            with gallery._database.read() as connection:
                made = set(cases.searches(connection, prepared.case_id))
                returned = {one.search_id for one, _ in searches.that_returned(connection, who)}
                items = reviews.items(connection, prepared.case_id)
        shown = {item.search_id for item in items if item.subject_id == who}
        return cls(len(made), len(made & returned), len(made & shown))

    def since(self, before: Made) -> Made:
        """What was added."""
        return Made(
            self.searches - before.searches,
            self.found - before.found,
            self.before_reviewers - before.before_reviewers,
        )


# -- the server ---------------------------------------------------------------------------------------------


@dataclass
class Server:
    """A service in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float

    def memory_mb(self) -> float:
        """Resident memory now."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def served(prepared: Prepared, **changes: object) -> Iterator[Server]:
    """A service on a free port of the loopback interface, ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = replace(
        ServiceSettings(gallery=str(prepared.folder / "gallery"), port=port, rate_a_minute=10_000_000),
        **changes,  # type: ignore[arg-type]
    )
    environment = {**os.environ, SERVICE_VARIABLE: settings.to_text()}
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "countenance.http"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/health/ready", timeout=5):
                    break
            except OSError:
                if process.poll() is not None or time.perf_counter() - begun > 120:
                    raise RuntimeError("the service did not start") from None
                time.sleep(0.02)
        yield Server(process, port, time.perf_counter() - begun)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


# -- the clients --------------------------------------------------------------------------------------------


def search_request(prepared: Prepared, image: bytes) -> bytes:
    """One search as bytes on the wire."""
    body = (
        b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + image + b"\r\n--" + BOUNDARY + b"--\r\n"
    )
    head = (
        f"POST /v1/cases/{prepared.case_id}/searches HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {prepared.key}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Answers:
    """What clients were answered."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    without_retry_after: int = 0

    def quantile(self, share: float) -> float:
        """Of the answered searches, in milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


async def client(port: int, request: bytes, until: float, answers: Answers) -> None:
    """One client: asks again as soon as it was answered; waits when it is told to."""
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    while time.perf_counter() < until:
        try:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert reader is not None
            begun = time.perf_counter()
            writer.write(request)
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split()[1])
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
            }
            await reader.readexactly(int(headers.get("content-length", 0)))
            answers.statuses[status] += 1
            if status == 201:
                answers.seconds.append(time.perf_counter() - begun)
            elif status == 429:
                if "retry-after" not in headers:
                    answers.without_retry_after += 1
                await asyncio.sleep(float(headers.get("retry-after", 1)))
            if headers.get("connection") == "close":
                writer.close()
                writer = None
        except (OSError, asyncio.IncompleteReadError):
            answers.lost += 1
            if writer is not None:
                writer.close()
            writer = None
    if writer is not None:
        writer.close()


def load(port: int, request: bytes, clients: int, seconds: float) -> Answers:
    """So many clients at once, for so long."""
    answers = Answers()

    async def run() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(client(port, request, until, answers) for _ in range(clients)))

    asyncio.run(run())
    return answers


# -- the parts ----------------------------------------------------------------------------------------------

Lines = list[tuple[str, str, str]]


def start(prepared: Prepared) -> Lines:
    """Start to ready."""
    with served(prepared) as server:
        return [("start to ready", f"{server.ready_s:.1f} s", "10 s")]


def overhead(prepared: Prepared) -> Lines:
    """The same searches in this process and over HTTP, one after the other."""
    image, seconds = jpeg(640), SECONDS / 3
    request = search_request(prepared, image)

    def inside() -> float:
        with Countenance(prepared.folder / "gallery") as gallery:
            who = gallery.oversight.authenticate(prepared.key)
            gallery.oversight.search(who, prepared.case_id, image)
            stop, counts = time.perf_counter() + seconds, []

            def work() -> int:
                done = 0
                while time.perf_counter() < stop:
                    gallery.oversight.search(who, prepared.case_id, image)
                    done += 1
                return done

            with ThreadPoolExecutor(4) as pool:
                counts = list(pool.map(lambda _: work(), range(4)))
            return sum(counts) / seconds

    def outside() -> float:
        with served(prepared) as server:
            load(server.port, request, 8, 3)
            return len(load(server.port, request, 8, seconds).seconds) / seconds

    pairs = [(inside(), outside()) for _ in range(2)]
    there, here = (statistics.mean(side) for side in zip(*pairs, strict=True))
    return [
        ("searches a second in the process, 4 threads", f"{there:.1f}", ""),
        ("searches a second over HTTP, 8 clients", f"{here:.1f}", ""),
        ("over HTTP of in the process", f"{100 * here / there:.0f}%", "70%"),
    ]


def many(prepared: Prepared) -> Lines:
    """32 clients for a minute."""
    with served(prepared) as server:
        request = search_request(prepared, jpeg(640))
        load(server.port, request, 4, 3)
        got = load(server.port, request, 32, SECONDS)
    wrong = sum(count for status, count in got.statuses.items() if status != 201) + got.lost
    p50, p99 = got.quantile(0.5), got.quantile(0.99)
    return [
        (f"32 clients, {SECONDS:.0f} s: searches", f"{len(got.seconds)}", ""),
        ("32 clients: errors", f"{wrong}", "0"),
        ("32 clients: p50, p99", f"{p50:.0f} ms, {p99:.0f} ms", ""),
        ("32 clients: p99 of p50", f"{p99 / p50:.1f} times", "5 times"),
    ]


def flood(prepared: Prepared) -> Lines:
    """500 clients for a minute."""
    with served(prepared) as server:
        request = search_request(prepared, jpeg(640))
        load(server.port, request, 32, 10)
        before, peak, stop = server.memory_mb(), [0.0], threading.Event()

        def watch() -> None:
            while not stop.wait(0.5):
                peak.append(server.memory_mb())

        watcher = threading.Thread(target=watch)
        watcher.start()
        got = load(server.port, request, 500, SECONDS)
        stop.set()
        watcher.join()
        after = server.memory_mb()
        alive = load(server.port, request, 1, 2)
    other = {status: count for status, count in got.statuses.items() if status not in (201, 429)}
    return [
        (
            f"500 clients, {SECONDS:.0f} s: searches, refused with 429",
            f"{got.statuses[201]}, {got.statuses[429]}",
            "",
        ),
        ("500 clients: refusals without Retry-After", f"{got.without_retry_after}", "0"),
        ("500 clients: other answers, connections lost", f"{other or 0}, {got.lost}", "0, 0"),
        ("500 clients: memory before, most, after", f"{before:.0f}, {max(peak):.0f}, {after:.0f} MB", "flat"),
        ("afterwards one client is answered", f"{dict(alive.statuses)}", "201 only"),
    ]


def enrolment(prepared: Prepared, count: int = 5000) -> Lines:
    """A job of so many images: a fifth of them alone, all of them while one client searches, from the upload on.

    The enrolled are permitted for another purpose than the searches': the probe shows the same face, and else
    it would be measured how answers grow with every image of one subject.
    """
    # Made before anything is measured: making them takes a processor for half a minute.
    images = [jpeg(240, shift=number, quality=70) for number in range(count)]
    with served(prepared) as server:
        request = search_request(prepared, jpeg(640))
        load(server.port, request, 1, 3)
        alone = _Enrolment(server.port, prepared, "alone", images[: count // 5])
        alone.send()
        while not alone.ended():
            time.sleep(0.2)
        idle = load(server.port, request, 1, SECONDS / 4)
        beside = _Enrolment(server.port, prepared, "beside searches", images)
        busy = Answers()
        sending = threading.Thread(target=beside.send)
        sending.start()
        while sending.is_alive() or not beside.ended():
            some = load(server.port, request, 1, 5)
            busy.seconds += some.seconds
            busy.statuses += some.statuses
            busy.lost += some.lost
            if beside.seconds() > MOST_BESIDE_S:
                beside.cancel()
        sending.join()
    return [
        ("enrolment as a job, nobody searching", alone.told(), ""),
        ("enrolment as a job, one client searching", beside.told(), "done"),
        ("search idle: p50, p95", f"{idle.quantile(0.5):.0f}, {idle.quantile(0.95):.0f} ms", ""),
        (
            "search meanwhile: number, p50, p95",
            f"{len(busy.seconds)}, {busy.quantile(0.5):.0f}, {busy.quantile(0.95):.0f} ms",
            "",
        ),
        ("search p95 meanwhile of idle", f"{busy.quantile(0.95) / idle.quantile(0.95):.1f} times", "3 times"),
        (
            "searches meanwhile that failed",
            f"{sum(c for s, c in busy.statuses.items() if s != 201) + busy.lost}",
            "0",
        ),
    ]


class _Enrolment:
    """One job of images of one subject, over HTTP."""

    def __init__(self, port: int, prepared: Prepared, name: str, images: list[bytes]) -> None:
        self._base = f"http://127.0.0.1:{port}/v1"
        self._prepared = prepared
        self._count = len(images)
        until = (datetime.now(UTC) + timedelta(days=300)).date().isoformat()
        name = f"Enrolled {name} {time.time_ns()}"
        permission = {"subject": name, "purposes": [OTHER_PURPOSE], "residence": "GB", "until": until}
        made = self._ask(
            "POST", "/compartments/bench/permissions", json.dumps(permission).encode(), "application/json"
        )
        self._path = f"/compartments/bench/subjects/{made['id']}/enrolments"
        self._body = b"".join(
            b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="images"; filename="'
            + str(number).encode() + b'.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + image + b"\r\n"
            for number, image in enumerate(images)
        ) + b"--" + BOUNDARY + b"--\r\n"  # fmt: skip
        self._begun = self._accepted = time.perf_counter()
        self._ended: float | None = None
        self._job: dict[str, Any] = {}

    def send(self) -> None:
        """Upload the images; the job begins."""
        self._begun = time.perf_counter()
        kind = f"multipart/form-data; boundary={BOUNDARY.decode()}"
        self._job = self._ask("POST", self._path, self._body, kind)
        self._accepted = time.perf_counter()

    def ended(self) -> bool:
        """Whether it is over."""
        if not self._job:
            return False
        self._job = self._ask("GET", f"/jobs/{self._job['job']}")
        if self._job["state"] in ("queued", "running"):
            return False
        self._ended = self._ended or time.perf_counter()
        return True

    def seconds(self) -> float:
        """Since the upload began."""
        return (self._ended or time.perf_counter()) - self._begun

    def cancel(self) -> None:
        """Stop it: the benchmark ends by itself."""
        if self._job:
            self._ask("DELETE", f"/jobs/{self._job['job']}")

    def told(self) -> str:
        """What became of it."""
        took, sent = self.seconds(), self._accepted - self._begun
        rate = self._job["done"] / (took - sent)
        done = f"{self._job['state']}, {self._job['done']} of {self._count} in {took:.0f} s"
        return f"{done}, of which {sent:.1f} s upload: {rate:.0f} a second"

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._prepared.enroller}", "Content-Type": kind}
        asked = urllib.request.Request(self._base + path, data=body, method=method, headers=headers)
        with urllib.request.urlopen(asked, timeout=600) as answer:
            document: dict[str, Any] = json.load(answer)
            return document


def main() -> None:
    """Print a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--images", type=int, default=5000, help="How many the enrolment takes.")
    parser.add_argument("--part", action="append", choices=PARTS)
    asked = parser.parse_args()
    # Five hundred clients and as many connections of the server need more than a shell's usual 1,024 files.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(asked.keep or Path(scratch), asked.references)
        lines: Lines = []
        before_all = Made.now(prepared)
        for part in asked.part or PARTS:
            print(f"-- {part}", file=sys.stderr, flush=True)
            before_part = Made.now(prepared)
            lines += enrolment(prepared, asked.images) if part == "enrolment" else globals()[part](prepared)
            made = Made.now(prepared).since(before_part)
            if not made.searches == made.found == made.before_reviewers:
                raise RuntimeError(f"{part}: a search has not found whom it had to find: {made}")
        made = Made.now(prepared).since(before_all)
    print(f"{asked.references:,} simulated references, five a subject; load average {before:.1f} before")
    print(
        f"{made.searches:,} searches were made; {made.found:,} of them found the portrait that is enrolled for it, "
        f"and {made.before_reviewers:,} put her before reviewers (counted on record after each part)\n"
    )
    print("| work | measured | to reach |\n|---|---|---|")
    for line in lines:
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
