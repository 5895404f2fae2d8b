"""Segments from batches, and one segment from several.

Rules kept here:

* A record is quantised once, when it comes in; merging copies records as they are, so nothing wears out.
* Only living rows are copied; what was removed is not in the new segment, its share in an anchor included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from countenance.index.anchors import COVERAGE, pooled
from countenance.index.coarse import LISTS_ABOVE, Codes, Owners32, lists_for
from countenance.index.columns import NarrowColumn
from countenance.index.labels import LabelColumn
from countenance.index.protocol import Batch, Labels
from countenance.index.refinement import Records, Refinement, RefinementStore, to_records, to_templates
from countenance.index.segment import Segment
from countenance.terms import Ids, Vectors

_BLOCK_ROWS = 1 << 16
_SAMPLE_SUBJECTS = 20_000
_SAMPLE_PER_LIST = 40
_SAMPLE_SEED = 7

Rows = npt.NDArray[np.int64]


class Source(Protocol):
    """Rows that a segment is built from; all of them go in."""

    @property
    def references(self) -> Ids:
        """Reference ids."""
        ...

    @property
    def subjects(self) -> Ids:
        """Subject ids."""
        ...

    @property
    def labels(self) -> Labels:
        """Labels."""
        ...

    def records(self, rows: Rows) -> Records:
        """The records of ``rows``."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FromBatch:
    """Rows of a checked batch."""

    batch: Batch
    exact: bool

    @property
    def references(self) -> Ids:
        """Reference ids."""
        return self.batch.reference_ids

    @property
    def subjects(self) -> Ids:
        """Subject ids."""
        return self.batch.subject_ids

    @property
    def labels(self) -> Labels:
        """Labels."""
        return self.batch.labels

    def records(self, rows: Rows) -> Records:
        """The records of ``rows``, made now."""
        return to_records(self.batch.templates[rows], exact=self.exact)


class FromSegment:
    """The living rows of a segment, as they were when this was made."""

    def __init__(self, segment: Segment) -> None:
        """Look at ``segment``; called under the index's lock."""
        self._segment = segment
        self._alive = segment.alive.copy()
        self._table, self._codes = segment.labels.table, segment.labels.codes.copy()

    @cached_property
    def _rows(self) -> Rows:
        return np.flatnonzero(self._alive)

    @property
    def references(self) -> Ids:
        """Reference ids."""
        return self._segment.references.take(self._rows)

    @property
    def subjects(self) -> Ids:
        """Subject ids."""
        sizes = _sizes(self._segment.starts)
        return np.repeat(self._segment.subjects, sizes)[self._rows]

    @property
    def labels(self) -> Labels:
        """Labels."""
        return self._table[self._codes[self._rows]]

    def records(self, rows: Rows) -> Records:
        """The records of ``rows``, copied as they are."""
        taken = self._rows[rows]
        records = self._segment.refinement.take(taken)
        # Removed while this runs, and perhaps half wiped: nothing of it may go into an anchor.
        records[~self._segment.alive[taken]] = 0
        return records


def built(
    sources: Sequence[Source],
    store: RefinementStore,
    *,
    coverage: float = COVERAGE,
    lists_above: int = LISTS_ABOVE,
) -> Segment:
    """One segment of all rows of ``sources``; there must be at least one row."""
    references = np.concatenate([source.references for source in sources])
    subjects = np.concatenate([source.subjects for source in sources])
    labels = np.concatenate([source.labels for source in sources])
    bounds = np.cumsum([0, *(len(source.references) for source in sources)])
    order = np.lexsort((references, subjects))

    def record_span(first: int, last: int) -> Records:
        wanted = order[first:last]
        records = np.empty((last - first, store.record_size), np.uint8)
        for number, source in enumerate(sources):
            inside = (wanted >= bounds[number]) & (wanted < bounds[number + 1])
            if inside.any():
                records[inside] = source.records(wanted[inside] - bounds[number])
        return records

    refinement = store.gathered(len(order), record_span)
    subjects = subjects[order]
    first = np.ones(len(subjects), np.bool_)
    first[1:] = subjects[1:] != subjects[:-1]
    starts = np.append(np.flatnonzero(first), len(subjects)).astype(np.uint32)
    return Segment(
        subjects=subjects[first],
        starts=starts,
        references=NarrowColumn(references[order]),
        labels=LabelColumn.of(labels[order]),
        alive=np.ones(len(order), np.bool_),
        refinement=refinement,
        codes=coded(refinement, starts, store.dimensions, coverage, lists_above),
    )


def coded(
    refinement: Refinement, starts: npt.NDArray[np.uint32], dimensions: int, coverage: float, lists_above: int
) -> Codes:
    """Coarse codes of the anchors of all subjects in a segment."""
    count = len(starts) - 1
    chosen = np.arange(count)
    sampled = max(_SAMPLE_SUBJECTS, _SAMPLE_PER_LIST * lists_for(count) if count > lists_above else 0)
    if count > sampled:
        chosen = np.sort(np.random.default_rng(_SAMPLE_SEED).choice(count, sampled, replace=False))
    sizes = starts[chosen + 1].astype(np.int64) - starts[chosen]
    number = np.repeat(np.arange(len(chosen)), sizes)
    rows = starts[chosen].astype(np.int64)[number] + np.arange(len(number)) - (np.cumsum(sizes) - sizes)[number]
    sample, _ = pooled(to_templates(refinement.take(rows), exact=refinement.exact), number, coverage)
    return Codes.of(dimensions, sample, count, _anchors(refinement, starts, coverage), lists_above)


def _anchors(
    refinement: Refinement, starts: npt.NDArray[np.uint32], coverage: float
) -> Iterator[tuple[Vectors, Owners32]]:
    subject, count = 0, len(starts) - 1
    while subject < count:
        end = int(np.searchsorted(starts, int(starts[subject]) + _BLOCK_ROWS, side="right")) - 1
        end = min(count, max(subject + 1, end))
        rows = to_templates(refinement.span(int(starts[subject]), int(starts[end])), exact=refinement.exact)
        owners = np.repeat(np.arange(subject, end), _sizes(starts[subject : end + 1]))
        vectors, whose = pooled(rows, owners, coverage)
        yield vectors, whose.astype(np.int32)
        subject = end


def _sizes(starts: npt.NDArray[np.uint32]) -> Rows:
    return starts[1:].astype(np.int64) - starts[:-1].astype(np.int64)
