"""A gallery moves between indexes while it is used; nothing is lost, and nothing removed comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from countenance.errors import DiskFull, ModelsDiffer, MoveDisagrees, MoveUnusable
from countenance.index.exact import ExactIndex
from countenance.index.moving import BothIndexes, move, read_checkpoint, write_checkpoint
from countenance.index.protocol import Batch, Filter, pack_labels
from countenance.terms import Ids
from tests.congruence.oracle import unit_rows

MODEL = "0" * 64
DIMENSIONS = 16
N = 500


class Store:
    """The sealed templates, opened; what is true."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.templates = unit_rows(random, N, DIMENSIONS)
        self.labels = pack_labels(N, purposes=1)
        self.alive = set(range(N))
        self.read = 0

    def batch(self, ids: list[int]) -> Batch:
        rows = np.array(ids, np.int64)
        return Batch(rows, rows // 5, self.templates[rows], self.labels[rows])

    def source(self, after: int) -> Iterator[Batch]:
        while ids := sorted(i for i in self.alive if i > after)[:50]:
            self.read += 1
            yield self.batch(ids)
            after = ids[-1]

    def living(self, ids: Ids) -> Ids:
        return np.array([i for i in ids.tolist() if i in self.alive], np.int64)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def both(store: Store) -> BothIndexes:
    old = ExactIndex(MODEL, DIMENSIONS)
    old.add(store.batch(list(range(N))))
    return BothIndexes(old, ExactIndex(MODEL, DIMENSIONS))


def run(both: BothIndexes, store: Store, folder: Path, **more: object) -> object:
    return move(both, store.source, store.living, folder / "move", "m", np.random.default_rng(0), **more)  # type: ignore[arg-type]


def test_everything_is_copied_and_compared(both: BothIndexes, store: Store, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    report = run(both, store, tmp_path, total=N, progress=lambda done, total, what: seen.append((done, total)))
    assert report.as_dict() == {  # type: ignore[attr-defined]
        "copied": N,
        "resumed_after": -1,
        "withdrawn": 0,
        "compared": 64,
        "agreed": 64,
    }
    assert len(both.new) == N
    assert seen[-1] == (N, N)
    assert list(tmp_path.iterdir()) == []


def test_a_move_that_was_killed_goes_on_where_it_was(both: BothIndexes, store: Store, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def die(done: int, total: int | None, what: str) -> None:
        if done == 200:
            raise Killed

    with pytest.raises(Killed):
        run(both, store, tmp_path, progress=die)
    assert read_checkpoint(tmp_path / "move", "m", MODEL) == 199
    report = run(both, store, tmp_path)
    assert report.copied == 300  # type: ignore[attr-defined]
    assert report.compared == 64  # type: ignore[attr-defined]
    assert len(both.new) == N


def test_what_is_removed_during_the_move_is_not_in_the_target(
    both: BothIndexes, store: Store, tmp_path: Path
) -> None:
    def withdraw(done: int, total: int | None, what: str) -> None:
        if done == 100:
            for gone in ([3, 4], [102, 103], [499]):  # copied already, in the next batch, far ahead
                ids = np.array(gone)
                assert both.remove(ids) == len(gone)
                # The store is slower than the index: it still lists them for a while.
        if done == 400:
            store.alive -= {3, 4, 102, 103, 499}

    report = run(both, store, tmp_path, progress=withdraw)
    assert len(both.new) == N - 5
    assert both.new.held(np.array([3, 4, 102, 103, 499])).tolist() == [3, 4], "the others were never written"
    probe = store.templates[102:103]
    assert 102 not in both.new.subject_references(probe, 20, Filter()).reference_ids
    assert report.agreed == 64  # type: ignore[attr-defined]


def test_what_another_process_removed_is_taken_out_at_the_end(
    both: BothIndexes, store: Store, tmp_path: Path
) -> None:
    def elsewhere(done: int, total: int | None, what: str) -> None:
        if done == 300:
            store.alive -= {10, 11, 12, 350}
            both.old.remove(np.array([10, 11, 12, 350]))

    report = run(both, store, tmp_path, progress=elsewhere)
    assert len(both.new) == N - 4
    assert report.withdrawn == 3  # type: ignore[attr-defined]


def test_additions_and_labels_reach_both(both: BothIndexes, store: Store, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    fresh = Batch(np.array([N]), np.array([900]), unit_rows(random, 1, DIMENSIONS), pack_labels(1, purposes=1))

    def change(done: int, total: int | None, what: str) -> None:
        if done == 250:
            both.add(fresh)
            store.labels["restricted"][[0, 499]] = 1
            both.relabel(np.array([0, 499]), store.labels[[0, 499]])

    store.alive.add(N)
    store.templates = np.concatenate([store.templates, fresh.templates])
    store.labels = np.concatenate([store.labels, fresh.labels])
    run(both, store, tmp_path, progress=change)
    assert both.new.search(fresh.templates, 1, Filter()).reference_ids[0, 0] == N
    for reference in (0, 499):
        found = both.new.subject_references(store.templates[reference : reference + 1], 1, Filter())
        assert found.reference_ids[0, 0] != reference


def test_indexes_that_disagree_are_not_switched(both: BothIndexes, store: Store, tmp_path: Path) -> None:
    store.templates = unit_rows(np.random.default_rng(9), N, DIMENSIONS)
    with pytest.raises(MoveDisagrees):
        run(both, store, tmp_path)
    assert (tmp_path / "move").exists()


def test_a_checkpoint_that_is_damaged_or_foreign_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "move"
    write_checkpoint(path, "m", MODEL, 7)
    assert read_checkpoint(path, "m", MODEL) == 7
    for name, model in (("other", MODEL), ("m", "f" * 64)):
        with pytest.raises(MoveUnusable):
            read_checkpoint(path, name, model)
    for text in (
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 2, "move": "m", "model": "", "last_reference_id": 1}',
    ):
        path.write_text(text)
        with pytest.raises(MoveUnusable):
            read_checkpoint(path, "m", MODEL)


def test_a_checkpoint_that_cannot_be_written_stops_the_move(
    both: BothIndexes, store: Store, tmp_path: Path
) -> None:
    with pytest.raises(DiskFull):
        run(both, store, tmp_path / "no such folder")


def test_a_source_out_of_order_is_refused(both: BothIndexes, store: Store, tmp_path: Path) -> None:
    def backwards(after: int) -> Iterator[Batch]:
        yield store.batch([10, 11])
        yield store.batch([3])

    with pytest.raises(MoveUnusable):
        move(both, backwards, store.living, tmp_path / "move", "m", np.random.default_rng(0))


def test_indexes_of_two_models_are_refused() -> None:
    with pytest.raises(ModelsDiffer):
        BothIndexes(ExactIndex(MODEL, 16), ExactIndex("f" * 64, 16))
