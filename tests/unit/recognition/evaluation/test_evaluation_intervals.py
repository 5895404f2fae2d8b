"""Intervals hold the truth as often as they say, and what a sample cannot support is not printed."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_people import people

from countenance.recognition.candidates.evaluation.figures import verification
from countenance.recognition.candidates.evaluation.intervals import (
    draw_mean,
    draw_people,
    drawn_curves,
    percent,
    rate,
    rule_of_three,
)
from countenance.recognition.candidates.evaluation.scoring import compare_all, mate_histograms


def test_no_error_in_300_trials_says_below_one_percent() -> None:
    assert rule_of_three(300) == pytest.approx(0.01)
    said = rate(0, 300, 300, "people", "searches")
    assert said.value is None
    assert said.high == pytest.approx(0.01)
    assert "No error in 300 searches" in said.sentence
    assert "below 1% at 95%" in said.sentence


def test_no_error_is_bounded_by_people_not_by_comparisons() -> None:
    said = rate(0, 1800, 40, "people", "comparisons")
    assert said.high == pytest.approx(3 / 40)
    assert "0.167%" in said.sentence, "what independent comparisons would have said stands beside it"


def test_nothing_measured_prints_nothing() -> None:
    said = rate(0, 0, 0, "people", "searches")
    assert (said.value, said.low, said.high) == (None, None, None)
    assert said.sentence.startswith("Not measured")


def test_two_people_are_too_few_for_an_interval() -> None:
    said = rate(3, 90, 2, "people", "comparisons", np.array([0.1, 0.2]))
    assert said.value is None
    assert "too few" in said.sentence


def test_interval_of_a_mean_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held, truth = 0, 0.3
    for _ in range(200):
        personal = rng.beta(3, 7, 40)  # people differ: a naive interval over comparisons is far too short
        owners = np.repeat(np.arange(40), 20)
        failed = (rng.random(800) < personal[owners]).astype(float)
        low, high = np.quantile(draw_mean(failed, owners, draw_people(40, rng, 200)), [0.025, 0.975])
        held += low <= truth <= high
    assert 0.88 <= held / 200 <= 0.99


def test_interval_of_a_false_match_rate_holds_the_truth_about_as_often_as_it_says() -> None:
    rows, names = people(3000, 1, seed=0, dimensions=24)
    truth = float(
        (compare_all(rows.astype(np.float32), names).non_mates.histogram[1400:]).sum() / (3000 * 2999 / 2)
    )
    held = 0
    for trial in range(60):
        some, owners = people(40, 4, seed=100 + trial, dimensions=24, spread=0.3)
        pairs = compare_all(some.astype(np.float32), owners)
        curves = drawn_curves(
            mate_histograms(pairs), pairs.histograms, draw_people(40, np.random.default_rng(trial), 200)
        )
        low, high = np.quantile(curves.at(0.4)[0], [0.025, 0.975])
        held += low <= truth <= high
    assert held / 60 >= 0.88


def test_drawing_everybody_once_gives_the_sample_itself() -> None:
    rows, names = people(12, 4, seed=2)
    pairs = compare_all(rows.astype(np.float32), names)
    curves = drawn_curves(mate_histograms(pairs), pairs.histograms, np.ones((1, 12)))
    fmr, fnmr = curves.at(0.1)
    assert fmr[0] == pytest.approx(float((pairs.non_mates.scores >= 0.1).mean()), abs=2e-3)
    assert fnmr[0] == pytest.approx(float((pairs.mate_scores < 0.1).mean()), abs=1e-9)


def test_operating_point_of_fewer_than_three_couples_is_not_printed() -> None:
    rows, names = people(30, 6, seed=3)
    rows[6:12] = rows[0:6]  # one couple of doubles makes all of the highest scores
    figures = verification(compare_all(rows.astype(np.float32), names), np.random.default_rng(0), 100)
    points = {p.fmr: p for p in figures.points}
    assert points[1e-2].threshold is not None
    assert points[1e-3].threshold is None
    assert points[1e-3].fnmr.value is None
    assert "1 couple of people; three are needed" in points[1e-3].fnmr.sentence
    assert "comparisons, not" in points[1e-6].fnmr.sentence


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0%"), (0.0123, "1.23%"), (1e-4, "0.01%"), (2e-5, "1 in 50,000"), (1.0, "100%")]
)
def test_rates_are_written_for_people(share: float, text: str) -> None:
    assert percent(share) == text
