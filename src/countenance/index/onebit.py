"""One bit a dimension: how a vector becomes a code that a scan compares quickly.

Method. A vector is turned by a fixed random rotation, so that no direction is coded worse than another. What all
vectors have in common, their mean direction, is taken out: it is in every score and tells nobody from anybody. Then
every four dimensions become four bits, the nearest of sixteen points (product quantisation: Jegou, Douze and Schmid
2011; scanned with tables that stay in registers: Andre, Kermarrec and Le Scouarnec 2015; FAISS's fast scan). What
that buys over a bit for each single dimension is in docs/adr/0005-one-bit-codes.md.

Rules kept here:

* The sixteen points are the same for everybody, everywhere: those that suit normally distributed numbers, which is
  what rotated vectors of any origin look like. They are not learnt from templates.
* Of the gallery a coder keeps two things, its mean direction and its spread, and only where they are of at least
  ``ENOUGH`` vectors: below that nothing of anybody's template is in a coder.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from countenance.terms import Vectors

ENOUGH = 1000
"""Vectors whose mean and spread may be kept."""

TOGETHER = 8
"""Probes turned and scanned together: more of them fall out of the cache, fewer read the codes more often."""

_TOGETHER_DIMENSIONS = 4
_POINTS = 16
_ROTATION_SEED = 20_220_518
_POINTS_SEED = 1
_SAMPLE_PER_LIST = 20

Shard = Any
"""A FAISS index; its published types lack half of what it has."""

_FAISS: Any = faiss


@dataclass(frozen=True, slots=True, eq=False)
class Coder:
    """How the vectors of one segment are coded."""

    turn: Vectors
    """Rotation, and the mean direction taken out; shape (d, d'), d' the next multiple of four."""
    spread: float
    """Standard deviation of a turned coordinate."""

    @classmethod
    def of(cls, dimensions: int, sample: Vectors) -> Coder:
        """The coder for vectors like those of ``sample`` (rows of unit length)."""
        turn = rotation(dimensions)
        if len(sample) < ENOUGH:
            return cls(turn, 1 / math.sqrt(dimensions))
        common = sample.mean(axis=0) @ turn
        common /= max(float(np.linalg.norm(common)), 1e-12)
        turn = (turn - np.outer(turn @ common, common)).astype(np.float32)
        return cls(turn, float((sample @ turn).std()))

    def turned(self, rows: Vectors) -> Vectors:
        """``rows`` as they are coded and compared, shape (n, d')."""
        parts = [rows[n : n + TOGETHER] @ self.turn for n in range(0, len(rows), TOGETHER)]
        return np.concatenate(parts) if parts else np.empty((0, self.turn.shape[1]), np.float32)

    def shard(self, lists: int = 0, sample: Vectors | None = None) -> Shard:
        """An empty index that is scanned as a whole or, with ``lists`` learnt from ``sample``, by inverted lists.

        There are fewer lists where the sample is too small for so many.
        """
        width = self.turn.shape[1]
        blocks = width // _TOGETHER_DIMENSIONS
        if lists == 0 or sample is None:
            shard = _FAISS.IndexPQFastScan(width, blocks, 4, faiss.METRIC_INNER_PRODUCT)
        else:
            while lists > 1 and len(sample) < _SAMPLE_PER_LIST * lists:
                lists //= 2
            quantizer = _FAISS.IndexFlatIP(width)
            how = _FAISS.ClusteringParameters()
            how.niter, how.seed, how.min_points_per_centroid, how.spherical = 8, 1, 1, True
            _FAISS.Clustering(width, lists, how).train(np.ascontiguousarray(sample @ self.turn), quantizer)
            shard = _FAISS.IndexIVFPQFastScan(quantizer, width, lists, blocks, 4, faiss.METRIC_INNER_PRODUCT)
            shard.by_residual = False
            quantizer.this.disown()
            shard.own_fields = True
        points = np.repeat(_points()[None] * np.float32(self.spread), blocks, axis=0)
        _FAISS.copy_array_to_vector(points.reshape(-1), shard.pq.centroids)
        shard.is_trained = True
        return shard


@lru_cache(maxsize=4)
def rotation(dimensions: int) -> Vectors:
    """The fixed random rotation, shape (d, d'); rows times it are rotated, and padded to a multiple of four."""
    width = -(-dimensions // _TOGETHER_DIMENSIONS) * _TOGETHER_DIMENSIONS
    noise = np.random.default_rng(_ROTATION_SEED).standard_normal((width, width))
    turned: Vectors = np.linalg.qr(noise)[0][:dimensions].astype(np.float32)
    return turned


@lru_cache(maxsize=1)
def _points() -> npt.NDArray[np.float32]:
    """Sixteen points that stand for four normally distributed numbers (k-means of such), shape (16, 4)."""
    drawn = np.random.default_rng(_POINTS_SEED).standard_normal((1 << 14, _TOGETHER_DIMENSIONS), np.float32)
    means = _FAISS.Kmeans(_TOGETHER_DIMENSIONS, _POINTS, niter=25, seed=1, max_points_per_centroid=len(drawn))
    with ThreadPoolExecutor(1, initializer=one_thread_each) as threads:  # FAISS's threads wait by spinning
        threads.submit(means.train, drawn).result()
    points: npt.NDArray[np.float32] = means.centroids.reshape(_POINTS, _TOGETHER_DIMENSIONS)
    return points


def one_thread_each() -> None:
    """Keep FAISS from spreading what this thread asks of it."""
    faiss.omp_set_num_threads(1)
