"""What an index accepts, decided before anything is changed.

Rules kept here:

* A batch is taken whole or refused whole; a refused batch leaves no trace.
* Doubt about a vector (its length, a NaN, a norm that is not 1) refuses; nothing is normalised silently,
  because a template that is not of unit length was not made by the model it claims.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.errors import FilterInvalid, InputInvalid, VectorsInvalid
from countenance.index.protocol import LABELS, Batch, Filter, Labels
from countenance.terms import Ids, Vectors

NORM_TOLERANCE = 1e-3
"""How far from 1 a template's Euclidean length may be: float32 and bfloat16 extraction stay well inside."""

MOST_BITS = 64
MOST_JURISDICTIONS = 1 << 16
MOST_COMPARTMENTS = 1 << 32
_BLOCK_ROWS = 1 << 18


def checked_vectors(vectors: npt.NDArray[np.generic], dimensions: int) -> Vectors:
    """``vectors`` as contiguous float32 rows, shape (n, dimensions).

    Raises VectorsInvalid for another shape or type, for values that are not finite and for rows whose
    length differs from 1 by more than :data:`NORM_TOLERANCE`.
    """
    rows = np.asarray(vectors)
    if rows.dtype.kind != "f":
        raise VectorsInvalid(f"templates are of type {rows.dtype}, not floating point")
    if rows.ndim != 2 or rows.shape[1] != dimensions:
        raise VectorsInvalid(f"templates have shape {rows.shape}; this index holds rows of {dimensions}")
    single: Vectors = np.ascontiguousarray(rows, np.float32)
    for first in range(0, len(single), _BLOCK_ROWS):
        block = single[first : first + _BLOCK_ROWS]
        lengths = np.einsum("ij,ij->i", block, block)
        if not np.isfinite(lengths).all():
            raise VectorsInvalid("a template holds a value that is not finite")
        if (np.abs(np.sqrt(lengths) - 1.0) > NORM_TOLERANCE).any():
            raise VectorsInvalid("a template is not of unit length")
    return single


def checked_ids(ids: npt.NDArray[np.generic] | list[int], what: str = "reference ids") -> Ids:
    """``ids`` as a contiguous int64 vector; raises InputInvalid for another shape, type or a negative number."""
    row = np.asarray(ids)
    if row.size == 0:
        return np.empty(0, np.int64)
    if row.ndim != 1 or row.dtype.kind not in "iu":
        raise InputInvalid(f"{what} must be one row of whole numbers")
    numbers: Ids = np.ascontiguousarray(row, np.int64)
    if (numbers < 0).any():
        raise InputInvalid(f"{what} must not be negative")
    return numbers


def checked_labels(labels: Labels, n: int) -> Labels:
    """``labels`` if it is a row of ``n`` :data:`LABELS`; raises InputInvalid otherwise."""
    if labels.dtype != LABELS or labels.shape != (n,):
        raise InputInvalid(f"labels must be {n} rows of the index's label type")
    return np.ascontiguousarray(labels)


def checked_batch(batch: Batch, dimensions: int) -> Batch:
    """``batch`` with every array in its final type, and of repeated reference ids only the last one.

    Raises VectorsInvalid or InputInvalid; see :func:`checked_vectors`.
    """
    templates = checked_vectors(batch.templates, dimensions)
    references = checked_ids(batch.reference_ids)
    subjects = checked_ids(batch.subject_ids, "subject ids")
    labels = checked_labels(batch.labels, len(references))
    if not len(references) == len(subjects) == len(templates):
        raise InputInvalid("a batch needs one subject and one template for each reference")
    if len(references) > 1 and not (np.diff(references) > 0).all():
        _, last = np.unique(references[::-1], return_index=True)
        if len(last) < len(references):
            keep = np.sort(len(references) - 1 - last)
            return Batch(references[keep], subjects[keep], templates[keep], labels[keep])
    return Batch(references, subjects, templates, labels)


def check_count(k: int) -> int:
    """``k`` if it is a number of candidates that can be asked for; raises InputInvalid otherwise."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise InputInvalid("the number of candidates must be 1 or more")
    return int(k)


def check_filter(where: Filter) -> Filter:
    """``where`` if every number in it is in range; raises FilterInvalid otherwise."""
    for name, bit in (("purpose", where.purpose), ("customer class", where.customer_class)):
        if bit is not None and not _whole(bit, 0, MOST_BITS):
            raise FilterInvalid(f"{name} {bit!r} is not a number from 0 to {MOST_BITS - 1}")
    if where.jurisdictions is not None:
        for number in where.jurisdictions:
            if not _whole(number, 0, MOST_JURISDICTIONS):
                raise FilterInvalid(f"jurisdiction {number!r} is not a number from 0 to {MOST_JURISDICTIONS - 1}")
    if where.compartments is not None:
        for number in where.compartments:
            if not _whole(number, 0, MOST_COMPARTMENTS):
                raise FilterInvalid(f"compartment {number!r} is not a number from 0 to {MOST_COMPARTMENTS - 1}")
    if where.today is not None and not _whole(where.today, -(1 << 31), 1 << 31):
        raise FilterInvalid(f"day {where.today!r} is not a count of days since 1970-01-01")
    return where


def _whole(value: object, low: int, high: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        return False
    return low <= int(value) < high
