"""What a calibration promises about scores, rates and thresholds."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from simulated_people import people

from countenance.errors import BeyondValidated, CalibrationUnfit, CalibrationUnreadable, InputInvalid
from countenance.recognition.candidates.calibrate import Calibration, calibrate
from countenance.recognition.candidates.impostors import NonMates, fit_tail, supported_by

WHEN = datetime(2026, 11, 1, tzinfo=UTC)


def pairs(rows: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, NonMates]:
    first, second = np.triu_indices(len(rows), 1)
    scores = (rows @ rows.T)[first, second]
    same = names[first] == names[second]
    return scores[same], NonMates.of(scores[~same], names[first][~same], names[second][~same])


def fitted(count: int = 40, pictures: int = 6, seed: int = 1) -> Calibration:
    mates, non_mates = pairs(*people(count, pictures, seed=seed))
    return calibrate(
        mates,
        non_mates,
        model="m",
        recipe="plain",
        description="simulated people",
        data="",
        pictures=count * pictures,
        measured_at=WHEN,
        seed=7,
        replicates=100,
    )


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fitted()


def test_expected_false_positives_are_within_a_factor_of_two_of_those_of_people_never_seen(
    calibration: Calibration,
) -> None:
    _, others = pairs(*people(1000, 2, seed=99))
    for rate in (1e-2, 1e-3, 1e-4, 1e-5):
        threshold = calibration.threshold_for(rate, 1).score
        observed = float((others.scores >= threshold).mean())
        assert rate / 2.5 < observed < rate * 2, f"expected {rate}, observed {observed}"


def test_interval_holds_the_rate_of_people_never_seen_far_beyond_the_sample(calibration: Calibration) -> None:
    _, others = pairs(*people(1000, 3, seed=98))
    score = float(np.sort(others.scores)[-10])
    truth = 10 / len(others.scores)
    estimate = calibration.false_match_rate(score)
    assert estimate.extrapolated
    assert estimate.low <= truth <= estimate.high


def test_more_references_never_lower_the_threshold(calibration: Calibration) -> None:
    scores = [calibration.default_threshold(n).score for n in (0, 1, 200, 201, 1000, 10**5, 10**7, 2 * 10**10)]
    assert scores == sorted(scores)
    assert scores[2] < scores[3] < scores[-1] < 1.0


def test_false_match_rate_never_rises_with_the_score(calibration: Calibration) -> None:
    rates = [calibration.false_match_rate(s).value for s in np.linspace(-1, 1, 401)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(1.0)
    assert rates[-1] < 1e-9


def test_threshold_gives_back_the_expected_number_it_was_asked_for(calibration: Calibration) -> None:
    for expected, references in ((0.01, 200), (0.5, 3), (1e-6, 10**6)):
        threshold = calibration.threshold_for(expected, references)
        assert threshold.expected_false_positives.value == pytest.approx(expected, rel=1e-3)


def test_what_three_couples_cannot_show_is_marked_as_extrapolated(calibration: Calibration) -> None:
    assert not calibration.threshold_for(10 * calibration.supported_rate, 1).extrapolated
    assert calibration.threshold_for(calibration.supported_rate / 10, 1).extrapolated


def test_strictness_refuses_what_is_extrapolated_and_allows_the_rest(calibration: Calibration) -> None:
    assert calibration.strict_threshold_for(0.01, 1).score < calibration.supported_score
    with pytest.raises(BeyondValidated, match="40 people"):
        calibration.strict_threshold_for(0.01, 1_000_000)


def test_one_look_alike_couple_is_one_event_however_many_pictures_it_has() -> None:
    rows, names = people(30, 5, seed=3)
    rows[5:10] = rows[0:5]  # person 1 is the double of person 0
    _, non_mates = pairs(rows, names)
    score, rate = supported_by(non_mates)
    assert score < 0.8, "25 high scores of one couple must not pass for 25 couples"
    assert rate > 25 / non_mates.comparisons


def test_fewer_people_mean_a_wider_interval() -> None:
    few, many = fitted(12, 6, seed=5), fitted(120, 6, seed=5)

    def width(c: Calibration) -> float:
        e = c.false_match_rate(c.threshold_for(1e-3, 1).score)
        return float(np.log((e.high + 1e-30) / (e.low + 1e-30)))

    assert width(few) > 1.5 * width(many)


def test_calibration_survives_storage_to_the_last_digit(calibration: Calibration) -> None:
    again = Calibration.from_document(json.loads(json.dumps(calibration.as_document())))
    assert again == calibration
    assert again.digest == calibration.digest


def test_same_seed_gives_the_same_calibration() -> None:
    assert fitted(20, 4).digest == fitted(20, 4).digest


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda d: d.update(schema_version=2), id="newer version"),
        pytest.param(lambda d: d.pop("tail"), id="tail missing"),
        pytest.param(lambda d: d.update(body=[[1, "x"]]), id="text among the numbers"),
        pytest.param(lambda d: d.update(measured_at="yesterday"), id="no date"),
        pytest.param(lambda d: d["sample"].update(extra=1), id="unknown field"),
    ],
)
def test_damaged_calibration_is_refused(calibration: Calibration, spoil) -> None:  # type: ignore[no-untyped-def]
    document = json.loads(json.dumps(calibration.as_document()))
    spoil(document)
    with pytest.raises(CalibrationUnreadable):
        Calibration.from_document(document)


def test_likelihood_ratio_is_never_stronger_than_the_number_of_couples(calibration: Calibration) -> None:
    most = np.log(40 * 39 / 2)
    assert calibration.log_likelihood_ratio(1.0) == pytest.approx(most)
    assert calibration.log_likelihood_ratio(-1.0) == pytest.approx(-most)
    assert calibration.log_likelihood_ratio(0.2) < calibration.log_likelihood_ratio(0.4)


def test_pooled_stairs_rise_and_cost_no_more_than_the_logistic_curve(calibration: Calibration) -> None:
    levels = [level for _, level in calibration.ratios.stairs]
    assert levels == sorted(levels)
    assert calibration.ratios.cost_least <= calibration.ratios.cost + 1e-3 < 1.0


def test_counts_of_pictures_and_a_list_of_pairs_give_the_same_tail() -> None:
    rows, names = people(20, 5, seed=2)
    _, listed = pairs(rows, names)
    crossed = NonMates(listed.histogram, listed.scores, listed.first, listed.second, 20, np.full(20, 5))
    one = fit_tail(listed, np.random.default_rng(0), replicates=30)
    other = fit_tail(crossed, np.random.default_rng(0), replicates=30)
    np.testing.assert_allclose(one.replicates, other.replicates, rtol=1e-5)


@pytest.mark.parametrize("references", [-1, -100])
def test_negative_gallery_is_refused(calibration: Calibration, references: int) -> None:
    with pytest.raises(InputInvalid):
        calibration.threshold_for(0.01, references)


@pytest.mark.parametrize("expected", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_expectation_is_refused(calibration: Calibration, expected: float) -> None:
    with pytest.raises(InputInvalid):
        calibration.threshold_for(expected, 10)


def test_too_few_people_are_refused() -> None:
    with pytest.raises(CalibrationUnfit, match="at least 5 people"):
        fitted(4, 20)
    with pytest.raises(CalibrationUnfit, match="too few"):
        fitted(6, 2)


def test_one_picture_each_is_refused_because_mates_are_unknown() -> None:
    _, non_mates = pairs(*people(60, 2, seed=4))
    with pytest.raises(CalibrationUnfit, match="two pictures"):
        calibrate(
            np.array([]), non_mates, model="m", recipe="plain", description="", data="", pictures=60,
            measured_at=WHEN, seed=1,
        )  # fmt: skip
