"""The log keeps what it was given, proves it, publishes it as tlog-tiles says, and lets nobody write beside it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.errors import (
    CheckpointInvalid,
    EntryInvalid,
    GalleryBusy,
    InputInvalid,
    LogDamaged,
    LogExists,
    LogMissing,
    LogReadOnly,
)
from countenance.log import Checkpoint, Entry, SignatureType, TamperEvidentLog, VerifierKey, merkle, tiles
from countenance.log.durable import only_writer
from countenance.log.note import cosign, decode_base64

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ORIGIN = "gallery.example/log"
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entries(start: int, stop: int) -> list[Entry]:
    return [Entry(WHEN, "event", {"number": number}) for number in range(start, stop)]


def new_log(folder: Path) -> TamperEvidentLog:
    return TamperEvidentLog.create(folder, ORIGIN, KEY)


def files_of(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_new_log_is_empty_and_says_so_under_its_signature(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    assert log.head() == Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT)
    assert log.fsck().ok


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    assert log.append(entries(0, 3)) == range(3)
    assert log.append(entries(3, 600)) == range(3, 600)
    assert log.append([]) == range(600, 600)
    assert log.entries(0, 600) == tuple(entries(0, 600))
    assert log.entries(255, 258) == tuple(entries(255, 258))


def test_every_entry_is_proven_and_every_state_begins_every_later_one(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    states = [log.head()]
    for stop in (1, 2, 3, 255, 256, 257, 600):
        log.append(entries(states[-1].size, stop))
        states.append(log.head())
    last = states[-1]
    for index, leaf in enumerate(log.raw_entries(0, last.size)):
        if index % 7 == 0 or index > 590:
            proof = log.inclusion(index, last.size)
            assert merkle.verify_inclusion(merkle.leaf_hash(leaf), index, last.size, proof, last.root)
    for number, old in enumerate(states):
        for new in states[number:]:
            proof = log.consistency(old.size, new.size)
            assert merkle.verify_consistency(old.size, new.size, old.root, new.root, proof)
            assert log.root(old.size) == old.root


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=4))
def test_root_does_not_depend_on_how_entries_were_batched(
    tmp_path_factory: pytest.TempPathFactory, batches: list[int]
) -> None:
    log = new_log(tmp_path_factory.mktemp("log"))
    for count in batches:
        log.append(entries(log.size, log.size + count))
    hashes = merkle.LeafHashes(merkle.leaf_hash(entry.as_bytes()) for entry in entries(0, sum(batches)))
    assert log.head().root == merkle.root(hashes, len(hashes))
    assert log.fsck().ok


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    # C2SP tlog-tiles, "Partial Tiles": 273 full level 0 tiles, one of 112, one full level 1, one of 17, one of 1.
    found = list(tiles.expected_paths(70_000))
    assert sum(level == 0 and width == 256 for level, _, width in found) == 273
    assert [(level, width) for level, _, width in found if width < 256] == [
        ("entries", 112),
        (0, 112),
        (1, 17),
        (2, 1),
    ]
    assert sum(level == 1 and width == 256 for level, _, width in found) == 1


def test_a_third_level_is_grown_like_any_other() -> None:
    edge = tiles.Edge()
    files: dict[str, bytes] = {}
    leaves = [number.to_bytes(3, "big") for number in range(70_000)]
    for start, stop in ((0, 65_000), (65_000, 65_537), (65_537, 70_000)):
        edge, grown = edge.grow(leaves[start:stop])
        files |= grown
    expected = {tiles.tile_path(*one) for one in tiles.expected_paths(70_000)}
    assert expected <= set(files)
    tree = merkle.LeafHashes(merkle.leaf_hash(leaf) for leaf in leaves)
    assert edge.root() == merkle.root(tree, 70_000)
    assert files["tile/2/000.p/1"] == tree.complete(16, 0)


def test_tile_of_a_large_index_has_the_specified_path() -> None:
    assert tiles.tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tiles.tile_path(3, 5, 7) == "tile/3/005.p/7"


def test_partial_tiles_stay_until_a_full_one_takes_their_place(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 1))
    log.append(entries(1, 3))
    assert {"tile/0/000.p/1", "tile/0/000.p/3", "tile/entries/000.p/1"} <= files_of(tmp_path)
    log.append(entries(3, 256))
    log.append(entries(256, 257))
    assert files_of(tmp_path) == {
        "checkpoint", "lock", "tile/0/000", "tile/0/001.p/1",
        "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1"
    }  # fmt: skip


def test_the_published_checkpoint_is_a_signed_note_on_disk(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 2))
    assert (tmp_path / "checkpoint").read_text(encoding="utf-8") == log.checkpoint()


def test_a_reader_with_the_public_key_sees_the_log_and_cannot_append(tmp_path: Path) -> None:
    new_log(tmp_path).append(entries(0, 5))
    reader = TamperEvidentLog.open(tmp_path, ORIGIN, KEY.public_key())
    assert reader.entries(0, 5) == tuple(entries(0, 5))
    with pytest.raises(LogReadOnly):
        reader.append(entries(5, 6))


def test_a_reader_is_not_held_up_by_a_writer_and_keeps_its_old_tree(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 200))
    reader = TamperEvidentLog.open(tmp_path, ORIGIN, KEY.public_key())
    old = reader.head()
    log.append(entries(200, 1000))
    with only_writer(tmp_path / "lock", 1):
        proof = reader.inclusion(7, old.size)
        leaf = merkle.leaf_hash(reader.raw_entries(7, 8)[0])
        assert merkle.verify_inclusion(leaf, 7, old.size, proof, old.root)


def test_a_second_writer_waits_and_then_is_told_that_the_log_is_busy(tmp_path: Path) -> None:
    new_log(tmp_path)
    log = TamperEvidentLog.open(tmp_path, ORIGIN, KEY, timeout_seconds=0.05)
    with only_writer(tmp_path / "lock", 1), pytest.raises(GalleryBusy):
        log.append(entries(0, 1))
    assert log.append(entries(0, 1)) == range(1)


def test_two_writers_take_turns_and_nothing_is_lost(tmp_path: Path) -> None:
    new_log(tmp_path)
    writers = [TamperEvidentLog.open(tmp_path, ORIGIN, KEY) for _ in range(3)]
    taken: list[range] = []

    def write(log: TamperEvidentLog) -> None:
        taken.extend(log.append(entries(0, 3)) for _ in range(5))

    threads = [threading.Thread(target=write, args=(log,)) for log in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for one in taken for number in one) == list(range(45))
    report = writers[0].fsck()
    assert report.ok
    assert report.entries == 45


def test_a_checkpoint_can_be_signed_again_for_an_earlier_state(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 10))
    before = log.checkpoint()
    log.append(entries(10, 300))
    assert log.checkpoint_at(10) == before


def test_a_proof_for_strangers_is_a_c2sp_tlog_proof(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 11))
    head, _, note = log.prove(4).partition("\n\n")
    kind, index, *path = head.split("\n")
    assert (kind, index, note) == ("c2sp.org/tlog-proof@v1", "index 4", log.checkpoint())
    leaf = merkle.leaf_hash(log.raw_entries(4, 5)[0])
    assert merkle.verify_inclusion(leaf, 4, 11, [decode_base64(step) for step in path], log.head().root)
    with pytest.raises(InputInvalid):
        log.prove(11)


def test_a_consistency_proof_for_strangers_is_hashes_one_a_line(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 11))
    proof = [decode_base64(step) for step in log.prove_consistency(5).split()]
    assert merkle.verify_consistency(5, 11, log.root(5), log.root(11), proof)


def test_witness_cosignature_is_kept_with_the_checkpoint_it_is_for(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 2))
    secret = Ed25519PrivateKey.generate()
    witness = VerifierKey.of("witness.example", secret, SignatureType.COSIGNATURE)
    line = cosign(log.checkpoint(), "witness.example", secret, WHEN).as_text()
    stranger = cosign(log.checkpoint(), "stranger.example", Ed25519PrivateKey.generate(), WHEN).as_text()
    (found,) = log.accept_cosignatures([line, stranger], [witness])
    assert found.witness == "witness.example"
    assert line in log.checkpoint()
    assert stranger not in log.checkpoint()
    log.accept_cosignatures([line], [witness])
    assert log.checkpoint().count(line) == 1, "the same cosignature again is not a second one"
    log.append(entries(2, 3))
    with pytest.raises(CheckpointInvalid, match=r"witness\.example"):
        log.accept_cosignatures([line], [witness])
    assert line not in log.checkpoint()


@pytest.mark.parametrize(
    ("start", "stop"), [(-1, 2), (2, 1), (0, 6)], ids=["negative", "backwards", "beyond the end"]
)
def test_entries_that_are_not_there_are_an_error(tmp_path: Path, start: int, stop: int) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 5))
    with pytest.raises(InputInvalid):
        log.raw_entries(start, stop)


def test_proofs_of_what_is_not_there_are_an_error(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    log.append(entries(0, 5))
    for ask in (
        lambda: log.inclusion(5, 5),
        lambda: log.inclusion(0, 6),
        lambda: log.consistency(3, 2),
        lambda: log.root(6),
    ):
        with pytest.raises(InputInvalid):
            ask()


def test_one_bad_entry_keeps_the_whole_batch_out(tmp_path: Path) -> None:
    log = new_log(tmp_path)
    with pytest.raises(EntryInvalid):
        log.append([*entries(0, 2), Entry(WHEN, "event", {"name": "Anna Example"})])
    assert log.size == 0
    assert files_of(tmp_path) == {"checkpoint", "lock"}


def test_a_log_is_not_made_over_another(tmp_path: Path) -> None:
    new_log(tmp_path).append(entries(0, 3))
    with pytest.raises(LogExists):
        new_log(tmp_path)
    assert TamperEvidentLog.open(tmp_path, ORIGIN, KEY).size == 3


def test_a_log_that_is_not_there_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(LogMissing):
        TamperEvidentLog.open(tmp_path / "nowhere", ORIGIN, KEY)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("origin", "key"),
    [("gallery.example/other", KEY), (ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))],
    ids=["another origin", "another key"],
)
def test_a_log_opens_only_under_its_own_name_and_key(tmp_path: Path, origin: str, key: Ed25519PrivateKey) -> None:
    new_log(tmp_path)
    with pytest.raises(CheckpointInvalid):
        TamperEvidentLog.open(tmp_path, origin, key)


def test_nothing_is_appended_to_a_damaged_edge(tmp_path: Path) -> None:
    new_log(tmp_path).append(entries(0, 5))
    tile = tmp_path / "tile/0/000.p/5"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    log = TamperEvidentLog.open(tmp_path, ORIGIN, KEY)
    with pytest.raises(LogDamaged):
        log.append(entries(5, 6))
    assert log.size == 5
