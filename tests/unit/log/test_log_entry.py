"""Leaves are canonical and name nobody."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from countenance.errors import EntryInvalid
from countenance.log import Entry, commitment

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = bytes(32)


def test_entry_is_canonical_json() -> None:
    entry = Entry(WHEN, "permission.granted", {"subject": commitment(KEY, "subject", b"anna"), "count": 2})
    assert entry.as_bytes() == (
        b'{"at":"2026-03-01T12:00:00Z","body":{"count":2,"subject":"' + entry.body["subject"].encode()
        + b'"},"event":"permission.granted","v":1}'
    )  # fmt: skip
    assert Entry.from_bytes(entry.as_bytes()) == entry


@pytest.mark.parametrize(
    "value",
    [
        "Anna Example",
        "anna@example.org",
        "",
        "photos/anna.jpg",
        "a" * 129,
        0.5,
        2**53,
        b"bytes",
        {"Upper": 1},
        {"a b": 1},
    ],
    ids=[
        "name",
        "address",
        "empty",
        "path",
        "long",
        "fraction",
        "large",
        "bytes",
        "upper-case field",
        "spaced field",
    ],
)
def test_entry_refuses_what_could_name_somebody_or_has_no_one_spelling(value: object) -> None:
    with pytest.raises(EntryInvalid) as raised:
        Entry(WHEN, "event", {"field": value}).as_bytes()  # type: ignore[dict-item]
    assert "nna" not in str(raised.value), "an error never repeats what it refuses"


def test_entry_refuses_a_time_without_zone() -> None:
    with pytest.raises(EntryInvalid, match="time zone"):
        Entry(datetime(2026, 3, 1), "event").as_bytes()  # noqa: DTZ001


def test_entry_refuses_what_two_length_bytes_cannot_count() -> None:
    with pytest.raises(EntryInvalid, match="65535"):
        Entry(WHEN, "event", {"many": ["a" * 100] * 700}).as_bytes()


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"at":"2026-03-01T12:00:00Z","body":{},"event":"e","v":2}',
        b'{"at":"2026-03-01T12:00:00Z","body":[],"event":"e","v":1}',
        b'{"at":"2026-03-01T12:00:00Z","body":{}, "event":"e","v":1}',
        b'{"at":"2026-03-01T12:00:00+00:00","body":{},"event":"e","v":1}',
        b'{"at":"2026-03-01T12:00:00Z","body":{},"event":"e","v":true}',
        b'{"at":5,"body":{},"event":"e","v":1}',
        b"[" * 100_000,
    ],
    ids=[
        "empty",
        "list",
        "not text",
        "newer",
        "body no object",
        "space",
        "other time",
        "true for 1",
        "no time",
        "deep",
    ],
)
def test_a_leaf_that_no_entry_would_write_is_refused(leaf: bytes) -> None:
    with pytest.raises(EntryInvalid):
        Entry.from_bytes(leaf)


def test_commitments_differ_by_key_by_kind_and_by_value() -> None:
    other = bytes(31) + b"\x01"
    assert len({commitment(k, w, v) for k in (KEY, other) for w in ("subject", "image") for v in (b"1", b"2")}) == 8


def test_commitment_is_hmac_sha256_under_the_subjects_key() -> None:
    import hmac

    expected = hmac.digest(KEY, b"countenance/commitment/v1\nsubject\nanna", "sha256").hex()
    assert commitment(KEY, "subject", b"anna") == expected


def test_commitment_refuses_a_short_key() -> None:
    with pytest.raises(EntryInvalid, match="32 bytes"):
        commitment(b"short", "subject", b"anna")
