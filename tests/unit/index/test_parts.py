"""The embedded index's parts keep their own promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from countenance.index.anchors import pooled
from countenance.index.coarse import Codes, Effort
from countenance.index.columns import NarrowColumn
from countenance.index.labels import LabelColumn, admits
from countenance.index.protocol import Filter
from countenance.index.refinement import DiskRefinement, RefinementStore, to_records, to_templates
from tests.congruence.oracle import FILTERS, admitted, random_labels, unit_rows

RANDOM_SEED = 11


@pytest.mark.parametrize(
    "numbers",
    [
        np.arange(10_000),
        np.arange(9_000)[::-1] + 2**40,
        np.random.default_rng(1).permutation(20_000) * 1_000_003,
        np.array([5]),
        np.empty(0, np.int64),
    ],
    ids=["in a row", "falling and large", "shuffled and far apart", "one", "none"],
)
def test_a_narrow_column_holds_and_finds_its_numbers(numbers: np.ndarray) -> None:
    column = NarrowColumn(numbers)
    assert np.array_equal(column.whole(), numbers)
    if len(numbers):
        rows = np.random.default_rng(2).integers(0, len(numbers), 50)
        assert np.array_equal(column.take(rows), numbers[rows])
        for wanted in (numbers[rows[:3]], numbers[rows], np.append(numbers[rows], [7, 2**50])):
            expected = np.flatnonzero(np.isin(numbers, wanted))
            assert np.array_equal(column.rows_of(wanted), expected)
    assert len(column.rows_of(np.array([2**60]))) == 0


def test_numbers_given_out_in_a_row_cost_two_bytes_each() -> None:
    assert NarrowColumn(np.arange(100_000) + 2**41).memory_bytes < 2.2 * 100_000


@pytest.mark.parametrize("where", FILTERS, ids=str)
def test_a_filter_on_a_column_is_the_filter_on_its_rows(where: Filter) -> None:
    random = np.random.default_rng(RANDOM_SEED)
    labels = random_labels(random, 500)
    column = LabelColumn.of(labels)
    expected = np.array([admitted(label, where) for label in labels])
    assert np.array_equal(admits(labels, where), expected)
    assert np.array_equal(column.admitted(np.arange(500), where), expected)
    assert np.array_equal(column.admitted_rows(where), np.flatnonzero(expected))
    assert column.share(where) == pytest.approx(expected.mean())
    changed = random_labels(random, 40)
    column.put(np.arange(40), changed)
    assert np.array_equal(column.take(np.arange(500)), np.concatenate([changed, labels[40:]]))


def test_labels_cost_one_byte_a_row_while_they_are_few() -> None:
    column = LabelColumn.of(random_labels(np.random.default_rng(0), 1000))
    assert column.codes.dtype == np.uint8


def test_a_reference_unlike_the_others_gets_an_anchor_of_its_own() -> None:
    random = np.random.default_rng(RANDOM_SEED)
    person, stranger = unit_rows(random, 2, 64)
    alike = person + 0.5 * unit_rows(random, 4, 64)
    rows = np.concatenate([alike, stranger[None]]).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    anchors, owners = pooled(rows, np.zeros(5, np.int64))
    assert owners.tolist() == [0, 0]
    likeness = rows @ anchors.T
    assert (likeness.max(axis=1) > 0.75).all()


def test_subjects_never_share_an_anchor() -> None:
    rows = np.repeat(unit_rows(np.random.default_rng(3), 1, 32), 6, axis=0)
    anchors, owners = pooled(rows, np.array([0, 0, 1, 1, 1, 2]))
    assert sorted(owners.tolist()) == [0, 1, 2]
    assert anchors.shape == (3, 32)


@pytest.mark.parametrize("lists_above", [10**9, 0], ids=["exhaustive", "lists"])
def test_shards_together_find_what_is_nearest(lists_above: int) -> None:
    random = np.random.default_rng(4)
    people = unit_rows(random, 36_000, 64)
    whose = np.arange(36_000, dtype=np.int32)
    blocks = [(people[n : n + 5000], whose[n : n + 5000]) for n in range(0, 36_000, 5000)]
    codes = Codes.of(64, people[:5000], 36_000, blocks, lists_above)
    assert len(codes) == 36_000
    assert codes.listed == (lists_above == 0)
    probes = people[::1800] + 0.5 * unit_rows(random, 20, 64)
    probes = (probes / np.linalg.norm(probes, axis=1, keepdims=True)).astype(np.float32)
    effort = Effort(lists=1 << 16)
    for found in (
        codes.scan(probes, 16, effort),
        np.concatenate([codes.scan(probes[n : n + 1], 16, effort) for n in range(20)]),
    ):
        assert (found == np.arange(0, 36_000, 1800)[:, None]).any(axis=1).all()
    again = codes.alike(people[:100], whose[:100])
    _, near = again.nearest(people[:1], 1, effort)
    assert near[0, 0] == pytest.approx(codes.nearest(people[:1], 1, effort)[1].max(), rel=1e-4)


def test_an_8_bit_record_scores_within_its_stated_error() -> None:
    rows = unit_rows(np.random.default_rng(5), 500, 128)
    back = to_templates(to_records(rows, exact=False), exact=False)
    assert np.abs(rows @ rows.T - rows @ back.T).max() < 0.004
    assert np.array_equal(to_templates(to_records(rows, exact=True), exact=True), rows)


def test_refinement_on_disk_is_nameless_encrypted_and_the_same(tmp_path: Path) -> None:
    rows = unit_rows(np.random.default_rng(6), 300, 40)
    records = to_records(rows, exact=False)
    kept = RefinementStore(40, folder=tmp_path).gathered(300, lambda first, last: records[first:last])
    assert isinstance(kept, DiskRefinement)
    assert list(tmp_path.iterdir()) == []
    assert np.array_equal(kept.span(7, 200), records[7:200])
    chosen = np.array([299, 0, 17, 17])
    assert np.array_equal(kept.take(chosen), records[chosen])
    on_disk = kept._mapped.tobytes()
    assert not any(record.tobytes()[:16] in on_disk for record in records[:20])
    kept.wipe(np.array([17]))
    assert not kept.take(np.array([17])).any()
    assert np.array_equal(kept.take(np.array([16, 18])), records[[16, 18]])
    assert not kept._mapped[17].any(), "what lies on disk is zeros, not key stream"
