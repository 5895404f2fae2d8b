"""A column of reference numbers in as few bytes as they need, and still quick to look up.

Rows are kept in blocks; a block has its smallest number in full and each row its distance from it, in the
narrowest unsigned type that fits all blocks. Numbers given out in a row cost 2 bytes instead of 8; numbers
in any order cost what their range needs. The smallest and largest number of a block say which blocks a
look-up can leave out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.terms import Ids

BLOCK_ROWS = 4096
_FEW = 8
"""Up to so many numbers are looked for one by one; comparing beats sorting there."""


class NarrowColumn:
    """Unchanging int64 numbers, none of them negative."""

    def __init__(self, numbers: Ids) -> None:
        """A column that holds ``numbers`` in their order."""
        self._rows = len(numbers)
        blocks = -(-self._rows // BLOCK_ROWS)
        filled = np.empty(blocks * BLOCK_ROWS, np.int64)
        filled[: self._rows] = numbers
        if self._rows:
            filled[self._rows :] = numbers[-1]
        square = filled.reshape(blocks, BLOCK_ROWS)
        self._least = square.min(axis=1) if blocks else np.empty(0, np.int64)
        self._most = square.max(axis=1) if blocks else np.empty(0, np.int64)
        widest = int((self._most - self._least).max()) if blocks else 0
        kind = next(k for k in (np.uint8, np.uint16, np.uint32, np.uint64) if widest <= np.iinfo(k).max)
        self._offsets: npt.NDArray[np.unsignedinteger] = (square - self._least[:, None]).astype(kind)

    def __len__(self) -> int:
        """Rows in the column."""
        return self._rows

    @property
    def memory_bytes(self) -> int:
        """Bytes of the column."""
        return int(self._offsets.nbytes + self._least.nbytes + self._most.nbytes)

    def take(self, rows: npt.NDArray[np.integer]) -> Ids:
        """The numbers in ``rows``."""
        numbers: Ids = self._least[rows // BLOCK_ROWS] + self._offsets.reshape(-1)[rows].astype(np.int64)
        return numbers

    def whole(self) -> Ids:
        """All numbers, in full."""
        numbers = (self._least[:, None] + self._offsets.astype(np.int64)).reshape(-1)
        return numbers[: self._rows]

    def rows_of(self, numbers: Ids) -> npt.NDArray[np.int64]:
        """Rows that hold one of ``numbers``, ascending; numbers that are not here are passed over."""
        wanted = np.unique(numbers)
        # A block is of interest if the first wanted number that is not below its least is not above its most.
        next_wanted = np.searchsorted(wanted, self._least)
        padded = np.append(wanted, np.iinfo(np.int64).max)
        blocks = np.flatnonzero(padded[next_wanted] <= self._most)
        found: list[npt.NDArray[np.int64]] = []
        for group in np.array_split(blocks, max(1, len(blocks) // 256)):
            held = self._offsets[group]
            least = self._least[group]
            if len(wanted) <= _FEW:
                hit = np.zeros(held.shape, np.bool_)
                for number in wanted:
                    near = (number >= least) & (number <= self._most[group])
                    distance = np.where(near, number - least, 0).astype(held.dtype)
                    hit |= (held == distance[:, None]) & near[:, None]
            else:
                full = least[:, None] + held.astype(np.int64)
                place = np.minimum(np.searchsorted(wanted, full), len(wanted) - 1)
                hit = wanted[place] == full
            block, row = np.nonzero(hit)
            found.append(group[block] * BLOCK_ROWS + row)
        rows = np.concatenate(found) if found else np.empty(0, np.int64)
        return rows[rows < self._rows]
