"""Evidence of where a subject lives, and what follows from it; never from a face."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from countenance.http.asker import Engine, policed
from countenance.http.documents import Answer, Body, Day, Field, Id, Name, Place
from countenance.http.once import Once
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/residency", tags=["residency"])


class Residency(Answer):
    """What is told of a subject's residence, and what follows from it today."""

    subject: str
    on: str
    evidence: list[dict[str, Any]]
    decisions: list[dict[str, Any]]


class OfSubject(Body):
    """About whom. Named in a body, so that no name stands in an address."""

    subject: Name
    customer: Id | None = Field(None, description="Whose subject she is; neither: the gallery's own.")
    compartment: Name | None = Field(None, description="The customer's compartment that she is in.")


class Whereabouts(OfSubject):
    """What is asked about a subject's residence."""

    places: list[Place] = Field([], max_length=50, description="Decide about these places too.")


class EvidenceToAdd(OfSubject):
    """Evidence that is to be recorded."""

    predicate: Name
    value: list[Place] = Field(min_length=1, max_length=50)
    source: Name
    tier: Annotated[str | None, Field(pattern="^[A-D]$")] = None
    signal: Annotated[str, Field(max_length=32)] = ""
    since: Day | None = Field(None, alias="from")
    until: Day | None = Field(None, alias="to")


class Evidence(Answer):
    """Evidence as it is on record."""

    evidence: dict[str, Any]


@router.post("/lookups", **policed(Verb.RESIDENCY_READ))
def show(body: Whereabouts, gallery: Engine) -> Residency:
    """Evidence, tiers, decision for every place told (and ``places``), and what would change it."""
    where = gallery.oversight.compartments.reached(body.customer, body.compartment)
    return Residency.of(gallery.residency.show(body.subject, places=body.places, compartment=where))


@router.post("", status_code=201, response_model=Evidence, **policed(Verb.RESIDENCY_ADD))
def add(body: EvidenceToAdd, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Evidence:
    """Record evidence of residence."""
    where = gallery.oversight.compartments.reached(body.customer, body.compartment)

    def make(_: str | None) -> Evidence:
        recorded = gallery.residency.add(
            body.subject,
            predicate=body.predicate,
            value=body.value,
            source=body.source,
            tier=body.tier,
            signal=body.signal,
            since=body.since,
            until=body.until,
            compartment=where,
        )
        return Evidence(evidence=recorded.to_document())

    return once(make, body, about=lambda: gallery.residency.number(body.subject, where))
