"""What is on the disk, byte by byte: nothing in the clear before a withdrawal, nothing that opens after it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from countenance import Countenance
from tests.galleries import DIMENSIONS, Galleries, permit, row, search, template

NAME = "Wilhelmina Quackenbush-Featherstone"
FILE = "holiday-on-the-ostrich-farm.jpg"


def places(galleries: Galleries) -> list[Path]:
    """Every file under the data folder and the key folder, and what is in the folder for temporary files."""
    mine = [path for folder in (galleries.folder, galleries.keys) for path in folder.rglob("*") if path.is_file()]
    return mine + [path for path in Path(tempfile.gettempdir()).glob("*") if path.is_file()]


def found(needles: Iterable[bytes], files: Iterable[Path]) -> list[tuple[bytes, str]]:
    """Which needles occur in which files."""
    hits = []
    for path in files:
        try:
            data = path.read_bytes()
        except OSError:
            continue
        hits += [(needle[:12], path.name) for needle in needles if needle in data]
    return hits


def traces(gallery: Countenance, photograph: bytes) -> list[bytes]:
    """What would betray the subject: name, file name, pieces of the image, and her templates in several forms."""
    known = [template(1)]
    known += [face.template for face in gallery._recogniser(gallery.model).recognise(picture(gallery, photograph))]
    needles = [NAME.encode(), NAME.encode("utf-16-le"), FILE.encode()]
    needles += [photograph[at : at + 32] for at in range(600, len(photograph) - 32, 997)]
    for values in known:
        for kind in ("<f4", "<f2", "<f8"):
            raw = np.asarray(values).astype(kind).tobytes()
            needles += [raw[at : at + 24] for at in range(0, len(raw) - 24, 48)]
    return needles


def picture(gallery: Countenance, photograph: bytes) -> np.ndarray:
    from countenance.recognition.images import decode
    from countenance.settings import ImageLimits

    return decode(photograph, ImageLimits(), name="a photograph").pixels


@pytest.fixture
def story(
    galleries: Galleries, portrait_photographs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> tuple[Galleries, Countenance, list[bytes]]:
    temporary = galleries.root / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    gallery = galleries.new()
    permit(gallery, NAME)
    file = galleries.root / FILE
    file.write_bytes(portrait_photographs[0])
    gallery.enrol(NAME, [file])
    gallery.enrol_templates([row(NAME, template(1)), row("bob", template(2))])
    gallery.identify(portrait_photographs[1], purpose="event-photos")
    gallery.identify(portrait_photographs[1], purpose="event-photos")
    return galleries, gallery, traces(gallery, portrait_photographs[0])


def test_the_search_for_traces_finds_what_is_planted(
    story: tuple[Galleries, Countenance, list[bytes]], portrait_photographs: list[bytes]
) -> None:
    galleries, _, needles = story
    assert len(needles) > 60
    for number, needle in enumerate(needles):
        (galleries.folder / "blobs" / f"planted-{number}").write_bytes(b"\0" * 13 + needle + b"\1")
    assert len({name for _, name in found(needles, places(galleries))}) == len(needles)


def test_nothing_personal_is_in_the_clear_at_any_time(story: tuple[Galleries, Countenance, list[bytes]]) -> None:
    galleries, gallery, needles = story
    assert found(needles, places(galleries)) == []
    gallery.withdraw(NAME)
    assert found(needles, places(galleries)) == []
    gallery.close()
    assert found(needles, places(galleries)) == []


def test_after_a_withdrawal_not_even_the_sealed_bytes_or_the_keys_are_left(
    story: tuple[Galleries, Countenance, list[bytes]],
) -> None:
    galleries, gallery, _ = story
    number = gallery._ledger.find(NAME).subject_id
    # The keyed fingerprint of the name stays, to refuse what was erased (suppressed_accounts).
    with gallery._database.read() as connection:
        sealed = [
            bytes(value)
            for query in (
                "SELECT sealed_name FROM subjects WHERE subject_id = :n",
                "SELECT wrapped_image_key FROM subjects WHERE subject_id = :n",
                "SELECT sealed_template FROM template_references WHERE subject_id = :n",
                "SELECT sealed_metadata FROM images WHERE subject_id = :n",
                "SELECT sealed_record FROM permissions WHERE subject_id = :n",
            )
            for value in connection.execute(text(query), {"n": number}).scalars()
        ]
    sealed += [path.read_bytes() for path in galleries.folder.rglob("*.sealed")]
    sealed += [path.read_bytes() for path in galleries.folder.rglob("*.snapshot")]
    slots = (galleries.keys / "slots.bin").read_bytes()
    secrets = [slots[96 * (number - 1) + at : 96 * (number - 1) + at + 32] for at in (0, 32, 64)]
    epoch_key = (galleries.keys / "epoch.key").read_bytes()[8:40]
    needles = [value[16:40] for value in sealed] + secrets + [epoch_key]
    before = {needle for needle, _ in found(needles, places(galleries))}
    assert len(before) == len({needle[:12] for needle in needles})  # all are found while there
    gallery.withdraw(NAME)
    assert found(needles, places(galleries)) == []
    gallery.close()
    assert found(needles, places(galleries)) == []


def test_a_copy_of_the_data_folder_without_the_keys_opens_nothing(
    story: tuple[Galleries, Countenance, list[bytes]],
) -> None:
    _galleries, gallery, _ = story
    with gallery._database.read() as connection:
        rows = connection.execute(text("SELECT sealed_template FROM template_references")).scalars().all()
    plain = DIMENSIONS * 4
    assert [len(value) for value in rows] == [plain + 29] * 3
    assert not any(search(gallery, template(7)).faces[0].candidates)
