"""The embedded index: 1-bit codes scanned exhaustively or by lists, refined, in this process (FAISS).

Rules kept here:

* What a search sees is one immutable State (index.parts), taken once; a writer publishes a new one. Readers
  never wait. Removal and relabelling change a segment in place and are seen by searches that start afterwards.
* New references go to float32 rows that are compared one by one, and move into segments in the background;
  segments are merged so that each is at least four times the next, so there are few.
* What happens to a reference while it is being moved is written in a journal and done again to the new
  segment before it is published.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from countenance.errors import SnapshotUnusable
from countenance.holding import Absence
from countenance.index.building import FromBatch, FromSegment, Source, built
from countenance.index.checks import (
    check_count,
    check_filter,
    checked_batch,
    checked_ids,
    checked_labels,
    checked_vectors,
)
from countenance.index.coarse import Effort
from countenance.index.exact import KIND as EXACT_KIND
from countenance.index.exact import exact_batch
from countenance.index.keeping import KIND, kept_arrays, restored
from countenance.index.parts import Change, Sizes, State, best, removed_from, tail
from countenance.index.protocol import Batch, Fact, Filter, Hits, Labels
from countenance.index.refinement import RefinementStore
from countenance.index.rows import GrowingRows
from countenance.index.segment import Segment
from countenance.index.snapshot import Contents, read_contents, write_contents
from countenance.terms import Ids, Vectors

_WAIT_ABOVE = 4
"""An adder waits for the mover when the newest rows are so many times their limit."""


class EmbeddedIndex:
    """FAISS in this process; see :class:`countenance.index.protocol.Index` for the promises."""

    def __init__(
        self,
        model: str,
        dimensions: int,
        *,
        exact: bool = False,
        refinement_folder: Path | None = None,
        effort: Effort | None = None,
        sizes: Sizes | None = None,
        background: bool = True,
    ) -> None:
        """An empty index for templates of ``model`` (a digest), ``dimensions`` long.

        ``exact``: refine with float32 instead of 8 bits (four times the memory, exact scores).
        ``refinement_folder``: keep the refinement there, in a nameless encrypted file, instead of in memory.
        ``background``: move new references in a thread of its own; False does it inside :meth:`add`.
        """
        self._model = model
        self._dimensions = dimensions
        self._store = RefinementStore(dimensions, exact=exact, folder=refinement_folder)
        self._effort = effort if effort is not None else Effort()
        self._sizes = sizes if sizes is not None else Sizes()
        self._background = background
        self._state = State((), GrowingRows(dimensions))
        self._writing = threading.Lock()
        self._moving = threading.Lock()
        self._journal: list[Change] | None = None

    @property
    def model(self) -> str:
        """Digest of the model whose templates are held."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Length of a template."""
        return self._dimensions

    @property
    def effort(self) -> Effort:
        """How far a search goes."""
        return self._effort

    @effort.setter
    def effort(self, effort: Effort) -> None:
        self._effort = effort

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What searches see besides the newest rows; for tuning and benchmarks."""
        return self._state.segments

    def __len__(self) -> int:
        """References that a search can see."""
        state = self._state
        return len(state.newest) + sum(len(segment) - segment.removed for segment in state.segments)

    # -- changing --------------------------------------------------------------------------------------------

    def add(self, batch: Batch) -> None:
        """Make ``batch`` searchable at once; see the Protocol. A large batch becomes a segment itself."""
        checked = checked_batch(batch, self._dimensions)
        if len(checked.reference_ids) == 0:
            return
        if len(checked.reference_ids) >= self._sizes.newest:
            with self._moving:
                segment = self._built([FromBatch(checked, self._store.exact)])
                with self._writing:
                    before = self._state
                    self._state = replace(before, segments=(*before.segments, segment))
                    removed_from(before, checked.reference_ids)
        else:
            with self._writing:
                state = self._state
                if self._journal is not None:
                    self._journal.append(Change(checked.reference_ids, None))
                state.newest.append(checked)
                for segment in state.segments:
                    segment.remove(checked.reference_ids)
        self._tidy_if_due()

    def remove(self, reference_ids: Ids) -> int:
        """Take references out of every search from now on; returns how many were held."""
        ids = checked_ids(reference_ids)
        with self._writing:
            if self._journal is not None:
                self._journal.append(Change(ids, None))
            return removed_from(self._state, ids)

    def relabel(self, reference_ids: Ids, labels: Labels) -> None:
        """Give held references new labels; ids not held are passed over."""
        ids = checked_ids(reference_ids)
        checked = checked_labels(labels, len(ids))
        with self._writing:
            if self._journal is not None:
                self._journal.append(Change(ids, checked))
            self._state.newest.relabel(ids, checked)
            for segment in self._state.segments:
                segment.relabel(ids, checked)

    def compact(self) -> None:
        """Drop the bytes of removed references from memory. Searches and changes go on meanwhile."""
        with self._moving:
            state = self._state
            if state.newest.removed:
                with self._writing:
                    fresh = GrowingRows(self._dimensions)
                    fresh.append(state.newest.living())
                    self._state = replace(self._state, newest=fresh)
            for segment in state.segments:
                if segment.removed:
                    self._replaced((segment,), move_newest=False)

    def settle(self) -> None:
        """Move all new references into segments now and wait for it; what a benchmark does before it measures."""
        with self._moving:
            self._tidy(force=True)

    def _built(self, sources: Sequence[Source]) -> Segment:
        return built(sources, self._store, lists_above=self._sizes.lists_above)

    def _tidy_if_due(self) -> None:
        rows = len(self._state.newest.view.alive)
        if rows < self._sizes.newest and not tail(self._state.segments, 0):
            return
        if not self._background or rows >= _WAIT_ABOVE * self._sizes.newest:
            with self._moving:
                self._tidy()
        elif not self._moving.locked():
            threading.Thread(target=self._tidy_apart, name="index-mover", daemon=True).start()

    def _tidy_apart(self) -> None:
        with self._moving:
            self._tidy()

    def _tidy(self, *, force: bool = False) -> None:
        """Move the newest rows and merge small segments; the caller holds ``_moving``."""
        state = self._state
        rows = len(state.newest.view.alive)
        move = rows >= self._sizes.newest or (force and rows > 0)
        merged = tail(state.segments, rows if move else 0)
        if move or merged:
            self._replaced(merged, move_newest=move)

    def _replaced(self, segments: tuple[Segment, ...], *, move_newest: bool) -> None:
        """Put one segment in the place of ``segments`` (and of the newest rows); the caller holds ``_moving``."""
        with self._writing:
            newest = self._state.newest
            moved = len(newest.view.alive) if move_newest else 0
            sources: list[Source] = [FromSegment(segment) for segment in segments]
            if move_newest:
                sources.append(FromBatch(newest.living(), self._store.exact))
            self._journal = []
        try:
            filled = [source for source in sources if len(source.references)]
            fresh = [self._built(filled)] if filled else []
        except BaseException:
            with self._writing:
                self._journal = None
            raise
        with self._writing:
            for change in self._journal:
                for segment in fresh:
                    if change.labels is None:
                        segment.remove(change.reference_ids)
                    else:
                        segment.relabel(change.reference_ids, change.labels)
            self._journal = None
            kept: list[Segment] = []
            for segment in self._state.segments:
                if segments and segment is segments[0]:
                    kept += fresh
                elif segment not in segments:
                    kept.append(segment)
            if not segments:
                kept += fresh
            rest = newest
            if move_newest:
                rest = GrowingRows(self._dimensions)
                rest.append(newest.living_from(moved))
            self._state = State(tuple(kept), rest)

    # -- searching -------------------------------------------------------------------------------------------

    def search(self, probes: Vectors, k: int, where: Filter, effort: Effort | None = None) -> Hits:
        """The best ``k`` subjects for each probe row; with ``effort``, this search goes so far and no other."""
        return self._ranked(probes, k, where, effort, by_subject=True)

    def subject_references(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """The best ``k`` references for each probe row; all references of every candidate subject are scored."""
        return self._ranked(probes, k, where, None, by_subject=False)

    def count(self, where: Filter) -> int:
        """How many references ``where`` admits: from the counts that every segment's label column keeps."""
        check_filter(where)
        state = self._state
        newest = int(np.count_nonzero(state.newest.view.admitted(where)))
        return newest + sum(segment.count(where) for segment in state.segments)

    def _ranked(self, probes: Vectors, k: int, where: Filter, effort: Effort | None, *, by_subject: bool) -> Hits:
        rows = checked_vectors(probes, self._dimensions)
        count = check_count(k)
        check_filter(where)
        chosen = self._effort if effort is None else effort
        return best(self._state, rows, count, where, chosen, self._sizes, by_subject=by_subject)

    # -- keeping ---------------------------------------------------------------------------------------------

    def write_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Write everything to ``path``, encrypted; removed references are compacted away first."""
        self.compact()
        with self._moving:
            parameters, arrays = kept_arrays(self._state.segments, self._state.newest.living(), self._effort)
            write_contents(path, key, context, Contents(KIND, self._model, self._dimensions, parameters, arrays))

    def read_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Replace the content by the snapshot's (an exact index's too); SnapshotUnusable leaves it as it was."""
        self.restore(read_contents(path, key, context))

    def restore(self, contents: Contents) -> None:
        """Replace the content by an opened snapshot's; SnapshotUnusable leaves it as it was."""
        newest = GrowingRows(self._dimensions)
        segments: tuple[Segment, ...] = ()
        effort = self._effort
        if contents.kind == EXACT_KIND:
            batch = exact_batch(contents, self._model, self._dimensions)
            if len(batch.reference_ids) >= self._sizes.newest:
                segments = (self._built([FromBatch(batch, self._store.exact)]),)
            else:
                newest.append(batch)
        elif (contents.kind, contents.model, contents.dimensions) == (KIND, self._model, self._dimensions):
            segments, batch, effort = restored(contents, self._store)
            newest.append(batch)
        else:
            raise SnapshotUnusable("the snapshot is of another kind of index or of another model")
        with self._moving, self._writing:
            self._state = State(segments, newest)
            self._effort = effort

    def held(self, reference_ids: Ids) -> Ids:
        """Those of ``reference_ids`` whose bytes are still in memory, removed or not."""
        ids = checked_ids(reference_ids)
        with self._writing:
            state = self._state
            here = state.newest.held(ids)
            for segment in state.segments:
                here |= segment.held(ids)
        return ids[here]

    def confirm_absent(self, reference_ids: Ids) -> Absence:
        """Look for ``reference_ids`` in memory, tombstones included."""
        remaining = len(self.held(reference_ids))
        return Absence("index", remaining == 0, "looked for every reference number in memory", remaining)

    def describe(self) -> Fact:
        """Counts and memory."""
        state = self._state
        memory = state.newest.memory_bytes + sum(segment.memory_bytes for segment in state.segments)
        removed = state.newest.removed + sum(segment.removed for segment in state.segments)
        return Fact(KIND, len(self), self._dimensions, memory, removed)
