"""Does a calibration tell the truth about people it has not seen? Fit on some, count on the others.

Rules kept here: the people counted on have no comparison in the fit; expected and observed counts are added
over all folds before they are divided, for a single fold's count of rare events is mostly chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from countenance.errors import CalibrationUnfit
from countenance.recognition.candidates.calibrate import calibrate
from countenance.recognition.candidates.evaluation.scoring import AllPairs, compare_all
from countenance.recognition.candidates.impostors import Integers
from countenance.terms import Vectors

FOLDS = 5
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
COUPLES_LEAST = 10
"""A count that fewer couples of people made is mostly chance, and no ratio is printed for it."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """At thresholds that should give ``rate``: false matches expected and observed with people never seen."""

    rate: float
    expected: float
    expected_low: float
    expected_high: float
    """Sums over the folds of the ends of each fold's 95% interval."""
    observed: int
    couples: int
    """Different couples of people behind ``observed``."""
    folds_within_two: int
    folds: int

    @property
    def ratio(self) -> float | None:
        """Observed over expected, or ``None`` where too few couples made it."""
        return self.observed / self.expected if self.couples >= COUPLES_LEAST and self.expected > 0 else None


def held_out(templates: Vectors, subjects: Integers, pairs: AllPairs, seed: int) -> tuple[HeldOut, ...]:
    """Five folds of people; empty when the sample is too small to fit a calibration on four fifths of it."""
    rng = np.random.default_rng([seed, 9])
    people = np.unique(subjects)
    fold_of = np.full(pairs.people, -1)
    fold_of[people] = rng.permutation(np.arange(len(people)) % FOLDS)
    pictures = np.bincount(subjects, minlength=pairs.people).astype(np.float64)
    sample = pairs.non_mates
    floor = float(sample.scores.min())
    expected, low_sum, high_sum = (np.zeros(len(RATES)) for _ in range(3))
    observed, inside = (np.zeros(len(RATES), np.int64) for _ in range(2))
    couples: list[set[int]] = [set() for _ in RATES]
    try:
        for fold in range(FOLDS):
            fitted = fold_of[subjects] != fold
            _, numbers = np.unique(subjects[fitted], return_inverse=True)
            part = compare_all(templates[fitted], numbers)
            calibration = calibrate(
                part.mate_scores, part.non_mates, model="", recipe="", description="", data="",
                pictures=int(fitted.sum()), measured_at=datetime(2000, 1, 1, tzinfo=UTC), seed=seed, replicates=80,
            )  # fmt: skip
            unseen = (fold_of[sample.first] == fold) | (fold_of[sample.second] == fold)
            seen = pictures * (fold_of != fold)
            trials = sample.comparisons - (seen.sum() ** 2 - (seen**2).sum()) / 2
            for k, rate in enumerate(RATES):
                threshold = calibration.threshold_for(rate, 1)
                if threshold.score < floor:
                    continue
                hits = unseen & (sample.scores >= threshold.score)
                low = np.minimum(sample.first[hits], sample.second[hits])
                high = np.maximum(sample.first[hits], sample.second[hits])
                couples[k] |= set((low * pairs.people + high).tolist())
                count, forecast = int(hits.sum()), rate * trials
                expected[k] += forecast
                low_sum[k] += threshold.expected_false_positives.low * trials
                high_sum[k] += threshold.expected_false_positives.high * trials
                observed[k] += count
                inside[k] += forecast / 2 <= count <= 2 * forecast
    except CalibrationUnfit:
        return ()
    return tuple(
        HeldOut(
            rate,
            float(expected[k]),
            float(low_sum[k]),
            float(high_sum[k]),
            int(observed[k]),
            len(couples[k]),
            int(inside[k]),
            FOLDS,
        )
        for k, rate in enumerate(RATES)
        if expected[k] > 0
    )
