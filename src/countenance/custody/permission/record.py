"""A permission as the subject gave it, and the receipt she gets.

Field names of the receipt follow ISO/IEC TS 27560:2023 (consent records and receipts) in the JSON-LD form of the
W3C Data Privacy Vocabulary (DPV 2); :meth:`PermissionRecord.receipt` is what ``permit`` prints.

Rules kept here:

* A permission names at least one purpose, a residence, and an end. There is no permission without an end.
* A minor's permission needs a guardian and ends at majority at the latest.
* A minor stays one until majority, whoever renews her permission and whatever is left out then: the day on which
  she comes of age is part of the record.
* In Illinois a biometric identifier is kept at most three years and needs a written release (BIPA, 740 ILCS
  14/15(a) and (b)(3), from memory): a permission with that residence names where the release is kept and ends three
  years after it was given at the latest. A residence of only ``US`` may be Illinois.
* Whoever was erased comes back by a statement that she herself permits anew, never without one.
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta

from countenance import clock
from countenance.errors import PermissionInvalid, SubjectNameInvalid

RECORD_VERSION = 2
MAJORITY_YEARS = 18
LONGEST_YEARS = 10
"""A permission that runs longer has to be asked for again; an operator's promise, not a statute."""

_WRITTEN_RELEASE = frozenset({"US", "US-IL"})
"""Residences that are, or may be, in Illinois."""

LONGEST_STATEMENT = 400

_DPV = "https://w3id.org/dpv#"
_PURPOSE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_RESIDENCE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class PermissionRecord:
    """What the ledger seals. Dates are calendar days; moments are RFC 3339 in UTC."""

    record_id: str
    subject: str
    purposes: tuple[str, ...]
    residence: str
    given_utc: str
    valid_until_utc: str
    until: str
    controller: str
    notice: str
    language: str
    release: str
    """Where the signed written release is kept, for laws that ask for one; empty when none was needed."""
    guardian: str
    recipients: tuple[str, ...]
    version: int
    record_version: int = RECORD_VERSION
    comes_of_age: str = ""
    """The day on which a minor comes of age, since records of version 2; empty for who never was one here."""
    returning: str = ""
    """What was stated when she permitted anew after an erasure; empty otherwise."""

    def to_bytes(self) -> bytes:
        """The record as the ledger seals it."""
        # Field by field: dataclasses.asdict copies deeply, which was a seventh of a bulk enrolment.
        fields_ = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps(fields_, sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> PermissionRecord:
        """The record that :meth:`to_bytes` wrote. Raises PermissionInvalid for a record of a later version."""
        kept = json.loads(data)
        if kept.get("record_version") not in range(1, RECORD_VERSION + 1):
            raise PermissionInvalid("The permission was recorded by a newer version.")
        for name in ("purposes", "recipients"):
            kept[name] = tuple(kept[name])
        return cls(**kept)

    def receipt(self) -> dict[str, object]:
        """The receipt as JSON-LD, for the subject to keep."""
        party = {"@type": "dpv:DataSubject", "dpv:hasIdentifier": self.subject, "dpv:hasLocation": self.residence}
        if self.guardian:
            party["dpv:hasRepresentative"] = self.guardian
        return {
            "@context": {"dpv": _DPV, "dct": "http://purl.org/dc/terms/"},
            "@type": "dpv:ConsentReceipt",
            "schema_version": f"countenance-receipt-{self.record_version}",
            "record_id": self.record_id,
            "permission_version": self.version,
            "pii_principal": party,
            "pii_controller": {"@type": "dpv:DataController", "dpv:hasName": self.controller},
            "privacy_notice": self.notice,
            "language": self.language,
            "lawful_basis": "dpv:ExplicitConsent",
            "written_release": self.release or None,
            "after_erasure": self.returning or None,
            "purposes": [{"@type": "dpv:Purpose", "dct:title": purpose} for purpose in self.purposes],
            "pii_categories": ["face image", "face template", "name given to the gallery"],
            "storage_location": "this controller's own machine; images and templates sealed per subject",
            "retention": {
                "valid_from": self.given_utc,
                "valid_until": self.valid_until_utc,
                "rule": "erased when the permission ends or is withdrawn, whichever is first, without being asked",
            },
            "jurisdiction": self.residence,
            "recipients": list(self.recipients),
            "withdrawal_method": f"countenance withdraw {shlex.quote(self.subject)}",
            "events": [{"event": "given", "event_time": self.given_utc, "state": "dpv:ConsentGiven"}],
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """A permission as the operator enters it, before it is checked; see :func:`check`."""

    subject: str
    purposes: Sequence[str]
    residence: str
    until: date
    controller: str = "the operator of this gallery"
    notice: str = ""
    language: str = "en"
    release: str = ""
    born: date | None = None
    guardian: str = ""
    recipients: Sequence[str] = ()
    returning: str = ""
    """What shows that a subject who was erased here permits anew herself; see store.suppression."""


def subject_name(text: str) -> str:
    """``text`` as a subject's name: Unicode NFC, 1 to 200 printable characters. Raises SubjectNameInvalid."""
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= 200 or not name.isprintable() or name.startswith("-"):
        raise SubjectNameInvalid(
            "A subject's name is 1 to 200 printable characters and does not start with a hyphen."
        )
    return name


def purpose_name(text: str) -> str:
    """``text`` as a purpose: lower-case letters, digits and hyphens. Raises PermissionInvalid."""
    if _PURPOSE.fullmatch(text) is None:
        raise PermissionInvalid(
            f"{text!r} is not a purpose.",
            remedy="A purpose is written in lower-case letters, digits and hyphens, like event-photos.",
        )
    return text


def check(
    asked: Asked, *, now: datetime, record_id: str, version: int, comes_of_age: date | None = None
) -> PermissionRecord:
    """The record of a permission given at ``now``. Raises PermissionInvalid or SubjectNameInvalid.

    ``comes_of_age`` is what an earlier permission told, for when this one does not say when she was born.
    """
    name = subject_name(asked.subject)
    purposes = tuple(dict.fromkeys(purpose_name(purpose) for purpose in asked.purposes))
    if not purposes:
        raise PermissionInvalid("A permission names at least one purpose.", remedy="Add --purpose PURPOSE.")
    if _RESIDENCE.fullmatch(asked.residence) is None:
        raise PermissionInvalid(
            f"{asked.residence!r} is not a place of residence.",
            remedy="Give an ISO 3166 code: a country (GB), with its subdivision where the law needs it (US-IL).",
        )
    today = now.astimezone(UTC).date()
    if asked.residence in _WRITTEN_RELEASE and not asked.release.strip():
        raise PermissionInvalid(
            f"A permission of somebody who lives in {asked.residence} needs a written release, for Illinois.",
            remedy="Name where the signed release is kept with --release; or the state, if it is another (US-NY).",
        )
    statement = asked.returning.strip()
    if asked.returning and not (1 <= len(statement) <= LONGEST_STATEMENT and statement.isprintable()):
        raise PermissionInvalid(f"A statement has 1 to {LONGEST_STATEMENT} printable characters.")
    majority = comes_of_age if asked.born is None else _years_after(asked.born, MAJORITY_YEARS)
    until = _last_day(asked, today, majority)
    if until < today:
        raise PermissionInvalid(f"The permission would end on {until}, before it begins.")
    return PermissionRecord(
        record_id=record_id,
        subject=name,
        purposes=purposes,
        residence=asked.residence,
        given_utc=clock.to_text(now),
        valid_until_utc=clock.to_text(end_of(until)),
        until=until.isoformat(),
        controller=asked.controller,
        notice=asked.notice,
        language=asked.language,
        release=asked.release,
        guardian=asked.guardian,
        recipients=tuple(asked.recipients),
        version=version,
        comes_of_age="" if majority is None or majority <= today else majority.isoformat(),
        returning=statement,
    )


def end_of(day: date) -> datetime:
    """The moment at which ``day`` is over, in UTC: the first one at which a permission until that day has ended."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _last_day(asked: Asked, today: date, majority: date | None) -> date:
    if asked.until > _years_after(today, LONGEST_YEARS):
        raise PermissionInvalid(
            f"A permission runs for at most {LONGEST_YEARS} years.",
            remedy="Choose an earlier --until; it can be renewed.",
        )
    until = asked.until
    if asked.born is not None and asked.born > today:
        raise PermissionInvalid("The date of birth lies in the future.")
    if majority is not None and majority > today:
        if not asked.guardian:
            raise PermissionInvalid(
                "A minor's permission needs a guardian.", remedy="Name who gave it for her with --guardian."
            )
        until = min(until, majority - timedelta(days=1))
    if asked.residence in _WRITTEN_RELEASE:
        until = min(until, _years_after(today, 3))
    return until


def _years_after(day: date, years: int) -> date:
    """The same day ``years`` later; 29 February becomes 1 March, so that nobody comes of age too early."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def describe(record: PermissionRecord) -> Mapping[str, object]:
    """The record as the answer to an access request shows it."""
    return asdict(record)
