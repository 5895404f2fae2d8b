"""Faces that may be the subject's: kept sealed, outside the gallery, until she says, or for a month.

Rules kept here:

* What waits is a picture under her key, other faces covered. There is no template of it, and no search finds it.
* Yes makes it a reference, no destroys it, and silence destroys it after :data:`DAYS`.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.collection.bystanders import Sighting
from countenance.collection.origin import Origin
from countenance.custody.permission.ledger import Ledger
from countenance.recognition.gallery.enrol import Prepared
from countenance.recognition.gallery.stored_copy import Keep, stored_copy
from countenance.store import collecting
from countenance.store.collecting import PendingRow
from countenance.store.database import Database
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass, Box
from countenance.vault.sealing import Vault

DAYS = 30
"""How long a face waits."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One face that waits: ``image`` is the picture to show her, a JPEG; ``face`` is where it is in it."""

    pending_id: str
    file: str
    score: float
    asked_utc: str
    image: bytes
    face: Box
    origin: Origin
    grant_id: str | None

    def as_dict(self) -> dict[str, object]:
        """The JSON form, without the picture."""
        return {
            "id": self.pending_id,
            "file": self.file,
            "score": round(self.score, 4),
            "asked": self.asked_utc,
            "source": self.origin.source,
        }


class Waiting:
    """What waits for the subjects of one gallery."""

    def __init__(self, database: Database, vault: Vault, ledger: Ledger, clock_: Clock) -> None:
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._clock = clock_

    def add(
        self,
        connection: Connection,
        subject: SubjectRow,
        import_id: str,
        prepared: Prepared,
        sighting: Sighting,
        digest_tag: bytes,
        origin: Origin,
        grant_id: str | None,
    ) -> None:
        """Let a face wait. Raises PermissionRefused."""
        faces = [found.face for found in prepared.faces]
        picture, own, detail = prepared.picture, sighting.face.face, prepared.detail
        copy = stored_copy(prepared.data, picture, faces, own, Keep.CROP, detail)
        version = self._ledger.versions(connection, [subject.subject_id])[subject.subject_id]
        pending_id = secrets.token_hex(8)
        images = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.IMAGE)
        about = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        told = {
            "version": 1,
            "file": prepared.name,
            "score": sighting.score,
            "face": [copy.box.x, copy.box.y, copy.box.width, copy.box.height],
            "origin": asdict(origin),
        }
        collecting.add_pending(
            connection,
            PendingRow(
                pending_id,
                subject.subject_id,
                import_id,
                grant_id,
                version,
                digest_tag,
                images.seal(copy.data, f"pending:{pending_id}", version),
                about.seal(json.dumps(told, ensure_ascii=False).encode(), f"pending:{pending_id}", version),
                clock.to_text(self._clock.now()),
            ),
        )

    def of(self, subject: SubjectRow) -> list[Asked]:
        """What waits for a subject, oldest first. Raises SealBroken."""
        with self._database.read() as connection:
            rows = collecting.pending_of(connection, subject.subject_id)
        if not rows:
            return []
        images = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.IMAGE)
        about = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        found = []
        for row in rows:
            record, version = f"pending:{row.pending_id}", row.permission_version
            told = json.loads(about.unseal(row.sealed_about, record, version))
            origin = dict(told["origin"])
            origin["headers"] = tuple((str(name), str(value)) for name, value in origin["headers"])
            found.append(
                Asked(
                    row.pending_id,
                    told["file"],
                    told["score"],
                    row.created_utc,
                    images.unseal(row.sealed_image, record, version),
                    Box(*told["face"]),
                    Origin(**origin),
                    row.grant_id,
                )
            )
        return found

    def count(self, subject: SubjectRow) -> int:
        """How many faces wait for a subject."""
        with self._database.read() as connection:
            return len(collecting.pending_of(connection, subject.subject_id))

    def drop(self, pending_ids: list[str]) -> int:
        """Destroy what was answered with no."""
        with self._database.write() as connection:
            return collecting.drop_pending(connection, pending_ids)

    def expire(self) -> int:
        """Destroy what has waited for longer than :data:`DAYS`; returns how many."""
        before = clock.to_text(self._clock.now() - timedelta(days=DAYS))
        with self._database.read() as connection:
            if not collecting.waits_since_before(connection, before):
                return 0
        with self._database.write() as connection:
            return collecting.drop_pending_before(connection, before)
