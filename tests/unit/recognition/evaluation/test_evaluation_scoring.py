"""All pairs in blocks give what all pairs at once give; searches leave out whom they say they leave out."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_people import people

from countenance.errors import SampleTooSmall
from countenance.recognition.candidates.evaluation import openset, scoring
from countenance.recognition.candidates.evaluation.fusion import fusion_table
from countenance.recognition.candidates.impostors import BINS, bin_of


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BLOCK", 7)


@pytest.mark.usefixtures("small_blocks")
def test_blocks_give_the_same_scores_as_everything_at_once() -> None:
    rows, names = people(13, 5, seed=1)
    shuffled = np.random.default_rng(2).permutation(len(rows))
    rows, names = rows[shuffled].astype(np.float32), names[shuffled]
    pairs = scoring.compare_all(rows, names)
    scores = rows @ rows.T
    first, second = np.triu_indices(len(rows), 1)
    same = names[first] == names[second]
    every = scores[first, second]
    np.testing.assert_allclose(np.sort(pairs.mate_scores), np.sort(every[same]), atol=1e-6)
    np.testing.assert_allclose(np.sort(pairs.non_mates.scores), np.sort(every[~same]), atol=1e-6)
    assert pairs.non_mates.comparisons == int((~same).sum())
    for k in range(0, len(pairs.mate_scores), 7):
        assert names[pairs.mate_first[k]] == names[pairs.mate_second[k]] == pairs.mate_people[k]
    np.testing.assert_allclose(scores[pairs.mate_first, pairs.mate_second], pairs.mate_scores, atol=1e-6)
    np.testing.assert_allclose(
        scores[pairs.non_mate_first, pairs.non_mate_second], pairs.non_mates.scores, atol=1e-6
    )
    for person in range(13):
        mine = (names[first] == person) ^ (names[second] == person)
        by_hand = np.bincount(bin_of(every[mine]), minlength=BINS)
        assert np.abs(np.cumsum(by_hand) - np.cumsum(pairs.histograms[person])).max() <= 1, (
            "a score on a bin's edge"
        )
    others = np.where(names[:, None] == names[None], -np.inf, scores)
    np.testing.assert_allclose(pairs.best_other, others.max(axis=1), atol=1e-6)
    assert (pairs.best_other_picture == others.argmax(axis=1)).all()
    np.fill_diagonal(scores, -np.inf)
    mates = np.where(names[:, None] == names[None], scores, -np.inf)
    np.testing.assert_allclose(pairs.best_mate, mates.max(axis=1), atol=1e-6)


@pytest.mark.usefixtures("small_blocks")
def test_only_the_highest_are_kept_of_many_and_they_are_the_highest(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, names = people(30, 4, seed=3)
    everything = scoring.compare_all(rows.astype(np.float32), names)
    monkeypatch.setattr(scoring, "ALL", 10)
    monkeypatch.setattr(scoring, "KEPT", 50)
    kept = scoring.compare_all(rows.astype(np.float32), names)
    expected = np.sort(everything.non_mates.scores)[-50:]
    np.testing.assert_allclose(np.sort(kept.non_mates.scores)[-50:], expected, atol=1e-6)
    assert len(kept.non_mates.scores) == 50
    assert kept.non_mates.comparisons == everything.non_mates.comparisons


def test_one_person_has_no_comparisons_of_different_people() -> None:
    rows, names = people(1, 6, seed=1)
    pairs = scoring.compare_all(rows.astype(np.float32), names)
    assert pairs.non_mates.comparisons == 0
    assert len(pairs.mate_scores) == 15
    assert np.isneginf(pairs.best_other).all()


def test_stranger_is_never_in_the_gallery_searched() -> None:
    rows, names = people(10, 4, seed=5)
    searches = openset.search_rounds(
        rows.astype(np.float32), names, np.full(40, 50), np.random.default_rng(0), rounds=5
    )
    assert searches.size == 8
    assert sorted(set(searches.stranger_people.tolist())) == list(range(10))
    assert searches.stranger_scores.max() < 0.75 < np.median(searches.mate_scores) + 0.25


def test_rank_counts_the_subjects_that_score_higher() -> None:
    gallery_like = np.eye(4, dtype=np.float32)
    rows = np.concatenate([gallery_like, gallery_like])
    names = np.tile(np.arange(4), 2)
    searches = openset.search_rounds(rows, names, np.full(8, 50), np.random.default_rng(1))
    assert (searches.ranks == 1).all()
    assert (searches.mate_scores == 1.0).all()
    assert (searches.stranger_scores == 0.0).all()


def test_leave_one_out_ignores_the_picture_itself() -> None:
    rows = np.array([[1, 0], [0.8, 0.6], [0.9, np.sqrt(1 - 0.81)], [0, 1]], np.float32)
    right = openset.leave_one_out_ranks(rows, np.array([0, 0, 1, 1]))
    assert right.tolist() == [False, False, False, False]


@pytest.mark.parametrize(
    ("count", "pictures"), [pytest.param(1, 9, id="one person"), pytest.param(9, 1, id="one each")]
)
def test_search_without_mates_or_strangers_is_refused(count: int, pictures: int) -> None:
    rows, names = people(count, pictures, seed=1)
    with pytest.raises(SampleTooSmall, match="at least two people"):
        openset.search_rounds(rows.astype(np.float32), names, np.full(len(rows), 50), np.random.default_rng(0))


def test_every_fusion_gives_one_score_for_each_subject_and_agrees_on_one_reference() -> None:
    rows, _ = people(6, 1, seed=2)
    rows = rows.astype(np.float32)
    gallery = openset.Gallery(rows, np.full(6, 70), np.arange(6), np.arange(6))
    ways = (openset.best_reference, openset.mean_template, openset.quality_weighted, openset.mean_score)
    answers = [way(rows[:2], gallery) for way in ways]
    for answer in answers:
        assert answer.shape == (2, 6)
        np.testing.assert_allclose(answer, answers[0], atol=1e-6)


def test_quality_weighting_follows_the_better_reference() -> None:
    rows = np.array([[1, 0], [0, 1]], np.float32)
    gallery = openset.Gallery(rows, np.array([90, 10]), np.array([0]), np.array([0]))
    score = openset.quality_weighted(rows[:1], gallery)[0, 0]
    assert score > 0.99 > openset.mean_template(rows[:1], gallery)[0, 0]


def test_fusion_table_measures_every_way_on_references_and_frames() -> None:
    rows, names = people(20, 8, seed=6)
    table = fusion_table(rows.astype(np.float32), names, np.full(len(rows), 60), seed=1)
    assert table.references[0].way == "best reference"
    assert len(table.references) == 4
    assert len(table.frames) == 3
