"""Long work in words: its kinds, its states, what is told of it, and whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from countenance.oversight.parties import Principal, Role

_OWN_ROLES = frozenset({Role.OPERATOR, Role.DATA_PROTECTION_OFFICER, Role.REGULATOR})


class JobKind(StrEnum):
    """What takes long."""

    ENROLMENT = "enrolment"
    IMPORT = "import"
    ORDER = "order"
    MIGRATION = "migration"


class JobState(StrEnum):
    """Where a job is. The last four are its end."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """Its process ended first; sent again under its key, it goes on."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it is now."""

    job_id: str
    kind: str
    state: JobState
    done: int
    total: int | None
    what: str
    """The last thing that was done, in a few words."""
    answer: Mapping[str, object] | None
    code: str | None
    """Code of the error it failed with."""
    message: str | None
    asked_utc: str
    ended_utc: str | None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "job": self.job_id,
            "kind": self.kind,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "what": self.what,
            "answer": None if self.answer is None else dict(self.answer),
            "code": self.code,
            "message": self.message,
            "asked": self.asked_utc,
            "ended": self.ended_utc,
        }


@dataclass(frozen=True, slots=True)
class JobItem:
    """What became of one item of a job."""

    number: int
    result: Mapping[str, object]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {"number": self.number, **self.result}


class Stopped(BaseException):
    """Ends a job between two items. No CountenanceError: nothing that runs may take it for a failed item."""

    def __init__(self, state: JobState) -> None:
        self.state = state


def may_ask(who: Principal) -> bool:
    """Whether somebody may have jobs at all: a customer's people and keys, and the gallery's own people."""
    return who.customer_active and (who.customer_id is not None or bool(who.roles & _OWN_ROLES))


def is_limited(who: Principal) -> bool:
    """Whether a key is bound to less than all that its customer may do."""
    return any(one is not None for one in (who.verbs, who.compartment, who.case_id, who.purpose))
