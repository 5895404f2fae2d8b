"""A segment: references that came together, sorted by subject, found by coarse codes and scored by refinement.

Rules kept here:

* Rows are sorted by subject and then by reference, so that the references of a subject lie side by side.
* Rows, codes and records never change; only two things do, in place and without waiting: ``alive`` (removal)
  and the label column. A reader looks at both after it has read a record, so a wiped record is never ranked.
* A filter never cuts a list short: when the scan's best anchors leave fewer admitted subjects than were
  wanted, more are asked for; when a filter leaves few rows, all of them are scored. So a filter costs no recall.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from countenance.index.coarse import Codes, Effort
from countenance.index.columns import NarrowColumn
from countenance.index.labels import LabelColumn, Mask
from countenance.index.protocol import Filter, Labels
from countenance.index.ranking import Scored, best_rows, scores_of
from countenance.index.refinement import Records, Refinement, to_templates
from countenance.terms import Ids, Vectors

SCORE_ALL_BELOW = 20_000
"""Admitted rows up to which scoring them all is quicker than asking the coarse scan for ever more."""

_SCORED_AT_ONCE = 1 << 15
_REMEMBERED_FILTERS = 8
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """See the module. ``subjects`` ascending, shape (s,); ``starts`` shape (s + 1,); the rest one per row."""

    subjects: Ids
    starts: npt.NDArray[np.uint32]
    references: NarrowColumn
    labels: LabelColumn
    alive: Mask
    refinement: Refinement
    codes: Codes
    counts: list[int] = field(default_factory=lambda: [0])
    """One number: rows that are not alive. Written under the index's lock."""
    admitted_rows: dict[tuple[Filter, int], Rows] = field(default_factory=dict)

    def __len__(self) -> int:
        """Rows, removed or not."""
        return len(self.alive)

    @property
    def removed(self) -> int:
        """Rows that are removed and still here."""
        return self.counts[0]

    @property
    def exact(self) -> bool:
        """Whether scores are those of the float32 templates."""
        return self.refinement.exact

    @property
    def memory_bytes(self) -> int:
        """Bytes of everything in memory."""
        remembered = sum(int(rows.nbytes) for rows in list(self.admitted_rows.values()))
        own = int(self.subjects.nbytes + self.starts.nbytes + self.alive.nbytes) + remembered
        parts = (self.references, self.labels, self.refinement, self.codes)
        return own + sum(part.memory_bytes for part in parts)

    # -- changes, under the index's lock ---------------------------------------------------------------------

    def remove(self, reference_ids: Ids) -> int:
        """Take references out of every later search; returns how many were here and alive."""
        rows = self.references.rows_of(reference_ids)
        rows = rows[self.alive[rows]]
        self.alive[rows] = False
        self.refinement.wipe(rows)
        self.counts[0] += len(rows)
        return len(rows)

    def relabel(self, reference_ids: Ids, labels: Labels) -> None:
        """Give references new labels; ids that are not here are passed over."""
        rows = self.references.rows_of(reference_ids)
        if len(rows) == 0:
            return
        order = np.argsort(reference_ids, kind="stable")
        last = np.searchsorted(reference_ids[order], self.references.take(rows), side="right") - 1
        self.labels.put(rows, labels[order[last]])

    def held(self, reference_ids: Ids) -> Mask:
        """Which of ``reference_ids`` have a row here, removed or not."""
        return np.isin(reference_ids, self.references.take(self.references.rows_of(reference_ids)))

    def count(self, where: Filter) -> int:
        """Living rows that ``where`` admits."""
        admitted = self.labels.count(where)
        if self.removed == 0:
            return admitted
        dead = np.flatnonzero(~self.alive)
        return max(0, admitted - int(np.count_nonzero(self.labels.admitted(dead, where))))

    # -- reading ---------------------------------------------------------------------------------------------

    def candidates(
        self,
        probes: Vectors,
        wanted: int,
        where: Filter,
        effort: Effort,
        score_all_below: int = SCORE_ALL_BELOW,
    ) -> Ids:
        """Subjects that may be among the best ``wanted`` for each probe, shape (n, m), -1 where none.

        Every subject has a living row that ``where`` admits.
        """
        share = self.labels.share(where)
        living = len(self) - self.removed
        likely = share * living
        if likely == 0:
            return np.empty((len(probes), 0), np.int64)
        everything = share == 1.0 and self.removed == 0
        asked = wanted if everything else wanted + int(1.25 * wanted * len(self) / max(1.0, likely))
        enough = wanted // 4 if everything else wanted // 2
        while (everything or likely > score_all_below) and asked <= len(self.codes) // 4:
            places = self.codes.scan(probes, asked, effort)
            if not everything:
                places = np.where(self._any_admitted(places, where), places, -1)
            if _distinct_in_worst_row(places) >= enough:
                return self._subjects_of(places)
            asked *= 4
        return self._best_of_all(probes, wanted, where)

    def rescored(self, pair_probes: Rows, pair_subjects: Ids, probes: Vectors, where: Filter) -> Scored:
        """Scores of all admitted rows of the subjects paired with probes; pairs not here give nothing."""
        place = np.minimum(np.searchsorted(self.subjects, pair_subjects), len(self.subjects) - 1)
        here = self.subjects[place] == pair_subjects
        place, pair_probes, pair_subjects = place[here], pair_probes[here], pair_subjects[here]
        rows, pair = self._rows_of(place)
        seen = self.labels.admitted(rows, where) & self.alive[rows]
        rows, pair = rows[seen], pair[seen]
        owner = pair_probes[pair]
        records = self.refinement.take(rows)
        still = self.alive[rows]
        if not still.all():
            rows, pair, owner, records = rows[still], pair[still], owner[still], records[still]
        scores = _scores(records, probes, owner, exact=self.exact)
        return Scored(owner, pair_subjects[pair], self.references.take(rows), scores)

    def _subjects_of(self, places: Rows) -> Ids:
        if places.size and int(places.min()) >= 0:
            found: Ids = self.subjects[places]
            return found
        return np.where(places >= 0, self.subjects[places], -1)

    def _rows_of(self, places: Rows) -> tuple[Rows, Rows]:
        """Rows of the subjects at ``places``, and for each row the number of the place it is for."""
        first = self.starts[places].astype(np.int64)
        count = self.starts[places + 1].astype(np.int64) - first
        number = np.repeat(np.arange(len(places)), count)
        before = np.cumsum(count) - count
        return np.arange(len(number)) + (first - before)[number], number

    def _any_admitted(self, places: Rows, where: Filter) -> Mask:
        flat = np.maximum(places, 0).reshape(-1)
        rows, number = self._rows_of(flat)
        seen = self.labels.admitted(rows, where) & self.alive[rows]
        some = np.zeros(len(flat), np.bool_)
        some[number[seen]] = True
        return some.reshape(places.shape) & (places >= 0)

    def _best_of_all(self, probes: Vectors, wanted: int, where: Filter) -> Ids:
        """The best subjects by scoring every admitted row."""
        rows = self._all_admitted(where)
        rows = rows[self.alive[rows]]
        scores = np.empty((len(probes), len(rows)), np.float32)
        for first in range(0, len(rows), _SCORED_AT_ONCE):
            part = rows[first : first + _SCORED_AT_ONCE]
            records = self.refinement.take(part)
            records[~self.alive[part]] = 0
            templates = to_templates(records, exact=self.exact)
            scores[:, first : first + len(part)] = scores_of(probes, templates)
        subjects = self.subjects[np.searchsorted(self.starts, rows, side="right") - 1]
        best = np.full((len(probes), wanted), -1, np.int64)
        for n, row in enumerate(scores):
            top = best_rows(row, subjects, rows, wanted, by_subject=True)
            best[n, : len(top)] = subjects[top]
        return best

    def _all_admitted(self, where: Filter) -> Rows:
        key = (where, self.labels.changes)
        rows = self.admitted_rows.get(key)
        if rows is None:
            rows = self.labels.admitted_rows(where)
            if len(rows) <= SCORE_ALL_BELOW:
                if len(self.admitted_rows) >= _REMEMBERED_FILTERS:
                    self.admitted_rows.clear()
                self.admitted_rows[key] = rows
        return rows


def _scores(records: Records, probes: Vectors, owner: Rows, *, exact: bool) -> Vectors:
    """Score of each record for the probe that ``owner`` names."""
    if exact:
        templates = to_templates(records, exact=True)
        if len(probes) == 1:
            one: Vectors = scores_of(probes, templates)[0]
            return one
        several: Vectors = np.einsum("ij,ij->i", templates, probes[owner])
        return several
    whole = records[:, :-4].view(np.int8).astype(np.float32)
    step = np.ascontiguousarray(records[:, -4:]).view(np.float32)[:, 0]
    if len(probes) == 1:
        single: Vectors = scores_of(probes, whole)[0] * step
        return single
    scores: Vectors = np.einsum("ij,ij->i", whole, probes[owner]) * step
    return scores


def _distinct_in_worst_row(places: Rows) -> int:
    ordered = np.sort(places, axis=1)
    fresh = (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1) + 1 - (ordered[:, 0] < 0)
    return int(fresh.min()) if len(fresh) else 0
