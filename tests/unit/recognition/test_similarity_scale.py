"""The similarity that programs written for other engines are given."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.errors import ModelUncalibrated
from countenance.recognition.candidates.calibrate import shipped
from countenance.recognition.candidates.similarity import SimilarityScale
from countenance.recognition.models.package import bundled_template_model

_MODEL = bundled_template_model().manifest.sha256
_RECIPES = ("plain", "mirrored")


def _scale(recipe: str = "plain") -> SimilarityScale:
    return SimilarityScale.of(shipped(_MODEL, recipe))


@pytest.mark.parametrize("recipe", _RECIPES)
def test_a_higher_score_never_has_a_lower_similarity(recipe: str) -> None:
    values = [_scale(recipe).similarity(score) for score in np.linspace(-1, 1, 2001)]
    assert all(0.0 <= value <= 1.0 for value in values)
    assert all(later >= earlier for earlier, later in itertools.pairwise(values))
    assert values[0] < 0.01
    assert values[-1] > 0.99


@pytest.mark.parametrize("recipe", _RECIPES)
@pytest.mark.parametrize(("similarity", "one_stranger_in"), [(0.75, 1_024), (0.8, 3_125), (0.9, 100_000)])
def test_a_similarity_says_how_rare_a_stranger_is(recipe: str, similarity: float, one_stranger_in: int) -> None:
    scale = _scale(recipe)
    rate = scale.calibration.false_match_rate(scale.score(similarity)).value
    assert rate == pytest.approx(1 / one_stranger_in, rel=0.01)


@pytest.mark.parametrize("recipe", _RECIPES)
def test_strangers_do_not_look_alike(recipe: str) -> None:
    scale = _scale(recipe)
    strangers = scale.calibration.threshold_for(0.5, 1).score  # the score that half of all strangers reach
    assert scale.similarity(strangers) < 0.2
    assert scale.similarity(scale.calibration.threshold_for(0.01, 1).score) < 0.65


@given(st.floats(0.05, 0.999))
def test_the_lowest_score_of_a_similarity_has_that_similarity(similarity: float) -> None:
    scale = _scale()
    score = scale.score(similarity)
    assert scale.similarity(score) >= similarity
    assert scale.similarity(score - 1e-3) < similarity


def test_no_similarity_is_made_up_for_a_model_that_nobody_measured() -> None:
    with pytest.raises(ModelUncalibrated):
        SimilarityScale.of(None)
