"""Compartments: the sets of subjects that customers hold, each invisible to every other customer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from countenance.http.asker import Engine, Who, policed
from countenance.http.documents import Answer, Body, Day, Field, Id, Name, Place, Purpose
from countenance.http.once import Once
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.oversight.policy import Verb
from countenance.oversight.standing import StandingTerms

router = APIRouter(prefix="/compartments", tags=["compartments"])

Whose = Annotated[Id | None, Query(alias="customer", description="Whose, for the gallery's own people.")]


class Terms(Body):
    """What holds for every call in a compartment that does not say otherwise."""

    purposes: list[Purpose] = Field(default_factory=list, max_length=64)
    residence: Place | None = None
    until: Day | None = None
    retention_days: Annotated[int | None, Field(ge=1, le=36_600)] = None
    controller: Annotated[str, Field(max_length=400)] = ""
    notice: Annotated[str, Field(max_length=4000)] = ""
    language: Annotated[str, Field(min_length=2, max_length=35)] = "en"
    recipients: list[Name] = Field(default_factory=list, max_length=64)
    case: Id | None = Field(None, description="The case under which keys of this compartment search it directly.")

    def as_terms(self) -> StandingTerms:
        """What the engine takes."""
        return StandingTerms(
            purposes=tuple(self.purposes),
            residence=self.residence,
            until=self.until,
            retention_days=self.retention_days,
            controller=self.controller,
            notice=self.notice,
            language=self.language,
            recipients=tuple(self.recipients),
            case_id=self.case,
        )


class CompartmentToOpen(Body):
    """A compartment that is to be opened."""

    name: Name
    customer: Id | None = Field(None, description="Whose, for the gallery's operator; a customer's own otherwise.")
    terms: Terms | None = None


class CompartmentChange(Body):
    """A new name or new terms; what is not named stays."""

    name: Name | None = None
    terms: Terms | None = None


class Compartment(Answer):
    """A compartment."""

    compartment: str = Field(description="Its name.")
    customer: str
    opened: str
    closing: bool
    subjects: int
    terms: Terms | None


class Closed(Answer):
    """A compartment that was closed; everybody in it was erased."""

    closed: str = Field(description="The name it had.")
    withdrawn: int


@router.post("", status_code=201, response_model=Compartment, **policed(Verb.COMPARTMENT_OPEN))
def open_compartment(
    body: CompartmentToOpen, who: Who, gallery: Engine, once: Annotated[Once, Depends()]
) -> Response | Compartment:
    """Open a compartment."""

    def make(request_id: str | None) -> Compartment:
        terms = None if body.terms is None else body.terms.as_terms()
        made = gallery.oversight.compartments.open(
            who, body.name, customer_id=body.customer, terms=terms, request_id=request_id
        )
        return Compartment.of(made)

    return once(make, body)


@router.get("", **policed(Verb.COMPARTMENT_LIST))
def listed(
    who: Who, gallery: Engine, customer: Whose = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[Compartment]:
    """The asker's compartments, oldest first; for the gallery's own people everybody's."""
    whole = gallery.oversight.compartments.listed(who, customer_id=customer)
    page, more = cut(whole, limit, cursor, lambda one: f"{one.customer_id}:{one.name}")
    return Page[Compartment](items=[Compartment.of(one) for one in page], next=more)


@router.get("/{compartment}", **policed(Verb.COMPARTMENT_LIST))
def one(compartment: Name, who: Who, gallery: Engine, customer: Whose = None) -> Compartment:
    """One compartment."""
    return Compartment.of(gallery.oversight.compartments.find(who, compartment, customer_id=customer))


@router.patch("/{compartment}", **policed(Verb.COMPARTMENT_OPEN))
def change(
    compartment: Name, body: CompartmentChange, who: Who, gallery: Engine, customer: Whose = None
) -> Compartment:
    """Rename a compartment, or give it other standing terms."""
    compartments, name = gallery.oversight.compartments, compartment
    done = compartments.find(who, name, customer_id=customer)
    if body.terms is not None:
        done = compartments.set_terms(who, name, body.terms.as_terms(), customer_id=customer)
    if body.name is not None:
        done = compartments.rename(who, name, body.name, customer_id=customer)
    return Compartment.of(done)


@router.delete("/{compartment}", **policed(Verb.COMPARTMENT_CLOSE))
def close(compartment: Name, who: Who, gallery: Engine, customer: Whose = None) -> Closed:
    """Withdraw everybody in a compartment, revoke the keys bound to it, and drop it. May be sent again."""
    return Closed.of(gallery.oversight.compartments.close(who, compartment, customer_id=customer))
