"""What became of each file of an import, and the sum of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Became(StrEnum):
    """What became of one file. Only ``enrolled`` and ``asks`` leave anything of the picture behind."""

    ENROLLED = "enrolled"
    ASKS = "asks"
    """A face in it may be the subject's; it waits for her confirmation."""
    NO_SUBJECT = "no-subject"
    """There are faces in it, and none is the subject's. Nothing was kept."""
    NO_FACE = "no-face"
    POOR = "poor"
    """The subject is in it, too small, blurred or dark to be a reference. Nothing was kept."""
    DUPLICATE = "duplicate"
    """Exactly these bytes were looked at before."""
    EARLIER = "earlier"
    """An earlier run of the import finished with this file."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """One line of an import's report. ``code``, ``message`` and ``remedy`` are set when it was refused."""

    file: str
    became: Became
    faces: int = 0
    bystanders: int = 0
    references: tuple[int, ...] = ()
    others: int = 0
    """References enrolled for other permitted subjects in the same picture."""
    score: float | None = None
    """The subject's best comparison score in the picture, when she was found."""
    notes: tuple[str, ...] = ()
    code: str | None = None
    message: str | None = None
    remedy: str | None = None

    def as_dict(self) -> dict[str, object]:
        """The JSON line."""
        answer: dict[str, object] = {"file": printable_name(self.file), "outcome": self.became.value}
        if self.faces:
            answer |= {"faces": self.faces, "bystanders": self.bystanders}
        if self.references:
            answer["references"] = list(self.references)
        if self.others:
            answer["references_of_others"] = self.others
        if self.score is not None:
            answer["score"] = round(self.score, 4)
        if self.notes:
            answer["notes"] = list(self.notes)
        if self.code is not None:
            answer["error"] = {"code": self.code, "message": self.message, "remedy": self.remedy}
        return answer


Report = Callable[[FileOutcome], None]
"""Told of every file as soon as it is finished with."""


@dataclass(slots=True)
class Tally:
    """A running sum over files."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    faces: int = 0
    bystanders: int = 0
    references: int = 0
    others: int = 0

    def add(self, one: FileOutcome) -> None:
        """Count one file."""
        self.outcomes[one.became] += 1
        if one.code is not None:
            self.refusals[one.code] += 1
        self.faces += one.faces
        self.bystanders += one.bystanders
        self.references += len(one.references)
        self.others += one.others

    def __iadd__(self, other: Tally) -> Tally:
        """Count what another sum counted, too."""
        self.outcomes += other.outcomes
        self.refusals += other.refusals
        self.faces += other.faces
        self.bystanders += other.bystanders
        self.references += other.references
        self.others += other.others
        return self

    @property
    def files(self) -> int:
        """Files finished with."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class Imported:
    """The answer of an import."""

    subject: str
    platform: str
    outcomes: dict[str, int]
    refusals: dict[str, int]
    """Files that were refused, by code."""
    faces: int
    bystanders: int
    references: int
    others: int
    waiting: int
    """Faces that wait for the subject's confirmation now."""
    videos: int
    passed_over: int
    seconds: float
    evidence: int
    """Pieces of residency evidence that were recorded."""
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        files = sum(self.outcomes.values())
        return {
            "subject": self.subject,
            "source": self.platform,
            "files": files,
            "outcomes": dict(sorted(self.outcomes.items())),
            "refusals": dict(sorted(self.refusals.items())),
            "faces": self.faces,
            "bystanders": self.bystanders,
            "references": self.references,
            "references_of_others": self.others,
            "waiting_for_confirmation": self.waiting,
            "videos_not_looked_at": self.videos,
            "other_files_not_opened": self.passed_over,
            "residency_evidence": self.evidence,
            "seconds": round(self.seconds, 1),
            "files_a_second": round(files / self.seconds, 2) if self.seconds > 0 else None,
            "notes": list(self.notes),
        }


def printable_name(name: str) -> str:
    """A file's name as text: bytes that are no UTF-8 are shown as escapes, so that every name can be written."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def pace(done: int, total: int, seconds: float, tally: Tally) -> str:
    """Rate, remaining time and refusals by reason, in a few words."""
    words = []
    if seconds > 0 and done:
        rate = done / seconds
        words.append(f"{rate:.1f} files/s")
        left = (total - done) / rate
        if left >= 1:
            words.append(f"{_duration(left)} left")
    reasons = tally.refusals.most_common(3)
    if reasons:
        words.append("refused: " + ", ".join(f"{count:,} {code}" for code, count in reasons))
    return "; ".join(words)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
