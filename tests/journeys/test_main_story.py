"""The README's story from Python, with real photographs: permit, enrol, identify, verify, access, withdraw."""

from __future__ import annotations

import base64
import json
import zipfile
from datetime import date, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from PIL import Image

from countenance import Countenance
from countenance.errors import PermissionRefused, PurposeUnknown, SubjectUnknown
from countenance.recognition.gallery.enrol import Outcome
from tests.galleries import UNTIL, Galleries, fill, names, permit
from tests.photographs import Couple, landscape


def test_an_access_archive_is_written_one_image_at_a_time(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[:3])
    plain, sizes = gallery._blobs.read, []

    def read(image_id: str) -> bytes:
        sizes.append(max((path.stat().st_size for path in tmp_path.glob(".anna.zip.*")), default=-1))
        return plain(image_id)

    monkeypatch.setattr(gallery._blobs, "read", read)
    assert gallery.access("anna", tmp_path / "anna.zip").images == 3
    smallest = min(len(data) for data in portrait_photographs[:3])
    assert len(sizes) == 3
    assert all(later - earlier > smallest - 10_000 > 0 for earlier, later in pairwise(sizes)), sizes
    with zipfile.ZipFile(tmp_path / "anna.zip") as archive:
        told = json.loads(archive.read("access.json"))
        assert [sha256(archive.read(one["file"])).hexdigest() for one in told["images"]] == [
            one["sha256"] for one in told["images"]
        ]
    assert [path.name for path in tmp_path.glob("*anna*")] == ["anna.zip"]


def test_the_story_of_one_subject_runs_from_permission_to_absence(
    both: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    first, second, third, *_ = portrait_photographs
    gallery = both.new()
    receipt = gallery.permit("anna", purposes=["event-photos"], residence="GB", until=UNTIL).as_dict()
    assert receipt["@type"] == "dpv:ConsentReceipt"
    assert receipt["retention"]["valid_until"] == "2028-01-05T00:00:00Z"

    enrolled = gallery.enrol("anna", [first, second]).as_dict()
    assert (enrolled["enrolled"], enrolled["failed"]) == (2, 0)
    fill(gallery, 50)

    found = gallery.identify(third, purpose="event-photos")
    assert names(found) == ["anna"]
    answer = found.as_dict()
    assert answer["gallery_size"] == 51
    candidate = answer["faces"][0]["candidates"][0]
    assert candidate["rank"] == 1
    assert candidate["score"] > 0.8
    assert candidate["references_above_threshold"] == 2
    assert len(answer["faces"][0]["box"]) == 4

    assert gallery.verify(first, third).same

    report = gallery.access("anna", tmp_path / "anna.zip")
    assert (report.images, report.templates, report.permissions, report.searches) == (2, 2, 1, 1)

    withdrawn = gallery.withdraw("anna").as_dict()
    assert withdrawn["absent"] is True
    assert withdrawn["destroyed"]["keys"] == 3
    assert withdrawn["destroyed"]["images"] == 2
    assert withdrawn["destroyed"]["sealed templates"] == 2
    assert withdrawn["destroyed"]["search results"] == 1
    assert withdrawn["index_epoch"]["after"] > withdrawn["index_epoch"]["before"]

    assert names(gallery.identify(third, purpose="event-photos")) == []
    with pytest.raises(SubjectUnknown):
        gallery.access("anna", tmp_path / "again.zip")
    status = gallery.status(people=True)
    assert (status.subjects, status.images, status.references, status.erasures) == (50, 0, 50, 1)
    assert "anna" not in {one.subject for one in status.people or ()}


def test_an_unknown_face_has_an_empty_candidate_list(
    galleries: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    fill(gallery, 300)
    answer = gallery.identify(portrait_photographs[0], purpose="event-photos")
    assert [face.candidates for face in answer.faces] == [()]


def test_a_picture_without_a_face_has_no_faces_and_says_so(galleries: Galleries) -> None:
    gallery = galleries.new()
    fill(gallery, 2)
    answer = gallery.identify(landscape(), purpose="event-photos")
    assert answer.faces == ()
    assert "no face was found" in answer.notes


def test_the_access_archive_holds_everything_and_its_signature_verifies(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna", "event-photos")
    permit(gallery, "anna", "lost-and-found")
    picture = tmp_path / "anna at the beach.jpg"
    picture.write_bytes(portrait_photographs[0])
    gallery.enrol("anna", [picture])
    search = gallery.identify(portrait_photographs[1], purpose="event-photos")
    galleries.clock.step(timedelta(minutes=1))
    gallery.identify(portrait_photographs[2], purpose="lost-and-found")
    gallery.access("anna", tmp_path / "anna.zip")

    with zipfile.ZipFile(tmp_path / "anna.zip") as archive:
        document = json.loads(archive.read("access.json"))
        assert archive.read(document["images"][0]["file"]) == portrait_photographs[0]
        receipts = [name for name in archive.namelist() if name.startswith("receipts/")]
    assert len(receipts) == 2
    assert document["images"][0]["given_as"] == "anna at the beach.jpg"
    assert [one["purpose"] for one in document["searches"]] == ["event-photos", "lost-and-found"]
    assert document["searches"][0]["search"] == search.search_id
    assert len(document["templates"][0]["values"]) == 128

    signature = document.pop("signature")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["public_key"]))
    key.verify(base64.b64decode(signature["value"]), rfc8785.dumps(document))
    document["subject"] = "bob"
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature["value"]), rfc8785.dumps(document))


def test_an_access_archive_tells_nothing_about_anybody_else(galleries: Galleries, tmp_path: Path) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    permit(gallery, "bob-the-other")
    gallery.access("anna", tmp_path / "anna.zip")
    with zipfile.ZipFile(tmp_path / "anna.zip") as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"anna" in everything
    assert b"bob-the-other" not in everything


def test_nobody_is_enrolled_without_a_permission(galleries: Galleries, portrait_photographs: list[bytes]) -> None:
    gallery = galleries.new()
    with pytest.raises(SubjectUnknown):
        gallery.enrol("anna", portrait_photographs[:1])
    permit(gallery, "anna", until=date(2027, 1, 5))
    galleries.clock.step(timedelta(days=3))
    with pytest.raises(PermissionRefused):
        gallery.enrol("anna", portrait_photographs[:1])
    assert gallery.status().images == 0


def test_several_faces_are_refused_until_one_is_chosen(galleries: Galleries, couple: Couple) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    refused = gallery.enrol("anna", [couple.data])
    assert [item.code for item in refused.failures] == ["several_faces"]
    unknown = gallery.enrol("anna", [couple.data], face=3)
    assert [item.code for item in unknown.failures] == ["face_choice"]
    assert gallery.status().images == 0
    assert gallery.enrol("anna", [couple.data], face=2).count(Outcome.ENROLLED) == 1


@pytest.mark.parametrize("face", [1, 2], ids=["larger face chosen", "smaller face chosen"])
def test_bystanders_are_covered_in_the_stored_image(
    galleries: Galleries, couple: Couple, tmp_path: Path, face: int
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    faces = gallery.identify(couple.data, purpose="event-photos").faces
    assert len(faces) == 2
    assert gallery.enrol("anna", [couple.data], face=face).count(Outcome.ENROLLED) == 1
    stored = stored_pictures(gallery, "anna", tmp_path)[0]
    bystander = faces[2 - face].box
    own = faces[face - 1].box
    original = couple.pixels
    rows = slice(int(bystander.y), int(bystander.y + bystander.height))
    columns = slice(int(bystander.x), int(bystander.x + bystander.width))
    assert not contains(stored, original[rows, columns])
    centre = original[
        int(own.y + own.height / 4) : int(own.y + own.height * 3 / 4),
        int(own.x + own.width / 4) : int(own.x + own.width * 3 / 4),
    ]
    assert contains(stored, centre)
    again = gallery.identify(png(stored), purpose="event-photos", threshold=0.5)
    assert len(again.faces) == 1
    assert names(again) == ["anna"]


def test_the_same_bytes_are_enrolled_once(galleries: Galleries, portrait_photographs: list[bytes]) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    permit(gallery, "twin")
    picture = portrait_photographs[0]
    outcomes = [item.outcome for item in gallery.enrol("anna", [picture, picture]).items]
    assert outcomes == [Outcome.ENROLLED, Outcome.ALREADY]
    assert gallery.enrol("anna", [picture]).count(Outcome.ALREADY) == 1
    assert gallery.enrol("twin", [picture]).count(Outcome.ENROLLED) == 1
    assert gallery.status().images == 2


def test_one_bad_photograph_stops_no_other_and_leaves_no_trace(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    renamed = tmp_path / "notes.jpg"
    renamed.write_text("not a photograph at all, only text with the name of one")
    bad = [b"", renamed, tmp_path / "missing.jpg", portrait_photographs[0][:3000], landscape()]
    done = gallery.enrol("anna", [*bad, portrait_photographs[0]])
    codes = [item.code for item in done.items]
    assert codes[:3] == ["image_empty", "image_format", "image_missing"]
    assert codes[4] == "no_face"
    assert codes[5] is None
    assert gallery.status().images == done.count(Outcome.ENROLLED)
    assert len(list(galleries.folder.rglob("*.sealed"))) == done.count(Outcome.ENROLLED)


def test_a_subject_is_no_candidate_for_a_purpose_her_permission_does_not_name(
    both: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = both.new()
    permit(gallery, "anna", "event-photos")
    permit(gallery, "bob", "lost-and-found")
    gallery.enrol("anna", portrait_photographs[:1])
    hidden = gallery.identify(portrait_photographs[1], purpose="lost-and-found").as_dict()
    gallery.withdraw("anna")
    absent = gallery.identify(portrait_photographs[1], purpose="lost-and-found").as_dict()
    assert hidden["faces"][0]["candidates"] == []
    expected = ("expected_false_positives", "expected_false_positives_95")
    for volatile in ("search", "gallery_size", "references", *expected, "threshold"):
        hidden.pop(volatile), absent.pop(volatile)
    assert hidden == absent
    with pytest.raises(PurposeUnknown):
        gallery.identify(portrait_photographs[1], purpose="advertising")


def stored_pictures(gallery: Countenance, subject: str, place: Path) -> list[np.ndarray]:
    """The subject's images as they are stored, unsealed through her access archive."""
    gallery.access(subject, place / "stored.zip")
    with zipfile.ZipFile(place / "stored.zip") as archive:
        files = sorted(name for name in archive.namelist() if name.startswith("images/"))
        return [np.asarray(Image.open(BytesIO(archive.read(name))).convert("RGB")) for name in files]


def contains(picture: np.ndarray, part: np.ndarray) -> bool:
    """Whether ``part`` occurs in ``picture``, or half of it does, pixel by pixel (lossless pictures only)."""
    height, width = part.shape[0] // 2, part.shape[1] // 2
    for top, left in ((0, 0), (0, width), (height, 0), (height, width)):
        quarter = np.ascontiguousarray(part[top : top + height, left : left + width])
        row = quarter[height // 2].tobytes()
        if any(row in np.ascontiguousarray(line).tobytes() for line in picture):
            return True
    return False


def png(pixels: np.ndarray) -> bytes:
    """``pixels`` as PNG bytes."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
