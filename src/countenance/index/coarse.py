"""The coarse scan: 1-bit codes of anchors (RaBitQ, Gao and Long 2024; FAISS's fast-scan layout).

Rules kept here:

* Codes are made after a fixed random rotation, so that no direction of the template space is coded worse.
* Codes are dealt to as many shards as there are cores: one query is scanned by all of them at once. FAISS
  itself would scan a single query on one thread.
* A shard answers with owners (subjects' places in their segment), never with filtered lists: filters are
  looked at afterwards and the scan asked for more when they left too few. See index.segment.
"""

from __future__ import annotations

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


class Codes:
    """Codes of a segment's anchors. Unchanging once built; any number of readers."""

    def __init__(self, shards: list[Shard], owners: list[Owners32]) -> None:
        """``shards`` hold the codes, ``owners`` for each shard whose anchor each code is."""
        self._shards = shards
        self._owners = owners

    @classmethod
    def of(
        cls, dimensions: int, sample: Vectors, expected: int, anchors: Iterable[tuple[Vectors, Owners32]]
    ) -> Codes:
        """Codes of all ``anchors`` (vectors, owners); ``sample`` (rows alike) trains, ``expected`` sizes."""
        turn = rotation(dimensions)
        shards = [_trained(dimensions, sample @ turn, expected) for _ in range(SHARDS if expected > _SMALL else 1)]
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
        """Owners of the ``count`` best anchors or more for each rotated probe, shape (n, m); -1 where none.

        An owner of several anchors may come several times.
        """
        if len(self._shards) == 1:
            return _scanned(self._shards[0], self._owners[0], turned, count, effort)[0]
        pairs = list(zip(self._shards, self._owners, strict=True))
        # A single query uses one thread of FAISS's, so the caller can scan a shard itself; several would not.
        mine = pairs.pop() if len(turned) == 1 else None
        waiting = [_scanners().submit(_scanned, shard, owner, turned, count, effort) for shard, owner in pairs]
        parts = [] if mine is None else [_scanned(*mine, turned, count, effort)]
        parts += [part.result() for part in waiting]
        owners = np.concatenate([part[0] for part in parts], axis=1)
        if owners.shape[1] <= count:
            return owners
        nearness = np.concatenate([part[1] for part in parts], axis=1)
        best = np.argpartition(-nearness, count - 1, axis=1)[:, :count]
        return np.take_along_axis(owners, best, axis=1)


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
        nearness, found = shard.search(turned, wanted)
    owners = np.where(found >= 0, owner[found], -1).astype(np.int64)
    return owners, np.where(found >= 0, nearness, -np.inf).astype(np.float32)


def _trained(dimensions: int, sample: Vectors, expected: int) -> Shard:
    if expected <= LISTS_ABOVE:
        shard = _FAISS.IndexRaBitQFastScan(dimensions, faiss.METRIC_INNER_PRODUCT)
        shard.train(sample)
        return shard
    # Unit vectors rank alike by distance and by inner product; by distance the centroids may stay means.
    lists = 1 << max(4, round(np.log2(np.sqrt(expected))))
    while lists > 1 and len(sample) < 20 * lists:
        lists //= 2
    quantizer = _FAISS.IndexFlatL2(dimensions)
    shard = _FAISS.IndexIVFRaBitQFastScan(quantizer, dimensions, lists, faiss.METRIC_L2)
    shard.cp.seed = 1
    shard.cp.niter = 8
    shard.cp.min_points_per_centroid = 1
    shard.train(sample)
    quantizer.this.disown()
    shard.own_fields = True
    return shard


def _one_thread_each() -> None:
    faiss.omp_set_num_threads(1)


@lru_cache(maxsize=1)
def _scanners() -> ThreadPoolExecutor:
    """Threads that scan for every index of the process; each is one core's worth."""
    return ThreadPoolExecutor(SHARDS, thread_name_prefix="scan", initializer=_one_thread_each)
