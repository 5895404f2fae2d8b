"""The rules of review: who may look, what two answers make, and how a reviewer who says yes to everything shows.

Rules kept here:

1. A candidate is confirmed when two different competent people have said, separately, that it is the same person.
   Anything else releases nothing.
2. Who asked for a case or authorised it does not review it.
3. Known non-mates are mixed in and look like everything else. Two of them confirmed, and a reviewer's certificate
   is at an end, and what she confirmed goes back to others.

Pure: nothing here reads a clock, draws at random or asks a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from countenance.oversight.parties import Principal
from countenance.oversight.policy import Code, Decision, Granted, Refused
from countenance.store.reviews import TallyRow

REVIEWERS = 2
CANDIDATES_A_CONTROL = 4
"""One known non-mate for every so many candidates of a face, and at least one."""

CONTROLS_FORGIVEN = 1
"""Known non-mates that a reviewer may confirm by mistake."""

TASK_TIME = timedelta(hours=24)
"""What is shown and not answered within this time goes to somebody else."""

LONGEST_LOOK = timedelta(minutes=30)
"""A task that lay open longer was not looked at all the while; it counts as this long in a reviewer's speed."""


class Answer(StrEnum):
    """What a reviewer says of two faces."""

    SAME = "same"
    DIFFERENT = "different"
    CANNOT_TELL = "cannot_tell"


class ItemKind(StrEnum):
    """What an item is; a reviewer does not see it."""

    CANDIDATE = "candidate"
    CONTROL = "control"


class ItemState(StrEnum):
    """Where an item is."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    DISAGREED = "disagreed"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Measured:
    """How a reviewer answers."""

    tally: TallyRow
    competent: bool

    @property
    def seconds(self) -> float | None:
        """Mean time to an answer; None before the first."""
        return None if self.tally.answered == 0 else self.tally.milliseconds / self.tally.answered / 1000

    @property
    def agreement(self) -> float | None:
        """Share of candidates on which the other reviewer said the same; None before the first."""
        both = self.tally.agreed + self.tally.disagreed
        return None if both == 0 else self.tally.agreed / both

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        agreement, seconds = self.agreement, self.seconds
        return {
            "person": self.tally.person_id,
            "competent": self.competent,
            "answered": self.tally.answered,
            "mean_seconds": None if seconds is None else round(seconds, 1),
            "agreement": None if agreement is None else round(agreement, 3),
            "non_mates_shown": self.tally.controls,
            "non_mates_confirmed": self.tally.controls_confirmed,
        }


def may_review(who: Principal, asked_by: str, decided_by: str | None) -> Decision:
    """Whether ``who`` may look at items of a case that these two asked for and authorised."""
    if not who.competent:
        return Refused(Code.NOT_COMPETENT, "There is no certificate of competence in force.")
    if who.actor in (asked_by, decided_by):
        return Refused(Code.SAME_PERSON, "Who asked for a case or authorised it does not review it.")
    return Granted()


def outcome(answers: Sequence[Answer]) -> ItemState:
    """What the answers so far make of an item."""
    if len(answers) < REVIEWERS:
        return ItemState.OPEN
    same = [answer is Answer.SAME for answer in answers[:REVIEWERS]]
    if all(same):
        return ItemState.CONFIRMED
    return ItemState.DISAGREED if any(same) else ItemState.REJECTED


def found_out(tally: TallyRow) -> bool:
    """Whether a reviewer has confirmed more known non-mates than a mistake explains."""
    return tally.controls_confirmed > CONTROLS_FORGIVEN


def controls_wanted(candidates: int) -> int:
    """How many known non-mates are mixed in among so many candidates of a face; none where there is none."""
    return 0 if candidates == 0 else max(1, candidates // CANDIDATES_A_CONTROL)
