"""Rows about compartments: which customer holds which set of subjects. Number 0, the gallery's own, has no row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, insert, select, update

from countenance.store import numbering
from countenance.store import oversight_tables as tables
from countenance.terms import CompartmentId

_c = tables.compartments
_NEXT = "next_compartment"


@dataclass(frozen=True, slots=True)
class CompartmentRow:
    """One compartment. ``wrapped_key`` opens ``sealed_name`` and ``sealed_terms`` together with the key slot."""

    number: CompartmentId
    customer_id: str
    state: str
    created_utc: str
    name_tag: bytes
    key_slot: int
    jurisdiction: str
    wrapped_key: bytes
    sealed_name: bytes
    sealed_terms: bytes | None


def reserve(connection: Connection) -> CompartmentId:
    """A number never given before, from 1: what is remembered of a closed compartment must not meet another's."""
    number = int(numbering.fact(connection, _NEXT) or "1")
    numbering.set_fact(connection, _NEXT, str(number + 1))
    return CompartmentId(number)


def add(connection: Connection, row: CompartmentRow) -> None:
    """Insert a compartment."""
    connection.execute(
        insert(_c).values(
            number=row.number,
            customer_id=row.customer_id,
            state=row.state,
            created_utc=row.created_utc,
            name_tag=row.name_tag,
            key_slot=row.key_slot,
            jurisdiction=row.jurisdiction,
            wrapped_key=row.wrapped_key,
            sealed_name=row.sealed_name,
            sealed_terms=row.sealed_terms,
        )
    )


def get(connection: Connection, number: int) -> CompartmentRow | None:
    """One compartment."""
    row = connection.execute(select(_c).where(_c.c.number == number)).one_or_none()
    return None if row is None else _row(row)


def by_tags(connection: Connection, name_tags: Sequence[bytes]) -> list[CompartmentRow]:
    """The compartments whose names have these keyed fingerprints, by number."""
    query = select(_c).where(_c.c.name_tag.in_(name_tags)).order_by(_c.c.number)
    return [_row(row) for row in connection.execute(query)]


def of_customer(connection: Connection, customer_id: str) -> list[CompartmentRow]:
    """A customer's compartments, oldest first."""
    query = select(_c).where(_c.c.customer_id == customer_id).order_by(_c.c.number)
    return [_row(row) for row in connection.execute(query)]


def everything(connection: Connection) -> list[CompartmentRow]:
    """All compartments but the gallery's own, oldest first."""
    return [_row(row) for row in connection.execute(select(_c).order_by(_c.c.number))]


def change(connection: Connection, number: int, **values: str | bytes | None) -> bool:
    """Change columns of a compartment; False when there is none."""
    return connection.execute(update(_c).where(_c.c.number == number).values(**values)).rowcount == 1


def drop(connection: Connection, number: int) -> None:
    """Delete a compartment's row; its subjects have gone before."""
    connection.execute(delete(_c).where(_c.c.number == number))


def _row(row: Row[tuple[object, ...]]) -> CompartmentRow:
    return CompartmentRow(
        CompartmentId(row.number),
        row.customer_id,
        row.state,
        row.created_utc,
        bytes(row.name_tag),
        row.key_slot,
        row.jurisdiction,
        bytes(row.wrapped_key),
        bytes(row.sealed_name),
        None if row.sealed_terms is None else bytes(row.sealed_terms),
    )
