"""Rows about permissions: what a Decision needs in the clear, the record itself sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, and_, exists, func, insert, not_, select, update

from countenance.store import numbering, schema
from countenance.store.batches import pieces
from countenance.terms import SubjectId

_t = schema.permissions
_p = schema.permission_purposes


class PermissionState(StrEnum):
    """Whether a permission still stands. Expiry is not a state: it follows from the clock."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class PermissionRow:
    """One permission of one subject."""

    permission_id: str
    subject_id: SubjectId
    version: int
    state: PermissionState
    valid_from_utc: str
    valid_until_utc: str
    purposes: frozenset[str]
    sealed_record: bytes


def add(connection: Connection, rows: Sequence[PermissionRow]) -> None:
    """Insert permissions and the purposes they name."""
    if not rows:
        return
    names = sorted({purpose for row in rows for purpose in row.purposes})
    numbers = {purpose: numbering.number_purpose(connection, purpose) for purpose in names}
    connection.execute(
        insert(_t),
        [
            {
                "permission_id": row.permission_id,
                "subject_id": row.subject_id,
                "version": row.version,
                "state": row.state,
                "valid_from_utc": row.valid_from_utc,
                "valid_until_utc": row.valid_until_utc,
                "sealed_record": row.sealed_record,
            }
            for row in rows
        ],
    )
    connection.execute(
        insert(_p),
        [
            {"permission_id": row.permission_id, "purpose": numbers[purpose], "subject_id": row.subject_id}
            for row in rows
            for purpose in sorted(row.purposes)
        ],
    )


def of_subjects(connection: Connection, subject_ids: Sequence[int]) -> dict[SubjectId, list[PermissionRow]]:
    """All permissions of these subjects, oldest version first; subjects without any are absent."""
    names = {number: purpose for purpose, number in numbering.purposes(connection).items()}
    found: dict[SubjectId, list[PermissionRow]] = {}
    for some in pieces(subject_ids):
        named: dict[str, set[str]] = {}
        query = select(_p.c.permission_id, _p.c.purpose).where(_p.c.subject_id.in_(some))
        for permission_id, purpose in connection.execute(query):
            named.setdefault(permission_id, set()).add(names[purpose])
        for row in connection.execute(select(_t).where(_t.c.subject_id.in_(some)).order_by(_t.c.version)):
            found.setdefault(SubjectId(row.subject_id), []).append(
                PermissionRow(
                    row.permission_id,
                    SubjectId(row.subject_id),
                    row.version,
                    PermissionState(row.state),
                    row.valid_from_utc,
                    row.valid_until_utc,
                    frozenset(named.get(row.permission_id, ())),
                    row.sealed_record,
                )
            )
    return found


def withdraw(connection: Connection, subject_ids: Sequence[int]) -> None:
    """Mark every permission of these subjects as withdrawn."""
    for some in pieces(subject_ids):
        connection.execute(update(_t).where(_t.c.subject_id.in_(some)).values(state=PermissionState.WITHDRAWN))


def lapsed(connection: Connection, now_utc: str) -> list[SubjectId]:
    """Subjects whose last permission has ended: nothing of theirs may be kept."""
    other = _t.alias()
    in_force = exists().where(
        and_(
            other.c.subject_id == _t.c.subject_id,
            other.c.state == PermissionState.GIVEN,
            other.c.valid_until_utc > now_utc,
        )
    )
    ended = select(_t.c.subject_id).where(_t.c.valid_until_utc <= now_utc, not_(in_force)).distinct()
    return sorted(SubjectId(number) for number in connection.scalars(ended))


def withdrawn(connection: Connection, now_utc: str) -> list[SubjectId]:
    """Subjects who withdrew and have given no other permission: kept only while a duty to keep holds them."""
    other = _t.alias()
    in_force = exists().where(
        and_(
            other.c.subject_id == _t.c.subject_id,
            other.c.state == PermissionState.GIVEN,
            other.c.valid_until_utc > now_utc,
        )
    )
    gone = select(_t.c.subject_id).where(_t.c.state == PermissionState.WITHDRAWN, not_(in_force)).distinct()
    return sorted(SubjectId(number) for number in connection.scalars(gone))


def count(connection: Connection, now_utc: str) -> dict[str, int]:
    """How many permissions in force name each purpose."""
    query = (
        select(schema.purposes.c.purpose, func.count())
        .select_from(_p.join(_t, _t.c.permission_id == _p.c.permission_id))
        .join(schema.purposes, schema.purposes.c.number == _p.c.purpose)
        .where(_t.c.state == PermissionState.GIVEN, _t.c.valid_until_utc > now_utc, _t.c.valid_from_utc <= now_utc)
        .group_by(schema.purposes.c.purpose)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
