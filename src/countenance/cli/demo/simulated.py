"""Templates of nobody: the generator of the demonstration's simulated gallery.

Rules kept here: what is simulated is called simulated wherever it is shown, and the generator is described well
enough to be written again from this text.

A template is drawn from a normal distribution with mean zero and the covariance spectrum ``exp(-1.6 i / d)``,
i = 0 ... d-1, in a random orthonormal basis, and scaled to unit length. The spectrum has
``(2 / 1.6) tanh(1.6 / 2) = 0.83`` effective dimensions per dimension (participation ratio): 106 of 128, which is
what 1 / variance of impostor scores was for SFace on the 40 subjects of the Database of Faces.

It is kinder than life in one respect: real templates share a mean (impostor scores there averaged 0.10, these
average 0), so the closest of 100,000 real strangers would score higher than the closest simulated one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from countenance.terms import Vectors

SPECTRUM_DECAY = 1.6
ROWS_AT_ONCE = 10_000


def simulated_templates(count: int, dimensions: int, rng: np.random.Generator) -> Iterator[Vectors]:
    """``count`` templates of nobody, in pieces of shape (up to 10,000, ``dimensions``), float32, unit length."""
    basis, _ = np.linalg.qr(rng.standard_normal((dimensions, dimensions)))
    spread = np.exp(-SPECTRUM_DECAY * np.arange(dimensions) / dimensions / 2)
    mixing = (spread[:, None] * basis).astype(np.float32)
    for start in range(0, count, ROWS_AT_ONCE):
        rows = rng.standard_normal((min(ROWS_AT_ONCE, count - start), dimensions), np.float32) @ mixing
        yield rows / np.linalg.norm(rows, axis=1, keepdims=True)
