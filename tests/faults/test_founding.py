"""Two processes that make one gallery at the same time: one of them does, and the other leaves it alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from countenance import Countenance
from countenance.engine import founding
from countenance.errors import GalleryBusy, GalleryExists
from countenance.vault.keys import KeyRing
from tests.galleries import Galleries, permit

ROUNDS = 4

_CHILD = """
import json, sys
from countenance import Countenance
from countenance.errors import CountenanceError
cache = sys.argv[1]
print("ready", flush=True)
for line in sys.stdin:
    folder, url = json.loads(line)
    try:
        Countenance.init(folder, cache=cache, database_url=url).close()
        print("made", flush=True)
    except CountenanceError as error:
        print(error.code, flush=True)
"""


def child(cache: Path) -> subprocess.Popen[str]:
    """A process that makes the galleries it is told to."""
    path = os.pathsep.join(one for one in sys.path if one)
    made = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(cache)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


@pytest.mark.slow
def test_of_two_processes_that_make_a_gallery_together_one_does_and_it_is_whole(both: Galleries) -> None:
    two = [child(both.cache), child(both.cache)]
    try:
        for number in range(ROUNDS):
            folder = both.root / f"round-{number}" / "gallery"
            url = None if both.new_database is None else both.new_database()
            for one in two:
                assert one.stdin is not None
                one.stdin.write(json.dumps([str(folder), url]) + "\n")
            for one in two:
                assert one.stdin is not None
                one.stdin.flush()
            said = [one.stdout.readline().strip() for one in two if one.stdout is not None]
            assert sorted(said) in (["gallery_busy", "made"], ["gallery_exists", "made"])
            assert {path.name for path in folder.parent.iterdir()} == {"gallery", "gallery.keys"}
            with Countenance(folder, cache=both.cache) as gallery:
                permit(gallery, "anna")
                assert gallery.status().subjects == 1
    finally:
        for one in two:
            one.communicate(timeout=30)


def test_an_init_in_the_middle_of_another_is_told_so_and_harms_nothing(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, told = KeyRing.create, []

    def then_another(*given: object) -> object:
        with pytest.raises(GalleryBusy) as raised:
            galleries.new()
        told.append(raised.value.code)
        return create(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(founding.KeyRing, "create", then_another)
    permit(galleries.new(), "anna")
    assert told == ["gallery_busy"]
    assert galleries.open().status().subjects == 1
    with pytest.raises(GalleryExists):
        galleries.new()


@pytest.mark.parametrize("where", ["the keys", "the folder"])
def test_an_attempt_that_fails_takes_nothing_of_anybody_else_with_it(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    foreign = {"the keys": galleries.keys, "the folder": galleries.folder}[where]
    write = founding._write_facts

    def and_somebody_comes(*given: object) -> None:
        write(*given)  # type: ignore[arg-type]
        foreign.mkdir()
        (foreign / "theirs").touch()

    monkeypatch.setattr(founding, "_write_facts", and_somebody_comes)
    with pytest.raises(GalleryExists):
        galleries.new()
    assert [path.name for path in galleries.root.iterdir()] == [foreign.name]
    assert [path.name for path in foreign.iterdir()] == ["theirs"]
