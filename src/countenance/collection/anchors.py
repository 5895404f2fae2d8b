"""The references by which a subject is recognised in what is collected for her.

Rules kept here: only what was enrolled on purpose is an anchor. What an import brought is not, so one mistake
cannot bring the next one in; only a subject of whom nothing else is held is recognised by it.
"""

from __future__ import annotations

from countenance.errors import ReferenceMissing
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import collecting, references
from countenance.store.database import Database
from countenance.store.references import Source
from countenance.store.subjects import SubjectRow
from countenance.terms import Vectors
from countenance.vault.sealing import Vault

MOST_ANCHORS = 20
"""Each reference is a chance to be mistaken, so the best few by quality are used."""


class Anchors:
    """Reads the anchors of one gallery's subjects."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def of(self, subject: SubjectRow, model: str, dimensions: int) -> Vectors:
        """A subject's anchors, shape (n, dimensions), n at least 1. Raises ReferenceMissing."""
        with self._database.read() as connection:
            held = references.of_subjects(connection, [subject.subject_id]).get(subject.subject_id, [])
            collected = collecting.origins_of(connection, subject.subject_id)
        rows = [row for row in held if row.model == model and row.source is not Source.SIMULATED]
        chosen = [row for row in rows if row.image_id not in collected] or rows
        chosen.sort(key=lambda row: -1.0 if row.quality is None else -row.quality)
        reader = TemplateReader(self._vault, {subject.subject_id: subject})
        _, templates = reader.open(chosen[:MOST_ANCHORS], dimensions)
        if not len(templates):
            raise ReferenceMissing("Nothing is enrolled of this subject, so she cannot be told from others.")
        return templates
