"""Subjects by name and their examples, for clients of other engines; and what erasing one face means.

Rules kept here:

* Everybody who is enrolled gets the compartment's standing permission; where there is none, nobody is enrolled.
* What a client deletes is erased as a withdrawal is: keys, ciphertext, index. A single face of somebody who stays
  is deleted in all places, and the index begins a new epoch.
* Nothing of somebody who is kept as evidence is moved or deleted.
"""

from __future__ import annotations

from collections.abc import Sequence

from countenance.custody.permission.record import subject_name
from countenance.engine.legacy.answers import HeldFace
from countenance.engine.legacy.looking import Looking
from countenance.engine.legacy.shelves import NO_LABEL, checked_name
from countenance.errors import (
    CountenanceError,
    ErasureHeld,
    NoFace,
    SeveralFaces,
    SubjectExists,
    SubjectUnknown,
)
from countenance.oversight.compartments import Compartment
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Verb
from countenance.recognition.gallery.enrol import Outcome, Prepared, choose
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import legacy, references, subjects
from countenance.store.references import ReferenceRow
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass, CompartmentId, SubjectId

_EVERY = 1_000_000


class Enrolling(Looking):
    """Enrols and erases."""

    # -- subjects by name -------------------------------------------------------------------------------------

    def add_subject(self, who: Principal, name: str | None, subject: str) -> None:
        """A subject without faces. Raises SubjectExists, SubjectNameInvalid, PermissionRefused, OrderForbids."""
        who, held = self._entered(who, Verb.SUBJECT_PERMIT, name)
        if self._find(held.number, checked_name(subject)) is not None:
            raise SubjectExists("A subject of that name is held already.")
        self._permitted(who, held, subject)

    def rename(self, who: Principal, name: str | None, old: str, new: str) -> None:
        """Give a subject another name; with the name of another subject, the two become one.

        Raises SubjectUnknown, SubjectNameInvalid, PermissionRefused.
        """
        who, held = self._entered(who, Verb.SUBJECT_ENROL, name)
        source = self._parts.ledger.find(old, held.number)
        wanted = subject_name(checked_name(new))
        target = self._find(held.number, wanted)
        if target is None:
            sealer = self._parts.vault.sealer(source.subject_id, source.wrapped, ArtefactClass.METADATA)
            sealed, tag = sealer.seal(wanted.encode(), "name", 0), self._parts.ledger.tag(wanted, held.number)
            with self._parts.database.write() as connection:
                legacy.rename(connection, source.subject_id, tag, sealed)
            self._note("subject.renamed", source.subject_id, who)
        elif target.subject_id != source.subject_id:
            self._refuse_kept([source.subject_id])
            rows = self._of(held.number, source.subject_id)
            doubled = [row for row in rows if not self._parts.regrouping.give(row, source, target)]
            self._remove(doubled)
            self._erase([source.subject_id])
            self._note("subject.merged", target.subject_id, who)

    def forget(self, who: Principal, name: str | None, subject: str) -> None:
        """Withdraw a subject: everything of hers is erased. Raises SubjectUnknown, ErasureHeld."""
        _, held = self._entered(who, Verb.SUBJECT_WITHDRAW, name)
        self._erase([self._parts.ledger.find(subject, held.number).subject_id])

    def forget_all(self, who: Principal, name: str | None) -> int:
        """Withdraw everybody in a compartment; returns how many had a name. Raises ErasureHeld."""
        _, held = self._entered(who, Verb.SUBJECT_WITHDRAW, name)
        named = self._named(held.number)
        with self._parts.database.read() as connection:
            everyone = [row.subject_id for row in subjects.everyone(connection, held.number)]
        self._erase(everyone)
        return len(named)

    # -- examples of a subject --------------------------------------------------------------------------------

    def add_example(
        self, who: Principal, name: str | None, subject: str, data: bytes, *, least_confidence: float = 0.0
    ) -> HeldFace:
        """Enrol a picture with one face for a subject, who is permitted first if nobody of that name is held.

        The same bytes again are the same face. Raises NoFace, SeveralFaces, QualityTooLow, ImageError,
        PermissionRefused, OrderForbids, SuppressedImage.
        """
        who, held = self._entered(who, Verb.SUBJECT_ENROL, name)
        self._permission(held, checked_name(subject))
        prepared = self._parts.prepare(NO_LABEL, data)
        sure = [place for place, one in enumerate(prepared.faces) if one.face.confidence >= least_confidence]
        if not sure:
            raise NoFace("No face was found.")
        if len(sure) > 1:
            raise SeveralFaces("More than one face was found.")
        chosen = choose(prepared, sure[0] + 1)
        owner = self._find(held.number, subject)
        fresh = owner is None
        if owner is None:
            owner = self._permitted(who, held, subject)
        try:
            row = self._enrolled(owner, prepared, chosen)
        except CountenanceError:
            if fresh:
                self._erase([owner.subject_id])
            raise
        return self._held(held.number, [row])[0]

    def remove_examples(self, who: Principal, name: str | None, subject: str | None) -> int:
        """Erase a subject's faces, or everybody's; the subjects stay. Returns how many. Raises SubjectUnknown."""
        _, held = self._entered(who, Verb.SUBJECT_WITHDRAW, name)
        owner = None if subject is None else self._parts.ledger.find(subject, held.number).subject_id
        rows = self._of(held.number, owner)
        self._let_go(rows)
        return len(rows)

    def remove_example(self, who: Principal, name: str | None, face_id: str) -> HeldFace:
        """Erase one face; her subject stays. Raises ImageNotHeld."""
        _, held = self._entered(who, Verb.SUBJECT_WITHDRAW, name)
        row = self._row(held.number, face_id)
        [shown] = self._held(held.number, [row])
        self._let_go([row])
        return shown

    # -- inside -----------------------------------------------------------------------------------------------

    def _find(self, compartment: CompartmentId, subject: str) -> SubjectRow | None:
        try:
            return self._parts.ledger.find(subject, compartment)
        except SubjectUnknown:
            return None

    def _permitted(self, who: Principal, held: Compartment, subject: str) -> SubjectRow:
        asked = self._permission(held, subject)
        for purpose in asked.purposes:
            self._parts.gate.require(who, Verb.SUBJECT_PERMIT, purpose=purpose)
        self._parts.permit(asked, held.number)
        return self._parts.ledger.find(subject, held.number)

    def _enrolled(self, owner: SubjectRow, prepared: Prepared, chosen: RecognisedFace) -> ReferenceRow:
        enroller = self._parts.enroller()
        item = enroller.enrol(owner, prepared, chosen, self._parts.model())
        with self._parts.database.read() as connection:
            if item.outcome is Outcome.ENROLLED and item.reference_id is not None:
                return references.by_ids(connection, [item.reference_id])[0]
            tag, model = enroller.digest_tag(prepared.data), self._parts.model()
            held = references.images_of(connection, [owner.subject_id]).get(owner.subject_id, [])
            same = {one.image_id for one in held if one.digest_tag == tag}
            rows = references.of_subjects(connection, [owner.subject_id]).get(owner.subject_id, [])
            return next(row for row in rows if row.image_id in same and row.model == model)

    def _of(self, compartment: CompartmentId, owner: SubjectId | None) -> list[ReferenceRow]:
        with self._parts.database.read() as connection:
            return legacy.page(connection, self._parts.model(), compartment, subject_id=owner, most=_EVERY)

    def _let_go(self, rows: Sequence[ReferenceRow]) -> None:
        """Erase faces; and their subjects, where these were nothing but a face."""
        if not rows:
            return
        self._remove(rows)
        numbers = sorted({row.subject_id for row in rows})
        with self._parts.database.read() as connection:
            owners = subjects.by_ids(connection, numbers)
        named = self._names(list(owners.values()))
        self._erase([number for number in numbers if number not in named])

    def _remove(self, rows: Sequence[ReferenceRow]) -> None:
        """Delete images and what was made from them, everywhere; the subjects stay."""
        if not rows:
            return
        self._refuse_kept(sorted({row.subject_id for row in rows}))
        self._parts.remove(sorted({row.image_id for row in rows if row.image_id is not None}))

    def _erase(self, numbers: Sequence[SubjectId]) -> None:
        if numbers and self._parts.withdraw(numbers):
            raise ErasureHeld("Somebody is kept as evidence; out of every search.")

    def _refuse_kept(self, numbers: Sequence[SubjectId]) -> None:
        """Raises ErasureHeld for whoever is kept as evidence: nothing of hers is moved or deleted."""
        if self._parts.kept() & set(numbers):
            raise ErasureHeld("Somebody is kept as evidence; nothing was changed.")

    def _note(self, event: str, subject: SubjectId, who: Principal) -> None:
        commitment = self._parts.witness.commit(subject)
        self._parts.witness.note(event, self._parts.clock.now(), subject=commitment, actor=who.actor)
