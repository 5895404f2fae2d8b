"""Every picture compared with every other, in blocks, keeping only what the figures need.

Rules kept here:

* Memory does not grow with the number of pairs: histograms per person, the highest scores, and one row per
  picture are kept; scores themselves only of mates and of the highest non-mates.
* No score is counted twice: of each pair of pictures only (earlier, later).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.recognition.candidates.impostors import (
    BINS,
    EXCEEDANCES_ENOUGH,
    Floats,
    Integers,
    NonMates,
    bin_of,
)
from countenance.terms import Vectors

BLOCK = 512
"""Pictures compared with all others at a time: 512 x 10,000 scores are 20 MB."""
KEPT = 2 * EXCEEDANCES_ENOUGH
"""Highest non-mate scores kept, unless all pairs are fewer than ``ALL``."""
ALL = 500_000


@dataclass(frozen=True, slots=True, eq=False)
class AllPairs:
    """What is left of n pictures compared with each other; people are numbered 0 to ``people`` - 1."""

    subjects: Integers
    """(n,) person of each picture."""
    people: int
    mate_scores: npt.NDArray[np.float32]
    mate_first: Integers
    mate_second: Integers
    """Pictures of each mate comparison."""
    non_mates: NonMates
    non_mate_first: Integers
    non_mate_second: Integers
    """Pictures of each of ``non_mates.scores``."""
    histograms: npt.NDArray[np.int32]
    """(people, 2000): non-mate scores that each person took part in; every comparison is in two rows."""
    best_mate: npt.NDArray[np.float32]
    """(n,) highest score with another picture of the same person; -inf if there is none."""
    best_other: npt.NDArray[np.float32]
    """(n,) highest score with a picture of anybody else."""
    best_other_picture: Integers

    @property
    def mate_people(self) -> Integers:
        """Person of each mate comparison."""
        return self.subjects[self.mate_first]


def compare_all(templates: Vectors, subjects: Integers) -> AllPairs:
    """Compare every picture with every other. ``templates`` (n, d) of unit length, ``subjects`` (n,) from 0."""
    order = np.argsort(subjects, kind="stable")
    rows, of = np.ascontiguousarray(templates[order], np.float32), subjects[order].astype(np.int64)
    n, people = len(rows), int(subjects.max()) + 1 if len(subjects) else 0
    starts = np.searchsorted(of, np.arange(people))
    kept = _Highest(n * (n - 1) // 2)
    histograms = np.zeros((people, BINS), np.int64)
    mates: list[tuple[npt.NDArray[np.float32], Integers, Integers]] = []
    best_mate, best_other = np.full(n, -np.inf, np.float32), np.full(n, -np.inf, np.float32)
    best_picture = np.full(n, -1, np.int64)
    for begin in range(0, n, BLOCK):
        end = min(n, begin + BLOCK)
        # Pictures are in the order of their people, so the block's people are the columns of a narrow band.
        scores = rows[begin:end] @ rows.T
        left, right = int(starts[of[begin]]), int(np.searchsorted(of, of[end - 1], side="right"))
        band = of[begin:end, None] == of[None, left:right]
        upper = np.arange(begin, end)[:, None] < np.arange(left, right)[None, :]
        first, second = np.nonzero(band & upper)
        mates.append((scores[:, left:right][first, second], first + begin, second + left))
        itself = np.arange(end - begin), np.arange(begin, end)
        own = np.where(band, scores[:, left:right], -np.inf)
        own[itself[0], itself[1] - left] = -np.inf
        best_mate[begin:end] = own.max(axis=1)
        scores[:, left:right][band] = -2.0
        best_picture[begin:end] = scores.argmax(axis=1)
        best_other[begin:end] = scores[itself[0], best_picture[begin:end]]
        _count(histograms, scores, of[begin:end])
        kept.offer(scores, begin)
    values, one, other = kept.taken()
    counts = np.bincount(of, minlength=people).astype(np.int64)
    sample = NonMates(histograms.sum(axis=0) // 2, values.astype(np.float64), of[one], of[other], people, counts)
    back = np.argsort(order, kind="stable")
    alone = best_other <= -2.0
    best_other[alone] = -np.inf
    best_picture[alone] = -1
    m_scores, m_first, m_second = (np.concatenate([part[k] for part in mates]) for k in range(3))
    return AllPairs(
        subjects=np.asarray(subjects, np.int64),
        people=people,
        mate_scores=m_scores,
        mate_first=order[m_first],
        mate_second=order[m_second],
        non_mates=sample,
        non_mate_first=order[one],
        non_mate_second=order[other],
        histograms=histograms.astype(np.int32),
        best_mate=best_mate[back],
        best_other=best_other[back],
        best_other_picture=np.where(best_picture[back] >= 0, order[best_picture[back]], -1),
    )


def _count(histograms: Integers, scores: npt.NDArray[np.float32], of: Integers) -> None:
    """Add a block's scores to the histogram of each row's person; -2 marks what is no non-mate comparison."""
    for at, person in enumerate(of):
        row = scores[at]
        bins = ((row + np.float32(2.0)) * np.float32(BINS / 2)).astype(np.int32)
        np.minimum(bins, BINS + BINS // 2 - 1, out=bins)
        counted = np.bincount(bins, minlength=BINS + BINS // 2)
        histograms[person] += counted[BINS // 2 :]
        # Scores a rounding error below -1 belong to the lowest bin; the mark itself is bin 0.
        histograms[person, 0] += int(counted[1 : BINS // 2].sum())


class _Highest:
    """The highest non-mate scores seen so far, with their pictures; all of them while they are few."""

    def __init__(self, pairs: int) -> None:
        self._room = pairs if pairs <= ALL else KEPT
        self._floor = np.float32(-1.5)
        self._parts: list[tuple[npt.NDArray[np.float32], Integers, Integers]] = []
        self._held = 0

    def offer(self, scores: npt.NDArray[np.float32], begin: int) -> None:
        first, second = np.nonzero(scores > self._floor)
        later = second > first + begin
        first, second = first[later], second[later]
        self._parts.append((scores[first, second], first + begin, second))
        self._held += len(first)
        if self._held > 2 * self._room:
            self._shrink()

    def taken(self) -> tuple[npt.NDArray[np.float32], Integers, Integers]:
        if self._held > self._room:
            self._shrink()
        scores, first, second = (np.concatenate([part[k] for part in self._parts]) for k in range(3))
        return scores, first, second

    def _shrink(self) -> None:
        scores, first, second = (np.concatenate([part[k] for part in self._parts]) for k in range(3))
        keep = np.argpartition(-scores, self._room)[: self._room]
        self._parts, self._held = [(scores[keep], first[keep], second[keep])], self._room
        self._floor = scores[keep].min()


def cumulative(histograms: npt.NDArray[np.integer]) -> Floats:
    """Counts at or above the lower edge of each bin, along the last axis."""
    above: Floats = np.cumsum(histograms[..., ::-1].astype(np.float64), axis=-1)[..., ::-1]
    return above


def mate_histograms(pairs: AllPairs) -> npt.NDArray[np.int64]:
    """(people, 2000): mate scores of each person."""
    flat = pairs.mate_people * BINS + bin_of(pairs.mate_scores)
    return np.bincount(flat, minlength=pairs.people * BINS).reshape(pairs.people, BINS).astype(np.int64)
