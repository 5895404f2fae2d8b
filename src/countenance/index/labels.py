"""What may be seen: labels of references, and the filter evaluated on them.

Rules kept here:

* A filter is evaluated on the labels as they are when the search runs; nothing remembers an older answer.
* Many references share one combination of labels (a permission's), so a column keeps each combination once
  and a narrow code per reference: 1, 2 or 4 bytes instead of 28.
* A column is changed by publishing first the new combination and then the codes, so that a reader that takes
  codes first and combinations second always finds what a code means.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.index.protocol import LABELS, Filter, Labels

_LOOKED_UP = 64
"""Combinations of one change that are looked for among those already here; more would cost more than they save."""

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.unsignedinteger]


def admits(labels: Labels, where: Filter) -> Mask:
    """Which rows of ``labels`` a search with ``where`` may see; shape (n,), bool."""
    seen: Mask = labels["restricted"] == 0
    if where.purpose is not None:
        seen &= (labels["purposes"] & np.uint64(1 << where.purpose)) != 0
    if where.customer_class is not None:
        seen &= (labels["barred_customers"] & np.uint64(1 << where.customer_class)) == 0
    if where.jurisdictions is not None:
        wanted = np.fromiter(where.jurisdictions, np.int64, len(where.jurisdictions))
        seen &= np.isin(labels["jurisdiction"], wanted)
    if where.compartments is not None:
        numbers = np.fromiter(where.compartments, np.int64, len(where.compartments))
        seen &= np.isin(labels["compartment"], numbers)
    if where.today is not None:
        seen &= labels["expires_day"] >= where.today
    return seen


def distinct(labels: Labels) -> tuple[Labels, npt.NDArray[np.int64]]:
    """The distinct rows of ``labels`` and, for each row, the number of its combination."""
    mixed = np.zeros(len(labels), np.uint64)
    for number, field in enumerate(LABELS.names or ()):
        value = labels[field].astype(np.int64 if labels.dtype[field].kind == "i" else np.uint64).view(np.uint64)
        mixed ^= (value + np.uint64(number + 1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    _, first, codes = np.unique(mixed, return_index=True, return_inverse=True)
    table = labels[first]
    if (table[codes] != labels).any():  # two combinations with one hash: sort the rows themselves
        table, codes = np.unique(labels, return_inverse=True)
    return table, codes.reshape(-1)


class LabelColumn:
    """The labels of a segment's rows. One writer at a time (the index's lock); any number of readers."""

    def __init__(self, table: Labels, codes: npt.NDArray[np.integer]) -> None:
        """``table``: the distinct combinations; ``codes``: for each row, its place in ``table``."""
        self._table = table
        self._codes: Codes = codes.astype(_narrowest(len(table)), copy=False)
        self._counts = np.bincount(self._codes, minlength=len(table))
        self._changes = 0

    @classmethod
    def of(cls, labels: Labels) -> LabelColumn:
        """A column that holds ``labels``."""
        return cls(*distinct(labels))

    def __len__(self) -> int:
        """Rows in the column."""
        return len(self._codes)

    @property
    def table(self) -> Labels:
        """The distinct combinations."""
        return self._table

    @property
    def codes(self) -> Codes:
        """For each row, its combination's place in :attr:`table`."""
        return self._codes

    @property
    def changes(self) -> int:
        """Grows by one at every change; what was derived from the column is stale when it differs."""
        return self._changes

    @property
    def memory_bytes(self) -> int:
        """Bytes of the codes and the combinations."""
        return int(self._codes.nbytes + self._table.nbytes + self._counts.nbytes)

    def take(self, rows: npt.NDArray[np.integer]) -> Labels:
        """The labels of ``rows``."""
        codes = self._codes[rows]
        taken: Labels = self._table[codes]
        return taken

    def admitted(self, rows: npt.NDArray[np.integer], where: Filter) -> Mask:
        """Which of ``rows`` a search with ``where`` may see."""
        codes = self._codes[rows]
        table = self._table
        if len(table) > 4 * len(codes):
            return admits(table[codes], where)
        seen: Mask = admits(table, where)[codes]
        return seen

    def share(self, where: Filter) -> float:
        """The share of the rows that ``where`` admits, removed rows included."""
        return self.count(where) / max(1, len(self._codes))

    def count(self, where: Filter) -> int:
        """How many rows ``where`` admits, removed rows included; asks every combination, not every row."""
        counts = self._counts
        seen = admits(self._table[: len(counts)], where)
        return int(counts[seen].sum())

    def admitted_rows(self, where: Filter) -> npt.NDArray[np.int64]:
        """Numbers of all rows that ``where`` admits, ascending."""
        codes = self._codes
        seen = admits(self._table, where)
        return np.flatnonzero(seen[codes])

    def put(self, rows: npt.NDArray[np.integer], labels: Labels) -> None:
        """Give ``rows`` (no row twice) new labels; a combination that is here already is used again."""
        fresh, kinds = distinct(labels)
        table = self._table
        known = np.full(len(fresh), -1, np.int64)
        for number, label in enumerate(fresh[:_LOOKED_UP]):
            same = np.flatnonzero(table == label)
            known[number] = same[0] if len(same) else -1
        new = np.flatnonzero(known < 0)
        known[new] = len(table) + np.arange(len(new))
        table = np.concatenate([table, fresh[new]])
        codes = known[kinds]
        self._table = table
        held = self._codes
        if np.iinfo(held.dtype).max < len(table):
            held = held.astype(_narrowest(len(table)))
        counts = np.concatenate([self._counts, np.zeros(len(new), np.int64)])
        np.subtract.at(counts, held[rows], 1)
        np.add.at(counts, codes, 1)
        held[rows] = codes
        self._codes = held
        self._counts = counts
        self._changes += 1


def _narrowest(values: int) -> type[np.unsignedinteger]:
    for kind in (np.uint8, np.uint16, np.uint32):
        if values <= np.iinfo(kind).max:
            return kind
    return np.uint64
