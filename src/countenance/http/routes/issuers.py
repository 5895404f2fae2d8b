"""Issuers that people sign in at (OpenID Connect)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from countenance.http.asker import Engine, Who, policed
from countenance.http.documents import Answer, Body, Field, Id
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/issuers", tags=["people"])


class IssuerToAdd(Body):
    """An issuer that is to be believed."""

    url: Annotated[str, Field(min_length=1, max_length=500, description="`iss` of its tokens, to the letter.")]
    audience: Annotated[str, Field(min_length=1, max_length=200, description="`aud`: the client id given to you.")]
    keys_host: Annotated[
        str | None, Field(max_length=255, description="Host of its key set, where that is not its own.")
    ] = None


class Issuer(Answer):
    """An issuer that is believed."""

    issuer: str
    url: str
    audience: str
    keys_host: str | None
    registered: str


@router.post("", status_code=201, **policed(Verb.PERSON_ADD))
def add(body: IssuerToAdd, who: Who, gallery: Engine) -> Issuer:
    """Believe an issuer's tokens. The same again changes nothing."""
    added = gallery.oversight.issuers.add(who, body.url, body.audience, keys_host=body.keys_host)
    return Issuer.of(added)


@router.get("", **policed(Verb.CUSTOMER_LIST))
def listed(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[Issuer]:
    """The issuers that are believed."""
    page, more = cut(gallery.oversight.issuers.listed(who), limit, cursor, lambda one: one.issuer_id)
    return Page[Issuer](items=[Issuer.of(one) for one in page], next=more)


@router.delete("/{issuer}", status_code=204, **policed(Verb.PERSON_ADD))
def remove(issuer: Id, who: Who, gallery: Engine) -> None:
    """Believe an issuer no more. Its links go too; the accounts stay."""
    gallery.oversight.issuers.remove(who, issuer)
