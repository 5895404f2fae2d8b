"""Evidence of where a subject lives, and what follows from it; never from a face."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from countenance.http.asker import Engine, policed
from countenance.http.documents import Answer, Body, Day, Field, Name, Place
from countenance.http.once import Once
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/residency", tags=["residency"])


class Residency(Answer):
    """What is told of a subject's residence, and what follows from it today."""

    subject: str
    on: str
    evidence: list[dict[str, Any]]
    decisions: list[dict[str, Any]]


class EvidenceToAdd(Body):
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


@router.get("/{subject}", **policed(Verb.RESIDENCY_READ))
def show(
    subject: Name,
    gallery: Engine,
    place: Annotated[list[Place], Query(max_length=50)] = [],  # noqa: B006
) -> Residency:
    """Evidence, tiers, decision for every place told (and ``place``), and what would change it."""
    return Residency.of(gallery.residency.show(subject, places=place))


@router.post("/{subject}", status_code=201, response_model=Evidence, **policed(Verb.RESIDENCY_ADD))
def add(
    subject: Name, body: EvidenceToAdd, gallery: Engine, once: Annotated[Once, Depends()]
) -> Response | Evidence:
    """Record evidence of residence."""

    def make(_: str | None) -> Evidence:
        recorded = gallery.residency.add(
            subject,
            predicate=body.predicate,
            value=body.value,
            source=body.source,
            tier=body.tier,
            signal=body.signal,
            since=body.since,
            until=body.until,
        )
        return Evidence(evidence=recorded.to_document())

    return once(make, body)
