"""Standing terms: what holds for every call in a compartment that does not say otherwise.

Rules kept here: they say what a legacy client cannot say with a call (purposes, residence, how long, on whose
behalf, under which case); what they leave out is refused, never guessed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta

from countenance.custody.permission.record import Asked
from countenance.errors import InputInvalid
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Code, Refused

_OPERATOR = "the operator of this gallery"


@dataclass(frozen=True, slots=True)
class StandingTerms:
    """What holds for every call in a compartment that does not say otherwise; None or empty is "not said"."""

    purposes: tuple[str, ...] = ()
    residence: str | None = None
    until: date | None = None
    retention_days: int | None = None
    """Permissions end so many days after they were given, or at ``until``, whichever comes first."""
    controller: str = ""
    notice: str = ""
    language: str = "en"
    recipients: tuple[str, ...] = ()
    case_id: str | None = None
    """The case under which its keys search it directly."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "purposes": list(self.purposes),
            "residence": self.residence,
            "until": None if self.until is None else self.until.isoformat(),
            "retention_days": self.retention_days,
            "controller": self.controller,
            "notice": self.notice,
            "language": self.language,
            "recipients": list(self.recipients),
            "case": self.case_id,
        }

    def permission(self, subject: str, today: date) -> Asked:
        """The permission that these terms give for a subject. Raises InputInvalid when they do not say enough."""
        ends = [] if self.until is None else [self.until]
        if self.retention_days is not None:
            ends.append(today + timedelta(days=self.retention_days))
        if not self.purposes or self.residence is None or not ends:
            raise InputInvalid(
                "The compartment has no standing terms that say for what, where she lives and until when.",
                remedy="Name them with the permission, or set the compartment's standing terms.",
            )
        return Asked(
            subject,
            self.purposes,
            self.residence,
            min(ends),
            controller=self.controller or _OPERATOR,
            notice=self.notice,
            language=self.language,
            recipients=self.recipients,
        )


def written(terms: StandingTerms) -> bytes:
    """Terms as they are sealed: JSON with a version."""
    return json.dumps({"v": 1, **terms.as_dict()}).encode()


def standing_case(who: Principal, terms: StandingTerms | None) -> str | Refused:
    """The case under which a key searches a compartment directly: its own, or the one that the terms name.

    No case, no search.
    """
    named = who.case_id if who.case_id is not None else None if terms is None else terms.case_id
    if named is None:
        return Refused(Code.NO_CASE, "Neither the key nor the compartment's terms name a case to search under.")
    return named


def read_terms(plain: bytes) -> StandingTerms:
    """Terms from :func:`written`."""
    said = json.loads(plain)
    return StandingTerms(
        tuple(said["purposes"]),
        said["residence"],
        None if said["until"] is None else date.fromisoformat(said["until"]),
        said["retention_days"],
        said["controller"],
        said["notice"],
        said["language"],
        tuple(said["recipients"]),
        said["case"],
    )
