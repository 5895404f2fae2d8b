"""How several references of a subject, or several frames of a face, become one score: chosen by measurement.

Rules kept here: every way is measured on the same searches, with the same people left out; what is compared is
the miss rate at the same share of strangers shown, since a way of combining moves all scores.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from countenance.errors import SampleTooSmall
from countenance.recognition.candidates.evaluation.intervals import Rate, draw_mean, draw_people, rate
from countenance.recognition.candidates.evaluation.metrics import threshold_at_fmr
from countenance.recognition.candidates.evaluation.openset import (
    Fusion,
    Searches,
    best_reference,
    mean_score,
    mean_template,
    quality_weighted,
    search_rounds,
)
from countenance.recognition.candidates.impostors import Floats, Integers
from countenance.terms import Vectors

WAYS: tuple[tuple[str, Fusion], ...] = (
    ("best reference", best_reference),
    ("mean template", mean_template),
    ("quality-weighted template", quality_weighted),
    ("mean score", mean_score),
)
STRANGERS_SHOWN = 0.01
FRAMES = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One way of combining. Rates at the threshold that shows ``STRANGERS_SHOWN`` of the strangers somebody."""

    way: str
    missed: Rate
    """FNIR(N, 1, T) with T at FPIR(N, T) = 1%."""
    rank_one: Rate
    """Share of searches whose mate is not at rank one, whatever its score."""
    threshold: float


@dataclass(frozen=True, slots=True)
class FusionTable:
    """References of a subject, and frames of a probe, combined in each way."""

    references: tuple[Row, ...]
    frames: tuple[Row, ...]
    """Probes of up to three pictures as one track; empty when there are too few pictures."""


def fusion_table(templates: Vectors, subjects: Integers, qualities: Integers, seed: int) -> FusionTable:
    """Measure every way on the same rounds. Raises SampleTooSmall like ``search_rounds``."""
    drawn = draw_people(int(subjects.max()) + 1, np.random.default_rng([seed, 5]))
    references = [
        _row(
            name, search_rounds(templates, subjects, qualities, np.random.default_rng([seed, 6]), fusion=way), drawn
        )
        for name, way in WAYS
    ]
    frames = []
    for name, combine in (
        ("one frame", _first),
        ("mean of the frames", _mean),
        ("quality-weighted frames", _weighted),
    ):
        rows = _tracks(templates, subjects, qualities, np.random.default_rng([seed, 7]), combine)
        if rows is not None:
            frames.append(_row(name, rows, drawn))
    return FusionTable(tuple(references), tuple(frames))


def _row(name: str, searches: Searches, drawn: Floats) -> Row:
    try:
        threshold = threshold_at_fmr(searches.stranger_scores, STRANGERS_SHOWN)
    except SampleTooSmall:
        threshold = float(np.nextafter(searches.stranger_scores.max(), np.inf))
    people = searches.mate_people
    units = len(np.unique(people))
    missed = (~((searches.mate_scores >= threshold) & (searches.ranks == 1))).astype(np.float64)
    second = (searches.ranks > 1).astype(np.float64)
    what = "searches by enrolled people"
    return Row(
        name,
        rate(int(missed.sum()), len(missed), units, "people", what, draw_mean(missed, people, drawn)),
        rate(int(second.sum()), len(second), units, "people", what, draw_mean(second, people, drawn)),
        threshold,
    )


def _first(rows: Vectors, qualities: Integers) -> Vectors:
    del qualities
    return np.asarray(rows[0], np.float32)


def _mean(rows: Vectors, qualities: Integers) -> Vectors:
    del qualities
    return np.asarray(rows.mean(axis=0), np.float32)


def _weighted(rows: Vectors, qualities: Integers) -> Vectors:
    return np.asarray((rows * np.maximum(qualities, 1)[:, None]).sum(axis=0), np.float32)


def _tracks(
    templates: Vectors,
    subjects: Integers,
    qualities: Integers,
    rng: np.random.Generator,
    combine: Callable[[Vectors, Integers], Vectors],
) -> Searches | None:
    """Searches in which three pictures of a person stand for three frames; one reference a person is enrolled."""
    people = [p for p in np.unique(subjects) if int((subjects == p).sum()) >= FRAMES + 1]
    if len(people) < 4:
        return None
    probes, references, owners = [], [], []
    for person in people:
        rows = rng.permutation(np.nonzero(subjects == person)[0])
        references.append(rows[0])
        for begin in range(1, len(rows) - FRAMES + 1, FRAMES):
            track = rows[begin : begin + FRAMES]
            row = combine(templates[track], qualities[track])
            probes.append(row / max(float(np.linalg.norm(row)), 1e-12))
            owners.append(len(references) - 1)
    scores = (np.stack(probes) @ templates[np.array(references)].T).astype(np.float64)
    own = np.array(owners)
    mates = scores[np.arange(len(own)), own]
    others = scores.copy()
    others[np.arange(len(own)), own] = -1.0
    persons = np.array(people, np.int64)[own]
    return Searches(
        size=len(people) - 1,
        references=len(people) - 1,
        mate_scores=mates,
        ranks=(1 + (others > mates[:, None]).sum(axis=1)).astype(np.int64),
        mate_people=persons,
        stranger_scores=others.max(axis=1),  # the same probe, had its person not been enrolled
        stranger_people=persons,
    )
