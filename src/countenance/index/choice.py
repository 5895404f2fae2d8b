"""Which index a gallery gets: exact while that is quick, embedded above, and from one to the other as it grows.

Rules kept here: nobody has to choose; the switch is where an exact search of one probe takes about a
millisecond, so that whoever needs no speed gets exact scores (docs/choosing-an-engine.md has the measurement); a
gallery that grows across it while it is open is carried over in one step, and searches go on meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from countenance.holding import Absence
from countenance.index.embedded import EmbeddedIndex
from countenance.index.exact import KIND as EXACT_KIND
from countenance.index.exact import ExactIndex
from countenance.index.protocol import Batch, Fact, Filter, Hits, Index, Labels
from countenance.index.snapshot import read_contents
from countenance.index.tune import Tuning, tune
from countenance.terms import Ids, Vectors

EXACT_UP_TO = 20_000
"""References up to which every search is exact."""


def open_index(
    model: str, dimensions: int, references: int = 0, *, refinement_folder: Path | None = None
) -> GrowingIndex:
    """An empty index of the kind that fits ``references`` expected references; it changes kind by itself."""
    return GrowingIndex(model, dimensions, references, refinement_folder=refinement_folder)


class GrowingIndex:
    """An index that is exact while it is small; see :class:`countenance.index.protocol.Index`."""

    def __init__(
        self,
        model: str,
        dimensions: int,
        references: int = 0,
        *,
        refinement_folder: Path | None = None,
        exact_up_to: int = EXACT_UP_TO,
    ) -> None:
        """An empty index; ``references`` is how many are expected now."""
        self._model, self._dimensions = model, dimensions
        self._refinement_folder = refinement_folder
        self._exact_up_to = exact_up_to
        self._changing = threading.Lock()
        self._inner: ExactIndex | EmbeddedIndex = (
            ExactIndex(model, dimensions) if references <= exact_up_to else self._embedded()
        )

    def _embedded(self) -> EmbeddedIndex:
        return EmbeddedIndex(self._model, self._dimensions, refinement_folder=self._refinement_folder)

    @property
    def inner(self) -> Index:
        """The index that answers now."""
        return self._inner

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
        return len(self._inner)

    def add(self, batch: Batch) -> None:
        """Make ``batch`` searchable at once; becomes embedded when it has grown past the switch."""
        if isinstance(self._inner, EmbeddedIndex):
            self._inner.add(batch)
            return
        with self._changing:
            inner = self._inner
            if isinstance(inner, ExactIndex) and len(inner) + len(batch.reference_ids) > self._exact_up_to:
                larger = self._embedded()
                larger.add(inner.living())
                larger.add(batch)
                self._inner = larger
            else:
                inner.add(batch)

    def remove(self, reference_ids: Ids) -> int:
        """Take references out of every search from now on; returns how many were held."""
        # Only a change of kind makes a writer wait; an embedded index never changes kind by growing.
        if isinstance(self._inner, EmbeddedIndex):
            return self._inner.remove(reference_ids)
        with self._changing:
            return self._inner.remove(reference_ids)

    def relabel(self, reference_ids: Ids, labels: Labels) -> None:
        """Give held references new labels; ids not held are passed over."""
        if isinstance(self._inner, EmbeddedIndex):
            self._inner.relabel(reference_ids, labels)
            return
        with self._changing:
            self._inner.relabel(reference_ids, labels)

    def search(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """The best ``k`` subjects for each probe row."""
        return self._inner.search(probes, k, where)

    def subject_references(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """The best ``k`` references for each probe row."""
        return self._inner.subject_references(probes, k, where)

    def count(self, where: Filter) -> int:
        """How many references ``where`` admits."""
        return self._inner.count(where)

    def compact(self) -> None:
        """Drop the bytes of removed references from memory."""
        self._inner.compact()

    def write_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Write everything to ``path``, encrypted, atomically."""
        self._inner.write_snapshot(path, key, context)

    def read_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Replace the content by the snapshot's, of either kind; SnapshotUnusable leaves it as it was."""
        contents = read_contents(path, key, context)
        small = contents.kind == EXACT_KIND and len(contents.arrays["reference_ids"]) <= self._exact_up_to
        inner = ExactIndex(self._model, self._dimensions) if small else self._embedded()
        inner.restore(contents)
        with self._changing:
            self._inner = inner

    def tune(self, recall: float, *, random: np.random.Generator, clock: Callable[[], float]) -> Tuning | None:
        """Tune for a subject recall (see index.tune); None while every search is exact and nothing needs it."""
        inner = self._inner
        if isinstance(inner, ExactIndex):
            return None
        return tune(inner, recall, random=random, clock=clock)

    def held(self, reference_ids: Ids) -> Ids:
        """Those of ``reference_ids`` whose bytes are still in memory, removed or not."""
        return self._inner.held(reference_ids)

    def confirm_absent(self, reference_ids: Ids) -> Absence:
        """Look for ``reference_ids`` in memory, tombstones included."""
        return self._inner.confirm_absent(reference_ids)

    def describe(self) -> Fact:
        """Counts and memory."""
        return self._inner.describe()
