"""The central figures: verification (1:1), identification (1:N), acquisition; each with what it rests on.

Rules kept here: an operating point is printed only where three couples of different people stand behind its
false match rate; otherwise the sentence says why it is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from countenance.errors import SampleTooSmall
from countenance.recognition.candidates.evaluation.acquire import Acquired
from countenance.recognition.candidates.evaluation.intervals import (
    MARGIN,
    DrawnCurves,
    Rate,
    draw_mean,
    draw_people,
    drawn_curves,
    edges,
    percent,
    rate,
)
from countenance.recognition.candidates.evaluation.metrics import (
    cmc,
    det,
    equal_error_rate,
    fnmr_at_fmr,
    threshold_at_fmr,
)
from countenance.recognition.candidates.evaluation.openset import Searches, leave_one_out_ranks
from countenance.recognition.candidates.evaluation.scoring import AllPairs, mate_histograms
from countenance.recognition.candidates.impostors import BINS, RULE_OF_THREE, Floats
from countenance.terms import Vectors

FALSE_MATCH_RATES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
FALSE_POSITIVE_RATES = (0.1, 0.03, 0.01)
LONGEST_RANK = 20
POINTS = 200


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """FNMR at the lowest threshold whose FMR is at most ``fmr``; ``threshold`` is ``None`` where not supported."""

    fmr: float
    threshold: float | None
    couples: int
    """Different couples of people among the false matches; of a large sample, among the highest 40,000."""
    fnmr: Rate


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One threshold of the DET with the 95% intervals of both rates."""

    threshold: float
    fmr: float
    fmr_low: float
    fmr_high: float
    fnmr: float
    fnmr_low: float
    fnmr_high: float


@dataclass(frozen=True, slots=True)
class Verification:
    """Comparisons one to one."""

    mates: int
    mate_people: int
    non_mates: int
    couples: int
    mate_mean: float
    mate_sd: float
    non_mate_mean: float
    non_mate_sd: float
    equal_error: Rate
    equal_error_threshold: float
    points: tuple[OperatingPoint, ...]
    curve: tuple[CurvePoint, ...]
    mate_histogram: tuple[int, ...]
    non_mate_histogram: tuple[int, ...]
    """Counts in 200 bins over [-1, 1]."""


@dataclass(frozen=True, slots=True)
class SearchPoint:
    """Open set at one threshold: who enrolled is missed, who is not enrolled is shown somebody."""

    target: float
    threshold: float | None
    fpir: Rate
    fnir: Rate


@dataclass(frozen=True, slots=True)
class Identification:
    """Searches one to many."""

    subjects: float
    """N, subjects in the gallery, mean over rounds."""
    references: float
    leave_one_out: Rate
    """Pictures whose best match among all other pictures is somebody else."""
    rank_one: float
    cmc: tuple[float, ...]
    points: tuple[SearchPoint, ...]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Pictures that gave no template, and those too poor to enrol."""

    failure_to_acquire: Rate
    failure_to_enrol: Rate
    minimum: int
    several_faces: int


def acquisition(acquired: Acquired, minimum: int, drawn: Floats) -> Acquisition:
    """FTA over all labelled pictures; FTE over them too: no template, or a quality below ``minimum``."""
    number = {name: k for k, name in enumerate(acquired.people)}
    people = np.array([number[p.subject] for p in acquired.labelled.pictures])
    lost = np.ones(len(people))
    lost[acquired.pictures] = 0.0
    poor = lost.copy()
    poor[acquired.pictures[acquired.qualities < minimum]] = 1.0
    units = len(acquired.people)
    return Acquisition(
        rate(int(lost.sum()), len(lost), units, "people", "pictures", draw_mean(lost, people, drawn)),
        rate(int(poor.sum()), len(poor), units, "people", "pictures", draw_mean(poor, people, drawn)),
        minimum,
        acquired.several_faces,
    )


def verification(pairs: AllPairs, rng: np.random.Generator, draws: int) -> Verification:
    """All 1:1 figures. Raises SampleTooSmall without comparisons of one person, or of different people."""
    sample = pairs.non_mates
    if len(pairs.mate_scores) == 0:
        raise SampleTooSmall("nobody has two pictures in which a face was found")
    if sample.comparisons == 0:
        raise SampleTooSmall("there is only one person")
    curves = drawn_curves(mate_histograms(pairs), pairs.histograms, draw_people(pairs.people, rng, draws))
    mates = pairs.mate_scores.astype(np.float64)
    units, couples = len(np.unique(pairs.mate_people)), sample.pairs_of_people
    curve, (eer, eer_threshold) = _curve(pairs, curves)
    low, high = np.quantile(curves.equal_error_rates(), [MARGIN, 1 - MARGIN])
    low, high = min(float(low), eer), max(float(high), eer)
    sentence = f"{percent(eer)} ({units} people; 95% interval {percent(low)} to {percent(high)})."
    equal = Rate(eer, low, high, round(eer * len(mates)), len(mates), units, "people", sentence)
    histogram = sample.histogram.reshape(200, -1).sum(axis=1)
    middles = (np.arange(BINS) + 0.5) / (BINS / 2) - 1
    mean = float((sample.histogram * middles).sum() / sample.comparisons)
    spread = float(np.sqrt((sample.histogram * (middles - mean) ** 2).sum() / sample.comparisons))
    return Verification(
        mates=len(mates),
        mate_people=units,
        non_mates=sample.comparisons,
        couples=couples,
        mate_mean=float(mates.mean()),
        mate_sd=float(mates.std()),
        non_mate_mean=mean,
        non_mate_sd=spread,
        equal_error=equal,
        equal_error_threshold=eer_threshold,
        points=tuple(_operating_point(pairs, curves, fmr, units) for fmr in FALSE_MATCH_RATES),
        curve=curve,
        mate_histogram=tuple(int(c) for c in np.histogram(mates, 200, (-1, 1))[0]),
        non_mate_histogram=tuple(int(c) for c in histogram),
    )


def _operating_point(pairs: AllPairs, curves: DrawnCurves, fmr: float, units: int) -> OperatingPoint:
    sample = pairs.non_mates
    trials = len(pairs.mate_scores)
    try:
        fnmr, threshold = fnmr_at_fmr(pairs.mate_scores, sample.scores.astype(np.float32), fmr, sample.comparisons)
    except SampleTooSmall as error:
        if fmr * sample.comparisons >= 1:
            # Only the highest scores are kept of a large sample: a thousandth is fine enough down here.
            above = np.cumsum(sample.histogram[::-1])[::-1] / sample.comparisons
            threshold = float(edges()[int(np.argmax(above <= fmr))])
            fnmr = float((pairs.mate_scores < threshold).mean())
        else:
            return OperatingPoint(
                fmr, None, 0, Rate(None, None, None, 0, trials, units, "people", f"Not printed: {error}.")
            )
    hits = sample.scores >= threshold
    low, high = (
        np.minimum(sample.first[hits], sample.second[hits]),
        np.maximum(sample.first[hits], sample.second[hits]),
    )
    couples = len(np.unique(low * sample.people + high))
    if couples < RULE_OF_THREE:
        sentence = (
            f"Not printed: all false matches at a rate of {percent(fmr)} come from {couples} couple"
            f"{'s' if couples != 1 else ''} of people; three are needed."
        )
        return OperatingPoint(fmr, None, couples, Rate(None, None, None, 0, trials, units, "people", sentence))
    errors = round(fnmr * trials)
    return OperatingPoint(
        fmr,
        threshold,
        couples,
        rate(errors, trials, units, "people", "comparisons of one person", curves.fnmr_at_fmr(fmr)),
    )


def _curve(pairs: AllPairs, curves: DrawnCurves) -> tuple[tuple[CurvePoint, ...], tuple[float, float]]:
    sample = pairs.non_mates
    above = np.cumsum(sample.histogram[::-1])[::-1] / sample.comparisons
    mates = np.sort(pairs.mate_scores)
    below = np.searchsorted(mates, edges().astype(np.float32), side="left") / len(mates)
    low, high, low_n, high_n = curves.band()
    changing = np.nonzero((above > 0) & (above < 1) | (below > 0) & (below < 1))[0]
    chosen = changing[np.unique(np.linspace(0, len(changing) - 1, POINTS).astype(int))]
    points = tuple(
        CurvePoint(
            *(float(v[k]) for v in (edges(), above, low, high, below, low_n, high_n)),
        )
        for k in chosen
    )
    if len(sample.scores) == sample.comparisons:
        return points, equal_error_rate(det(pairs.mate_scores, sample.scores))
    k = int(np.argmax(below >= above))
    return points, (float((below[k] + above[k]) / 2), float(edges()[k]))


def identification(
    templates: Vectors, pairs: AllPairs, searches: Searches, rng: np.random.Generator, draws: int
) -> Identification:
    """All 1:N figures from ``searches``; leave-one-out from all pictures."""
    drawn = draw_people(pairs.people, rng, draws)
    right = leave_one_out_ranks(templates, pairs.subjects)
    counts = np.bincount(pairs.subjects, minlength=pairs.people)
    owners = pairs.subjects[counts[pairs.subjects] >= 2]
    wrong = (~right).astype(np.float64)
    people = len(np.unique(owners))
    shares = cmc(searches.ranks, LONGEST_RANK)
    return Identification(
        searches.size,
        searches.references,
        rate(int(wrong.sum()), len(wrong), people, "people", "pictures searched", draw_mean(wrong, owners, drawn)),
        float(shares[0]),
        tuple(float(s) for s in shares),
        tuple(_search_point(searches, target, drawn) for target in FALSE_POSITIVE_RATES),
    )


def _search_point(searches: Searches, target: float, drawn: Floats) -> SearchPoint:
    mates, strangers = searches.mate_people, searches.stranger_people
    units, others = len(np.unique(mates)), len(np.unique(strangers))
    what, whom = "searches by enrolled people", "searches by people who are not enrolled"
    try:
        threshold = threshold_at_fmr(searches.stranger_scores, target)
    except SampleTooSmall as error:
        blank = Rate(None, None, None, 0, 0, others, "people", f"Not printed: {error}.")
        return SearchPoint(target, None, blank, blank)
    missed = (~((searches.mate_scores >= threshold) & (searches.ranks == 1))).astype(np.float64)
    shown = (searches.stranger_scores >= threshold).astype(np.float64)
    return SearchPoint(
        target,
        threshold,
        rate(int(shown.sum()), len(shown), others, "people", whom, draw_mean(shown, strangers, drawn)),
        rate(int(missed.sum()), len(missed), units, "people", what, draw_mean(missed, mates, drawn)),
    )
