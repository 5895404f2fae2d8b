"""A gallery whose images are in a bucket of a real S3 server: erased for good, and never half enrolled."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from countenance import Countenance
from countenance.errors import (
    BlobsForeign,
    BlobsRefused,
    BlobsUnavailable,
    BlobsUnsuitable,
    GalleryExists,
    InputInvalid,
)
from countenance.holding import Absence, Target
from countenance.settings import ObjectStorage
from countenance.terms import SubjectId
from countenance.vault import s3_blobs
from countenance.vault.bucket import Bucket, Facts, Place
from countenance.vault.s3_blobs import S3Blobs
from tests.galleries import Galleries, permit
from tests.servers.seaweedfs import (
    ACCESS_KEY,
    NARROW_KEY,
    NARROW_SECRET,
    SECRET_KEY,
    SeaweedServer,
)

pytestmark = [pytest.mark.s3, pytest.mark.xdist_group("s3")]
ONE = "a" * 32
TARGET = Target(SubjectId(1), image_ids=(ONE,))
GALLERY = "9" * 32


@pytest.fixture
def stored(galleries: Galleries, seaweed: SeaweedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Galleries]:
    """A maker of galleries whose images are in a fresh, versioned bucket."""
    for name, value in seaweed.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COUNTENANCE_S3_TIMEOUT", "2")
    galleries.new_place = lambda: f"s3://{seaweed.new_bucket(versioned=True)}/gallery"
    yield galleries
    seaweed.thaw()


def bucket_of(seaweed: SeaweedServer, tmp_path: Path, name: str, *, narrow: bool = False) -> Bucket:
    """A bucket as the administrator sees it, or as somebody who may list nothing."""
    keys = tmp_path / f"credentials-{secrets.token_hex(2)}"
    keys.write_text(seaweed.credentials(*((NARROW_KEY, NARROW_SECRET) if narrow else ())))
    return Bucket(Place(name, "p"), ObjectStorage(seaweed.endpoint, "us-east-1", keys))


def images_of(gallery: Countenance, subject: str) -> list[str]:
    """Ids of a subject's images."""
    return [i for t in gallery._eraser.plan([gallery._ledger.find(subject).subject_id]) for i in t.image_ids]


def of_blobs(absences: tuple[Absence, ...]) -> Absence:
    """What the keeper of images answered."""
    return next(one for one in absences if one.holder == "blobs")


def test_an_erased_image_is_on_no_disk_of_the_server_and_the_certificate_says_what_is_not_known(
    stored: Galleries, seaweed: SeaweedServer, portrait_photographs: list[bytes]
) -> None:
    gallery = stored.new()
    for name, picture in zip(("anna", "bob"), portrait_photographs, strict=False):
        permit(gallery, name)
        gallery.enrol(name, [picture])
    sealed = {name: gallery._blobs.read(images_of(gallery, name)[0]) for name in ("anna", "bob")}
    assert portrait_photographs[0] not in sealed["anna"]
    assert seaweed.files_with(sealed["anna"][100:164])  # the control: this search finds what is there
    assert not seaweed.files_with(portrait_photographs[0][100:164])
    erased = gallery.withdraw("anna").erased
    absence = of_blobs(erased.confirmations)
    assert absence.absent
    assert "no object, version or delete marker" in absence.checked
    assert absence.unconfirmed == s3_blobs.DISKS
    certificate = json.loads(next((stored.folder / "certificates").iterdir()).read_bytes())
    said = {one["holder"]: one["unconfirmed"] for one in certificate["statement"]["holders"]}
    assert said["blobs"] == s3_blobs.DISKS
    assert seaweed.vacuumed_of(sealed["anna"][100:164])
    assert seaweed.files_with(sealed["bob"][100:164])
    assert gallery._blobs.read(images_of(gallery, "bob")[0]) == sealed["bob"]


def test_a_storage_that_does_not_answer_leaves_nothing_half_enrolled(
    stored: Galleries, seaweed: SeaweedServer, portrait_photographs: list[bytes]
) -> None:
    gallery = stored.new()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[1:2])
    seaweed.freeze()
    with pytest.raises(BlobsUnavailable) as raised:
        gallery.enrol("anna", portrait_photographs[:1])
    assert raised.value.code == "blobs_unavailable"
    assert gallery.status().images == gallery.status().references == 1
    gallery.close()
    assert stored.open().broken_promise is not None  # opens, and says what is not settled
    seaweed.thaw()
    again = stored.open()
    assert again.broken_promise is None
    assert again.delete_stray_images() == 0  # the request that was cut off has left nothing behind
    again.enrol("anna", portrait_photographs[:1])
    assert again.status().images == 2


def test_an_erasure_that_the_storage_does_not_answer_goes_on_when_it_does(
    stored: Galleries, seaweed: SeaweedServer, portrait_photographs: list[bytes]
) -> None:
    gallery = stored.new()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[:1])
    image = images_of(gallery, "anna")[0]
    seaweed.freeze()
    with pytest.raises(BlobsUnavailable):
        gallery.withdraw("anna")
    assert len(gallery._searchable.current()) == 0
    seaweed.thaw()
    again = stored.open()
    assert [of_blobs(one.erased.confirmations).absent for one in again.kept_promises] == [True]
    assert again._blobs.count([image]) == 0


def test_a_backup_says_that_the_images_are_elsewhere_and_a_restored_gallery_finds_them(
    stored: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = stored.new()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[:1])
    backup = gallery.backup(stored.root / "backup")
    assert (backup.images, backup.images_elsewhere) == (0, gallery._blobs.elsewhere)
    gallery.enrol("anna", portrait_photographs[1:2])
    late = images_of(gallery, "anna")
    gallery.close()
    stored.folder.rename(stored.root / "lost")
    restored = Countenance.restore(backup.out, stored.folder, keys=stored.keys, cache=stored.cache)
    assert any("without a record" in note for note in restored.as_dict()["notes"])  # type: ignore[attr-defined]
    again = stored.open()
    assert len(late) == 2
    assert again._blobs.count(late) == 2
    assert again.delete_stray_images() == 1
    assert again._blobs.read(images_of(again, "anna")[0])


def test_neither_credentials_nor_endpoint_are_stored_or_logged(
    stored: Galleries, seaweed: SeaweedServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, "countenance")
    gallery = stored.new()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    other = stored.open()
    with pytest.raises(BlobsRefused) as raised:
        other._blobs.read(ONE)
    assert gallery._blobs.elsewhere is not None
    for path in [*stored.folder.rglob("*"), *stored.keys.rglob("*")]:
        if path.is_file():
            for word in (SECRET_KEY, ACCESS_KEY, seaweed.endpoint):
                assert word.encode() not in path.read_bytes(), path
    assert SECRET_KEY not in caplog.text + repr(gallery._settings) + str(raised.value)


def test_a_place_that_is_taken_locked_absent_or_refused_makes_no_gallery(
    stored: Galleries, seaweed: SeaweedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = seaweed.new_bucket()
    seaweed.client().put_object(Bucket=taken, Key="g/holiday.jpg", Body=b"a picture")
    cases = {
        f"s3://{taken}/g": GalleryExists,
        f"s3://{seaweed.new_bucket(locked=True)}/g": BlobsUnsuitable,
        "s3://no-such-bucket/g": BlobsRefused,
        "s3://user:password@bucket/g": InputInvalid,
        "https://bucket/g": InputInvalid,
        "s3://bucket/../g": InputInvalid,
    }
    for place, error in cases.items():
        stored.new_place = lambda place=place: place
        with pytest.raises(error):
            stored.new()
        assert not stored.folder.exists()
        assert not stored.keys.exists()
    assert [one["Key"] for one in seaweed.client().list_objects_v2(Bucket=taken)["Contents"]] == ["g/holiday.jpg"]


def test_nothing_is_found_absent_in_another_gallery_s_place(seaweed: SeaweedServer, tmp_path: Path) -> None:
    bucket = bucket_of(seaweed, tmp_path, seaweed.new_bucket())
    s3_blobs.claim(bucket, GALLERY)
    stranger = S3Blobs(bucket, "8" * 32, tmp_path)
    for act in (
        lambda: stranger.confirm_absent([TARGET]),
        lambda: stranger.erase([TARGET]),
        lambda: stranger.stage(ONE, b"sealed"),
    ):
        with pytest.raises(BlobsForeign):
            act()
    assert bucket.names_under("") == [s3_blobs.MARK]
    known = S3Blobs(bucket, GALLERY, tmp_path)
    known.stage(ONE, b"sealed")  # it has seen whose place it is, and the place becomes another's
    s3_blobs.give_up(bucket)
    with pytest.raises(BlobsForeign):
        known.confirm_absent([TARGET])
    known.close()


def test_versions_that_may_not_be_listed_are_said_to_be_unknown(seaweed: SeaweedServer, tmp_path: Path) -> None:
    name = seaweed.new_bucket(versioned=True)
    s3_blobs.claim(bucket_of(seaweed, tmp_path, name), GALLERY)
    store = S3Blobs(bucket_of(seaweed, tmp_path, name, narrow=True), GALLERY, tmp_path)
    store.stage(ONE, b"sealed one")
    store.commit(ONE)
    assert store.erase([TARGET])[0].count == 1
    absence = store.confirm_absent([TARGET])
    assert (absence.absent, absence.checked) == (
        True,
        "the object storage was asked: no object bears the name of an erased image",
    )
    assert absence.unconfirmed is not None
    assert s3_blobs.VERSIONS_UNKNOWN in absence.unconfirmed
    assert s3_blobs.LOCK_UNKNOWN in absence.unconfirmed
    widely = S3Blobs(bucket_of(seaweed, tmp_path, name), GALLERY, tmp_path)
    assert not widely.confirm_absent([TARGET]).absent  # and it was so: the older version is there
    store.close()


def test_a_version_that_a_lock_keeps_is_not_found_absent(seaweed: SeaweedServer, tmp_path: Path) -> None:
    name = seaweed.new_bucket(versioned=True)
    bucket = bucket_of(seaweed, tmp_path, name)
    s3_blobs.claim(bucket, GALLERY)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    seaweed.client().put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    store = S3Blobs(bucket, GALLERY, tmp_path)
    store.stage(ONE, b"sealed one")
    store.commit(ONE)
    assert store.erase([TARGET])[0].count == 0
    absence = store.confirm_absent([TARGET])
    assert (absence.absent, absence.remaining) == (False, 1)
    store.close()


def test_every_end_that_asking_leaves_open_is_said() -> None:
    def ends(facts: Facts, *, listed: bool) -> list[str]:
        return s3_blobs._open_ends(facts, listed=listed)

    plain = Facts(versioned=False, locked=False, retains=False, replicated=False)
    assert ends(plain, listed=True) == ends(plain, listed=False) == [s3_blobs.DISKS]
    unknown = Facts(None, None, None, None)
    assert ends(unknown, listed=False) == [
        s3_blobs.DISKS,
        s3_blobs.VERSIONS_UNKNOWN,
        s3_blobs.LOCK_UNKNOWN,
        s3_blobs.REPLICA_UNKNOWN,
    ]
    assert ends(Facts(True, True, False, True), listed=False) == [
        s3_blobs.DISKS,
        s3_blobs.VERSIONS_UNKNOWN,
        s3_blobs.LOCKED,
        s3_blobs.REPLICATED,
    ]
