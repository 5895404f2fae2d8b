"""The embedded index at sizes where its codes, filters and tuning are at work."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from countenance.errors import DiskFull, InputInvalid, SnapshotUnusable
from countenance.index import embedded
from countenance.index.choice import GrowingIndex, open_index
from countenance.index.coarse import Effort
from countenance.index.embedded import EmbeddedIndex
from countenance.index.exact import ExactIndex
from countenance.index.labels import LabelColumn
from countenance.index.parts import Sizes
from countenance.index.protocol import Batch, Filter, pack_labels
from countenance.index.snapshot import Contents, write_contents
from countenance.index.tune import tune
from countenance.terms import Ids, Vectors
from tests.congruence.oracle import unit_rows

MODEL = "a" * 64
DIMENSIONS = 64
EACH = 3


def people(subjects: int, seed: int = 0) -> tuple[Batch, Vectors]:
    """A gallery and one new picture of every subject."""
    random = np.random.default_rng(seed)
    centres = unit_rows(random, subjects, DIMENSIONS)

    def pictures(of: Vectors) -> Vectors:
        rows = np.sqrt(0.62) * of + np.sqrt(0.38) * unit_rows(random, len(of), DIMENSIONS)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    n = subjects * EACH
    gallery = Batch(
        np.arange(n), np.repeat(np.arange(subjects), EACH), pictures(np.repeat(centres, EACH, 0)), pack_labels(n)
    )
    return gallery, pictures(centres)


def unfiltered_recall(index: EmbeddedIndex, oracle: ExactIndex, probes: Vectors, subjects: Ids) -> float:
    """Of the ``subjects`` whom an exact search of everything ranks first, the share that the index ranks first."""
    mated = oracle.search(probes, 1, Filter()).subject_ids[:, 0] == subjects
    found = index.search(probes, 1, Filter()).subject_ids[mated, 0] == subjects[mated]
    assert found.mean() > 0.98, "a low measure would pass anything"
    return float(found.mean())


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0001])
@pytest.mark.parametrize("lists_above", [10**9, 0], ids=["exhaustive", "lists"])
def test_a_filter_costs_no_recall_whatever_share_it_leaves(share: float, lists_above: int) -> None:
    gallery, probes = people(10_000)
    random = np.random.default_rng(1)
    seen = random.random(10_000) < share
    seen[:3] = True
    gallery.labels["purposes"][np.repeat(seen, EACH)] = 4
    index = EmbeddedIndex(
        MODEL, DIMENSIONS, sizes=Sizes(score_all_below=60, lists_above=lists_above), effort=Effort(64, 1 << 16)
    )
    index.add(gallery)
    chosen = np.flatnonzero(seen)[:200]
    hits = index.search(probes[chosen], 1, Filter(purpose=2))
    oracle = ExactIndex(MODEL, DIMENSIONS)
    oracle.add(gallery)
    truth = oracle.search(probes[chosen], 1, Filter(purpose=2))
    mated = truth.subject_ids[:, 0] == chosen
    assert mated.mean() > 0.9
    recall = (hits.subject_ids[mated, 0] == chosen[mated]).mean()
    assert recall >= unfiltered_recall(index, oracle, probes[chosen], chosen)
    assert np.abs(hits.scores[mated] - truth.scores[mated]).max() < 0.01


def test_a_filter_on_single_references_still_finds_their_subjects() -> None:
    gallery, probes = people(10_000)
    seen = np.arange(10_000) * EACH + 1
    gallery.labels["purposes"][seen] = 4
    index = EmbeddedIndex(MODEL, DIMENSIONS, sizes=Sizes(score_all_below=60))
    index.add(gallery)
    oracle = ExactIndex(MODEL, DIMENSIONS)
    oracle.add(gallery)
    hits = index.search(probes[:300], 1, Filter(purpose=2))
    truth = oracle.search(probes[:300], 1, Filter(purpose=2))
    mated = truth.subject_ids[:, 0] == np.arange(300)
    recall = (hits.reference_ids[mated, 0] == truth.reference_ids[mated, 0]).mean()
    assert recall >= unfiltered_recall(index, oracle, probes[:300], np.arange(300))


def test_a_subject_of_many_unlike_pictures_does_not_crowd_out_the_others() -> None:
    gallery, probes = people(2_000)
    random = np.random.default_rng(2)
    near = probes[7] + 0.2 * unit_rows(random, 600, DIMENSIONS)
    near = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    index = EmbeddedIndex(MODEL, DIMENSIONS, effort=Effort(16))
    index.add(gallery)
    index.add(Batch(np.arange(600) + 10**6, np.full(600, 10**6), near, pack_labels(600)))
    index.settle()
    found = index.search(probes[7:8], 3, Filter())
    assert found.subject_ids[0, :2].tolist() == [10**6, 7]
    assert (found.subject_ids >= 0).all()


def test_tuning_reaches_the_stated_recall_on_new_pictures_and_is_kept(tmp_path: Path) -> None:
    gallery, probes = people(8_000)
    index = EmbeddedIndex(MODEL, DIMENSIONS)
    index.add(gallery)
    ticks = iter(range(10**9))
    tuning = tune(index, 0.99, random=np.random.default_rng(0), clock=lambda: next(ticks), probes=400)
    assert tuning.reached
    assert tuning.exhaustive
    assert tuning.at_least < tuning.subject_recall <= 1
    oracle = ExactIndex(MODEL, DIMENSIONS)
    oracle.add(gallery)
    first = index.search(probes[:500], 1, Filter()).subject_ids
    assert (first == oracle.search(probes[:500], 1, Filter()).subject_ids).mean() >= 0.98
    index.write_snapshot(tmp_path / "s", bytes(32), b"")
    again = EmbeddedIndex(MODEL, DIMENSIONS)
    again.read_snapshot(tmp_path / "s", bytes(32), b"")
    assert again.effort == tuning.effort


def test_tuning_chooses_lists_where_there_are_lists() -> None:
    gallery, _ = people(4_000)
    index = EmbeddedIndex(MODEL, DIMENSIONS, sizes=Sizes(lists_above=0))
    index.add(gallery)
    ticks = iter(range(10**9))
    tuning = tune(index, 0.98, random=np.random.default_rng(0), clock=lambda: next(ticks), probes=300)
    assert len({trial.effort.lists for trial in tuning.trials}) > 1
    assert tuning.reached


def test_tuning_measures_subjects_with_one_reference_too() -> None:
    random = np.random.default_rng(3)
    rows = unit_rows(random, 20_000, DIMENSIONS)
    index = EmbeddedIndex(MODEL, DIMENSIONS, sizes=Sizes(newest=100))
    index.add(Batch(np.arange(20_000), np.arange(20_000), rows, pack_labels(20_000)))
    ticks = iter(range(10**9))
    tuning = tune(index, 0.98, random=random, clock=lambda: next(ticks), probes=400)
    assert tuning.reached
    assert tuning.trials[0].subject_recall < 0.98, "16 candidates are too few here, and tuning must see that"
    probes = 0.62 * rows[:400] + np.sqrt(1 - 0.62**2) * unit_rows(random, 400, DIMENSIONS)
    probes = (probes / np.linalg.norm(probes, axis=1, keepdims=True)).astype(np.float32)
    oracle = ExactIndex(MODEL, DIMENSIONS)
    oracle.add(Batch(np.arange(20_000), np.arange(20_000), rows, pack_labels(20_000)))
    truth = oracle.search(probes, 1, Filter()).subject_ids[:, 0]
    found = index.search(probes, 1, Filter()).subject_ids[:, 0]
    assert (found == truth).mean() >= 0.96


def test_tuning_an_empty_index_or_for_a_recall_of_one_is_refused() -> None:
    index = EmbeddedIndex(MODEL, DIMENSIONS)
    with pytest.raises(InputInvalid):
        tune(index, 0.9, random=np.random.default_rng(0), clock=lambda: 0.0)
    with pytest.raises(InputInvalid):
        tune(index, 1.0, random=np.random.default_rng(0), clock=lambda: 0.0)


def test_a_gallery_that_grows_past_the_switch_stays_searchable() -> None:
    gallery, probes = people(200)
    index = GrowingIndex(MODEL, DIMENSIONS, exact_up_to=300)
    for first in range(0, 600, 50):
        part = slice(first, first + 50)
        index.add(
            Batch(
                gallery.reference_ids[part],
                gallery.subject_ids[part],
                gallery.templates[part],
                gallery.labels[part],
            )
        )
        assert len(index) == first + 50
    assert index.inner.describe().kind == "embedded"
    assert (index.search(probes, 1, Filter()).subject_ids[:, 0] == np.arange(200)).mean() > 0.98


def test_the_kind_is_chosen_by_the_number_of_references() -> None:
    assert open_index(MODEL, DIMENSIONS, 100).inner.describe().kind == "exact"
    assert open_index(MODEL, DIMENSIONS, 10**7).inner.describe().kind == "embedded"


def test_changes_made_while_references_move_are_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, probes = people(60)
    index = EmbeddedIndex(MODEL, DIMENSIONS, sizes=Sizes(newest=10**6))
    index.add(gallery)
    entered, go_on = threading.Event(), threading.Event()
    build = index._built

    def slow(sources: list[object]) -> object:
        made = build(sources)  # type: ignore[arg-type]
        entered.set()
        assert go_on.wait(10)
        return made

    monkeypatch.setattr(index, "_built", slow)
    mover = threading.Thread(target=index.settle)
    mover.start()
    assert entered.wait(10)
    assert index.remove(np.arange(0, 3)) == 3
    index.relabel(np.arange(3, 6), pack_labels(3, restricted=True))
    index.add(Batch(np.array([6]), np.array([999]), probes[:1], pack_labels(1)))
    during = index.search(probes[:3], 60, Filter())
    go_on.set()
    mover.join()
    assert len(index.segments) == 1
    for hits in (during, index.search(probes[:3], 60, Filter())):
        assert 0 not in hits.subject_ids
        assert 1 not in hits.subject_ids
        assert hits.subject_ids[0, 0] == 999
    assert len(index) == 177


def test_references_that_could_not_be_moved_stay_and_are_moved_another_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gallery, probes = people(20)
    index = EmbeddedIndex(MODEL, DIMENSIONS, sizes=Sizes(newest=10**6))
    index.add(gallery)

    def full(sources: list[object]) -> object:
        raise DiskFull("no room")

    with monkeypatch.context() as patch:
        patch.setattr(index, "_built", full)
        with pytest.raises(DiskFull):
            index.settle()
    assert index.remove(np.arange(3)) == 3
    assert index.search(probes[1:2], 1, Filter()).subject_ids[0, 0] == 1
    index.settle()
    assert (len(index), len(index.segments)) == (57, 1)


def test_a_snapshot_that_is_written_while_labels_change_names_every_label_that_it_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery, probes = people(60)
    index, again = (EmbeddedIndex(MODEL, DIMENSIONS, sizes=Sizes(newest=1)) for _ in range(2))
    index.add(gallery)

    def meanwhile(*given: object) -> None:
        index.relabel(np.arange(3), pack_labels(3, purposes=8))
        write_contents(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(embedded, "write_contents", meanwhile)
    index.write_snapshot(tmp_path / "s", bytes(32), b"")
    again.read_snapshot(tmp_path / "s", bytes(32), b"")
    assert again.count(Filter()) == 180
    assert (again.search(probes, 1, Filter()).subject_ids[:, 0] == np.arange(60)).mean() > 0.9
    assert again.count(Filter(purpose=3)) == 0, "it is as the labels were"


def test_searches_go_as_far_as_they_did_until_tuning_has_chosen() -> None:
    gallery, _ = people(200)
    before = Effort(candidates=7, lists=7)
    index = EmbeddedIndex(MODEL, DIMENSIONS, sizes=Sizes(newest=1), effort=before)
    index.add(gallery)
    seen: set[Effort] = set()

    def clock() -> float:
        seen.add(index.effort)
        return 0.0

    tuned = tune(index, 0.9, random=np.random.default_rng(0), clock=clock, probes=50)
    assert seen == {before}
    assert index.effort == tuned.effort != before


def test_an_authentic_snapshot_that_lacks_something_is_refused(tmp_path: Path) -> None:
    for kind in ("exact", "embedded", "unheard of"):
        write_contents(tmp_path / "s", bytes(32), b"", Contents(kind, MODEL, DIMENSIONS, {}, {}))
        for index in (EmbeddedIndex(MODEL, DIMENSIONS), ExactIndex(MODEL, DIMENSIONS)):
            with pytest.raises(SnapshotUnusable):
                index.read_snapshot(tmp_path / "s", bytes(32), b"")


def test_a_relabelling_that_brings_nothing_new_does_not_lengthen_the_table() -> None:
    column = LabelColumn.of(pack_labels(300, purposes=[1, 2, 3] * 100))
    for _ in range(5):
        column.put(np.arange(10), pack_labels(10, purposes=3))
        column.put(np.arange(10), pack_labels(10, purposes=9))
    assert len(column.table) == 4
    assert column.share(Filter(purpose=3)) == pytest.approx(10 / 300)
