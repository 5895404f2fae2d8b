"""The store as a Holder: every row that is about a subject, found and deleted table by table.

The tables are not listed here: they are ``schema.PERSONAL``, in the order in which foreign keys allow deletion.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, func, select

from countenance.holding import Absence, Holding, Target
from countenance.store import collection_tables, schema
from countenance.store.among import among
from countenance.store.batches import pieces
from countenance.store.database import Database
from countenance.terms import ArtefactClass

_BY_ARTEFACT = {
    schema.references: ArtefactClass.TEMPLATE,
    schema.images: ArtefactClass.IMAGE,
    collection_tables.collected_images: ArtefactClass.IMAGE,
    collection_tables.pending_faces: ArtefactClass.IMAGE,
}
"""Tables that go when only one class of artefact does (an order may say so)."""


SUBJECTS_AT_ONCE = 50
"""Subjects deleted in one transaction: searches, which write down that they took place, wait for no more."""
RESTS = 1.0
"""How long nothing is deleted after each transaction but the last, as a multiple of what it took: whoever waited to
write finds the database free. Measured by benchmarks.erasure: searches beside it, against idle ones."""


class StoreHolder:
    """Finds, deletes and looks again for the rows of erased subjects."""

    name = "store"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unconfirmed: str | None = None

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many rows each table holds about the targets."""
        with self._database.read() as connection:
            found = [(table, _count(connection, table, ids)) for table, ids in _reached(targets)]
        return _holdings(self.name, found)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Delete the rows, then leave nothing of them in the database's own files."""
        deleted: dict[Table, int] = {}
        rest = 0.0
        for some in pieces(targets, SUBJECTS_AT_ONCE):
            time.sleep(rest)
            begun = time.perf_counter()
            with self._database.write() as connection:
                for table, ids in _reached(some):
                    if table is schema.images:
                        _keep_templates_of_lost_images(connection, ids)
                    gone = connection.execute(
                        delete(table).where(among(connection, table.c.subject_id, ids))
                    ).rowcount
                    deleted[table] = deleted.get(table, 0) + gone
            rest = RESTS * (time.perf_counter() - begun)
        self._unconfirmed = self._database.forget_deleted_rows()
        return _holdings(self.name, list(deleted.items()))

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Ask every table again."""
        with self._database.read() as connection:
            left = sum(_count(connection, table, ids) for table, ids in _reached(targets))
        return Absence(
            self.name, left == 0, "no table has a row with an erased subject's number", left, self._unconfirmed
        )


def _reached(targets: Sequence[Target]) -> list[tuple[Table, list[int]]]:
    """The tables to go through, children before parents, each with the subjects whose rows go from it."""
    whole = [int(target.subject_id) for target in targets if target.whole]
    reached = []
    for table in reversed(schema.metadata.sorted_tables):
        if table not in schema.PERSONAL:
            continue
        artefact = _BY_ARTEFACT.get(table)
        some = [int(t.subject_id) for t in targets if not t.whole and artefact in t.artefacts]
        if whole or some:
            reached.append((table, whole + some))
    return reached


def _keep_templates_of_lost_images(connection: Connection, subject_ids: list[int]) -> None:
    r = schema.references
    for some in pieces(subject_ids):
        connection.execute(r.update().where(among(connection, r.c.subject_id, some)).values(image_id=None))


def _count(connection: Connection, table: Table, subject_ids: list[int]) -> int:
    return sum(
        connection.scalar(
            select(func.count()).select_from(table).where(among(connection, table.c.subject_id, some))
        )
        or 0
        for some in pieces(subject_ids)
    )


def _holdings(name: str, found: list[tuple[Table, int]]) -> tuple[Holding, ...]:
    return tuple(Holding(name, schema.PERSONAL[table], count) for table, count in found)
