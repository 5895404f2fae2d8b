"""Items to bytes, in their order: what is at hand one after the other, what is far away a few at a time.

Rules kept here: what an earlier run has finished with is not read; what comes ahead is bounded in number and in
bytes; an item that cannot be read is its own outcome and nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from countenance.collection.flow import ahead
from countenance.collection.items import Item
from countenance.collection.progressed import Finished
from countenance.errors import CollectionError

FETCHERS = 4
"""Threads that wait for a network, so that the processors need not: with them eight items are under way."""


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """An item and its bytes; None when it was finished earlier, or could not be read."""

    item: Item
    file_tag: bytes
    finished: bool = False
    data: bytes | None = None
    error: CollectionError | None = None


def fetched(items: Iterable[Item], file_tag: Callable[[str], bytes], finished: Finished) -> Iterator[Fetched]:
    """Each of ``items``, in order. ``items``, and what is at hand, are read in the caller's thread."""

    def asked() -> Iterator[Fetched]:
        for item in items:
            tag = file_tag(item.stamp)
            one = Fetched(item, tag, tag in finished)
            yield one if item.afar else _read(one)

    def at_hand(one: Fetched) -> bool:
        return one.finished or not one.item.afar

    return ahead(asked(), lambda one: one if at_hand(one) else _read(one), _size, threads=FETCHERS, at_once=at_hand)


def _read(one: Fetched) -> Fetched:
    if one.finished:
        return one
    try:
        return replace(one, data=one.item.read())
    except CollectionError as error:
        return replace(one, error=error)


def _size(one: Fetched) -> int:
    if one.finished:
        return 0
    return one.item.size_bytes if one.data is None else len(one.data)
