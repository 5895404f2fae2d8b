"""Any sequence of operations gives every index the answers of the oracle, up to its stated score tolerance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from countenance.index.protocol import Batch, Filter, Index, pack_labels
from countenance.terms import ReferenceId
from tests.congruence.conftest import DIMENSIONS, Kind
from tests.congruence.oracle import FILTERS, Oracle, admitted, random_labels, unit_rows

KEY = bytes(range(32))
STEPS = 60
OPERATIONS = ("add", "bulk", "replace", "remove", "relabel", "compact", "snapshot")


class Walk:
    """A random walk over the operations, done to an index and to the oracle."""

    def __init__(self, index: Index, kind: Kind, fresh: Callable[[], Index], folder: Path, seed: int) -> None:
        self.index, self.kind, self.fresh, self.folder = index, kind, fresh, folder
        self.oracle = Oracle()
        self.random = np.random.default_rng(seed)
        self.next_reference = 0
        self.people = unit_rows(self.random, 40, DIMENSIONS)

    def batch(self, n: int, references: np.ndarray | None = None) -> Batch:
        if references is None:
            references = np.arange(self.next_reference, self.next_reference + n)
            self.random.shuffle(references)
            self.next_reference += n
        subjects = self.random.integers(0, len(self.people), n)
        noise = unit_rows(self.random, n, DIMENSIONS)
        templates = self.people[subjects] + noise
        templates /= np.linalg.norm(templates, axis=1, keepdims=True)
        return Batch(references, subjects, templates.astype(np.float32), random_labels(self.random, n))

    def some(self, n: int) -> np.ndarray:
        """Ids of which some are held, some are gone and some never were."""
        return self.random.integers(0, self.next_reference + 3, n)

    def step(self, operations: tuple[str, ...] = OPERATIONS) -> None:
        match self.random.choice(operations):
            case "add":
                self.both_add(self.batch(int(self.random.integers(1, 12))))
            case "bulk":
                self.both_add(self.batch(int(self.random.integers(20, 60))))
            case "replace":
                ids = np.unique(self.some(5))
                self.both_add(self.batch(len(ids), ids))
            case "remove":
                ids = self.some(8)
                assert self.index.remove(ids) == self.oracle.remove(ids.tolist())
            case "relabel":
                ids = np.unique(self.some(8))
                labels = random_labels(self.random, len(ids))
                self.index.relabel(ids, labels)
                self.oracle.relabel(ids.tolist(), labels)
            case "compact":
                self.index.compact()
                gone = np.array(sorted(self.oracle.gone), np.int64)
                assert len(self.index.held(gone)) == 0
                assert self.index.confirm_absent(gone).absent
            case "snapshot":
                path = self.folder / "snapshot"
                self.index.write_snapshot(path, KEY, b"context")
                self.index = self.fresh()
                self.index.read_snapshot(path, KEY, b"context")

    def both_add(self, batch: Batch) -> None:
        self.index.add(batch)
        self.oracle.add(batch)

    def compare(self) -> None:
        assert len(self.index) == len(self.oracle.rows)
        probes = self.batch(3).templates
        where = FILTERS[self.random.integers(len(FILTERS))]
        k = int(self.random.integers(1, 9))
        assert self.index.count(where) == sum(admitted(row.label, where) for row in self.oracle.rows.values())
        subjects = self.index.search(probes, k, where)
        references = self.index.subject_references(probes, k, where)
        for n, probe in enumerate(probes):
            self.same(subjects.subject_ids[n], subjects.scores[n], self.oracle.best_subjects(probe, where), k)
            self.same(references.reference_ids[n], references.scores[n], self.oracle.scores(probe, where), k)
            for hits in (subjects, references):
                for reference, subject in zip(hits.reference_ids[n], hits.subject_ids[n], strict=True):
                    if reference >= 0:
                        assert self.oracle.rows[ReferenceId(int(reference))].subject == subject

    def same(self, ids: np.ndarray, scores: np.ndarray, expected: dict[int, float], k: int) -> None:
        taken = ids >= 0
        assert taken.sum() == min(k, len(expected)), "as many places are taken as there are candidates"
        assert np.isneginf(scores[~taken]).all()
        assert len(set(ids[taken].tolist())) == taken.sum(), "nobody comes twice"
        assert (np.diff(scores[taken]) <= 0).all(), "best first"
        for number, score in zip(ids[taken].tolist(), scores[taken].tolist(), strict=True):
            assert number in expected, "only what the filter admits"
            assert score == pytest.approx(expected[number], abs=self.kind.tolerance)
        best = sorted(expected.values(), reverse=True)[: int(taken.sum())]
        assert scores[taken] == pytest.approx(best, abs=self.kind.tolerance)


@pytest.mark.parametrize("seed", range(6))
def test_every_sequence_of_operations_is_answered_like_the_oracle(
    kind: Kind, fresh: Callable[[], Index], tmp_path: Path, seed: int
) -> None:
    walk = Walk(fresh(), kind, fresh, tmp_path, seed)
    for _ in range(STEPS):
        walk.step()
        walk.compare()


def test_an_empty_index_answers_that_nobody_is_there(fresh: Callable[[], Index]) -> None:
    index = fresh()
    probe = unit_rows(np.random.default_rng(0), 2, DIMENSIONS)
    hits = index.search(probe, 3, Filter())
    assert (hits.subject_ids == -1).all()
    assert np.isneginf(hits.scores).all()
    assert len(index) == 0
    assert index.confirm_absent(np.array([1, 2])).absent


@pytest.mark.parametrize("share", [0.5, 0.01, 0.0001], ids=["half", "one-in-100", "one-in-10000"])
def test_a_compartment_of_any_size_is_searched_and_counted_as_if_it_were_alone(
    fresh: Callable[[], Index], share: float
) -> None:
    random, size = np.random.default_rng(5), 10_000
    people = np.arange(size)
    own = random.permutation(size) < max(1, round(share * size))
    templates = unit_rows(random, size, DIMENSIONS)
    labels = pack_labels(size, purposes=1)
    labels["compartment"] = np.where(own, 7, 9)
    index, where = fresh(), Filter(purpose=0, compartments=frozenset({7}))
    index.add(Batch(people, people, templates, labels))
    sought = np.flatnonzero(own)[:20]
    probes = templates[sought] + 0.2 * unit_rows(random, len(sought), DIMENSIONS)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    hits = index.search(probes.astype(np.float32), 3, where)
    assert hits.subject_ids[:, 0].tolist() == sought.tolist()
    assert own[hits.subject_ids[hits.subject_ids >= 0]].all()
    assert index.count(where) == own.sum()
    assert index.count(Filter(compartments=frozenset({7, 9}))) == size
    index.remove(sought[:1])
    index.remove(np.flatnonzero(~own)[:5])
    assert index.count(where) == own.sum() - 1, "what was removed is not counted"
