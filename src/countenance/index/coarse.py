"""The coarse scan: one-bit codes of anchors (index.onebit), the nearest of which are a search's candidates.

Rules kept here:

* Codes are dealt to as many shards as there are cores: one query is scanned by all of them at once. FAISS
  itself would scan a single query on one thread.
* A shard answers with owners (subjects' places in their segment), never with filtered lists: filters are
  looked at afterwards and the scan asked for more when they left too few. See index.segment.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from countenance.index.onebit import TOGETHER, Coder, Shard, one_thread_each
from countenance.terms import Vectors

SHARDS = max(1, min(8, len(os.sched_getaffinity(0))))
LISTS_ABOVE = 16_000_000
"""Subjects in a segment above which it is scanned by inverted lists: about 20 ms of scanning on two cores at 128
dimensions; see docs/adr/0005-one-bit-codes.md."""

_SMALL = 1 << 15
"""Anchors below which one shard is quicker than two threads."""

_FAISS: Any = faiss
Owners32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Effort:
    """How far a search goes: more is slower and finds more. Chosen by index.tune from a stated recall."""

    candidates: int = 64
    """Subjects per probe that are scored again, at least; a search for k subjects takes at least 4 k."""
    lists: int = 256
    """Inverted lists looked at per shard, where there are lists; as many as there are means exhaustive."""


class Codes:
    """Codes of a segment's anchors. Unchanging once built; any number of readers."""

    def __init__(self, coder: Coder, shards: list[Shard], owners: list[Owners32]) -> None:
        """``shards`` hold the codes that ``coder`` made, ``owners`` for each shard whose anchor each code is."""
        self._coder = coder
        self._shards = shards
        self._owners = owners

    @classmethod
    def of(
        cls,
        dimensions: int,
        sample: Vectors,
        expected: int,
        anchors: Iterable[tuple[Vectors, Owners32]],
        lists_above: int = LISTS_ABOVE,
    ) -> Codes:
        """Codes of all ``anchors`` (vectors, owners), like those of ``sample``; about ``expected`` of them."""
        coder = Coder.of(dimensions, sample)
        shards = [coder.shard(lists_for(expected) if expected > lists_above else 0, sample)]
        shards += [_emptied_copy(shards[0]) for _ in range(SHARDS - 1 if expected > _SMALL else 0)]
        owners: list[list[Owners32]] = [[] for _ in shards]
        with ThreadPoolExecutor(len(shards), initializer=one_thread_each) as threads:
            waiting: list[Future[None]] = []
            for number, (vectors, whose) in enumerate(anchors):
                place = number % len(shards)
                if len(waiting) >= len(shards):
                    waiting.pop(0).result()
                waiting.append(threads.submit(shards[place].add, vectors @ coder.turn))
                owners[place].append(whose)
            for left in waiting:
                left.result()
        joined = [np.concatenate(parts) if parts else np.empty(0, np.int32) for parts in owners]
        return cls(coder, shards, joined)

    def alike(self, vectors: Vectors, owners: Owners32) -> Codes:
        """Codes of other anchors, made the same way: nearness in both can be compared."""
        shard = _emptied_copy(self._shards[0])
        with ThreadPoolExecutor(1, initializer=one_thread_each) as threads:
            threads.submit(shard.add, vectors @ self._coder.turn).result()
        return Codes(self._coder, [shard], [owners])

    def __len__(self) -> int:
        """Anchors."""
        return sum(len(owner) for owner in self._owners)

    @property
    def coder(self) -> Coder:
        """How the anchors were coded."""
        return self._coder

    @property
    def shards(self) -> list[Shard]:
        """The FAISS indexes, for snapshots."""
        return self._shards

    @property
    def owners(self) -> list[Owners32]:
        """For each shard, whose anchor each code is."""
        return self._owners

    @property
    def listed(self) -> bool:
        """Whether the scan is by inverted lists."""
        return any(isinstance(shard, faiss.IndexIVF) for shard in self._shards)

    @property
    def memory_bytes(self) -> int:
        """Bytes of codes, their factors, FAISS's own numbers and the owners."""
        per_code = sum(
            int(shard.ntotal) * (int(shard.code_size) + (8 if isinstance(shard, faiss.IndexIVF) else 0))
            for shard in self._shards
        )
        return per_code + sum(int(owner.nbytes) for owner in self._owners)

    def scan(self, probes: Vectors, count: int, effort: Effort) -> npt.NDArray[np.int64]:
        """Owners of the ``count`` best anchors for each probe, shape (n, m), in no order; -1 where none.

        An owner of several anchors may come several times.
        """
        return self.nearest(probes, count, effort)[0]

    def nearest(self, probes: Vectors, count: int, effort: Effort) -> tuple[npt.NDArray[np.int64], Vectors]:
        """As :meth:`scan`, and the estimated nearness of each anchor (larger is nearer)."""
        turned = self._coder.turned(probes)
        pairs = list(zip(self._shards, self._owners, strict=True))
        # A single query uses one thread of FAISS's plain scan, so the caller can scan a shard itself; several
        # queries, and lists, would use as many threads as the process allows and wait for each other.
        mine = pairs.pop() if len(turned) == 1 and not self.listed else None
        waiting = [_scanners().submit(_scanned, shard, owner, turned, count, effort) for shard, owner in pairs]
        parts = [] if mine is None else [_scanned(*mine, turned, count, effort)]
        parts += [part.result() for part in waiting]
        if len(parts) == 1:
            return parts[0]
        owners = np.concatenate([part[0] for part in parts], axis=1)
        nearness = np.concatenate([part[1] for part in parts], axis=1)
        if owners.shape[1] <= count:
            return owners, nearness
        best = np.argpartition(-nearness, count - 1, axis=1)[:, :count]
        return np.take_along_axis(owners, best, axis=1), np.take_along_axis(nearness, best, axis=1)


def _scanned(
    shard: Shard, owner: Owners32, turned: Vectors, count: int, effort: Effort
) -> tuple[npt.NDArray[np.int64], Vectors]:
    wanted = min(count, len(owner))
    if wanted == 0:
        return np.empty((len(turned), 0), np.int64), np.empty((len(turned), 0), np.float32)
    if isinstance(shard, faiss.IndexIVF):
        parameters = _FAISS.IVFSearchParameters(nprobe=min(effort.lists, int(shard.nlist)))
        nearness, found = shard.search(turned, wanted, params=parameters)
    else:
        blocks = [shard.search(turned[n : n + TOGETHER], wanted) for n in range(0, len(turned), TOGETHER)]
        nearness = np.concatenate([block[0] for block in blocks])
        found = np.concatenate([block[1] for block in blocks])
    owners = np.where(found >= 0, owner[found], -1).astype(np.int64)
    return owners, np.where(found >= 0, nearness, -np.inf).astype(np.float32)


def lists_for(expected: int) -> int:
    """Inverted lists for so many anchors: the power of two nearest to their square root, at least 16."""
    return 1 << max(4, round(math.log2(math.sqrt(max(1, expected)))))


def _emptied_copy(shard: Shard) -> Shard:
    copy = _FAISS.deserialize_index(_FAISS.serialize_index(shard))
    copy.reset()
    return copy


@lru_cache(maxsize=1)
def _scanners() -> ThreadPoolExecutor:
    """Threads that scan for every index of the process; each is one core's worth."""
    return ThreadPoolExecutor(SHARDS, thread_name_prefix="scan", initializer=one_thread_each)


# Threads do not survive a fork; a worker process that was forked makes its own.
os.register_at_fork(after_in_child=_scanners.cache_clear)
