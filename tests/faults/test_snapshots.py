"""Whatever is wrong with an index snapshot, the index is rebuilt from the sealed templates, and says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from countenance import Countenance
from tests.galleries import Galleries, fill, names, row, search, template

COUNT = 120
"""Above what the fixture ``index_kind`` makes embedded."""


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def swap_with_another_gallerys(path: Path) -> None:
    elsewhere = Galleries(path.parents[2] / "elsewhere", path.parents[2] / "cache")
    other = elsewhere.new()
    fill(other, COUNT, first_seed=9000)
    other.close()
    (theirs,) = (elsewhere.folder / "index").glob("*.snapshot")
    assert theirs.name == path.name  # the same model, epoch and position
    shutil.copy(theirs, path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "not a snapshot": lambda path: path.write_bytes(b"hello" * 1000),
    "one bit turned": flip,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer than it was": lambda path: path.write_bytes(path.read_bytes() + b"0"),
    "of another gallery": swap_with_another_gallerys,
    "of a later position": lambda path: path.rename(path.with_name(path.name.replace(".1.", ".1.9"))),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


OF_BOTH = ("missing", "one bit turned", "cut short", "of another gallery")
"""What is done to an embedded index's snapshot too; the file's form is the same for both."""


def asked_of_the_references(gallery: Countenance) -> int:
    """How many questions about references loading the index takes."""
    run: list[str] = []

    def note(_c: Any, _x: Any, statement: str, *_: Any) -> None:
        run.append(statement)

    event.listen(gallery._database._engine, "before_cursor_execute", note)
    gallery.make_ready()
    event.remove(gallery._database._engine, "before_cursor_execute", note)
    return sum("template_references" in statement for statement in run)


def test_a_start_from_a_snapshot_reads_no_reference_from_the_database(galleries: Galleries) -> None:
    gallery = galleries.new()
    fill(gallery, COUNT)
    gallery.close()
    with Countenance(galleries.folder, cache=galleries.cache, clock=galleries.clock) as again:
        assert asked_of_the_references(again) == 0
        assert again.status().references == COUNT
    (snapshot,) = (galleries.folder / "index").glob("*.snapshot")
    snapshot.unlink()
    with Countenance(galleries.folder, cache=galleries.cache, clock=galleries.clock) as again:
        assert asked_of_the_references(again) > 0


def reopened(galleries: Galleries, told: list[tuple[int, int | None, str]]) -> Countenance:
    """The gallery, opened again; ``told`` is given its progress."""
    return Countenance(
        galleries.folder,
        cache=galleries.cache,
        clock=galleries.clock,
        progress=lambda done, total, what: told.append((done, total, what)),
    )


@pytest.mark.parametrize(
    ("index_kind", "damage"),
    [("exact", damage) for damage in DAMAGE] + [("embedded", damage) for damage in OF_BOTH],
    indirect=["index_kind"],
)
def test_a_snapshot_that_cannot_be_used_is_rebuilt_with_progress(
    galleries: Galleries, index_kind: str, damage: str
) -> None:
    gallery = galleries.new()
    fill(gallery, COUNT)
    gallery.close()
    (snapshot,) = (galleries.folder / "index").glob("*.snapshot")
    DAMAGE[damage](snapshot)
    told: list[tuple[int, int | None, str]] = []
    with reopened(galleries, told) as again:
        assert names(search(again, template(1007))) == ["stranger-007"]
        status = again.index.status()
        assert (status.references, status.kind) == (COUNT, index_kind)
        assert told[-1] == (COUNT, COUNT, "rebuilding the index from sealed templates")
        again.enrol_templates([row("anna", template(1))])  # and a new snapshot can be written
    told.clear()
    with reopened(galleries, told) as once_more:
        assert names(search(once_more, template(1))) == ["anna"]
        assert once_more.index.status().snapshot_behind == 0
        assert told == [], "it was not rebuilt again"


@pytest.mark.parametrize("named", ["its own epoch", "the present epoch"])
def test_a_snapshot_of_before_an_erasure_does_not_bring_the_erased_back(
    galleries: Galleries, index_kind: str, named: str
) -> None:
    gallery = galleries.new()
    fill(gallery, COUNT)
    gallery.enrol_templates([row("anna", template(1))])
    (before,) = (galleries.folder / "index").glob("*.snapshot")
    kept = before.read_bytes()
    gallery.withdraw("anna")
    gallery.close()
    (after,) = (galleries.folder / "index").glob("*.snapshot")
    assert after.name.split(".")[1] != before.name.split(".")[1]
    put_back = before if named == "its own epoch" else after
    after.unlink()
    put_back.write_bytes(kept)
    with Countenance(galleries.folder, cache=galleries.cache, clock=galleries.clock) as again:
        assert names(search(again, template(1))) == []
        assert names(search(again, template(1007))) == ["stranger-007"]
        index = again._searchable.current()
        assert (len(index), index.describe().kind) == (COUNT, index_kind)
        assert len(index.held(np.array([COUNT + 1]))) == 0
    assert not put_back.exists() or put_back.read_bytes() != kept
