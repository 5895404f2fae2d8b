"""A search never waits for a writer, and never sees whom anybody removed before it began."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from tests.galleries import Galleries, embedded_above, fill, names, row, search, template

from countenance import Countenance
from countenance.errors import DiskFull
from countenance.index.exact import ExactIndex
from countenance.index.protocol import Batch, Filter
from countenance.recognition.gallery import following, searchable
from countenance.recognition.gallery.searchable import Searchable


def mine(gallery: Countenance) -> Searchable:
    """The gallery's index in this process."""
    found = gallery._searchable
    assert isinstance(found, Searchable)
    return found


@pytest.fixture(params=["exact", "embedded"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What answers here from the second reference on; what comes together lies in a segment at once."""
    if request.param == "embedded":
        embedded_above(monkeypatch, 1, newest=2)
    return str(request.param)


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch, *, after: bool = False) -> Iterator[threading.Event]:
    """Additions by the thread stop (before or after they go in) until the event is set."""
    go = threading.Event()
    plain = following._add

    def slow(index: object, batch: Batch) -> None:
        apart = threading.current_thread().name == "index-follower" and len(batch.reference_ids) > 0
        if apart and not after:
            assert go.wait(20)
        plain(index, batch)  # type: ignore[arg-type]
        if apart and after:
            assert go.wait(20)

    monkeypatch.setattr(following, "_add", slow)
    yield go
    go.set()


def in_step(reader: Countenance, writer: Countenance) -> bool:
    mine(reader).current()  # what a search begins with
    return mine(reader).position >= mine(writer).position


def until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


def test_a_search_does_not_wait_for_a_bulk_addition_and_removals_hold_meanwhile(
    galleries: Galleries, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchable, "AT_ONCE", 10)
    writer, reader = galleries.new(), galleries.open()
    writer.enrol_templates([row("anna", template(1)), row("ben", template(2))])
    assert names(search(reader, template(1))) == ["anna"]
    fill(writer, 40)
    with held_up(monkeypatch) as go:
        assert names(search(reader, template(1))) == ["anna"]  # the thread has begun, and stands
        assert mine(reader).position < mine(writer).position
        numbers = mine(reader).source.living(np.arange(1, 50))
        assert len(numbers) == 42
        writer.withdraw("ben")
        index = mine(reader).current()
        assert index.describe().kind == kind
        assert len(index.held(np.array([2]))) == 1  # in memory, not in searches: bytes go with the epoch
        hits = index.search(template(2)[None], 1, Filter())
        assert hits.reference_ids[0, 0] != 2
        assert names(search(reader, template(2))) == []
        go.set()
        until(lambda: in_step(reader, writer))
    assert names(search(reader, template(1007))) == ["stranger-007"]
    assert names(search(reader, template(2))) == []


def test_who_is_removed_while_a_bulk_addition_goes_in_does_not_stay_in(
    galleries: Galleries, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchable, "AT_ONCE", 10)
    writer, reader = galleries.new(), galleries.open()
    fill(writer, 5)
    assert names(search(reader, template(1003))) == ["stranger-003"]
    fill(writer, 30, first_seed=1005)  # anew: 0-4 get a second template, the rest are newcomers
    with held_up(monkeypatch, after=True) as go:
        mine(reader).current()
        until(lambda: mine(reader).size() > 5)
        writer.withdraw("stranger-020")
        mine(reader).current()
        go.set()
        until(lambda: in_step(reader, writer))
    index = mine(reader).current()
    assert index.describe().kind == kind
    hits = index.search(template(1025)[None], 1, Filter())
    assert hits.scores[0, 0] < 0.9


def test_a_process_that_fell_far_behind_answers_from_its_old_index_while_it_loads_anew(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchable, "AT_ONCE", 5)
    monkeypatch.setattr(searchable, "KEPT_CHANGES", 3)
    writer, reader = galleries.new(), galleries.open()
    writer.enrol_templates([row("anna", template(1)), row("ben", template(2))])
    assert names(search(reader, template(2))) == ["ben"]
    go = threading.Event()
    plain = Searchable._load

    def slow(one: Searchable) -> None:
        assert go.wait(20)
        plain(one)

    monkeypatch.setattr(Searchable, "_load", slow)
    fill(writer, 40)
    writer.withdraw("ben")
    assert names(search(reader, template(1))) == ["anna"]
    assert names(search(reader, template(2))) == []  # the feed no longer says so; the Decision does
    assert names(search(reader, template(1007))) == []
    go.set()
    until(lambda: in_step(reader, writer))
    assert names(search(reader, template(1007))) == ["stranger-007"]


def test_who_was_held_back_and_let_go_again_is_found_again(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", template(1))])
    assert names(search(gallery, template(1))) == ["anna"]
    source = mine(gallery).source
    from countenance.store import feed

    with gallery._database.write() as connection:
        feed.announce(connection, feed.Change.REMOVE, [1])
    assert len(mine(gallery).current()) == 0
    with gallery._database.write() as connection:
        feed.announce(connection, feed.Change.REMOVE, [1])
        feed.announce(connection, feed.Change.ADD, [1])
    assert len(mine(gallery).current()) == 1
    assert source.count() == 1


def test_an_addition_that_somebody_removed_ahead_of_it_is_left_out() -> None:
    index = ExactIndex("m", 128)
    batch = Batch(np.array([7, 8]), np.array([1, 2]), np.stack([template(1), template(2)]), labels(2))
    kept = following._standing(batch, {7: 3, 8: 4}, {7: 5})
    following._add(index, kept)
    assert index.held(np.array([7, 8])).tolist() == [8]
    assert following._standing(batch, {7: 3, 8: 4}, {7: 2}) is batch


def labels(count: int) -> np.ndarray:
    from countenance.index.protocol import pack_labels

    return pack_labels(count, purposes=1)


def test_saving_loads_no_index_when_the_snapshot_is_new_enough(galleries: Galleries) -> None:
    fill(galleries.new(), 20)
    again = galleries.open()
    assert again._searchable.save(at_least=10) is False
    assert not mine(again).loaded
    again.enrol_templates([row("anna", template(1))])
    assert mine(again).loaded


def test_bytes_of_the_erased_leave_the_memory_of_other_processes_too(galleries: Galleries, kind: str) -> None:
    writer, reader = galleries.new(), galleries.open()
    writer.enrol_templates([row("anna", template(1)), row("ben", template(2))])
    assert names(search(reader, template(2))) == ["ben"]
    writer.withdraw("ben")
    assert names(search(reader, template(2))) == []
    assert mine(reader).standing().kind == kind
    until(lambda: len(mine(reader).current().held(np.array([2]))) == 0)
    assert names(search(reader, template(1))) == ["anna"]


def test_bytes_that_could_not_be_dropped_are_dropped_another_time(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = galleries.new(), galleries.open()
    writer.enrol_templates([row("anna", template(1)), row("ben", template(2))])
    index = mine(reader).current()
    plain, tried = index.compact, 0

    def full_at_first() -> None:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise DiskFull("no room")
        plain()

    monkeypatch.setattr(index, "compact", full_at_first)
    writer.withdraw("ben")
    until(lambda: len(mine(reader).current().held(np.array([2]))) == 0)
    assert tried == 2
