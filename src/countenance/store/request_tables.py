"""The tables of exactly-once writes and of long work: requests, answers kept for a retry, jobs and results.

Rules kept here:

* A client's key and what it sent are keyed fingerprints: neither may say whom a request was about.
* An answer about a subject is sealed under her key, in a table that names her, and goes with her. That the request
  was made stays for its day, so that a late retry does not do anew what was erased.
* What a job says about a subject is sealed under her key and goes with her; the rest under a key of the job's own,
  which is destroyed with the job.
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

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("customer_id", String(32), ForeignKey("customers.customer_id"), nullable=True, index=True),
    Column("actor", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", Number, nullable=True),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=True),
    Column("cancelling", Integer, nullable=False),
    Column("code", String(32), nullable=True),
    Column("asked_utc", Moment, nullable=False),
    Column("ended_utc", Moment, nullable=True),
    Column("key_slot", Number, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
)

job_results = Table(
    "job_results",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.job_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=True, index=True),
    Column("sealed_result", LargeBinary, nullable=False),
)

PERSONAL = {
    job_results: "results of long work",
    request_answers: "answers kept for retries",
}

HARMLESS = {
    jobs: "which kinds of work an account has asked for, and how far they are; what they say is in job_results",
    requests: "keyed fingerprints of requests and who is at work on them; gone within a day",
    answer_keys: "wrapped keys of a day's answers that name nobody on record",
}
