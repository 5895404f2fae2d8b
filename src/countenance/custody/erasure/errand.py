"""Why something is erased, what came of it, and what an eraser needs from others: keys and a witness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from countenance.holding import Absence, Holder, Holding
from countenance.store.erasures import ErasureRow, ErasureState, Mark
from countenance.store.notices import NoticeRow
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass, SubjectId


class Ground(StrEnum):
    """Why something is erased."""

    WITHDRAWAL = "withdrawal"
    EXPIRY = "expiry"
    ORDER = "order"
    RESTORED_COPY = "restored-copy"
    """An old copy of the data brought back rows whose keys are destroyed; they are deleted again."""


class Progress(Protocol):
    """Told after every step; ``total`` is None when it cannot be known."""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """``done`` of ``total`` steps are finished; ``what`` is the last one in a few words."""
        ...


class Keys(Holder, Protocol):
    """The key ring, as far as erasing goes: a Holder of keys that also begins index epochs."""

    @property
    def epoch(self) -> int:
        """Number of the present epoch."""
        ...

    def advance_epoch(self) -> int:
        """Destroy the present epoch's key and begin the next."""
        ...

    def destroyed(self, slots: Sequence[int]) -> dict[int, frozenset[ArtefactClass]]:
        """Those of ``slots`` whose keys are destroyed, and which of them."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """Everything a certificate says of an erasure."""

    row: ErasureRow
    marks: tuple[Mark, ...]
    destroyed: tuple[Holding, ...]
    confirmations: tuple[Absence, ...]
    epoch_after: int
    finished_at: datetime
    notices: tuple[NoticeRow, ...]
    retained: tuple[Holding, ...]


class Witness(Protocol):
    """Keeps the tamper-evident record of what an erasure does, and certifies the end of it."""

    def mark(self, subject: SubjectRow) -> Mark:
        """What will stand for the subject in log and certificate; taken before her keys go."""
        ...

    def checkpoint(self) -> str:
        """The log's checkpoint now, a signed note."""
        ...

    def saw(
        self, step: ErasureState, at: datetime, erasure_id: str, marks: Sequence[Mark], since: int
    ) -> tuple[int, datetime]:
        """Log that a step is done, unless that is the last that the log says of this erasure from entry ``since``.

        So a run that was cut off after it had logged the step does not log it twice. Returns the number of the
        entry and its time.
        """
        ...

    def size_of(self, checkpoint: str) -> int:
        """How many entries the log had at that checkpoint of its own."""
        ...

    def certify(self, account: Account) -> None:
        """Log the closing entry and write the certificate, as far as a run that was cut off has not done so."""
        ...

    def certified(self, erasure_id: str) -> tuple[Absence, ...]:
        """What every keeper had confirmed when the certificate was written."""
        ...


@dataclass(frozen=True, slots=True)
class Errand:
    """Why, and on whose demand, something is erased."""

    ground: Ground
    request: str | None = None
    scope_sha256: str | None = None
    by_doubt_alone: int = 0
    erasure_id: str | None = None
    """The id that the erasure shall have, so that a second run of the same request finds it; None for any."""


@dataclass(frozen=True, slots=True)
class Erased:
    """A confirmed erasure."""

    erasure_id: str
    ground: str
    subject_ids: tuple[SubjectId, ...]
    destroyed: tuple[Holding, ...]
    confirmations: tuple[Absence, ...]
    epoch_before: int
    epoch_after: int
    finished_utc: str
    recipients_silent: int = 0
    """Recipients whose answer the certificate still waits for; the data itself is gone."""
