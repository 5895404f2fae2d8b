"""Simulated people: isotropic directions, and pictures scattered about each."""

from __future__ import annotations

import numpy as np


def people(
    count: int, pictures: int, *, seed: int, dimensions: int = 64, spread: float = 0.7
) -> tuple[np.ndarray, np.ndarray]:
    """Templates (n, dimensions) of unit length, and the person of each; mates score about 0.67."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((count, dimensions))
    rows = np.repeat(centres, pictures, axis=0) + spread * rng.standard_normal((count * pictures, dimensions))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), np.repeat(np.arange(count), pictures)
