"""The evidence model: what is known about where a subject lives or an image was made, and how well.

Rules kept here:

* **Nothing is derived from a face.** Evidence comes from a closed list of signals; none of them is a face, a
  name, skin, clothing, religion or inferred nationality, and no field takes free text that could carry one.
* A signal has one tier and may speak only of the predicates listed for it; anything else is EvidenceInvalid.
* A signal that cannot tell between places names all of them; it never picks.
* Records carry a version. ``source`` names a file or system by its name, never its content.

Tiers and signals: the table in docs/for-data-protection-officers.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from types import MappingProxyType

from countenance.clock import from_text, to_text
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.places import Place, place
from countenance.errors import EvidenceInvalid
from countenance.terms import SubjectId

VERSION = 1


class Predicate(StrEnum):
    """What an order may ask about. The last one is about customers, the others about subjects and images."""

    RESIDENT_OF = "resident_of"
    PRESENT_IN = "present_in"
    NAMED_SUBJECT = "named_subject"
    IMAGE_LOCATED_IN = "image_located_in"
    IMAGE_UPLOADED_IN = "image_uploaded_in"
    COLLECTED_FROM_SERVER_IN = "collected_from_server_in"
    CUSTOMER_IN = "customer_in"


SUBJECT_PREDICATES = frozenset({Predicate.RESIDENT_OF, Predicate.PRESENT_IN})
IMAGE_PREDICATES = frozenset(
    {Predicate.IMAGE_LOCATED_IN, Predicate.IMAGE_UPLOADED_IN, Predicate.COLLECTED_FROM_SERVER_IN}
)
EVIDENCED_PREDICATES = SUBJECT_PREDICATES | IMAGE_PREDICATES


class Tier(StrEnum):
    """How much a signal can carry. Only A can exclude anyone."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Signal(StrEnum):
    """Every kind of evidence there is. Closed on purpose: what is not here cannot be recorded."""

    DECLARATION = "declaration"
    ADDRESS_CREDENTIAL = "address_credential"
    EXPORT_ACCOUNT_COUNTRY = "export_account_country"
    PHONE_PREFIX = "phone_prefix"
    PERMISSION_JURISDICTION = "permission_jurisdiction"
    EXIF_POSITION = "exif_position"
    STATED_PLACE = "stated_place"
    PAGE_DOMAIN = "page_domain"
    SOURCE_URL = "source_url"
    LANGUAGE = "language"
    TIME_ZONE = "time_zone"


@dataclass(frozen=True, slots=True)
class Reach:
    """What one signal may be used for."""

    tier: Tier
    predicates: frozenset[Predicate]


_PERSON = SUBJECT_PREDICATES
_PLACE_OF_IMAGE = frozenset({Predicate.IMAGE_LOCATED_IN, Predicate.PRESENT_IN})
_ORIGIN = frozenset({Predicate.COLLECTED_FROM_SERVER_IN, Predicate.IMAGE_UPLOADED_IN})

SIGNALS: Mapping[Signal, Reach] = MappingProxyType(
    {
        Signal.DECLARATION: Reach(Tier.A, EVIDENCED_PREDICATES),
        Signal.ADDRESS_CREDENTIAL: Reach(Tier.A, frozenset({Predicate.RESIDENT_OF})),
        Signal.EXPORT_ACCOUNT_COUNTRY: Reach(Tier.B, _PERSON | {Predicate.IMAGE_UPLOADED_IN}),
        Signal.PHONE_PREFIX: Reach(Tier.B, _PERSON),
        Signal.PERMISSION_JURISDICTION: Reach(Tier.B, _PERSON),
        Signal.EXIF_POSITION: Reach(Tier.C, _PLACE_OF_IMAGE),
        Signal.STATED_PLACE: Reach(Tier.C, _PERSON | _PLACE_OF_IMAGE | _ORIGIN),
        Signal.PAGE_DOMAIN: Reach(Tier.D, _PERSON | _ORIGIN),
        Signal.SOURCE_URL: Reach(Tier.D, _PERSON | _ORIGIN),
        Signal.LANGUAGE: Reach(Tier.D, _PERSON),
        Signal.TIME_ZONE: Reach(Tier.D, _PERSON | _PLACE_OF_IMAGE),
    }
)

_NAME = re.compile(r"[\w.:@/+#=-][\w .:@/+#=-]{0,199}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One dated statement about one subject, or about one image of a subject.

    Raises EvidenceInvalid when the tier is not the signal's, the signal cannot speak of the predicate, or a
    field has a form that is not allowed.
    """

    id: str
    subject_id: SubjectId
    image_id: str | None
    """None when it is about the subject; needed for the image predicates."""
    predicate: Predicate
    value: tuple[Place, ...]
    """One of these places, as far as the signal can tell; never empty, never the world."""
    tier: Tier
    signal: Signal
    observed_at: datetime
    """When it was recorded, UTC."""
    valid: Interval
    """The days that it speaks of; open ends where the signal says nothing."""
    source: str
    """Name of the file, export or page that it was read from."""
    extractor: str
    """Which code or form produced it, and ``extractor_version`` which version of that."""
    extractor_version: str
    permission_id: str
    """The permission under which it was collected; nothing is gathered without one."""
    contradicts: tuple[str, ...] = ()
    """Ids of evidence that cannot be true together with this."""

    def __post_init__(self) -> None:
        reach = SIGNALS[self.signal]
        if self.tier is not reach.tier:
            raise EvidenceInvalid(
                f"Evidence by {self.signal.value} has tier {reach.tier.value}, not {self.tier.value}."
            )
        if self.predicate not in reach.predicates:
            raise EvidenceInvalid(f"Evidence by {self.signal.value} cannot speak of {self.predicate.value}.")
        if self.predicate in IMAGE_PREDICATES and self.image_id is None:
            raise EvidenceInvalid(f"Evidence of {self.predicate.value} must name the image.")
        if not self.value or any(place.is_world for place in self.value):
            raise EvidenceInvalid("Evidence must name at least one country.")
        if len(set(self.value)) != len(self.value):
            raise EvidenceInvalid("Evidence names a place twice.")
        if self.observed_at.tzinfo is None:
            raise EvidenceInvalid("The time at which evidence was recorded needs a time zone.")
        if self.id in self.contradicts:
            raise EvidenceInvalid("Evidence cannot contradict itself.")
        names = [
            self.id,
            self.source,
            self.extractor,
            self.extractor_version,
            self.permission_id,
            *self.contradicts,
        ]
        if self.image_id is not None:
            names.append(self.image_id)
        for name in names:
            if _NAME.fullmatch(name) is None:
                raise EvidenceInvalid(
                    f"{name[:40]!r} is not a name: 1 to 200 letters, digits and . : @ / + # = _ -"
                )

    def to_document(self) -> dict[str, object]:
        """The record to store: JSON values only."""
        return {
            "version": VERSION,
            "id": self.id,
            "subject_id": int(self.subject_id),
            "image_id": self.image_id,
            "predicate": self.predicate.value,
            "value": [place.code for place in self.value],
            "tier": self.tier.value,
            "signal": self.signal.value,
            "observed_at": to_text(self.observed_at),
            "valid_from": _day_text(self.valid.start),
            "valid_to": _day_text(self.valid.end),
            "source": self.source,
            "extractor": self.extractor,
            "extractor_version": self.extractor_version,
            "permission_id": self.permission_id,
            "contradicts": list(self.contradicts),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Evidence:
        """The record that :meth:`to_document` wrote. Raises EvidenceInvalid for anything else."""
        if set(document) != FIELDS:
            odd = ", ".join(sorted(set(document) ^ FIELDS))
            raise EvidenceInvalid(f"The evidence record lacks or does not know these members: {odd[:200]}.")
        if document["version"] != VERSION:
            raise EvidenceInvalid(f"Evidence records of version {document['version']!r} are not known.")
        value, contradicts, subject, image = (
            document[k] for k in ("value", "contradicts", "subject_id", "image_id")
        )
        if not isinstance(value, list) or not isinstance(contradicts, list) or not isinstance(subject, int):
            raise EvidenceInvalid("The evidence record's value, contradicts or subject_id has the wrong form.")
        try:
            return cls(
                id=str(document["id"]),
                subject_id=SubjectId(subject),
                image_id=None if image is None else str(image),
                predicate=Predicate(str(document["predicate"])),
                value=tuple(place(str(code)) for code in value),
                tier=Tier(str(document["tier"])),
                signal=Signal(str(document["signal"])),
                observed_at=from_text(str(document["observed_at"])).astimezone(UTC),
                valid=Interval(_day(document["valid_from"]), _day(document["valid_to"])),
                source=str(document["source"]),
                extractor=str(document["extractor"]),
                extractor_version=str(document["extractor_version"]),
                permission_id=str(document["permission_id"]),
                contradicts=tuple(str(id_) for id_ in contradicts),
            )
        except ValueError as error:
            raise EvidenceInvalid(f"The evidence record has a value that is not allowed: {error}") from error


_FIELD_NAMES = """
    version id subject_id image_id predicate value tier signal observed_at valid_from valid_to source extractor
    extractor_version permission_id contradicts
"""
FIELDS = frozenset(_FIELD_NAMES.split())
"""Every member of a stored record. There is none for anything seen in a picture."""


def _day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(text: object) -> date | None:
    return None if text is None else date.fromisoformat(str(text))
