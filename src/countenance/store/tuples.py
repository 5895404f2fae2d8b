"""Many rows at once, as the driver gives them: for questions that are asked about a whole gallery."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select


def tuples(connection: Connection, query: Select[Any]) -> list[tuple[Any, ...]]:
    """Everything that ``query`` finds, as the driver's own tuples; a third of the time that rows by name take."""
    cursor = connection.execute(query).cursor
    return [] if cursor is None else list(cursor.fetchall())
