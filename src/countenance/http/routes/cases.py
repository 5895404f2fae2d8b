"""Cases: asked for, authorised by somebody else, searched within a quota, ended; and what is released from them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response, UploadFile

from countenance.http import bodies
from countenance.http.asker import Engine, Settings, Who, policed
from countenance.http.documents import Answer, Body, Field, Id, Moment, Purpose, Text
from countenance.http.once import Once
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.oversight.parties import LegalBasis
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/cases", tags=["cases"])


class CaseToOpen(Body):
    """A case that is asked for."""

    purpose: Purpose
    legal_basis: LegalBasis
    reference: Annotated[str, Field(min_length=1, max_length=200, description="The customer's own file number.")]
    subject_matter: Text
    expires: Moment
    quota: Annotated[int, Field(ge=1, le=100_000, description="How many searches it may take.")]
    emergency: bool = Field(False, description="Search now; it stops unless authorised within 48 hours.")


class Case(Answer):
    """A case as it is now."""

    case: str
    customer: str
    state: str
    emergency: bool
    purpose: str
    legal_basis: str
    reference: str
    subject_matter: str
    asked_by: str
    asked: str
    authorise_by: str | None
    decided_by: str | None
    decided: str | None
    expires: str
    ended: str | None
    quota: int
    used: int


class Seen(Answer):
    """When a face of a clip was seen, in seconds from its beginning."""

    face: int
    first: float = Field(alias="from")
    last: float = Field(alias="to")


class SearchMade(Answer):
    """That a search was made. Whom it found is for two reviewers first."""

    search: str
    case: str
    at: str
    faces: int
    seen: list[Seen] = Field(description="Of a clip: when each face was seen.")
    searches_left: int
    notes: list[str]


class Released(Answer):
    """A candidate that two reviewers have confirmed."""

    release: str
    case: str
    search: str
    face: int
    subject: str
    released_to: str
    at: str
    reviewers: int


class Releases(Answer):
    """Everything that was ever released for a case and may still be said."""

    items: list[Released]


class DelayToPlace(Body):
    """An authority's instrument that delays what ledgers show of a case."""

    authority: Annotated[str, Field(min_length=1, max_length=200)]
    instrument_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    until: Moment


class Delay(Answer):
    """A delay that is on record. It ends by itself."""

    delay: str
    case: str
    authority: str
    instrument_sha256: str
    placed: str
    until: str


@router.post("", status_code=201, response_model=Case, **policed(Verb.CASE_OPEN))
def open_case(body: CaseToOpen, who: Who, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Case:
    """Ask for a case."""

    def make(request_id: str | None) -> Case:
        made = gallery.oversight.cases.open(
            who,
            purpose=body.purpose,
            legal_basis=body.legal_basis,
            reference=body.reference,
            subject_matter=body.subject_matter,
            expires=body.expires,
            quota=body.quota,
            emergency=body.emergency,
            request_id=request_id,
        )
        return Case.of(made)

    return once(make, body)


@router.get("", **policed(Verb.CASE_LIST))
def listed(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Case]:
    """The cases of the asker's customer, oldest first."""
    page, more = cut(gallery.oversight.cases.listed(who), limit, cursor, lambda one: one.case_id)
    return Page[Case](items=[Case.of(one) for one in page], next=more)


@router.get("/{case}", **policed(Verb.CASE_LIST))
def one(case: Id, who: Who, gallery: Engine) -> Case:
    """One case."""
    return Case.of(gallery.oversight.cases.get(who, case))


@router.post("/{case}/authorisation", **policed(Verb.CASE_AUTHORISE))
def authorise(case: Id, who: Who, gallery: Engine) -> Case:
    """Authorise a case that somebody else has asked for."""
    return Case.of(gallery.oversight.cases.authorise(who, case))


@router.post("/{case}/refusal", **policed(Verb.CASE_AUTHORISE))
def refuse(case: Id, who: Who, gallery: Engine) -> Case:
    """Refuse a case. An emergency stops, and what it found is erased."""
    return Case.of(gallery.oversight.cases.refuse(who, case))


@router.post("/{case}/closing", **policed(Verb.CASE_CLOSE))
def close(case: Id, who: Who, gallery: Engine) -> Case:
    """End a case; the faces of its probes are destroyed."""
    return Case.of(gallery.oversight.cases.close(who, case))


@router.post("/{case}/searches", status_code=201, response_model=SearchMade, **policed(Verb.IDENTIFY))
def search(
    case: Id,
    image: UploadFile,
    who: Who,
    gallery: Engine,
    settings: Settings,
    once: Annotated[Once, Depends()],
    limit: Annotated[int, Form(ge=1, le=100, description="Candidates of a face.")] = 10,
    threshold: Annotated[
        float | None, Form(ge=-1, le=1, description="Comparison score; absent: calibrated.")
    ] = None,
) -> Response | SearchMade:
    """Search for the faces of a photograph, or of a recorded clip of ten minutes at most.

    The answer never says whom it found: candidates go to two reviewers.
    """
    data = bodies.probe(image, settings)

    def make(request_id: str | None) -> SearchMade:
        made = gallery.oversight.search(who, case, data, limit=limit, threshold=threshold, request_id=request_id)
        return SearchMade.of(made)

    return once(make, data, str(limit), str(threshold))


@router.post("/{case}/releases", response_model=Releases, **policed(Verb.RELEASE))
def release(case: Id, who: Who, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Releases:
    """Receive what two reviewers have confirmed; you are then on record as the recipient."""

    def make(request_id: str | None) -> Releases:
        released = gallery.oversight.reviews.release(who, case, request_id=request_id)
        return Releases(items=[Released.of(one) for one in released])

    return once(make, status=200, anew=True)


@router.post("/{case}/delays", status_code=201, response_model=Delay, **policed(Verb.LEDGER_DELAY))
def delay(
    case: Id, body: DelayToPlace, who: Who, gallery: Engine, once: Annotated[Once, Depends()]
) -> Response | Delay:
    """Delay what subjects' ledgers show of a case, on an authority's instrument, for at most 90 days."""

    def make(request_id: str | None) -> Delay:
        row = gallery.oversight.delays.place(
            who,
            case,
            authority=body.authority,
            instrument_sha256=body.instrument_sha256,
            until=body.until,
            request_id=request_id,
        )
        return Delay(
            delay=row.delay_id,
            case=row.case_id,
            authority=row.authority,
            instrument_sha256=row.instrument_sha256,
            placed=row.placed_utc,
            until=row.until_utc,
        )

    return once(make, body)
