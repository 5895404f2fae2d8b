"""One-bit codes: what is kept of the gallery in them, and whom they find."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.index.coarse import Codes, Effort
from countenance.index.onebit import ENOUGH, Coder, rotation
from countenance.terms import Vectors
from tests.congruence.oracle import unit_rows


def alike(random: np.random.Generator, rows: Vectors, shared: Vectors, share: float) -> Vectors:
    """``rows`` with a direction in common: strangers then score ``share`` on average."""
    mixed = np.sqrt(1 - share) * rows + np.sqrt(share) * shared
    return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)


def test_a_coder_of_few_keeps_nothing_of_anybody() -> None:
    random = np.random.default_rng(0)
    one, other = (Coder.of(32, unit_rows(random, ENOUGH - 1, 32)) for _ in range(2))
    assert np.array_equal(one.turn, other.turn)
    assert one.spread == other.spread
    shards = [coder.shard() for coder in (one, other)]
    points = [np.array([shard.pq.centroids.at(n) for n in range(512)]) for shard in shards]
    assert np.array_equal(points[0], points[1])


@pytest.mark.parametrize("dimensions", [30, 31, 32, 33])
def test_vectors_of_any_length_are_coded(dimensions: int) -> None:
    assert rotation(dimensions) @ rotation(dimensions).T == pytest.approx(np.eye(dimensions), abs=1e-5)
    rows = unit_rows(np.random.default_rng(1), 3000, dimensions)
    whose = np.arange(3000, dtype=np.int32)
    codes = Codes.of(dimensions, rows, 3000, [(rows, whose)])
    assert (codes.scan(rows[:50], 32, Effort()) == whose[:50, None]).any(axis=1).mean() > 0.95


@pytest.mark.parametrize("lists_above", [10**9, 0], ids=["exhaustive", "lists"])
def test_a_direction_that_all_share_costs_no_candidates(lists_above: int) -> None:
    random = np.random.default_rng(2)
    rows, shared = unit_rows(random, 20_000, 64), unit_rows(random, 1, 64)
    probes = np.sqrt(0.62) * rows[:400] + np.sqrt(0.38) * unit_rows(random, 400, 64)
    probes = (probes / np.linalg.norm(probes, axis=1, keepdims=True)).astype(np.float32)
    whose = np.arange(20_000, dtype=np.int32)
    gallery = alike(random, rows, shared, 0.6)
    codes = Codes.of(64, gallery[:2000], 20_000, [(gallery, whose)], lists_above)
    asked = codes.scan(alike(random, probes, shared, 0.6), 16, Effort(lists=1 << 16))
    assert (asked == whose[:400, None]).any(axis=1).mean() > 0.97, "0.78 with the shared direction left in"
