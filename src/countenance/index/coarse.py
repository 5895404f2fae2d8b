"""The coarse scan: 1-bit codes of anchors (RaBitQ, Gao and Long 2024; FAISS's fast-scan layout).

Rules kept here:

* Codes are made after a fixed random rotation, so that no direction of the template space is coded worse.
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

from countenance.terms import Vectors

SHARDS = max(1, min(8, len(os.sched_getaffinity(0))))
LISTS_ABOVE = 6_000_000
"""Anchors in a segment above which it is scanned by inverted lists; see docs/adr/0005-one-bit-codes.md."""

_TOGETHER = 8
"""Queries scanned together: more of them fall out of the cache, fewer read the codes more often."""

_SAMPLE_PER_LIST = 20
_ROTATION_SEED = 20_220_518
_SMALL = 1 << 15
"""Anchors below which one shard is quicker than two threads."""

Shard = Any
"""A FAISS index; its published types lack half of what it has."""

_FAISS: Any = faiss
Owners32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Effort:
    """How far a search goes: more is slower and finds more. Chosen by index.tune from a stated recall."""

    candidates: int = 64
    """Subjects per probe that are scored again, at least; a search for k subjects takes at least 4 k."""
    lists: int = 256
    """Inverted lists looked at per shard, where there are lists; as many as there are means exhaustive."""


@lru_cache(maxsize=4)
def rotation(dimensions: int) -> Vectors:
    """The fixed random rotation for templates of that length, shape (d, d); rows times it are rotated."""
    noise = np.random.default_rng(_ROTATION_SEED).standard_normal((dimensions, dimensions))
    turned: Vectors = np.linalg.qr(noise)[0].astype(np.float32)
    return turned


def rotated(probes: Vectors) -> Vectors:
    """``probes`` as the coarse codes want them."""
    turn = rotation(probes.shape[1])
    return np.concatenate([probes[n : n + _TOGETHER] @ turn for n in range(0, len(probes), _TOGETHER)])


class Codes:
    """Codes of a segment's anchors. Unchanging once built; any number of readers."""

    def __init__(self, shards: list[Shard], owners: list[Owners32]) -> None:
        """``shards`` hold the codes, ``owners`` for each shard whose anchor each code is."""
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
        """Codes of all ``anchors`` (vectors, owners); ``sample`` (rows alike) trains, ``expected`` sizes."""
        turn = rotation(dimensions)
        lists = lists_for(expected) if expected > lists_above else 0
        shards = [_trained(dimensions, sample @ turn, lists)]
        shards += [_emptied_copy(shards[0]) for _ in range(SHARDS - 1 if expected > _SMALL else 0)]
        owners: list[list[Owners32]] = [[] for _ in shards]
        with ThreadPoolExecutor(len(shards), initializer=_one_thread_each) as threads:
            waiting: list[Future[None]] = []
            for number, (vectors, whose) in enumerate(anchors):
                place = number % len(shards)
                if len(waiting) >= len(shards):
                    waiting.pop(0).result()
                waiting.append(threads.submit(shards[place].add, vectors @ turn))
                owners[place].append(whose)
            for left in waiting:
                left.result()
        joined = [np.concatenate(parts) if parts else np.empty(0, np.int32) for parts in owners]
        return cls(shards, joined)

    def alike(self, vectors: Vectors, owners: Owners32) -> Codes:
        """Codes of other anchors, made the same way: nearness in both can be compared."""
        shard = _emptied_copy(self._shards[0])
        with ThreadPoolExecutor(1, initializer=_one_thread_each) as threads:
            threads.submit(shard.add, vectors @ rotation(int(shard.d))).result()
        return Codes([shard], [owners])

    def __len__(self) -> int:
        """Anchors."""
        return sum(len(owner) for owner in self._owners)

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

    def scan(self, turned: Vectors, count: int, effort: Effort) -> npt.NDArray[np.int64]:
        """Owners of the ``count`` best anchors for each rotated probe, shape (n, m), in no order; -1 where none.

        An owner of several anchors may come several times.
        """
        return self.nearest(turned, count, effort)[0]

    def nearest(self, turned: Vectors, count: int, effort: Effort) -> tuple[npt.NDArray[np.int64], Vectors]:
        """As :meth:`scan`, and the estimated nearness of each anchor (larger is nearer)."""
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
        distances, found = shard.search(turned, wanted, params=parameters)
        nearness = -distances
    else:
        blocks = [shard.search(turned[n : n + _TOGETHER], wanted) for n in range(0, len(turned), _TOGETHER)]
        nearness = np.concatenate([block[0] for block in blocks])
        found = np.concatenate([block[1] for block in blocks])
    owners = np.where(found >= 0, owner[found], -1).astype(np.int64)
    return owners, np.where(found >= 0, nearness, -np.inf).astype(np.float32)


def lists_for(expected: int) -> int:
    """Inverted lists for so many anchors: the power of two nearest to their square root, at least 16."""
    return 1 << max(4, round(math.log2(math.sqrt(max(1, expected)))))


def _trained(dimensions: int, sample: Vectors, lists: int) -> Shard:
    if lists == 0:
        shard = _FAISS.IndexRaBitQFastScan(dimensions, faiss.METRIC_INNER_PRODUCT)
        shard.train(sample)
        return shard
    while lists > 1 and len(sample) < _SAMPLE_PER_LIST * lists:
        lists //= 2
    # Unit vectors rank alike by distance and by inner product; by distance the centroids may stay means.
    quantizer = _FAISS.IndexFlatL2(dimensions)
    shard = _FAISS.IndexIVFRaBitQFastScan(quantizer, dimensions, lists, faiss.METRIC_L2)
    shard.cp.seed = 1
    shard.cp.niter = 8
    shard.cp.min_points_per_centroid = 1
    shard.train(sample)
    quantizer.this.disown()
    shard.own_fields = True
    return shard


def _emptied_copy(shard: Shard) -> Shard:
    copy = _FAISS.deserialize_index(_FAISS.serialize_index(shard))  # FAISS cannot clone this type
    copy.reset()
    return copy


def _one_thread_each() -> None:
    faiss.omp_set_num_threads(1)


@lru_cache(maxsize=1)
def _scanners() -> ThreadPoolExecutor:
    """Threads that scan for every index of the process; each is one core's worth."""
    return ThreadPoolExecutor(SHARDS, thread_name_prefix="scan", initializer=_one_thread_each)


# Threads do not survive a fork; a worker process that was forked makes its own.
os.register_at_fork(after_in_child=_scanners.cache_clear)
