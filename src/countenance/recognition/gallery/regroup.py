"""A face that is held as one subject's is found to be another's: it is sealed anew and keeps its number.

Rules kept here:

* Both subjects are of one compartment and have a permission in force; from then on the face is held under the
  permission of the subject that it was given to, and goes with her.
* What is known of where the picture was taken, and which searches returned the face, goes along.
* The old ciphertext is deleted; which one is written down in the transaction that makes it old, so that a crash
  cannot leave it behind (:meth:`Regrouping.tidy`, at every opening).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from countenance.custody.permission.ledger import Ledger
from countenance.custody.residency.register import Register
from countenance.errors import PermissionRefused
from countenance.recognition.gallery.sealed import template_record
from countenance.store import collecting, feed, legacy, numbering, references, residency
from countenance.store.collecting import OriginRow
from countenance.store.database import Database
from countenance.store.references import ImageRow, ReferenceRow
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass, SubjectId
from countenance.vault.blob_store import BlobStore
from countenance.vault.sealing import Vault

LEFT_BEHIND = "regrouped_images"
"""The fact that lists images whose ciphertext has to be deleted, as JSON."""


class Regrouping:
    """Gives faces of one gallery to other subjects."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        blobs: BlobStore,
        ledger: Ledger,
        register: Register,
        arrived: Callable[[Sequence[SubjectId]], object],
    ) -> None:
        """``arrived`` is told of subjects about whom there is news."""
        self._database = database
        self._vault = vault
        self._blobs = blobs
        self._ledger = ledger
        self._register = register
        self._arrived = arrived

    def give(self, reference: ReferenceRow, source: SubjectRow, target: SubjectRow) -> bool:
        """Make a face of ``source`` one of ``target``. False when she has the very same picture already; then
        nothing was changed.

        Raises PermissionRefused, also when the face is ``source``'s no more; DiskFull.
        """
        if source.compartment != target.compartment:
            raise PermissionRefused("A face stays in the compartment in which it is held.")
        with self._database.read() as connection:
            versions = self._ledger.versions(connection, [source.subject_id, target.subject_id])
            image = legacy.images(connection, [str(reference.image_id)]).get(str(reference.image_id))
            if image is None or reference.image_id is None:
                raise PermissionRefused("The face is not held any more.")
            if references.known_digests(connection, target.subject_id, [image.digest_tag]):
                return False
            origin = collecting.origins_of(connection, source.subject_id).get(image.image_id)
        version, fresh = versions[target.subject_id], secrets.token_hex(16)
        made = self._resealed(image, origin, source, target, fresh, version)
        blob = self._vault.sealer(source.subject_id, source.wrapped, ArtefactClass.IMAGE).unseal(
            self._blobs.read(image.image_id), f"image:{image.image_id}", image.permission_version
        )
        sealed = self._vault.sealer(target.subject_id, target.wrapped, ArtefactClass.IMAGE)
        self._blobs.stage(fresh, sealed.seal(blob, f"image:{fresh}", version))
        try:
            self._carry_evidence(source, target, image.image_id, fresh)
            self._write(reference, source, target, image, made, version)
        except BaseException:
            self._blobs.discard(fresh)
            self._register.forget_image(fresh)
            raise
        self._blobs.commit(fresh)
        self.tidy()
        return True

    def tidy(self) -> int:
        """Delete the ciphertext of faces that were given away; returns how many images that was."""
        with self._database.read() as connection:
            old = json.loads(numbering.fact(connection, LEFT_BEHIND) or "[]")
        if not old:
            return 0
        self._blobs.delete(old)
        with self._database.write() as connection:
            now = json.loads(numbering.fact(connection, LEFT_BEHIND) or "[]")
            numbering.set_fact(connection, LEFT_BEHIND, json.dumps([one for one in now if one not in old]))
        return len(old)

    def _write(
        self,
        reference: ReferenceRow,
        source: SubjectRow,
        target: SubjectRow,
        image: ImageRow,
        made: tuple[ImageRow, OriginRow | None],
        version: int,
    ) -> None:
        fresh, origin = made
        mine = self._vault.sealer(source.subject_id, source.wrapped, ArtefactClass.TEMPLATE)
        theirs = self._vault.sealer(target.subject_id, target.wrapped, ArtefactClass.TEMPLATE)
        with self._database.write() as connection:
            self._ledger.versions(
                connection, [source.subject_id, target.subject_id]
            )  # withdrawn meanwhile: refused
            references.add_images(connection, [fresh])
            for row in references.of_subjects(connection, [source.subject_id]).get(source.subject_id, []):
                if row.image_id != image.image_id:
                    continue
                template = mine.unseal(
                    row.sealed_template, template_record(row.reference_id), row.permission_version
                )
                sealed = theirs.seal(template, template_record(row.reference_id), version)
                given = replace(
                    row,
                    subject_id=target.subject_id,
                    image_id=fresh.image_id,
                    permission_version=version,
                    sealed_template=sealed,
                )
                legacy.reassign(connection, row, given)
                feed.announce(connection, feed.Change.REMOVE, [row.reference_id])
                feed.announce(connection, feed.Change.ADD, [row.reference_id])
            still = references.by_ids(connection, [reference.reference_id])
            if [row.subject_id for row in still] != [target.subject_id]:
                raise PermissionRefused("The face is not held any more.")
            collecting.drop_origin(connection, image.image_id)
            if origin is not None:
                collecting.add_origin(connection, origin)
            residency.forget_image(connection, image.image_id)
            legacy.drop_image(connection, image.image_id)
            old = json.loads(numbering.fact(connection, LEFT_BEHIND) or "[]")
            numbering.set_fact(connection, LEFT_BEHIND, json.dumps([*old, image.image_id]))

    def _resealed(
        self,
        image: ImageRow,
        origin: OriginRow | None,
        source: SubjectRow,
        target: SubjectRow,
        fresh: str,
        version: int,
    ) -> tuple[ImageRow, OriginRow | None]:
        mine = self._vault.sealer(source.subject_id, source.wrapped, ArtefactClass.METADATA)
        theirs = self._vault.sealer(target.subject_id, target.wrapped, ArtefactClass.METADATA)
        about = mine.unseal(image.sealed_metadata, f"about:{image.image_id}", image.permission_version)
        row = replace(
            image,
            image_id=fresh,
            subject_id=target.subject_id,
            permission_version=version,
            sealed_metadata=theirs.seal(about, f"about:{fresh}", version),
        )
        if origin is None:
            return row, None
        told = mine.unseal(origin.sealed_origin, f"origin:{image.image_id}", 0)
        again = theirs.seal(told, f"origin:{fresh}", 0)
        return row, OriginRow(fresh, target.subject_id, origin.grant_id, again)

    def _carry_evidence(self, source: SubjectRow, target: SubjectRow, old: str, fresh: str) -> None:
        told = [one for one in self._register.of(source) if one.image_id == old]
        for one in told:
            self._register.add(
                target,
                predicate=one.predicate,
                value=[place.code for place in one.value],
                signal=one.signal,
                valid=one.valid,
                source=f"image:{fresh}",
                extractor=one.extractor,
                extractor_version=one.extractor_version,
                image_id=fresh,
            )
        if told:
            self._arrived([target.subject_id])
