"""What is sealed opens only as what it was sealed as, and a destroyed key opens nothing, in any process."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.errors import GalleryExists, KeyDestroyed, KeysMissing, SealBroken
from countenance.holding import Target
from countenance.terms import ALL_ARTEFACTS, ArtefactClass, SubjectId
from countenance.vault.blobs import FolderBlobs
from countenance.vault.keys import SLOT_BYTES, KeyRing
from countenance.vault.sealing import OVERHEAD_BYTES, Sealer, Vault

ANNA, BOB = SubjectId(1), SubjectId(2)
IMAGE = ArtefactClass.IMAGE


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[KeyRing]:
    made = KeyRing.create(tmp_path / "keys", "g" * 32)
    made.allot(2)
    yield made
    made.close()


@given(st.binary(max_size=300), st.text(max_size=20), st.integers(0, 9))
def test_what_was_sealed_opens_again(plain: bytes, record: str, version: int) -> None:
    sealer = Sealer(bytes(32), "g", ANNA, IMAGE)
    sealed = sealer.seal(plain, record, version)
    assert len(sealed) == len(plain) + OVERHEAD_BYTES
    assert sealer.unseal(sealed, record, version) == plain
    assert sealer.seal(plain, record, version) != sealed


@given(st.data())
def test_no_single_changed_or_missing_byte_goes_unnoticed(data: st.DataObject) -> None:
    sealer = Sealer(bytes(32), "g", ANNA, IMAGE)
    sealed = bytearray(sealer.seal(b"a face", "image:1", 1))
    place = data.draw(st.integers(0, len(sealed) - 1))
    with pytest.raises(SealBroken):
        sealer.unseal(bytes(sealed[:place]), "image:1", 1)
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        sealer.unseal(bytes(sealed), "image:1", 1)


@pytest.mark.parametrize(
    ("gallery", "subject", "artefact", "record", "version"),
    [
        ("h", ANNA, IMAGE, "image:1", 1),
        ("g", BOB, IMAGE, "image:1", 1),
        ("g", ANNA, ArtefactClass.TEMPLATE, "image:1", 1),
        ("g", ANNA, IMAGE, "image:2", 1),
        ("g", ANNA, IMAGE, "image:1", 2),
    ],
    ids=["another gallery", "another subject", "another class", "another record", "another permission"],
)
def test_a_sealed_record_opens_only_as_what_it_is(
    gallery: str, subject: SubjectId, artefact: ArtefactClass, record: str, version: int
) -> None:
    key = secrets.token_bytes(32)
    sealed = Sealer(key, "g", ANNA, IMAGE).seal(b"a face", "image:1", 1)
    with pytest.raises(SealBroken):
        Sealer(key, gallery, subject, artefact).unseal(sealed, record, version)


def test_a_destroyed_key_opens_nothing_in_a_ring_that_was_already_open(ring: KeyRing, tmp_path: Path) -> None:
    other = KeyRing.open(tmp_path / "keys", "g" * 32)
    vault = Vault(other, "g" * 32)
    wrapped = vault.new_keys(ANNA, "GB")
    sealed = vault.sealer(ANNA, wrapped, IMAGE).seal(b"a face", "image:1", 1)
    assert ring.destroy([ANNA], ALL_ARTEFACTS) == 3
    with pytest.raises(KeyDestroyed):
        vault.sealer(ANNA, wrapped, IMAGE).unseal(sealed, "image:1", 1)
    assert (tmp_path / "keys" / "slots.bin").read_bytes()[:SLOT_BYTES] == bytes(SLOT_BYTES)
    assert vault.sealer(BOB, vault.new_keys(BOB, "GB"), IMAGE)
    other.close()


def test_destroying_one_class_leaves_the_others(ring: KeyRing) -> None:
    vault = Vault(ring, "g" * 32)
    wrapped = vault.new_keys(ANNA, "GB")
    target = Target(ANNA, artefacts=frozenset({ArtefactClass.TEMPLATE}))
    ring.erase([target])
    assert ring.confirm_absent([target]).absent
    assert not ring.confirm_absent([Target(ANNA)]).absent
    assert vault.sealer(ANNA, wrapped, IMAGE)
    with pytest.raises(KeyDestroyed):
        vault.sealer(ANNA, wrapped, ArtefactClass.TEMPLATE)
    assert ring.destroyed([ANNA, BOB]) == {ANNA: frozenset({ArtefactClass.TEMPLATE})}


def test_a_slot_is_never_given_twice(ring: KeyRing) -> None:
    ring.destroy([ANNA, BOB], ALL_ARTEFACTS)
    assert list(ring.allot(2)) == [3, 4]


def test_a_slot_half_written_by_a_crash_is_written_anew(ring: KeyRing, tmp_path: Path) -> None:
    with (tmp_path / "keys" / "slots.bin").open("ab") as file:
        file.write(b"\1" * 40)
    assert list(ring.allot(1)) == [3]
    assert (tmp_path / "keys" / "slots.bin").stat().st_size == 3 * SLOT_BYTES
    assert all(ring.alive(3, artefact) for artefact in ALL_ARTEFACTS)


@pytest.mark.parametrize("slot", [-1, 0, 3, 10**12])
def test_a_slot_that_was_never_given_is_not_alive_and_opens_nothing(ring: KeyRing, slot: int) -> None:
    assert not ring.alive(slot, IMAGE)
    with pytest.raises(KeyDestroyed):
        ring.wrapping_key(slot, IMAGE, "GB", found=True)
    assert ring.destroy([slot], ALL_ARTEFACTS) == 0


def test_a_subject_who_has_moved_keeps_her_data_keys(ring: KeyRing) -> None:
    vault = Vault(ring, "g" * 32)
    wrapped = vault.new_keys(ANNA, "GB")
    sealed = vault.sealer(ANNA, wrapped, IMAGE).seal(b"a face", "image:1", 1)
    moved = vault.rewrap(ANNA, wrapped, "FR")
    assert moved.jurisdiction == "FR"
    assert vault.sealer(ANNA, moved, IMAGE).unseal(sealed, "image:1", 1) == b"a face"


@pytest.mark.parametrize("place", ["../../etc", "gb", "", "GB/..", "US-ILLINOIS"])
def test_a_jurisdiction_never_becomes_a_path(ring: KeyRing, tmp_path: Path, place: str) -> None:
    with pytest.raises(KeysMissing):
        ring.wrapping_key(ANNA, IMAGE, place, found=True)
    assert list((tmp_path / "keys" / "jurisdictions").iterdir()) == []


def test_a_new_epoch_destroys_the_old_key_and_a_half_written_one_is_no_key(ring: KeyRing, tmp_path: Path) -> None:
    before = ring.epoch_key()
    assert before is not None
    assert ring.advance_epoch() == 2
    after = ring.epoch_key()
    assert after is not None
    assert (after[0], after[1] != before[1]) == (2, True)
    file = tmp_path / "keys" / "epoch.key"
    assert before[1] not in file.read_bytes()
    file.write_bytes(file.read_bytes()[:8] + bytes(40))  # as a crash in the middle leaves it
    assert ring.epoch_key() is None
    assert ring.advance_epoch() == 3


def test_a_ring_is_not_made_over_another(ring: KeyRing, tmp_path: Path) -> None:
    with pytest.raises(GalleryExists):
        KeyRing.create(tmp_path / "keys", "h" * 32)


# -- blobs --------------------------------------------------------------------------------------------------------

ONE = "a" * 32


def test_keys_and_images_can_be_read_by_their_owner_only(ring: KeyRing, tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    blobs.stage(ONE, b"sealed")
    blobs.commit(ONE)
    blobs.close()
    Vault(ring, "g" * 32).new_keys(ANNA, "GB")
    for path in (*(tmp_path / "keys").rglob("*"), *(tmp_path / "blobs").rglob("*.sealed")):
        assert path.stat().st_mode & 0o077 == 0, path.name
