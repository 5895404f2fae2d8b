"""Long work leaves the processors to searches, and is not starved by them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from countenance.engine.turns import Turns

LONG_S = 3600.0


class Watched(Turns):
    """Says when a piece of long work has asked for its turn."""

    def __init__(self, processors: int, starved_s: float) -> None:
        super().__init__(processors, starved_s)
        self.asked = threading.Semaphore(0)

    def _may_begin(self, until: float) -> bool:
        answer = super()._may_begin(until)
        self.asked.release()
        return answer


def test_a_piece_of_long_work_waits_for_the_processor_that_a_search_uses() -> None:
    turns, order = Watched(1, LONG_S), []

    def piece() -> None:
        with turns.between():
            order.append("piece")

    with ThreadPoolExecutor(1) as pool:
        with turns.at_once():
            waiting = pool.submit(piece)
            assert turns.asked.acquire(timeout=30)
            order.append("search")
        waiting.result(30)
    assert order == ["search", "piece"]


def test_long_work_uses_what_searches_leave_and_everything_when_there_are_none() -> None:
    turns = Turns(2, LONG_S)
    with turns.between(), turns.between():
        pass
    with turns.at_once(), turns.between():
        pass


def test_a_search_never_waits() -> None:
    turns = Turns(1, LONG_S)
    with turns.between(), turns.at_once(), turns.at_once():
        pass


def test_long_work_goes_on_one_piece_at_a_time_when_searches_leave_it_nothing() -> None:
    turns, order = Watched(1, 0.0), []

    def piece() -> None:
        with turns.between():
            order.append("second")

    with ThreadPoolExecutor(1) as pool, turns.at_once():
        with turns.between():
            assert turns.asked.acquire(timeout=30)
            waiting = pool.submit(piece)
            assert turns.asked.acquire(timeout=30)
            order.append("first")
        waiting.result(30)
    assert order == ["first", "second"]
