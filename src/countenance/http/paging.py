"""Pages of a list: so many items, and a cursor for the next ones.

Rules kept here: a cursor is opaque and says only where to go on; it is bound to nothing, since whoever
asks with it is asked for permission anew. A cursor that was not made here is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from countenance.errors import InputInvalid

Item = TypeVar("Item")
Shown = TypeVar("Shown")

MOST = 200
Limit = Annotated[int, Query(ge=1, le=MOST, description="How many items a page has at the most.")]
Cursor = Annotated[
    str | None, Query(max_length=400, description="`next` of the page before; absent for the first.")
]


class Page(BaseModel, Generic[Shown]):
    """One page of a list."""

    items: list[Shown]
    next: str | None = Field(description="Cursor of the next page; null when this is the last.")


def after(cursor: str | None) -> str | None:
    """What the last item of the page before was called. Raises InputInvalid for a cursor that is none."""
    if cursor is None:
        return None
    try:
        version, last = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise InputInvalid("That is no cursor of a page.") from error
    if version != 1 or not isinstance(last, str):
        raise InputInvalid("That is no cursor of a page.")
    return last


def cursor(last: str) -> str:
    """The cursor that goes on after the item called ``last``."""
    return base64.urlsafe_b64encode(json.dumps([1, last]).encode()).decode().rstrip("=")


def cursor_after(last: str | None) -> str | None:
    """The cursor of the next page, when the engine says where it starts."""
    return None if last is None else cursor(last)


def cut(
    items: Sequence[Item], limit: int, from_cursor: str | None, name: Callable[[Item], str]
) -> tuple[list[Item], str | None]:
    """One page out of a whole list, in its order, and the next page's cursor; ``name`` is unique in the list."""
    last = after(from_cursor)
    start = 0
    if last is not None:
        start = next((place for place, item in enumerate(items, 1) if name(item) == last), len(items))
    page = list(items[start : start + limit])
    more = start + limit < len(items)
    return page, cursor(name(page[-1])) if more and page else None
