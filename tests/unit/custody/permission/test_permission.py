"""A Decision is a value with a reason, and doubt refuses; the ledger keeps every permission sealed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from countenance import clock
from countenance.custody.permission.decide import Granted, Refused, decide
from countenance.custody.permission.record import Asked, PermissionRecord, check
from countenance.errors import PermissionInvalid
from countenance.store.permissions import PermissionRow, PermissionState
from countenance.store.subjects import SubjectRow, SubjectState
from countenance.terms import SubjectId
from countenance.vault.sealing import WrappedKeys
from tests.galleries import START, UNTIL, Galleries

BEGIN, END = START, START + timedelta(days=10)


def subject(state: SubjectState = SubjectState.ACTIVE) -> SubjectRow:
    return SubjectRow(SubjectId(1), b"tag", b"name", WrappedKeys("GB", {}), state, clock.to_text(START))


def permission(
    version: int = 1,
    *,
    purposes: frozenset[str] = frozenset({"event-photos"}),
    state: PermissionState = PermissionState.GIVEN,
    begin: datetime = BEGIN,
    end: datetime = END,
) -> PermissionRow:
    times = clock.to_text(begin), clock.to_text(end)
    return PermissionRow(f"p{version}", SubjectId(1), version, state, *times, purposes, b"sealed")


@pytest.mark.parametrize(
    ("who", "held", "purpose", "at"),
    [
        (None, [permission()], "event-photos", BEGIN),
        (subject(SubjectState.FROZEN), [permission()], "event-photos", BEGIN),
        (subject(), [], None, BEGIN),
        (subject(), [permission()], "event-photos", BEGIN - timedelta(microseconds=1)),
        (subject(), [permission()], "event-photos", END),
        (subject(), [permission(state=PermissionState.WITHDRAWN)], "event-photos", BEGIN),
        (subject(), [permission()], "lost-and-found", BEGIN),
        (subject(), [permission(), permission(2, purposes=frozenset({"x"}), end=BEGIN)], "x", BEGIN),
    ],
    ids=[
        "nobody on record",
        "being erased",
        "no permission",
        "before it begins",
        "the moment it ends",
        "withdrawn",
        "for another purpose",
        "named only by one that has ended",
    ],
)
def test_doubt_refuses(
    who: SubjectRow | None, held: list[PermissionRow], purpose: str | None, at: datetime
) -> None:
    answer = decide(who, held, purpose, at=at)
    assert isinstance(answer, Refused)
    assert answer.reason


@pytest.mark.parametrize("at", [BEGIN, END - timedelta(microseconds=1)], ids=["first moment", "last moment"])
def test_a_permission_in_force_that_names_the_purpose_grants(at: datetime) -> None:
    held = [permission(), permission(2), permission(3, purposes=frozenset({"lost-and-found"}))]
    assert decide(subject(), held, "event-photos", at=at) == Granted("p2", 2)
    assert decide(subject(), held, None, at=at) == Granted("p3", 3)


@given(st.lists(st.booleans(), max_size=6), st.booleans())
def test_nothing_is_granted_unless_some_permission_stands(given_ones: list[bool], active: bool) -> None:
    held = [
        permission(n, state=PermissionState.GIVEN if stands else PermissionState.WITHDRAWN)
        for n, stands in enumerate(given_ones, 1)
    ]
    who = subject(SubjectState.ACTIVE if active else SubjectState.FROZEN)
    assert isinstance(decide(who, held, "event-photos", at=BEGIN), Granted) == (active and any(given_ones))


def test_a_record_reads_back_as_it_was_written() -> None:
    asked = Asked("Renée", ["b", "a", "b"], "US-IL", UNTIL, recipients=["the press office"])
    asked = replace(asked, guardian="her mother", born=date(2012, 5, 1), release="paper 7", returning="herself")
    record = check(asked, now=START, record_id="r", version=3)
    assert record.purposes == ("b", "a")
    assert PermissionRecord.from_bytes(record.to_bytes()) == record


def test_a_record_of_a_later_version_is_refused() -> None:
    record = check(Asked("anna", ["a"], "GB", UNTIL), now=START, record_id="r", version=1)
    later = record.to_bytes().replace(b'"record_version": 2', b'"record_version": 3')
    assert later != record.to_bytes()
    with pytest.raises(PermissionInvalid):
        PermissionRecord.from_bytes(later)


def test_a_record_of_the_first_version_is_read() -> None:
    record = check(Asked("anna", ["a"], "GB", UNTIL), now=START, record_id="r", version=1)
    kept = json.loads(record.to_bytes())
    first = {**kept, "record_version": 1}
    del first["comes_of_age"], first["returning"]
    assert replace(PermissionRecord.from_bytes(json.dumps(first).encode()), record_version=2) == record


def test_a_receipt_names_every_field_that_a_consent_receipt_has() -> None:
    receipt = check(Asked("anna", ["a"], "GB", UNTIL), now=START, record_id="r", version=1).receipt()
    needed = {"schema_version", "record_id", "pii_principal", "pii_controller", "privacy_notice", "language"}
    needed |= {"purposes", "pii_categories", "storage_location", "retention", "jurisdiction", "recipients"}
    needed |= {"withdrawal_method", "events", "written_release"}
    assert needed <= set(receipt)


def test_permissions_are_recorded_all_or_none(galleries: Galleries) -> None:
    gallery = galleries.new()
    good, bad = Asked("anna", ["a"], "GB", UNTIL), Asked("bob", [], "GB", UNTIL)
    with pytest.raises(PermissionInvalid):
        gallery._ledger.give([good, bad])
    assert gallery.status().subjects == 0
    assert len(gallery._ledger.give([good, good])) == 2
    assert [row.version for row, _ in gallery._ledger.records(gallery._ledger.find("anna"))] == [1, 2]


def test_the_store_holds_no_name_and_no_notice_in_the_clear(both: Galleries) -> None:
    gallery = both.new()
    gallery.permit("Wilhelmina", purposes=["a"], residence="GB", until=UNTIL, notice="read on 4 January")
    with gallery._database.read() as connection:
        for table in ("subjects", "permissions"):
            for row in connection.execute(text(f"SELECT * FROM {table}")):
                assert not any(word in str(tuple(row)) for word in ("Wilhelmina", "4 January"))


def test_a_clock_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        clock.SteppedClock(datetime(2027, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="time zone"):
        clock.from_text("2027-01-01T00:00:00")
    assert clock.from_text(clock.to_text(START)) == START.astimezone(UTC)
