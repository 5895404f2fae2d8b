"""Answers that are shown as they are: a document's fields, or a list of documents; with --json the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.cli import order_words, words
from countenance.cli.door import Door


def fields(door: Door, document: dict[str, object]) -> None:
    """One document, a field a line."""
    door.answer(document, lambda console: words.fields(console, document))


def listed(door: Door, name: str, documents: Sequence[dict[str, object]], none: str) -> None:
    """Documents under ``name``; ``none`` says that there is none."""
    some = list(documents)
    door.answer({name: some}, lambda console: order_words.listed(console, some, none))
