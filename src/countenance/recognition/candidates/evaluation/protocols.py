"""LFW's restricted protocol, exactly: ten folds, the threshold of each chosen on the nine others.

Source: Huang, Ramesh, Berg and Learned-Miller 2007, "Labeled Faces in the Wild", section on View 2: report the
mean accuracy and the standard error of the mean, the standard deviation over folds taken with n - 1.

Rules kept here: a fold's threshold never sees the fold; a pair with a picture in which no face was found is
counted as an error, never dropped, for dropping it would flatter the figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.errors import SampleTooSmall
from countenance.recognition.candidates.impostors import Floats, Integers


@dataclass(frozen=True, slots=True)
class FoldedAccuracy:
    """Accuracy by folds. ``standard_error`` is of the mean over folds."""

    mean: float
    standard_error: float
    accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]
    pairs: int
    pairs_without_face: int


def folded_accuracy(
    scores: npt.NDArray[np.floating], same: npt.NDArray[np.bool_], folds: Integers
) -> FoldedAccuracy:
    """The protocol on pairs; a score of NaN marks a pair without two faces. Needs at least two folds."""
    names = np.unique(folds)
    if len(names) < 2:
        raise SampleTooSmall("the folded protocol needs at least two folds, so that a threshold can be chosen")
    accuracies, thresholds = [], []
    for fold in names:
        inside = folds == fold
        threshold = best_threshold(scores[~inside], same[~inside])
        accuracies.append(_accuracy(scores[inside], same[inside], threshold))
        thresholds.append(threshold)
    return FoldedAccuracy(
        mean=float(np.mean(accuracies)),
        standard_error=float(np.std(accuracies, ddof=1) / np.sqrt(len(names))),
        accuracies=tuple(accuracies),
        thresholds=tuple(thresholds),
        pairs=len(scores),
        pairs_without_face=int(np.isnan(scores).sum()),
    )


def best_threshold(scores: npt.NDArray[np.floating], same: npt.NDArray[np.bool_]) -> float:
    """The threshold of greatest accuracy: midway between two scores; of equal ones the lowest."""
    there = ~np.isnan(scores)
    values, mates = np.asarray(scores[there], np.float64), same[there]
    order = np.argsort(values, kind="stable")
    values, mates = values[order], mates[order]
    # Cutting before position k calls the first k different: right for their non-mates and the others' mates.
    right = np.concatenate([[0], np.cumsum(~mates)]) + np.concatenate([np.cumsum(mates[::-1])[::-1], [0]])
    possible = np.concatenate([[True], values[1:] > values[:-1], [True]]) if len(values) else np.array([True])
    cut = int(np.argmax(np.where(possible, right, -1)))
    bounded: Floats = np.concatenate([[-1.0], values, [1.0]])
    return float((bounded[cut] + bounded[cut + 1]) / 2)


def _accuracy(scores: npt.NDArray[np.floating], same: npt.NDArray[np.bool_], threshold: float) -> float:
    return float(np.mean(~np.isnan(scores) & ((scores >= threshold) == same)))
