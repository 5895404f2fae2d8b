"""Pictures to references of the permitted subject and to nothing else, file after file, with all processors busy.

Rules kept here:

* A file's outcome is written in the transaction that writes what is kept of it, so a run that was killed goes on
  at the next file and counts nobody twice.
* Of a face that is nobody's whom we look for, a number remains. Its template is dropped before anything is written.
* The pictures themselves live in memory only, a few at a time, and scaled down as far as faces allow.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import cv2
import numpy as np
from sqlalchemy import Connection

from countenance.collection import metadata
from countenance.collection.bystanders import Apart, Sighting, Wanted, tell_apart
from countenance.collection.fetched import fetched
from countenance.collection.flow import ahead
from countenance.collection.items import Item, Told
from countenance.collection.looked import Looked, Read
from countenance.collection.origin import Origin, Origins, described
from countenance.collection.outcomes import Became, FileOutcome, Report, Tally, pace, printable_name
from countenance.collection.pending import Waiting
from countenance.collection.progressed import Progressed
from countenance.custody.erasure.errand import Progress
from countenance.custody.residency.extract import Finding
from countenance.errors import (
    BucketUnreachable,
    CountenanceError,
    GalleryError,
    ImageError,
    PermissionRefused,
    SourceMissing,
)
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM
from countenance.recognition.gallery.enrol import Enroller, Outcome, Prepared
from countenance.recognition.gallery.stored_copy import Detail, Keep
from countenance.recognition.images import LARGE_PIXELS, Picture, decode
from countenance.recognition.models.network import available_threads
from countenance.recognition.templates.recogniser import RecognisedFace, Recogniser
from countenance.recognition.templates.reduced import Seen, recognise_reduced
from countenance.settings import ImageLimits
from countenance.store.collecting import FileRow
from countenance.terms import SubjectId

SIDE_HINT = 1600
"""Longest side in pixels that a large photograph keeps at least when it is halved."""
MOST_REDUCTION = 2
"""Halved, a face that is just large enough to enrol is still found, or glimpsed and found in the whole picture."""

_NOTHING = np.empty(0, np.float32)
_NO_CHIP = np.empty((0, 0, 3), np.uint8)


class Company(Protocol):
    """Other permitted subjects whom the faces of a picture resemble."""

    def among(self, faces: Sequence[RecognisedFace]) -> list[Wanted]:
        """Those who may be in the picture."""
        ...


OriginOf = Callable[[Item, Told], Origin]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """One import: for whom, from where, and how."""

    import_id: str
    wanted: Wanted
    source: str
    """``Instagram export``, ``album``: the name under which evidence is recorded."""
    keep: Keep
    origin: OriginOf | None = None
    """Makes the origin of an item; by default what an album or export says."""
    findings: tuple[Finding, ...] = ()
    """What the source says of where every picture of it was made or kept."""


class Collector:
    """Runs imports of one gallery."""

    def __init__(
        self,
        enroller: Enroller,
        recogniser: Recogniser,
        waiting: Waiting,
        progressed: Progressed,
        origins: Origins,
        company: Company | None,
        limits: ImageLimits,
        *,
        threads: int | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._enroller = enroller
        self._recogniser = recogniser
        self._waiting = waiting
        self._progressed = progressed
        self._origins = origins
        self._company = company
        self._limits = limits
        self._threads = available_threads() + 1 if threads is None else threads
        self._seconds = seconds

    def faces(self, data: bytes, name: str) -> tuple[RecognisedFace, ...]:
        """The faces of a picture. Raises ImageError."""
        return self._seen(data, name).faces

    def look(self, data: bytes, name: str, wanted: Sequence[Wanted]) -> tuple[Apart, Picture]:
        """The faces of a picture told apart. Raises ImageError. Nothing is kept of it here."""
        seen = self._seen(data, name)
        return tell_apart(seen.faces, wanted, self._recogniser.closer), seen.picture

    def collect(
        self, plan: Plan, items: Iterable[Item], total: int, report: Report | None, progress: Progress | None
    ) -> Tally:
        """Look at every item and enrol the subject's faces.

        Raises PermissionRefused when the permission ends on the way, DiskFull, GalleryBusy; what was finished
        is kept.
        """
        tally, begun = Tally(), self._seconds()
        reads = self._reads(plan, items)
        examine = partial(self._examine, plan)
        for looked in ahead(reads, examine, _size, threads=self._threads, at_once=lambda read: read.needs_no_look):
            outcome = self._finish(plan, looked)
            tally.add(outcome)
            if report is not None:
                report(outcome)
            if progress is not None:
                said = pace(tally.files, total, self._seconds() - begun, tally)
                progress(tally.files, total, f"{printable_name(outcome.file)[-60:]}  {said}")
        self._progressed.flush()
        return tally

    # -- reading, in the caller's thread; what is far away, ahead of it ----------------------------------------

    def _reads(self, plan: Plan, items: Iterable[Item]) -> Iterator[Read]:
        subject_id = plan.wanted.subject.subject_id
        lately: deque[bytes] = deque(maxlen=256)  # contents that are being looked at and not yet on record
        finished = self._progressed.finished(subject_id)
        for got in fetched(items, self._progressed.file_tag, finished):
            item, file_tag, data = got.item, got.file_tag, got.data
            if got.finished:
                yield Read(item, b"", file_tag, b"", became=Became.EARLIER)
            elif data is None:
                yield Read(item, b"", file_tag, b"", got.error)
            else:
                digest_tag = self._enroller.digest_tag(data)
                if digest_tag in lately or self._progressed.is_known(subject_id, digest_tag):
                    yield Read(item, b"", file_tag, digest_tag, became=Became.DUPLICATE)
                else:
                    lately.append(digest_tag)
                    yield Read(item, data, file_tag, digest_tag)

    # -- looking, in several threads -------------------------------------------------------------------------

    def _examine(self, plan: Plan, read: Read) -> Looked:
        if read.needs_no_look:
            return Looked(read, error=read.error)
        name = printable_name(read.item.name)
        try:
            seen = self._seen(read.data, name)
        except ImageError as error:
            return Looked(_without_data(read), error=error)
        faces = seen.faces
        others = [] if self._company is None or not faces else self._company.among(faces)
        wanted = [plan.wanted, *(o for o in others if o.subject != plan.wanted.subject)]
        apart = tell_apart(faces, wanted, self._recogniser.closer)
        if not apart.sightings:
            return Looked(_without_data(read), apart.faces, apart.bystanders)
        remembered = tuple(_forgotten(face, apart.sightings) for face in faces)
        # The sightings must not keep the bystanders' templates alive either: rows of one array share its memory.
        own = {id(before): after for before, after in zip(faces, remembered, strict=True)}
        sighted = {id(s.face) for s in apart.sightings}
        sightings = tuple(replace(s, face=own[id(s.face)]) for s in apart.sightings)
        prepared = Prepared(name, read.data, seen.picture, remembered)
        details = {id(own[id(faces[i])]): _detail(seen, i) for i in seen.closer if id(faces[i]) in sighted}
        # The position in the picture itself becomes evidence where it is enrolled; here only its time is used.
        told = read.item.told.over(Told(taken_at=metadata.told_by(read.data).taken_at))
        return Looked(read, apart.faces, apart.bystanders, sightings, prepared, told, details)

    def _seen(self, data: bytes, name: str) -> Seen:
        """The faces of a picture that is reduced as far as faces allow. Raises ImageError."""
        picture = decode(data, self._limits, name=name, longest_side_hint=SIDE_HINT, most_reduction=MOST_REDUCTION)
        step = max(picture.width, picture.height) // SIDE_HINT
        if picture.width * picture.height <= LARGE_PIXELS:
            step = min(MOST_REDUCTION, step)
        if picture.reduction > 1 or step < 2:
            return recognise_reduced(
                self._recogniser, picture, lambda: decode(data, self._limits, name=name).pixels
            )
        # Formats that cannot be decoded at a fraction of their size are reduced afterwards, by a whole number.
        size = (picture.width // step, picture.height // step)
        pixels = np.asarray(cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        smaller = replace(picture, pixels=pixels, reduction=step)
        return recognise_reduced(self._recogniser, smaller, lambda: picture.pixels)

    # -- writing, in the caller's thread ---------------------------------------------------------------------

    def _finish(self, plan: Plan, looked: Looked) -> FileOutcome:
        read = looked.read
        name = printable_name(read.item.name)
        if looked.error is not None:
            error = looked.error
            outcome = FileOutcome(
                name, Became.REFUSED, code=error.code, message=str(error), remedy=error.remedy or None
            )
        elif read.became is not None:
            outcome = FileOutcome(name, read.became)
        elif not looked.sightings:
            became = Became.NO_SUBJECT if looked.faces else Became.NO_FACE
            outcome = FileOutcome(name, became, looked.faces, looked.bystanders)
        else:
            return self._keep(plan, looked)
        # What could not be read this time is tried again the next time.
        if outcome.became is not Became.EARLIER and not isinstance(looked.error, SourceMissing | BucketUnreachable):
            self._progressed.later(self._row(plan, read, outcome))
        return outcome

    def _keep(self, plan: Plan, looked: Looked) -> FileOutcome:
        read, prepared = looked.read, looked.prepared
        assert prepared is not None
        named = plan.wanted.subject.subject_id
        hers = [s for s in looked.sightings if s.subject.subject_id == named]
        others = sum(self._enrol_other(plan, looked, s) for s in looked.sightings if s.subject.subject_id != named)
        bystanders = looked.bystanders
        best = max(hers, key=lambda s: s.score, default=None)
        outcome = FileOutcome(
            printable_name(read.item.name),
            Became.NO_SUBJECT,
            looked.faces,
            bystanders,
            others=others,
            score=None if best is None else best.score,
            notes=prepared.picture.notes,
        )
        certain = next((s for s in hers if s.certain), None)
        asks = [s for s in hers if not s.certain]
        if certain is not None and certain.face.quality.score >= ENROLMENT_MINIMUM:
            outcome = self._enrol(plan, looked, certain, replace(outcome, became=Became.ENROLLED))
        elif certain is not None:
            reasons = tuple(certain.face.quality.reasons)
            outcome = replace(outcome, became=Became.POOR, notes=(*outcome.notes, *reasons))
            self._progressed.later(self._row(plan, read, outcome))
        elif asks:
            outcome = replace(outcome, became=Became.ASKS)
            with self._progressed.writing(self._row(plan, read, outcome)) as connection:
                for sighting in asks:
                    self._ask(connection, plan, looked, sighting)
            return outcome
        else:
            self._progressed.later(self._row(plan, read, outcome))
        if asks:
            with self._progressed.writing() as connection:
                for sighting in asks:
                    self._ask(connection, plan, looked, sighting)
        return outcome

    def _ask(self, connection: Connection, plan: Plan, looked: Looked, sighting: Sighting) -> None:
        if sighting.face.quality.score < ENROLMENT_MINIMUM or looked.prepared is None:
            return  # it could not be enrolled whatever she says, so she is not asked
        self._waiting.add(
            connection,
            plan.wanted.subject,
            plan.import_id,
            looked.prepared_for(sighting),
            sighting,
            looked.read.digest_tag,
            self._origin(plan, looked),
            looked.read.item.grant_id,
        )

    def _enrol(self, plan: Plan, looked: Looked, sighting: Sighting, outcome: FileOutcome) -> FileOutcome:
        row = self._row(plan, looked.read, outcome)
        findings = [*self._origins.findings(looked.told), *plan.findings]

        def also(connection: Connection, image_id: str, version: int) -> None:
            origin, grant = self._origin(plan, looked), looked.read.item.grant_id
            self._origins.write(connection, sighting.subject, image_id, version, origin, findings, grant)
            self._progressed.write(connection, [row])

        prepared = looked.prepared_for(sighting)
        try:
            item = self._enroller.enrol(
                sighting.subject, prepared, sighting.face, self._recogniser.model, keep=plan.keep, also=also
            )
        except (PermissionRefused, GalleryError):
            raise
        except CountenanceError as error:
            refused = replace(
                outcome, became=Became.REFUSED, code=error.code, message=str(error), remedy=error.remedy or None
            )
            self._progressed.later(self._row(plan, looked.read, refused))
            return refused
        if item.outcome is Outcome.ALREADY or item.reference_id is None:
            again = replace(outcome, became=Became.DUPLICATE)
            self._progressed.later(self._row(plan, looked.read, again))
            return again
        return replace(outcome, references=(int(item.reference_id),), notes=item.notes)

    def _enrol_other(self, plan: Plan, looked: Looked, sighting: Sighting) -> int:
        """Enrol another permitted subject who is in the picture; 0 when her permission does not hold."""
        if sighting.face.quality.score < ENROLMENT_MINIMUM or looked.prepared is None:
            return 0
        # Of whose album, and under which name it lay there, is not hers to know.
        origin = Origin("a picture collected for another subject", "")
        findings = [*self._origins.findings(replace(looked.told, caption="")), *plan.findings]

        def also(connection: Connection, image_id: str, version: int) -> None:
            grant = looked.read.item.grant_id
            self._origins.write(connection, sighting.subject, image_id, version, origin, findings, grant)

        prepared = replace(looked.prepared_for(sighting), name="a picture collected for another subject")
        try:
            item = self._enroller.enrol(
                sighting.subject, prepared, sighting.face, self._recogniser.model, keep=Keep.CROP, also=also
            )
        except GalleryError:
            raise
        except CountenanceError:
            return 0
        return int(item.outcome is Outcome.ENROLLED)

    def _origin(self, plan: Plan, looked: Looked) -> Origin:
        if plan.origin is not None:
            return plan.origin(looked.read.item, looked.told)
        return described(looked.told, plan.source, printable_name(looked.read.item.name))

    def _row(self, plan: Plan, read: Read, outcome: FileOutcome) -> FileRow:
        return FileRow(
            SubjectId(plan.wanted.subject.subject_id),
            read.file_tag,
            read.digest_tag or None,
            plan.import_id,
            outcome.became.value,
            outcome.faces,
            outcome.bystanders,
        )


def _forgotten(face: RecognisedFace, sightings: Sequence[Sighting]) -> RecognisedFace:
    """The face with its template copied out if it is somebody's whom we look for, and without it if not."""
    if any(sighting.face is face for sighting in sightings):
        return replace(face, template=face.template.copy(), chip=_NO_CHIP)
    return replace(face, template=_NOTHING, chip=_NO_CHIP)


def _without_data(read: Read) -> Read:
    return replace(read, data=b"")


def _size(read: Read) -> int:
    return len(read.data)


def _detail(seen: Seen, place: int) -> Detail:
    """What is stored of a small face: its surroundings out of the whole photograph, copied."""
    assert seen.whole is not None
    return Detail.around(seen.whole, seen.faces[place].face.box, seen.picture.reduction)
