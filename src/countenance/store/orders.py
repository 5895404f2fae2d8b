"""Rows about orders: their sealed papers, whom they hold back, who is kept as evidence, and authorities' keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from countenance.store import schema
from countenance.store.among import among
from countenance.store.batches import pieces
from countenance.terms import SubjectId

_o = schema.orders
_m = schema.order_members
_h = schema.holds
_k = schema.authority_keys


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order that was served. Document and state may name people, so they are sealed under a gallery key."""

    order_id: str
    digest: str
    served_utc: str
    sealed_document: bytes
    sealed_state: bytes


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An authority's public key."""

    key_id: str
    authority: str
    public_key: bytes
    registered_utc: str
    revoked_utc: str | None


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A duty to keep a subject's data as evidence."""

    hold_id: str
    subject_id: SubjectId
    ground: str
    placed_utc: str


def add(connection: Connection, row: OrderRow) -> None:
    """Insert an order."""
    connection.execute(
        insert(_o).values(
            order_id=row.order_id,
            digest=row.digest,
            served_utc=row.served_utc,
            sealed_document=row.sealed_document,
            sealed_state=row.sealed_state,
        )
    )


def save(connection: Connection, order_id: str, digest: str, sealed_document: bytes, sealed_state: bytes) -> None:
    """Replace an order's document and state."""
    values = {"digest": digest, "sealed_document": sealed_document, "sealed_state": sealed_state}
    connection.execute(update(_o).where(_o.c.order_id == order_id).values(values))


def get(connection: Connection, order_id: str) -> OrderRow | None:
    """One order."""
    row = connection.execute(select(_o).where(_o.c.order_id == order_id)).one_or_none()
    return None if row is None else OrderRow(*row)


def everything(connection: Connection) -> list[OrderRow]:
    """All orders, oldest first."""
    return [OrderRow(*row) for row in connection.execute(select(_o).order_by(_o.c.served_utc, _o.c.order_id))]


def hold_back(connection: Connection, order_id: str, members: Sequence[tuple[SubjectId, str]]) -> list[SubjectId]:
    """Hold subjects (number, decision) back for an order; returns those that it did not hold back before."""
    known = set(connection.scalars(select(_m.c.subject_id).where(_m.c.order_id == order_id)))
    fresh = [(number, decision) for number, decision in members if number not in known]
    rows = [{"order_id": order_id, "subject_id": n, "decision": decision, "released": 0} for n, decision in fresh]
    if rows:
        connection.execute(insert(_m), rows)
    return [number for number, _ in fresh]


def members(connection: Connection, order_id: str) -> list[SubjectId]:
    """Whom an order holds back."""
    query = select(_m.c.subject_id).where(_m.c.order_id == order_id).order_by(_m.c.subject_id)
    return [SubjectId(number) for number in connection.scalars(query)]


def let_go(connection: Connection, order_id: str, only: Sequence[SubjectId] | None = None) -> list[SubjectId]:
    """Hold nobody (or none of ``only``) back for an order any more; returns whom it held back."""
    if only is None:
        gone = members(connection, order_id)
        connection.execute(delete(_m).where(_m.c.order_id == order_id))
        return gone
    for some in pieces(only):
        connection.execute(delete(_m).where(_m.c.order_id == order_id, among(connection, _m.c.subject_id, some)))
    return list(only)


def held_back(connection: Connection, subject_ids: Sequence[int]) -> set[SubjectId]:
    """Those of these subjects whom some order keeps out of every search."""
    found: set[SubjectId] = set()
    for some in pieces(subject_ids):
        query = select(_m.c.subject_id).where(among(connection, _m.c.subject_id, some), _m.c.released == 0)
        found.update(SubjectId(number) for number in connection.scalars(query))
    return found


def of_subject(connection: Connection, subject_id: SubjectId) -> list[tuple[str, str]]:
    """The orders that hold a subject back, each with the decision that put her under it."""
    query = select(_m.c.order_id, _m.c.decision).where(_m.c.subject_id == subject_id).order_by(_m.c.order_id)
    return [(row[0], row[1]) for row in connection.execute(query)]


def count_held_back(connection: Connection) -> int:
    """How many subjects some order keeps out of every search."""
    return connection.scalar(select(func.count(func.distinct(_m.c.subject_id)))) or 0


def place_hold(connection: Connection, rows: Sequence[HoldRow]) -> None:
    """Insert holds."""
    values = [
        {"hold_id": row.hold_id, "subject_id": row.subject_id, "ground": row.ground, "placed_utc": row.placed_utc}
        for row in rows
    ]
    if values:
        connection.execute(insert(_h), values)


def lift_hold(connection: Connection, hold_id: str) -> int:
    """Delete a hold; returns how many subjects it was on."""
    return connection.execute(delete(_h).where(_h.c.hold_id == hold_id)).rowcount


def holds(connection: Connection) -> list[HoldRow]:
    """All holds."""
    query = select(_h).order_by(_h.c.hold_id, _h.c.subject_id)
    return [
        HoldRow(row.hold_id, SubjectId(row.subject_id), row.ground, row.placed_utc)
        for row in connection.execute(query)
    ]


def add_key(connection: Connection, row: KeyRow) -> bool:
    """Insert an authority's key; False when it was there."""
    if connection.scalar(select(func.count()).select_from(_k).where(_k.c.key_id == row.key_id)):
        return False
    connection.execute(
        insert(_k).values(
            key_id=row.key_id,
            authority=row.authority,
            public_key=row.public_key,
            registered_utc=row.registered_utc,
            revoked_utc=row.revoked_utc,
        )
    )
    return True


def revoke_key(connection: Connection, key_id: str, at_utc: str) -> bool:
    """Mark a key as revoked; False when there is none."""
    return connection.execute(update(_k).where(_k.c.key_id == key_id).values(revoked_utc=at_utc)).rowcount == 1


def keys(connection: Connection) -> list[KeyRow]:
    """All authorities' keys."""
    return [KeyRow(*row) for row in connection.execute(select(_k).order_by(_k.c.authority, _k.c.registered_utc))]
