"""Permissions of a customer's subjects: recorded, looked at, and the receipt that the subject gets.

Rules kept here: as for subjects (routes.subjects); a permission is called by the id that its receipt has.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from countenance.custody.permission.record import Asked
from countenance.http.asker import Engine, Who, policed
from countenance.http.documents import Answer, Body, Day, Field, Id, Name, Place, Purpose
from countenance.http.once import Once
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.http.problems import Problem, Refusal
from countenance.http.routes.subjects import SubjectId
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/compartments/{compartment}", tags=["subjects"])


class PermissionToRecord(Body):
    """A subject's permission. Without purposes, the compartment's standing terms say them."""

    subject: Name
    purposes: list[Purpose] | None = Field(None, max_length=64)
    residence: Place | None = None
    until: Day | None = None
    controller: Annotated[str, Field(max_length=400)] = "the operator of this gallery"
    notice: Annotated[str, Field(max_length=4000)] = ""
    language: Annotated[str, Field(min_length=2, max_length=35)] = "en"
    release: Annotated[str, Field(max_length=4000)] = ""
    born: Day | None = None
    guardian: Annotated[str, Field(max_length=200)] = ""
    recipients: list[Name] = Field(default_factory=list, max_length=64)
    returning: Annotated[
        str, Field(max_length=400, description="What shows that somebody who was erased here permits anew herself.")
    ] = ""
    whole_pictures: bool = Field(False, description="Whether an import may keep whole pictures, others blurred.")


class Permission(Answer):
    """A recorded permission: the subject's id, and the receipt that she gets (JSON-LD)."""

    id: str
    subject: str
    receipt: dict[str, Any]


class PermissionHeld(Answer):
    """A permission that is on record."""

    permission: str
    version: int
    in_force: bool
    purposes: list[str]
    residence: str
    given: str
    until: str


class PermissionWithReceipt(PermissionHeld):
    """A permission that is on record, with the receipt that the subject got (JSON-LD)."""

    receipt: dict[str, Any]


@router.post("/permissions", status_code=201, response_model=Permission, **policed(Verb.SUBJECT_PERMIT))
def permit(
    compartment: Name,
    body: PermissionToRecord,
    who: Who,
    gallery: Engine,
    once: Annotated[Once, Depends()],
) -> Response | Permission:
    """Record a subject's permission; a later one takes the place of an earlier."""
    asked = _asked(body)

    def make(request_id: str | None) -> Permission:
        subjects = gallery.oversight.subjects
        receipt = subjects.permit(who, body.subject, compartment, asked, request_id=request_id)
        held = subjects.find(who, compartment, name=body.subject)
        return Permission(id=held.subject_id, subject=held.name, receipt=receipt.as_dict())

    return once(make, body, about=lambda: gallery.oversight.subjects.number(who, compartment, body.subject))


def _asked(body: PermissionToRecord) -> Asked | None:
    if body.purposes is None:
        return None
    if body.residence is None or body.until is None:
        raise Refusal(Problem("unprocessable", "A permission names purposes, residence and until together."))
    return Asked(
        body.subject,
        tuple(body.purposes),
        body.residence,
        body.until,
        body.controller,
        body.notice,
        body.language,
        body.release,
        body.born,
        body.guardian,
        tuple(body.recipients),
        body.returning,
        body.whole_pictures,
    )


@router.get("/subjects/{subject}/permissions", **policed(Verb.SUBJECT_LIST))
def permissions_of(
    compartment: Name, subject: SubjectId, who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None
) -> Page[PermissionHeld]:
    """A subject's permissions, oldest first; those that have ended, too, as long as she is held."""
    held = gallery.oversight.subjects.permissions(who, compartment, subject)
    page, more = cut(held, limit, cursor, lambda one: one.record.record_id)
    return Page[PermissionHeld](items=[PermissionHeld.of(one) for one in page], next=more)


@router.get("/subjects/{subject}/permissions/{permission}", **policed(Verb.SUBJECT_LIST))
def permission_of(
    compartment: Name, subject: SubjectId, permission: Id, who: Who, gallery: Engine
) -> PermissionWithReceipt:
    """One permission, with its receipt."""
    held = gallery.oversight.subjects.permission(who, compartment, subject, permission)
    return PermissionWithReceipt.model_validate(held.with_receipt())
