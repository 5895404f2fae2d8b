"""A secret rotation keeps scores and hides templates, as far as it says."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.errors import InputInvalid
from countenance.index.rotation import Rotation
from tests.congruence.oracle import unit_rows

KEY = bytes(range(32))


def test_scores_are_kept_and_templates_are_not() -> None:
    templates = unit_rows(np.random.default_rng(0), 300, 128)
    rotated = Rotation(KEY, 128).apply(templates)
    assert np.abs(rotated @ rotated.T - templates @ templates.T).max() < 1e-6
    assert np.abs(np.linalg.norm(rotated, axis=1) - 1).max() < 1e-6
    alike = np.einsum("ij,ij->i", templates, rotated)
    assert abs(alike.mean()) < 0.05
    assert alike.std() == pytest.approx(128**-0.5, rel=0.3), "like strangers"
    assert np.abs(Rotation(KEY, 128).undo(rotated) - templates).max() < 1e-6


def test_the_key_alone_decides() -> None:
    templates = unit_rows(np.random.default_rng(0), 10, 64)
    here, there, other = Rotation(KEY, 64), Rotation(KEY, 64), Rotation(bytes(32), 64)
    assert (here.apply(templates) == there.apply(templates)).all()
    assert here.check == there.check
    assert len(here.check) == 16
    assert here.check != other.check
    assert np.abs(np.einsum("ij,ij->i", here.apply(templates), other.apply(templates))).max() < 0.6


def test_as_many_known_pairs_as_dimensions_give_it_away() -> None:
    """The limit that the documents state; if this fails, they are wrong."""
    random = np.random.default_rng(0)
    rotation = Rotation(KEY, 32)
    known, secret = unit_rows(random, 32, 32), unit_rows(random, 5, 32)
    matrix = np.linalg.solve(known.astype(np.float64), rotation.apply(known).astype(np.float64))
    recovered = rotation.apply(secret) @ np.linalg.inv(matrix)
    assert np.abs(recovered - secret).max() < 1e-3


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(InputInvalid):
        Rotation(b"short", 8)
