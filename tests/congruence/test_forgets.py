"""What was removed is out of every search at once, and out of memory and snapshots after an epoch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from countenance.errors import FilterInvalid, InputInvalid, SnapshotUnusable, VectorsInvalid
from countenance.index.embedded import EmbeddedIndex
from countenance.index.exact import ExactIndex
from countenance.index.protocol import Batch, Filter, Index, pack_labels
from countenance.index.snapshot import read_contents
from tests.congruence.conftest import DIMENSIONS
from tests.congruence.oracle import unit_rows

KEY = bytes(range(32))
CONTEXT = b"gallery 1, epoch 7"


def filled(index: Index, subjects: int = 60, each: int = 3, seed: int = 1) -> Batch:
    random = np.random.default_rng(seed)
    n = subjects * each
    batch = Batch(
        np.arange(n),
        np.repeat(np.arange(subjects), each),
        unit_rows(random, n, DIMENSIONS),
        pack_labels(n, purposes=1, jurisdiction=2),
    )
    for first in range(0, n, 17):
        index.add(
            Batch(
                batch.reference_ids[first : first + 17],
                batch.subject_ids[first : first + 17],
                batch.templates[first : first + 17],
                batch.labels[first : first + 17],
            )
        )
    return batch


def test_removed_references_are_not_in_a_snapshot_written_afterwards(
    fresh: Callable[[], Index], tmp_path: Path
) -> None:
    index = fresh()
    batch = filled(index)
    assert index.remove(np.arange(30, 33)) == 3
    index.write_snapshot(tmp_path / "s", KEY, CONTEXT)
    contents = read_contents(tmp_path / "s", KEY, CONTEXT)
    kept = b"".join(array.tobytes() for array in contents.arrays.values())
    for reference in range(len(batch.reference_ids)):
        template = batch.templates[reference]
        coarse = np.rint(template / (np.abs(template).max() / np.float32(127))).astype(np.int8).tobytes()
        present = template.tobytes() in kept or coarse in kept
        assert present == (reference not in range(30, 33)), f"reference {reference}"
    ids = np.concatenate([a.reshape(-1) for name, a in contents.arrays.items() if "reference" in name])
    assert sorted(ids.tolist()) == [i for i in range(180) if not 30 <= i < 33]


def test_removed_references_leave_no_bytes_in_memory_after_compaction(fresh: Callable[[], Index]) -> None:
    index = fresh()
    batch = filled(index)
    index.remove(batch.reference_ids[:9])
    index.compact()
    templates = {batch.templates[n].tobytes() for n in range(9)}
    coarse = {
        np.rint(t / (np.abs(t).max() / np.float32(127))).astype(np.int8).tobytes() for t in batch.templates[:9]
    }
    held = [array for array in arrays_in(index) if array.nbytes >= DIMENSIONS]
    assert held or not isinstance(index, ExactIndex | EmbeddedIndex)
    for array in held:
        data = array.tobytes()
        assert not any(template in data for template in templates | coarse)
    assert index.describe().tombstones == 0


def arrays_in(thing: object) -> list[np.ndarray]:
    """Arrays that an index reaches through its own objects."""
    if isinstance(thing, np.ndarray):
        return [thing if thing.base is None or isinstance(thing, np.memmap) else np.asarray(thing.base)]
    inside: list[object] = []
    if isinstance(thing, dict):
        inside += thing.values()
    elif isinstance(thing, list | tuple):
        inside += thing
    elif str(type(thing).__module__).startswith("countenance.index"):
        inside += getattr(thing, "__dict__", {}).values()
        inside += [getattr(thing, name, None) for name in getattr(type(thing), "__slots__", ())]
    return [array for part in inside for array in arrays_in(part)]


def test_a_removed_subject_is_in_no_search_that_starts_afterwards(fresh: Callable[[], Index]) -> None:
    index = fresh()
    batch = filled(index)
    for subject in range(0, 60, 7):
        mine = batch.reference_ids[batch.subject_ids == subject]
        probe = batch.templates[mine[:1]]
        assert index.search(probe, 1, Filter()).subject_ids[0, 0] == subject
        assert index.remove(mine) == 3
        assert subject not in index.search(probe, 60, Filter()).subject_ids
        assert index.remove(mine) == 0


def test_searches_never_see_the_removed_while_everything_else_goes_on(fresh: Callable[[], Index]) -> None:
    index = fresh()
    batch = filled(index)
    gone: set[int] = set()
    failures: list[str] = []
    stop = threading.Event()

    def search() -> None:
        random = np.random.default_rng()
        while not stop.is_set():
            before = set(gone)
            row = int(random.integers(len(batch.templates)))
            hits = index.search(batch.templates[row : row + 1], 5, Filter(purpose=0))
            shown = {int(s) for s in hits.subject_ids[0] if s >= 0}
            if shown & before:
                failures.append(f"removed subjects {shown & before} were shown")
            subject = int(batch.subject_ids[row])
            if subject >= 30 and int(hits.subject_ids[0, 0]) != subject:
                failures.append(f"subject {subject} was not found by its own template")

    def guarded() -> None:
        try:
            search()
        except Exception as error:
            failures.append(repr(error))

    readers = [threading.Thread(target=guarded) for _ in range(3)]
    for reader in readers:
        reader.start()
    random = np.random.default_rng(5)
    for subject in range(30):
        index.remove(batch.reference_ids[batch.subject_ids == subject])
        gone.add(subject)
        index.add(
            Batch(
                np.arange(10) + 1000 + 10 * subject,
                np.arange(10) + 1000 + 10 * subject,
                unit_rows(random, 10, DIMENSIONS),
                pack_labels(10, purposes=1),
            )
        )
        if subject % 10 == 9:
            index.compact()
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert len(index) == 90 + 300


def test_a_refused_batch_leaves_no_trace(fresh: Callable[[], Index]) -> None:
    index = fresh()
    good = unit_rows(np.random.default_rng(0), 2, DIMENSIONS)
    bad = {
        "too short": good[:, :-1],
        "not a number": np.where(np.arange(DIMENSIONS) == 3, np.nan, good).astype(np.float32),
        "infinite": np.where(np.arange(DIMENSIONS) == 3, np.inf, good).astype(np.float32),
        "twice as long as a unit": good * 2,
        "whole numbers": np.ones((2, DIMENSIONS), np.int64),
        "zero": np.zeros((2, DIMENSIONS), np.float32),
    }
    for name, templates in bad.items():
        with pytest.raises(VectorsInvalid):
            index.add(Batch(np.arange(2), np.arange(2), templates, pack_labels(2)))
        with pytest.raises(VectorsInvalid):
            index.search(templates, 1, Filter())
        assert len(index) == 0, name
    with pytest.raises(InputInvalid):
        index.add(Batch(np.arange(2), np.arange(3), good, pack_labels(2)))
    with pytest.raises(InputInvalid):
        index.add(Batch(np.array([-1, 2]), np.arange(2), good, pack_labels(2)))
    with pytest.raises(InputInvalid):
        index.search(good, 0, Filter())


@pytest.mark.parametrize(
    "where",
    [
        Filter(purpose=64),
        Filter(purpose=-1),
        Filter(purpose=True),
        Filter(customer_class=64),
        Filter(jurisdictions=frozenset({65536})),
        Filter(today=1 << 31),
    ],
    ids=["purpose 64", "purpose -1", "purpose True", "customer class 64", "jurisdiction 65536", "day 2^31"],
)
def test_a_filter_out_of_range_is_refused(fresh: Callable[[], Index], where: Filter) -> None:
    index = fresh()
    with pytest.raises(FilterInvalid):
        index.search(unit_rows(np.random.default_rng(0), 1, DIMENSIONS), 1, where)


@pytest.mark.parametrize(
    "harm", ["key", "context", "bit flip", "cut short", "lengthened", "missing", "empty", "model"]
)
def test_an_unusable_snapshot_leaves_the_content_as_it_was(
    fresh: Callable[[], Index], tmp_path: Path, harm: str
) -> None:
    index = fresh()
    filled(index, subjects=8)
    path = tmp_path / "s"
    index.write_snapshot(path, KEY, CONTEXT)
    other = fresh()
    batch = filled(other, subjects=4, seed=2)
    key, context, data = KEY, CONTEXT, bytearray(path.read_bytes())
    match harm:
        case "key":
            key = bytes(32)
        case "context":
            context = b"gallery 1, epoch 6"
        case "bit flip":
            data[len(data) // 2] ^= 1
        case "cut short":
            del data[-20:]
        case "lengthened":
            data += b"x"
        case "empty":
            data.clear()
    path.write_bytes(data)
    if harm == "missing":
        path.unlink()
    if harm == "model":
        ExactIndex("f" * 64, DIMENSIONS).write_snapshot(path, KEY, CONTEXT)
    with pytest.raises(SnapshotUnusable):
        other.read_snapshot(path, key, context)
    assert len(other) == 12
    assert other.search(batch.templates[:1], 1, Filter()).subject_ids[0, 0] == 0
