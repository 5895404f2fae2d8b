"""What the collecting verbs answer with, each with the JSON form that every door shows."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.collection.pending import Asked


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for a subject's confirmation."""

    subject: str
    faces: tuple[Asked, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer, without the pictures."""
        return {"subject": self.subject, "waiting": [one.as_dict() for one in self.faces]}


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What became of the subject's answers."""

    subject: str
    enrolled: tuple[int, ...]
    """Numbers of the references that were made."""
    refused: tuple[tuple[str, str, str], ...]
    """(id, code, message) of faces that were confirmed and could not be enrolled."""
    destroyed: int
    waiting: int

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "subject": self.subject,
            "enrolled": list(self.enrolled),
            "failed": [{"id": id_, "code": code, "message": message} for id_, code, message in self.refused],
            "destroyed": self.destroyed,
            "waiting": self.waiting,
        }


@dataclass(frozen=True, slots=True)
class Bystanders:
    """How many faces were seen in a subject's imports, and what became of them. Numbers are all there is."""

    subject: str
    imports: int
    files: int
    faces_seen: int
    images_kept: int
    waiting: int
    bystanders_dropped: int
    outcomes: dict[str, int]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "subject": self.subject,
            "imports": self.imports,
            "files": self.files,
            "faces_seen": self.faces_seen,
            "images_kept": self.images_kept,
            "waiting_for_confirmation": self.waiting,
            "bystanders_dropped": self.bystanders_dropped,
            "outcomes": dict(sorted(self.outcomes.items())),
        }
