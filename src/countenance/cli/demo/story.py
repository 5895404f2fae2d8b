"""The story of the demonstration, told with what the engine really answers.

Rules kept here: every figure that is printed or written was measured in this run; what is simulated says
[simulated]; the gallery lives in a temporary folder and is gone at the end. If she is not found, or an unknown
person is, the demonstration says so and fails.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from countenance.cli.demo import report
from countenance.cli.demo.frames import CAMERAS, CCTV, HOPELESS, Camera, Portrait, admiral, astronaut, frame
from countenance.cli.demo.search import occurrences
from countenance.cli.demo.simulated import simulated_templates
from countenance.cli.door import Door, console
from countenance.cli.words import withdrawal
from countenance.engine import Countenance, Source, TemplateRow
from countenance.terms import Vectors

SUBJECTS = 100_000
SEED = 1962
PURPOSE = "demonstration"
RESIDENCE = "US-NY"
SUBJECT = "eileen-collins"
CAVEAT = "(Each probe is made from the portrait on record; another photograph of her would score lower.)"


@dataclass(frozen=True, slots=True)
class Seen:
    """One face of a probe as the engine answered it, ready to be written down."""

    name: str
    what: str
    expected: str | None
    """Whom the search should return; None: nobody."""
    box: list[float] | None
    quality: int | None
    candidates: list[dict[str, Any]]
    threshold: float
    milliseconds: float

    @property
    def as_it_should(self) -> bool:
        """Whether the first candidate is who it should be, or nobody is there who should not."""
        first = self.candidates[0]["subject"] if self.candidates else None
        return first == self.expected


@dataclass(slots=True)
class Story:
    """What happened, in the order in which it did; becomes demo.json and demo.html."""

    simulated_subjects: int
    credits: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    enrolled: dict[str, Any] = field(default_factory=dict)
    probes: list[Seen] = field(default_factory=list)
    closest_stranger: dict[str, Any] | None = None
    withdrawn: dict[str, Any] = field(default_factory=dict)
    after: list[Seen] = field(default_factory=list)
    traces: dict[str, Any] = field(default_factory=dict)
    control: int = 0
    """How often the same search found something that is there in the clear."""

    def as_dict(self) -> dict[str, Any]:
        """The JSON answer."""
        return {"went_as_it_should": self.went_as_it_should, "caveat": CAVEAT, **asdict(self)}

    @property
    def went_as_it_should(self) -> bool:
        """Found where she should be found, nobody found where nobody should be, and nothing left."""
        gone = bool(self.withdrawn.get("absent"))
        clear = not any(sum(traces["found"].values()) for traces in self.traces.values())
        clear = clear and self.control > 0
        return gone and clear and all(seen.as_it_should for seen in [*self.probes, *self.after])


def tell(door: Door, out: Path, *, subjects: int = SUBJECTS) -> bool:
    """Run the story, write ``demo.json``, ``demo.html`` and pictures into ``out``; True if it went as it should."""
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="countenance-demo-"))
    try:
        return _Telling(door, out, folder, subjects).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Telling:
    def __init__(self, door: Door, out: Path, folder: Path, subjects: int) -> None:
        self._door, self._out, self._folder = door, out, folder
        self._say: Callable[[str], None] = (lambda text: None) if door.as_json else console().print
        self._rng = np.random.default_rng(SEED)
        self._until = date.today() + timedelta(days=30)  # noqa: DTZ011 - a permission ends on a calendar day
        self._story = Story(subjects)
        self._frames: dict[str, bytes] = {}

    def run(self) -> bool:
        portrait, stranger = astronaut(), admiral()
        self._story.credits = [f"{p.person}: {p.credit}" for p in (portrait, stranger)]
        began = time.perf_counter()
        self._say("Countenance: a demonstration. Every figure is measured in this run.\n")
        engine = self._door.engine().init(self._folder / "gallery", keys=self._folder / "keys")
        with engine:
            self._fill(engine)
            self._enrol(engine, portrait)
            self._search(engine, portrait, stranger)
            self._forget(engine, portrait)
        self._story.seconds["all"] = round(time.perf_counter() - began, 1)
        report.write(self._out, self._story, self._frames)
        self._close()
        return self._story.went_as_it_should

    def _fill(self, engine: Countenance) -> None:
        total = self._story.simulated_subjects
        self._say(f"1. A gallery of {total:,} subjects [simulated]: templates of nobody, drawn by a generator,")
        self._say("   each with a permission [simulated], each sealed under keys of its own.")
        with self._timed("simulated gallery"), self._door.progress() as progress:
            engine.enrol_templates(
                self._nobodies(engine), progress=lambda done, _, what: progress(done, total, f"{what} [simulated]")
            )
        self._say(f"   {total:,} enrolled in {self._story.seconds['simulated gallery']:.1f} s.\n")

    def _nobodies(self, engine: Countenance) -> Iterator[TemplateRow]:
        number = 0
        for rows in simulated_templates(self._story.simulated_subjects, _dimensions(engine), self._rng):
            for template in rows:
                number += 1
                yield self._nobody(number, template)

    def _nobody(self, number: int, template: Vectors) -> TemplateRow:
        return TemplateRow(f"simulated-{number:06}", template, (PURPOSE,), RESIDENCE, self._until, Source.SIMULATED)

    def _enrol(self, engine: Countenance, portrait: Portrait) -> None:
        self._say(f"2. One real portrait: {portrait.person} ({portrait.credit}),")
        self._say("   enrolled under a permission [simulated] for one purpose and 30 days.")
        engine.permit(
            SUBJECT,
            purposes=[PURPOSE],
            residence=RESIDENCE,
            until=self._until,
            notice="[simulated] for this demonstration only",
            controller="[simulated] the person at this keyboard",
        )
        with self._timed("enrolment"):
            enrolment = engine.enrol(SUBJECT, [portrait.path])
        self._story.enrolled = enrolment.as_dict()
        self._say(
            f"   enrolled in {self._story.seconds['enrolment']:.1f} s, most of it to check and load the networks.\n"
        )

    def _search(self, engine: Countenance, portrait: Portrait, stranger: Portrait) -> None:
        picture = portrait.open()
        with self._timed("first search"):  # the index is brought into memory by the first search
            plain = engine.identify(portrait.path, purpose=PURPOSE)
        face = plain.faces[0].box
        self._say(f"3. Searching for her as cameras would see her. {CAVEAT}")
        for number, camera in enumerate((*CAMERAS, CCTV), 1):
            seen = self._look(engine, f"probe-{number}", camera, frame(picture, face, camera, self._rng), SUBJECT)
            self._story.probes.append(seen)
        self._say("\n4. Searching for people who cannot, or must not, be named:")
        nothing_left = frame(picture, face, HOPELESS, self._rng)
        self._story.probes.append(self._look(engine, "probe-hopeless", HOPELESS, nothing_left, None))
        unknown = Camera(f"unknown: {stranger.person}, not on record")
        self._story.probes.append(self._look(engine, "probe-unknown", unknown, stranger.path.read_bytes(), None))
        self._closest(engine, stranger)

    def _closest(self, engine: Countenance, stranger: Portrait) -> None:
        below = engine.identify(stranger.path, purpose=PURPOSE, limit=1, threshold=-1.0)
        closest = below.faces[0].candidates[0]
        self._story.closest_stranger = {"subject": closest.subject, "score": round(closest.score, 4)}
        kind = "[simulated] " if closest.subject != SUBJECT else ""
        self._say(
            f"   (the closest of {below.gallery_size:,} on record is {kind}{closest.subject} with a score of "
            f"{closest.score:.3f}; that is why there is a threshold)"
        )

    def _look(self, engine: Countenance, name: str, camera: Camera, probe: bytes, expected: str | None) -> Seen:
        start = time.perf_counter()
        found: dict[str, Any] = dict(engine.identify(probe, purpose=PURPOSE, limit=3).as_dict())
        milliseconds = (time.perf_counter() - start) * 1000
        face = found["faces"][0] if found["faces"] else None
        seen = Seen(
            name,
            camera.what,
            expected,
            None if face is None else face["box"],
            None if face is None else face["quality"]["score"],
            [] if face is None else face["candidates"],
            found["threshold"],
            round(milliseconds, 1),
        )
        self._frames[name] = probe
        self._say(f"   {camera.what:<58} {report.verdict(seen)}")
        return seen

    def _forget(self, engine: Countenance, portrait: Portrait) -> None:
        pieces = {"her name": SUBJECT.encode(), **_pieces(portrait)}
        self._story.traces["before"] = asdict(occurrences(self._folder / "gallery", pieces))
        self._say("\n5. She withdraws.")
        with self._timed("withdrawal"), self._door.progress() as progress:
            self._story.withdrawn = engine.withdraw(SUBJECT, progress=progress).as_dict()
        if not self._door.as_json:
            withdrawal(console(), self._story.withdrawn)
        self._say("\n6. Searching for her again:")
        again = Camera("after the withdrawal: her own portrait, untouched")
        self._story.after.append(self._look(engine, "after-portrait", again, portrait.path.read_bytes(), None))
        traces = occurrences(self._folder / "gallery", pieces)
        control = occurrences(self._folder / "gallery", {PURPOSE: PURPOSE.encode()}).found[PURPOSE]
        self._story.traces["after"] = asdict(traces)
        self._story.control = control
        self._say(
            f"\n7. Looking for bytes in {traces.files} files ({traces.size_bytes / 1e6:.0f} MB) of the data folder:"
        )
        for what in pieces:
            times = [self._story.traces[when]["found"][what] for when in ("before", "after")]
            self._say(f"   {what:<34} before she withdrew {times[0]}, afterwards {times[1]}")
        self._say("   (before, too: everything was sealed from the first write. That this search can find is shown")
        self._say(f"   by the word {PURPOSE}, which is no secret: {control} times)")

    def _close(self) -> None:
        self._say(f"\nAll of it took {self._story.seconds['all']:.0f} s. To look at: {self._out / 'demo.html'}")
        if not self._story.went_as_it_should:
            self._say("IT DID NOT GO AS IT SHOULD: see the lines marked with ! above.")
        if self._door.as_json:
            self._door.answer(self._story.as_dict(), lambda _: None)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._story.seconds[what] = round(time.perf_counter() - start, 3)


def _pieces(portrait: Portrait) -> dict[str, bytes]:
    """Bytes that the portrait's file, and its pixels, would leave if they were kept in the clear."""
    data = portrait.path.read_bytes()
    middle = len(data) // 2
    with Image.open(BytesIO(data)) as picture:
        row = np.asarray(picture.convert("RGB"))[picture.height // 4].tobytes()
    return {"a piece of her photograph's file": data[middle : middle + 64], "a row of its pixels": row[300:364]}


def _dimensions(engine: Countenance) -> int:
    """Length of the templates that the gallery's model makes."""
    model = engine.model
    return int(next(one.manifest.dimensions for one in engine.models() if one.manifest.sha256 == model))
