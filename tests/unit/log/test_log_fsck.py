"""fsck finds each kind of damage, names file and entry, and says which of two disagreeing files is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.log import Checkpoint, Entry, Fault, SignatureType, TamperEvidentLog, VerifierKey, merkle
from countenance.log.fsck import examine
from countenance.log.note import cosign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ORIGIN = "gallery.example/log"
PUBLIC = VerifierKey.of(ORIGIN, KEY)
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIZE = 600


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine") / "log"
    log = TamperEvidentLog.create(folder, ORIGIN, KEY)
    log.append([Entry(WHEN, "event", {"number": number}) for number in range(SIZE)])
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "log"))


def change(path: Path, how: Callable[[bytes], bytes]) -> None:
    path.write_bytes(how(path.read_bytes()))


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_an_intact_log_is_found_intact(pristine: Path) -> None:
    report = examine(pristine, PUBLIC)
    assert report.ok
    assert (report.size, report.entries, report.root_rebuilt) == (SIZE, SIZE, report.root_signed)


def test_an_altered_entry_is_named(folder: Path) -> None:
    change(folder / "tile/entries/001", lambda data: data.replace(b'"number":300', b'"number":999'))
    (finding,) = examine(folder, PUBLIC).findings
    assert (finding.fault, finding.path, finding.entry) == (Fault.ENTRY_ALTERED, "tile/entries/001", 300)


def test_an_altered_leaf_hash_is_told_from_an_altered_entry(folder: Path) -> None:
    change(folder / "tile/0/001", flip(32 * 44))
    findings = examine(folder, PUBLIC).findings
    assert (findings[0].fault, findings[0].path) == (Fault.TILE_ALTERED, "tile/1/000.p/2")
    assert (findings[-1].fault, findings[-1].path, findings[-1].entry) == (Fault.TILE_ALTERED, "tile/0/001", 300)


def test_entry_and_leaf_hash_altered_together_do_not_escape(folder: Path) -> None:
    change(folder / "tile/entries/002.p/88", lambda data: data.replace(b'"number":599', b'"number":998'))
    leaf = Entry(WHEN, "event", {"number": 998}).as_bytes()
    change(folder / "tile/0/002.p/88", lambda data: data[:-32] + merkle.leaf_hash(leaf))
    (finding,) = examine(folder, PUBLIC).findings
    assert finding.fault is Fault.ROOT


def test_an_altered_upper_tile_is_named(folder: Path) -> None:
    change(folder / "tile/1/000.p/2", flip(33))
    (finding,) = examine(folder, PUBLIC).findings
    assert (finding.fault, finding.path) == (Fault.TILE_ALTERED, "tile/1/000.p/2")


@pytest.mark.parametrize(
    ("name", "entry"), [("tile/entries/000", 0), ("tile/0/001", None), ("tile/1/000.p/2", None)],
    ids=["bundle", "tile", "upper tile"],
)  # fmt: skip
def test_a_missing_file_is_named(folder: Path, name: str, entry: int | None) -> None:
    (folder / name).unlink()
    report = examine(folder, PUBLIC)
    assert (Fault.MISSING, name) in {(f.fault, f.path) for f in report.findings}
    assert (Fault.SIZE in {f.fault for f in report.findings}) == (entry is not None)


def test_a_truncated_bundle_says_after_which_entry_it_ends(folder: Path) -> None:
    change(folder / "tile/entries/002.p/88", lambda data: data[:-5])
    report = examine(folder, PUBLIC)
    assert [(f.fault, f.entry) for f in report.findings] == [(Fault.TRUNCATED, SIZE - 1), (Fault.SIZE, None)]
    assert report.entries == SIZE - 1
    assert report.root_rebuilt is None


def test_a_truncated_tile_is_named(folder: Path) -> None:
    change(folder / "tile/0/000", lambda data: data[:-1])
    assert (Fault.TRUNCATED, "tile/0/000") in {(f.fault, f.path) for f in examine(folder, PUBLIC).findings}


def test_a_copy_for_an_older_checkpoint_is_examined_too(tmp_path: Path) -> None:
    log = TamperEvidentLog.create(tmp_path, ORIGIN, KEY)
    log.append([Entry(WHEN, "event", {"number": 1})])
    log.append([Entry(WHEN, "event", {"number": 2})])
    assert log.fsck().ok
    change(tmp_path / "tile/entries/000.p/1", lambda data: data.replace(b'"number":1', b'"number":7'))
    assert [(f.fault, f.path) for f in log.fsck().findings] == [(Fault.STALE_COPY, "tile/entries/000.p/1")]


def test_bytes_after_the_last_entry_are_reported(folder: Path) -> None:
    change(folder / "tile/entries/002.p/88", lambda data: data + b"more")
    (finding,) = examine(folder, PUBLIC).findings
    assert finding.fault is Fault.TOO_LONG


def test_a_forged_checkpoint_is_reported_and_the_rest_examined_all_the_same(folder: Path) -> None:
    change(folder / "checkpoint", lambda data: data[:-3] + (b"A=\n" if data[-3:] != b"A=\n" else b"E=\n"))
    assert {f.fault for f in examine(folder, PUBLIC).findings} & {
        Fault.CHECKPOINT_SIGNATURE,
        Fault.CHECKPOINT_MALFORMED,
    }
    stranger = Ed25519PrivateKey.generate()
    (folder / "checkpoint").write_text(
        Checkpoint(ORIGIN, SIZE, bytes(32)).sign(stranger).as_text(), encoding="utf-8"
    )
    assert {f.fault for f in examine(folder, PUBLIC).findings} == {Fault.CHECKPOINT_SIGNATURE, Fault.ROOT}


def test_a_checkpoint_larger_than_the_data_is_reported(folder: Path) -> None:
    (folder / "checkpoint").write_text(
        Checkpoint(ORIGIN, SIZE + 1, bytes(32)).sign(KEY).as_text(), encoding="utf-8"
    )
    faults = {f.fault for f in examine(folder, PUBLIC).findings}
    assert Fault.SIZE in faults


def test_a_forged_size_does_not_exhaust_the_machine(folder: Path) -> None:
    (folder / "checkpoint").write_text(Checkpoint(ORIGIN, 10**15, bytes(32)).sign(KEY).as_text(), encoding="utf-8")
    report = examine(folder, PUBLIC)
    assert Fault.SIZE in {f.fault for f in report.findings}
    assert len(report.findings) < 10_000


def test_a_missing_checkpoint_is_reported(folder: Path) -> None:
    (folder / "checkpoint").unlink()
    report = examine(folder, PUBLIC)
    assert [f.fault for f in report.findings] == [Fault.CHECKPOINT_MISSING]


def test_a_wrong_cosignature_is_reported(folder: Path) -> None:
    secret = Ed25519PrivateKey.generate()
    witness = VerifierKey.of("witness.example", secret, SignatureType.COSIGNATURE)
    other = Checkpoint(ORIGIN, 5, bytes(32)).sign(KEY).as_text()
    line = cosign(other, "witness.example", secret, WHEN).as_text()
    change(folder / "checkpoint", lambda data: data + line.encode())
    assert [f.fault for f in examine(folder, PUBLIC, witnesses=[witness]).findings] == [Fault.COSIGNATURE]
    assert examine(folder, PUBLIC).ok, "who does not know the witness passes over its line"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_flipped_byte_anywhere_escapes(pristine: Path, data: st.DataObject) -> None:
    files = sorted(p for p in pristine.rglob("*") if p.is_file() and p.name != "lock")
    path = data.draw(st.sampled_from(files))
    original = path.read_bytes()
    raw = bytearray(original)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        path.write_bytes(raw)
        assert not examine(pristine, PUBLIC).ok
    finally:
        path.write_bytes(original)
