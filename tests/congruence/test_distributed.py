"""The distributed engine gives the answers of the oracle, on a real server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from countenance.errors import FilterInvalid, InputInvalid, VectorsInvalid
from countenance.index.exact import ExactIndex
from countenance.index.milvus_collection import Structure
from countenance.index.protocol import Batch, Filter, pack_labels
from tests.congruence.conftest import DIMENSIONS, Kind
from tests.congruence.oracle import unit_rows
from tests.congruence.test_same_answers import OPERATIONS, Walk
from tests.servers.engines import engine, gallery_name
from tests.servers.milvus import MilvusServer

pytestmark = [pytest.mark.milvus, pytest.mark.xdist_group("milvus"), pytest.mark.slow]
STEPS = 20


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_every_sequence_of_operations_is_answered_like_the_oracle(
    milvus: MilvusServer, tmp_path: Path, seed: int
) -> None:
    gallery = gallery_name()
    kind = Kind("distributed", lambda folder: engine(milvus, gallery, DIMENSIONS), 2e-6)
    walk = Walk(kind.make(tmp_path), kind, lambda: kind.make(tmp_path), tmp_path, seed=seed)
    for _ in range(STEPS):
        walk.step(tuple(name for name in OPERATIONS if name != "compact"))
        walk.compare()
    walk.step(("compact",))
    walk.compare()


def test_an_approximate_structure_ranks_first_whom_the_exact_index_ranks_first(milvus: MilvusServer) -> None:
    random = np.random.default_rng(11)
    people = unit_rows(random, 800, DIMENSIONS)
    subjects = np.repeat(np.arange(800), 3)
    templates = people[subjects] + 0.6 * unit_rows(random, len(subjects), DIMENSIONS)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    batch = Batch(np.arange(len(subjects)), subjects, templates, pack_labels(len(subjects), purposes=1))
    batch.labels["purposes"][subjects % 8 == 0] = 2
    index = engine(milvus, gallery_name(), DIMENSIONS, Structure("IVF_SQ8", lists=16, probes=8))
    exact = ExactIndex("0" * 64, DIMENSIONS)
    index.add(batch)
    exact.add(batch)
    probes = people[:100] + 0.5 * unit_rows(random, 100, DIMENSIONS)
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    for where in (Filter(), Filter(purpose=1)):
        found = index.search(probes.astype(np.float32), 5, where)
        wanted = exact.search(probes.astype(np.float32), 5, where)
        same = found.subject_ids[:, 0] == wanted.subject_ids[:, 0]
        assert same.mean() >= 0.99
        assert found.exact
        assert found.scores[same, 0] == pytest.approx(wanted.scores[same, 0], abs=2e-6)


@pytest.mark.parametrize(
    "structure", [Structure(), Structure("IVF_SQ8", lists=16, probes=8)], ids=lambda one: one.kind
)
def test_a_filter_costs_no_recall_whatever_share_it_leaves(milvus: MilvusServer, structure: Structure) -> None:
    random, size = np.random.default_rng(13), 10_000
    templates = unit_rows(random, size, DIMENSIONS)
    group = np.full(size, 4)
    numbers = random.permutation(size)
    for number, first, last in ((1, 0, 1), (2, 1, 101), (3, 101, 5101)):  # 0.01%, 1% and 50%
        group[numbers[first:last]] = number
    labels = pack_labels(size, purposes=[1 << int(number) for number in group])
    labels["jurisdiction"] = group
    labels["compartment"] = group
    batch = Batch(np.arange(size), np.arange(size), templates, labels)
    index, exact = engine(milvus, gallery_name(), DIMENSIONS, structure), ExactIndex("0" * 64, DIMENSIONS)
    index.add(batch)
    exact.add(batch)
    index.compact()  # flushes, so that the server builds its structure; it may be still at it when it is asked
    for number, share in ((1, 0.0001), (2, 0.01), (3, 0.5)):
        own = np.flatnonzero(group == number)[:20]
        probes = templates[own] + 0.2 * unit_rows(random, len(own), DIMENSIONS)
        probes = (probes / np.linalg.norm(probes, axis=1, keepdims=True)).astype(np.float32)
        for where in (
            Filter(purpose=number),
            Filter(jurisdictions=frozenset({number})),
            Filter(compartments=frozenset({number})),
        ):
            assert index.count(where) == round(share * size)
            hits, truth = index.search(probes, 3, where), exact.search(probes, 3, where)
            assert hits.subject_ids[:, 0].tolist() == own.tolist(), (share, where)
            assert hits.scores[:, 0] == pytest.approx(truth.scores[:, 0], abs=2e-6)
            if structure.exact:
                assert hits.subject_ids.tolist() == truth.subject_ids.tolist(), (share, where)


def test_bad_vectors_filters_and_batches_are_refused_and_leave_no_trace(milvus: MilvusServer) -> None:
    index = engine(milvus, gallery_name(), DIMENSIONS)
    good = unit_rows(np.random.default_rng(0), 2, DIMENSIONS)
    for bad in (good[:, :-1], np.where(np.arange(DIMENSIONS) == 3, np.nan, good).astype(np.float32), good * 2):
        with pytest.raises(VectorsInvalid):
            index.add(Batch(np.arange(2), np.arange(2), bad, pack_labels(2)))
        with pytest.raises(VectorsInvalid):
            index.search(bad, 1, Filter())
    for where in (Filter(purpose=64), Filter(jurisdictions=frozenset({1 << 16})), Filter(today=1 << 31)):
        with pytest.raises(FilterInvalid):
            index.search(good, 1, where)
    with pytest.raises(InputInvalid):
        index.add(Batch(np.array([-1, 2]), np.arange(2), good, pack_labels(2)))
    assert len(index) == 0


def test_a_batch_that_is_sent_again_doubles_nothing(milvus: MilvusServer) -> None:
    index = engine(milvus, gallery_name(), DIMENSIONS)
    rows = unit_rows(np.random.default_rng(1), 30, DIMENSIONS)
    batch = Batch(np.arange(30), np.arange(30) // 3, rows, pack_labels(30, purposes=1, jurisdiction=1))
    index.add(batch)
    index.add(batch)
    index.add(Batch(batch.reference_ids, batch.subject_ids, rows, pack_labels(30, purposes=1, jurisdiction=2)))
    assert len(index) == 30
    found = index.subject_references(rows[:1], 30, Filter(jurisdictions=frozenset({2}))).reference_ids[0]
    assert sorted(found.tolist()) == list(range(30))
    assert (index.subject_references(rows[:1], 5, Filter(jurisdictions=frozenset({1}))).reference_ids == -1).all()
