"""References as an index wants them: templates opened, each with the labels that a filter asks about.

Rules kept here: only references whose subject has a permission in force, and whom no order holds back, are given
out; templates are opened batch by batch, when a batch is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from countenance.custody.permission.ledger import Ledger, Standing
from countenance.index.protocol import LABELS, Batch, Filter, Labels
from countenance.recognition.gallery.damage import remember
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import erasures, numbering, orders, references, subjects
from countenance.store.database import Database
from countenance.store.references import ReferenceRow
from countenance.store.subjects import SubjectState
from countenance.terms import CompartmentId, Ids, ReferenceId, SubjectId
from countenance.vault.sealing import Vault

_REMEMBERED = 256
"""Counts that are kept, one for each set of compartments that was searched."""


class LabelledReferences:
    """The references of one model in one gallery, as batches and labels. Thread-safe; keeps no template."""

    def __init__(self, database: Database, vault: Vault, ledger: Ledger, model: str, dimensions: int) -> None:
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self.model = model
        self.dimensions = dimensions
        self._damaged: set[ReferenceId] = set()
        self._people: tuple[tuple[int, int, int], dict[frozenset[CompartmentId] | None, int]] = ((-1, -1, -1), {})

    def count(self, compartments: frozenset[CompartmentId] | None = None) -> int:
        """How many are on record, in all compartments or in these."""
        with self._database.read() as connection:
            return references.count(connection, self.model, compartments)

    def people(self, connection: Connection, compartments: frozenset[CompartmentId] | None = None) -> int:
        """Subjects on record who are not being erased, in all compartments or in these; counted again only when
        somebody has come or gone."""
        mark = (subjects.highest(connection), erasures.begun(connection), len(erasures.unfinished(connection)))
        at, counted = self._people
        if at != mark or len(counted) >= _REMEMBERED:
            counted = {}
            self._people = (mark, counted)
        if compartments not in counted:
            counted[compartments] = subjects.count(connection, compartments).get(SubjectState.ACTIVE, 0)
        return counted[compartments]

    def filter(
        self, purpose: str, today: int, compartments: frozenset[CompartmentId] | None = None
    ) -> Filter | None:
        """The filter for a purpose in these compartments, or None when no permission ever named it."""
        with self._database.read() as connection:
            number = numbering.purposes(connection).get(purpose)
        seen = None if compartments is None else frozenset(int(one) for one in compartments)
        return None if number is None else Filter(purpose=number, today=today, compartments=seen)

    def batches(self, after: int = -1) -> Iterator[Batch]:
        """Everything searchable with a reference id above ``after``, ascending; a batch may be empty.

        Each batch is read and opened when it is asked for.
        """
        while (read := self.next_batch(after)) is not None:
            after, batch = read
            yield batch

    def next_batch(self, after: int) -> tuple[int, Batch] | None:
        """The last reference id that was looked at, and what is searchable up to it; None at the end."""
        with self._database.read() as connection:
            rows = next(references.of_model(connection, self.model, after=after), [])
            read = (rows[-1].reference_id, self.batch(connection, rows)) if rows else None
        self.tell_damage()
        return read

    def tell_damage(self) -> None:
        """Put on record which references did not open, so that ``status`` can name them."""
        found, self._damaged = self._damaged, set()
        if found:
            remember(self._database, found)

    def batch(self, connection: Connection, rows: Sequence[ReferenceRow]) -> Batch:
        """Those of ``rows`` that may be searched and open, with their templates; see :meth:`tell_damage`."""
        owners = subjects.by_ids(connection, sorted({row.subject_id for row in rows}))
        labels, standing = self._labels(connection, rows, owners)
        allowed = [row for row, stands in zip(rows, standing, strict=True) if stands]
        reader = TemplateReader(self._vault, owners, pass_over_damage=True)
        kept, templates = reader.open(allowed, self.dimensions)
        self._damaged.update(reader.damaged)
        ids = np.array([row.reference_id for row in kept], np.int64)
        owner_ids = np.array([row.subject_id for row in kept], np.int64)
        permitted = labels[standing]
        if len(kept) < len(allowed):  # damaged, or somebody's key was destroyed a moment ago
            permitted = permitted[np.isin(np.array([row.reference_id for row in allowed], np.int64), ids)]
        return Batch(ids, owner_ids, templates, permitted)

    def relabelled(self, connection: Connection, rows: Sequence[ReferenceRow]) -> tuple[Ids, Labels]:
        """Reference ids and labels of ``rows``; who may not be searched now is marked as restricted."""
        owners = subjects.by_ids(connection, sorted({row.subject_id for row in rows}))
        labels, standing = self._labels(connection, rows, owners)
        labels["restricted"] |= ~standing
        return np.array([row.reference_id for row in rows], np.int64), labels

    def living(self, reference_ids: Ids) -> Ids:
        """Those of these references that are on record and may be searched."""
        with self._database.read() as connection:
            rows = references.by_ids(connection, reference_ids.tolist())
            owners = subjects.by_ids(connection, sorted({row.subject_id for row in rows}))
            _, standing = self._labels(connection, rows, owners)
        return np.sort(np.array([row.reference_id for row in rows], np.int64)[standing])

    def _labels(
        self, connection: Connection, rows: Sequence[ReferenceRow], owners: dict[SubjectId, subjects.SubjectRow]
    ) -> tuple[Labels, npt.NDArray[np.bool_]]:
        labels = np.zeros(len(rows), LABELS)
        standing = np.zeros(len(rows), bool)
        numbers = numbering.purposes(connection)
        places = numbering.jurisdictions(connection)
        ids = sorted({row.subject_id for row in rows})
        held = self._ledger.standing(connection, ids)
        withheld = orders.held_back(connection, ids)
        for place, row in enumerate(rows):
            state = held.get(row.subject_id)
            owner = owners.get(row.subject_id)
            if state is not None and owner is not None and row.subject_id not in withheld:
                standing[place] = True
                jurisdiction = places.get(owner.wrapped.jurisdiction, 0)
                labels[place] = (_mask(state, numbers), 0, jurisdiction, state.last_day, 0, owner.compartment)
        return labels, standing


def _mask(standing: Standing, numbers: dict[str, int]) -> int:
    mask = 0
    for purpose in standing.purposes:
        mask |= 1 << numbers[purpose]
    return mask
