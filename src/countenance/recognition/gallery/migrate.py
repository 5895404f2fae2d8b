"""From one model to another: every reference is made again from its sealed image; templates are never translated.

Rules kept here: searches go on with the old model until the new one has a reference for every image that still
shows its face; each image is one transaction, so a migration can be killed and run again; after the switch the old
templates are deleted, because nothing is held that nothing is done with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.erasure.errand import Progress
from countenance.errors import CountenanceError, KeyDestroyed
from countenance.recognition.gallery.enrol import Prepared
from countenance.recognition.gallery.sealed import seal_template
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import feed, numbering, references, subjects
from countenance.store.database import Database
from countenance.store.references import ImageRow, ReferenceRow, Source
from countenance.terms import ArtefactClass, Box, ReferenceId
from countenance.vault.blob_store import BlobStore
from countenance.vault.sealing import Vault

ACTIVE_MODEL = "model"
"""The fact that names the digest of the model that searches use."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration did. ``left_behind`` references had no image that shows their face, and are gone."""

    model: str
    made: int
    removed: int
    left_behind: int
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "model": self.model,
            "made": self.made,
            "removed": self.removed,
            "left_behind": self.left_behind,
            "problems": list(self.problems),
        }


class Migrator:
    """Brings one gallery to another model."""

    def __init__(self, database: Database, vault: Vault, blobs: BlobStore, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._blobs = blobs
        self._clock = clock

    def migrate(
        self, model: str, prepare: Callable[[str, bytes], Prepared], progress: Progress | None = None
    ) -> Migration:
        """Make references of ``model`` (``prepare`` recognises with it), then switch, then drop the others."""
        made, problems = 0, []
        tried: set[str] = set()
        while True:  # an image enrolled with the old model while we worked gets its turn before the switch
            with self._database.read() as connection:
                waiting = _untried(connection, model, tried)
            total = len(tried) + len(waiting)
            for image in waiting:
                tried.add(image.image_id)
                try:
                    made += self._again(image, model, prepare)
                except KeyDestroyed:  # erased meanwhile
                    pass
                except CountenanceError as error:
                    problems.append(f"image {image.image_id}: {error.code}")
                if progress is not None:
                    progress(len(tried), total, "references of the new model")
            with self._database.write() as connection:
                if _untried(connection, model, tried):
                    continue
                numbering.set_fact(connection, ACTIVE_MODEL, model)
                replaced, left_behind = references.drop_other_models(connection, model)
                feed.announce(connection, feed.Change.REMOVE, [*replaced, *left_behind])
            break
        removed = len(replaced) + len(left_behind)
        return Migration(model, made, removed, len(left_behind), tuple(problems))

    def _again(self, image: ImageRow, model: str, prepare: Callable[[str, bytes], Prepared]) -> int:
        with self._database.read() as connection:
            owner = subjects.by_ids(connection, [image.subject_id]).get(image.subject_id)
        if owner is None:
            raise KeyDestroyed("The subject was erased meanwhile.")
        about = self._vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.METADATA)
        record = about.unseal(image.sealed_metadata, f"about:{image.image_id}", image.permission_version)
        told = json.loads(record)
        sealer = self._vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.IMAGE)
        sealed = self._blobs.read(image.image_id)
        data = sealer.unseal(sealed, f"image:{image.image_id}", image.permission_version)
        faces = prepare(f"image {image.image_id}", data).faces
        if not faces:
            return 0
        chosen = _same_face(faces, Box(*told["stored_face"]))
        templates = self._vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.TEMPLATE)
        now = clock.to_text(self._clock.now())
        with self._database.write() as connection:
            number = ReferenceId(numbering.reserve_references(connection, 1)[0])
            row = ReferenceRow(
                number,
                owner.subject_id,
                image.image_id,
                model,
                image.permission_version,
                len(chosen.template),
                seal_template(templates, chosen.template, number, image.permission_version),
                float(chosen.quality.score),
                Source.IMAGE,
                now,
            )
            references.add(connection, [row])
            feed.announce(connection, feed.Change.ADD, [number])
        return 1


def _untried(connection: Connection, model: str, tried: set[str]) -> list[ImageRow]:
    return [image for image in references.images_without(connection, model) if image.image_id not in tried]


def _same_face(faces: tuple[RecognisedFace, ...], box: Box) -> RecognisedFace:
    def distance(found: RecognisedFace) -> float:
        own = found.face.box
        across = own.x + own.width / 2 - box.x - box.width / 2
        down = own.y + own.height / 2 - box.y - box.height / 2
        return across * across + down * down

    return min(faces, key=distance)
