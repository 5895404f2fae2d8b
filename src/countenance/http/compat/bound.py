"""Who stands behind a legacy client's key, counted as every other key is.

Rules kept here: a wrong credential counts against the address it came from, a right one against its key, with the
same meters as /v1.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from countenance.engine import Countenance
from countenance.errors import CredentialInvalid
from countenance.http.admission import Meters
from countenance.http.problems import Problem, Refusal
from countenance.oversight.parties import Principal

Opened = Callable[[], Countenance | None]
"""Gives the opened gallery; None while it is being opened."""


def opened(gallery: Opened) -> Countenance:
    """The gallery. Raises Refusal (503) while it is being opened."""
    found = gallery()
    if found is None:
        raise Refusal(Problem("not_ready", "The gallery is being opened.", "Wait and ask again."))
    return found


def recognised(gallery: Opened, meters: Meters, request: Request, token: str) -> tuple[Countenance, Principal]:
    """The gallery and the Principal of a key. Raises CredentialInvalid; Refusal (429, 503)."""
    return proven(gallery, meters, request, lambda found: found.oversight.authenticate(token))


def proven(
    gallery: Opened, meters: Meters, request: Request, prove: Callable[[Countenance], Principal]
) -> tuple[Countenance, Principal]:
    """The same for whatever proves who asks: ``prove`` raises CredentialInvalid when it does not."""
    found = opened(gallery)
    address = request.client.host if request.client is not None else "unknown"
    meters.check_address(address)
    try:
        who = prove(found)
    except CredentialInvalid:
        meters.wrong(address)
        raise
    meters.count(who.credential or who.actor)
    request.state.credential = who.credential
    return found, who
