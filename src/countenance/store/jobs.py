"""Rows about long work: how far each job is, and what it says, sealed. Result 0 is its own, others its items'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, or_, select, update

from countenance.store import request_tables as tables
from countenance.terms import SubjectId

_j = tables.jobs
_r = tables.job_results


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job. ``owner`` is who runs it, None when nobody does any more."""

    job_id: str
    kind: str
    customer_id: str | None
    actor: str
    state: str
    owner: int | None
    done: int
    total: int | None
    cancelling: int
    code: str | None
    asked_utc: str
    ended_utc: str | None
    key_slot: int
    wrapped_key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class ResultRow:
    """What a job says, sealed under the subject's key or the job's own."""

    job_id: str
    number: int
    subject_id: SubjectId | None
    sealed_result: bytes


def add(connection: Connection, row: JobRow) -> None:
    """Insert a job."""
    connection.execute(insert(_j).values({name: getattr(row, name) for name in _j.c.keys()}))  # noqa: SIM118


def change(connection: Connection, job_id: str, **values: str | int | None) -> None:
    """Change columns of a job."""
    connection.execute(update(_j).where(_j.c.job_id == job_id).values(**values))


def get(connection: Connection, job_id: str) -> JobRow | None:
    """One job."""
    row = connection.execute(select(_j).where(_j.c.job_id == job_id)).one_or_none()
    return None if row is None else JobRow(**row._mapping)


def page(
    connection: Connection, customer_id: str | None, actor: str | None, after: JobRow | None, limit: int
) -> list[JobRow]:
    """At most ``limit`` jobs of a customer, or with None of the gallery; newest first, from below ``after`` on.
    With ``actor``, of that one only."""
    query = select(_j).where(_j.c.customer_id.is_(None) if customer_id is None else _j.c.customer_id == customer_id)
    if actor is not None:
        query = query.where(_j.c.actor == actor)
    if after is not None:
        same = (_j.c.asked_utc == after.asked_utc) & (_j.c.job_id < after.job_id)
        query = query.where(or_(_j.c.asked_utc < after.asked_utc, same))
    query = query.order_by(_j.c.asked_utc.desc(), _j.c.job_id.desc()).limit(limit)
    return [JobRow(**row._mapping) for row in connection.execute(query)]


def unfinished(connection: Connection) -> list[JobRow]:
    """Jobs that somebody runs, or ran when it died."""
    return [JobRow(**row._mapping) for row in connection.execute(select(_j).where(_j.c.ended_utc.is_(None)))]


def ended_before(connection: Connection, at_utc: str) -> list[JobRow]:
    """Jobs that ended before a moment."""
    query = select(_j).where(_j.c.ended_utc < at_utc)
    return [JobRow(**row._mapping) for row in connection.execute(query)]


def say(connection: Connection, rows: Sequence[ResultRow]) -> None:
    """Write results; the job's own, number 0, replaces the one before."""
    for row in rows:
        if row.number == 0:
            connection.execute(delete(_r).where(_r.c.job_id == row.job_id, _r.c.number == 0))
    values = [{name: getattr(row, name) for name in ResultRow.__slots__} for row in rows]
    if values:
        connection.execute(insert(_r), values)


def said(connection: Connection, job_id: str, first: int, limit: int) -> list[ResultRow]:
    """At most ``limit`` results of a job, from ``first`` on."""
    query = select(_r).where(_r.c.job_id == job_id, _r.c.number >= first).order_by(_r.c.number).limit(limit)
    return [
        ResultRow(
            row.job_id,
            row.number,
            None if row.subject_id is None else SubjectId(row.subject_id),
            bytes(row.sealed_result),
        )
        for row in connection.execute(query)
    ]


def unsay(connection: Connection, job_id: str) -> None:
    """Delete a job's results."""
    connection.execute(delete(_r).where(_r.c.job_id == job_id))


def drop(connection: Connection, job_id: str) -> None:
    """Delete a job and its results."""
    unsay(connection, job_id)
    connection.execute(delete(_j).where(_j.c.job_id == job_id))
