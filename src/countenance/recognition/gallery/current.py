"""What the rest of the program may ask of "the index now", wherever that index is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from countenance.holding import Absence, Holding, Target
from countenance.index.protocol import Fact, Filter, Index
from countenance.terms import CompartmentId


class CurrentIndex(Protocol):
    """The index that a gallery's searches use, in step with the store; also the Holder of index entries."""

    @property
    def name(self) -> str:
        """The Holder's name."""
        ...

    @property
    def model(self) -> str:
        """Digest of the model whose references are searchable here."""
        ...

    def current(self) -> Index:
        """The index to search now: without what was removed before this call. Does not wait for a writer."""
        ...

    def size(self, compartments: frozenset[CompartmentId] | None = None) -> int:
        """References that a search can see, in all compartments or in these, cheaply."""
        ...

    def people(self, connection: Connection, compartments: frozenset[CompartmentId] | None = None) -> int:
        """Subjects on record who are not being erased, in all compartments or in these."""
        ...

    def filter(
        self, purpose: str, today: int, compartments: frozenset[CompartmentId] | None = None
    ) -> Filter | None:
        """The filter for a purpose in these compartments, or None when no permission ever named it."""
        ...

    def save(self, *, at_least: int = 0, always: bool = False) -> bool:
        """Bring the index into step and make it durable if more than ``at_least`` changes are not."""
        ...

    def standing(self) -> Fact:
        """Counts and memory."""
        ...

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """See holding.Holder."""
        ...

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """See holding.Holder."""
        ...

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """See holding.Holder."""
        ...

    def close(self) -> None:
        """Stop what works in the background."""
        ...
