"""From metadata that is there anyway to findings: what it says about where somebody lives or an image was made.

Rules kept here:

* Every extractor is a pure function of text, numbers and dates. None takes a picture, a face, a template or a
  name, and a test reads the signatures to make sure.
* Text that an extractor does not understand gives None, never a guess.
* Each has a version, which is recorded with the evidence.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime

from countenance.custody.residency.evidence import SIGNALS, Evidence, Predicate, Signal
from countenance.custody.residency.geography import Geography, zone_countries
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.numbering import (
    CALLING_CODES,
    DOMAIN_OF_ANOTHER_CODE,
    GENERIC_DOMAINS,
    OFFICIAL_LANGUAGES,
)
from countenance.custody.residency.places import COUNTRIES, Place
from countenance.errors import EvidenceInvalid
from countenance.terms import SubjectId

VERSION = "1"
_HOST = re.compile(r"(?:[a-z0-9-]{1,63}\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})\.?")
_PHONE = re.compile(r"\+[0-9][0-9 ().-]{5,24}")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_LANGUAGE = re.compile(r"([A-Za-z]{2})(?:[-_][A-Za-z]{4})?(?:[-_]([A-Za-z]{2}))?")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one signal says, before it becomes evidence about somebody."""

    predicate: Predicate
    value: tuple[Place, ...]
    signal: Signal
    valid: Interval
    extractor: str

    def about(
        self,
        subject_id: SubjectId,
        *,
        evidence_id: str,
        image_id: str | None,
        observed_at: datetime,
        source: str,
        permission_id: str,
    ) -> Evidence:
        """The finding as evidence about ``subject_id`` or one of its images."""
        return Evidence(
            id=evidence_id,
            subject_id=subject_id,
            image_id=image_id,
            predicate=self.predicate,
            value=self.value,
            tier=SIGNALS[self.signal].tier,
            signal=self.signal,
            observed_at=observed_at,
            valid=self.valid,
            source=source,
            extractor=self.extractor,
            extractor_version=VERSION,
            permission_id=permission_id,
        )


def from_exif_position(
    latitude: float, longitude: float, taken_on: date | None, geography: Geography
) -> Finding | None:
    """Where a photograph was taken, by its own position (degrees, WGS 84) and day.

    None at sea, and for latitude and longitude both exactly 0, which cameras write when they know nothing.
    Raises EvidenceInvalid for a position that is not on the Earth.
    """
    if not (math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        raise EvidenceInvalid("The position is not on the Earth.")
    if latitude == 0 and longitude == 0:
        return None
    places = geography.places_near(latitude, longitude)
    valid = Interval() if taken_on is None else Interval.day(taken_on)
    return _finding(Predicate.IMAGE_LOCATED_IN, places, Signal.EXIF_POSITION, valid, "exif-position")


def from_export_country(country: str, since: date | None, exported_on: date) -> Finding | None:
    """The country of the account, as the platform's export states it (ISO 3166-1 alpha-2), up to the export."""
    code = country.strip().upper()
    code = "GB" if code == "UK" else code
    places = (Place(code),) if code in COUNTRIES else ()
    valid = Interval(since if since is None or since <= exported_on else None, exported_on)
    return _finding(Predicate.RESIDENT_OF, places, Signal.EXPORT_ACCOUNT_COUNTRY, valid, "export-country")


def from_phone_number(number: str) -> Finding | None:
    """The countries of a telephone number in international form, ``+44 ...``; nothing else of it is kept."""
    if _PHONE.fullmatch(number.strip()) is None:
        return None
    digits = re.sub(r"\D", "", number)
    codes = next((CALLING_CODES[digits[:n]] for n in (3, 2, 1) if digits[:n] in CALLING_CODES), ())
    places = tuple(sorted(Place(code) for code in codes))
    return _finding(Predicate.RESIDENT_OF, places, Signal.PHONE_PREFIX, Interval(), "phone-prefix")


def from_page_host(host: str, fetched_on: date | None) -> Finding | None:
    """The country of a page's domain; None for domains that are sold all over the world."""
    if _HOST.fullmatch(host.lower()) is None:
        return None
    label = host.lower().rstrip(".").rpartition(".")[2]
    code = DOMAIN_OF_ANOTHER_CODE.get(label, label.upper())
    places = (Place(code),) if code in COUNTRIES and label not in GENERIC_DOMAINS and label != "gb" else ()
    valid = Interval() if fetched_on is None else Interval.day(fetched_on)
    return _finding(Predicate.COLLECTED_FROM_SERVER_IN, places, Signal.PAGE_DOMAIN, valid, "page-domain")


def from_language(tag: str) -> Finding | None:
    """The countries of a language tag (BCP 47): of its region when it has one, else where it is official."""
    match = _LANGUAGE.fullmatch(tag.strip())
    if match is None:
        return None
    language, region = match[1].lower(), (match[2] or "").upper()
    codes = (region,) if region in COUNTRIES else OFFICIAL_LANGUAGES.get(language, ())
    places = tuple(sorted(Place(code) for code in codes))
    return _finding(Predicate.RESIDENT_OF, places, Signal.LANGUAGE, Interval(), "language")


def from_time_zone(zone: str) -> Finding | None:
    """The countries that keep an IANA time zone, as an account or a device states it."""
    places = tuple(Place(code) for code in zone_countries(zone))
    return _finding(Predicate.RESIDENT_OF, places, Signal.TIME_ZONE, Interval(), "time-zone")


def from_caption(caption: str, taken_on: date | None) -> Finding | None:
    """The countries whose flags stand in a caption (pairs of regional indicators, Unicode TR51); None without one.

    Words are not looked at: a name of a place is a name of many places.
    """
    codes = sorted({"".join(chr(ord(c) - 0x1F1E6 + 65) for c in pair) for pair in _FLAG.findall(caption)})
    places = tuple(Place(code) for code in codes if code in COUNTRIES)
    valid = Interval() if taken_on is None else Interval.day(taken_on)
    return _finding(Predicate.IMAGE_LOCATED_IN, places, Signal.STATED_PLACE, valid, "caption-flag")


def _finding(
    predicate: Predicate, places: tuple[Place, ...], signal: Signal, valid: Interval, extractor: str
) -> Finding | None:
    return Finding(predicate, places, signal, valid, extractor) if places else None


EXTRACTORS = (
    from_exif_position,
    from_export_country,
    from_phone_number,
    from_page_host,
    from_language,
    from_time_zone,
    from_caption,
)
"""Every extractor there is."""
