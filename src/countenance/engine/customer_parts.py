"""What the subjects of customers stand on: the gallery's verbs and parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from countenance.clock import Clock
from countenance.custody.erasure.errand import Progress
from countenance.custody.permission.ledger import Ledger
from countenance.engine.answers import Enrolment, Receipt, Withdrawal
from countenance.engine.long_work import LongWork
from countenance.engine.part_erasure import PartErasure
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.identify import Identifier
from countenance.recognition.candidates.verify import Verification
from countenance.recognition.gallery.bulk import Picture
from countenance.recognition.gallery.enrol import Prepared
from countenance.store.database import Database
from countenance.store.subjects import SubjectRow
from countenance.terms import CompartmentId
from countenance.vault.sealing import Vault


class Deeds(Protocol):
    """The gallery's verbs, as far as they are done for customers; see engine.gallery."""

    def permit(
        self,
        subject: str,
        *,
        purposes: Sequence[str],
        residence: str,
        until: date,
        controller: str = ...,
        notice: str = ...,
        language: str = ...,
        release: str = ...,
        born: date | None = ...,
        guardian: str = ...,
        recipients: Sequence[str] = ...,
        returning: str = ...,
        whole_pictures: bool = ...,
        compartment: CompartmentId = ...,
        request_id: str | None = ...,
    ) -> Receipt:
        """Record a permission."""
        ...

    def enrol(
        self,
        subject: str,
        images: Sequence[Picture],
        *,
        face: int | None = ...,
        progress: Progress | None = ...,
        compartment: CompartmentId = ...,
    ) -> Enrolment:
        """Enrol photographs."""
        ...

    def withdraw(
        self,
        subject: str,
        *,
        progress: Progress | None = ...,
        compartment: CompartmentId = ...,
        request_id: str | None = ...,
    ) -> Withdrawal:
        """Forget a subject."""
        ...

    @property
    def long_work(self) -> LongWork:
        """What takes long."""
        ...

    def verify(
        self,
        first: Picture,
        second: Picture,
        *,
        threshold: float | None = ...,
        fmr: float | None = ...,
        strict: bool = ...,
    ) -> Verification:
        """Compare two photographs."""
        ...


@dataclass(frozen=True, slots=True)
class SubjectParts:
    """The parts of a gallery that customers' subjects stand on; what depends on the model is asked for anew."""

    database: Database
    vault: Vault
    ledger: Ledger
    clock: Clock
    deeds: Deeds
    part_erasure: PartErasure
    prepare: Callable[[str, Picture], Prepared]
    identifier: Callable[[], Identifier]
    calibration: Callable[[], Calibration | None]
    model: Callable[[], str]


def outside_id(row: SubjectRow) -> str:
    """What a subject is called outside: the keyed fingerprint of compartment and name, 64 hexadecimal digits."""
    return row.name_tag.hex()
