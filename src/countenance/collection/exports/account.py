"""What an export says of its account: where the owner lives, as findings with their tier, and which one it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources

from countenance.collection.exports.layouts import Fact
from countenance.custody.residency import extract
from countenance.custody.residency.extract import Finding

_PAGE = re.compile(
    r"(?:https?://)?(?:www\.|m\.)?(?:facebook|instagram)\.com/"
    r"(?:profile\.php\?(?:.*&)?id=(?P<number>\d+).*|(?P<name>[^/?#]+).*)?$"
)
_BRACKETED = re.compile(r"\s*\[([A-Za-z]{2})\]\s*$")


def account_findings(facts: Mapping[Fact, str], exported_on: date) -> list[Finding]:
    """Country (tier B), telephone prefix (B), language and time zone (D); what is not understood is left out."""
    found = []
    for fact, value in facts.items():
        text = _BRACKETED.sub("", value.strip())
        match fact:
            case Fact.COUNTRY:
                found.append(extract.from_export_country(_code(text), None, exported_on))
            case Fact.PHONE:
                found.append(extract.from_phone_number(text))
            case Fact.LANGUAGE:
                found.append(extract.from_language(text))
            case Fact.TIME_ZONE:
                found.append(extract.from_time_zone(text))
    return [finding for finding in found if finding is not None]


def account_identifiers(platform: str, facts: Mapping[Fact, str]) -> frozenset[str]:
    """What an account is called on its platform, in a form in which the same account is always spelt the same."""
    found = set()
    for fact in (Fact.ACCOUNT, Fact.ACCOUNT_NUMBER):
        name = unicodedata.normalize("NFKC", facts.get(fact, "")).strip().casefold().lstrip("@")
        page = _PAGE.match(name)
        if page is not None:  # the address of its page: what stands last is the name, or the number
            name = page["number"] or page["name"] or ""
        if name:
            found.add(f"{platform}\0{name}")
    return frozenset(found)


def _code(country: str) -> str:
    """The code of a country that may be given by its English name; any other text comes back as it is."""
    return _codes().get(country.casefold(), country)


@cache
def _codes() -> dict[str, str]:
    """Codes by English name (ISO 3166-1 as the time zone database words it)."""
    table = resources.files("tzdata") / "zoneinfo" / "iso3166.tab"
    rows = [line.split("\t") for line in table.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {name.casefold(): code for code, name in rows} | {
        "united kingdom": "GB",
        "czech republic": "CZ",
        "turkey": "TR",
        "ivory coast": "CI",
    }
