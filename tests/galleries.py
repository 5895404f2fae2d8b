"""Galleries for tests, on either database, and searches by template where no photograph is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from countenance import Countenance, TemplateRow
from countenance.clock import Clock, SteppedClock
from countenance.engine import searching
from countenance.index import embedded
from countenance.index.choice import GrowingIndex
from countenance.index.parts import Sizes
from countenance.recognition.candidates.identify import Identification, Identifier
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.terms import Box, Vectors

START = datetime(2027, 1, 4, 12, tzinfo=UTC)
UNTIL = date(2028, 1, 4)
DIMENSIONS = 128


@dataclass
class Galleries:
    """Makes galleries under ``root`` and opens them again, with a clock that stands at ``START``."""

    root: Path
    cache: Path
    new_database: Callable[[], str] | None = None
    new_place: Callable[[], str] | None = None
    """Makes a place for images in object storage; without it they are files."""
    clock: SteppedClock = field(default_factory=lambda: SteppedClock(START))
    opened: list[Countenance] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.root / "gallery"

    @property
    def keys(self) -> Path:
        """The key folder."""
        return self.root / "gallery.keys"

    def new(self, clock: Clock | None = None) -> Countenance:
        """An empty gallery."""
        url = None if self.new_database is None else self.new_database()
        place = None if self.new_place is None else self.new_place()
        made = Countenance.init(
            self.folder, cache=self.cache, database_url=url, blobs_url=place, clock=clock or self.clock
        )
        self.opened.append(made)
        return made

    def open(self, clock: Clock | None = None) -> Countenance:
        """The gallery, opened once more as another process would."""
        again = Countenance(self.folder, cache=self.cache, clock=clock or self.clock)
        self.opened.append(again)
        return again

    def close(self) -> None:
        """Close everything that was opened."""
        for one in self.opened:
            one.close()
        self.opened.clear()


def template(seed: int, *, near: Vectors | None = None, away: float = 0.4) -> Vectors:
    """A unit template, random by ``seed``; with ``near``, a little ``away`` from that one."""
    values = np.random.default_rng(seed).standard_normal(DIMENSIONS)
    values /= np.linalg.norm(values)
    if near is not None:
        values = near + away * values
    return (values / np.linalg.norm(values)).astype(np.float32)


def row(
    subject: str, values: Vectors, *, purposes: Sequence[str] = ("event-photos",), until: date = UNTIL
) -> TemplateRow:
    """A template with its permission."""
    return TemplateRow(subject, values, tuple(purposes), "GB", until)


def strangers(count: int, *, first_seed: int = 1000) -> list[TemplateRow]:
    """``count`` strangers with random templates."""
    return [row(f"stranger-{number:03d}", template(first_seed + number)) for number in range(count)]


def fill(gallery: Countenance, count: int, *, first_seed: int = 1000) -> None:
    """Enrol ``count`` strangers with random templates, all at once."""
    gallery.enrol_templates(strangers(count, first_seed=first_seed))


def embedded_above(patch: pytest.MonkeyPatch, references: int, *, newest: int = 50) -> None:
    """Make galleries of more than ``references`` embedded, so that a small one does what a large one does.

    From ``newest`` rows on they lie in segments: coarse codes and refinement.
    """

    def open_index(
        model: str, dimensions: int, expected: int = 0, *, refinement_folder: Path | None = None
    ) -> GrowingIndex:
        return GrowingIndex(
            model, dimensions, expected, refinement_folder=refinement_folder, exact_up_to=references
        )

    patch.setattr(searching, "open_index", open_index)
    patch.setattr(embedded, "Sizes", lambda: Sizes(newest=newest))


def permit(gallery: Countenance, subject: str, *purposes: str, until: date = UNTIL, returning: str = "") -> None:
    """A plain permission; ``returning`` for who was erased before."""
    gallery.permit(
        subject, purposes=purposes or ("event-photos",), residence="GB", until=until, returning=returning
    )


def search(
    gallery: Countenance,
    probe: Vectors,
    purpose: str = "event-photos",
    *,
    limit: int = 10,
    threshold: float | None = 0.5,
) -> Identification:
    """Search by template through everything that ``identify`` does after the networks."""
    box = Box(0, 0, 100, 100)
    landmarks = np.zeros((5, 2), np.float32)
    chip = np.zeros((112, 112, 3), np.uint8)
    face = RecognisedFace(Face(box, landmarks, 1.0), chip, Quality(100, ()), probe)
    identifier = Identifier(
        gallery._database,
        gallery._vault,
        gallery._ledger,
        gallery._searchable,
        gallery._calibration(gallery.model),
        gallery._clock,
    )
    return identifier.identify((face,), purpose=purpose, limit=limit, threshold=threshold)


def names(answer: Identification, face: int = 0) -> list[str]:
    """The candidates' names, best first."""
    return [one.subject for one in answer.faces[face].candidates]
