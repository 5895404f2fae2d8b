"""Countries and their subdivisions, as orders and evidence name them.

Rules kept here:

* A place is an ISO 3166-1 alpha-2 country, an ISO 3166-2 subdivision of one, or the whole world (``001``, the
  code of UN M49). Only a scope may say the whole world; evidence may not.
* A code that is not known is refused. Nothing is guessed from a country's name.
* ``XK`` (Kosovo) is accepted although ISO leaves it to its users: account exports use it.

Source: ISO 3166-1 as packaged by Debian's iso-codes, 249 codes; ISO 3166-2 for the United States, Canada and
Australia, and the four nations of the United Kingdom. Subdivisions of other countries are checked by form only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from countenance.errors import PlaceUnknown

_COUNTRY_CODES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT
    BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT
    HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
    LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
    NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG
    SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
    UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK
"""
COUNTRIES = frozenset(_COUNTRY_CODES.split())

_SUBDIVISION_CODES = {
    "US": """
        AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE NH
        NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UM UT VA VI VT WA WI WV WY
    """,
    "CA": "AB BC MB NB NL NS NT NU ON PE QC SK YT",
    "AU": "ACT NSW NT QLD SA TAS VIC WA",
    "GB": "ENG NIR SCT WLS",
}
SUBDIVISIONS = {country: frozenset(codes.split()) for country, codes in _SUBDIVISION_CODES.items()}

_SUBDIVISION = re.compile(r"[A-Z0-9]{1,3}")
_WORLD_CODE = "001"


class Overlap(StrEnum):
    """How a signal's place lies to the place that an order names."""

    WITHIN = "within"
    PARTLY = "partly"
    APART = "apart"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """One country, one subdivision of a country, or the world. Made by :func:`place`."""

    country: str
    subdivision: str = ""

    @property
    def code(self) -> str:
        """``GB``, ``US-IL`` or ``001``."""
        return f"{self.country}-{self.subdivision}" if self.subdivision else self.country

    @property
    def is_world(self) -> bool:
        """True for the whole world."""
        return self.country == _WORLD_CODE

    def lies_in(self, other: Place) -> bool:
        """True when every point of this place is a point of ``other``."""
        return other.is_world or self == other or (not other.subdivision and self.country == other.country)


WORLD = Place(_WORLD_CODE)


def place(code: str) -> Place:
    """The place with ISO 3166 ``code``. Raises PlaceUnknown."""
    if code == _WORLD_CODE:
        return WORLD
    country, dash, subdivision = code.partition("-")
    if country not in COUNTRIES:
        raise PlaceUnknown(f"There is no country with the code {code[:20]!r}.")
    if not dash:
        return Place(country)
    known = SUBDIVISIONS.get(country)
    if (known is not None and subdivision not in known) or _SUBDIVISION.fullmatch(subdivision) is None:
        raise PlaceUnknown(f"{country} has no subdivision with the code {code[:20]!r}.")
    return Place(country, subdivision)


def overlap(candidates: tuple[Place, ...], named: Place) -> Overlap:
    """How a signal that says "one of ``candidates``" lies to the ``named`` place.

    ``WITHIN`` when every candidate lies in it, ``APART`` when none touches it, ``PARTLY`` otherwise: a signal
    that says only US neither is nor is not in US-IL.
    """
    if all(candidate.lies_in(named) for candidate in candidates):
        return Overlap.WITHIN
    if any(candidate.lies_in(named) or named.lies_in(candidate) for candidate in candidates):
        return Overlap.PARTLY
    return Overlap.APART
