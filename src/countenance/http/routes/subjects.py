"""Subjects of a customer's own compartments: enrolled, looked at, searched, forgotten.

Rules kept here: a subject is called by an opaque id in paths, which proxies and logs keep; her name stands in
bodies.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response, UploadFile
from pydantic import StringConstraints

from countenance.engine import Countenance
from countenance.engine.customer_answers import SubjectHeld
from countenance.errors import SubjectUnknown
from countenance.http import bodies
from countenance.http.asker import Engine, Settings, Who, policed
from countenance.http.documents import Answer, Body, Id, Name
from countenance.http.once import Once
from countenance.http.paging import Cursor, Limit, Page, after, cursor_after
from countenance.http.problems import Problem, Refusal
from countenance.http.routes.jobs import Job
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/compartments/{compartment}", tags=["subjects"])
verifications = APIRouter(prefix="/verifications", tags=["recognition"])

SubjectId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
MOST_IN_A_JOB = 10_000
"""Images that one job takes; how many bytes is ``ServiceSettings.upload_bytes``."""
MOST_IMAGES = 20
"""Images that are enrolled in one request; more are a job."""


class Subject(Answer):
    """A subject that is held."""

    id: str
    subject: str
    residence: str
    until: str
    purposes: list[str]
    images: int


class Lookup(Body):
    """Whom to look up."""

    subject: Name


class ImageHeld(Answer):
    """An enrolled image."""

    image: str
    subject: str
    subject_id: str
    enrolled: str


class ImageEnrolled(Answer):
    """What became of one photograph."""

    name: str
    outcome: str
    image: str | None
    box: list[float] | None
    quality: dict[str, Any] | None
    notes: list[str]
    code: str | None
    message: str | None
    remedy: str | None


class Enrolment(Answer):
    """What became of each photograph, in the order in which they were sent."""

    items: list[ImageEnrolled]


class Forgotten(Answer):
    """An erasure that every keeper has confirmed."""

    forgotten: str
    erasure: str | None
    destroyed: dict[str, int]
    checked: list[str]


class Found(Answer):
    """The answer of a search within one compartment, under its standing case."""

    search: str
    case: str
    purpose: str
    at: str
    faces: list[dict[str, Any]]
    threshold: float
    subjects: int
    references: int
    model: str
    notes: list[str]


class Comparison(Answer):
    """How much one face of a photograph resembles an enrolled image."""

    box: list[float]
    quality: dict[str, Any]
    score: float
    log_likelihood_ratio: float | None


def _named(gallery: Countenance, who: Principal, compartment: str, subject: str) -> SubjectHeld:
    return gallery.oversight.subjects.find(who, compartment, subject_id=subject)


# -- what is held -------------------------------------------------------------------------------------------


@router.get("/subjects", **policed(Verb.SUBJECT_LIST))
def listed(compartment: Name, who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Subject]:
    """The subjects of a compartment, in an order that says nothing."""
    page = gallery.oversight.subjects.listed(who, compartment, after=after(cursor), limit=limit)
    return Page[Subject](items=[Subject.of(one) for one in page.subjects], next=cursor_after(page.next))


@router.post("/lookups", **policed(Verb.SUBJECT_LIST))
def look_up(compartment: Name, body: Lookup, who: Who, gallery: Engine) -> Subject:
    """One subject by name. Asked with a body, so that no name stands in an address."""
    return Subject.of(gallery.oversight.subjects.find(who, compartment, name=body.subject))


@router.get("/subjects/{subject}", **policed(Verb.SUBJECT_LIST))
def one(compartment: Name, subject: SubjectId, who: Who, gallery: Engine) -> Subject:
    """One subject."""
    return Subject.of(_named(gallery, who, compartment, subject))


@router.get("/images", **policed(Verb.SUBJECT_LIST))
def images(
    compartment: Name, who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None
) -> Page[ImageHeld]:
    """The enrolled images of a compartment."""
    page = gallery.oversight.subjects.images(who, compartment, after=after(cursor), limit=limit)
    return Page[ImageHeld](items=[ImageHeld.of(one) for one in page.images], next=cursor_after(page.next))


@router.get("/subjects/{subject}/images", **policed(Verb.SUBJECT_LIST))
def images_of(
    compartment: Name, subject: SubjectId, who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None
) -> Page[ImageHeld]:
    """The enrolled images of one subject."""
    name = _named(gallery, who, compartment, subject).name
    page = gallery.oversight.subjects.images(who, compartment, subject=name, after=after(cursor), limit=limit)
    return Page[ImageHeld](items=[ImageHeld.of(one) for one in page.images], next=cursor_after(page.next))


# -- enrolment ----------------------------------------------------------------------------------------------


@router.post("/subjects/{subject}/images", response_model=Enrolment, **policed(Verb.SUBJECT_ENROL))
def enrol(
    compartment: Name,
    subject: SubjectId,
    images: list[UploadFile],
    who: Who,
    gallery: Engine,
    settings: Settings,
    once: Annotated[Once, Depends()],
    face: Annotated[
        int | None, Form(ge=1, description="Which face, 1 the largest, where there are several.")
    ] = None,
) -> Response | Enrolment:
    """Enrol photographs of a permitted subject, at most 20; what became of each is in the answer."""
    if not 1 <= len(images) <= MOST_IMAGES:
        raise Refusal(Problem("unprocessable", f"Send 1 to {MOST_IMAGES} images; more are a job (…/enrolments)."))
    pictures = [(upload.filename or "", bodies.image(upload, settings)) for upload in images]
    name = _named(gallery, who, compartment, subject).name

    def make(_: str | None) -> Enrolment:
        done = gallery.oversight.subjects.enrol(who, name, compartment, [data for _, data in pictures], face=face)
        items = [ImageEnrolled.of(one) for one in done]
        for item, (file, _data) in zip(items, pictures, strict=True):
            item.name = file or item.name
        return Enrolment(items=items)

    return once(
        make,
        str(face),
        *(data for _, data in pictures),
        status=200,
        about=lambda: gallery.oversight.subjects.number(who, compartment, name),
    )


@router.delete("/images/{image}", **policed(Verb.SUBJECT_WITHDRAW))
def remove_image(compartment: Name, image: Id, who: Who, gallery: Engine) -> Forgotten:
    """Erase one image and everything made of it; its subject stays."""
    return Forgotten.of(gallery.oversight.subjects.remove_image(who, compartment, image))


@router.delete("/subjects/{subject}", response_model=Forgotten, **policed(Verb.SUBJECT_WITHDRAW))
def withdraw(
    compartment: Name, subject: SubjectId, who: Who, gallery: Engine, once: Annotated[Once, Depends()]
) -> Response | Forgotten:
    """Forget a subject: out of every search at once, then destroyed everywhere, then looked for again.

    Sent again under its key after a crash, it finishes the same erasure.
    """

    def make(request_id: str | None) -> Forgotten:
        try:
            name = _named(gallery, who, compartment, subject).name
        except SubjectUnknown:
            if request_id is None:
                raise
            name = subject  # gone already, perhaps by this request
        done = gallery.oversight.subjects.withdraw(who, compartment, name, request_id=request_id)
        return Forgotten.of(done).model_copy(update={"forgotten": subject})

    return once(make, status=200, anew=True)


# -- recognition --------------------------------------------------------------------------------------------


@router.post("/searches", status_code=201, response_model=Found, **policed(Verb.IDENTIFY))
def identify(
    compartment: Name,
    image: UploadFile,
    who: Who,
    gallery: Engine,
    settings: Settings,
    once: Annotated[Once, Depends()],
    limit: Annotated[int, Form(ge=1, le=100)] = 10,
    threshold: Annotated[float | None, Form(ge=-1, le=1)] = None,
) -> Response | Found:
    """Who of one's own subjects is in a photograph? Under the standing case; every found subject's ledger has it.

    Whom it found is answered once and kept nowhere: sent again under its key, it says so.
    """
    data = bodies.image(image, settings)

    def make(request_id: str | None) -> Found:
        subjects = gallery.oversight.subjects
        return Found.of(
            subjects.identify(who, compartment, data, limit=limit, threshold=threshold, request_id=request_id)
        )

    return once(make, data, str(limit), str(threshold), secret=True)


@router.post("/images/{image}/comparisons", **policed(Verb.VERIFY))
def compare(
    compartment: Name, image: Id, probe: UploadFile, who: Who, gallery: Engine, settings: Settings
) -> list[Comparison]:
    """How much does each face of a photograph resemble an enrolled image? Largest first."""
    compared = gallery.oversight.subjects.compare(who, compartment, image, bodies.image(probe, settings))
    return [
        Comparison(
            box=one.box.as_list(),
            quality=one.quality.as_dict(),
            score=round(one.score, 4),
            log_likelihood_ratio=one.log_likelihood_ratio,
        )
        for one in compared
    ]


@verifications.post("", **policed(Verb.VERIFY))
def verify(
    first: UploadFile,
    second: UploadFile,
    who: Who,
    gallery: Engine,
    settings: Settings,
    threshold: Annotated[float | None, Form(ge=-1, le=1)] = None,
    fmr: Annotated[float | None, Form(gt=0, lt=1, description="False match rate to decide at.")] = None,
) -> dict[str, Any]:
    """Do two photographs show one person? Compares their largest faces; keeps nothing."""
    answered = gallery.oversight.subjects.verify(
        who, bodies.image(first, settings), bodies.image(second, settings), threshold=threshold, fmr=fmr
    )
    return answered.as_dict()


# -- long work ----------------------------------------------------------------------------------------------


@router.post(
    "/subjects/{subject}/enrolments",
    status_code=202,
    response_model=Job,
    form_limits={"max_files": MOST_IN_A_JOB},
    **policed(Verb.SUBJECT_ENROL),
)
def enrol_many(
    compartment: Name,
    subject: SubjectId,
    images: list[UploadFile],
    who: Who,
    gallery: Engine,
    settings: Settings,
    once: Annotated[Once, Depends()],
) -> Response | Job:
    """Enrol many photographs as a job. Send it again under the same key after a crash: what is enrolled is
    passed over."""
    name = _named(gallery, who, compartment, subject).name
    pictures = [
        (upload.filename or str(number), bodies.image(upload, settings)) for number, upload in enumerate(images, 1)
    ]

    def make(request_id: str | None) -> Job:
        return Job.of(
            gallery.oversight.subjects.enrol_later(who, name, compartment, pictures, request_id=request_id)
        )

    return once(make, *(data for _, data in pictures), status=202, anew=True)
