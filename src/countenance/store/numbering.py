"""Numbers for things that the index knows by number only: purposes, jurisdictions, references."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Connection, Table, delete, func, insert, select, update

from countenance.errors import InputInvalid
from countenance.store import schema

PURPOSES = 64
"""The index keeps a subject's purposes as bits of one 64-bit word."""

_NEXT_REFERENCE = "next_reference_id"


def fact(connection: Connection, name: str) -> str | None:
    """One of the gallery's own settings, or None."""
    return connection.scalar(select(schema.facts.c.value).where(schema.facts.c.name == name))


def facts(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Those of the gallery's own settings that are set."""
    found = select(schema.facts.c.name, schema.facts.c.value).where(schema.facts.c.name.in_(names))
    return {row[0]: row[1] for row in connection.execute(found)}


def drop_fact(connection: Connection, name: str) -> None:
    """Unset one of the gallery's own settings."""
    connection.execute(delete(schema.facts).where(schema.facts.c.name == name))


def set_fact(connection: Connection, name: str, value: str) -> None:
    """Write one of the gallery's own settings."""
    changed = connection.execute(update(schema.facts).where(schema.facts.c.name == name).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(schema.facts).values(name=name, value=value))


def purposes(connection: Connection) -> dict[str, int]:
    """Every purpose that a permission ever named, and its number (0-63)."""
    return _known(connection, schema.purposes, schema.purposes.c.purpose)


def number_purpose(connection: Connection, purpose: str) -> int:
    """The number of a purpose, given now if it has none. Raises InputInvalid beyond 64 purposes."""
    return _number(connection, schema.purposes, schema.purposes.c.purpose, purpose, PURPOSES)


def jurisdictions(connection: Connection) -> dict[str, int]:
    """Every jurisdiction on record, and its number (0-65535)."""
    return _known(connection, schema.jurisdictions, schema.jurisdictions.c.code)


def number_jurisdiction(connection: Connection, code: str) -> int:
    """The number of a jurisdiction, given now if it has none."""
    return _number(connection, schema.jurisdictions, schema.jurisdictions.c.code, code, 1 << 16)


def reserve_references(connection: Connection, count: int) -> range:
    """``count`` reference numbers never given before, from 1."""
    first = int(fact(connection, _NEXT_REFERENCE) or "1")
    set_fact(connection, _NEXT_REFERENCE, str(first + count))
    return range(first, first + count)


def _known(connection: Connection, table: Table, name: Column[str]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(select(name, table.c.number))}


def _number(connection: Connection, table: Table, name: Column[str], value: str, most: int) -> int:
    known = connection.scalar(select(table.c.number).where(name == value))
    if known is not None:
        return int(known)
    number = connection.scalar(select(func.count()).select_from(table)) or 0
    if number >= most:
        raise InputInvalid(f"A gallery can tell {most} {table.name} apart, and all of them are taken.")
    connection.execute(insert(table).values({"number": number, name.name: value}))
    return number
