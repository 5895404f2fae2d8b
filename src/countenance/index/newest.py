"""The newest references of an embedded index: few, in float32, all compared with every probe."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.index.protocol import Filter
from countenance.index.ranking import Scored, best_rows, scores_of
from countenance.index.rows import View
from countenance.terms import Ids, Vectors

Rows = npt.NDArray[np.int64]


class Newest:
    """One search's look at the newest rows: which subjects are good, and the scores of their rows."""

    def __init__(self, view: View, probes: Vectors, where: Filter) -> None:
        """Score all rows of ``view`` that ``where`` admits."""
        self._view = view
        self._rows = np.flatnonzero(view.admitted(where))
        self._scores = scores_of(probes, view.templates[self._rows])
        still = view.alive[self._rows]  # looked at again after the templates were read; see index.rows
        if not still.all():
            self._rows, self._scores = self._rows[still], self._scores[:, still]
        self._subjects = view.subject_ids[self._rows]

    def candidates(self, wanted: int) -> Ids:
        """The best ``wanted`` subjects for each probe, shape (n, m), -1 where none."""
        best = np.full((len(self._scores), min(wanted, len(self._rows))), -1, np.int64)
        for n, row in enumerate(self._scores):
            top = best_rows(row, self._subjects, self._rows, wanted, by_subject=True)
            best[n, : len(top)] = self._subjects[top]
        return best

    def rescored(self, pair_probes: Rows, pair_subjects: Ids) -> Scored:
        """Scores of all rows of the subjects paired with probes (probes ascending)."""
        order = np.argsort(self._subjects, kind="stable")
        ordered = self._subjects[order]
        first = np.searchsorted(ordered, pair_subjects, side="left")
        count = np.searchsorted(ordered, pair_subjects, side="right") - first
        number = np.repeat(np.arange(len(pair_subjects)), count)
        place = np.arange(len(number)) + (first - (np.cumsum(count) - count))[number]
        rows = order[place]
        owner = pair_probes[number]
        return Scored(
            owner, self._subjects[rows], self._view.reference_ids[self._rows[rows]], self._scores[owner, rows]
        )
