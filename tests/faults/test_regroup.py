"""Giving a face to another subject, stopped in the middle: nothing is lost, nothing of the old is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from countenance import Countenance
from countenance.errors import ErasureHeld, ImageNotHeld, PermissionRefused
from countenance.oversight.credentials import KeyKind
from countenance.oversight.parties import Principal
from countenance.recognition.gallery.regroup import LEFT_BEHIND
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import numbering, references
from countenance.store.schema import images
from tests.galleries import Galleries
from tests.peers import MovedClock, firm, new_gallery

pytestmark = pytest.mark.usefixtures("quick_passwords")


def _on_disk(folder: Path) -> set[str]:
    return {path.name.removesuffix(".sealed") for path in (folder / "blobs").rglob("*.sealed")}


def _on_record(gallery: Countenance) -> set[str]:
    with gallery._database.read() as connection:
        return set(connection.scalars(images.select().with_only_columns(images.c.image_id)))


@pytest.fixture
def asker(galleries: Galleries) -> tuple[Countenance, MovedClock, Principal]:
    gallery, clock = new_gallery(galleries)
    there = firm(gallery)
    there.compartment("staff")
    who = gallery.oversight.authenticate(there.key(KeyKind.BEARER, collection="staff").secret)
    return gallery, clock, who


def test_a_merge_that_was_interrupted_leaves_no_old_ciphertext(
    asker: tuple[Countenance, MovedClock, Principal], galleries: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery, clock, who = asker
    legacy = gallery.legacy
    legacy.add_example(who, None, "Eileen Collins", portrait_photographs[0])
    moved = legacy.add_example(who, None, "E. Collins", portrait_photographs[1])

    def broken(image_ids: object) -> int:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery._blobs, "delete", broken)
        with pytest.raises(KeyboardInterrupt):
            legacy.rename(who, None, "E. Collins", "Eileen Collins")
    assert len(_on_disk(galleries.folder) - _on_record(gallery)) == 1, "the old ciphertext is still there"
    again = galleries.open(clock)
    assert _on_disk(galleries.folder) == _on_record(again)
    with again._database.read() as connection:
        assert numbering.fact(connection, LEFT_BEHIND) == "[]"
    assert again.legacy.compare_with(who, None, moved.face_id, portrait_photographs[1]).similarities[0] > 0.99
    assert {one.subject for one in again.legacy.faces(who, None, most=9).faces} == {"Eileen Collins"}
    again.legacy.rename(who, None, "E. Collins", "Eileen Collins")  # and the same call finishes it
    assert again.legacy.subjects(who, None) == ("Eileen Collins",)


def test_a_move_that_fails_changes_nothing(
    asker: tuple[Countenance, MovedClock, Principal], galleries: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery, _, who = asker
    gallery.legacy.add_example(who, None, "Eileen Collins", portrait_photographs[0])
    gallery.legacy.add_example(who, None, "E. Collins", portrait_photographs[1])
    before = _on_disk(galleries.folder)
    with pytest.MonkeyPatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError("no room")

        patch.setattr(references, "add_images", full)
        with pytest.raises(OSError, match="no room"):
            gallery.legacy.rename(who, None, "E. Collins", "Eileen Collins")
    assert _on_disk(galleries.folder) == before == _on_record(gallery)
    assert gallery.legacy.subjects(who, None) == ("E. Collins", "Eileen Collins")


def test_a_face_moves_only_while_both_permissions_stand_and_nobody_is_kept_as_evidence(
    asker: tuple[Countenance, MovedClock, Principal], portrait_photographs: list[bytes]
) -> None:
    gallery, _, who = asker
    gallery.legacy.add_example(who, None, "Eileen Collins", portrait_photographs[0])
    gallery.legacy.add_example(who, None, "E. Collins", portrait_photographs[1])
    number = who.compartment
    assert number is not None
    held = gallery._ledger.find("E. Collins", number).subject_id
    parts = gallery.legacy._parts
    gallery.legacy._parts = replace(parts, kept=lambda: frozenset({held}))
    with pytest.raises(ErasureHeld):
        gallery.legacy.rename(who, None, "E. Collins", "Eileen Collins")
    gallery.legacy._parts = parts
    gallery._ledger.withdraw(held)
    with pytest.raises(PermissionRefused):
        gallery.legacy.rename(who, None, "E. Collins", "Eileen Collins")


def test_a_face_whose_key_is_destroyed_just_then_is_not_there_and_resembles_nobody(
    asker: tuple[Countenance, MovedClock, Principal],
    portrait_photographs: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    legacy, who = asker[0].legacy, asker[2]
    held = legacy.add_example(who, None, "Eileen Collins", portrait_photographs[0]).face_id
    ((loose, _),) = legacy.index_faces(who, None, portrait_photographs[1], label="", most=1, quality=0).kept
    monkeypatch.setattr(TemplateReader, "_sealer", lambda reader, subject_id: None)
    with pytest.raises(ImageNotHeld):
        legacy.compare_with(who, None, held, portrait_photographs[2])
    moved = legacy.associate(who, None, "Eileen Collins", [loose.face_id], similarity=0.5)
    assert [one.reason for one in moved.refused] == ["LOW_MATCH_CONFIDENCE"]
