"""What metadata says about places, and what it does not say."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from countenance.custody.residency import geography
from countenance.custody.residency.evidence import Tier
from countenance.custody.residency.extract import (
    from_exif_position,
    from_export_country,
    from_language,
    from_page_host,
    from_phone_number,
    from_time_zone,
)
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.numbering import CALLING_CODES, OFFICIAL_LANGUAGES
from countenance.custody.residency.places import COUNTRIES, SUBDIVISIONS, Place
from countenance.errors import EvidenceInvalid, GeographyMissing
from countenance.terms import SubjectId


class Paris:
    def places_near(self, latitude: float, longitude: float) -> tuple[Place, ...]:
        return (Place("FR"),)


def codes(finding) -> str | None:
    return None if finding is None else " ".join(place.code for place in finding.value)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param("+33 1 23 45 67 89", "FR", id="France"),
        pytest.param("+44 20 7946 0000", "GB GG IM JE", id="one prefix, four places"),
        pytest.param("+353 1 234 5678", "IE", id="three digits before two"),
        pytest.param("+999 1234567", None, id="no such prefix"),
        pytest.param("020 7946 0000", None, id="not in international form"),
        pytest.param("call me", None, id="no number"),
    ],
)
def test_phone_prefix(number, expected):
    assert codes(from_phone_number(number)) == expected


def test_shared_american_prefix_names_all_who_share_it():
    finding = from_phone_number("+1 312 555 0100")
    assert finding is not None
    assert {"US", "CA", "JM"} <= {place.code for place in finding.value}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("www.example.fr", "FR", id="a country's domain"),
        pytest.param("EXAMPLE.CO.UK", "GB", id="uk is GB"),
        pytest.param("example.com", None, id="everybody's domain"),
        pytest.param("example.io", None, id="a country's domain that is sold to everybody"),
        pytest.param("example.eu", None, id="a union"),
        pytest.param("127.0.0.1", None, id="an address"),
        pytest.param("http://example.fr/x", None, id="not a host"),
        pytest.param("localhost", None, id="no domain"),
    ],
)
def test_page_domain(host, expected):
    assert codes(from_page_host(host, None)) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        pytest.param("fr-CA", "CA", id="with a region"),
        pytest.param("zh-Hant-TW", "TW", id="with a script and a region"),
        pytest.param("hu", "HU", id="one country"),
        pytest.param("el", "CY GR", id="two countries"),
        pytest.param("tlh", None, id="Klingon"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_language(tag, expected):
    assert codes(from_language(tag)) == expected


@pytest.mark.parametrize(
    ("country", "expected"),
    [("gb", "GB"), (" UK ", "GB"), ("France", None), ("", None), ("EU", None)],
)
def test_export_country(country, expected):
    finding = from_export_country(country, None, date(2024, 1, 1))
    assert codes(finding) == expected
    if finding is not None:
        assert finding.valid == Interval(None, date(2024, 1, 1))


def test_time_zone_names_all_who_keep_it():
    assert codes(from_time_zone("Europe/London")) == "GB GG IM JE"
    assert codes(from_time_zone("Asia/Tokyo")) == "AU JP"
    assert from_time_zone("Mars/Olympus") is None
    assert from_time_zone("Etc/GMT+2") is None


def test_position_is_dated_and_becomes_evidence_about_the_image():
    finding = from_exif_position(48.85, 2.35, date(2024, 5, 1), Paris())
    assert finding is not None
    found = finding.about(
        SubjectId(1),
        evidence_id="e1",
        image_id="i1",
        observed_at=datetime(2024, 6, 1, tzinfo=UTC),
        source="photo.jpg",
        permission_id="p1",
    )
    assert (found.tier, found.valid, found.extractor) == (Tier.C, Interval.day(date(2024, 5, 1)), "exif-position")


def test_position_of_zero_is_what_cameras_write_when_they_know_nothing():
    assert from_exif_position(0.0, 0.0, None, Paris()) is None
    assert from_exif_position(0.0, 0.1, None, Paris()) is not None


@pytest.mark.parametrize("position", [(91, 0), (0, 181), (float("nan"), 0), (0, float("inf"))])
def test_position_off_the_earth_is_refused(position):
    with pytest.raises(EvidenceInvalid):
        from_exif_position(*position, None, Paris())


def test_tables_name_only_countries_that_exist():
    for table in (CALLING_CODES, OFFICIAL_LANGUAGES):
        assert {code for countries in table.values() for code in countries} <= COUNTRIES
    states = {state for state, box in geography._state_boxes().items() if box[0] < box[1] and box[2] < box[3]}
    assert states == SUBDIVISIONS["US"] - {"AS", "GU", "MP", "PR", "UM", "VI"}


def test_circle_stays_on_the_earth():
    for position in ((90.0, 0.0), (-90.0, 180.0), (0.0, -180.0), (12.0, 179.9999)):
        for latitude, longitude in geography.circle(*position):
            assert -90 <= latitude <= 90
            assert -180 <= longitude <= 180


def test_geography_without_its_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timezonefinder", None)
    with pytest.raises(GeographyMissing) as caught:
        geography.ZoneGeography()
    assert "geography" in caught.value.remedy


@pytest.fixture(scope="module")
def world():
    pytest.importorskip("timezonefinder", reason="timezonefinder, the extra geography, is not installed")
    return geography.ZoneGeography()


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        pytest.param(51.5007, -0.1246, "GB", id="Westminster"),
        pytest.param(49.19, -2.11, "JE", id="Jersey is not the United Kingdom"),
        pytest.param(48.5734, 7.8010, "DE FR", id="on the Rhine bridge at Strasbourg"),
        pytest.param(43.7400, 7.4250, "FR MC", id="Monaco is within a kilometre of France"),
        pytest.param(42.66, 21.16, "RS XK", id="Pristina, as its zone has it"),
        pytest.param(39.80, -89.65, "US-IL US-MO", id="Springfield, Illinois, within two boxes"),
        pytest.param(40.71, -74.00, "US-NJ US-NY", id="Manhattan"),
        pytest.param(-33.87, 151.21, "AU", id="Sydney"),
        pytest.param(0.0, -30.0, "", id="the Atlantic"),
    ],
)
def test_position_names_every_place_it_can_be(world, latitude, longitude, expected):
    assert " ".join(place.code for place in world.places_near(latitude, longitude)) == expected
