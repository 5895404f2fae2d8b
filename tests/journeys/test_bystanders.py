"""What a photograph carries besides the face that was looked at is not kept: frames, previews, appendices."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from PIL import Image

from countenance.recognition.images import decode
from countenance.recognition.images.single import single_picture
from countenance.settings import ImageLimits
from tests.galleries import Galleries, permit
from tests.photographs import of_two, portrait


def _several(kind: str) -> bytes:
    """The portrait first; two people in what follows, which no detector ever looks at."""
    out = BytesIO()
    second = Image.open(BytesIO(of_two().data)).convert("RGB").resize(portrait().size)
    lossless = {"lossless": True} if kind == "WEBP" else {}
    portrait().save(out, kind, save_all=True, append_images=[second], **lossless)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "TIFF"])
def test_frames_that_nobody_looked_at_are_not_stored(galleries: Galleries, tmp_path: Path, kind: str) -> None:
    with galleries.new() as gallery:
        permit(gallery, "anna")
        item = gallery.enrol("anna", [_several(kind)]).items[0]
        assert item.reference_id is not None
        gallery.access("anna", tmp_path / "anna.zip")
    with zipfile.ZipFile(tmp_path / "anna.zip") as archive:
        (name,) = [n for n in archive.namelist() if n.startswith("images/")]
        with Image.open(BytesIO(archive.read(name))) as kept:
            assert getattr(kept, "n_frames", 1) == 1
            assert kept.size == portrait().size
    assert any("first" in note and "stored" in note for note in item.notes)


def _jpeg(picture: Image.Image, **given: object) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=95, **given)
    return out.getvalue()


def _with_preview(orientation: int = 1) -> bytes:
    """The portrait, whose EXIF preview still shows the two people that it was cropped from."""
    preview = _jpeg(Image.open(BytesIO(of_two().data)).convert("RGB").resize((160, 90)))
    two = b"II*\x00" + (8).to_bytes(4, "little")
    first = (1).to_bytes(2, "little") + pack("<HHIHH", 0x0112, 3, 1, orientation, 0) + pack("<I", 26)
    entries = pack("<HHII", 0x0201, 4, 1, 56) + pack("<HHII", 0x0202, 4, 1, len(preview))
    second = pack("<H", 2) + entries + pack("<I", 0)
    return _jpeg(portrait(), exif=b"Exif\x00\x00" + two + first + second + preview)


def _appended() -> bytes:
    """The portrait with a second photograph behind its end, as multi-picture and motion photographs are made."""
    return _jpeg(portrait()) + _jpeg(Image.open(BytesIO(of_two().data)).convert("RGB"))


@pytest.mark.parametrize(
    "data", [_with_preview, lambda: _with_preview(6), _appended], ids=["preview", "preview, turned", "appended"]
)
def test_previews_and_appended_pictures_are_cut_off_and_the_picture_stays_as_it_is(
    data: Callable[[], bytes],
) -> None:
    given = data()
    assert given.count(b"\xff\xd8\xff") == 2
    kept = single_picture(given)
    assert kept is not None
    assert kept.count(b"\xff\xd8\xff") == 1
    np.testing.assert_array_equal(decode(kept, ImageLimits()).pixels, decode(given, ImageLimits()).pixels)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_plain_photograph_is_stored_byte_for_byte(progressive: bool) -> None:
    assert single_picture(_jpeg(portrait(), progressive=progressive)) is None


def test_what_a_photograph_was_cropped_from_is_not_stored(galleries: Galleries, tmp_path: Path) -> None:
    with galleries.new() as gallery:
        permit(gallery, "anna")
        assert gallery.enrol("anna", [_with_preview()]).items[0].reference_id is not None
        gallery.access("anna", tmp_path / "anna.zip")
    with zipfile.ZipFile(tmp_path / "anna.zip") as archive:
        (name,) = [n for n in archive.namelist() if n.startswith("images/")]
        assert archive.read(name).count(b"\xff\xd8\xff") == 1
