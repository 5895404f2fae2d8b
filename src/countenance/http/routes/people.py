"""People: accounts of the gallery's own staff and of customers; reviewers' certificates; API keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from countenance.http.asker import Engine, Who, policed
from countenance.http.documents import Answer, Body, Field, Id, Moment, Name, Purpose
from countenance.http.once import Once
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.http.routes.sessions import Session
from countenance.oversight.credentials import KeyKind
from countenance.oversight.parties import Role
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/people", tags=["people"])
keys = APIRouter(prefix="/keys", tags=["keys"])


class PersonToAdd(Body):
    """An account that is to be made."""

    name: Name
    password: Annotated[str, Field(min_length=1, max_length=1000)]
    roles: list[Role] = Field(min_length=1)
    customer: Id | None = Field(None, description="Whose; null for the gallery's own staff.")


class Person(Answer):
    """An account."""

    person: str
    name: str
    customer: str | None
    roles: list[Role]
    active: bool
    competent_until: str | None


class AccountToGive(Body):
    """A subject's own account, which is to be made. Who she is was checked by whoever asks for it."""

    name: Annotated[Name, Field(description="What she signs in with.")]
    password: Annotated[
        str | None,
        Field(min_length=1, max_length=1000, description="None: she signs in at an issuer, once that is linked."),
    ] = None
    subject: Annotated[Name, Field(description="What she is called on record.")]
    customer: Id | None = Field(None, description="Whose subject she is; neither: the gallery's own.")
    compartment: Name | None = Field(None, description="The customer's compartment that she is in.")


class Account(Answer):
    """A subject's own account. Her name is not told again."""

    person: Annotated[str, Field(description="Its id, as the routes for links and for removal take it.")]
    roles: list[Role]


class Competence(Body):
    """Until when a reviewer is certified."""

    until: Moment


class Link(Body):
    """Whom an issuer calls what."""

    sub: Annotated[
        str, Field(min_length=1, max_length=255, description="`sub` of her tokens; kept as a fingerprint.")
    ]


class KeyToIssue(Body):
    """A key that is to be issued."""

    customer: Id
    roles: list[Role] = Field(min_length=1)
    expires: Moment
    kind: Annotated[KeyKind, Field(description="`signing` for clients that sign requests.")] = KeyKind.BEARER
    verbs: list[Verb] | None = Field(None, description="What it is limited to; null: what its roles may.")
    purpose: Purpose | None = None
    case: Id | None = None
    collection: Name | None = None


class Key(Answer):
    """What is on record of a key; its secret is not."""

    key: str
    kind: str
    customer: str | None
    roles: list[str]
    verbs: list[str] | None
    purpose: str | None
    collection: str | None
    case: str | None
    issued: str
    expires: str
    revoked: str | None


KeyId = Annotated[str, Field(pattern=r"^[0-9A-F]{20}$")]


@router.post("", status_code=201, response_model=Person, **policed(Verb.PERSON_ADD))
def add(body: PersonToAdd, who: Who, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Person:
    """Make an account."""

    def make(request_id: str | None) -> Person:
        made = gallery.oversight.people.add(
            who, body.name, body.password, roles=body.roles, customer_id=body.customer, request_id=request_id
        )
        return Person.of(made)

    return once(make, body)


@router.get("", **policed(Verb.CUSTOMER_LIST))
def listed(
    who: Who,
    gallery: Engine,
    customer: Annotated[Id | None, Query(description="Whose; absent: the gallery's own.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Person]:
    """The accounts of a customer, or of the gallery."""
    page, more = cut(gallery.oversight.people.listed(who, customer), limit, cursor, lambda one: one.person_id)
    return Page[Person](items=[Person.of(one) for one in page], next=more)


@router.post("/subjects", status_code=201, response_model=Account, **policed(Verb.PERSON_ADD))
def give(body: AccountToGive, who: Who, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Account:
    """Make the account with which a subject sees her own ledger; an earlier one of hers ends."""
    where = gallery.oversight.compartments.reached(body.customer, body.compartment)

    def make(request_id: str | None) -> Account:
        person = gallery.oversight.people.give_subject_account(
            who, body.subject, body.name, body.password, compartment=where, request_id=request_id
        )
        return Account(person=person, roles=[Role.SUBJECT])

    return once(make, body, about=lambda: gallery.residency.number(body.subject, where))


@router.delete("/{person}", status_code=204, **policed(Verb.PERSON_ADD))
def remove(person: Id, who: Who, gallery: Engine) -> None:
    """Destroy an account's name and end its sessions. A subject whose account it is stays on record."""
    gallery.oversight.people.remove(who, person)


@router.put("/{person}/competence", **policed(Verb.PERSON_CERTIFY))
def certify(person: Id, body: Competence, who: Who, gallery: Engine) -> Person:
    """Certify that a reviewer is competent, until a moment."""
    return Person.of(gallery.oversight.people.certify(who, person, body.until))


@router.put("/{person}/links/{issuer}", status_code=204, **policed(Verb.PERSON_ADD))
def link(person: Id, issuer: Id, body: Link, who: Who, gallery: Engine) -> None:
    """Let somebody sign in to an account through an issuer; an earlier link to it ends."""
    gallery.oversight.issuers.link(who, person, issuer, body.sub)


@router.delete("/{person}/links/{issuer}", status_code=204, **policed(Verb.PERSON_ADD))
def unlink(person: Id, issuer: Id, who: Who, gallery: Engine) -> None:
    """End that, at once."""
    gallery.oversight.issuers.unlink(who, person, issuer)


@keys.post("", status_code=201, response_model=Session, **policed(Verb.KEY_ISSUE))
def issue(body: KeyToIssue, who: Who, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Session:
    """Issue a key. Its secret is in this answer and nowhere else."""

    def make(request_id: str | None) -> Session:
        issued = gallery.oversight.keys.issue(
            who,
            body.customer,
            roles=body.roles,
            expires=body.expires,
            kind=body.kind,
            verbs=body.verbs,
            purpose=body.purpose,
            case_id=body.case,
            collection=body.collection,
            request_id=request_id,
        )
        return Session.model_validate(issued.as_dict())

    return once(make, body, secret=True)


@keys.get("", **policed(Verb.CUSTOMER_LIST))
def keys_listed(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Key]:
    """The keys that were issued, sessions left out."""
    page, more = cut(gallery.oversight.keys.listed(who), limit, cursor, lambda one: one.row.key_id)
    return Page[Key](items=[Key.of(one) for one in page], next=more)


@keys.delete("/{key}", status_code=204, **policed(Verb.KEY_REVOKE))
def revoke(key: KeyId, who: Who, gallery: Engine) -> None:
    """End a key, or a session, at once."""
    gallery.oversight.keys.revoke(who, key)
