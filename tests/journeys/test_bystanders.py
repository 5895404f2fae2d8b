"""Several faces in one photograph: the one that is meant is enrolled, the others are not kept in any form."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

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
