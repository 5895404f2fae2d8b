"""Error rates of the field from comparison scores. The definitions, in words, are in docs/evaluation.md.

Rules kept here:

* A comparison *matches* when its score is the threshold or more (ISO/IEC 2382-37: comparison decision).
* Rates are plain shares of comparisons or searches; intervals are the business of ``intervals``.
* An operating point such as "FNMR at FMR 0.001" takes the lowest threshold whose FMR is not above the stated
  one. It is never interpolated between thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.errors import SampleTooSmall
from countenance.recognition.candidates.impostors import Floats, Integers

Scores = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Det:
    """Detection error trade-off: both error rates at every threshold that changes one, rising."""

    thresholds: Floats
    fmr: Floats
    fnmr: Floats


def false_match_rate(non_mates: Scores, threshold: float) -> float:
    """Share of comparisons of different people that match."""
    return float(np.mean(non_mates >= threshold))


def false_non_match_rate(mates: Scores, threshold: float) -> float:
    """Share of comparisons of one person that do not match."""
    return float(np.mean(mates < threshold))


def threshold_at_fmr(non_mates: Scores, fmr: float, total: int | None = None) -> float:
    """The lowest threshold whose false match rate is at most ``fmr``.

    ``non_mates`` may be only the highest scores of ``total`` comparisons. Raises SampleTooSmall when ``fmr``
    is finer than one comparison in the sample, or lies below the scores that were given.
    """
    count = len(non_mates) if total is None else total
    allowed = int(np.floor(fmr * count * (1 + 1e-12)))
    if allowed < 1:
        raise SampleTooSmall(
            f"a false match rate of {fmr:g} needs {int(np.ceil(1 / fmr))} comparisons, not {count}"
        )
    if allowed >= len(non_mates):
        if len(non_mates) < count:
            raise SampleTooSmall(f"only the {len(non_mates)} highest scores are at hand, too few for {fmr:g}")
        return float(np.min(non_mates))
    refused = np.partition(np.asarray(non_mates), len(non_mates) - 1 - allowed)[len(non_mates) - 1 - allowed]
    return float(np.nextafter(refused, np.asarray(np.inf, dtype=np.asarray(non_mates).dtype)))


def fnmr_at_fmr(mates: Scores, non_mates: Scores, fmr: float, total: int | None = None) -> tuple[float, float]:
    """False non-match rate where the false match rate is at most ``fmr``, and the threshold there."""
    threshold = threshold_at_fmr(non_mates, fmr, total)
    return false_non_match_rate(mates, threshold), threshold


def det(mates: Scores, non_mates: Scores) -> Det:
    """The DET at every distinct score, and just above the highest. Raises SampleTooSmall when a class is empty."""
    if len(mates) == 0 or len(non_mates) == 0:
        raise SampleTooSmall("a trade-off needs comparisons of one person and of different people")
    low, high = np.sort(np.asarray(mates, np.float64)), np.sort(np.asarray(non_mates, np.float64))
    thresholds = np.unique(np.concatenate([low, high]))
    thresholds = np.append(thresholds, np.nextafter(thresholds[-1], np.inf))
    fnmr = np.searchsorted(low, thresholds, side="left") / len(low)
    fmr = 1.0 - np.searchsorted(high, thresholds, side="left") / len(high)
    return Det(thresholds, fmr, fnmr)


def equal_error_rate(curve: Det) -> tuple[float, float]:
    """(rate, threshold) where both rates are equal, by the convention of FVC2000 (Maio et al., section 5).

    Where the curves cross between two thresholds, the one with the smaller sum of both rates is taken, and the
    mean of its two rates.
    """
    after = int(np.argmax(curve.fnmr >= curve.fmr))
    if curve.fnmr[after] == curve.fmr[after]:
        return float(curve.fmr[after]), float(curve.thresholds[after])
    sides = [k for k in (after - 1, after) if k >= 0]
    best = min(sides, key=lambda k: (curve.fnmr[k] + curve.fmr[k], k))
    return float((curve.fmr[best] + curve.fnmr[best]) / 2), float(curve.thresholds[best])


def cmc(ranks: Integers, longest: int) -> Floats:
    """Cumulative match characteristic: share of searches whose mate is at rank r or better, r = 1 to ``longest``.

    ``ranks`` of the mate, from 1. Closed set: everybody searched for is in the gallery.
    """
    if len(ranks) == 0:
        raise SampleTooSmall("nobody was searched for who is in the gallery")
    counts = np.bincount(np.clip(ranks, 1, longest + 1), minlength=longest + 2)[1 : longest + 1]
    shares: Floats = np.cumsum(counts) / len(ranks)
    return shares


def false_negative_identification_rate(mate_scores: Scores, ranks: Integers, rank: int, threshold: float) -> float:
    """FNIR(N, R, T): share of searches by enrolled people whose mate is not within ``rank`` at ``threshold``."""
    return float(np.mean(~((np.asarray(mate_scores) >= threshold) & (ranks <= rank))))


def false_positive_identification_rate(highest_scores: Scores, threshold: float) -> float:
    """FPIR(N, T): share of searches by people *not* enrolled that return anybody at ``threshold``."""
    return float(np.mean(np.asarray(highest_scores) >= threshold))
