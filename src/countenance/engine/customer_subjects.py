"""Subjects of customers' compartments: ``gallery.oversight.subjects``, what doors call on behalf of a Principal.

Rules kept here:

* Every method asks the policy and finds the compartment itself, from the asker's own customer and key, so that a
  door cannot forget to; a number of a compartment or a subject is never taken from a caller.
* What lies in another customer's compartment is answered in the words for what does not exist.
* A direct answer is given within one compartment of the asker's own, and under a case only: no case, no search. The
  gallery's own compartment, which all customers share, is searched through reviewers alone (engine.case_search).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import numpy as np
from sqlalchemy import Connection

from countenance import clock
from countenance.custody.erasure.errand import Progress
from countenance.custody.permission.decide import Granted
from countenance.custody.permission.record import Asked
from countenance.engine.answers import Receipt
from countenance.engine.customer_answers import (
    DirectSearch,
    FaceCompared,
    Forgotten,
    Held,
    ImageEnrolled,
    ImageHeld,
    ImagePage,
    PermissionHeld,
    SubjectHeld,
    SubjectPage,
    cursor,
    lines_at_once,
)
from countenance.engine.customer_parts import SubjectParts, outside_id
from countenance.engine.direct_search import told
from countenance.errors import AccessRefused, AnswerNotKept, ImageNotHeld, InputInvalid, SubjectUnknown
from countenance.oversight.cases import Cases
from countenance.oversight.compartments import Compartment, Compartments
from countenance.oversight.gate import Gate
from countenance.oversight.job_states import Job
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Code, Refused, Verb
from countenance.oversight.standing import standing_case
from countenance.recognition.candidates.identify import Candidate
from countenance.recognition.candidates.meaning import Meaning
from countenance.recognition.candidates.verify import Verification
from countenance.recognition.gallery.bulk import Picture, picture_name
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import permissions, references, searches, subjects
from countenance.store.subjects import SubjectRow
from countenance.terms import SubjectId, comparison_scores


class CustomerSubjects:
    """What customers do with the subjects they hold. ``compartment`` is a name; a key that is bound to one may pass
    None. All methods raise AccessRefused, CredentialInvalid and CompartmentUnknown. Thread-safe."""

    def __init__(self, parts: SubjectParts, compartments: Compartments, cases: Cases, gate: Gate) -> None:
        self._parts = parts
        self._database = parts.database
        self._compartments = compartments
        self._cases = cases
        self._gate = gate

    # -- taking in ---------------------------------------------------------------------------------------------

    def permit(
        self,
        who: Principal,
        subject: str,
        compartment: str | None,
        asked: Asked | None = None,
        *,
        request_id: str | None = None,
    ) -> Receipt:
        """Record a subject's permission: as ``asked``, or as the compartment's standing terms say.

        Raises InputInvalid when there are no terms that say enough, and what ``permit`` raises. A purpose that the
        customer is not registered for, or the key not bound to, is refused.
        """
        who, here = self._compartments.entered(who, Verb.SUBJECT_PERMIT, compartment)
        if asked is None:
            if here.terms is None:
                raise InputInvalid("The compartment has no standing terms; name purposes, residence and until.")
            asked = here.terms.permission(subject, self._parts.clock.now().date())
        elif asked.subject != subject:
            raise InputInvalid("The permission names another subject.")
        for purpose in asked.purposes:
            self._gate.require(who, Verb.SUBJECT_PERMIT, purpose=purpose)
        return self._parts.deeds.permit(
            subject,
            purposes=asked.purposes,
            residence=asked.residence,
            until=asked.until,
            controller=asked.controller,
            notice=asked.notice,
            language=asked.language,
            release=asked.release,
            born=asked.born,
            guardian=asked.guardian,
            recipients=asked.recipients,
            returning=asked.returning,
            whole_pictures=asked.whole_pictures,
            compartment=here.number,
            request_id=request_id,
        )

    def enrol(
        self,
        who: Principal,
        subject: str,
        compartment: str | None,
        images: Sequence[Picture],
        *,
        face: int | None = None,
        progress: Progress | None = None,
    ) -> tuple[ImageEnrolled, ...]:
        """Enrol photographs of a permitted subject; says what became of each. Raises what ``enrol`` raises."""
        _, here = self._compartments.entered(who, Verb.SUBJECT_ENROL, compartment)
        done = self._parts.deeds.enrol(subject, images, face=face, progress=progress, compartment=here.number)
        return tuple(
            ImageEnrolled(
                one.image, one.outcome, one.image_id, one.box, one.quality, one.notes, one.code, one.message,
                one.remedy,
            )
            for one in done.items
        )  # fmt: skip

    def enrol_later(
        self,
        who: Principal,
        subject: str,
        compartment: str | None,
        images: Iterable[tuple[str, bytes]],
        *,
        request_id: str | None = None,
    ) -> Job:
        """Enrol many photographs, names and bytes, as a job; a suspension ends it after the photograph it is at.

        Raises what ``long_work.enrol`` raises.
        """
        who, here = self._compartments.entered(who, Verb.SUBJECT_ENROL, compartment)
        return self._parts.deeds.long_work.enrol(
            who,
            subject,
            images,
            compartment=here.number,
            request_id=request_id,
            still=lambda: self._gate.still(who, Verb.SUBJECT_ENROL),
        )

    # -- looking at what one holds -----------------------------------------------------------------------------

    def find(
        self,
        who: Principal,
        compartment: str | None,
        *,
        name: str | None = None,
        subject_id: str | None = None,
    ) -> SubjectHeld:
        """One subject, by name or by id. Raises SubjectUnknown."""
        _, here = self._compartments.entered(who, Verb.SUBJECT_LIST, compartment)
        return self._told([self._row(here, name, subject_id)])[0]

    def listed(
        self, who: Principal, compartment: str | None, *, after: str | None = None, limit: int = 100
    ) -> SubjectPage:
        """Some subjects, in an order that says nothing. ``after`` is where an earlier page said to go on."""
        _, here = self._compartments.entered(who, Verb.SUBJECT_LIST, compartment)
        start, most = cursor(after, 64), lines_at_once(limit)
        with self._database.read() as connection:
            rows = subjects.page(connection, here.number, bytes.fromhex(start), most + 1)
        shown = rows[:most]
        return SubjectPage(tuple(self._told(shown)), outside_id(shown[-1]) if len(rows) > most else None)

    def held(self, who: Principal, compartment: str | None, *, subject: str | None = None) -> Held:
        """How many subjects and images the compartment holds, or of one subject. Raises SubjectUnknown."""
        _, here = self._compartments.entered(who, Verb.SUBJECT_LIST, compartment)
        only = None if subject is None else self._row(here, subject, None).subject_id
        with self._database.read() as connection:
            images = references.count_images_in(connection, here.number, only)
        return Held(here.subjects if only is None else 1, images)

    def images(
        self,
        who: Principal,
        compartment: str | None,
        *,
        subject: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> ImagePage:
        """Some enrolled images of the compartment, or of one subject, by image id. Raises SubjectUnknown."""
        _, here = self._compartments.entered(who, Verb.SUBJECT_LIST, compartment)
        only = None if subject is None else self._row(here, subject, None).subject_id
        start, most = cursor(after, 32), lines_at_once(limit)
        with self._database.read() as connection:
            rows = references.images_in(connection, here.number, only, after=start, limit=most + 1)
            owners = subjects.by_ids(connection, sorted({row.subject_id for row in rows}))
        shown = rows[:most]
        names = {number: (outside_id(owner), self._parts.ledger.name(owner)) for number, owner in owners.items()}
        told = tuple(ImageHeld(row.image_id, *names[row.subject_id], row.created_utc) for row in shown)
        return ImagePage(told, shown[-1].image_id if len(rows) > most else None)

    def permissions(self, who: Principal, compartment: str | None, subject_id: str) -> tuple[PermissionHeld, ...]:
        """Every permission of a subject that is on record, oldest first. Raises SubjectUnknown."""
        _, here = self._compartments.entered(who, Verb.SUBJECT_LIST, compartment)
        return PermissionHeld.all_of(self._parts.ledger, self._row(here, None, subject_id), self._parts.clock.now())

    def permission(
        self, who: Principal, compartment: str | None, subject_id: str, permission_id: str
    ) -> PermissionHeld:
        """One of them, for its receipt. Raises SubjectUnknown, PermissionUnknown."""
        _, here = self._compartments.entered(who, Verb.SUBJECT_LIST, compartment)
        row, now = self._row(here, None, subject_id), self._parts.clock.now()
        return PermissionHeld.one_of(self._parts.ledger, row, now, permission_id)

    def number(self, who: Principal, compartment: str | None, subject: str) -> SubjectId:
        """A subject's number, for whoever keeps something about her that has to go with her. It is not told.

        Raises SubjectUnknown.
        """
        _, here = self._compartments.entered(who, Verb.SUBJECT_LIST, compartment)
        return self._row(here, subject, None).subject_id

    # -- letting go --------------------------------------------------------------------------------------------

    def remove_image(self, who: Principal, compartment: str | None, image_id: str) -> Forgotten:
        """Erase one image and what was made of it; its subject stays. Raises ImageNotHeld, ErasureIncomplete."""
        _, here = self._compartments.entered(who, Verb.SUBJECT_WITHDRAW, compartment)
        self._image(here, image_id)
        gone = self._parts.part_erasure.remove([image_id])
        return Forgotten(image_id, None, {"images": gone.images, "templates": gone.references}, gone.checked)

    def withdraw(
        self, who: Principal, compartment: str | None, subject: str, *, request_id: str | None = None
    ) -> Forgotten:
        """Forget a subject everywhere. For one ``request_id`` it is one erasure, finished if it was cut off.

        Raises SubjectUnknown, ErasureIncomplete, ErasureHeld.
        """
        _, here = self._compartments.entered(who, Verb.SUBJECT_WITHDRAW, compartment)
        done = self._parts.deeds.withdraw(subject, compartment=here.number, request_id=request_id)
        erased = done.erased
        destroyed: dict[str, int] = {}
        for holding in erased.destroyed:
            destroyed[holding.what] = destroyed.get(holding.what, 0) + holding.count
        return Forgotten(subject, erased.erasure_id, destroyed, tuple(one.checked for one in erased.confirmations))

    # -- recognising -------------------------------------------------------------------------------------------

    def identify(
        self,
        who: Principal,
        compartment: str | None,
        image: Picture,
        *,
        limit: int = 10,
        threshold: float | None = None,
        request_id: str | None = None,
    ) -> DirectSearch:
        """Who of one's own subjects is in a photograph? Under the case that the key is bound to or that the
        compartment's terms name; it is taken from the case's quota and is in every found subject's ledger.

        For one ``request_id`` it is made once and takes one search from the quota: whom it found is answered once,
        and again AnswerNotKept is raised. Raises CaseUnknown and what ``identify`` raises; then nothing was taken
        from the quota.
        """
        who, here = self._compartments.entered(who, Verb.IDENTIFY, compartment)
        named = standing_case(who, here.terms)
        if isinstance(named, Refused):
            self._gate.refuse(who, Verb.IDENTIFY, named)
        if request_id is not None:
            with self._database.read() as connection:
                if searches.get(connection, request_id) is not None:
                    raise AnswerNotKept("This search was made, and whom it found was answered then.")
        who, case = self._cases.take_search(who, named, request_id)

        def recorded(connection: Connection, search_id: str, lists: Sequence[tuple[Candidate, ...]]) -> None:
            self._cases.attach(connection, case, who, search_id, [])  # nothing goes to review: no probe is kept

        try:
            prepared = self._parts.prepare(picture_name(image, 1), image)
            made = self._parts.identifier().identify(
                prepared.faces,
                purpose=case.purpose,
                limit=limit,
                threshold=threshold,
                notes=prepared.picture.notes + (() if prepared.faces else ("no face was found",)),
                recorded=recorded,
                compartments=frozenset({here.number}),
                purpose_told=False,
                search_id=request_id,
            )
        except AccessRefused as refused:  # the case ended while the picture was read
            self._cases.give_back(named, request_id)
            self._gate.refuse(who, Verb.IDENTIFY, Refused(Code(refused.reason), str(refused)))
        except BaseException:
            self._cases.give_back(named, request_id)
            raise
        return told(self._database, made, case.case_id)

    def verify(
        self,
        who: Principal,
        first: Picture,
        second: Picture,
        *,
        threshold: float | None = None,
        fmr: float | None = None,
    ) -> Verification:
        """Do two photographs show one person? Nothing is kept, nothing that is held is asked."""
        self._gate.require(who, Verb.VERIFY)
        return self._parts.deeds.verify(first, second, threshold=threshold, fmr=fmr)

    def compare(
        self, who: Principal, compartment: str | None, image_id: str, image: Picture
    ) -> tuple[FaceCompared, ...]:
        """How much does each face of a photograph resemble an enrolled image? Largest first.

        Raises ImageNotHeld (also for a subject who must not be compared just now) and what reading it raises.
        """
        _, here = self._compartments.entered(who, Verb.VERIFY, compartment)
        owner = self._image(here, image_id)
        prepared = self._parts.prepare(picture_name(image, 1), image)
        with self._database.read() as connection:
            allowed = self._parts.ledger.decisions(connection, [owner.subject_id], None)[owner.subject_id]
            held = references.of_subjects(connection, [owner.subject_id]).get(owner.subject_id, [])
        rows = [row for row in held if row.image_id == image_id and row.model == self._parts.model()]
        if not prepared.faces:
            return ()
        dimensions = len(prepared.faces[0].template)
        reader = TemplateReader(self._parts.vault, {owner.subject_id: owner})
        kept, templates = reader.open(rows if isinstance(allowed, Granted) else [], dimensions)
        if not kept:
            raise ImageNotHeld("There is no image of that id here.")
        scores = comparison_scores(np.stack([one.template for one in prepared.faces]), templates).max(axis=1)
        meaning = Meaning(self._parts.calibration(), 1, strict=False)
        return tuple(
            FaceCompared(face.face.box, face.quality, float(score), meaning.of(float(score))[2])
            for face, score in zip(prepared.faces, scores.tolist(), strict=True)
        )

    # -- inside ------------------------------------------------------------------------------------------------

    def _row(self, here: Compartment, name: str | None, subject_id: str | None) -> SubjectRow:
        if (name is None) == (subject_id is None):
            raise InputInvalid("Name a subject, or give her id, and not both.")
        if name is not None:
            return self._parts.ledger.find(name, here.number)
        tag = bytes.fromhex(cursor(subject_id, 64))
        with self._database.read() as connection:
            row = subjects.by_tags(connection, [tag]).get(tag)
        if row is None or row.compartment != here.number:
            raise SubjectUnknown("Nobody of that id is on record.")
        return row

    def _image(self, here: Compartment, image_id: str) -> SubjectRow:
        with self._database.read() as connection:
            number = references.owner_of_image(connection, image_id, here.number)
            row = None if number is None else subjects.by_ids(connection, [number]).get(number)
        if row is None:
            raise ImageNotHeld("There is no image of that id here.")
        return row

    def _told(self, rows: Sequence[SubjectRow]) -> list[SubjectHeld]:
        ids = [row.subject_id for row in rows]
        now = self._parts.clock.now()
        with self._database.read() as connection:
            permitted = permissions.of_subjects(connection, ids)
            images = references.image_ids_by_subject(connection, ids)
        told = []
        for row in rows:
            standing = [
                one for one in permitted.get(row.subject_id, []) if clock.from_text(one.valid_until_utc) > now
            ]
            ended = max((clock.from_text(one.valid_until_utc) for one in standing), default=None)
            until = "" if ended is None else (ended - timedelta(microseconds=1)).date().isoformat()
            purposes = tuple(sorted({purpose for one in standing for purpose in one.purposes}))
            told.append(
                SubjectHeld(
                    outside_id(row),
                    self._parts.ledger.name(row),
                    row.wrapped.jurisdiction,
                    until,
                    purposes,
                    len(images.get(row.subject_id, ())),
                )
            )
        return told
