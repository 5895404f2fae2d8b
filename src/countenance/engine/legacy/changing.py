"""Faces of a collection and its users, for clients of other engines.

Rules kept here: giving a face to a user moves it (recognition.gallery.regroup), so that it is hers in everything;
the subject that is left without any face is erased. A user can always be deleted: what may not stay goes with her.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from countenance import clock
from countenance.engine.legacy.answers import Deleted, Indexed, Moved, NotMoved, SeenFace, Unkept
from countenance.engine.legacy.enrolling import Enrolling
from countenance.engine.legacy.looking import seen
from countenance.engine.legacy.shelves import NO_LABEL, unnamed
from countenance.errors import (
    AccessRefused,
    ConsentError,
    CountenanceError,
    OrderForbids,
)
from countenance.oversight.compartments import Compartment
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Verb
from countenance.recognition.candidates.similarity import SimilarityScale
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM
from countenance.recognition.gallery.enrol import Prepared
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import legacy, subjects
from countenance.store.references import ReferenceRow
from countenance.store.subjects import SubjectRow
from countenance.terms import SubjectId, Vectors, comparison_scores


class Legacy(Enrolling):
    """What clients of other engines ask of a gallery: ``gallery.legacy``. Thread-safe.

    All methods raise AccessRefused, CredentialInvalid and CompartmentUnknown; the name of a compartment may be None
    for a key that is bound to one.
    """

    def used(self, key_id: str, signature: str, keep: timedelta) -> timedelta | None:
        """How long ago a signature was first used; None when this is the first time. It is remembered for ``keep``,
        in the database, so for all processes that serve the gallery.
        """
        tag, now = self._signature(key_id, signature), self._parts.clock.now()
        text = clock.to_text(now)
        with self._parts.database.write() as connection:
            known = legacy.first_used(connection, tag, text, clock.to_text(now - keep))
        return None if known is None else now - clock.from_text(known)

    def unused(self, key_id: str, signature: str) -> None:
        """Forget a signature: what was asked with it was not done, and may be asked again."""
        with self._parts.database.write() as connection:
            legacy.forget_use(connection, self._signature(key_id, signature))

    def _signature(self, key_id: str, signature: str) -> bytes:
        return self._parts.ring.fingerprint("used-signature", f"{key_id}:{signature}".encode())

    # -- faces of a collection --------------------------------------------------------------------------------

    def index_faces(
        self, who: Principal, name: str | None, data: bytes, *, label: str, most: int, quality: int
    ) -> Indexed:
        """Enrol every face of a picture, each as a subject of its own, the ``most`` largest.

        Raises PermissionRefused when the compartment has no standing permission, ImageError.
        """
        who, held = self._entered(who, Verb.SUBJECT_ENROL, name)
        self._permission(held, unnamed())
        prepared = self._parts.prepare(label or NO_LABEL, data)
        kept: list[tuple[ReferenceRow, SeenFace]] = []
        unkept: list[Unkept] = []
        for one in prepared.faces:
            reasons = _unfit(one, max(quality, ENROLMENT_MINIMUM)) if len(kept) < most else ("most",)
            row = None if reasons else self._on_its_own(who, held, prepared, one)
            if row is None:
                unkept.append(Unkept(seen(one), reasons or ("not_permitted",)))
            else:
                kept.append((row, seen(one)))
        shown = self._held(held.number, [row for row, _ in kept])
        faces = {one.face_id: one for one in shown}
        pairs = [(faces.get(self._ids.face(held.number, row.reference_id)), face) for row, face in kept]
        both = tuple((one, face) for one, face in pairs if one is not None)
        return Indexed(self._looked(prepared), both, tuple(unkept))

    def delete_faces(self, who: Principal, name: str | None, face_ids: Sequence[str]) -> Deleted:
        """Erase faces that belong to nobody by name; one that does is taken from the user first."""
        _, held = self._entered(who, Verb.SUBJECT_WITHDRAW, name)
        rows = self._rows(held.number, face_ids)
        shown = {one.face_id: one for one in self._held(held.number, list(rows.values()))}
        going = [face_id for face_id in face_ids if face_id in shown and shown[face_id].subject is None]
        refused = [
            (face_id, shown[face_id].subject if face_id in shown else None)
            for face_id in face_ids
            if face_id not in going
        ]
        self._let_go([rows[face_id] for face_id in going])
        return Deleted(tuple(going), tuple(refused))

    def delete_user(self, who: Principal, name: str | None, user: str) -> None:
        """Erase a user. The faces stay, each as a subject of its own; where none may be permitted (any more), as
        for a suspended customer, they go with her. Raises SubjectUnknown, ErasureHeld.
        """
        who, held = self._entered(who, Verb.SUBJECT_WITHDRAW, name)
        owner = self._parts.ledger.find(user, held.number)
        self._refuse_kept([owner.subject_id])
        for row in self._of(held.number, owner.subject_id):
            alone = self._alone(who, held)
            if alone is None:
                break
            self._parts.regrouping.give(row, owner, alone)
        self._erase([owner.subject_id])

    def associate(
        self, who: Principal, name: str | None, user: str, face_ids: Sequence[str], *, similarity: float
    ) -> Moved:
        """Give faces to a user, where they resemble the faces she has at least so much. Raises SubjectUnknown."""
        who, held = self._entered(who, Verb.SUBJECT_ENROL, name)
        owner = self._parts.ledger.find(user, held.number)
        scale = SimilarityScale.of(self._parts.calibration())
        rows = self._rows(held.number, face_ids)
        shown = {one.face_id: one for one in self._held(held.number, list(rows.values()))}
        moved: list[str] = []
        refused: list[NotMoved] = []
        left: list[SubjectId] = []
        try:
            for face_id in face_ids:
                if face_id not in shown:
                    refused.append(NotMoved(face_id, "FACE_NOT_FOUND"))
                    continue
                row, of = rows[face_id], shown[face_id].subject
                if row.subject_id == owner.subject_id:
                    moved.append(face_id)
                    continue
                if of is not None:
                    refused.append(NotMoved(face_id, "ASSOCIATED_TO_A_DIFFERENT_USER", user=of))
                    continue
                alike = self._alike(row, self._of(held.number, owner.subject_id), scale)
                if alike < similarity or not self._given(row, owner):
                    refused.append(NotMoved(face_id, "LOW_MATCH_CONFIDENCE", similarity=alike))
                    continue
                moved.append(face_id)
                left.append(row.subject_id)
        finally:  # whoever was moved before something failed leaves nobody behind
            if left:
                self._erase(left)
                self._note("subject.merged", owner.subject_id, who)
        return Moved(tuple(moved), tuple(refused), len(self._of(held.number, owner.subject_id)))

    def disassociate(self, who: Principal, name: str | None, user: str, face_ids: Sequence[str]) -> Moved:
        """Take faces from a user; each is a subject of its own then. A suspended customer may permit none: there it
        is erased. Raises SubjectUnknown, ErasureHeld.
        """
        verb = Verb.SUBJECT_ENROL if who.customer_active else Verb.SUBJECT_WITHDRAW
        who, held = self._entered(who, verb, name)
        owner = self._parts.ledger.find(user, held.number)
        rows = self._rows(held.number, face_ids)
        shown = {one.face_id: one for one in self._held(held.number, list(rows.values()))}
        moved: list[str] = []
        refused: list[NotMoved] = []
        going: list[ReferenceRow] = []
        for face_id in face_ids:
            if face_id not in shown:
                refused.append(NotMoved(face_id, "FACE_NOT_FOUND"))
            elif rows[face_id].subject_id != owner.subject_id:
                other = shown[face_id].subject
                reason = "FACE_NOT_FOUND" if other is None else "ASSOCIATED_TO_A_DIFFERENT_USER"
                refused.append(NotMoved(face_id, reason, user=other))
            else:
                if who.customer_active:
                    self._parts.regrouping.give(rows[face_id], owner, self._permitted(who, held, unnamed()))
                else:
                    going.append(rows[face_id])
                moved.append(face_id)
        self._remove(going)
        if moved:
            self._parts.database.forget_deleted_rows()  # what was sealed as hers
        return Moved(tuple(moved), tuple(refused), len(self._of(held.number, owner.subject_id)))

    # -- inside -----------------------------------------------------------------------------------------------

    def _alone(self, who: Principal, held: Compartment) -> SubjectRow | None:
        """A fresh subject for a face that belongs to nobody by name; None when it may not be permitted."""
        if not who.customer_active:
            return None
        try:
            return self._permitted(who, held, unnamed())
        except (AccessRefused, ConsentError, OrderForbids):
            return None

    def _on_its_own(
        self, who: Principal, held: Compartment, prepared: Prepared, one: RecognisedFace
    ) -> ReferenceRow | None:
        """A face enrolled as a subject of its own; None when no permission covers it, or it was erased."""
        try:
            owner = self._permitted(who, held, unnamed())
        except OrderForbids:
            return None
        try:
            return self._enrolled(owner, prepared, one)
        except CountenanceError as error:
            self._erase([owner.subject_id])
            if isinstance(error, ConsentError):
                return None
            raise

    def _alike(self, row: ReferenceRow, others: Sequence[ReferenceRow], scale: SimilarityScale) -> float:
        """How much a face resembles the most alike of ``others``; 1 when there are none, 0 when they are just being
        erased."""
        if not others:
            return 1.0
        mine, theirs = self._templates([row]), self._templates(others)
        if len(mine) == 0 or len(theirs) == 0:
            return 0.0
        return scale.similarity(float(np.max(comparison_scores(mine, theirs))))

    def _templates(self, rows: Sequence[ReferenceRow]) -> Vectors:
        with self._parts.database.read() as connection:
            owners = subjects.by_ids(connection, sorted({row.subject_id for row in rows}))
        _, templates = TemplateReader(self._parts.vault, owners).open(rows, rows[0].dimensions)
        return templates

    def _given(self, row: ReferenceRow, owner: SubjectRow) -> bool:
        """Give a face to ``owner``; False when she has the very same picture."""
        self._refuse_kept([row.subject_id])
        with self._parts.database.read() as connection:
            source = subjects.by_ids(connection, [row.subject_id])[row.subject_id]
        return self._parts.regrouping.give(row, source, owner)


def _unfit(one: RecognisedFace, minimum: int) -> tuple[str, ...]:
    """Why a face is not enrolled: its components below ``minimum``, worst first; empty when it is."""
    if one.quality.score >= minimum:
        return ()
    poor = sorted((part for part in one.quality.components if part.score < minimum), key=lambda part: part.score)
    return tuple(part.name for part in poor) or ("quality",)
