"""Items are read in their order; what is far away several at once, what is at hand where the caller stands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

from countenance.collection.fetched import FETCHERS, fetched
from countenance.collection.flow import ahead, in_background
from countenance.collection.items import Item
from countenance.collection.progressed import Finished
from countenance.errors import BucketUnreachable, EntryTooLarge

_NONE = Finished(np.empty(0, np.uint64))
_BRIEFLY = 20.0


def tag(stamp: str) -> bytes:
    return stamp.encode().ljust(8, b"\0")


def item(number: int, read: Callable[[], bytes], *, afar: bool, size: int = 1) -> Item:
    return Item(f"{number}.jpg", f"{number:08d}", read, afar=afar, size_bytes=size)


def test_what_is_far_away_comes_several_at_once_and_in_order() -> None:
    together = threading.Barrier(FETCHERS)

    def read(number: int) -> bytes:
        together.wait(_BRIEFLY)  # broken, and an error, unless as many are read at once
        return b"%d" % number

    items = [item(n, partial(read, n), afar=True) for n in range(3 * FETCHERS)]
    got = list(fetched(items, tag, _NONE))
    assert [one.data for one in got] == [b"%d" % n for n in range(3 * FETCHERS)]


def test_no_more_is_asked_for_ahead_than_two_for_each_thread() -> None:
    asked: list[int] = []

    def items() -> Iterator[Item]:
        for number in range(100):
            asked.append(number)
            yield item(number, bytes, afar=True)

    coming = fetched(items(), tag, _NONE)
    for number in range(20):
        next(coming)
        assert len(asked) <= number + 1 + 2 * FETCHERS


def test_what_is_at_hand_is_read_by_the_caller_before_the_next_is_asked_for() -> None:
    said: list[str] = []
    here = threading.get_ident()

    def read(number: int) -> bytes:
        said.append(f"read {number}")
        assert threading.get_ident() == here
        return b""

    def items() -> Iterator[Item]:
        for number in range(6):
            said.append(f"asked {number}")
            yield item(number, partial(read, number), afar=False)

    list(fetched(items(), tag, _NONE))
    assert said == [f"{what} {n}" for n in range(6) for what in ("asked", "read")]


@pytest.mark.parametrize("afar", [True, False], ids=["far away", "at hand"])
def test_an_item_that_cannot_be_read_is_its_own_outcome_and_a_finished_one_is_not_read(afar: bool) -> None:
    def fails() -> bytes:
        raise EntryTooLarge("too large")

    def never() -> bytes:
        raise AssertionError("a finished item was read")

    finished = Finished(np.frombuffer(tag("00000002"), np.uint64))
    items = [item(0, lambda: b"a", afar=afar), item(1, fails, afar=afar), item(2, never, afar=afar)]
    got = list(fetched(items, tag, finished))
    assert [(one.data, one.finished, type(one.error)) for one in got] == [
        (b"a", False, type(None)),
        (None, False, EntryTooLarge),
        (None, True, type(None)),
    ]


def test_a_source_that_breaks_off_hands_over_first_what_came_before() -> None:
    def breaks() -> Iterator[int]:
        yield from range(5)
        raise BucketUnreachable("gone")

    coming = ahead(breaks(), lambda n: n, lambda _: 1, threads=4)
    assert [next(coming) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(BucketUnreachable):
        next(coming)


def test_what_is_made_in_the_background_comes_in_order_and_its_error_at_its_turn() -> None:
    def things() -> Iterator[int]:
        yield from range(50)
        raise BucketUnreachable("gone")

    got: list[int] = []
    with pytest.raises(BucketUnreachable):
        got.extend(in_background(things(), most=2))
    assert got == list(range(50))


def test_a_background_stops_and_is_tidied_up_when_no_more_is_wanted() -> None:
    made: list[int] = []
    closed: list[int] = []

    def things() -> Iterator[int]:
        try:
            for number in range(10_000):
                made.append(number)
                yield number
        finally:
            closed.append(threading.get_ident())

    coming = in_background(things(), most=2)
    assert [next(coming) for _ in range(3)] == [0, 1, 2]
    coming.close()
    assert len(made) <= 8
    assert closed
    assert closed[0] != threading.get_ident(), "in the thread that made them"


def test_what_is_little_work_is_done_by_the_caller_and_comes_at_its_turn() -> None:
    here, held = threading.get_ident(), threading.Event()
    by: dict[int, bool] = {}

    def work(number: int) -> int:
        by[number] = threading.get_ident() == here
        if number == 0:
            assert held.wait(_BRIEFLY)
        return number

    asked: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(40):
            asked.append(number)
            if number == 3:
                held.set()  # so 1 and 2 were done while 0 was not
            yield number

    coming = ahead(pieces(), work, lambda _: 1, threads=2, at_once=lambda number: number % 10 != 0)
    for number in range(40):
        assert next(coming) == number
        assert len(asked) <= number + 1 + 2 * 2
    assert by == {number: number % 10 != 0 for number in range(40)}
