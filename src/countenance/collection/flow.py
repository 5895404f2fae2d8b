"""Work done ahead by other threads, taken in the order in which it was given.

Rules kept here: what is under way is bounded in number and in bytes, so memory stays flat however long the list;
an exception belongs to its piece of work and is raised at its turn, and one of the list itself after what it gave.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from queue import Queue
from typing import TypeVar

from countenance.errors import CountenanceError

Piece = TypeVar("Piece")
Done = TypeVar("Done")

AHEAD_BYTES = 256 * 1024 * 1024


def ahead(
    pieces: Iterable[Piece],
    work: Callable[[Piece], Done],
    size: Callable[[Piece], int],
    *,
    threads: int,
    most_bytes: int = AHEAD_BYTES,
    at_once: Callable[[Piece], bool] = lambda _: False,
) -> Iterator[Done]:
    """``work`` on each of ``pieces``, in order. ``pieces`` is read in the caller's thread, a few ahead.

    The networks, decoders and checksums compute without Python's lock, so threads keep all processors busy.
    ``at_once`` says which pieces are less work than handing them to a thread; the caller's does them.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="collect")
    waiting: deque[tuple[Future[Done], int]] = deque()
    held = 0
    broken: list[CountenanceError] = []
    try:
        for piece in _until_broken(pieces, broken):
            cost = size(piece)
            while waiting and (len(waiting) >= 2 * threads or held + cost > most_bytes):
                future, its = waiting.popleft()
                held -= its
                yield future.result()
            if at_once(piece):
                if not waiting:
                    yield work(piece)
                    continue
                waiting.append((_finished(work, piece), 0))
                continue
            waiting.append((pool.submit(work, piece), cost))
            held += cost
            while waiting and waiting[0][0].done():
                future, its = waiting.popleft()
                held -= its
                yield future.result()
        while waiting:
            future, its = waiting.popleft()
            held -= its
            yield future.result()
        if broken:
            raise broken[0]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(work: Callable[[Piece], Done], piece: Piece) -> Future[Done]:
    future: Future[Done] = Future()
    try:
        future.set_result(work(piece))
    except BaseException as error:  # noqa: BLE001 - raised at its turn, as from a thread
        future.set_exception(error)
    return future


def _until_broken(pieces: Iterable[Piece], broken: list[CountenanceError]) -> Iterator[Piece]:
    try:
        yield from pieces
    except CountenanceError as error:  # raised once the work that came before it is handed over
        broken.append(error)


def in_background(things: Iterator[Piece], *, most: int) -> Iterator[Piece]:
    """``things``, made by a thread of their own, at most so many ahead: the next is made while one is worked on.

    What making one raises is raised at its turn. A generator is closed, in that thread, when no more is wanted.
    """
    made: Queue[tuple[Piece] | BaseException | None] = Queue(most)
    unwanted = threading.Event()

    def make() -> None:
        end: BaseException | None = None
        try:
            with closing(_closable(things)) as wanted:
                for thing in wanted:
                    made.put((thing,))
                    if unwanted.is_set():
                        break
        except BaseException as error:  # noqa: BLE001  raised again by whoever takes the things
            end = error
        made.put(end)

    maker = threading.Thread(target=make, name="ahead", daemon=True)
    maker.start()
    try:
        while (one := made.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one[0]
    finally:
        unwanted.set()
        while maker.is_alive():  # it may stand before a full queue
            _empty(made)
            maker.join(0.01)


def _closable(things: Iterator[Piece]) -> Generator[Piece, None, None]:
    yield from things


def _empty(queue: Queue[Piece]) -> None:
    while not queue.empty():
        queue.get_nowait()
