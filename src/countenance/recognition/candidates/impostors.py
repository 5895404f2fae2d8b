"""How high the scores of different people reach: an extreme-value tail with its uncertainty.

Rules kept here:

* The independent unit is the person, never the pair: 40 people make 78,000 comparisons and still only 780
  pairs of people. Uncertainty comes from drawing *people* with replacement (ISO/IEC 19795-1, the clauses on
  test size and on uncertainty of estimates; Bolle, Ratha and Pankanti 2004, "subset bootstrap").
* What the sample shows and what is extrapolated from it are told apart everywhere.
* An *expected* number is the mean over the uncertainty, so ignorance raises it.

The tail. Comparison scores here are cosines, so they end at 1 and their natural scale is the squared sine:
for directions spread evenly over ``d`` dimensions the chance of a cosine above ``s`` falls like
``(1 - s**2) ** ((d - 1) / 2)``, which is *exponential* in ``y = -ln(1 - s**2)``. Scores are centred on the
impostors' mean, carried over to ``y``, and a generalised Pareto distribution is fitted to what exceeds a
high quantile (Pickands 1975; Coles 2001, chapter 4). On that scale the shape is near 0 whatever the spectrum:
seven simulated worlds gave -0.05 to 0.02 (docs/adr/0010-thresholds.md), and that is the prior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.errors import CalibrationUnfit

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

EXCEEDANCE_SHARE = 0.02
"""Share of the impostor scores that the tail is fitted to; smaller once that leaves more than enough."""
EXCEEDANCES_ENOUGH = 20_000
EXCEEDANCES_LEAST = 30
SHAPE_PRIOR_SD = 0.03
"""Spread of the shape about 0, from the simulated worlds in docs/adr/0010-thresholds.md."""
REPLICATES = 300
RULE_OF_THREE = 3
"""No error in n independent trials says "below 3/n" with 95% confidence (ISO/IEC 19795-1, "rule of 3")."""
CONFIDENCE = 0.95
HIGHEST = 1.0 - 1e-9

BINS = 2000
"""Width of a histogram's bin over [-1, 1]: a thousandth."""
EDGES = np.linspace(-1.0, 1.0, BINS + 1)


def bin_of(scores: npt.NDArray[np.floating]) -> Integers:
    """Number of the histogram bin of each score."""
    return np.clip(((scores + 1.0) * (BINS / 2)).astype(np.int64), 0, BINS - 1)


@dataclass(frozen=True, slots=True, eq=False)
class NonMates:
    """Comparisons of different people, kept small: a histogram of all, and the highest one by one.

    ``first`` and ``second`` are the people of each of ``scores``, numbered 0 to ``people`` - 1. ``scores``
    holds every score above some level (or all of them). ``pictures`` is how many pictures each person has
    when everybody was compared with everybody; ``None`` for a list of pairs, when ``scores`` holds all.
    """

    histogram: Integers
    scores: Floats
    first: Integers
    second: Integers
    people: int
    pictures: Integers | None

    @property
    def comparisons(self) -> int:
        """How many comparisons there are altogether."""
        return int(self.histogram.sum())

    @property
    def mean(self) -> float:
        """Mean score, from the histogram."""
        middles = (EDGES[:-1] + EDGES[1:]) / 2
        return float((self.histogram * middles).sum() / max(1, self.comparisons))

    @property
    def pairs_of_people(self) -> int:
        """How many different pairs of people were compared: the number of independent trials, at best."""
        if self.pictures is not None:
            return self.people * (self.people - 1) // 2
        low, high = np.minimum(self.first, self.second), np.maximum(self.first, self.second)
        return len(np.unique(low * self.people + high))

    @classmethod
    def of(cls, scores: npt.NDArray[np.floating], first: Integers, second: Integers) -> NonMates:
        """From a list of pairs: the score of each and its two people (any integers)."""
        names, numbers = np.unique(np.concatenate([first, second]), return_inverse=True)
        n = len(scores)
        histogram = np.bincount(bin_of(scores), minlength=BINS).astype(np.int64)
        values = np.asarray(scores, np.float64)
        return cls(histogram, values, numbers[:n], numbers[n:], len(names), None)

    def comparisons_weighted(self, weights: Floats) -> float:
        """Sum over all comparisons of the product of the two people's ``weights``."""
        if self.pictures is None:
            return float((weights[self.first] * weights[self.second]).sum())
        each = weights * self.pictures
        return float((each.sum() ** 2 - (each**2).sum()) / 2)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the interval that holds it at 95%, and whether it goes beyond what the sample shows."""

    value: float
    low: float
    high: float
    extrapolated: bool

    def as_dict(self) -> dict[str, object]:
        """The JSON form; an infinite end becomes ``None``."""
        low, high = (v if np.isfinite(v) else None for v in (self.low, self.high))
        return {"value": self.value, "low": low, "high": high, "extrapolated": self.extrapolated}

    def scaled(self, by: float) -> Estimate:
        """The figure and its interval times ``by``."""
        return Estimate(self.value * by, self.low * by, self.high * by, self.extrapolated)


@dataclass(frozen=True, slots=True)
class Tail:
    """The generalised Pareto tail on the scale ``y``; ``share`` of the impostors exceed ``start`` (a score)."""

    centre: float
    start: float
    share: float
    scale: float
    shape: float
    replicates: tuple[tuple[float, float, float], ...]
    """(share, scale, shape) of each bootstrap draw of people."""
    fitted_shape: float
    """The shape that the sample alone would give, before the prior."""
    fitted_shape_sd: float

    def survival(self, score: float) -> tuple[float, Floats]:
        """Share of impostor scores at or above ``score`` (not below ``start``): central, and per replicate."""
        excess = float(stretch(np.array([score]), self.centre)[0] - stretch(np.array([self.start]), self.centre)[0])
        table = np.array([(self.share, self.scale, self.shape), *self.replicates])
        rates = _survival(max(0.0, excess), table)
        return float(rates[0]), rates[1:]


def stretch(scores: npt.NDArray[np.floating], centre: float) -> Floats:
    """``-ln(1 - c**2)`` of the scores centred on ``centre``; 0 at and below the centre."""
    centred = np.clip((np.asarray(scores, np.float64) - centre) / (1.0 - centre), 0.0, HIGHEST)
    stretched: Floats = -np.log1p(-(centred**2))
    return stretched


def _survival(excess: float, table: Floats) -> Floats:
    """Generalised Pareto survival for rows of (share, scale, shape); the exponential where the shape is tiny."""
    share, scale, shape = table.T
    flat = np.abs(shape) < 1e-6
    safe = np.where(flat, 1.0, shape)
    base = np.maximum(1.0 + safe * excess / scale, 0.0)
    with np.errstate(divide="ignore"):
        power = np.where(base > 0, base ** (-1.0 / safe), np.where(safe < 0, 0.0, np.inf))
    rates: Floats = share * np.where(flat, np.exp(-excess / scale), power)
    return rates


def fit_tail(sample: NonMates, rng: np.random.Generator, *, replicates: int = REPLICATES) -> Tail:
    """The tail of ``sample``'s scores, with ``replicates`` bootstrap draws of people.

    Raises CalibrationUnfit when fewer than 30 scores can be said to be extreme, or fewer than 5 people are there.
    """
    if sample.people < 5:
        raise CalibrationUnfit(f"a calibration needs at least 5 people, {sample.people} were given")
    wanted = int(min(EXCEEDANCES_ENOUGH, EXCEEDANCE_SHARE * sample.comparisons, len(sample.scores) - 1))
    if wanted < EXCEEDANCES_LEAST:
        raise CalibrationUnfit(
            f"{sample.comparisons} comparisons of different people are too few to see how high they reach"
        )
    order = np.argsort(-sample.scores, kind="stable")
    top = order[:wanted]
    centre, start = sample.mean, float(sample.scores[order[wanted]])
    if start >= HIGHEST:
        raise CalibrationUnfit("too many scores of different people are 1: the same pictures under two names?")
    excess = stretch(sample.scores[top], centre) - stretch(np.array([start]), centre)[0]
    first, second = sample.first[top], sample.second[top]
    share = wanted / sample.comparisons
    fitted = _fit_shape(excess, np.ones(wanted))

    # Draw people; a comparison counts as often as the product of its two people's draws.
    draws: list[tuple[float, Floats]] = []
    shapes: list[float] = []
    for _ in range(replicates):
        count = np.bincount(rng.integers(0, sample.people, sample.people), minlength=sample.people).astype(float)
        weights = count[first] * count[second]
        total = sample.comparisons_weighted(count)
        if weights.sum() < 1 or total < 1:
            continue
        draws.append((float(weights.sum()) / total, weights))
        shapes.append(_fit_shape(excess[weights > 0], weights[weights > 0]))
    if len(draws) < replicates // 2:
        raise CalibrationUnfit("the highest scores all belong to one or two people; more people are needed")

    # The sample alone says little about the shape; combine it with the prior by their precisions.
    deviations = np.array(shapes) - np.mean(shapes)
    variance = float(np.var(shapes))
    trust = SHAPE_PRIOR_SD**2 / (SHAPE_PRIOR_SD**2 + variance)
    shape = trust * fitted
    scale = _scale_given(excess, np.ones(wanted), shape)
    drawn_shapes = shape + np.sqrt(trust) * deviations
    drawn = np.array(
        [(p, _scale_given(excess, w, xi), xi) for (p, w), xi in zip(draws, drawn_shapes, strict=True)], np.float64
    )
    # A bootstrap of extremes is biased towards fewer of them, and drawing people twice counts the chance within
    # a couple three times (Owen 2007, "The pigeonhole bootstrap"): put the middle of the draws on the estimate,
    # and their spread on the one that treats couples sharing a person as dependent and no others.
    growth = (1 + shape) * excess / (scale + shape * excess) - 1
    spreads = (_dyadic_spread(sample, first, second), _dyadic_spread_of(growth, first, second, sample.people))
    for column, (middle, spread) in enumerate(zip((share, scale), spreads, strict=True)):
        logs = np.log(drawn[:, column])
        factor = min(1.0, spread / max(float(logs.std()), 1e-12))
        drawn[:, column] = middle * np.exp(factor * (logs - logs.mean()))
    rows = tuple((_brief(p), _brief(s), _brief(x)) for p, s, x in drawn)
    return Tail(centre, start, share, scale, shape, rows, fitted, float(np.sqrt(variance)))


def _brief(value: float) -> float:
    """Six significant digits: a draw is random in its third, and a stored calibration stays readable."""
    return float(f"{value:.6g}")


def _fit_shape(excess: Floats, weights: Floats) -> float:
    """Shape of the generalised Pareto distribution of greatest likelihood (Grimshaw 1993: one dimension)."""
    total, mean = weights.sum(), float((weights * excess).sum() / weights.sum())
    slopes = np.linspace(-3.0 / mean, (1.0 - 1e-4) / excess.max(), 300)
    slopes = slopes[np.abs(slopes) > 1e-9]
    shapes = np.array([(weights * np.log1p(-slope * excess)).sum() / total for slope in slopes])
    likelihood = -(np.log(-shapes / slopes) + shapes + 1.0)
    return float(np.clip(shapes[int(np.argmax(likelihood))], -0.5, 0.5))


def _scale_given(excess: Floats, weights: Floats, shape: float) -> float:
    """Scale of greatest likelihood for a known ``shape``: the root of a decreasing function, by bisection."""
    total = float(weights.sum())
    low, high = 1e-6 * float(excess.max()), 10.0 * float(excess.max())
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        room = middle + shape * excess
        too_small = bool(room.min() <= 0) or float(((1 + shape) * weights * excess / room).sum()) > total
        low, high = (middle, high) if too_small else (low, middle)
    return high


def _dyadic_spread_of(parts: Floats, first: Integers, second: Integers, people: int) -> float:
    """Standard deviation of the mean of ``parts``, one a comparison, where those that share a person depend.

    Dyadic cluster-robust variance (Aronow, Samii and Assenova 2015), and never below that of couples alone.
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    couples, at = np.unique(low * people + high, return_inverse=True)
    of_couple = np.bincount(at, parts, minlength=len(couples))
    of_person = np.bincount(first, parts, people) + np.bincount(second, parts, people)
    within, shared = float((of_couple**2).sum()), float((of_person**2).sum())
    return float(np.sqrt(max(shared - within, within))) / len(parts)


def _dyadic_spread(sample: NonMates, first: Integers, second: Integers) -> float:
    """Standard deviation of the logarithm of the share of comparisons that are extreme."""
    share = len(first) / sample.comparisons
    if sample.pictures is None:
        extreme = np.zeros(len(sample.scores))
        extreme[np.argsort(-sample.scores, kind="stable")[: len(first)]] = 1.0
        return _dyadic_spread_of(extreme / share - 1.0, sample.first, sample.second, sample.people)
    # Everybody against everybody: couples without an extreme score are counted without being listed.
    pictures = sample.pictures.astype(np.float64)
    low, high = np.minimum(first, second), np.maximum(first, second)
    couples, counts = np.unique(low * sample.people + high, return_counts=True)
    trials = pictures[couples // sample.people] * pictures[couples % sample.people]
    all_trials = ((pictures**2).sum() ** 2 - (pictures**4).sum()) / 2
    within = float((counts**2 - 2 * counts * share * trials).sum() + share**2 * all_trials)
    of_person = np.bincount(first, minlength=sample.people) + np.bincount(second, minlength=sample.people)
    shared = float(((of_person - share * pictures * (pictures.sum() - pictures)) ** 2).sum())
    return float(np.sqrt(max(shared - within, within))) / len(first)


def supported_by(sample: NonMates) -> tuple[float, float]:
    """The highest score, and the smallest false match rate, that the sample itself can speak for.

    It is the score that three different *pairs of people* reach: one look-alike couple may give a hundred
    high scores, and is still one event (the rule of 3, applied to independent units).
    """
    low, high = np.minimum(sample.first, sample.second), np.maximum(sample.first, sample.second)
    order = np.argsort(-sample.scores, kind="stable")
    couples = (low * sample.people + high)[order]
    _, first_seen = np.unique(couples, return_index=True)
    best = np.sort(first_seen)
    place = int(best[min(RULE_OF_THREE, len(best)) - 1])
    return float(sample.scores[order[place]]), (place + 1) / sample.comparisons
