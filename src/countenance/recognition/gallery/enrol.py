"""Enrolment: a photograph becomes a reference, sealed from its first byte on disk, or it leaves no trace.

Rules kept here:

* No reference without a permission in force (a Decision is asked for in the transaction that writes it).
* A photograph is one transaction: its sealed image is staged, its rows are committed, it is put in place.
* Bystanders are not kept, nor frames, pages, previews and appended pictures that nobody looked at: see
  recognition/gallery/stored_copy.py.
* The same bytes are enrolled once; running the same command again goes on where it stopped.
* A photograph that was erased for somebody else, or by an order, is refused, and so is a near copy of it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.ledger import Ledger
from countenance.errors import (
    FaceChoiceUnknown,
    NoFace,
    PermissionRefused,
    QualityTooLow,
    SeveralFaces,
    SuppressedImage,
)
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM, Quality
from countenance.recognition.gallery.likeness import PARTS_ALIKE, likeness_tags
from countenance.recognition.gallery.placing import Placing
from countenance.recognition.gallery.sealed import seal_template
from countenance.recognition.gallery.stored_copy import Keep, StoredCopy, stored_copy
from countenance.recognition.images import Picture
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import feed, numbering, references, suppression
from countenance.store.database import Database
from countenance.store.references import ImageRow, ReferenceRow, Source
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass, Box, ReferenceId
from countenance.vault.blob_store import BlobStore
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault


class Outcome(StrEnum):
    """What became of one photograph."""

    ENROLLED = "enrolled"
    ALREADY = "already enrolled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Item:
    """One photograph of an enrolment. ``code``, ``message`` and ``remedy`` are set when it failed."""

    image: str
    outcome: Outcome
    reference_id: ReferenceId | None = None
    box: Box | None = None
    quality: Quality | None = None
    notes: tuple[str, ...] = ()
    code: str | None = None
    message: str | None = None
    remedy: str | None = None
    image_id: str | None = None
    """Of the stored image, when it was enrolled."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A photograph that has been read and recognised, not yet written anywhere."""

    name: str
    data: bytes
    picture: Picture
    faces: tuple[RecognisedFace, ...]


Also = Callable[[Connection, str, int], None]
"""Writes more in the transaction of an enrolment: given connection, image id, permission version."""


def choose(prepared: Prepared, face: int | None) -> RecognisedFace:
    """The face to enrol. Raises NoFace, SeveralFaces, FaceChoiceUnknown or QualityTooLow."""
    faces = prepared.faces
    if not faces:
        raise NoFace(f"No face was found in {prepared.name}.")
    if face is not None and not 1 <= face <= len(faces):
        raise FaceChoiceUnknown(f"{prepared.name} has {len(faces)} face(s); there is no face {face}.")
    if face is None and len(faces) > 1:
        places = "; ".join(f"{n}: {_place(found.face)}" for n, found in enumerate(faces, 1))
        raise SeveralFaces(f"{prepared.name} has {len(faces)} faces ({places}).")
    chosen = faces[0 if face is None else face - 1]
    if chosen.quality.score < ENROLMENT_MINIMUM:
        worst = min(chosen.quality.components, key=lambda component: component.score)
        reasons = "; ".join(chosen.quality.reasons) or f"{worst.name} scores {worst.score} of 100"
        raise QualityTooLow(
            f"{prepared.name}: quality {chosen.quality.score} of 100 is below {ENROLMENT_MINIMUM}; "
            f"{worst.name} is the lowest: {reasons}."
        )
    return chosen


class Enroller:
    """Writes references of one gallery."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        vault: Vault,
        blobs: BlobStore,
        ledger: Ledger,
        clock: Clock,
        placing: Placing,
    ) -> None:
        self._placing = placing
        self._database = database
        self._ring = ring
        self._vault = vault
        self._blobs = blobs
        self._ledger = ledger
        self._clock = clock

    def already(self, subject: SubjectRow, data: bytes) -> bool:
        """Whether exactly these bytes are already enrolled for this subject."""
        tag = self.digest_tag(data)
        with self._database.read() as connection:
            return bool(references.known_digests(connection, subject.subject_id, [tag]))

    def enrol(
        self,
        subject: SubjectRow,
        prepared: Prepared,
        chosen: RecognisedFace,
        model: str,
        *,
        keep: Keep = Keep.AS_GIVEN,
        also: Also | None = None,
    ) -> Item:
        """Write one reference.

        Raises PermissionRefused, SuppressedImage, DiskFull, GalleryBusy; then nothing was written.

        ``keep`` says what becomes of the rest of the picture; ``also`` writes what else belongs to it, in the
        same transaction.
        """
        image_id = secrets.token_hex(16)
        likeness = likeness_tags(prepared.picture.pixels, self._ring)
        with self._database.read() as connection:
            self._refuse_suppressed(connection, subject, prepared, likeness)
        faces = [found.face for found in prepared.faces]
        kept = stored_copy(prepared.data, prepared.picture, faces, chosen.face, keep)
        version = self._permission_version(subject)
        images = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.IMAGE)
        self._blobs.stage(image_id, images.seal(kept.data, f"image:{image_id}", version))
        placed = ""
        try:
            placed = self._placing.place(subject, image_id, prepared.data)
            reference_id = self._write_rows(
                subject, prepared, chosen, model, image_id, version, kept, likeness, also
            )
        except BaseException:
            self._settle(image_id)
            raise
        if reference_id is None:
            self._settle(image_id)
            return Item(prepared.name, Outcome.ALREADY)
        try:
            self._blobs.commit(image_id)
        except FileNotFoundError as error:
            raise PermissionRefused("Nothing was enrolled: the subject was erased in the meantime.") from error
        notes = prepared.picture.notes + tuple(note for note in (kept.note, placed) if note)
        return Item(
            prepared.name,
            Outcome.ENROLLED,
            reference_id,
            chosen.face.box,
            chosen.quality,
            notes,
            image_id=image_id,
        )

    def _settle(self, image_id: str) -> None:
        """After an interruption: the image stays if its row was committed all the same, else it goes."""
        with self._database.read() as connection:
            known = references.has_image(connection, image_id)
        if known:
            self._blobs.commit(image_id)
        else:
            self._blobs.discard(image_id)
            self._placing.forget(image_id)

    def _write_rows(
        self,
        subject: SubjectRow,
        prepared: Prepared,
        chosen: RecognisedFace,
        model: str,
        image_id: str,
        version: int,
        kept: StoredCopy,
        likeness: bytes,
        also: Also | None,
    ) -> ReferenceId | None:
        """Commit the rows; None when another process has enrolled the same bytes in the meantime."""
        now = clock.to_text(self._clock.now())
        tag = self.digest_tag(prepared.data)
        metadata = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        described = {
            "version": 1,
            "name": prepared.name,
            "media_type": kept.media_type,
            "picture": [prepared.picture.width, prepared.picture.height],
            "face": chosen.face.box.as_list(),
            "confidence": round(float(chosen.face.confidence), 4),
            "stored_face": kept.box.as_list(),
            "notes": [*prepared.picture.notes, *([kept.note] if kept.note else [])],
        }
        sealed = metadata.seal(json.dumps(described, ensure_ascii=False).encode(), f"about:{image_id}", version)
        templates = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.TEMPLATE)
        with self._database.write() as connection:
            self._ledger.versions(connection, [subject.subject_id])  # withdrawn while the picture was read?
            if references.known_digests(connection, subject.subject_id, [tag]):
                return None
            self._refuse_suppressed(connection, subject, prepared, likeness)  # erased while it was read?
            reference_id = ReferenceId(numbering.reserve_references(connection, 1)[0])
            sealed_template = seal_template(templates, chosen.template, reference_id, version)
            size = len(prepared.data)
            references.add_image(
                connection, ImageRow(image_id, subject.subject_id, version, tag, size, sealed, now, likeness)
            )
            quality = float(chosen.quality.score)
            row = ReferenceRow(
                reference_id,
                subject.subject_id,
                image_id,
                model,
                version,
                len(chosen.template),
                sealed_template,
                quality,
                Source.IMAGE,
                now,
            )
            references.add(connection, [row])
            feed.announce(connection, feed.Change.ADD, [reference_id])
            if also is not None:
                also(connection, image_id, version)
        return reference_id

    def _refuse_suppressed(
        self, connection: Connection, subject: SubjectRow, prepared: Prepared, likeness: bytes
    ) -> None:
        tag = self.digest_tag(prepared.data)
        refused = suppression.refuses(
            connection,
            subject.name_tag,
            tag,
            likeness,
            bands_alike=PARTS_ALIKE,
            compartment=subject.compartment,
        )
        if refused:
            raise SuppressedImage(f"{prepared.name} was erased before and is not taken in again.")

    def _permission_version(self, subject: SubjectRow) -> int:
        with self._database.read() as connection:
            return self._ledger.versions(connection, [subject.subject_id])[subject.subject_id]

    def digest_tag(self, data: bytes) -> bytes:
        """The keyed fingerprint under which exactly these bytes are known again."""
        return self._ring.fingerprint("image-bytes", data)


def _place(face: Face) -> str:
    box = face.box
    return f"{box.width:.0f} pixels wide at ({box.x:.0f}, {box.y:.0f})"
