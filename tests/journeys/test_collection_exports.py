"""An export becomes references of its subject, and of nobody else who is in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from countenance import Countenance
from countenance.cli.main import run
from countenance.clock import Clock, SystemClock
from countenance.collection.outcomes import FileOutcome
from countenance.errors import ExportForeign, PendingUnknown, PermissionRefused, ReferenceMissing
from countenance.recognition.gallery.enrol import Outcome
from countenance.recognition.images import decode
from countenance.settings import ImageLimits
from countenance.store import collecting, references
from countenance.terms import ArtefactClass
from tests.galleries import UNTIL, Galleries, permit
from tests.photographs import landscape
from tests.unit.collection import export_files as made
from tests.unit.collection.pictures import group, orl, with_position

ANNA, BEN, DORA = 5, 3, 1
"""Numbers of people in the AT&T/ORL set. Dora turns her head a lot: one reference of her leaves doubts."""


@pytest.fixture
def album(orl_folder: Path) -> dict[str, bytes]:
    """Anna (person 1) and Ben (person 3) among strangers."""
    person = lambda who, number: orl(orl_folder, who, number)  # noqa: E731 - four letters instead of thirteen
    return {
        "alone.jpg": group([person(ANNA, 4)]),
        "both.jpg": group([person(ANNA, 5), person(BEN, 5), person(20, 1)]),
        "crowd.heic": as_heic(group([person(21, 1), person(22, 1), person(ANNA, 6)])),
        "nobody.jpg": group([person(23, 1), person(24, 1)]),
        "view": landscape(),
    }


def as_heic(data: bytes) -> bytes:
    import pillow_heif

    out = BytesIO()
    pillow_heif.from_pillow(Image.open(BytesIO(data))).save(out, quality=92)
    return out.getvalue()


def filled(galleries: Galleries, folder: Path, clock: Clock | None = None) -> Countenance:
    gallery = galleries.new(clock)
    for who, name in ((ANNA, "anna"), (BEN, "ben")):
        permit(gallery, name)
        files = [folder / f"s{who}" / f"{number}.pgm" for number in (1, 2, 3)]
        assert gallery.enrol(name, files).count(Outcome.ENROLLED) == 3
    return gallery


def with_doubts(galleries: Galleries, orl_folder: Path, tmp_path: Path) -> tuple[Countenance, Path]:
    gallery = galleries.new()
    for name in ("dora", "ben"):
        permit(gallery, name)
    gallery.enrol("dora", [orl_folder / f"s{DORA}" / "2.pgm"])
    gallery.enrol("ben", [orl_folder / f"s{BEN}" / "1.pgm"])
    photos = {f"{n}.jpg": group([orl(orl_folder, DORA, n)]) for n in (1, *range(4, 11))}
    return gallery, made.unpacked(photos, tmp_path / "album")


def enrolled(gallery: Countenance, name: str) -> int:
    people = gallery.status(people=True).people
    assert people is not None
    return next(one.references for one in people if one.subject == name)


def test_an_export_becomes_references_of_its_subject_only(
    galleries: Galleries, orl_folder: Path, album: dict[str, bytes], tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    me = group([orl(orl_folder, ANNA, 7)])
    path = made.zipped(made.instagram_json(album, me), tmp_path / "instagram-anna.zip")
    seen: list[FileOutcome] = []
    done = gallery.collecting.import_album("anna", [path], report=seen.append)
    became = {one.file.rpartition("/")[2]: one.became.value for one in seen}
    assert became == {
        "alone.jpg": "enrolled",
        "both.jpg": "enrolled",
        "crowd.heic": "enrolled",
        "me.jpg": "enrolled",
        "nobody.jpg": "no-subject",
        "view": "no-face",
    }
    assert (done.references, done.others, done.bystanders + done.waiting, done.faces) == (4, 1, 5, 10)
    assert (enrolled(gallery, "anna"), enrolled(gallery, "ben")) == (7, 4)
    assert done.videos == 1
    assert done.passed_over > 3
    again = gallery.collecting.import_album("anna", [path])
    assert again.outcomes == {"earlier": 6}
    counted = gallery.collecting.bystanders("anna").as_dict()
    assert (counted["faces_seen"], counted["images_kept"]) == (10, 4)
    assert counted["bystanders_dropped"] == done.bystanders


def test_only_the_subjects_face_is_in_what_is_stored(
    galleries: Galleries, orl_folder: Path, album: dict[str, bytes], tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    terms = {"purposes": ["event-photos"], "residence": "GB", "until": UNTIL}
    gallery.permit("anna", **terms, whole_pictures=True)
    for turned, keep in enumerate(("crop", "covered"), 1):
        folder = made.unpacked({f"{keep}-{n}": d for n, d in album.items() if n == "both.jpg"}, tmp_path / keep)
        with Image.open(folder / f"{keep}-both.jpg") as picture:  # another picture, so that it is not a duplicate
            picture.rotate(turned).save(folder / f"{keep}-both.jpg", quality=92)
        gallery.collecting.import_album("anna", [folder], keep=keep, only=True)
    recogniser = gallery._recogniser(gallery.model)
    owner = gallery._ledger.find("anna")
    sealer = gallery._vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.IMAGE)
    with gallery._database.read() as connection:
        origins = collecting.origins_of(connection, owner.subject_id)
        rows = [
            r
            for r in references.images_of(connection, [owner.subject_id])[owner.subject_id]
            if r.image_id in origins
        ]
    assert len(rows) == 2
    for row in rows:
        data = sealer.unseal(gallery._blobs.read(row.image_id), f"image:{row.image_id}", row.permission_version)
        faces = recogniser.recognise(decode(data, ImageLimits()).pixels)
        others = [orl(orl_folder, BEN, 1), orl(orl_folder, 20, 2)]
        strangers = np.stack([recogniser.recognise(np.asarray(o, np.uint8))[0].template for o in others])
        assert len(faces) >= 1
        assert max(float((strangers @ face.template).max()) for face in faces) < 0.4
    assert enrolled(gallery, "ben") == 3


def test_whole_pictures_are_kept_only_by_permission(
    galleries: Galleries, orl_folder: Path, album: dict[str, bytes], tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    folder = made.unpacked({"both.jpg": album["both.jpg"]}, tmp_path / "album")
    with pytest.raises(PermissionRefused, match="own part"):
        gallery.collecting.import_album("anna", [folder], keep="covered")
    assert gallery.collecting.bystanders("anna").imports == 0
    gallery.permit("anna", purposes=["event-photos"], residence="GB", until=UNTIL, whole_pictures=True)
    assert gallery.collecting.import_album("anna", [folder], only=True).references == 1
    owner = gallery._ledger.find("anna")
    sealer = gallery._vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.IMAGE)
    with gallery._database.read() as connection:
        ((image_id, _),) = collecting.origins_of(connection, owner.subject_id).items()
        (row,) = [
            r
            for r in references.images_of(connection, [owner.subject_id])[owner.subject_id]
            if r.image_id == image_id
        ]
    kept = sealer.unseal(gallery._blobs.read(image_id), f"image:{image_id}", row.permission_version)
    assert Image.open(BytesIO(kept)).size == Image.open(BytesIO(album["both.jpg"])).size


def test_doubt_waits_for_the_subject_who_says_yes_or_no(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery, folder = with_doubts(galleries, orl_folder, tmp_path)
    done = gallery.collecting.import_album("dora", [folder])
    waiting = gallery.collecting.pending("dora")
    assert done.waiting == len(waiting.faces) == done.outcomes["asks"] >= 2
    assert waiting.faces[0].image.startswith(b"\xff\xd8")
    yes, no = (one.pending_id for one in waiting.faces[:2])
    before = enrolled(gallery, "dora")
    with pytest.raises(PendingUnknown):
        gallery.collecting.confirm("dora", yes=[yes, "0000"])
    with pytest.raises(PendingUnknown):
        gallery.collecting.confirm("ben", yes=[yes])
    assert enrolled(gallery, "dora") == before
    said = gallery.collecting.confirm("dora", yes=[yes], no=[no])
    assert (len(said.enrolled), said.destroyed, said.refused) == (1, 1, ())
    assert enrolled(gallery, "dora") == before + 1
    assert said.waiting == len(waiting.faces) - 2
    assert gallery.collecting.import_album("dora", [folder]).waiting == said.waiting, "she is asked once"
    galleries.clock.step(timedelta(days=31))
    gallery.expire()
    assert gallery.collecting.pending("dora").faces == ()


def far_away(faces: list[Image.Image]) -> bytes:
    """The people in a photograph of 9 megapixels, each face about 60 pixels wide: 30 when it is halved."""
    grain = np.random.default_rng(len(faces)).integers(120, 136, (2_500, 3_600, 1), dtype=np.uint8)
    page = Image.fromarray(np.repeat(grain, 3, axis=2))
    for place, face in enumerate(faces):
        page.paste(face, (1_000 + 150 * place, 1_200))
    out = BytesIO()
    page.save(out, "JPEG", quality=92)
    return out.getvalue()


def test_who_stands_far_away_is_stored_in_the_files_own_pixels_without_her_neighbours(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    photo = far_away([orl(orl_folder, ANNA, 4), orl(orl_folder, 20, 1)])
    done = gallery.collecting.import_album("anna", [made.unpacked({"a.jpg": photo}, tmp_path / "album")])
    assert (done.references, done.faces, done.bystanders) == (1, 2, 1)
    owner = gallery._ledger.find("anna")
    sealer = gallery._vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.IMAGE)
    with gallery._database.read() as connection:
        (image_id,) = collecting.origins_of(connection, owner.subject_id)
        rows = references.images_of(connection, [owner.subject_id])[owner.subject_id]
    (row,) = [one for one in rows if one.image_id == image_id]
    kept = sealer.unseal(gallery._blobs.read(image_id), f"image:{image_id}", row.permission_version)
    recogniser = gallery._recogniser(gallery.model)
    (face,) = recogniser.recognise(decode(kept, ImageLimits()).pixels)
    whole = max(recogniser.recognise(decode(photo, ImageLimits()).pixels), key=lambda one: -one.face.box.x)
    assert face.face.box.width == pytest.approx(whole.face.box.width, abs=6)
    assert float(face.template @ whole.template) > 0.9


def test_an_uncertain_face_is_found_by_no_search(galleries: Galleries, orl_folder: Path, tmp_path: Path) -> None:
    gallery, folder = with_doubts(galleries, orl_folder, tmp_path)
    done = gallery.collecting.import_album("dora", [folder])
    assert done.waiting
    assert gallery.status().references == 2 + done.references


def test_another_persons_export_is_asked_about(
    galleries: Galleries, orl_folder: Path, album: dict[str, bytes], tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    stranger = group([orl(orl_folder, 30, 1)])
    path = made.zipped(made.facebook_json(album, stranger), tmp_path / "facebook-somebody.zip")
    with pytest.raises(ExportForeign):
        gallery.collecting.import_album("anna", [path])
    assert enrolled(gallery, "anna") == 3
    assert gallery.collecting.bystanders("anna").imports == 0
    assert gallery.collecting.import_album("anna", [path], hers=True).references == 3


def test_nothing_is_imported_without_a_permission_or_a_reference(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    folder = made.unpacked({"a.jpg": group([orl(orl_folder, ANNA, 4)])}, tmp_path / "album")
    permit(gallery, "carla")
    with pytest.raises(ReferenceMissing):
        gallery.collecting.import_album("carla", [folder])
    galleries.clock.step(timedelta(days=400))
    with pytest.raises(PermissionRefused):
        gallery.collecting.import_album("anna", [folder])


def test_captions_positions_and_account_become_evidence_with_their_tier(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("timezonefinder", reason="the extra 'geography' is not installed")
    gallery = filled(galleries, orl_folder)
    photos = {
        "a.jpg": group([orl(orl_folder, ANNA, 4)]),
        "b.jpg": with_position(group([orl(orl_folder, ANNA, 5)]), (40, 42, 46), (74, 0, 22)),
    }
    export = made.instagram_json(photos, group([orl(orl_folder, ANNA, 7)]))
    done = gallery.collecting.import_album("anna", [made.zipped(export, tmp_path / "i.zip")])
    told = gallery.collecting._register.of(gallery._ledger.find("anna"))
    found = Counter((e.tier.value, e.signal.value, str(e.value[0].code), e.image_id is not None) for e in told)
    assert found[("B", "export_account_country", "GB", False)] == 1
    assert found[("B", "phone_prefix", "GB", False)] == 1
    assert found[("C", "exif_position", "GB", True)] == 1
    assert found[("C", "exif_position", "US-NJ", True)] + found[("C", "exif_position", "US-NY", True)] == 1
    assert found[("C", "stated_place", "GB", True)] == 2
    assert done.evidence == 6
    gallery.withdraw("anna")
    with gallery._database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM collected_images").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM import_files").scalar() == 0


def test_a_killed_import_goes_on_where_it_was_and_counts_nobody_twice(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder, SystemClock())
    people = [(ANNA, n, 10 + n + k) for n in range(4, 11) for k in range(8)]
    photos = {
        f"{place:03d}.jpg": group([orl(orl_folder, who, n), orl(orl_folder, other, 1)], seed=place)
        for place, (who, n, other) in enumerate(people)
    }
    folder = made.unpacked(photos, tmp_path / "album")
    log = tmp_path / "log.jsonl"
    gallery.close()
    galleries.opened.clear()
    environment = {
        **os.environ,
        "COUNTENANCE_GALLERY": str(galleries.folder),
        "COUNTENANCE_CACHE": str(galleries.cache),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from countenance.cli.main import main; main()",
            "import",
            "anna",
            str(folder),
            "--log",
            str(log),
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while (
        child.poll() is None
        and time.monotonic() < deadline
        and (not log.exists() or log.read_text().count("\n") < 12)
    ):
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    finished = log.read_text().count("\n")
    assert 12 <= finished < len(photos)
    again = galleries.open(SystemClock())
    done = again.collecting.import_album("anna", [folder])
    # What was finished a quarter of a second before the kill is on record, and what was enrolled always is.
    assert done.outcomes.get("earlier", 0) >= finished - 16
    assert sum(done.outcomes.values()) == len(photos)
    counted = again.collecting.bystanders("anna")
    assert counted.files == len(photos)
    kept, waiting = counted.images_kept, counted.waiting
    assert counted.faces_seen == 2 * len(photos)
    assert counted.bystanders_dropped == counted.faces_seen - kept - waiting
    assert enrolled(again, "anna") == 3 + kept


def test_whatever_is_wrong_with_a_part_the_rest_is_imported_and_nothing_is_left_half_written(
    galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    gallery = filled(galleries, orl_folder)
    good = {n: group([orl(orl_folder, ANNA, n)]) for n in (4, 5, 6, 7, 8)}
    half = made.zipped({"Фото/я.jpg": good[4], "cut.jpg": os.urandom(50_000)}, tmp_path / "half.zip")
    half.write_bytes(half.read_bytes()[:-30_000])
    bomb = made.zipped({"写真/私.jpg": good[5], "bomb.jpg": bytes(50_000_000)}, tmp_path / "bomb.zip")
    named = made.zipped({"a.jpg": good[6], "../../x.jpg": good[4], "/etc/y.jpg": good[4]}, tmp_path / "named.zip")
    folder = made.unpacked(
        {"b.jpg": good[7], "empty.jpg": b"", "text.jpg": b"hello", "cut.jpg": good[4][:900]}, tmp_path / "f"
    )
    (folder / "link.jpg").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    locked = made.zipped({"secret.jpg": good[4]}, tmp_path / "locked.zip")
    data = bytearray(locked.read_bytes())
    data[6] |= 1
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(data)
    nothing = tmp_path / "nothing.zip"
    nothing.write_bytes(b"Rar!")
    huge = made.tarred(
        {"c.jpg": good[8], "wide.pgm": b"P5 1000000 2 255\n" + bytes(2_000_000)}, tmp_path / "t.tar", "w"
    )
    lines: list[FileOutcome] = []
    done = gallery.collecting.import_album(
        "anna", [half, bomb, named, folder, locked, nothing, huge], report=lines.append
    )
    assert done.references == 5
    assert done.refusals == {
        "archive_unreadable": 2,
        "archive_bomb": 1,
        "entry_unsafe": 4,
        "image_empty": 1,
        "image_format": 1,
        "image_truncated": 1,
        "archive_encrypted": 1,
        "image_too_large": 1,
    }
    refused = [one for one in lines if one.code is not None]
    assert all(one.message and one.remedy for one in refused)
    assert not [one for one in refused if str(tmp_path) in str(one.message)]
    again = gallery.collecting.import_album("anna", [half, bomb, named, folder, locked, nothing, huge])
    assert (again.references, enrolled(gallery, "anna")) == (0, 8)
    assert not [
        path for path in galleries.folder.rglob("*") if "staged" in path.name or path.suffix in {".tmp", ".part"}
    ]


def test_the_command_line_tells_the_story(
    galleries: Galleries,
    orl_folder: Path,
    album: dict[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COUNTENANCE_CACHE", str(galleries.cache))
    gallery = str(tmp_path / "story")
    assert run(["init", gallery]) == 0
    assert (
        run(
            ["permit", "anna", "--purpose", "x", "--residence", "GB", "--until", "2034-01-01", "--gallery", gallery]
        )
        == 0
    )
    files = [str(orl_folder / f"s{ANNA}" / f"{n}.pgm") for n in (1, 2, 3)]
    assert run(["enrol", "anna", *files, "--gallery", gallery]) == 0
    path = made.zipped({**album, "broken.jpg": b"\xff\xd8\xff"}, tmp_path / "album.zip")
    log = tmp_path / "log.jsonl"
    capsys.readouterr()
    status = run(["import", "anna", str(path), "--log", str(log), "--json", "--gallery", gallery])
    document = json.loads(capsys.readouterr().out)
    assert (status, document["references"], document["refusals"]) == (1, 3, {"image_truncated": 1})
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert len(lines) == document["files"] == 6
    assert {line["file"]: line["outcome"] for line in lines}["broken.jpg"] == "refused"
    assert run(["bystanders", "anna", "--gallery", gallery]) == 0
    assert "faces of bystanders dropped" in capsys.readouterr().out
    assert run(["import", "pending", "anna", "--gallery", gallery, "--out", str(tmp_path / "show")]) == 0
    assert run(["import", "anna", str(tmp_path / "missing.zip"), "--gallery", gallery]) == 85
