"""Taking stock: the gallery in numbers, for the operator."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.ledger import Ledger
from countenance.engine.answers import Status, SubjectStatus
from countenance.recognition.gallery.damage import damaged
from countenance.recognition.models.package import ModelPackage
from countenance.settings import Settings
from countenance.store import erasures, permissions, references, searches, subjects
from countenance.store.database import Database
from countenance.store.description import Description
from countenance.store.subjects import SubjectState
from countenance.terms import GALLERYS_OWN, CompartmentId
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault


class Stock:
    """Counts what one gallery holds."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        vault: Vault,
        ledger: Ledger,
        settings: Settings,
        description: Description,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ring = ring
        self._vault = vault
        self._ledger = ledger
        self._settings = settings
        self._description = description
        self._clock = clock

    def take(
        self, package: ModelPackage, *, mirrored: bool, people: bool, compartment: CompartmentId = GALLERYS_OWN
    ) -> Status:
        """The whole gallery's numbers now; with ``people``, every subject of one compartment by name."""
        with self._database.read() as connection:
            counted = subjects.count(connection)
            images, image_bytes = references.count_images(connection)
            status = Status(
                gallery_id=self._description.gallery_id,
                folder=str(self._settings.folder),
                keys=str(self._settings.keys),
                database=self._database.backend,
                created_utc=self._description.created_utc,
                subjects=counted.get(SubjectState.ACTIVE, 0),
                being_erased=counted.get(SubjectState.FROZEN, 0),
                purposes=permissions.count(connection, clock.to_text(self._clock.now())),
                images=images,
                image_bytes=image_bytes,
                references=references.count(connection),
                references_by_source=references.count_by_source(connection),
                searches=searches.count(connection),
                erasures=erasures.count(connection),
                erasures_open=len(erasures.unfinished(connection)),
                model=package.manifest.sha256,
                model_name=package.manifest.label,
                mirrored=mirrored,
                index_epoch=self._ring.epoch,
                database_bytes=self._database.size_bytes(),
                people=None,
            )
        status = replace(status, references_damaged=damaged(self._database, self._vault))
        if not people:
            return status
        return replace(status, people=self._people(compartment))

    def _people(self, compartment: CompartmentId) -> tuple[SubjectStatus, ...]:
        with self._database.read() as connection:
            rows = [row for row in subjects.everyone(connection, compartment) if row.state is SubjectState.ACTIVE]
            ids = [row.subject_id for row in rows]
            held = references.count_by_subject(connection)
            images = references.count_images_by_subject(connection)
            permitted = permissions.of_subjects(connection, ids)
        now = self._clock.now()
        listed = []
        for row in rows:
            standing = [p for p in permitted.get(row.subject_id, []) if clock.from_text(p.valid_until_utc) > now]
            listed.append(
                SubjectStatus(
                    subject=self._ledger.name(row),
                    subject_id=row.subject_id,
                    residence=row.wrapped.jurisdiction,
                    images=images.get(row.subject_id, 0),
                    references=held.get(row.subject_id, 0),
                    purposes=tuple(sorted({purpose for p in standing for purpose in p.purposes})),
                    until=_last_day(max((p.valid_until_utc for p in standing), default="")),
                )
            )
        return tuple(sorted(listed, key=lambda one: one.subject))


def _last_day(ended_utc: str) -> str:
    """The last day of a permission that has ended at this moment."""
    if not ended_utc:
        return ""
    return (clock.from_text(ended_utc) - timedelta(microseconds=1)).date().isoformat()
