"""Rows about requests that must have their effect once: who is at work on one, how it ended, what was answered.

Rules kept here: a request without a status is begun; one whose owner is None was left half done by a process that
lived to say so. A ``mark`` is written in the transaction of the effect that it speaks of.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from countenance.store import request_tables as tables
from countenance.terms import SubjectId

MADE = "made"
"""Mark of a request whose effect is committed."""

AGAIN = "again"
"""Mark of a request that was handed out a second time: what the first run did is not known."""

_q = tables.requests
_a = tables.request_answers
_k = tables.answer_keys


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request. ``status`` is None until it is answered."""

    request_id: str
    key_tag: bytes
    content_tag: bytes
    owner: int | None
    mark: str | None
    status: int | None
    begun_utc: str
    expires_utc: str


@dataclass(frozen=True, slots=True, repr=False)
class AnswerRow:
    """A kept answer, sealed under the subject's key or under that of a day."""

    request_id: str
    subject_id: SubjectId | None
    day: str | None
    sealed_body: bytes


@dataclass(frozen=True, slots=True, repr=False)
class DayKeyRow:
    """The key under which a day's answers are sealed that are about nobody on record."""

    day: str
    key_slot: int
    wrapped_key: bytes


def by_tag(connection: Connection, key_tag: bytes) -> RequestRow | None:
    """The request with that key."""
    row = connection.execute(select(_q).where(_q.c.key_tag == key_tag)).one_or_none()
    return None if row is None else RequestRow(**row._mapping)


def get(connection: Connection, request_id: str) -> RequestRow | None:
    """One request."""
    row = connection.execute(select(_q).where(_q.c.request_id == request_id)).one_or_none()
    return None if row is None else RequestRow(**row._mapping)


def add(connection: Connection, row: RequestRow) -> None:
    """Insert a request that has begun."""
    connection.execute(
        insert(_q).values(
            request_id=row.request_id,
            key_tag=row.key_tag,
            content_tag=row.content_tag,
            owner=row.owner,
            mark=row.mark,
            status=row.status,
            begun_utc=row.begun_utc,
            expires_utc=row.expires_utc,
        )
    )


def hand_over(connection: Connection, request_id: str, owner: int | None) -> None:
    """Let another process, or with None nobody, be at work on a request."""
    connection.execute(update(_q).where(_q.c.request_id == request_id).values(owner=owner))


def mark(connection: Connection, request_id: str | None, word: str | None) -> None:
    """Write what a request has done, in the transaction that does it. Nothing for what is no request on record."""
    if request_id is not None:
        connection.execute(update(_q).where(_q.c.request_id == request_id).values(mark=word))


def marked(connection: Connection, request_id: str | None) -> str | None:
    """What a request has done already."""
    return connection.scalar(select(_q.c.mark).where(_q.c.request_id == request_id))


def answer(connection: Connection, request_id: str, status: int, expires_utc: str, kept: AnswerRow | None) -> bool:
    """Write how a request ended; False when it is not on record any more, and then nothing was written."""
    values = {"status": status, "owner": None, "expires_utc": expires_utc}
    if not connection.execute(update(_q).where(_q.c.request_id == request_id).values(values)).rowcount:
        return False
    connection.execute(delete(_a).where(_a.c.request_id == request_id))
    if kept is not None:
        connection.execute(
            insert(_a).values(
                request_id=kept.request_id,
                subject_id=kept.subject_id,
                day=kept.day,
                sealed_body=kept.sealed_body,
            )
        )
    return True


def answered(connection: Connection, request_id: str) -> AnswerRow | None:
    """The answer that was kept; None when none was, or when it went with its subject."""
    row = connection.execute(select(_a).where(_a.c.request_id == request_id)).one_or_none()
    if row is None:
        return None
    subject_id = None if row.subject_id is None else SubjectId(row.subject_id)
    return AnswerRow(row.request_id, subject_id, row.day, bytes(row.sealed_body))


def drop(connection: Connection, request_id: str) -> None:
    """Forget a request and its answer."""
    connection.execute(delete(_a).where(_a.c.request_id == request_id))
    connection.execute(delete(_q).where(_q.c.request_id == request_id))


def expired(connection: Connection, now_utc: str) -> list[RequestRow]:
    """Requests whose time is over, answered or not."""
    query = select(_q).where(_q.c.expires_utc <= now_utc)
    return [RequestRow(**row._mapping) for row in connection.execute(query)]


def owners(connection: Connection) -> set[int]:
    """The owners of requests that are not answered."""
    return set(connection.scalars(select(_q.c.owner).where(_q.c.owner.is_not(None)).distinct()))


def day_key(connection: Connection, day: str) -> DayKeyRow | None:
    """The key of a day."""
    row = connection.execute(select(_k).where(_k.c.day == day)).one_or_none()
    return None if row is None else DayKeyRow(row.day, row.key_slot, bytes(row.wrapped_key))


def add_day_key(connection: Connection, row: DayKeyRow) -> None:
    """Insert the key of a day."""
    connection.execute(insert(_k).values(day=row.day, key_slot=row.key_slot, wrapped_key=row.wrapped_key))


def days_before(connection: Connection, day: str) -> list[DayKeyRow]:
    """The keys of days before this one."""
    rows = connection.execute(select(_k).where(_k.c.day < day))
    return [DayKeyRow(row.day, row.key_slot, bytes(row.wrapped_key)) for row in rows]


def drop_day(connection: Connection, day: str) -> None:
    """Delete what was sealed under a day's key, and the key as it lies here."""
    connection.execute(delete(_a).where(_a.c.day == day))
    connection.execute(delete(_k).where(_k.c.day == day))
