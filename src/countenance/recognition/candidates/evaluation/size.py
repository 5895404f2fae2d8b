"""What happens as a gallery grows: measured on parts of the sample, extrapolated by the calibration beyond it.

Rules kept here:

* Measured points come from drawing galleries of fewer people out of the sample; they are drawn as points.
* Beyond the sample everything rests on the calibration's tail and is drawn as a band with its interval.
* The threshold may follow the gallery's size (then strangers shown stay, and misses rise) or stand still
  (then misses stay, and strangers shown rise); both are told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.evaluation.intervals import MARGIN
from countenance.recognition.candidates.evaluation.metrics import Scores
from countenance.recognition.candidates.impostors import Estimate, Floats, Integers
from countenance.terms import Vectors

SIZES = (200, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


@dataclass(frozen=True, slots=True)
class Measured:
    """Strangers shown, measured in galleries of ``references``; the prediction made for them beside it."""

    references: int
    fpir: float
    predicted: Estimate


@dataclass(frozen=True, slots=True)
class Projected:
    """A gallery of ``references``: its default threshold, and who is missed there."""

    references: int
    threshold: float
    expected: Estimate
    missed: float
    """Share of searches by enrolled people whose best mate score lies below the threshold: FNIR(N, any rank, T)."""
    missed_low: float
    missed_high: float
    expected_if_unchanged: Estimate
    """Expected false positives, had the threshold stayed where the sample's own gallery has it."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Both ways of looking at a growing gallery; ``live`` is the size of the user's own, if stated."""

    fixed_threshold: float
    measured: tuple[Measured, ...]
    projected: tuple[Projected, ...]
    live: int | None


def growth(
    templates: Vectors,
    subjects: Integers,
    calibration: Calibration,
    mate_scores: Scores,
    mate_people: Integers,
    drawn: Floats,
    *,
    live: int | None,
    seed: int,
) -> Growth:
    """``mate_scores`` and ``mate_people`` are of the searches by enrolled people; ``drawn`` is (draws, people)."""
    fixed = calibration.threshold_for(0.1, max(100, len(templates) // 2)).score
    rng = np.random.default_rng([seed, 8])
    measured = tuple(_measure(templates, subjects, calibration, fixed, rng))
    sizes = sorted({*SIZES, *([live] if live is not None and live > 0 else [])})
    projected = []
    for references in sizes:
        threshold = calibration.default_threshold(references).score
        missed = (mate_scores < threshold).astype(np.float64)
        total = np.bincount(mate_people, missed, drawn.shape[1])
        count = np.bincount(mate_people, minlength=drawn.shape[1])
        weight = drawn @ count
        low, high = np.quantile((drawn @ total)[weight > 0] / weight[weight > 0], [MARGIN, 1 - MARGIN])
        projected.append(
            Projected(
                references,
                threshold,
                calibration.expected_false_positives(threshold, references),
                float(missed.mean()),
                float(low),
                float(high),
                calibration.expected_false_positives(fixed, references),
            )
        )
    return Growth(fixed, measured, tuple(projected), live)


def _measure(
    templates: Vectors, subjects: Integers, calibration: Calibration, threshold: float, rng: np.random.Generator
) -> list[Measured]:
    """Strangers shown at ``threshold`` in galleries of 1/16 to 1/2 of the people, averaged over draws."""
    people = np.unique(subjects)
    rows: list[Measured] = []
    for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2):
        count = round(share * len(people))
        if count < 1:
            continue
        shown, references = [], []
        for _ in range(20 if len(templates) < 3000 else 2):
            inside = np.isin(subjects, rng.choice(people, count, replace=False))
            outside = np.nonzero(~inside)[0][:2000]
            scores = templates[outside] @ templates[inside].T
            shown.append(float((scores.max(axis=1) >= threshold).mean()))
            references.append(int(inside.sum()))
        size = round(float(np.mean(references)))
        predicted = calibration.expected_false_positives(threshold, size)
        rows.append(Measured(size, float(np.mean(shown)), predicted))
    return rows
