"""Customers: registered with class, jurisdiction, legal basis and purposes; suspended; blocked by the class."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from countenance.http.asker import Engine, Who, policed
from countenance.http.documents import Answer, Body, Field, Id, Name, Place, Purpose
from countenance.http.once import Once
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.oversight.parties import CustomerClass, LegalBasis
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/customers", tags=["customers"])
blocks = APIRouter(prefix="/blocks", tags=["customers"])


class CustomerToRegister(Body):
    """A customer as it is to be registered."""

    name: Name
    customer_class: CustomerClass = Field(alias="class")
    jurisdiction: Place
    legal_basis: LegalBasis
    purposes: list[Purpose] = Field(min_length=1, max_length=64)


class Customer(Answer):
    """A registered customer."""

    customer: str
    name: str
    customer_class: CustomerClass = Field(alias="class")
    jurisdiction: str
    legal_basis: LegalBasis
    purposes: list[str]
    active: bool
    registered: str


class BlockToPlace(Body):
    """A class of customers that is to be kept out of a place."""

    customers: Annotated[str, Field(description="A class; or `private`, `public_authority`, `any`.")]
    jurisdiction: Place = Field(description="`001` is the world.")
    ground: Annotated[str, Field(min_length=1, max_length=200)]


class Block(Answer):
    """A block that stands, or stood."""

    block: str
    customers: str
    jurisdiction: str
    ground: str
    placed: str
    lifted: str | None


@router.post("", status_code=201, response_model=Customer, **policed(Verb.CUSTOMER_REGISTER))
def register(
    body: CustomerToRegister, who: Who, gallery: Engine, once: Annotated[Once, Depends()]
) -> Response | Customer:
    """Register a customer."""

    def make(request_id: str | None) -> Customer:
        return Customer.of(
            gallery.oversight.customers.register(
                who,
                body.name,
                customer_class=body.customer_class,
                jurisdiction=body.jurisdiction,
                legal_basis=body.legal_basis,
                purposes=body.purposes,
                request_id=request_id,
            )
        )

    return once(make, body)


@router.get("", **policed(Verb.CUSTOMER_LIST))
def listed(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Customer]:
    """All customers, oldest first."""
    page, more = cut(gallery.oversight.customers.listed(who), limit, cursor, lambda one: one.customer_id)
    return Page[Customer](items=[Customer.of(one) for one in page], next=more)


@router.get("/{customer}", **policed(Verb.CUSTOMER_LIST))
def one(customer: Id, who: Who, gallery: Engine) -> Customer:
    """One customer."""
    return Customer.of(gallery.oversight.customers.find(who, customer))


@router.put("/{customer}/suspension", **policed(Verb.CUSTOMER_BLOCK))
def suspend(customer: Id, who: Who, gallery: Engine) -> Customer:
    """Suspend a customer; its running sessions feel it at their next question."""
    return Customer.of(gallery.oversight.customers.suspend(who, customer))


@router.delete("/{customer}/suspension", **policed(Verb.CUSTOMER_BLOCK))
def resume(customer: Id, who: Who, gallery: Engine) -> Customer:
    """Let a suspended customer go on."""
    return Customer.of(gallery.oversight.customers.suspend(who, customer, active=True))


@blocks.post("", status_code=201, response_model=Block, **policed(Verb.CUSTOMER_BLOCK))
def block(body: BlockToPlace, who: Who, gallery: Engine, once: Annotated[Once, Depends()]) -> Response | Block:
    """Keep a class of customers out of a place, from their next question on."""

    def make(request_id: str | None) -> Block:
        placed = gallery.oversight.customers.block(
            who, body.customers, body.jurisdiction, body.ground, request_id=request_id
        )
        return Block.of(placed)

    return once(make, body)


@blocks.get("", **policed(Verb.CUSTOMER_LIST))
def blocks_listed(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Block]:
    """The blocks that somebody placed and that stand."""
    page, more = cut(gallery.oversight.customers.blocks(who), limit, cursor, lambda one: one.row.block_id)
    return Page[Block](items=[Block.of(one) for one in page], next=more)


@blocks.delete("/{block}", **policed(Verb.CUSTOMER_BLOCK))
def unblock(block: Id, who: Who, gallery: Engine) -> Block:
    """End a block. What an order demands ends with the order."""
    return Block.of(gallery.oversight.customers.unblock(who, block))
