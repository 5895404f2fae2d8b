"""References whose sealed template does not open: out of every search, and named until they are repaired or gone.

Rules kept here: one damaged template stops nobody else from being searched for; that it is there is never a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from countenance.errors import CountenanceError
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import numbering, references, subjects
from countenance.store.database import Database
from countenance.terms import ReferenceId
from countenance.vault.sealing import Vault

DAMAGED = "damaged_references"
"""The fact that lists them, as JSON."""

MOST = 40
"""References that are named; where there are more, the disk needs a person before a list."""


def remember(database: Database, found: Iterable[ReferenceId]) -> None:
    """Put references on the list of damaged ones."""
    with database.write() as connection:
        listed = set(json.loads(numbering.fact(connection, DAMAGED) or "[]")) | set(found)
        still = sorted(row.reference_id for row in references.by_ids(connection, sorted(listed)))
        numbering.set_fact(connection, DAMAGED, json.dumps(still[:MOST]))


def damaged(database: Database, vault: Vault) -> tuple[ReferenceId, ...]:
    """Those on the list that are on record and still do not open."""
    with database.read() as connection:
        listed = json.loads(numbering.fact(connection, DAMAGED) or "[]")
        rows = references.by_ids(connection, listed)
        owners = subjects.by_ids(connection, [row.subject_id for row in rows])
    found = []
    for row in rows:
        reader = TemplateReader(vault, owners, pass_over_damage=True)
        try:
            reader.open([row], row.dimensions)
        except CountenanceError:  # its whole jurisdiction's key is missing
            found.append(row.reference_id)
        found += reader.damaged
    return tuple(sorted(found))
