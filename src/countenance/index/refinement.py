"""The second, finer copy of each template that scores what the coarse codes have found.

Rules kept here:

* Scores of a refinement say whether they are exact: float32 rows are, 8-bit rows are not (largest error measured
  0.0027, docs/benchmarks/index.md), and identification scores the few best again on the sealed templates.
* On disk a refinement lies only in a nameless file (unlinked as soon as it is opened), encrypted with AES-256
  in counter mode under a key that is drawn for that one file and never leaves memory. See docs/adr/0006.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB

from countenance.errors import DiskFull
from countenance.terms import Vectors

Rows = npt.NDArray[np.integer]
Records = npt.NDArray[np.uint8]
"""Templates as bytes, shape (n, record size): 8-bit rows are d signed bytes and a float32 step."""

_AES_BLOCK = 16
_BLOCK_ROWS = 1 << 16


def record_bytes(dimensions: int, *, exact: bool) -> int:
    """Bytes of one record."""
    return 4 * dimensions if exact else dimensions + 4


def to_records(templates: Vectors, *, exact: bool) -> Records:
    """``templates`` as records. The step of an 8-bit row is its largest absolute value over 127."""
    if exact:
        return np.ascontiguousarray(templates, np.float32).view(np.uint8).reshape(len(templates), -1)
    records = np.empty((len(templates), record_bytes(templates.shape[1], exact=False)), np.uint8)
    step = np.maximum(np.abs(templates).max(axis=1), np.float32(1e-20)) / np.float32(127)
    records[:, :-4] = np.rint(templates / step[:, None]).astype(np.int8).view(np.uint8)
    records[:, -4:] = step.astype(np.float32).view(np.uint8).reshape(-1, 4)
    return records


def to_templates(records: Records, *, exact: bool) -> Vectors:
    """The templates that ``records`` stand for, shape (n, d)."""
    if exact:
        return np.ascontiguousarray(records).view(np.float32)
    step = np.ascontiguousarray(records[:, -4:]).view(np.float32)
    templates: Vectors = records[:, :-4].view(np.int8) * step
    return templates


class Refinement(Protocol):
    """Records of a segment's rows. They never change, but a row can be wiped."""

    @property
    def exact(self) -> bool:
        """Whether the records are float32 templates."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Bytes in memory."""
        ...

    def take(self, rows: Rows) -> Records:
        """The records of ``rows``."""
        ...

    def span(self, first: int, last: int) -> Records:
        """The records from ``first`` up to and not including ``last``."""
        ...

    def wipe(self, rows: Rows) -> None:
        """Overwrite ``rows`` with zeros."""
        ...


class MemoryRefinement:
    """Records in an array."""

    def __init__(self, records: Records, *, exact: bool) -> None:
        """Keeps ``records`` itself, not a copy."""
        self._records = records
        self._exact = exact

    @property
    def exact(self) -> bool:
        """Whether the records are float32 templates."""
        return self._exact

    @property
    def memory_bytes(self) -> int:
        """Bytes in memory."""
        return int(self._records.nbytes)

    def take(self, rows: Rows) -> Records:
        """The records of ``rows``, copied."""
        taken: Records = self._records[rows]
        return taken

    def span(self, first: int, last: int) -> Records:
        """The records from ``first`` up to ``last``; a view, not to be written."""
        return self._records[first:last]

    def wipe(self, rows: Rows) -> None:
        """Overwrite ``rows`` with zeros."""
        self._records[rows] = 0


class DiskRefinement:
    """Records in a nameless encrypted file, read where they are wanted."""

    def __init__(self, folder: Path, rows: int, record_size: int, *, exact: bool) -> None:
        """Room for ``rows`` records of ``record_size`` bytes in ``folder``; raises DiskFull if there is none."""
        self._exact = exact
        self._rows = rows
        self._record = record_size
        self._cell = -(-record_size // _AES_BLOCK) * _AES_BLOCK
        self._key = AES(secrets.token_bytes(32))
        try:
            # The mapping outlives the file object and is the last that holds the nameless file.
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                os.posix_fallocate(file.fileno(), 0, max(1, rows * self._cell))
                self._mapped = np.memmap(file, np.uint8, "r+", shape=(max(1, rows), self._cell))
        except OSError as error:
            raise DiskFull(f"no room for {rows} refinement records: {error.strerror}") from error

    @property
    def exact(self) -> bool:
        """Whether the records are float32 templates."""
        return self._exact

    @property
    def memory_bytes(self) -> int:
        """Nothing that the operating system could not take back."""
        return 0

    def put(self, first: int, records: Records) -> None:
        """Encrypt ``records`` into the rows from ``first``; each row is written once."""
        cells = np.zeros((len(records), self._cell), np.uint8)
        cells[:, : self._record] = records
        self._mapped[first : first + len(records)] = self._sequential(first, cells)

    def take(self, rows: Rows) -> Records:
        """The records of ``rows``, decrypted."""
        per_cell = self._cell // _AES_BLOCK
        counters = np.zeros((len(rows), per_cell, 2), ">u8")
        counters[:, :, 1] = rows[:, None].astype(np.uint64) * np.uint64(per_cell) + np.arange(
            per_cell, dtype=np.uint64
        )
        # Counter mode spelt out: the encrypted counters are the key stream, and one call makes all of it.
        stream = Cipher(self._key, ECB()).encryptor().update(counters.tobytes())  # noqa: S305  # nosec B305
        stored = np.asarray(self._mapped[rows])
        return self._without_wiped(stored, stored ^ np.frombuffer(stream, np.uint8).reshape(stored.shape))

    def span(self, first: int, last: int) -> Records:
        """The records from ``first`` up to ``last``, decrypted."""
        stored = np.asarray(self._mapped[first:last])
        return self._without_wiped(stored, self._sequential(first, stored))

    def wipe(self, rows: Rows) -> None:
        """Overwrite ``rows`` with zeros.

        Not with encrypted zeros: those would be the key stream, which opens an older copy of the file.
        """
        self._mapped[rows] = 0

    def _without_wiped(self, stored: Records, opened: Records) -> Records:
        records = np.array(opened[:, : self._record])
        records[~stored.any(axis=1)] = 0
        return records

    def _sequential(self, first: int, cells: Records) -> Records:
        start = (first * (self._cell // _AES_BLOCK)).to_bytes(_AES_BLOCK, "big")
        turned = Cipher(self._key, CTR(start)).encryptor().update(np.ascontiguousarray(cells).data)
        return np.frombuffer(turned, np.uint8).reshape(cells.shape)


class RefinementStore:
    """Where refinements are put: memory, or a folder; 8-bit, or float32."""

    def __init__(self, dimensions: int, *, exact: bool = False, folder: Path | None = None) -> None:
        """``folder``: keep records there, encrypted, instead of in memory."""
        self.dimensions = dimensions
        self.exact = exact
        self.folder = folder

    @property
    def record_size(self) -> int:
        """Bytes of one record."""
        return record_bytes(self.dimensions, exact=self.exact)

    def gathered(self, rows: int, source: RecordSource) -> Refinement:
        """A refinement of ``rows`` records, asked from ``source`` a stretch at a time."""
        spans = [(first, min(rows, first + _BLOCK_ROWS)) for first in range(0, rows, _BLOCK_ROWS)]
        if self.folder is None:
            records = np.empty((rows, self.record_size), np.uint8)
            for first, last in spans:
                records[first:last] = source(first, last)
            return MemoryRefinement(records, exact=self.exact)
        kept = DiskRefinement(self.folder, rows, self.record_size, exact=self.exact)
        for first, last in spans:
            kept.put(first, source(first, last))
        return kept

    def kept(self, records: Records, source: RecordSource) -> Refinement:
        """A refinement of ``records`` that are already laid out; in memory they are kept, not copied."""
        if self.folder is None:
            return MemoryRefinement(records, exact=self.exact)
        return self.gathered(len(records), source)


class RecordSource(Protocol):
    """Gives the records of a stretch of rows."""

    def __call__(self, first: int, last: int) -> Records:
        """Records from ``first`` up to ``last``, shape (last - first, record size)."""
        ...
