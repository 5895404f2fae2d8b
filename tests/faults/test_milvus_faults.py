"""A Milvus server that is missing, slow, killed, or somebody else's: nothing lost or doubled, and said clearly."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from countenance.errors import EngineForeign, EngineSlow, EngineUnavailable, SnapshotUnusable
from countenance.index.distributed import Deployment, DistributedIndex
from countenance.index.exact import ExactIndex
from countenance.index.milvus_collection import Structure
from countenance.index.milvus_link import Address, driver
from countenance.index.moving import BothIndexes, move
from countenance.index.protocol import Batch, Filter, pack_labels
from countenance.terms import Ids
from tests.congruence.oracle import unit_rows
from tests.servers.engines import MODEL, ROTATION_KEY, engine, gallery_name
from tests.servers.milvus import MilvusServer, free_ports

pytestmark = [pytest.mark.milvus, pytest.mark.xdist_group("milvus"), pytest.mark.slow]
DIMENSIONS = 32
KEY = bytes(range(32))


def batch(n: int, seed: int = 0, first: int = 0) -> Batch:
    ids = np.arange(first, first + n)
    rows = unit_rows(np.random.default_rng(seed), n, DIMENSIONS)
    return Batch(ids, ids // 2, rows, pack_labels(n, purposes=1, jurisdiction=1))


def test_a_server_that_is_not_there_is_named_in_a_clear_error(milvus: MilvusServer) -> None:
    (port,) = free_ports(1)
    started = time.monotonic()
    with pytest.raises(EngineUnavailable, match=f"127.0.0.1:{port}"):
        DistributedIndex(
            Deployment(Address(f"milvus://127.0.0.1:{port}", timeout_s=1, patience_s=2)), "g", "m", 8, None
        )
    assert time.monotonic() - started < 8


def test_a_server_that_takes_calls_and_never_answers_is_given_up_in_time(milvus: MilvusServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address(f"milvus://127.0.0.1:{silent.getsockname()[1]}", timeout_s=1, patience_s=1)
        started = time.monotonic()
        with pytest.raises((EngineUnavailable, EngineSlow)):
            DistributedIndex(Deployment(address), "g", "m", 8, None)
        assert time.monotonic() - started < 8


def test_a_collection_that_is_not_ours_is_left_as_it_is(milvus: MilvusServer) -> None:
    client = driver().MilvusClient(milvus.uri, timeout=30)
    gallery = gallery_name()
    name = engine(milvus, gallery, DIMENSIONS).collection
    for wrong in ({"key": bytes(32)}, {"key": None}, {"model": MODEL[:-1] + "f"}):
        with pytest.raises(EngineForeign):
            engine(milvus, gallery, DIMENSIONS, **wrong)  # type: ignore[arg-type]
    with pytest.raises(EngineForeign):
        engine(milvus, gallery, DIMENSIONS * 2)
    client.drop_collection(name)
    client.create_collection(name, dimension=DIMENSIONS)
    with pytest.raises(EngineForeign):
        engine(milvus, gallery, DIMENSIONS)
    assert client.has_collection(name)
    client.drop_collection(name)


def test_what_one_process_removes_another_does_not_find_within_a_second(milvus: MilvusServer) -> None:
    gallery = gallery_name()
    # ``mine`` has not written lately, so only its own memory of the removal keeps the reference out.
    mine, other, adder = (engine(milvus, gallery, DIMENSIONS) for _ in range(3))
    some = batch(20)
    adder.add(some)
    time.sleep(1)
    assert other.search(some.templates[:1], 1, Filter()).reference_ids[0, 0] == 0
    assert mine.remove(np.array([0])) == 1
    assert mine.search(some.templates[:1], 1, Filter()).reference_ids[0, 0] != 0
    time.sleep(1)
    assert other.search(some.templates[:1], 1, Filter()).reference_ids[0, 0] != 0


def test_a_reference_that_another_process_has_just_added_is_removed_and_relabelled(milvus: MilvusServer) -> None:
    gallery = gallery_name()
    # None of the three has written lately, so each would take an answer half a second old.
    adder, remover, relabeller = (engine(milvus, gallery, DIMENSIONS) for _ in range(3))
    some = batch(4)
    adder.add(some)
    relabeller.relabel(np.array([1]), pack_labels(1, jurisdiction=1, restricted=True))
    adder.add(batch(4, seed=1, first=10))
    remover.remove(np.array([10]))
    found = adder.subject_references(some.templates[:1], 50, Filter()).reference_ids
    assert sorted(i for i in found[0].tolist() if i >= 0) == [0, 2, 3, 11, 12, 13]


def test_a_snapshot_is_a_sealed_note_of_this_collection(milvus: MilvusServer, tmp_path: Path) -> None:
    gallery = gallery_name()
    index = engine(milvus, gallery, DIMENSIONS)
    index.add(batch(4))
    index.write_snapshot(tmp_path / "s", KEY, b"epoch 1")
    engine(milvus, gallery, DIMENSIONS).read_snapshot(tmp_path / "s", KEY, b"epoch 1")
    with pytest.raises(SnapshotUnusable):
        index.read_snapshot(tmp_path / "s", KEY, b"epoch 2")
    with pytest.raises(SnapshotUnusable):
        engine(milvus, gallery_name(), DIMENSIONS).read_snapshot(tmp_path / "s", KEY, b"epoch 1")
    assert len(index) == 4
    index.clear()
    assert len(index) == 0


def test_removed_templates_leave_the_servers_segments_and_the_rest_is_said(milvus: MilvusServer) -> None:
    index = engine(milvus, gallery_name(), DIMENSIONS, key=None, listed=True)
    some = batch(1500)
    index.add(some)
    index.compact()  # to segments on the disk
    gone, kept = some.templates[7].tobytes(), some.templates[8].tobytes()
    assert "insert_log" in milvus.files_with(gone)
    assert index.remove(np.array([7])) == 1
    assert list(index.held(np.array([7, 8]))) == [7, 8]
    before = index.confirm_absent(np.array([7]))
    assert not before.absent
    assert before.remaining == 1
    index.compact()
    after = index.confirm_absent(np.array([7]))
    assert after.absent
    assert after.remaining == 0
    assert "listed the segments on its disk" in after.checked
    assert after.unconfirmed is not None
    assert "message queue" in after.unconfirmed
    assert "259200 s" in after.unconfirmed
    assert list(index.held(np.array([7, 8]))) == [8]
    assert "insert_log" not in milvus.files_with(gone)
    assert "insert_log" in milvus.files_with(kept)


def test_a_disk_that_cannot_be_listed_is_said_to_be_unknown(milvus: MilvusServer) -> None:
    index = engine(milvus, gallery_name(), DIMENSIONS)
    index.add(batch(10))
    answer = index.confirm_absent(np.array([99]))
    assert answer.absent
    assert answer.unconfirmed is not None
    assert "storage within 10 s, as its operator states" in answer.unconfirmed


def test_templates_lie_rotated_on_the_servers_disk(milvus: MilvusServer) -> None:
    index = engine(milvus, gallery_name(), DIMENSIONS, key=ROTATION_KEY)
    some = batch(50, seed=77)
    index.add(some)
    index.describe()
    assert milvus.files_with(some.templates[3].tobytes()) == set()
    found = index.search(some.templates[3:4], 1, Filter())
    assert found.reference_ids[0, 0] == 3
    assert found.scores[0, 0] == pytest.approx(1.0, abs=2e-6)


def test_a_gallery_moves_to_the_server_while_it_is_searched_and_changed(
    milvus: MilvusServer, tmp_path: Path
) -> None:
    everything = batch(600, seed=5)
    old = ExactIndex(MODEL, DIMENSIONS)
    old.add(everything)
    both = BothIndexes(old, engine(milvus, gallery_name(), DIMENSIONS))
    alive = set(range(600))

    def source(after: int) -> Iterator[Batch]:
        while ids := sorted(i for i in alive if i > after)[:100]:
            rows = np.array(ids)
            yield Batch(rows, rows // 2, everything.templates[rows], everything.labels[rows])
            after = ids[-1]

    def living(ids: Ids) -> Ids:
        return np.array([i for i in ids.tolist() if i in alive], np.int64)

    def withdraw(done: int, total: int | None, what: str) -> None:
        if done == 200:
            both.remove(np.array([10, 11, 500, 501]))
            alive.difference_update({10, 11, 500, 501})
        assert both.search(everything.templates[50:51], 1, Filter()).subject_ids[0, 0] == 25

    report = move(both, source, living, tmp_path / "move", "m", np.random.default_rng(0), progress=withdraw)
    assert report.agreed == report.compared == 64
    assert len(both.new) == 596
    assert both.new.search(everything.templates[500:501], 1, Filter()).subject_ids[0, 0] != 250


def test_a_server_killed_in_the_middle_of_an_insert_loses_and_doubles_nothing(milvus: MilvusServer) -> None:
    index = engine(milvus, gallery_name(), DIMENSIONS, Structure(), patience_s=90.0)
    some = batch(6000, seed=9)
    failures: list[BaseException] = []

    def insert() -> None:
        try:
            for first in range(0, 6000, 500):
                part = slice(first, first + 500)
                index.add(
                    Batch(some.reference_ids[part], some.subject_ids[part], some.templates[part], some.labels[part])
                )
                started.set()
        except BaseException as error:
            failures.append(error)

    started = threading.Event()
    worker = threading.Thread(target=insert)
    worker.start()
    assert started.wait(30)
    milvus.kill()
    assert not milvus.running
    milvus.start()
    worker.join(120)
    assert not worker.is_alive()
    assert failures == []
    assert len(index) == 6000
    found = index.subject_references(some.templates[::600], 3, Filter())
    assert found.reference_ids[:, 0].tolist() == some.reference_ids[::600].tolist()
    assert all(len(set(row.tolist())) == 3 for row in found.reference_ids), "nobody comes twice"


def test_a_removal_that_the_server_cannot_be_told_holds_here_and_is_told_later(milvus: MilvusServer) -> None:
    index = engine(milvus, gallery_name(), DIMENSIONS, timeout_s=2.0, patience_s=1.0)
    some = batch(40, seed=4)
    index.add(some)
    milvus.freeze()
    try:
        with pytest.raises((EngineSlow, EngineUnavailable)):
            index.remove(np.array([4, 5]))
    finally:
        milvus.thaw()
    deadline = time.monotonic() + 30
    while True:  # the server catches up with its own clock first
        try:
            found = index.search(some.templates[4:5], 40, Filter())
            break
        except (EngineSlow, EngineUnavailable):
            assert time.monotonic() < deadline
    assert 2 not in found.subject_ids
    other = index.confirm_absent(np.array([4, 5]))
    assert not other.absent, "still in a segment"
    assert len(index) == 38, "confirming told the server"
