"""The tables of exactly-once writes: requests by their key, the answers kept for a retry, and the keys of those.

Rules kept here:

* A client's key and what it sent are keyed fingerprints: neither may say whom a request was about.
* An answer about a subject is sealed under her key, in a table that names her, and goes with her. That the request
  was made stays for its day, so that a late retry does not do anew what was erased.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table

from countenance.store.columns import Moment, Number, metadata

requests = Table(
    "requests",
    metadata,
    Column("request_id", String(32), primary_key=True),
    Column("key_tag", LargeBinary(32), nullable=False, unique=True),
    Column("content_tag", LargeBinary(32), nullable=False),
    Column("owner", Number, nullable=True),
    Column("mark", String(64), nullable=True),
    Column("status", Integer, nullable=True),
    Column("begun_utc", Moment, nullable=False),
    Column("expires_utc", Moment, nullable=False, index=True),
)

request_answers = Table(
    "request_answers",
    metadata,
    Column("request_id", String(32), ForeignKey("requests.request_id"), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=True, index=True),
    Column("day", String(10), nullable=True, index=True),
    Column("sealed_body", LargeBinary, nullable=False),
)

answer_keys = Table(
    "answer_keys",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("key_slot", Number, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
)

PERSONAL = {
    request_answers: "answers kept for retries",
}

HARMLESS = {
    requests: "keyed fingerprints of requests and who is at work on them; gone within a day",
    answer_keys: "wrapped keys of a day's answers that name nobody on record",
}
