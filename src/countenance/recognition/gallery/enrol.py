"""Enrolment: a photograph becomes a reference, sealed from its first byte on disk, or it leaves no trace.

Rules kept here:

* No reference without a permission in force (a Decision is asked for in the transaction that writes it).
* A photograph is whole or not there: its sealed image is staged, its rows are committed, it is put in place.
  Several photographs of one subject share a transaction, and wait for the disk together.
* Bystanders are not kept, nor frames, pages, previews and appended pictures that nobody looked at: see
  recognition/gallery/stored_copy.py.
* The same bytes are enrolled once; running the same command again goes on where it stopped.
* A photograph that was erased for somebody else, or by an order, is refused, and so is a near copy of it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

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
from countenance.recognition.gallery.stored_copy import Detail, Keep, StoredCopy, stored_copy
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

_DISK_THREADS = 4
"""Images of a group that are written to the disk, or to object storage, at the same time."""


Given = TypeVar("Given")


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
    detail: Detail | None = None
    """The chosen face's surroundings in more pixels than ``picture`` has of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A photograph that was read, and the face of it that is to be enrolled."""

    prepared: Prepared
    face: RecognisedFace


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """One photograph on its way in."""

    image_id: str
    chosen: Chosen
    tag: bytes
    likeness: bytes
    kept: StoredCopy


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

    def known(self, subject: SubjectRow, tags: Sequence[bytes] | None = None) -> set[bytes]:
        """Fingerprints of the bytes that are enrolled for this subject: those of ``tags``, or all."""
        with self._database.read() as connection:
            if tags is None:
                return references.digests_of(connection, subject.subject_id)
            return references.known_digests(connection, subject.subject_id, tags)

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
        [made] = self.enrol_together(subject, [Chosen(prepared, chosen)], model, keep=keep, also=also)
        if isinstance(made, SuppressedImage):
            raise made
        return made

    def enrol_together(
        self,
        subject: SubjectRow,
        photographs: Sequence[Chosen],
        model: str,
        *,
        keep: Keep = Keep.AS_GIVEN,
        also: Also | None = None,
    ) -> list[Item | SuppressedImage]:
        """Write a reference for each of some photographs of one subject, in one transaction.

        Returns what became of each, in order; one that was erased before is answered with the error. Raises
        PermissionRefused, DiskFull, GalleryBusy; then nothing was written.
        """
        waiting = [self._entry(one, keep) for one in photographs]
        with self._database.read() as connection:
            refused = self._suppressed(connection, subject, waiting)
            going = [one for one in waiting if one.tag not in refused]
            if not going:
                return [_erased_before(one) for one in waiting]
            version = self._ledger.versions(connection, [subject.subject_id])[subject.subject_id]
        placed: dict[str, str] = {}
        try:
            self._stage(subject, going, version)
            for one in going:
                placed[one.image_id] = self._placing.place(subject, one.image_id, one.chosen.prepared.data)
            numbers, since = self._write_rows(subject, going, model, version, also)
        except BaseException:
            self._settle([one.image_id for one in going])
            raise
        self._settle([one.image_id for one in going if one.image_id not in numbers])
        try:
            _each(self._blobs.commit, list(numbers))
        except FileNotFoundError as error:
            raise PermissionRefused("Nothing was enrolled: the subject was erased in the meantime.") from error
        return [
            _erased_before(one)
            if one.tag in refused or one.tag in since
            else self._item(one, numbers.get(one.image_id), placed.get(one.image_id, ""))
            for one in waiting
        ]

    def _entry(self, chosen: Chosen, keep: Keep) -> _Entry:
        prepared = chosen.prepared
        faces = [found.face for found in prepared.faces]
        return _Entry(
            secrets.token_hex(16),
            chosen,
            self.digest_tag(prepared.data),
            likeness_tags(prepared.picture.pixels, self._ring),
            stored_copy(prepared.data, prepared.picture, faces, chosen.face.face, keep, prepared.detail),
        )

    def _item(self, entry: _Entry, reference_id: ReferenceId | None, placed: str) -> Item:
        prepared, face = entry.chosen.prepared, entry.chosen.face
        if reference_id is None:
            return Item(prepared.name, Outcome.ALREADY)
        notes = prepared.picture.notes + tuple(note for note in (entry.kept.note, placed) if note)
        return Item(
            prepared.name,
            Outcome.ENROLLED,
            reference_id,
            face.face.box,
            face.quality,
            notes,
            image_id=entry.image_id,
        )

    def _stage(self, subject: SubjectRow, entries: Sequence[_Entry], version: int) -> None:
        images = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.IMAGE)

        def stage(entry: _Entry) -> None:
            sealed = images.seal(entry.kept.data, f"image:{entry.image_id}", version)
            self._blobs.stage(entry.image_id, sealed)

        _each(stage, entries)

    def _settle(self, image_ids: Sequence[str]) -> None:
        """After an interruption: an image stays if its row was committed all the same, else it goes."""
        if not image_ids:
            return
        with self._database.read() as connection:
            known = {one for one in image_ids if references.has_image(connection, one)}
        for image_id in image_ids:
            if image_id in known:
                self._blobs.commit(image_id)
            else:
                self._blobs.discard(image_id)
                self._placing.forget(image_id)

    def _write_rows(
        self, subject: SubjectRow, entries: Sequence[_Entry], model: str, version: int, also: Also | None
    ) -> tuple[dict[str, ReferenceId], set[bytes]]:
        """Commit the rows. Returns the numbers by image, without those that are already enrolled or were erased,
        and the fingerprints of what was erased while it was read."""
        now = clock.to_text(self._clock.now())
        metadata = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        about = [
            metadata.seal(_described(entry), f"about:{entry.image_id}", version) for entry in entries
        ]  # sealed before the transaction: others may write meanwhile
        templates = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.TEMPLATE)
        images: list[ImageRow] = []
        rows: list[ReferenceRow] = []
        with self._database.write() as connection:
            self._ledger.versions(connection, [subject.subject_id])  # withdrawn while the picture was read?
            enrolled = references.known_digests(connection, subject.subject_id, [one.tag for one in entries])
            erased = self._suppressed(connection, subject, entries)  # erased while it was read?
            numbers = iter(numbering.reserve_references(connection, len(entries)))
            for entry, sealed in zip(entries, about, strict=True):
                if entry.tag in enrolled or entry.tag in erased:
                    continue
                enrolled.add(entry.tag)  # the same bytes twice in one group
                chosen, number = entry.chosen, ReferenceId(next(numbers))
                images.append(
                    ImageRow(
                        entry.image_id,
                        subject.subject_id,
                        version,
                        entry.tag,
                        len(chosen.prepared.data),
                        sealed,
                        now,
                        entry.likeness,
                    )
                )
                rows.append(
                    ReferenceRow(
                        number,
                        subject.subject_id,
                        entry.image_id,
                        model,
                        version,
                        len(chosen.face.template),
                        seal_template(templates, chosen.face.template, number, version),
                        float(chosen.face.quality.score),
                        Source.IMAGE,
                        now,
                    )
                )
            references.add_images(connection, images)
            references.add(connection, rows)
            feed.announce(connection, feed.Change.ADD, [row.reference_id for row in rows])
            if also is not None:
                for image in images:
                    also(connection, image.image_id, version)
        return {str(row.image_id): row.reference_id for row in rows}, erased

    def _suppressed(self, connection: Connection, subject: SubjectRow, entries: Sequence[_Entry]) -> set[bytes]:
        """Fingerprints of those that were erased before and may not be taken in for this subject."""
        return suppression.refused(
            connection,
            subject.name_tag,
            [(one.tag, one.likeness) for one in entries],
            bands_alike=PARTS_ALIKE,
            compartment=subject.compartment,
        )

    def digest_tag(self, data: bytes) -> bytes:
        """The keyed fingerprint under which exactly these bytes are known again."""
        return self._ring.fingerprint("image-bytes", data)


def _described(entry: _Entry) -> bytes:
    """What is kept about an image beside its bytes, before it is sealed."""
    prepared, face = entry.chosen.prepared, entry.chosen.face.face
    described = {
        "version": 1,
        "name": prepared.name,
        "media_type": entry.kept.media_type,
        "picture": [prepared.picture.width, prepared.picture.height],
        "face": face.box.as_list(),
        "confidence": round(float(face.confidence), 4),
        "stored_face": entry.kept.box.as_list(),
        "notes": [*prepared.picture.notes, *([entry.kept.note] if entry.kept.note else [])],
    }
    return json.dumps(described, ensure_ascii=False).encode()


def _erased_before(entry: _Entry) -> SuppressedImage:
    return SuppressedImage(f"{entry.chosen.prepared.name} was erased before and is not taken in again.")


def _each(work: Callable[[Given], object], things: Sequence[Given]) -> None:
    """``work`` on each of ``things``, several at a time; all are done before what one raises is raised."""
    if len(things) < 2:
        for one in things:
            work(one)
        return
    with ThreadPoolExecutor(_DISK_THREADS, thread_name_prefix="disk") as pool:
        futures = [pool.submit(work, one) for one in things]
    for future in futures:
        future.result()


def _place(face: Face) -> str:
    box = face.box
    return f"{box.width:.0f} pixels wide at ({box.x:.0f}, {box.y:.0f})"
