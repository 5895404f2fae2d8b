"""Rows about recipients of released candidates: who has to be told of an erasure, and what they answered.

A disclosure is about a subject and goes with her; the notice that it leads to names the organisation only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from countenance.store import schema
from countenance.store.batches import pieces
from countenance.terms import SubjectId

_d = schema.disclosures
_n = schema.notices


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One recipient's notice of one erasure."""

    erasure_id: str
    recipient: str
    candidates: int
    told_utc: str | None
    answer: str | None
    answered_utc: str | None


def disclose(
    connection: Connection, disclosure_id: str, subject_id: SubjectId, recipient: str, at_utc: str
) -> None:
    """Put on record that a candidate was released to somebody outside."""
    connection.execute(
        insert(_d).values(disclosure_id=disclosure_id, subject_id=subject_id, recipient=recipient, at_utc=at_utc)
    )


def recipients(connection: Connection, subject_id: SubjectId) -> list[tuple[str, str]]:
    """To whom a subject was released, and when, oldest first."""
    query = select(_d.c.recipient, _d.c.at_utc).where(_d.c.subject_id == subject_id).order_by(_d.c.at_utc)
    return [(row[0], row[1]) for row in connection.execute(query)]


def address(connection: Connection, erasure_id: str, subject_ids: Sequence[int]) -> None:
    """Open a notice for everybody to whom one of these subjects was released."""
    counted: dict[str, int] = {}
    for some in pieces(subject_ids):
        query = select(_d.c.recipient, func.count()).where(_d.c.subject_id.in_(some)).group_by(_d.c.recipient)
        for recipient, number in connection.execute(query):
            counted[recipient] = counted.get(recipient, 0) + number
    rows = [{"erasure_id": erasure_id, "recipient": who, "candidates": n} for who, n in sorted(counted.items())]
    if rows:
        connection.execute(insert(_n), rows)


def tell(connection: Connection, erasure_id: str, recipient: str, at_utc: str) -> bool:
    """Write down that a recipient was told; False when there is no such notice."""
    where = (_n.c.erasure_id == erasure_id, _n.c.recipient == recipient)
    return connection.execute(update(_n).where(*where).values(told_utc=at_utc)).rowcount == 1


def answered(connection: Connection, erasure_id: str, recipient: str, answer: str, at_utc: str) -> bool:
    """Write down what a recipient answered; False when there is no such notice. Who answers has been told."""
    where = (_n.c.erasure_id == erasure_id, _n.c.recipient == recipient)
    told = func.coalesce(_n.c.told_utc, at_utc)
    values = {"answer": answer, "answered_utc": at_utc, "told_utc": told}
    return connection.execute(update(_n).where(*where).values(values)).rowcount == 1


def of_erasure(connection: Connection, erasure_id: str) -> list[NoticeRow]:
    """The notices of an erasure."""
    query = select(_n).where(_n.c.erasure_id == erasure_id).order_by(_n.c.recipient)
    return [NoticeRow(*row) for row in connection.execute(query)]


def listed(connection: Connection, erasure_id: str | None) -> list[NoticeRow]:
    """The notices of one erasure, or of all, those without an answer first."""
    query = select(_n) if erasure_id is None else select(_n).where(_n.c.erasure_id == erasure_id)
    rows = [NoticeRow(*row) for row in connection.execute(query.order_by(_n.c.erasure_id, _n.c.recipient))]
    return sorted(rows, key=lambda row: row.answered_utc is not None)


def silent(connection: Connection, erasure_id: str) -> int:
    """How many recipients have not answered yet."""
    query = select(func.count()).select_from(_n).where(_n.c.erasure_id == erasure_id, _n.c.answered_utc.is_(None))
    return connection.scalar(query) or 0
