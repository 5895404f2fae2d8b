"""Rows about accounts: the staff of customers and of the gallery, and subjects who look after their own data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, insert, select, update

from countenance.store import oversight_tables as tables
from countenance.terms import SubjectId

_p = tables.people
_r = tables.person_roles
_s = tables.subject_accounts


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One account. ``wrapped_key`` opens ``sealed_name`` together with the key slot."""

    person_id: str
    customer_id: str | None
    state: str
    created_utc: str
    competent_until_utc: str | None
    name_tag: bytes
    key_slot: int
    jurisdiction: str
    wrapped_key: bytes
    sealed_name: bytes
    password: str
    failures: int
    locked_until_utc: str | None
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A subject's own account; it goes with her."""

    account_id: str
    subject_id: SubjectId
    name_tag: bytes
    password: str
    failures: int
    locked_until_utc: str | None
    created_utc: str


def add(connection: Connection, row: PersonRow) -> None:
    """Insert an account and its roles."""
    connection.execute(
        insert(_p).values(
            person_id=row.person_id,
            customer_id=row.customer_id,
            state=row.state,
            created_utc=row.created_utc,
            competent_until_utc=row.competent_until_utc,
            name_tag=row.name_tag,
            key_slot=row.key_slot,
            jurisdiction=row.jurisdiction,
            wrapped_key=row.wrapped_key,
            sealed_name=row.sealed_name,
            password=row.password,
            failures=row.failures,
            locked_until_utc=row.locked_until_utc,
        )
    )
    connection.execute(insert(_r), [{"person_id": row.person_id, "role": one} for one in sorted(row.roles)])


def get(connection: Connection, person_id: str) -> PersonRow | None:
    """One account."""
    row = connection.execute(select(_p).where(_p.c.person_id == person_id)).one_or_none()
    return None if row is None else _row(connection, row)


def by_tag(connection: Connection, name_tag: bytes) -> PersonRow | None:
    """The account whose name has this keyed fingerprint."""
    row = connection.execute(select(_p).where(_p.c.name_tag == name_tag)).one_or_none()
    return None if row is None else _row(connection, row)


def of_customer(connection: Connection, customer_id: str | None) -> list[PersonRow]:
    """The accounts of a customer, or with None the gallery's own, oldest first."""
    where = _p.c.customer_id.is_(None) if customer_id is None else _p.c.customer_id == customer_id
    rows = connection.execute(select(_p).where(where).order_by(_p.c.created_utc, _p.c.person_id)).all()
    return [_row(connection, row) for row in rows]


def change(connection: Connection, person_id: str, **values: str | int | bytes | None) -> bool:
    """Change columns of an account; False when there is none."""
    return connection.execute(update(_p).where(_p.c.person_id == person_id).values(**values)).rowcount == 1


def add_account(connection: Connection, row: AccountRow) -> None:
    """Insert a subject's account."""
    connection.execute(
        insert(_s).values(
            account_id=row.account_id,
            subject_id=row.subject_id,
            name_tag=row.name_tag,
            password=row.password,
            failures=row.failures,
            locked_until_utc=row.locked_until_utc,
            created_utc=row.created_utc,
        )
    )


def drop_account(connection: Connection, subject_id: SubjectId) -> None:
    """Delete a subject's account, so that she can be given a new one."""
    connection.execute(delete(_s).where(_s.c.subject_id == subject_id))


def account(connection: Connection, account_id: str) -> AccountRow | None:
    """A subject's account."""
    return _account(connection.execute(select(_s).where(_s.c.account_id == account_id)).one_or_none())


def account_by_tag(connection: Connection, name_tag: bytes) -> AccountRow | None:
    """The subject's account whose name has this keyed fingerprint."""
    return _account(connection.execute(select(_s).where(_s.c.name_tag == name_tag)).one_or_none())


def change_account(connection: Connection, account_id: str, **values: str | int | None) -> bool:
    """Change columns of a subject's account; False when there is none."""
    return connection.execute(update(_s).where(_s.c.account_id == account_id).values(**values)).rowcount == 1


def _account(row: Row[tuple[object, ...]] | None) -> AccountRow | None:
    if row is None:
        return None
    return AccountRow(
        row.account_id,
        SubjectId(row.subject_id),
        bytes(row.name_tag),
        row.password,
        row.failures,
        row.locked_until_utc,
        row.created_utc,
    )


def _row(connection: Connection, row: Row[tuple[object, ...]]) -> PersonRow:
    roles: Iterable[str] = connection.scalars(select(_r.c.role).where(_r.c.person_id == row.person_id))
    return PersonRow(
        row.person_id,
        row.customer_id,
        row.state,
        row.created_utc,
        row.competent_until_utc,
        bytes(row.name_tag),
        row.key_slot,
        row.jurisdiction,
        bytes(row.wrapped_key),
        bytes(row.sealed_name),
        row.password,
        row.failures,
        row.locked_until_utc,
        frozenset(roles),
    )
