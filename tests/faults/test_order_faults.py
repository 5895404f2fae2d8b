"""An order on bad days: no room, no right to write, damaged records, wrong keys, altered certificates."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from countenance import Countenance
from countenance.clock import SteppedClock, from_text
from countenance.custody.proof import verifier, witness
from countenance.custody.proof.witness import GalleryWitness
from countenance.errors import (
    AnswerNotKept,
    CountenanceError,
    DiskFull,
    ErasureIncomplete,
    KeysForeign,
    LogError,
    SealBroken,
)
from countenance.holding import Absence
from countenance.log import TamperEvidentLog
from countenance.oversight.once import Fresh, Replay
from countenance.oversight.parties import MACHINE
from countenance.store import erasures, feed
from countenance.store import orders as stored_orders
from countenance.store.holder import StoreHolder
from countenance.vault import files
from tests.galleries import Galleries
from tests.order_gallery import document, found, people, register, residents, signed, verdict

ORDER = "garante-2022"
OUTSIDE = {name for name, home in residents().items() if home != "IT"}


@pytest.fixture
def gallery(galleries: Galleries) -> Countenance:
    galleries.clock = SteppedClock(from_text(document(ORDER)["service"]["at"]))
    made = galleries.new()
    people(made, residents())
    register(made, ORDER)
    made.orders.serve(signed(ORDER))
    return made


def carried_out(gallery: Countenance) -> None:
    """The order ends as it should: everybody inside erased, nobody else, and one certificate that stands."""
    gallery.orders.execute(ORDER)
    assert found(gallery, sorted(residents())) == OUTSIDE
    assert gallery.status().subjects == len(OUTSIDE)
    assert [verdict(gallery, one).ok for one in gallery.orders.certificate(ORDER)] == [True]
    assert gallery.log.fsck().ok


@pytest.mark.parametrize("place", ["certificates", "log"])
def test_a_full_disk_stops_an_execution_and_the_next_run_ends_it(
    gallery: Countenance, galleries: Galleries, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    plain = os.replace
    full = True

    def replace(source: Any, target: Any, **more: Any) -> None:
        if full and f"/{place}/" in str(target):
            raise OSError(28, "No space left on device", str(target))
        plain(source, target, **more)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(Path, "replace", lambda self, target: replace(self, target))
    with pytest.raises((DiskFull, OSError)):
        gallery.orders.execute(ORDER)
    assert found(gallery, sorted(residents())) <= OUTSIDE | {"IT-0", "IT-1"}
    full = False
    carried_out(gallery)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere, so read-only folders stop nobody")
def test_a_read_only_data_folder_changes_nothing(gallery: Countenance, galleries: Galleries) -> None:
    folder = galleries.folder
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        with pytest.raises(CountenanceError):
            gallery.orders.execute(ORDER)
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
    carried_out(gallery)


def test_a_disk_that_refuses_writes_is_named_and_the_next_run_ends_the_order(
    gallery: Countenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:

        def refuse(*_: object, **__: object) -> None:
            raise OSError(30, "Read-only file system")

        broken.setattr(files.os, "open", refuse)
        with pytest.raises((CountenanceError, OSError)):
            gallery.orders.execute(ORDER)
    carried_out(gallery)


def test_a_corrupted_row_of_an_order_is_noticed_and_never_used(gallery: Countenance, galleries: Galleries) -> None:
    with sqlite3.connect(galleries.folder / "gallery.db") as database:
        (sealed,) = database.execute("select sealed_state from orders").fetchone()
        altered = bytearray(sealed)
        altered[len(altered) // 2] ^= 1
        database.execute("update orders set sealed_state = ?", (bytes(altered),))
    database.close()
    with pytest.raises(SealBroken):
        gallery.orders.execute(ORDER)
    assert found(gallery, sorted(residents())) == set(residents())


def test_a_corrupted_template_of_somebody_inside_does_not_keep_her(
    gallery: Countenance, galleries: Galleries
) -> None:
    number = gallery._ledger.find("IT-0").subject_id
    with sqlite3.connect(galleries.folder / "gallery.db") as database:
        database.execute(
            "update template_references set sealed_template = zeroblob(40) where subject_id = ?", (number,)
        )
    database.close()
    gallery.orders.execute(ORDER)
    assert gallery.status().subjects == len(OUTSIDE)
    assert [verdict(gallery, one).ok for one in gallery.orders.certificate(ORDER)] == [True]


def test_a_log_cut_short_is_noticed_and_not_continued(gallery: Countenance, galleries: Galleries) -> None:
    size = gallery.log.fsck().size
    tiles = sorted((galleries.folder / "log" / "tile").rglob("*"), key=lambda path: path.stat().st_size)
    for path in tiles:
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-7])
    again = galleries.open()
    assert not again.log.fsck().ok
    with pytest.raises(LogError):
        again.orders.execute(ORDER)
    assert size is not None


def test_another_gallerys_keys_carry_nothing_out(
    gallery: Countenance, galleries: Galleries, tmp_path: Path
) -> None:
    other = Galleries(tmp_path / "other", galleries.cache)
    other.root.mkdir()
    other.new()
    other.close()
    with pytest.raises(KeysForeign):
        Countenance(galleries.folder, keys=other.keys, clock=galleries.clock)
    carried_out(gallery)


def _set(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = value


def test_no_class_of_byte_of_a_certificate_can_be_altered_unseen(gallery: Countenance) -> None:
    gallery.orders.execute(ORDER)
    (certificate,) = gallery.orders.certificate(ORDER)
    assert verdict(gallery, certificate).ok
    told = json.loads(certificate)

    def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
        if isinstance(value, dict):
            return [leaf for name, one in value.items() for leaf in leaves(one, (*path, name))]
        if isinstance(value, list):
            return [leaf for number, one in enumerate(value) for leaf in leaves(one, (*path, number))]
        return [(path, value)]

    for path, value in leaves(told):
        altered = json.loads(certificate)
        match value:
            case bool():
                _set(altered, path, not value)
            case int():
                _set(altered, path, value + 1)
            case str() if value:
                other = "0" if value[-1] != "0" else "1"
                _set(altered, path, value[:-1] + other)
            case _:
                _set(altered, path, "something")
        text = json.dumps(altered, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert not verdict(gallery, text).ok, path


def test_an_old_copy_of_the_whole_gallery_does_not_bring_the_erased_back(
    gallery: Countenance, galleries: Galleries, tmp_path: Path
) -> None:
    fresh = gallery.oversight.once.begin(MACHINE, "key", b"sent")
    assert isinstance(fresh, Fresh)
    number = gallery._ledger.find("IT-0").subject_id
    gallery.oversight.once.finish(fresh.request_id, 201, b"made for IT-0", number)
    assert gallery.oversight.once.begin(MACHINE, "key", b"sent") == Replay(201, b"made for IT-0")
    gallery.backup(tmp_path / "old.tar")
    control = found(gallery, ["IT-0"])
    assert control == {"IT-0"}
    gallery.close()
    gallery._staged.put(7, number, b"an upload of a process that was killed")
    shutil.copytree(galleries.folder, tmp_path / "copied by hand")
    with galleries.open() as gallery:
        gallery.orders.execute(ORDER)
    galleries.opened.clear()

    told = Countenance.restore(
        tmp_path / "old.tar", tmp_path / "again", keys=galleries.keys, cache=galleries.cache, clock=galleries.clock
    ).as_dict()
    assert told["unopenable_subjects"] == len(residents()) - len(OUTSIDE)
    assert told["unopenable"] > 0  # type: ignore[operator]
    with Countenance(tmp_path / "again", keys=galleries.keys, clock=galleries.clock) as restored:
        assert found(restored, sorted(residents())) == OUTSIDE
        assert restored.log.fsck().ok
        with pytest.raises(AnswerNotKept):
            restored.oversight.once.begin(MACHINE, "key", b"sent")

    # A folder that was copied by hand is known by its epoch, and its log is not continued either.
    shutil.rmtree(galleries.folder)
    shutil.copytree(tmp_path / "copied by hand", galleries.folder)
    with galleries.open() as restored:
        assert found(restored, sorted(residents())) == OUTSIDE
        assert restored.log.fsck().ok
        assert len(list(galleries.folder.glob("log-*"))) == 1
        assert list(galleries.folder.glob("staged/*/*/*")) == []
        with pytest.raises(AnswerNotKept):
            restored.oversight.once.begin(MACHINE, "key", b"sent")


def erasing(gallery: Countenance) -> list[str]:
    """The steps of erasures that the log has, in its order."""
    log = gallery._witness.log
    return [one.event for one in log.entries(0, log.size) if one.event.startswith("erasure.")]


class Killed(BaseException):
    """Stands for SIGKILL: nothing that catches errors catches it."""


def _dies(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize(
    "where",
    [*erasures.ErasureState, "before the closing entry", "before the draft", "before the file"],
    ids=lambda one: str(one),
)
def test_killed_between_the_log_and_the_store_no_step_is_logged_twice(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch, where: erasures.ErasureState | str
) -> None:
    made = galleries.new()
    people(made, residents(1))
    with monkeypatch.context() as fatal:
        if where == "before the closing entry":
            fatal.setattr(GalleryWitness, "certify", _dies)
        elif where == "before the draft":
            fatal.setattr(witness, "write_whole", _dies)
        elif where == "before the file":
            fatal.setattr(witness, "issue_written", _dies)
        else:
            plain = erasures.advance

            def advance(connection: Any, erasure_id: str, state: erasures.ErasureState, **more: Any) -> None:
                if state is where:
                    raise Killed  # the step is done and logged, and not written down
                plain(connection, erasure_id, state, **more)

            fatal.setattr(erasures, "advance", advance)
        with pytest.raises(Killed):
            made.withdraw("IT-0")
        galleries.clock.step(timedelta(hours=1))
        with pytest.raises(Killed):
            galleries.open()  # killed again, at the same place
    galleries.clock.step(timedelta(hours=3))
    again = galleries.open()
    status = again.status()
    assert (status.erasures, status.erasures_open) == (1, 0)
    events = erasing(again)
    assert events == [f"erasure.{step}" for step in verifier.STEPS[1:]]
    (certificate,) = (galleries.folder / "certificates").iterdir()
    assert verdict(again, certificate.read_bytes()).ok
    assert again.log.fsck().ok


def test_a_step_that_had_to_be_done_again_is_logged_again(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = galleries.new()
    people(made, residents(1))
    with monkeypatch.context() as broken:
        broken.setattr(StoreHolder, "confirm_absent", lambda *_: Absence("store", False, "a row was left", 1))
        with pytest.raises(ErasureIncomplete):
            made.withdraw("IT-0")
    again = galleries.open()
    events = erasing(again)
    first = [f"erasure.{step}" for step in verifier.STEPS[1:]]
    assert events == [*first[:4], *first[1:]]
    (certificate,) = (galleries.folder / "certificates").glob("*.json")
    assert verdict(again, certificate.read_bytes()).ok


@pytest.mark.parametrize(
    "where",
    [(stored_orders, "hold_back"), (feed, "announce_subjects"), (TamperEvidentLog, "append")],
    ids=["before the rows", "before the index is told", "before the log"],
)
def test_an_order_that_is_killed_while_it_freezes_is_frozen_for_everybody_or_not_at_all(
    gallery: Countenance,
    galleries: Galleries,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    where: tuple[Any, str],
) -> None:
    paper = tmp_path / "paper.txt"
    paper.write_text("freeze", "utf-8")
    with monkeypatch.context() as fatal:
        fatal.setattr(*where, _dies)
        with pytest.raises(Killed):
            gallery.orders.event(ORDER, "freeze", paper)
    for one in (gallery, galleries.open()):
        assert one.orders.get(ORDER)["frozen_since"] is None
        assert found(one, sorted(residents())) == set(residents())
    gallery.orders.event(ORDER, "freeze", paper)
    assert found(gallery, sorted(residents())) == OUTSIDE


def test_who_moves_under_a_frozen_order_by_the_calendar_alone_is_held_back_that_day(
    gallery: Countenance, galleries: Galleries, tmp_path: Path
) -> None:
    on = galleries.clock.now().date() + timedelta(days=10)
    gallery.residency.add(
        "FR-0",
        predicate="present_in",
        value=["IT"],
        signal="declaration",
        since=on,
        source="a letter that announces her move",
    )
    paper = tmp_path / "paper.txt"
    paper.write_text("freeze", "utf-8")
    gallery.orders.event(ORDER, "freeze", paper)
    assert found(gallery, sorted(residents())) == OUTSIDE
    galleries.clock.step(timedelta(days=11))
    gallery.expire()  # as a service does every day, and every opening
    assert found(gallery, sorted(residents())) == OUTSIDE - {"FR-0"}
    assert found(galleries.open(), ["FR-0"]) == set()
