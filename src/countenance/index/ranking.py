"""From scores of references to ranked subjects.

Rules kept here:

* A subject's score is its best reference's; higher is more alike; equal scores rank by the lower reference id.
* A place that nobody takes has id -1 and score -inf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.index.protocol import Hits
from countenance.terms import Ids, Vectors, comparison_scores

_FEW_PROBES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of some references for some probes, one entry each; all arrays have the same shape (m,)."""

    probes: npt.NDArray[np.int64]
    """Which probe, ascending or not."""
    subject_ids: Ids
    reference_ids: Ids
    scores: Vectors

    @staticmethod
    def joined(parts: list[Scored]) -> Scored:
        """The entries of all ``parts``."""
        return Scored(
            np.concatenate([p.probes for p in parts]),
            np.concatenate([p.subject_ids for p in parts]),
            np.concatenate([p.reference_ids for p in parts]),
            np.concatenate([p.scores for p in parts]),
        )


def ranked(found: Scored, probes: int, k: int, *, by_subject: bool, exact: bool) -> Hits:
    """The best ``k`` subjects (or, not ``by_subject``, references) of each of ``probes`` probes."""
    order = np.lexsort((found.reference_ids, -found.scores, found.probes))
    probe, subject = found.probes[order], found.subject_ids[order]
    if by_subject:
        # A stable sort keeps, inside each (probe, subject), the best entry first.
        grouped = np.lexsort((subject, probe))
        change = np.ones(len(grouped), np.bool_)
        change[1:] = (np.diff(subject[grouped]) != 0) | (np.diff(probe[grouped]) != 0)
        first = np.sort(grouped[change])
        order, probe = order[first], probe[first]
    place = np.arange(len(probe)) - np.searchsorted(probe, probe)
    inside = place < k
    order, probe, place = order[inside], probe[inside], place[inside]
    hits = nothing(probes, k, exact=exact)
    hits.subject_ids[probe, place] = found.subject_ids[order]
    hits.reference_ids[probe, place] = found.reference_ids[order]
    hits.scores[probe, place] = found.scores[order]
    return hits


def scores_of(probes: Vectors, templates: Vectors) -> Vectors:
    """Comparison scores, shape (n, m), without waiting for other threads while the probes are few.

    A BLAS library spreads even one probe's product over threads that wait for each other; on a busy machine
    that costs tens of milliseconds for a product that one thread does in one.
    """
    if len(probes) > _FEW_PROBES:
        return comparison_scores(probes, templates)
    scores = np.empty((len(probes), len(templates)), np.float32)
    for n, probe in enumerate(probes):
        np.einsum("ij,j->i", templates, probe, out=scores[n])
    return scores


def nothing(probes: int, k: int, *, exact: bool) -> Hits:
    """An answer in which no place is taken."""
    return Hits(
        np.full((probes, k), -1, np.int64),
        np.full((probes, k), -1, np.int64),
        np.full((probes, k), -np.inf, np.float32),
        exact,
    )


def best_rows(
    scores: Vectors, subject_ids: Ids, reference_ids: Ids, k: int, *, by_subject: bool
) -> npt.NDArray[np.int64]:
    """Rows of one probe's ``scores`` (shape (m,)) that hold the best ``k`` subjects or references, best first."""
    rows = len(scores)
    wanted = min(rows, max(64, 4 * k) if by_subject else k)
    while True:
        top = np.argpartition(-scores, wanted - 1)[:wanted] if wanted < rows else np.arange(rows)
        top = top[np.lexsort((reference_ids[top], -scores[top]))]
        if not by_subject:
            return top[:k]
        _, first = np.unique(subject_ids[top], return_index=True)
        if len(first) >= k or wanted == rows:
            return top[np.sort(first)[:k]]
        wanted = min(rows, 4 * wanted)
