"""Who asks: from the Authorization header to a Principal, and the policy's answer before anything else happens.

Rules kept here:

* A credential comes in a header; one in the query string, which logs and proxies keep, is refused, whatever it is.
* Every route says with :func:`policed` which verb of the policy it is; a test walks all routes. The engine asks the
  policy once more with everything that it then knows.
* A JWT is believed when a registered issuer signed it (issuer_keys); what its bearer may do stands in the
  linked account.
* Wrong credentials are counted by address, right ones by key (admission.Meters).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from countenance.engine import Countenance
from countenance.errors import CredentialInvalid
from countenance.http.admission import Meters
from countenance.http.issuer_keys import IssuersKeys
from countenance.http.issuer_tokens import looks_like_one
from countenance.http.problems import Problem, Refusal
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Verb
from countenance.settings import ServiceSettings

SECRET_PARAMETERS = frozenset(
    {"key", "api_key", "api-key", "apikey", "x-api-key", "token", "access_token", "session", "secret", "password"}
)
"""Names under which a credential must not stand in a query string."""

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An API key or a session's token, as `key issue` or `POST /v1/sessions` showed it once; or an ID "
    "token of a registered OpenID Connect issuer.",
)


def gallery_of(request: Request) -> Countenance:
    """The opened gallery. Raises Refusal (503) while it is being opened."""
    gallery: Countenance | None = getattr(request.app.state, "gallery", None)
    if gallery is None:
        raise Refusal(Problem("not_ready", "The gallery is being opened.", "Wait and ask again."))
    return gallery


def settings_of(request: Request) -> ServiceSettings:
    """The settings of this service."""
    settings: ServiceSettings = request.app.state.settings
    return settings


Engine = Annotated[Countenance, Depends(gallery_of)]
Settings = Annotated[ServiceSettings, Depends(settings_of)]


def address_of(request: Request) -> str:
    """Where a request comes from, for counting; never written to a log."""
    return request.client.host if request.client is not None else "unknown"


def no_secret_in_query(request: Request) -> None:
    """Raises Refusal (400) for a request with a credential in its query string."""
    if any(name.lower() in SECRET_PARAMETERS for name in request.query_params):
        raise Refusal(
            Problem(
                "bad_request",
                "A credential was given in the query string, where proxies and logs keep it.",
                "Send it in the Authorization header, and revoke this one.",
            )
        )


def recognise(request: Request, gallery: Countenance, token: str) -> Principal:
    """The Principal of a token. Raises CredentialInvalid; Refusal (429) after many wrong ones."""
    meters: Meters = request.app.state.meters
    address = address_of(request)
    meters.check_address(address)
    try:
        if looks_like_one(token):
            keys: IssuersKeys = request.app.state.issuers
            who = gallery.oversight.authenticate_linked(*keys.check(token, gallery.oversight.issuers.believed))
        else:
            who = gallery.oversight.authenticate(token)
    except CredentialInvalid:
        meters.wrong(address)
        raise
    meters.count(who.credential or who.actor)
    request.state.credential = who.credential
    return who


def asked(
    request: Request,
    gallery: Engine,
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Who asks. Raises CredentialInvalid, Refusal (400, 429)."""
    no_secret_in_query(request)
    if shown is None:
        raise CredentialInvalid("No key or session was shown.")
    return recognise(request, gallery, shown.credentials)


Who = Annotated[Principal, Depends(asked)]
"""The one who asks, as a parameter of a route."""


NO_VERB = "none"


def policed(verb: Verb) -> dict[str, Any]:
    """What a route's decorator is given: the policy is asked for ``verb`` before the route runs."""

    def ask(gallery: Engine, who: Who) -> None:
        gallery.oversight.require(who, verb)

    return {"dependencies": [Depends(ask)], "openapi_extra": {"x-verb": verb.value}}


def open_to_all(verb: Verb) -> dict[str, Any]:
    """The same for what anybody may read, unasked."""
    return {"openapi_extra": {"x-verb": verb.value, "security": []}}


def without_policy(reason: str) -> dict[str, Any]:
    """The same for the few routes that disclose nothing: ``reason`` says why no row is needed."""
    return {"openapi_extra": {"x-verb": NO_VERB, "x-no-verb-because": reason}}
