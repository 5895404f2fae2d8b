"""After an order was carried out, the raw bytes of the erased are looked for in every file there is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from countenance.clock import SteppedClock, from_text
from countenance.oversight.once import Fresh
from countenance.oversight.parties import MACHINE
from countenance.store import references, request_tables
from tests.galleries import Galleries
from tests.order_gallery import document, face, people, photograph, register, signed

ORDER = "garante-2022"
ERASED = "Giulia Esempio-Forense"
KEPT = "Françoise Témoin-Forense"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    tempfile.tempdir = None


def picture(seed: int) -> bytes:
    out = BytesIO()
    noise = np.random.default_rng(seed).integers(0, 255, (96, 96, 3), np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def traces(subject: str, data: bytes) -> dict[str, bytes]:
    """Byte strings that say something about a subject, long enough to be nobody else's by accident."""
    template = face(subject).astype("<f4").tobytes()
    return {
        "name": subject.encode(),
        "name in UTF-16": subject.encode("utf-16-le"),
        "beginning of the template": template[:32],
        "middle of the template": template[200:232],
        "beginning of the picture": data[60:92],
        "end of the picture": data[-200:-168],
    }


def seen(wanted: dict[str, bytes], *folders: Path) -> set[str]:
    """Which of ``wanted`` are in some file, with the file."""
    found = set()
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                found |= {f"{what} in {path.name}" for what, needle in wanted.items() if needle in data}
    return found


def test_nothing_of_the_erased_is_in_any_file_before_or_after(galleries: Galleries, temporary: Path) -> None:
    galleries.clock = SteppedClock(from_text(document(ORDER)["service"]["at"]))
    gallery = galleries.new()
    pictures = {ERASED: picture(1), KEPT: picture(2)}
    people(gallery, {ERASED: "IT", KEPT: "FR"})
    for name, data in pictures.items():
        photograph(gallery, name, data)
    places = (galleries.folder, galleries.keys, temporary)
    wanted = {
        f"{what} of {name}": needle for name in pictures for what, needle in traces(name, pictures[name]).items()
    }
    number = gallery._ledger.find(ERASED).subject_id
    with gallery._database.read() as connection:
        rows = references.of_subjects(connection, [number])[number]
        sealed_rows = [row.sealed_template for row in rows]
        image_ids = [row.image_id for row in rows if row.image_id is not None]
    ciphertext = {f"ciphertext {n}": sealed[20:60] for n, sealed in enumerate(sealed_rows)}
    ciphertext["sealed picture"] = gallery._blobs.read(image_ids[0])[100:140]

    # The service's own keepers: an upload that waits for its job, and an answer that is kept for a retry.
    waiting = gallery._staged.put(gallery._owners.number, number, pictures[ERASED])
    ciphertext["upload"] = waiting.read_bytes()[100:140]
    fresh = gallery.oversight.once.begin(MACHINE, ERASED, ERASED.encode())
    assert isinstance(fresh, Fresh)
    gallery.oversight.once.finish(fresh.request_id, 201, f"made for {ERASED}".encode(), number)
    with gallery._database.read() as connection:
        (answer,) = connection.scalars(select(request_tables.request_answers.c.sealed_body))
    ciphertext["kept answer"] = answer[-24:]

    # An order that names her: the paper itself must not become the place where her name survives.
    register(gallery, ORDER)
    gallery.orders.serve(
        signed(
            ORDER,
            lambda d: d.update(
                scope={"any": [d["scope"], {"predicate": "named_subject", "value": ERASED}]},
            ),
        )
    )
    gallery._searchable.save()

    assert seen(wanted, *places) == set(), "everything is sealed from the first write"
    found_before = {one.split(" in ")[0] for one in seen(ciphertext, *places)}
    assert found_before == set(ciphertext), "the control: what is there is found"
    (temporary / "control").write_bytes(b"x" * 1000 + wanted[f"name of {ERASED}"] + b"y" * 1000)
    assert seen(wanted, *places) == {f"name of {ERASED} in control"}
    (temporary / "control").unlink()

    gallery.orders.execute(ORDER)
    galleries.clock.step(timedelta(days=1))
    for closed in (False, True):
        if closed:
            galleries.close()
        assert seen(wanted, *places) == set()
        assert seen(ciphertext, *places) == set(), "not even the ciphertext is left"
