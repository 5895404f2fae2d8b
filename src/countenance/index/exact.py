"""The exact index: every admitted template is compared with the probe in float32.

It is the default while a gallery is small (see index.choice) and the oracle that every other index is
measured against.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from countenance.errors import InputInvalid, SnapshotUnusable, VectorsInvalid
from countenance.holding import Absence
from countenance.index.checks import (
    check_count,
    check_filter,
    checked_batch,
    checked_ids,
    checked_labels,
    checked_vectors,
)
from countenance.index.protocol import LABELS, Batch, Fact, Filter, Hits, Labels
from countenance.index.ranking import best_rows, nothing, scores_of
from countenance.index.rows import GrowingRows
from countenance.index.snapshot import Array, Contents, read_contents, write_contents
from countenance.terms import Ids, Vectors

KIND = "exact"
_SCORES_AT_ONCE = 1 << 24
"""Scores computed in one product: 64 MiB of float32."""


class ExactIndex:
    """All templates in float32 rows; see :class:`countenance.index.protocol.Index` for the promises."""

    def __init__(self, model: str, dimensions: int) -> None:
        """An empty index for templates of ``model`` (a digest), ``dimensions`` long."""
        self._model = model
        self._dimensions = dimensions
        self._rows = GrowingRows(dimensions)
        self._writing = threading.Lock()

    @property
    def model(self) -> str:
        """Digest of the model whose templates are held."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Length of a template."""
        return self._dimensions

    def __len__(self) -> int:
        """References that a search can see."""
        return len(self._rows)

    def add(self, batch: Batch) -> None:
        """Make ``batch`` searchable at once; see the Protocol."""
        checked = checked_batch(batch, self._dimensions)
        with self._writing:
            self._rows.append(checked)

    def remove(self, reference_ids: Ids) -> int:
        """Take references out of every search from now on; returns how many were held."""
        ids = checked_ids(reference_ids)
        with self._writing:
            return self._rows.remove(ids)

    def relabel(self, reference_ids: Ids, labels: Labels) -> None:
        """Give held references new labels; ids not held are passed over."""
        ids = checked_ids(reference_ids)
        checked = checked_labels(labels, len(ids))
        with self._writing:
            self._rows.relabel(ids, checked)

    def search(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """The best ``k`` subjects for each probe row; scores are exact."""
        return self._ranked(probes, k, where, by_subject=True)

    def subject_references(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """The best ``k`` references for each probe row; scores are exact."""
        return self._ranked(probes, k, where, by_subject=False)

    def _ranked(self, probes: Vectors, k: int, where: Filter, *, by_subject: bool) -> Hits:
        rows = checked_vectors(probes, self._dimensions)
        wanted = check_count(k)
        view = self._rows.view
        seen = np.flatnonzero(view.admitted(check_filter(where)))
        hits = nothing(len(rows), wanted, exact=True)
        if len(seen) == 0:
            return hits
        whole = len(seen) == len(view.alive)
        templates = view.templates if whole else view.templates[seen]
        subjects = view.subject_ids[seen]
        references = view.reference_ids[seen]
        step = max(1, _SCORES_AT_ONCE // len(templates))
        for first in range(0, len(rows), step):
            scores = scores_of(rows[first : first + step], templates)
            # Removal overwrites a template under a running search; a second look keeps it out of the ranking.
            scores[:, ~view.alive[seen]] = -np.inf
            for n, row in enumerate(scores, first):
                best = best_rows(row, subjects, references, wanted, by_subject=by_subject)
                best = best[row[best] > -np.inf]
                hits.subject_ids[n, : len(best)] = subjects[best]
                hits.reference_ids[n, : len(best)] = references[best]
                hits.scores[n, : len(best)] = row[best]
        return hits

    def count(self, where: Filter) -> int:
        """How many references ``where`` admits."""
        return int(np.count_nonzero(self._rows.view.admitted(check_filter(where))))

    def living(self) -> Batch:
        """A copy of everything that a search can see; what an index of another kind is filled from."""
        with self._writing:
            return self._rows.living()

    def compact(self) -> None:
        """Drop the bytes of removed references from memory."""
        with self._writing:
            if self._rows.removed == 0:
                return
            fresh = GrowingRows(self._dimensions)
            fresh.append(self._rows.living())
            self._rows = fresh

    def write_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Write what a search can see to ``path``, encrypted; see the Protocol."""
        living = self.living()
        arrays: dict[str, Array] = {
            "reference_ids": living.reference_ids,
            "subject_ids": living.subject_ids,
            "templates": living.templates,
            "labels": living.labels.view(np.uint8).reshape(-1, LABELS.itemsize),
        }
        contents = Contents(KIND, self._model, self._dimensions, {}, arrays)
        write_contents(path, key, context, contents)

    def read_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Replace the content by the snapshot's; SnapshotUnusable leaves it as it was."""
        self.restore(read_contents(path, key, context))

    def restore(self, contents: Contents) -> None:
        """Replace the content by an opened snapshot's; SnapshotUnusable leaves it as it was."""
        batch = exact_batch(contents, self._model, self._dimensions)
        fresh = GrowingRows(self._dimensions)
        fresh.append(batch)
        with self._writing:
            self._rows = fresh

    def held(self, reference_ids: Ids) -> Ids:
        """Those of ``reference_ids`` whose bytes are still in memory, removed or not."""
        ids = checked_ids(reference_ids)
        with self._writing:
            return ids[self._rows.held(ids)]

    def confirm_absent(self, reference_ids: Ids) -> Absence:
        """Look for ``reference_ids`` in memory, tombstones included."""
        remaining = len(self.held(reference_ids))
        return Absence("index", remaining == 0, "looked for every reference number in memory", remaining)

    def describe(self) -> Fact:
        """Counts and memory."""
        rows = self._rows
        return Fact(KIND, len(rows), self._dimensions, rows.memory_bytes, rows.removed)


def exact_batch(contents: Contents, model: str, dimensions: int) -> Batch:
    """The rows in an exact index's snapshot; raises SnapshotUnusable if it is of another kind, model or length."""
    if (contents.kind, contents.model, contents.dimensions) != (KIND, model, dimensions):
        raise SnapshotUnusable("the snapshot is of another kind of index or of another model")
    arrays = contents.arrays
    try:
        labels = np.ascontiguousarray(arrays["labels"]).reshape(-1).view(LABELS)
        batch = Batch(arrays["reference_ids"], arrays["subject_ids"], arrays["templates"], labels)
        return checked_batch(batch, dimensions)
    except (KeyError, ValueError, VectorsInvalid, InputInvalid) as error:
        raise SnapshotUnusable("the snapshot does not hold what an index of this version needs") from error
