"""Regulators' orders: served as files, planned, carried out as a job, certified; authorities, holds, notices."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Response, UploadFile

from countenance import clock
from countenance.custody.orders.paper import Paper
from countenance.custody.orders.signing import AuthorityKey
from countenance.http import bodies
from countenance.http.asker import Engine, Settings, Who, policed
from countenance.http.documents import Answer, Body, Field, Id, Name
from countenance.http.once import Once
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.http.problems import Problem, Refusal
from countenance.http.routes.jobs import Job
from countenance.oversight.job_states import JobKind
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/orders", tags=["orders"])
authorities = APIRouter(prefix="/authorities", tags=["orders"])
holds = APIRouter(prefix="/holds", tags=["orders"])
notices = APIRouter(prefix="/notices", tags=["orders"])

OrderId = Annotated[str, Field(min_length=1, max_length=200)]


class Order(Answer):
    """An order as it stands now: obligations, deadlines, penalties, history."""

    order: str
    title: str
    authority: str
    revision: int
    digest: str
    state: str
    frozen_since: str | None
    obligations: list[dict[str, Any]]
    penalties: list[dict[str, Any]]
    escalations: list[dict[str, Any]]
    history: list[dict[str, Any]]
    held_back: int | None = Field(None, description="Subjects that this took out of every search.")
    let_go: int | None = Field(None, description="Subjects that this let back into searches.")


class Plan(Answer):
    """A dry run: nothing was changed."""

    order: str
    on: str
    subjects: int
    counts: dict[str, Any]
    artefacts: list[str]
    holdings: list[dict[str, Any]]
    sealed_as_evidence: int
    listed: int
    inside: list[dict[str, Any]]


class Authority(Answer):
    """A key that orders may be signed with."""

    key: str
    authority: str
    registered: str
    revoked: str | None


class AuthorityToRegister(Body):
    """An authority's key that is to be trusted."""

    authority: Name
    public_key: Annotated[str, Field(min_length=1, max_length=2000, description="Ed25519: base64 or PEM.")]


class HoldToPlace(Body):
    """A duty to keep evidence."""

    hold: Annotated[str, Field(min_length=1, max_length=64)]
    ground: Name
    subjects: list[Name] = Field(min_length=1, max_length=10_000)
    customer: Id | None = Field(None, description="Whose subjects they are; neither: the gallery's own.")
    compartment: Name | None = Field(None, description="The customer's compartment that they are in.")


class Hold(Answer):
    """A duty to keep that stands."""

    hold: str
    ground: str
    subjects: int


class Notice(Answer):
    """A recipient who has to be told of an erasure, and what it answered."""

    erasure: str
    recipient: str
    candidates: int
    told: str | None
    answer: str | None
    answered: str | None


class Telling(Body):
    """That a recipient was told, or with ``answer`` what it said."""

    recipient: Name
    answer: Annotated[str | None, Field(max_length=400)] = None


@router.post("", status_code=201, response_model=Order, **policed(Verb.ORDER_CARRY_OUT))
def serve(
    order: UploadFile,
    gallery: Engine,
    settings: Settings,
    once: Annotated[Once, Depends()],
    confirm_count: Annotated[int | None, Form(ge=0, description="For a scope that means everybody.")] = None,
) -> Response | Order:
    """Serve an order: its file, signed by a registered authority."""
    data = bodies.image(order, settings)
    return once(
        lambda _: Order.of(gallery.orders.serve(data, confirm_count=confirm_count)), data, str(confirm_count)
    )


@router.get("", **policed(Verb.ORDER_READ))
def listed(gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Order]:
    """All orders, the next deadline first."""
    page, more = cut(gallery.orders.docket(), limit, cursor, lambda one: str(one["order"]))
    return Page[Order](items=[Order.model_validate(one) for one in page], next=more)


@router.get("/{order}", **policed(Verb.ORDER_READ))
def one(order: OrderId, gallery: Engine) -> Order:
    """One order."""
    return Order.model_validate(gallery.orders.get(order))


@router.get("/{order}/plan", **policed(Verb.ORDER_READ))
def plan(order: OrderId, gallery: Engine) -> Plan:
    """What carrying it out would do: who, why, which artefacts, how many by doubt alone."""
    return Plan.of(gallery.orders.plan(order))


@router.post("/{order}/events", response_model=Order, **policed(Verb.ORDER_CARRY_OUT))
def event(
    order: OrderId,
    instrument: UploadFile,
    gallery: Engine,
    settings: Settings,
    once: Annotated[Once, Depends()],
    kind: Annotated[str, Form(description="freeze, suspend, stay, resume, set_aside, remit, vary, ...")],
    hold: Annotated[str, Form(max_length=64, description="The hold that is decided, if one is.")] = "",
    confirm_count: Annotated[int | None, Form(ge=0, description="Varied to mean everyone: how many.")] = None,
) -> Response | Order:
    """Let something happen to an order, on the strength of a paper."""
    paper = Paper(instrument.filename or "instrument", bodies.image(instrument, settings))
    return once(
        lambda _: Order.of(gallery.orders.event(order, kind, paper, hold_id=hold, confirm_count=confirm_count)),
        paper.data,
        kind,
        hold,
        str(confirm_count),
        status=200,
    )


@router.post("/{order}/obligations/{obligation}/evidence", response_model=Order, **policed(Verb.ORDER_CARRY_OUT))
def show(
    order: OrderId,
    obligation: Name,
    papers: list[UploadFile],
    kinds: Annotated[list[str], Form(description="What each paper is: statement, ...; one for each.")],
    gallery: Engine,
    settings: Settings,
    once: Annotated[Once, Depends()],
) -> Response | Order:
    """Meet an obligation by papers."""
    if len(papers) != len(kinds):
        raise Refusal(Problem("unprocessable", "Say of every paper what it is."))
    shown = [
        (kind, Paper(paper.filename or "paper", bodies.image(paper, settings)))
        for kind, paper in zip(kinds, papers, strict=True)
    ]
    return once(
        lambda _: Order.of(gallery.orders.show(order, obligation, shown)),
        *(paper.data for _, paper in shown),
        *kinds,
        status=200,
    )


@router.post("/{order}/execution", status_code=202, response_model=Job, **policed(Verb.ORDER_CARRY_OUT))
def execute(order: OrderId, who: Who, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Job:
    """Carry an order out: everything that can be met now is met. Can be sent again after a crash."""
    gallery.orders.get(order)  # an order that is not there is said now, not by the job

    def make(request_id: str | None) -> Job:
        job = gallery.oversight.jobs.start(
            who,
            JobKind.ORDER,
            lambda report: gallery.orders.execute(order, progress=report.progress).as_dict(),
            request_id=request_id,
        )
        return Job.of(job)

    return once(make, status=202, anew=True)


@router.get("/{order}/certificates", **policed(Verb.ORDER_READ))
def certificates(order: OrderId, gallery: Engine) -> list[dict[str, Any]]:
    """The certificates of the erasures that an order asked for, oldest first, as they can be checked offline."""
    return [json.loads(one) for one in gallery.orders.certificate(order)]


# -- authorities --------------------------------------------------------------------------------------------


@authorities.post("", status_code=201, response_model=Authority, **policed(Verb.ORDER_CARRY_OUT))
def trust(body: AuthorityToRegister, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Authority:
    """Trust an authority's public key."""
    return once(
        lambda _: _authority(gallery.orders.register_authority(body.authority, body.public_key.encode())), body
    )


@authorities.get("", **policed(Verb.ORDER_READ))
def trusted(gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Authority]:
    """The registered keys."""
    page, more = cut(gallery.orders.authorities(), limit, cursor, lambda one: one.key_id)
    return Page[Authority](items=[_authority(one) for one in page], next=more)


@authorities.delete("/{key}", status_code=204, **policed(Verb.ORDER_CARRY_OUT))
def distrust(key: Name, gallery: Engine) -> None:
    """Trust a key no longer; orders served under it stay."""
    if not gallery.orders.revoke_authority(key):
        raise Refusal(Problem("not_found", "No such key is registered."))


def _authority(key: AuthorityKey) -> Authority:
    return Authority(
        key=key.key_id,
        authority=key.authority,
        registered=clock.to_text(key.registered_at),
        revoked=None if key.revoked_at is None else clock.to_text(key.revoked_at),
    )


# -- holds and notices --------------------------------------------------------------------------------------


@holds.post("", status_code=201, response_model=Hold, **policed(Verb.ORDER_CARRY_OUT))
def hold(body: HoldToPlace, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Hold:
    """Put subjects under a duty to keep evidence."""

    def make(_: str | None) -> Hold:
        where = gallery.oversight.compartments.reached(body.customer, body.compartment)
        count = gallery.duties.hold(body.hold, body.ground, body.subjects, compartment=where)
        return Hold(hold=body.hold, ground=body.ground, subjects=count)

    return once(make, body)


@holds.get("", **policed(Verb.ORDER_READ))
def holds_listed(gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Hold]:
    """The duties to keep that stand."""
    page, more = cut(gallery.duties.holds(), limit, cursor, lambda one: one.id)
    return Page[Hold](
        items=[Hold(hold=one.id, ground=one.ground, subjects=len(one.subject_ids)) for one in page], next=more
    )


@holds.delete("/{hold}", status_code=204, **policed(Verb.ORDER_CARRY_OUT))
def lift(hold: Name, gallery: Engine) -> None:
    """End a duty to keep."""
    gallery.duties.lift_hold(hold)


@notices.get("", **policed(Verb.ORDER_READ))
def notices_listed(
    gallery: Engine,
    erasure: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Notice]:
    """Who has to be told of an erasure, and what they answered."""
    whole = gallery.duties.notices(erasure)
    page, more = cut(whole, limit, cursor, lambda one: f"{one.row.erasure_id}:{one.row.recipient}")
    return Page[Notice](items=[Notice.of(one) for one in page], next=more)


@notices.post("/{erasure}", response_model=Notice, **policed(Verb.ORDER_CARRY_OUT))
def told(erasure: Name, body: Telling, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Notice:
    """Put on record that a recipient was told of an erasure, or what it answered."""
    return once(lambda _: Notice.of(gallery.duties.told(erasure, body.recipient, body.answer)), body, status=200)
