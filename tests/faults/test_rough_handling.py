"""Damaged rows, interruptions, races, put-back copies: nobody withdrawn returns, the gallery stays usable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import Connection, text

from countenance import Countenance
from countenance.custody.erasure.errand import Errand, Ground
from countenance.errors import (
    AccountSuppressed,
    ErasureIncomplete,
    GalleryBusy,
    KeysForeign,
    KeysMissing,
    PermissionRefused,
    SealBroken,
    SubjectUnknown,
)
from countenance.store import references
from countenance.store.database import Database
from tests.galleries import Galleries, fill, names, permit, row, search, template

ANNA = template(1)
BOB = template(2)


def two_people(gallery: Countenance) -> None:
    gallery.enrol_templates([row("anna", ANNA), row("bob", BOB)])


def damage(gallery: Countenance, table: str, column: str, subject_id: int) -> None:
    """Turn one bit of a sealed value in the middle of a row."""
    with gallery._database.write() as connection:
        where = {"subject": subject_id}
        old = connection.execute(
            text(f"SELECT {column} FROM {table} WHERE subject_id = :subject"), where
        ).scalar_one()
        new = bytearray(old)
        new[len(new) // 2] ^= 1
        connection.execute(
            text(f"UPDATE {table} SET {column} = :new WHERE subject_id = :subject"), {**where, "new": bytes(new)}
        )


def number_of(gallery: Countenance, subject: str) -> int:
    return int(gallery._ledger.find(subject).subject_id)


# -- damage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("template_references", "sealed_template"),
        ("subjects", "sealed_name"),
        ("subjects", "wrapped_template_key"),
    ],
)
def test_a_damaged_row_is_an_error_and_never_a_wrong_answer(both: Galleries, table: str, column: str) -> None:
    gallery = both.new()
    two_people(gallery)
    assert names(search(gallery, ANNA)) == ["anna"]
    damage(gallery, table, column, number_of(gallery, "anna"))
    with pytest.raises(SealBroken) as raised:
        search(gallery, ANNA)
    assert raised.value.code == "seal_broken"
    assert names(search(gallery, BOB)) == ["bob"]


@pytest.mark.parametrize(
    ("table", "column"),
    [("template_references", "sealed_template"), ("subjects", "wrapped_template_key")],
)
def test_one_damaged_template_keeps_nobody_else_from_being_found_and_is_named(
    both: Galleries, table: str, column: str, tmp_path: Path
) -> None:
    gallery = both.new()
    two_people(gallery)
    assert gallery.status().references_damaged == ()
    number = number_of(gallery, "anna")
    damage(gallery, table, column, number)
    with gallery._database.read() as connection:
        (reference,) = references.numbers_of(connection, [number])
    gallery.close()
    for snapshot in (both.folder / "index").glob("*.snapshot"):
        snapshot.unlink()  # so that the index has to be rebuilt from rows, the damaged one among them
    again = both.open()
    assert names(search(again, BOB)) == ["bob"]
    assert names(search(again, ANNA)) == []
    assert again.status().references_damaged == (reference,)
    assert again.status().as_dict()["references_damaged"] == [reference]
    again.enrol_templates([row("carl", template(77))])  # and what comes later goes in as ever
    assert names(search(again, template(77))) == ["carl"]
    if column == "sealed_template":
        assert again.access("anna", tmp_path / "anna.zip").templates == 1
        told = json.loads(ZipFile(tmp_path / "anna.zip").read("access.json"))
        assert [(one["damaged"], one["values"]) for one in told["templates"]] == [(True, [])]
    assert again.withdraw("anna").absent
    assert again.status().references_damaged == ()


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("template_references", "sealed_template"),
        ("subjects", "sealed_name"),
        ("subjects", "wrapped_metadata_key"),
        ("subjects", "wrapped_template_key"),
        ("permissions", "sealed_record"),
    ],
)
def test_whatever_is_damaged_withdrawal_still_erases_and_the_gallery_still_opens(
    galleries: Galleries, table: str, column: str
) -> None:
    gallery = galleries.new()
    two_people(gallery)
    damage(gallery, table, column, number_of(gallery, "anna"))
    gallery.close()
    for snapshot in (galleries.folder / "index").glob("*.snapshot"):
        snapshot.unlink()  # so that the index has to be rebuilt from rows, the damaged one among them
    again = galleries.open()
    assert again.withdraw("bob").absent
    assert again.withdraw("anna").absent
    last = galleries.open()
    assert last.status().subjects == 0
    assert names(search(last, ANNA)) == []


def test_a_template_moved_to_another_subject_does_not_open(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    with gallery._database.write() as connection:
        rows = connection.execute(text("SELECT reference_id, sealed_template FROM template_references")).all()
        for (number, _), (_, sealed) in zip(rows, reversed(rows), strict=True):
            connection.execute(
                text("UPDATE template_references SET sealed_template = :s WHERE reference_id = :n"),
                {"s": sealed, "n": number},
            )
    with pytest.raises(SealBroken):
        search(gallery, ANNA)


def test_a_lost_jurisdiction_key_is_reported_missing_and_not_silently_replaced(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    gallery.close()
    key = galleries.keys / "jurisdictions" / "GB.key"
    kept = key.read_bytes()
    key.unlink()
    again = galleries.open()
    with pytest.raises(KeysMissing):
        search(again, ANNA)
    assert not key.exists()
    key.write_bytes(kept)
    assert names(search(again, ANNA)) == ["anna"]


def test_a_damaged_root_key_is_noticed_at_opening(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    gallery.close()
    root = galleries.keys / "root.key"
    data = bytearray(root.read_bytes())
    data[3] ^= 1
    root.write_bytes(bytes(data))
    with pytest.raises(KeysMissing):
        galleries.open()


# -- snapshots ----------------------------------------------------------------------------------------------------


def test_a_truncated_snapshot_is_rebuilt_from_the_sealed_templates(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    gallery.close()
    (snapshot,) = (galleries.folder / "index").glob("*.snapshot")
    snapshot.write_bytes(snapshot.read_bytes()[:-20])
    assert names(search(galleries.open(), ANNA)) == ["anna"]
    assert not snapshot.exists()


def test_a_snapshot_of_an_older_epoch_put_back_is_not_used(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    (snapshot,) = (galleries.folder / "index").glob("*.snapshot")
    kept = snapshot.read_bytes()
    gallery.withdraw("anna")
    gallery.close()
    snapshot.write_bytes(kept)
    model, _, position, ending = snapshot.name.split(".")
    renamed = snapshot.with_name(f"{model}.2.{position}.{ending}")  # and under the name of the present epoch
    renamed.write_bytes(kept)
    again = galleries.open()
    index = again._searchable.current()
    assert len(index) == 1
    assert not snapshot.exists()
    assert names(search(again, ANNA)) == []
    assert names(search(again, BOB)) == ["bob"]


# -- copies put back ----------------------------------------------------------------------------------------------


def copy_of(galleries: Galleries) -> Path:
    copy = galleries.root / "copy"
    shutil.copytree(galleries.folder, copy)
    return copy


def put_back(galleries: Galleries, copy: Path, *parts: str) -> None:
    for path in list(galleries.folder.iterdir()):
        if any(path.name.startswith(part) for part in parts):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in copy.iterdir():
        if any(path.name.startswith(part) for part in parts):
            place = galleries.folder / path.name
            shutil.copytree(path, place) if path.is_dir() else shutil.copy2(path, place)


@pytest.mark.parametrize(
    "parts",
    [("gallery", "blobs", "index", "models"), ("gallery.db",), ("blobs",), ("index",)],
    ids=["the whole data folder", "only the database", "only the images", "only the index"],
)
def test_an_old_copy_put_back_never_brings_a_withdrawn_subject_back(
    galleries: Galleries, portrait_photographs: list[bytes], parts: tuple[str, ...]
) -> None:
    gallery = galleries.new()
    two_people(gallery)
    permit(gallery, "carla")
    gallery.enrol("carla", portrait_photographs[:1])
    gallery.close()
    copy = copy_of(galleries)
    gallery = galleries.open()
    gallery.withdraw("anna")
    gallery.withdraw("carla")
    gallery.close()
    put_back(galleries, copy, *parts)

    again = galleries.open()
    assert names(search(again, ANNA)) == []
    assert names(search(again, BOB)) == ["bob"]
    assert names(again.identify(portrait_photographs[1], purpose="event-photos")) == []
    for subject in ("anna", "carla"):
        with pytest.raises(SubjectUnknown):
            again.access(subject, galleries.root / "out.zip")
    status = again.status(people=True)
    assert [one.subject for one in status.people or ()] == ["bob"]
    with pytest.raises(AccountSuppressed):
        permit(again, "anna")
    permit(again, "anna", returning="her letter")
    permit(again, "dora")
    again.enrol_templates([row("dora", template(4))])
    assert names(search(again, template(4))) == ["dora"]


def test_a_copy_taken_in_the_middle_of_an_erasure_brings_nobody_back_either(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    fill(gallery, 1)

    class Stop(Exception):
        pass

    def stop(done: int, total: int | None, what: str) -> None:
        if what == "frozen":
            raise Stop

    with pytest.raises(Stop):
        gallery.withdraw("stranger-000", progress=stop)
    gallery.close()
    copy = copy_of(galleries)
    gallery = galleries.open()
    gallery.withdraw("anna")
    gallery.close()
    put_back(galleries, copy, "gallery", "blobs", "index")
    again = galleries.open()
    assert [one.subject for one in again.status(people=True).people or ()] == ["bob"]
    assert names(search(again, ANNA)) == []


def test_an_older_copy_of_the_key_folder_is_refused_and_destroys_nothing(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    shutil.copytree(galleries.keys, galleries.root / "old.keys")
    gallery.enrol_templates([row("carla", template(3))])
    gallery.withdraw("anna")
    gallery.close()
    shutil.move(galleries.keys, galleries.root / "new.keys")
    shutil.copytree(galleries.root / "old.keys", galleries.keys)
    with pytest.raises(KeysForeign):
        galleries.open()
    shutil.rmtree(galleries.keys)
    shutil.move(galleries.root / "new.keys", galleries.keys)
    again = galleries.open()
    assert names(search(again, template(3))) == ["carla"]
    assert names(search(again, BOB)) == ["bob"]


# -- twice, and at the same time ----------------------------------------------------------------------------------


def test_withdrawing_twice_is_told_plainly(both: Galleries) -> None:
    gallery = both.new()
    two_people(gallery)
    assert gallery.withdraw("anna").absent
    with pytest.raises(SubjectUnknown):
        gallery.withdraw("anna")


def test_two_processes_that_withdraw_one_subject_both_finish(both: Galleries) -> None:
    first = both.new()
    two_people(first)
    second = both.open()
    owner = second._ledger.find("anna")  # found by the second, then erased by the first
    assert first.withdraw("anna").absent
    erased = second._eraser.erase([owner.subject_id], Errand(Ground.WITHDRAWAL))
    assert all(one.absent for one in erased.confirmations)
    assert names(search(second, BOB)) == ["bob"]


def test_a_withdrawal_cut_off_by_an_error_is_finished_by_calling_it_again(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)

    class Stop(Exception):
        pass

    def stop(done: int, total: int | None, what: str) -> None:
        if what == "keys destroyed":
            raise Stop

    with pytest.raises(Stop):
        gallery.withdraw("anna", progress=stop)
    assert names(search(gallery, ANNA)) == []
    assert gallery.withdraw("anna").absent
    assert galleries.open().status().erasures_open == 0


def test_an_unconfirmed_erasure_stays_open_and_out_of_every_search(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch, portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[:1])
    with monkeypatch.context() as patched:
        patched.setattr("countenance.vault.blobs.FolderBlobs.delete", lambda self, ids: 0)
        with pytest.raises(ErasureIncomplete):
            gallery.withdraw("anna")
        assert names(gallery.identify(portrait_photographs[1], purpose="event-photos")) == []
        assert galleries.open().broken_promise is not None
    again = galleries.open()
    assert again.broken_promise is None
    assert [one.absent for one in again.kept_promises] == [True]
    assert list(galleries.folder.rglob("*.sealed")) == []


def test_a_second_writer_is_told_when_the_first_does_not_finish(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = galleries.new()
    two_people(gallery)
    other = Database.of_file(galleries.folder / "gallery.db", busy_seconds=0.1)
    with gallery._database.write(), pytest.raises(GalleryBusy), other.write():
        pass
    other.close()


def test_a_commit_whose_answer_was_lost_keeps_row_and_image_together(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    real = Database.write

    @contextmanager
    def interrupted_after_commit(self: Database) -> Iterator[Connection]:
        with real(self) as connection:
            yield connection
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", interrupted_after_commit)
        with pytest.raises(KeyboardInterrupt):
            gallery.enrol("anna", portrait_photographs[:1])
    assert gallery.status().images == 1
    assert gallery.access("anna", tmp_path / "anna.zip").images == 1


def test_a_permission_withdrawn_while_the_picture_was_read_enrols_nothing(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch, portrait_photographs: list[bytes]
) -> None:
    gallery, other = galleries.new(), galleries.open()
    permit(gallery, "anna")
    prepare = gallery._prepared

    def withdraw_meanwhile(*given: object) -> object:
        prepared = prepare(*given)  # type: ignore[arg-type]
        other.withdraw("anna")
        return prepared

    monkeypatch.setattr(gallery, "_prepared", withdraw_meanwhile)
    with pytest.raises(PermissionRefused):
        gallery.enrol("anna", portrait_photographs[:1])
    assert list(galleries.folder.rglob("*.sealed")) == []
    assert other.status().images == 0


# -- the clock ----------------------------------------------------------------------------------------------------


def test_a_clock_set_back_before_the_permission_began_returns_nobody(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    galleries.clock.step(timedelta(days=-2))
    assert names(search(gallery, ANNA)) == []


def test_an_index_built_while_the_clock_was_wrong_is_complete_when_it_is_right_again(galleries: Galleries) -> None:
    gallery = galleries.new()
    two_people(gallery)
    gallery.close()
    for snapshot in (galleries.folder / "index").glob("*.snapshot"):
        snapshot.unlink()
    galleries.clock.step(timedelta(days=-2))
    gallery = galleries.open()
    assert names(search(gallery, ANNA)) == []
    fill(gallery, 1)
    galleries.clock.step(timedelta(days=2))
    assert names(search(gallery, ANNA)) == ["anna"]


def test_refused_look_alikes_never_crowd_out_somebody_permitted(galleries: Galleries) -> None:
    gallery = galleries.new()
    twins = [template(50 + n, near=ANNA, away=0.05) for n in range(30)]
    soon, later = date(2027, 1, 10), date(2027, 12, 1)
    gallery.enrol_templates(
        [row(f"twin-{n}", t, purposes=["event-photos"], until=soon) for n, t in enumerate(twins)]
    )
    for number in range(30):
        permit(gallery, f"twin-{number}", "lost-and-found", until=later)
    gallery.enrol_templates([row("anna", template(99, near=ANNA, away=0.5))])
    galleries.clock.step(timedelta(days=10))
    assert names(search(gallery, ANNA, limit=1)) == ["anna"]
