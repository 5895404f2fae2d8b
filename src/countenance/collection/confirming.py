"""The subject's yes or no to the faces that wait for her.

Rules kept here: all answers are checked before any is carried out; a yes is one transaction, in which the face
becomes a reference and stops waiting.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from countenance.clock import from_text
from countenance.collection.answers import Confirmed
from countenance.collection.items import Told
from countenance.collection.origin import Origins
from countenance.collection.pending import Asked, Waiting
from countenance.errors import CountenanceError, GalleryError, NoFace, PendingUnknown, PermissionRefused
from countenance.recognition.gallery.enrol import Enroller, Prepared
from countenance.recognition.gallery.stored_copy import Keep
from countenance.recognition.images import decode
from countenance.recognition.templates.recogniser import RecognisedFace, Recogniser
from countenance.settings import ImageLimits
from countenance.store import collecting
from countenance.store.subjects import SubjectRow
from countenance.terms import Box


class Confirming:
    """Carries the answers out."""

    def __init__(
        self, waiting: Waiting, enroller: Enroller, recogniser: Recogniser, origins: Origins, limits: ImageLimits
    ) -> None:
        self._waiting = waiting
        self._enroller = enroller
        self._recogniser = recogniser
        self._origins = origins
        self._limits = limits

    def answer(self, subject: SubjectRow, name: str, yes: Sequence[str], no: Sequence[str]) -> Confirmed:
        """Carry out yes and no. Raises PendingUnknown, PermissionRefused, DiskFull, GalleryBusy."""
        asked = {one.pending_id: one for one in self._waiting.of(subject)}
        unknown = [id_ for id_ in (*yes, *no) if id_ not in asked]
        both = set(yes) & set(no)
        if unknown or both:
            raise PendingUnknown(
                f"{', '.join(sorted(both))} cannot be confirmed and denied at once."
                if both
                else f"Nothing waits under {', '.join(unknown)}."
            )
        made, failed = [], []
        for id_ in dict.fromkeys(yes):
            try:
                reference = self._enrol(subject, asked[id_])
            except (PermissionRefused, GalleryError):
                raise
            except CountenanceError as error:
                failed.append((id_, error.code, str(error)))
            else:
                made += [] if reference is None else [reference]
        destroyed = self._waiting.drop([*dict.fromkeys(no)])
        return Confirmed(name, tuple(made), tuple(failed), destroyed, self._waiting.count(subject))

    def _enrol(self, subject: SubjectRow, one: Asked) -> int | None:
        picture = decode(one.image, self._limits, name=one.file)
        faces = self._recogniser.recognise(picture.pixels)
        if not faces:
            raise NoFace(f"No face was found again in the picture from {one.file}.")
        chosen = min(faces, key=lambda found: _distance(found, one.face))
        prepared = Prepared(one.file, one.image, picture, faces)
        taken = None if one.origin.taken_utc is None else from_text(one.origin.taken_utc)
        findings = self._origins.findings(Told(one.origin.caption, taken))

        def also(connection: Connection, image_id: str, version: int) -> None:
            self._origins.write(connection, subject, image_id, version, one.origin, findings, one.grant_id)
            collecting.drop_pending(connection, [one.pending_id])

        item = self._enroller.enrol(subject, prepared, chosen, self._recogniser.model, keep=Keep.CROP, also=also)
        return None if item.reference_id is None else int(item.reference_id)


def _distance(found: RecognisedFace, box: Box) -> float:
    own = found.face.box
    across = own.x + own.width / 2 - box.x - box.width / 2
    down = own.y + own.height / 2 - box.y - box.height / 2
    return across * across + down * down
