"""Long lists of numbers in pieces that every database accepts as bound parameters of one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")

STATEMENT_ITEMS = 5_000
"""Below SQLite's 32,766 and PostgreSQL's 65,535 bound parameters a statement."""


def pieces(items: Sequence[Item], size: int = STATEMENT_ITEMS) -> Iterator[Sequence[Item]]:
    """``items`` in order, at most ``size`` at a time; nothing for an empty list."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
