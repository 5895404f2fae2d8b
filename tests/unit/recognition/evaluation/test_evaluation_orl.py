"""The promised figures on the ORL face database, where it is present."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from countenance.recognition.candidates.calibrate import shipped
from countenance.recognition.candidates.evaluation import Evaluation, evaluate
from countenance.recognition.candidates.evaluation.acquire import Acquired, acquire
from countenance.recognition.candidates.evaluation.labelled import read_labelled
from countenance.recognition.models.package import bundled_template_model
from countenance.recognition.templates.recogniser import Recogniser

MODEL = bundled_template_model().manifest.sha256
ROOT = Path(__file__).resolve().parents[4]
ORL = Path(os.environ.get("COUNTENANCE_ORL", ROOT.parent / "shared" / "faces" / "orl"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("orl-evaluation"),
    pytest.mark.skipif(not ORL.is_dir(), reason="the ORL face database is not here; set COUNTENANCE_ORL"),
]


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    return Recogniser.open(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def acquired(recogniser: Recogniser) -> Acquired:
    return acquire(read_labelled(ORL), recogniser.recognise)


@pytest.fixture(scope="module")
def evaluation(recogniser: Recogniser) -> Evaluation:
    return evaluate(
        ORL,
        recogniser.recognise,
        model=recogniser.model,
        recipe="plain",
        measured_at=datetime(2026, 11, 1, tzinfo=UTC),
        robustness_probes=0,
        draws=200,
    )


def test_rank_one_and_false_non_matches_reach_the_promised_figures(evaluation: Evaluation) -> None:
    assert evaluation.identification is not None
    assert evaluation.verification is not None
    wrong = evaluation.identification.leave_one_out
    assert 1 - wrong.errors / wrong.trials >= 0.9975
    at = {p.fmr: p.fnmr.value for p in evaluation.verification.points}
    assert at[1e-3] is not None
    assert at[1e-3] <= 0.012


def test_expected_false_matches_of_people_left_out_are_within_a_factor_of_two(evaluation: Evaluation) -> None:
    ratios = {h.rate: h.ratio for h in evaluation.held_out if h.ratio is not None}
    assert {1e-2, 1e-3} <= set(ratios)
    for rate, ratio in ratios.items():
        assert 0.5 <= ratio <= 2, f"at {rate}"


def test_labels_of_orl_raise_no_finding(evaluation: Evaluation) -> None:
    assert evaluation.findings == ()


def test_shipped_calibration_was_measured_on_these_pictures_and_this_model(
    acquired: Acquired, evaluation: Evaluation
) -> None:
    calibration = shipped(evaluation.model, "plain")
    assert calibration is not None
    assert calibration.sample.data == acquired.data_digest
    assert "40 people" in calibration.sample.description
    again = evaluation.calibration
    assert again is not None
    # Another processor computes templates that differ in the third digit; another pipeline would differ more.
    assert again.default_threshold(200).score == pytest.approx(calibration.default_threshold(200).score, abs=0.02)


def test_default_threshold_finds_the_enrolled_and_leaves_strangers_unanswered(acquired: Acquired) -> None:
    calibration = shipped(MODEL, "plain")
    assert calibration is not None
    number = np.array([int(acquired.labelled.pictures[k].path.stem) for k in acquired.pictures])
    enrolled = number <= 5
    scores = acquired.templates[~enrolled] @ acquired.templates[enrolled].T
    same = acquired.subjects[~enrolled][:, None] == acquired.subjects[enrolled][None]
    mate, other = np.where(same, scores, -1).max(axis=1), np.where(same, -1, scores).max(axis=1)
    threshold = calibration.default_threshold(int(enrolled.sum())).score
    assert np.mean((mate > other) & (mate >= threshold)) >= 0.99
    assert np.mean(other < threshold) >= 0.99, "the same probes, had their own person not been enrolled"


def test_every_recipe_that_is_shipped_asks_more_of_a_larger_gallery() -> None:
    for recipe in ("plain", "mirrored"):
        calibration = shipped(MODEL, recipe)
        assert calibration is not None
        small, large = (calibration.default_threshold(n) for n in (200, 1_000_000))
        assert small.score < large.score < 0.8
        assert large.extrapolated
