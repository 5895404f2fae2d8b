"""Turns between processes: who writes, and who brings a server's index into step."""

from __future__ import annotations

import threading
import time

import pytest

from countenance.store import numbering
from countenance.store.database import Database
from countenance.vault.files import locked_now
from tests.galleries import Galleries


def test_a_turn_is_one_process_at_a_time_wherever_the_database_is_shared(both: Galleries) -> None:
    first, second = both.new()._database, both.open()._database
    with first.turn(1, wait=True) as mine:
        assert mine
        with second.turn(1, wait=False) as theirs:
            assert theirs is (first.backend == "sqlite")  # there a file beside the database decides
        with second.turn(2, wait=False) as other:
            assert other
    with second.turn(1, wait=False) as theirs:
        assert theirs


def test_a_turn_is_let_go_when_its_holder_fails(both: Galleries) -> None:
    first, second = both.new()._database, both.open()._database
    with pytest.raises(ZeroDivisionError), first.turn(1, wait=True):
        raise ZeroDivisionError
    with second.turn(1, wait=False) as mine:
        assert mine


def test_a_file_is_locked_for_one(galleries: Galleries) -> None:
    with locked_now(galleries.root / "lock") as first, locked_now(galleries.root / "lock") as second:
        assert (first, second) == (True, False)
    with locked_now(galleries.root / "lock") as third:
        assert third


def test_a_writer_gets_its_turn_between_two_of_a_busy_one(galleries: Galleries) -> None:
    busy, quick = galleries.new()._database, galleries.open()._database
    stop = threading.Event()
    longest: list[float] = []

    def keep_writing() -> None:
        while not stop.is_set():
            _write(busy, 0.03)
            time.sleep(0.01)

    thread = threading.Thread(target=keep_writing)
    thread.start()
    try:
        for _ in range(5):
            begun = time.monotonic()
            _write(quick, 0.0)
            longest.append(time.monotonic() - begun)
    finally:
        stop.set()
        thread.join()
    assert max(longest) < 10  # it comes to an end; how soon is a benchmark's business


def _write(database: Database, seconds: float) -> None:
    with database.write() as connection:
        numbering.set_fact(connection, "turn", "x")
        time.sleep(seconds)
