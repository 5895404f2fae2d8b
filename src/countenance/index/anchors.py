"""Anchors: the few vectors by which a search finds a subject, whatever the number of the subject's references.

A search ranks subjects, and every reference of a subject that was found is scored afterwards. So the coarse
scan need not look at references: it looks at *anchors*, means of references of one subject that are alike. A
mean of several references is closer to the next picture of that subject than any one of them (the noise of
single pictures averages out), and there are fewer of them: at five references each, a fifth of the codes to
scan, to keep and to build. The measurements are in docs/adr/0005-one-bit-codes.md.

Rules kept here:

* Every reference is covered: its cosine to an anchor of its subject was at least ``coverage`` when it was
  chosen, or it leads an anchor. A reference that is unlike the others therefore gets an anchor of its own.
* References of two subjects never share an anchor.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from countenance.terms import Vectors

COVERAGE = 0.75
"""Least cosine between a reference and the anchor that stands for it; see the ADR for what other values cost."""

_ROUNDS = 8

Owners = npt.NDArray[np.int64]


def pooled(templates: Vectors, owners: Owners, coverage: float = COVERAGE) -> tuple[Vectors, Owners]:
    """Anchors of ``templates`` (shape (n, d)) and the owner of each.

    ``owners`` (shape (n,)) must be ascending. Anchors come in no particular order, of unit length.
    """
    anchors: list[Vectors] = []
    whose: list[Owners] = []
    rows, belongs = templates, owners
    for _ in range(_ROUNDS):
        if len(rows) == 0:
            break
        starts, group = _groups(belongs)
        if len(starts) == len(rows):
            break
        means = _unit(np.add.reduceat(rows, starts, axis=0))
        likeness = np.einsum("ij,ij->i", rows, means[group])
        covered = likeness >= coverage
        if not covered.all():
            # At least the reference nearest to the mean leads an anchor, so that every round gets somewhere.
            covered |= likeness == np.maximum.reduceat(likeness, starts)[group]
            leads, _ = _groups(group[covered])
            means = _unit(np.add.reduceat(rows[covered], leads, axis=0))
        anchors.append(means)
        whose.append(belongs[starts])
        rows, belongs = rows[~covered], belongs[~covered]
    anchors.append(rows)
    whose.append(belongs)
    return np.concatenate(anchors), np.concatenate(whose)


def _groups(ascending: Owners) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First row of each run of equal numbers, and for each row the number of its run."""
    change = np.ones(len(ascending), np.bool_)
    change[1:] = ascending[1:] != ascending[:-1]
    return np.flatnonzero(change), np.cumsum(change) - 1


def _unit(rows: Vectors) -> Vectors:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    unit: Vectors = rows / np.maximum(lengths, np.float32(1e-12))[:, None]
    return unit
