"""Simulated identities: templates that behave, towards an index, like those of a face model.

A subject is a random direction; a reference of it is that direction plus the noise of one picture::

    template = unit( sqrt(a) * subject + sqrt(1 - a) * noise )

with ``subject`` and ``noise`` drawn with one spectrum and made unit length. The expected comparison score of
two pictures of one subject is then ``a`` (MATE_SCORE, 0.62). The spectrum falls off exponentially so that scores
of strangers spread like those of a real model: 1 / variance of impostor scores was about 106 for SFace
templates of 40 people (128 dimensions), and is called the *effective dimensions* here. ``decay=0`` is
isotropic: then the effective dimensions are the dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.terms import Ids, Vectors

MATE_SCORE = 0.62
BLOCK_SUBJECTS = 50_000


@dataclass(frozen=True, slots=True)
class Identities:
    """A population; the same numbers give the same templates on every machine."""

    dimensions: int = 128
    subjects: int = 200_000
    each: int = 5
    mate_score: float = MATE_SCORE
    effective_dimensions: float | None = 106.0
    """None: isotropic."""
    seed: int = 1

    def spectrum(self) -> Vectors:
        """Standard deviation of each dimension, mean square 1."""
        if self.effective_dimensions is None:
            return np.ones(self.dimensions, np.float32)
        low, high = 0.0, 20.0
        places = np.arange(self.dimensions) / self.dimensions
        for _ in range(60):
            decay = (low + high) / 2
            variance = np.exp(-decay * places)
            # Participation ratio of the variances: 1 / variance of the cosine of two independent draws.
            if variance.sum() ** 2 / (variance**2).sum() > self.effective_dimensions:
                low = decay
            else:
                high = decay
        deviation = np.sqrt(variance / variance.mean())
        return deviation.astype(np.float32)

    def blocks(self) -> Iterator[tuple[Ids, Vectors]]:
        """Subject ids and templates, ``each`` references in a row, about 250,000 rows at a time."""
        for first in range(0, self.subjects, BLOCK_SUBJECTS):
            count = min(BLOCK_SUBJECTS, self.subjects - first)
            centres = self._centres(first, count)
            owners = np.repeat(np.arange(first, first + count), self.each)
            yield owners, self._pictures(np.repeat(centres, self.each, axis=0), (first, 1))

    def all(self) -> tuple[Ids, Vectors]:
        """Everything at once."""
        rows = self.subjects * self.each
        owners, templates = np.empty(rows, np.int64), np.empty((rows, self.dimensions), np.float32)
        at = 0
        for block_owners, block in self.blocks():
            owners[at : at + len(block)], templates[at : at + len(block)] = block_owners, block
            at += len(block)
        return owners, templates

    def probes(self, n: int, seed: int = 99) -> tuple[Ids, Vectors]:
        """``n`` new pictures of enrolled subjects, none of them in the gallery."""
        chosen = np.sort(
            np.random.default_rng((self.seed, seed)).choice(self.subjects, n, replace=n > self.subjects)
        )
        centres = np.empty((n, self.dimensions), np.float32)
        for first in np.unique(chosen // BLOCK_SUBJECTS) * BLOCK_SUBJECTS:
            block = self._centres(int(first), min(BLOCK_SUBJECTS, self.subjects - int(first)))
            inside = (chosen >= first) & (chosen < first + BLOCK_SUBJECTS)
            centres[inside] = block[chosen[inside] - first]
        return chosen, self._pictures(centres, (seed, 2))

    def _centres(self, first: int, count: int) -> Vectors:
        return self._drawn(count, (first, 0))

    def _pictures(self, centres: Vectors, part: tuple[int, int]) -> Vectors:
        a = np.float32(self.mate_score)
        noise = self._drawn(len(centres), part)
        return _unit(np.sqrt(a) * centres + np.sqrt(1 - a) * noise)

    def _drawn(self, n: int, part: tuple[int, int]) -> Vectors:
        random = np.random.default_rng((self.seed, *part))
        return _unit(random.standard_normal((n, self.dimensions), dtype=np.float32) * self.spectrum())


def effective_dimensions(templates: npt.NDArray[np.float32]) -> float:
    """1 / variance of the scores of strangers, over ``templates`` of different subjects."""
    scores = (templates @ templates.T)[np.triu_indices(len(templates), 1)]
    return float(1 / scores.var())


def _unit(rows: Vectors) -> Vectors:
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
