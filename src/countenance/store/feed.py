"""The change feed: what every process's index must do to be up to date. Read before every search.

Rules kept here: a change is written in the transaction that makes it true; writers queue (store.database), so
numbers become visible in order and "everything after number n" misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, func, insert, literal, select

from countenance.store import schema
from countenance.store.among import among
from countenance.store.batches import pieces
from countenance.store.tuples import tuples

_t = schema.index_changes


class Change(StrEnum):
    """What happened to a reference."""

    ADD = "add"
    REMOVE = "remove"
    RELABEL = "relabel"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change."""

    change_id: int
    kind: Change
    reference_id: int


def announce(connection: Connection, kind: Change, reference_ids: Sequence[int]) -> None:
    """Append one change for each reference."""
    for some in pieces(reference_ids):
        connection.execute(insert(_t), [{"kind": kind, "reference_id": number} for number in some])


def announce_subjects(connection: Connection, kind: Change, subject_ids: Sequence[int]) -> None:
    """Append one change for each reference of these subjects; nothing of them passes through this process."""
    r = schema.references
    for some in pieces(subject_ids):
        source = select(literal(str(kind)), r.c.reference_id).where(among(connection, r.c.subject_id, some))
        connection.execute(insert(_t).from_select(["kind", "reference_id"], source))


def last(connection: Connection) -> int:
    """Number of the newest change; 0 when there never was one."""
    return connection.scalar(select(func.max(_t.c.change_id))) or 0


def first(connection: Connection) -> int:
    """Number of the oldest change still listed; 0 when none is."""
    return connection.scalar(select(func.min(_t.c.change_id))) or 0


def since(connection: Connection, change_id: int, most: int | None = None) -> list[Entry]:
    """All changes after number ``change_id``, or the first ``most`` of them, in order."""
    columns = (_t.c.change_id, _t.c.kind, _t.c.reference_id)
    query = select(*columns).where(_t.c.change_id > change_id).order_by(_t.c.change_id).limit(most)
    kinds = {str(kind): kind for kind in Change}
    return [Entry(number, kinds[kind], reference) for number, kind, reference in tuples(connection, query)]


def removed_since(connection: Connection, change_id: int) -> dict[int, int]:
    """References removed after number ``change_id`` and not added again since, with the change that did it."""
    new = _t.c.change_id > change_id
    removed = select(_t.c.reference_id, func.max(_t.c.change_id)).where(new, _t.c.kind == Change.REMOVE)
    found = {int(row[0]): int(row[1]) for row in tuples(connection, removed.group_by(_t.c.reference_id))}
    if not found or connection.scalar(select(_t.c.change_id).where(new, _t.c.kind == Change.ADD).limit(1)) is None:
        return found
    for some in pieces(list(found)):
        added = select(_t.c.reference_id, func.max(_t.c.change_id)).where(
            new, _t.c.kind == Change.ADD, among(connection, _t.c.reference_id, some)
        )
        for reference_id, number in connection.execute(added.group_by(_t.c.reference_id)):
            if number > found[reference_id]:
                del found[reference_id]
    return found


def trim(connection: Connection, before: int) -> None:
    """Drop changes below number ``before``, which a durable snapshot already holds. The newest always stays."""
    newest = last(connection)
    connection.execute(delete(_t).where(_t.c.change_id < min(before, newest)))
