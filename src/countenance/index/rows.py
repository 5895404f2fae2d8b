"""Float32 templates in rows that only grow: the exact index's content, and the newest rows of the embedded one.

Rules kept here:

* A row is written before the count that makes it visible, so a reader never sees half a row.
* A reader works on a :class:`View` taken once; arrays in a view are never moved under it.
* A removed row's template is overwritten with zeros at once; its number goes when the rows are rebuilt.
* Labels are replaced as a whole (copied, changed, published), so that a reader never sees half a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from countenance.index.labels import Mask, admits
from countenance.index.protocol import LABELS, Batch, Filter, Labels
from countenance.terms import Ids, Vectors

_FIRST_CAPACITY = 256
Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What one search sees of some rows; all arrays have the same first dimension."""

    reference_ids: Ids
    subject_ids: Ids
    templates: Vectors
    labels: Labels
    alive: Mask

    def admitted(self, where: Filter) -> Mask:
        """Rows that are not removed and that ``where`` admits."""
        return admits(self.labels, where) & self.alive


class GrowingRows:
    """Append-only rows. One writer at a time (the index's lock); any number of readers."""

    def __init__(self, dimensions: int) -> None:
        """No rows, each to be ``dimensions`` long."""
        self._dimensions = dimensions
        self._references: Ids = np.empty(0, np.int64)
        self._subjects: Ids = np.empty(0, np.int64)
        self._templates: Vectors = np.empty((0, dimensions), np.float32)
        self._labels: Labels = np.empty(0, LABELS)
        self._alive: Mask = np.empty(0, np.bool_)
        self._place: dict[int, int] = {}
        self._view = View(self._references, self._subjects, self._templates, self._labels, self._alive)
        self._dead = 0

    def __len__(self) -> int:
        """Rows that are not removed."""
        return len(self._view.alive) - self._dead

    @property
    def view(self) -> View:
        """The rows as they are now."""
        return self._view

    @property
    def removed(self) -> int:
        """Rows that are removed and still counted."""
        return self._dead

    @property
    def memory_bytes(self) -> int:
        """Bytes of the arrays, spare room included; the lookup table is estimated at 100 bytes a row."""
        arrays = (self._references, self._subjects, self._templates, self._labels, self._alive)
        return sum(int(array.nbytes) for array in arrays) + 100 * len(self._place)

    def append(self, batch: Batch) -> None:
        """Add checked rows; a reference id that is already here is replaced."""
        first, count = len(self._view.alive), len(batch.reference_ids)
        if first + count > len(self._alive):
            self._grow(max(_FIRST_CAPACITY, first + count, first + first // 2))
        rows = slice(first, first + count)
        self._references[rows] = batch.reference_ids
        self._subjects[rows] = batch.subject_ids
        self._templates[rows] = batch.templates
        self._labels[rows] = batch.labels
        self._alive[rows] = True
        replaced = [self._place[r] for r in batch.reference_ids.tolist() if r in self._place]
        self._publish(first + count)
        self._kill(np.asarray(replaced, np.int64))
        self._place.update(zip(batch.reference_ids.tolist(), range(first, first + count), strict=True))

    def remove(self, reference_ids: Ids) -> int:
        """Take rows out of every later view's reach; returns how many were there and not yet removed."""
        return self._kill(self._rows_of(reference_ids))

    def relabel(self, reference_ids: Ids, labels: Labels) -> None:
        """Give rows new labels; ids that are not here are passed over."""
        pairs = [(self._place[r], n) for n, r in enumerate(reference_ids.tolist()) if r in self._place]
        if not pairs:
            return
        rows, sources = np.asarray(pairs, np.int64).T
        changed = self._labels.copy()
        changed[rows] = labels[sources]
        self._labels = changed
        self._publish(len(self._view.alive))

    def held(self, reference_ids: Ids) -> Mask:
        """Which of ``reference_ids`` have a row here, removed or not."""
        return np.fromiter((r in self._place for r in reference_ids.tolist()), np.bool_, len(reference_ids))

    def living(self) -> Batch:
        """A copy of the rows that are not removed."""
        return self.living_from(0)

    def living_from(self, first: int) -> Batch:
        """A copy of the rows from number ``first`` on that are not removed."""
        seen = self._view
        keep = np.flatnonzero(seen.alive[first:]) + first
        return Batch(seen.reference_ids[keep], seen.subject_ids[keep], seen.templates[keep], seen.labels[keep])

    def _rows_of(self, reference_ids: Ids) -> npt.NDArray[np.int64]:
        return np.asarray([self._place[r] for r in set(reference_ids.tolist()) if r in self._place], np.int64)

    def _kill(self, rows: npt.NDArray[np.int64]) -> int:
        rows = rows[self._alive[rows]]
        self._alive[rows] = False
        self._templates[rows] = 0
        self._dead += len(rows)
        return len(rows)

    def _grow(self, capacity: int) -> None:
        count = len(self._view.alive)
        self._references = _longer(self._references, count, capacity)
        self._subjects = _longer(self._subjects, count, capacity)
        self._templates = _longer(self._templates, count, capacity)
        self._labels = _longer(self._labels, count, capacity)
        self._alive = _longer(self._alive, count, capacity)

    def _publish(self, count: int) -> None:
        self._view = View(
            self._references[:count],
            self._subjects[:count],
            self._templates[:count],
            self._labels[:count],
            self._alive[:count],
        )


def _longer(array: npt.NDArray[Kind], count: int, capacity: int) -> npt.NDArray[Kind]:
    longer = np.zeros((capacity, *array.shape[1:]), array.dtype)
    longer[:count] = array[:count]
    return longer
