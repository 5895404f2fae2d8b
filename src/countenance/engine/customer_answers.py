"""What customers are told of the subjects in their own compartments.

Rules kept here: an id that leaves here is opaque; no number that counts what others do (of subjects, references,
index epochs) is in any answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from countenance import clock
from countenance.custody.permission.ledger import Ledger
from countenance.custody.permission.record import PermissionRecord
from countenance.errors import InputInvalid, PermissionUnknown
from countenance.recognition.faces.quality import Quality
from countenance.recognition.gallery.enrol import Outcome
from countenance.store.permissions import PermissionState
from countenance.store.subjects import SubjectRow
from countenance.terms import Box

MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class SubjectHeld:
    """One subject of a compartment. ``subject_id`` is a keyed fingerprint; it stays the same while she is held."""

    subject_id: str
    name: str
    residence: str
    until: str
    """Last day of her last permission, ISO 8601; empty when none is in force."""
    purposes: tuple[str, ...]
    images: int

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "id": self.subject_id,
            "subject": self.name,
            "residence": self.residence,
            "until": self.until,
            "purposes": list(self.purposes),
            "images": self.images,
        }


@dataclass(frozen=True, slots=True)
class SubjectPage:
    """Some subjects, and where the next ones start; None at the end."""

    subjects: tuple[SubjectHeld, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class PermissionHeld:
    """One permission of a subject on record, and whether it is in force now."""

    record: PermissionRecord
    in_force: bool

    @classmethod
    def all_of(cls, ledger: Ledger, row: SubjectRow, now: datetime) -> tuple[PermissionHeld, ...]:
        """Every permission of a subject, oldest first. Raises KeyDestroyed when her erasure is under way."""
        return tuple(
            cls(
                record,
                held.state is PermissionState.GIVEN
                and clock.from_text(held.valid_from_utc) <= now < clock.from_text(held.valid_until_utc),
            )
            for held, record in ledger.records(row)
        )

    @classmethod
    def one_of(cls, ledger: Ledger, row: SubjectRow, now: datetime, record_id: str) -> PermissionHeld:
        """One permission of a subject. Raises PermissionUnknown, KeyDestroyed."""
        for one in cls.all_of(ledger, row, now):
            if one.record.record_id == record_id:
                return one
        raise PermissionUnknown("There is no permission of that id here.")

    def as_dict(self) -> dict[str, object]:
        """The JSON answer; :meth:`with_receipt` has the whole."""
        return {
            "permission": self.record.record_id,
            "version": self.record.version,
            "in_force": self.in_force,
            "purposes": list(self.record.purposes),
            "residence": self.record.residence,
            "given": self.record.given_utc,
            "until": self.record.until,
        }

    def with_receipt(self) -> dict[str, object]:
        """The same with the receipt, JSON-LD."""
        return {**self.as_dict(), "receipt": self.record.receipt()}


@dataclass(frozen=True, slots=True)
class ImageHeld:
    """One enrolled image."""

    image_id: str
    subject_id: str
    subject: str
    enrolled_utc: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "image": self.image_id,
            "subject": self.subject,
            "subject_id": self.subject_id,
            "enrolled": self.enrolled_utc,
        }


@dataclass(frozen=True, slots=True)
class ImagePage:
    """Some images, and where the next ones start; None at the end."""

    images: tuple[ImageHeld, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """How much a compartment, or a subject in it, holds."""

    subjects: int
    images: int


@dataclass(frozen=True, slots=True)
class ImageEnrolled:
    """What became of one photograph; ``code``, ``message`` and ``remedy`` are set when it failed."""

    name: str
    outcome: Outcome
    image_id: str | None
    box: Box | None
    quality: Quality | None
    notes: tuple[str, ...]
    code: str | None
    message: str | None
    remedy: str | None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "name": self.name,
            "outcome": self.outcome,
            "image": self.image_id,
            "box": None if self.box is None else self.box.as_list(),
            "quality": None if self.quality is None else self.quality.as_dict(),
            "notes": list(self.notes),
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Match:
    """One subject of the compartment whom a face resembles."""

    rank: int
    subject: str
    subject_id: str
    image_id: str | None
    """The image that is most like it; None for a template that came without one."""
    score: float
    """Cosine, -1 to 1."""
    expected_false_positives: float | None
    log_likelihood_ratio: float | None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "rank": self.rank,
            "subject": self.subject,
            "subject_id": self.subject_id,
            "image": self.image_id,
            "score": round(self.score, 4),
            "expected_false_positives": self.expected_false_positives,
            "log_likelihood_ratio": self.log_likelihood_ratio,
        }


@dataclass(frozen=True, slots=True)
class FaceFound:
    """One face of a probe and whom it resembles."""

    box: Box
    quality: Quality
    matches: tuple[Match, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "box": self.box.as_list(),
            "quality": self.quality.as_dict(),
            "matches": [one.as_dict() for one in self.matches],
        }


@dataclass(frozen=True, slots=True)
class DirectSearch:
    """The answer of a search within one compartment, under a standing case."""

    search_id: str
    case_id: str
    purpose: str
    at_utc: str
    faces: tuple[FaceFound, ...]
    threshold: float
    subjects: int
    references: int
    """Of the compartment alone."""
    model: str
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "search": self.search_id,
            "case": self.case_id,
            "purpose": self.purpose,
            "at": self.at_utc,
            "faces": [one.as_dict() for one in self.faces],
            "threshold": round(self.threshold, 4),
            "subjects": self.subjects,
            "references": self.references,
            "model": self.model,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class FaceCompared:
    """One face of a photograph, and how much it resembles an enrolled image."""

    box: Box
    quality: Quality
    score: float
    log_likelihood_ratio: float | None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A subject, or an image, that is erased."""

    what: str
    erasure_id: str | None
    destroyed: dict[str, int]
    checked: tuple[str, ...]
    """How each keeper looked again afterwards."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "forgotten": self.what,
            "erasure": self.erasure_id,
            "destroyed": dict(self.destroyed),
            "checked": list(self.checked),
        }


def cursor(text: str | None, digits: int) -> str:
    """Where a page starts: lower-case hexadecimal digits, or empty for the first. Raises InputInvalid."""
    if text is None:
        return ""
    if re.fullmatch(rf"[0-9a-f]{{{digits}}}", text) is None:
        raise InputInvalid("That is no place to go on from, and no id.")
    return text


def lines_at_once(limit: int) -> int:
    """How many lines a page has. Raises InputInvalid."""
    if not 1 <= limit <= MOST_AT_ONCE:
        raise InputInvalid(f"The number of lines at once is between 1 and {MOST_AT_ONCE}.")
    return limit
