"""What the error rates promise: the definitions, agreement with other people's programs, and their refusals."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.errors import SampleTooSmall
from countenance.recognition.candidates.evaluation import metrics
from countenance.recognition.candidates.evaluation.protocols import best_threshold, folded_accuracy

MATES = np.array([0.9, 0.8, 0.7, 0.3])
OTHERS = np.array([0.5, 0.4, 0.3, 0.2, 0.1])


def sampled(seed: int, mates: int = 300, others: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.6, 0.15, mates).round(3), rng.normal(0.1, 0.12, others).round(3)


def test_score_at_the_threshold_matches() -> None:
    assert metrics.false_match_rate(OTHERS, 0.3) == 0.6
    assert metrics.false_non_match_rate(MATES, 0.3) == 0.0
    assert metrics.false_non_match_rate(MATES, np.nextafter(0.3, 1)) == 0.25


@pytest.mark.parametrize(
    ("fmr", "expected"),
    [pytest.param(0.2, 0.25, id="one false match allowed"), pytest.param(0.6, 0.0, id="three allowed")],
)
def test_fnmr_at_fmr_uses_the_lowest_threshold_that_keeps_the_fmr(fmr: float, expected: float) -> None:
    fnmr, threshold = metrics.fnmr_at_fmr(MATES, OTHERS, fmr)
    assert fnmr == expected
    assert metrics.false_match_rate(OTHERS, threshold) <= fmr
    assert metrics.false_match_rate(OTHERS, np.nextafter(threshold, -1)) > fmr


def test_tied_scores_never_break_the_promised_fmr() -> None:
    tied = np.array([0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    threshold = metrics.threshold_at_fmr(tied, 0.2)
    assert metrics.false_match_rate(tied, threshold) <= 0.2


def test_threshold_from_the_highest_scores_equals_that_from_all() -> None:
    _, others = sampled(1)
    kept = np.sort(others)[-200:]
    assert metrics.threshold_at_fmr(kept, 0.01, total=len(others)) == metrics.threshold_at_fmr(others, 0.01)


def test_rate_finer_than_one_comparison_is_refused() -> None:
    with pytest.raises(SampleTooSmall, match="needs 1000 comparisons, not 5"):
        metrics.fnmr_at_fmr(MATES, OTHERS, 0.001)
    with pytest.raises(SampleTooSmall, match="highest scores"):
        metrics.threshold_at_fmr(OTHERS, 0.5, total=1000)


def test_empty_class_is_refused() -> None:
    with pytest.raises(SampleTooSmall):
        metrics.det(MATES, np.array([]))
    with pytest.raises(SampleTooSmall):
        metrics.cmc(np.array([], np.int64), 5)


@pytest.mark.parametrize("seed", range(5))
def test_trade_off_equals_that_of_scikit_learn(seed: int) -> None:
    oracle = pytest.importorskip("sklearn.metrics", reason="scikit-learn, the oracle, is not installed")
    mates, others = sampled(seed)
    labels = np.concatenate([np.ones(len(mates)), np.zeros(len(others))])
    theirs_fmr, theirs_fnmr, thresholds = oracle.det_curve(labels, np.concatenate([mates, others]))
    ours = metrics.det(mates, others)
    there = np.isfinite(thresholds)
    at = np.searchsorted(ours.thresholds, thresholds[there])
    np.testing.assert_allclose(ours.fmr[at], theirs_fmr[there], atol=1e-12)
    np.testing.assert_allclose(ours.fnmr[at], theirs_fnmr[there], atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_equal_error_rate_and_operating_points_equal_those_of_pyeer(seed: int) -> None:
    oracle = pytest.importorskip("pyeer.eer_stats", reason="pyeer, the oracle, is not installed")
    mates, others = sampled(seed)
    fmr, fnmr = (np.asarray(v) for v in oracle.calculate_roc(mates, others)[1:3])
    _, _, _, theirs = oracle.get_eer_values(fmr, fnmr)
    ours, _ = metrics.equal_error_rate(metrics.det(mates, others))
    assert ours == pytest.approx(theirs, abs=1e-9)
    for target in (0.1, 0.01, 0.001):
        best = fnmr[fmr <= target].min()
        assert metrics.fnmr_at_fmr(mates, others, target)[0] == pytest.approx(float(best), abs=1e-12)


def test_equal_error_rate_of_separable_scores_is_zero() -> None:
    assert metrics.equal_error_rate(metrics.det(np.array([0.8, 0.9]), np.array([0.1, 0.2])))[0] == 0.0


def test_cmc_counts_ranks_and_never_falls() -> None:
    shares = metrics.cmc(np.array([1, 1, 2, 5, 9]), 5)
    np.testing.assert_allclose(shares, [0.4, 0.6, 0.6, 0.6, 0.8])


def test_open_set_miss_needs_both_rank_and_threshold() -> None:
    mates, ranks = np.array([0.9, 0.9, 0.3]), np.array([1, 2, 1])
    assert metrics.false_negative_identification_rate(mates, ranks, 1, 0.5) == pytest.approx(2 / 3)
    assert metrics.false_negative_identification_rate(mates, ranks, 2, 0.5) == pytest.approx(1 / 3)
    assert metrics.false_positive_identification_rate(np.array([0.1, 0.5, 0.6]), 0.5) == pytest.approx(2 / 3)


def test_folded_accuracy_equals_a_plain_reading_of_the_protocol() -> None:
    rng = np.random.default_rng(4)
    same = np.tile(np.repeat([True, False], 30), 10)
    folds = np.repeat(np.arange(10), 60)
    scores = np.where(same, rng.normal(0.5, 0.2, 600), rng.normal(0.1, 0.2, 600))
    ours = folded_accuracy(scores, same, folds)
    plain = []
    for fold in range(10):
        training = folds != fold
        candidates = np.sort(scores[training])
        cuts = np.concatenate([[-1.0], (candidates[1:] + candidates[:-1]) / 2, [1.0]])
        accuracy = [np.mean((scores[training] >= c) == same[training]) for c in cuts]
        cut = cuts[int(np.argmax(accuracy))]
        plain.append(np.mean((scores[~training] >= cut) == same[~training]))
    assert ours.mean == pytest.approx(np.mean(plain))
    assert ours.standard_error == pytest.approx(np.std(plain, ddof=1) / np.sqrt(10))


def test_threshold_of_a_fold_never_sees_that_fold() -> None:
    same = np.tile([True, False], 20)
    scores = np.where(same, 0.6, 0.4)
    folds = np.repeat([0, 1], 20)
    first = folded_accuracy(scores, same, folds)
    scores[:20] = np.where(same[:20], -0.9, 0.9)
    spoiled = folded_accuracy(scores, same, folds)
    assert spoiled.thresholds[0] == first.thresholds[0], "fold 0 changed its own threshold"
    assert spoiled.accuracies[0] == 0.0


def test_pair_without_a_face_is_an_error_and_stays_in_the_count() -> None:
    same = np.tile([True, False], 20)
    scores = np.where(same, 0.6, 0.4).astype(float)
    scores[:4] = np.nan
    accuracy = folded_accuracy(scores, same, np.repeat([0, 1], 20))
    assert accuracy.accuracies == (0.8, 1.0)
    assert accuracy.pairs_without_face == 4


def test_best_threshold_separates_what_can_be_separated() -> None:
    assert 0.4 < best_threshold(np.array([0.6, 0.4, 0.7, 0.1]), np.array([True, False, True, False])) < 0.6
