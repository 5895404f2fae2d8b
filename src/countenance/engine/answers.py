"""What the engine answers with: frozen results, each with the JSON form that every door shows.

Answers of a single stage live with that stage (Identification, Verification, AccessReport, Migration); these are
the ones that several parts contribute to.
"""

from __future__ import annotations

from dataclasses import dataclass

from countenance.custody.erasure.errand import Erased
from countenance.custody.permission.record import PermissionRecord
from countenance.recognition.gallery.enrol import Item, Outcome
from countenance.terms import ReferenceId


@dataclass(frozen=True, slots=True)
class Receipt:
    """A recorded permission. ``as_dict`` is the receipt for the subject, JSON-LD."""

    record: PermissionRecord

    def as_dict(self) -> dict[str, object]:
        """The receipt as JSON-LD (ISO/IEC TS 27560 fields, W3C DPV terms)."""
        return self.record.receipt()

    as_json_ld = as_dict


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What became of each photograph, in the order given."""

    subject: str
    items: tuple[Item, ...]
    model: str

    def count(self, outcome: Outcome) -> int:
        """How many photographs ended so."""
        return sum(1 for item in self.items if item.outcome is outcome)

    @property
    def failures(self) -> tuple[Item, ...]:
        """The photographs that were not enrolled, with their codes."""
        return tuple(item for item in self.items if item.outcome is Outcome.FAILED)

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "subject": self.subject,
            "enrolled": self.count(Outcome.ENROLLED),
            "already_enrolled": self.count(Outcome.ALREADY),
            "failed": self.count(Outcome.FAILED),
            "model": self.model,
            "items": [item_as_dict(item) for item in self.items],
        }


MOST_NAMED = 10
"""Numbers of subjects that a sentence about an erasure lists."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A confirmed erasure: what was destroyed, and how each keeper looked again afterwards."""

    subject: str
    """The name as given, or the subject's number where nobody named her (expiry)."""
    erased: Erased

    @classmethod
    def by_number(cls, erased: Erased) -> Withdrawal:
        """An erasure that nobody asked for by name: the first numbers, and how many more."""
        who = [f"number {number}" for number in erased.subject_ids[:MOST_NAMED]]
        more = len(erased.subject_ids) - len(who)
        return cls(", ".join(who) + (f" and {more:,} more" if more else ""), erased)

    @property
    def absent(self) -> bool:
        """True when every keeper looked and found nothing."""
        return all(confirmation.absent for confirmation in self.erased.confirmations)

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        destroyed: dict[str, int] = {}
        for holding in self.erased.destroyed:
            destroyed[holding.what] = destroyed.get(holding.what, 0) + holding.count
        return {
            "subject": self.subject,
            "ground": self.erased.ground,
            "erasure": self.erased.erasure_id,
            "destroyed": destroyed,
            "absent": self.absent,
            "confirmations": [
                {
                    "holder": one.holder,
                    "absent": one.absent,
                    "checked": one.checked,
                    "remaining": one.remaining,
                    "unconfirmed": one.unconfirmed,
                }
                for one in self.erased.confirmations
            ],
            "index_epoch": {"before": self.erased.epoch_before, "after": self.erased.epoch_after},
            "finished": self.erased.finished_utc,
            "recipients_silent": self.erased.recipients_silent,
            "certificate": None if self.erased.recipients_silent else f"certificates/{self.erased.erasure_id}.json",
        }


@dataclass(frozen=True, slots=True)
class SubjectStatus:
    """One subject, for the operator's list."""

    subject: str
    subject_id: int
    residence: str
    images: int
    references: int
    purposes: tuple[str, ...]
    until: str

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "subject": self.subject,
            "number": self.subject_id,
            "residence": self.residence,
            "images": self.images,
            "references": self.references,
            "purposes": list(self.purposes),
            "until": self.until,
        }


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a gallery in numbers."""

    gallery_id: str
    folder: str
    keys: str
    database: str
    created_utc: str
    subjects: int
    being_erased: int
    purposes: dict[str, int]
    images: int
    image_bytes: int
    references: int
    references_by_source: dict[str, int]
    searches: int
    erasures: int
    erasures_open: int
    model: str
    model_name: str
    mirrored: bool
    index_epoch: int
    database_bytes: int
    people: tuple[SubjectStatus, ...] | None
    references_damaged: tuple[ReferenceId, ...] = ()
    """References whose sealed template does not open; they are in no search."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        answer: dict[str, object] = {
            "gallery": self.gallery_id,
            "folder": self.folder,
            "keys": self.keys,
            "database": self.database,
            "created": self.created_utc,
            "subjects": self.subjects,
            "being_erased": self.being_erased,
            "purposes": dict(sorted(self.purposes.items())),
            "images": self.images,
            "image_bytes": self.image_bytes,
            "references": self.references,
            "references_damaged": list(self.references_damaged),
            "references_by_source": dict(sorted(self.references_by_source.items())),
            "searches": self.searches,
            "erasures": self.erasures,
            "erasures_open": self.erasures_open,
            "model": {"name": self.model_name, "digest": self.model, "mirrored": self.mirrored},
            "index_epoch": self.index_epoch,
            "database_bytes": self.database_bytes,
        }
        if self.people is not None:
            answer["people"] = [one.as_dict() for one in self.people]
        return answer


def item_as_dict(item: Item) -> dict[str, object]:
    answer: dict[str, object] = {"image": item.image, "outcome": item.outcome}
    if item.reference_id is not None:
        answer["reference"] = item.reference_id
    if item.box is not None:
        answer["box"] = item.box.as_list()
    if item.quality is not None:
        answer["quality"] = item.quality.as_dict()
    if item.notes:
        answer["notes"] = list(item.notes)
    if item.code is not None:
        answer["error"] = {"code": item.code, "message": item.message, "remedy": item.remedy}
    return answer
