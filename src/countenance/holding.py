"""What every keeper of personal data promises, so that erasure can reach it without knowing what it is.

Rules kept here:

* Whatever can hold personal data implements :class:`Holder`; tests/architecture fails when a table, file or
  cache has none.
* ``erase`` may be called again after a crash, and the second call is as good as the first.
* ``confirm_absent`` looks for itself; it never repeats what ``erase`` remembers having done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from countenance.terms import ALL_ARTEFACTS, ArtefactClass, ReferenceId, SubjectId


@dataclass(frozen=True, slots=True)
class Target:
    """One subject whose data must go, named by numbers only, so that the plan of an erasure is itself harmless.

    ``reference_ids`` and ``image_ids`` are written down before anything is destroyed: after a crash the
    keepers can still be asked about them although the rows that listed them are gone. A subject's number is
    also its slot in the key ring. ``artefacts`` says which classes go; a subject is gone altogether when all
    of them do.
    """

    subject_id: SubjectId
    reference_ids: tuple[ReferenceId, ...] = ()
    image_ids: tuple[str, ...] = ()
    artefacts: frozenset[ArtefactClass] = field(default=ALL_ARTEFACTS)

    @property
    def whole(self) -> bool:
        """True when nothing of the subject may remain."""
        return self.artefacts == ALL_ARTEFACTS


@dataclass(frozen=True, slots=True)
class Holding:
    """What one keeper holds, or has destroyed, of the targets it was asked about."""

    holder: str
    what: str
    """A plain plural noun: ``images``, ``template keys``, ``index entries``."""
    count: int


@dataclass(frozen=True, slots=True)
class Absence:
    """One keeper's answer to "is nothing left?"."""

    holder: str
    absent: bool
    checked: str
    """How the keeper looked, in words for a certificate."""
    remaining: int = 0
    unconfirmed: str | None = None
    """What the keeper cannot know (another machine's disk, a message queue's retention), or None."""


class Holder(Protocol):
    """A keeper of personal data."""

    @property
    def name(self) -> str:
        """A stable, short name: ``keyring``, ``blobs``, ``store``, ``index``."""
        ...

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """What is held of ``targets`` now; a dry run of :meth:`erase`."""
        ...

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Destroy what is held of ``targets`` and say what was destroyed by this call."""
        ...

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Look, and say whether anything of ``targets`` is left."""
        ...
