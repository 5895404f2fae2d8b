"""A snapshot is whole, authentic and of the right place and time, or it is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from countenance.errors import DiskFull, InputInvalid, SnapshotUnusable
from countenance.index import snapshot
from countenance.index.snapshot import Contents, read_contents, write_contents

KEY = bytes(range(32))
CONTEXT = b"gallery 3, epoch 9"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "CHUNK_BYTES", 256)


def contents(rows: int = 100) -> Contents:
    arrays = {
        "numbers": np.arange(rows, dtype=np.int64),
        "templates": np.arange(rows * 3, dtype=np.float32).reshape(rows, 3),
        "nothing": np.empty((0, 5), np.uint8),
        "flags": np.arange(rows) % 2 == 0,
    }
    return Contents("test", "m" * 64, 3, {"candidates": 64, "exact": False}, arrays)


@pytest.mark.parametrize("rows", [0, 1, 8, 100, 1000])
def test_what_was_written_is_what_is_read(tmp_path: Path, rows: int) -> None:
    write_contents(tmp_path / "s", KEY, CONTEXT, contents(rows))
    got = read_contents(tmp_path / "s", KEY, CONTEXT)
    assert (got.kind, got.model, got.dimensions) == ("test", "m" * 64, 3)
    assert got.parameters == {"candidates": 64, "exact": False}
    for name, array in contents(rows).arrays.items():
        assert got.arrays[name].dtype == array.dtype
        assert np.array_equal(got.arrays[name], array)


def test_nothing_of_the_content_can_be_read_from_the_file(tmp_path: Path) -> None:
    write_contents(tmp_path / "s", KEY, CONTEXT, contents())
    data = (tmp_path / "s").read_bytes()
    assert np.arange(10, dtype=np.int64).tobytes() not in data
    assert b"templates" not in data
    assert CONTEXT not in data
    write_contents(tmp_path / "t", KEY, CONTEXT, contents())
    assert data[100:] != (tmp_path / "t").read_bytes()[100:], "two snapshots share no key stream"


def test_every_single_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_contents(path, KEY, CONTEXT, contents(8))
    data = path.read_bytes()
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :])
        with pytest.raises(SnapshotUnusable):
            read_contents(path, KEY, CONTEXT)


def test_chunks_cannot_be_exchanged_dropped_or_repeated(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_contents(path, KEY, CONTEXT, contents())
    data = path.read_bytes()
    head, sealed = data[:56], data[56:]
    piece = 256 + 16
    chunks = [sealed[n : n + piece] for n in range(0, len(sealed), piece)]
    assert len(chunks) > 4
    for changed in (
        [chunks[1], chunks[0], *chunks[2:]],
        [*chunks[:2], chunks[1], *chunks[3:]],
        chunks[:-1],
        chunks[1:],
        [*chunks, chunks[-1]],
    ):
        path.write_bytes(head + b"".join(changed))
        with pytest.raises(SnapshotUnusable):
            read_contents(path, KEY, CONTEXT)


def test_a_chunk_boundary_is_no_place_to_end(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_contents(path, KEY, CONTEXT, contents())
    data = bytearray(path.read_bytes())
    kept = 3
    data[16:24] = (kept * 256).to_bytes(8, "little")
    path.write_bytes(bytes(data[: 56 + kept * 272]))
    with pytest.raises(SnapshotUnusable):
        read_contents(path, KEY, CONTEXT)


def test_key_and_context_must_be_the_ones_it_was_written_with(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_contents(path, KEY, CONTEXT, contents())
    for key, context in ((bytes(32), CONTEXT), (KEY, b"gallery 3, epoch 8"), (KEY, b"")):
        with pytest.raises(SnapshotUnusable):
            read_contents(path, key, context)
    with pytest.raises(InputInvalid):
        read_contents(path, KEY[:16], CONTEXT)


def test_a_write_that_fails_leaves_the_old_snapshot_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s"
    write_contents(path, KEY, CONTEXT, contents(8))

    def no_room(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", no_room)
    with pytest.raises(DiskFull):
        write_contents(path, KEY, CONTEXT, contents(100))
    monkeypatch.undo()
    monkeypatch.setattr(snapshot, "CHUNK_BYTES", 256)
    assert len(read_contents(path, KEY, CONTEXT).arrays["numbers"]) == 8
    assert list(tmp_path.iterdir()) == [path]


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    write_contents(tmp_path / "s", KEY, CONTEXT, contents())
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
