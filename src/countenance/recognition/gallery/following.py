"""Bringing an index up to date with the change feed, a piece at a time.

Rules kept here: what is applied is what the store says *now* of the references that a change names, so applying a
change twice, or late, does no harm; the last word of a piece counts for each reference.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.index.protocol import Batch, Index
from countenance.recognition.gallery.labelled import LabelledReferences
from countenance.store import feed, references
from countenance.store.database import Database
from countenance.store.feed import Change

Lately = Callable[[], dict[int, int]]
"""References that somebody has removed from the index ahead of its position, with the change that says so."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One step."""

    position: int
    """Number of the last change that is now in the index."""
    more: bool
    """Whether changes were left for the next piece."""


def follow(
    database: Database,
    source: LabelledReferences,
    index: Index,
    position: int,
    most: int,
    *,
    guard: AbstractContextManager[object] | None = None,
    lately: Lately = dict,
) -> Piece:
    """Apply at most ``most`` changes after ``position`` to ``index``.

    ``guard`` is held where somebody else may remove from the index at the same time, and ``lately`` then says what
    was. Raises SealBroken and whatever the index raises; nothing is lost when it is called again.
    """
    guard = nullcontext() if guard is None else guard
    with database.read() as connection:
        entries = feed.since(connection, position, most)
        if not entries:
            return Piece(position, False)
        # The last word counts: who was held back and let go again is put in again.
        lasting = {e.reference_id: e for e in entries if e.kind is not Change.RELABEL}
        removed = [number for number, entry in lasting.items() if entry.kind is Change.REMOVE]
        new = {number: e.change_id for number, e in lasting.items() if e.kind is Change.ADD}
        again = {e.reference_id for e in entries if e.kind is Change.REMOVE}
        touched = {entry.reference_id for entry in entries}.difference(removed)
        rows = [r for r in references.by_ids(connection, sorted(touched)) if r.model == source.model]
        batch = source.batch(connection, [row for row in rows if row.reference_id in new])
        ids, labels = source.relabelled(connection, [row for row in rows if row.reference_id not in new])
    source.tell_damage()
    if removed:
        index.remove(np.array(sorted(removed), np.int64))
    returning = np.isin(batch.reference_ids, np.array(sorted(again), np.int64))
    with guard:  # removed and added again: nobody may take the old removal for the last word now
        _add(index, _only(batch, returning))
    rest = _standing(_only(batch, ~returning), new, lately())
    _add(index, rest)
    with guard:  # whoever was removed while the batch was going in
        late = np.setdiff1d(rest.reference_ids, _standing(rest, new, lately()).reference_ids)
        if len(late):
            index.remove(late)
    if len(ids):
        index.relabel(ids, labels)
    return Piece(entries[-1].change_id, len(entries) == most)


def _standing(batch: Batch, added: dict[int, int], removed: dict[int, int]) -> Batch:
    """``batch`` without the references whose removal came after the change that added them."""
    if not removed:
        return batch
    stands = [removed.get(number, 0) < added.get(number, 0) for number in batch.reference_ids.tolist()]
    return _only(batch, np.array(stands, bool))


def _only(batch: Batch, rows: npt.NDArray[np.bool_]) -> Batch:
    if rows.all():
        return batch
    return Batch(batch.reference_ids[rows], batch.subject_ids[rows], batch.templates[rows], batch.labels[rows])


def _add(index: Index, batch: Batch) -> None:
    if len(batch.reference_ids):
        index.add(batch)
