"""From a comparison score to a likelihood ratio, by logistic regression, checked by the PAV algorithm.

Rules kept here:

* A likelihood ratio says how much more often such a score comes from one person than from two. It is not the
  chance that they are the same: that also needs to know who else could have been in the picture.
* It is never stated stronger than the sample can show: with n pairs of people, no further than n to 1.
* Both classes weigh the same, however many comparisons each has (Bruemmer and du Preez 2006, "Cllr").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from countenance.recognition.candidates.impostors import BINS, EDGES, Floats, Integers

MIDDLES: Floats = (EDGES[:-1] + EDGES[1:]) / 2


@dataclass(frozen=True, slots=True)
class LikelihoodRatios:
    """``ln(LR) = slope * score + offset`` between ``-limit`` and ``limit``; and the PAV staircase beside it."""

    slope: float
    offset: float
    limit: float
    stairs: tuple[tuple[float, float], ...]
    """PAV: (lowest score of a step, ln(LR) of the step), rising; the checking instrument, not the answer."""
    cost: float
    """Cllr in bits: 0 is perfect, 1 says nothing."""
    cost_least: float
    """Cllr after PAV: what the scores could give with perfect calibration."""

    def log_ratio(self, score: float) -> float:
        """Natural logarithm of the likelihood ratio of ``score``, kept within the limit."""
        return float(np.clip(self.slope * score + self.offset, -self.limit, self.limit))

    def stair(self, score: float) -> float:
        """Natural logarithm of the likelihood ratio by PAV."""
        at = int(np.searchsorted([s for s, _ in self.stairs], score, side="right")) - 1
        return self.stairs[max(0, at)][1]


def fit_ratios(mates: Integers, non_mates: Integers, *, independent: int) -> LikelihoodRatios:
    """From histograms (2000 bins over [-1, 1]) of mate and non-mate scores.

    ``independent`` is the number of pairs of people, which limits what may be claimed.
    """
    limit = float(np.log(max(2, independent)))
    slope, offset = _logistic(mates, non_mates)
    logistic = np.clip(slope * MIDDLES + offset, -limit, limit)
    pooled = _pool(mates, non_mates)
    levels = np.clip(pooled, -limit, limit)
    changes = np.concatenate([[0], np.nonzero(np.diff(levels))[0] + 1])
    stairs = tuple((float(EDGES[k]), float(levels[k])) for k in changes)
    return LikelihoodRatios(
        slope, offset, limit, stairs, _cost(mates, non_mates, logistic), _cost(mates, non_mates, pooled)
    )


def _logistic(mates: Integers, non_mates: Integers) -> tuple[float, float]:
    """Weighted logistic regression by Newton's method; a small ridge keeps separable samples finite."""
    weight_m, weight_n = mates / (2.0 * mates.sum()), non_mates / (2.0 * non_mates.sum())
    design = np.column_stack([MIDDLES, np.ones(BINS)])
    ridge = np.diag([1e-6, 0.0])
    theta = np.zeros(2)
    for _ in range(200):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ theta, -500, 500)))
        gradient = design.T @ (weight_m * (1 - p) - weight_n * p) - ridge @ theta
        hessian = (design * ((weight_m + weight_n) * p * (1 - p))[:, None]).T @ design + ridge
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        theta += step * min(1.0, 20.0 / float(np.abs(step).max() + 1e-12))
        if float(np.abs(step).max()) < 1e-9:
            break
    return float(theta[0]), float(theta[1])


def _pool(mates: Integers, non_mates: Integers) -> Floats:
    """ln(LR) per bin by pooling adjacent violators; one score of each kind at either end keeps it finite."""
    m, n = mates.astype(np.float64), non_mates.astype(np.float64)
    m[0] += 1.0
    m[-1] += 1.0
    n[0] += 1.0
    n[-1] += 1.0
    groups: list[tuple[float, float, int]] = []
    for k in range(BINS):
        if m[k] + n[k] == 0 and groups:
            groups[-1] = (groups[-1][0], groups[-1][1], groups[-1][2] + 1)
            continue
        groups.append((m[k], n[k], 1))
        while len(groups) > 1 and groups[-2][0] * groups[-1][1] >= groups[-1][0] * groups[-2][1]:
            b, a = groups.pop(), groups.pop()
            groups.append((a[0] + b[0], a[1] + b[1], a[2] + b[2]))
    prior = np.log(m.sum() / n.sum())
    with np.errstate(divide="ignore"):
        return np.concatenate([np.full(c, np.log(a) - np.log(b) - prior) for a, b, c in groups])


def _cost(mates: Integers, non_mates: Integers, log_ratios: Floats) -> float:
    """Cllr, in bits (Bruemmer and du Preez 2006, equation 10)."""
    of_mates = (mates * np.logaddexp(0.0, -log_ratios)).sum() / mates.sum()
    of_others = (non_mates * np.logaddexp(0.0, log_ratios)).sum() / non_mates.sum()
    return float((of_mates + of_others) / (2 * np.log(2.0)))
