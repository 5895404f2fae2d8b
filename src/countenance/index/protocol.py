"""What every index promises; one congruence suite (tests/congruence) runs on all of them.

Rules kept here:

* An index holds templates of one model only; batches and probes of another are refused.
* A search ranks *subjects*. Any reference of a subject may find it; its score is its best reference's.
* Filters are part of the search, never applied afterwards to a cut list, so they cost no recall.
* Removal is effective for the next search at once, and physical at the next epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from countenance.holding import Absence
from countenance.terms import Ids, Vectors

LABELS = np.dtype(
    [
        ("purposes", np.uint64),  # bit p set: the permission names purpose number p
        ("barred_customers", np.uint64),  # bit c set: customer class number c may not see this reference
        ("jurisdiction", np.uint16),  # number of the subject's jurisdiction; see store.labels
        ("expires_day", np.int32),  # permission ends at the end of this day, days since 1970-01-01 UTC
        ("restricted", np.uint8),  # 1: stored and not searchable
        ("compartment", np.uint32),  # number of the compartment that the subject is held in; 0 the gallery's own
    ]
)
"""What a filter can ask about a reference, one packed row each. Numbers only; their meaning is in the store."""

Labels = npt.NDArray[np.void]
"""Array of dtype :data:`LABELS`, shape (n,)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """References to add. All arrays have the same first dimension."""

    reference_ids: Ids
    subject_ids: Ids
    templates: Vectors
    labels: Labels


@dataclass(frozen=True, slots=True)
class Filter:
    """Which references a search may see. ``None`` means "no condition"; restricted ones are never seen."""

    purpose: int | None = None
    """Purpose number 0-63; a reference is seen only if its permission names it."""
    customer_class: int | None = None
    """Customer class number 0-63; a reference that bars it is not seen."""
    jurisdictions: frozenset[int] | None = None
    """Only references of these jurisdictions."""
    today: int | None = None
    """Days since 1970-01-01 UTC; references whose permission ended before this day are not seen."""
    compartments: frozenset[int] | None = None
    """Only references of subjects in these compartments."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The answer for n probes: up to k subjects each, best first; all arrays have shape (n, k).

    Unused places have id -1 and score -inf. ``scores`` are comparison scores of the float32 templates or,
    where ``exact`` is false, of their refined codes.
    """

    subject_ids: Ids
    reference_ids: Ids
    scores: Vectors
    exact: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """What an index says about itself for ``status`` and benchmarks."""

    kind: str
    references: int
    dimensions: int
    memory_bytes: int
    tombstones: int
    """References removed from every search whose bytes wait for the next epoch."""


class Index(Protocol):
    """Templates of one model, searchable. Readers never wait for a writer; safe from many threads."""

    @property
    def model(self) -> str:
        """Digest of the model whose templates are held."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of a template."""
        ...

    def __len__(self) -> int:
        """References that a search can see."""
        ...

    def add(self, batch: Batch) -> None:
        """Make ``batch`` searchable at once. A reference id that is already held is replaced, not doubled.

        Raises VectorsInvalid for rows of the wrong length, not finite, or not of unit length (within 1e-3).
        """
        ...

    def remove(self, reference_ids: Ids) -> int:
        """Take references out of every search that starts from now on; returns how many were held."""
        ...

    def relabel(self, reference_ids: Ids, labels: Labels) -> None:
        """Give held references new labels (a permission has changed); ids not held are passed over."""
        ...

    def search(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """The best ``k`` subjects for each probe row among the references that ``where`` admits."""
        ...

    def subject_references(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """Like :meth:`search`, but ranks references: up to ``k`` references, several of one subject among them."""
        ...

    def count(self, where: Filter) -> int:
        """How many references ``where`` admits: exact, removed ones left out, and much quicker than a search."""
        ...

    def compact(self) -> None:
        """Drop the bytes of removed references from memory; what an epoch does before it is written."""
        ...

    def write_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Write everything to ``path``, encrypted under ``key`` (32 bytes), atomically (never a half file).

        ``context`` (gallery, model, epoch, position in the change feed) is authenticated, not hidden, and
        must be given again to read it.
        """
        ...

    def read_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Replace the content by the snapshot's. Raises SnapshotUnusable and leaves the content as it was."""
        ...

    def held(self, reference_ids: Ids) -> Ids:
        """Those of ``reference_ids`` whose bytes are still in memory, removed or not."""
        ...

    def confirm_absent(self, reference_ids: Ids) -> Absence:
        """Look for ``reference_ids`` in memory, tombstones included."""
        ...

    def describe(self) -> Fact:
        """Counts and memory, for people and benchmarks."""
        ...


def pack_labels(
    n: int,
    *,
    purposes: int | Sequence[int] = 0,
    jurisdiction: int = 0,
    expires_day: int = 2**31 - 1,
    restricted: bool = False,
    barred_customers: int = 0,
    compartment: int = 0,
) -> Labels:
    """``n`` equal rows of :data:`LABELS`, or one row per element where ``purposes`` is a sequence of masks."""
    rows = np.zeros(n, LABELS)
    rows["purposes"] = purposes
    rows["jurisdiction"] = jurisdiction
    rows["expires_day"] = expires_day
    rows["restricted"] = restricted
    rows["barred_customers"] = barred_customers
    rows["compartment"] = compartment
    return rows
