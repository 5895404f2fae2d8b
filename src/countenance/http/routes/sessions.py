"""Sessions of local accounts: begun with a name and a password, ended by whoever holds them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from countenance.errors import CredentialInvalid
from countenance.http.admission import Meters
from countenance.http.asker import Engine, Who, address_of, no_secret_in_query, without_policy

router = APIRouter(prefix="/sessions", tags=["sessions"])


class Credentials(BaseModel):
    """A local account's name and password."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    password: Annotated[str, Field(min_length=1, max_length=1000)]


class Session(BaseModel):
    """A session's token, shown this once."""

    key: str = Field(description="Id of the session, for ending it.")
    secret: str = Field(description="The token for the Authorization header. It is never shown again.")
    kind: str
    expires: str


class Asker(BaseModel):
    """Who you are here, and what your key is bound to."""

    actor: str
    roles: list[str]
    customer: str | None
    customer_class: str | None = Field(alias="class")
    jurisdiction: str | None
    purposes: list[str]
    verbs: list[str] | None
    purpose: str | None
    collection: str | None
    case: str | None


@router.post("", status_code=201, **without_policy("asks for a name and a password itself"))
def begin(request: Request, body: Credentials, gallery: Engine) -> Session:
    """Begin a session of eight hours."""
    no_secret_in_query(request)
    meters: Meters = request.app.state.meters
    meters.check_address(address_of(request))
    try:
        issued = gallery.oversight.login(body.name, body.password)
    except CredentialInvalid:
        meters.wrong(address_of(request))
        raise
    return Session.model_validate(issued.as_dict())


@router.get("/current", **without_policy("says to the asker who the asker is"))
def current(who: Who) -> Asker:
    """Who asks, as the records are now."""
    return Asker.model_validate(who.as_dict())


@router.delete("/current", status_code=204, **without_policy("ends the asker's own session"))
def end(who: Who, gallery: Engine) -> None:
    """End the session with which this is asked."""
    gallery.oversight.keys.logout(who)
