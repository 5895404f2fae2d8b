"""Whom a scope names: the one thing that a judgement cannot be told without unsealing.

Rules kept here: a name is compared and dropped; who was looked at is known by number, so that somebody who came
later is never taken for somebody who was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from countenance.custody.permission.ledger import Ledger
from countenance.custody.residency.scope import Named, Scope, comparable_name, leaves
from countenance.errors import KeyDestroyed
from countenance.store import subjects
from countenance.terms import SubjectId


@dataclass(frozen=True, slots=True)
class Names:
    """Of everybody who was looked at, whose name is one that scopes name. A subject's name never changes."""

    keys: tuple[str, ...]
    """The names that were looked for."""
    seen: frozenset[int] = frozenset()
    named: dict[SubjectId, str | None] = field(default_factory=dict)
    """The name as it is compared; None for a name that can no longer be opened."""

    def and_of(self, connection: Connection, ledger: Ledger, everyone: Sequence[int]) -> Names:
        """With those of ``everyone`` looked at who were not yet. Raises SealBroken for a damaged name.

        When somebody is erased her keys go first: until her rows are gone, her name is a doubt.
        """
        found = dict(self.named)
        for number, row in subjects.by_ids(connection, sorted(set(everyone) - self.seen)).items():
            try:
                key = comparable_name(ledger.name(row))
            except KeyDestroyed:
                found[number] = None
                continue
            if key in self.keys:
                found[number] = key
        return Names(self.keys, self.seen | set(everyone), found)


def names_in(scopes: Sequence[Scope]) -> tuple[str, ...]:
    """The names that scopes name, as they are compared."""
    return tuple(sorted({leaf.key for scope in scopes for leaf in leaves(scope) if isinstance(leaf, Named)}))
