"""Rows about API keys and sessions: a keyed fingerprint of the secret, and what it may be used for."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, update

from countenance.store import oversight_tables as tables
from countenance.terms import CompartmentId

_k = tables.api_keys


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """One key. ``holder_id`` is the account behind a session; ``verbs`` None when the roles alone say it."""

    key_id: str
    kind: str
    secret_tag: bytes
    customer_id: str | None
    holder_id: str | None
    roles: frozenset[str]
    verbs: frozenset[str] | None
    purpose: str | None
    collection: str | None
    case_id: str | None
    issued_utc: str
    expires_utc: str
    revoked_utc: str | None
    compartment: CompartmentId | None = None
    """What ``collection`` means; a binding by name alone is older than compartments, and binds to none."""


def add(connection: Connection, row: ApiKeyRow) -> None:
    """Insert a key."""
    connection.execute(
        insert(_k).values(
            key_id=row.key_id,
            kind=row.kind,
            secret_tag=row.secret_tag,
            customer_id=row.customer_id,
            holder_id=row.holder_id,
            roles=" ".join(sorted(row.roles)),
            verbs=None if row.verbs is None else " ".join(sorted(row.verbs)),
            purpose=row.purpose,
            collection=row.collection,
            case_id=row.case_id,
            issued_utc=row.issued_utc,
            expires_utc=row.expires_utc,
            revoked_utc=row.revoked_utc,
            compartment_id=row.compartment,
        )
    )


def get(connection: Connection, key_id: str) -> ApiKeyRow | None:
    """One key."""
    row = connection.execute(select(_k).where(_k.c.key_id == key_id)).one_or_none()
    return None if row is None else _row(row)


def listed(connection: Connection, kinds: frozenset[str]) -> list[ApiKeyRow]:
    """All keys of these kinds, oldest first."""
    query = select(_k).where(_k.c.kind.in_(kinds)).order_by(_k.c.issued_utc, _k.c.key_id)
    return [_row(row) for row in connection.execute(query)]


def revoke(connection: Connection, key_id: str, at_utc: str) -> bool:
    """Mark a key as revoked; False when there is none, or it was."""
    where = (_k.c.key_id == key_id, _k.c.revoked_utc.is_(None))
    return connection.execute(update(_k).where(*where).values(revoked_utc=at_utc)).rowcount == 1


def revoke_of(connection: Connection, holder_id: str, at_utc: str) -> int:
    """Revoke every session of an account; returns how many."""
    where = (_k.c.holder_id == holder_id, _k.c.revoked_utc.is_(None))
    return connection.execute(update(_k).where(*where).values(revoked_utc=at_utc)).rowcount


def revoke_bound(connection: Connection, compartment: CompartmentId, at_utc: str) -> int:
    """Revoke every key that is bound to a compartment; returns how many."""
    where = (_k.c.compartment_id == compartment, _k.c.revoked_utc.is_(None))
    return connection.execute(update(_k).where(*where).values(revoked_utc=at_utc)).rowcount


def _row(row: Row[tuple[object, ...]]) -> ApiKeyRow:
    return ApiKeyRow(
        row.key_id,
        row.kind,
        bytes(row.secret_tag),
        row.customer_id,
        row.holder_id,
        frozenset(row.roles.split()),
        None if row.verbs is None else frozenset(row.verbs.split()),
        row.purpose,
        row.collection,
        row.case_id,
        row.issued_utc,
        row.expires_utc,
        row.revoked_utc,
        None if row.compartment_id is None else CompartmentId(row.compartment_id),
    )
