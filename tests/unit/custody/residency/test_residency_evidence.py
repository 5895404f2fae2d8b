"""What may be recorded about where somebody lives, and what has no place in the record."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from residency_facts import ANNA, evidence

import countenance.custody.residency as package
from countenance.custody.residency.evidence import (
    FIELDS,
    IMAGE_PREDICATES,
    SIGNALS,
    SUBJECT_PREDICATES,
    Evidence,
    Predicate,
    Signal,
    Tier,
)
from countenance.custody.residency.extract import EXTRACTORS
from countenance.custody.residency.geography import Geography
from countenance.custody.residency.intervals import Interval, covers
from countenance.custody.residency.places import Overlap, overlap, place
from countenance.errors import DateImpossible, EvidenceInvalid, PlaceUnknown

FORBIDDEN = (
    "face template embedding vector skin race ethnic clothing religion nationality gender age name pixel picture"
)


def test_predicates_and_signals_are_exactly_those_that_the_rules_allow():
    assert {p.value for p in Predicate} == {
        "resident_of",
        "present_in",
        "named_subject",
        "image_located_in",
        "image_uploaded_in",
        "collected_from_server_in",
        "customer_in",
    }
    assert {s.value: SIGNALS[s].tier.value for s in Signal} == {
        "declaration": "A",
        "address_credential": "A",
        "export_account_country": "B",
        "phone_prefix": "B",
        "permission_jurisdiction": "B",
        "exif_position": "C",
        "stated_place": "C",
        "page_domain": "D",
        "source_url": "D",
        "language": "D",
        "time_zone": "D",
    }


def test_record_has_no_field_for_anything_seen_in_a_picture():
    words = {word for field in FIELDS for word in field.split("_")} | {
        word for signal in Signal for word in signal.value.split("_")
    }
    assert not words & set(FORBIDDEN.split())
    assert set(evidence("e1", "A resident_of GB").to_document()) == FIELDS
    assert {f.name for f in dataclasses.fields(Evidence)} - {"valid"} == FIELDS - {
        "version",
        "valid_from",
        "valid_to",
    }


def test_extractors_take_text_numbers_and_dates_and_nothing_else():
    plain = {str, float, date, date | None, Geography}
    for extractor in EXTRACTORS:
        hints = typing.get_type_hints(extractor)
        hints.pop("return")
        assert set(hints.values()) <= plain, extractor.__name__
    near = typing.get_type_hints(Geography.places_near)
    assert (near["latitude"], near["longitude"]) == (float, float)


def test_every_extractor_is_listed():
    module = importlib.import_module("countenance.custody.residency.extract")
    public = {f for name, f in inspect.getmembers(module, inspect.isfunction) if name.startswith("from_")}
    assert public == set(EXTRACTORS)


def test_residency_knows_no_pixels_vectors_or_models():
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        names = vars(importlib.import_module(found.name))
        assert not {"np", "numpy", "Pixels", "Vectors", "Box", "cv2", "PIL"} & set(names), found.name


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        pytest.param("B resident_of GB", {"signal": Signal.DECLARATION}, id="a tier that is not the signal's"),
        pytest.param("C resident_of GB", {"signal": Signal.EXIF_POSITION}, id="a position says no residence"),
        pytest.param("D image_located_in GB", {"signal": Signal.LANGUAGE}, id="a language places no photograph"),
        pytest.param("A named_subject GB", {}, id="a name is not evidence of a place"),
        pytest.param("A customer_in GB", {}, id="a customer is not a subject"),
        pytest.param("A image_located_in GB", {"image_id": None}, id="an image that is not named"),
        pytest.param("A resident_of 001", {}, id="the whole world"),
        pytest.param("A resident_of GB|GB", {}, id="a place twice"),
        pytest.param("A resident_of GB", {"value": ()}, id="no place"),
        pytest.param("A resident_of GB", {"observed_at": datetime(2024, 1, 1)}, id="no time zone"),  # noqa: DTZ001
        pytest.param("A resident_of GB", {"contradicts": ("e1",)}, id="contradicting itself"),
        pytest.param("A resident_of GB", {"source": "looks\nBritish"}, id="text with a line break"),
        pytest.param("A resident_of GB", {"permission_id": ""}, id="no permission"),
    ],
)
def test_evidence_that_is_not_allowed_cannot_be_made(said, changes):
    with pytest.raises(EvidenceInvalid):
        evidence("e1", said, **changes)


def test_record_keeps_everything():
    one = evidence("e1", "C image_located_in US-IL|US-MO 2024-01-01 2024-01-01", contradicts=("e0", "e2"))
    assert Evidence.from_document(one.to_document()) == one
    assert one.to_document()["version"] == 1


@pytest.mark.parametrize(
    ("member", "value"),
    [
        pytest.param("version", 2, id="another version"),
        pytest.param("tier", "E", id="a tier that is none"),
        pytest.param("signal", "face", id="a face"),
        pytest.param("predicate", "looks_like", id="a predicate that is none"),
        pytest.param("valid_from", "2022-02-30", id="a day that does not exist"),
        pytest.param("observed_at", "2022-02-01T00:00:00", id="no time zone"),
        pytest.param("value", "GB", id="a place that is no list"),
        pytest.param("subject_id", "anna", id="a name for a number"),
        pytest.param("skin", "x", id="a member that nobody knows"),
    ],
)
def test_damaged_record_is_refused(member, value):
    with pytest.raises(EvidenceInvalid):
        Evidence.from_document({**evidence("e1", "A resident_of GB").to_document(), member: value})


def test_subject_and_image_predicates_do_not_overlap():
    assert not SUBJECT_PREDICATES & IMAGE_PREDICATES
    assert ANNA == 7
    assert min(Tier) is Tier.A


# -- places and days --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["UK", "EU", "gb", "GBR", "", "US-", "US-ZZ", "GB-XYZ", "FR-", "FR-île", "ZZ", "001-A"]
)
def test_unknown_place_is_refused(code):
    with pytest.raises(PlaceUnknown):
        place(code)


@pytest.mark.parametrize(
    ("candidates", "named", "expected"),
    [
        pytest.param("GB", "GB", Overlap.WITHIN, id="the same"),
        pytest.param("GB-SCT", "GB", Overlap.WITHIN, id="a part"),
        pytest.param("GB", "GB-SCT", Overlap.PARTLY, id="the whole"),
        pytest.param("GB FR", "GB", Overlap.PARTLY, id="one of two"),
        pytest.param("US-IL US-NY", "US", Overlap.WITHIN, id="two parts"),
        pytest.param("FR DE", "GB", Overlap.APART, id="neither"),
        pytest.param("US-NY", "US-IL", Overlap.APART, id="another part"),
        pytest.param("FR", "001", Overlap.WITHIN, id="the world"),
    ],
)
def test_how_places_lie_to_each_other(candidates, named, expected):
    assert overlap(tuple(place(code) for code in candidates.split()), place(named)) is expected


def test_interval_that_ends_before_it_starts_is_refused():
    with pytest.raises(DateImpossible):
        Interval(date(2022, 1, 2), date(2022, 1, 1))


DAY = st.dates(date(2024, 1, 1), date(2024, 1, 20))
END = st.one_of(st.none(), DAY)
SPAN = (
    st.tuples(END, END).filter(lambda p: p[0] is None or p[1] is None or p[0] <= p[1]).map(lambda p: Interval(*p))
)
FAR = (date(2023, 6, 1), date(2024, 6, 1))


def days_of(interval: Interval) -> set[int]:
    start, end = interval.start or FAR[0], interval.end or FAR[1]
    return set(range(start.toordinal(), end.toordinal() + 1))


@given(st.lists(SPAN, max_size=5), SPAN)
def test_covering_agrees_with_counting_days(parts, whole):
    assert covers(parts, whole) is (days_of(whole) <= set().union(*map(days_of, parts)))


@given(SPAN, SPAN)
def test_overlapping_agrees_with_counting_days(one, two):
    assert one.overlaps(two) is bool(days_of(one) & days_of(two))
