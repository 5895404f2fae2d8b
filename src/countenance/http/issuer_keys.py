"""The keys of registered issuers, asked for when they are needed and kept for an hour. The only request that the
service makes to anybody on its own.

Rules kept here:

* Only a registered issuer is asked, at the address that the operator registered: its discovery document, and then
  its key set, which must lie on its own host or on the one that the operator named. https, or loopback.
* No redirect is followed, no proxy asked; an answer has at most 256 KiB and ten seconds.
* A key that is not known has the keys fetched anew, at most once a minute for each issuer, so that rotation works
  and nobody can have an issuer asked a thousand times. One thread asks; the others do not wait if they have keys.
* An issuer that does not answer is believed by its old keys for a day, and then not at all.

Source: OpenID Connect Discovery 1.0, section 4.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from countenance.errors import CredentialInvalid, InputInvalid
from countenance.http.issuer_tokens import IssuersKey, Shown, fitting, keys_of, shown, subject_of
from countenance.http.problems import Problem, Refusal
from countenance.oversight.issuers import Issuer, checked

WELL_KNOWN = "/.well-known/openid-configuration"
LARGEST_BYTES = 256 * 1024
PATIENCE_S = 10.0
FRESH_S = 3600.0
STALE_S = 24 * 3600.0
PAUSE_S = 60.0

Fetch = Callable[[str], dict[str, object]]


class IssuerSilent(Exception):
    """An issuer did not answer in a usable way."""


@dataclass(slots=True)
class _Kept:
    keys: tuple[IssuersKey, ...] = ()
    fetched: float | None = None
    tried: float | None = None
    asking: threading.Lock = field(default_factory=threading.Lock)


class IssuersKeys:
    """Checks tokens of registered issuers, in one process. Thread-safe."""

    def __init__(
        self,
        fetch: Fetch | None = None,
        now: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """``now`` says the time, in seconds since 1970, ``ticks`` measures how old keys are."""
        self._fetch = fetch or fetched
        self._now = now
        self._ticks = ticks
        self._kept: dict[str, _Kept] = {}
        self._guard = threading.Lock()

    def check(self, token: str, believed: Callable[[str], Issuer | None]) -> tuple[str, str]:
        """The id of the issuer and what it calls the bearer.

        Raises CredentialInvalid; Refusal (503) when the issuer's keys could not be had.
        """
        said = shown(token)
        issuer = believed(said.issuer)
        if issuer is None:
            raise CredentialInvalid("This token is not in force here.")
        key = self._key(issuer, said)
        if key is None:
            raise CredentialInvalid("This token is not in force here.")
        return issuer.issuer_id, subject_of(said, key, issuer.audience, self._now())

    def _key(self, issuer: Issuer, said: Shown) -> IssuersKey | None:
        with self._guard:
            kept = self._kept.setdefault(issuer.issuer_id, _Kept())
        if kept.fetched is None or self._ticks() - kept.fetched > FRESH_S or fitting(kept.keys, said) is None:
            self._ask(issuer, kept)
        if kept.fetched is None or self._ticks() - kept.fetched > STALE_S:
            raise Refusal(Problem("issuer_unavailable", "The issuer of the token does not say what its keys are."))
        return fitting(kept.keys, said)

    def _ask(self, issuer: Issuer, kept: _Kept) -> None:
        if not kept.asking.acquire(blocking=kept.fetched is None):
            return
        try:
            if kept.tried is not None and self._ticks() - kept.tried < PAUSE_S:
                return
            kept.tried = self._ticks()
            kept.keys = self._keys(issuer)
            kept.fetched = self._ticks()
        except IssuerSilent:
            return
        finally:
            kept.asking.release()

    def _keys(self, issuer: Issuer) -> tuple[IssuersKey, ...]:
        document = self._fetch(issuer.url.rstrip("/") + WELL_KNOWN)
        address = document.get("jwks_uri")
        if document.get("issuer") != issuer.url or not isinstance(address, str):
            raise IssuerSilent("its discovery document is another's")
        try:
            host = checked(address)
            own, theirs = urlsplit(issuer.url), urlsplit(address)
        except InputInvalid as error:
            raise IssuerSilent("its keys lie where nothing is fetched") from error
        at_home = (theirs.scheme, theirs.netloc) == (own.scheme, own.netloc)
        if not at_home and (theirs.scheme != "https" or theirs.port not in (None, 443) or host != issuer.keys_host):
            raise IssuerSilent("its keys lie on another host")
        try:
            return keys_of(self._fetch(address))
        except ValueError as error:
            raise IssuerSilent("no key set") from error


def fetched(url: str) -> dict[str, object]:
    """The JSON document at an address that was checked. Raises IssuerSilent."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=PATIENCE_S / 2, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S / 2)
    # A socket's own limit is for one read; whoever sends its headers a byte a second is ended by this one.
    over = threading.Timer(PATIENCE_S, _end, [connection])
    over.daemon = True
    over.start()
    try:
        connection.request("GET", parts.path or "/", headers={"Accept": "application/json", "Connection": "close"})
        response = connection.getresponse()
        document = json.loads(_body(response)) if response.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError, RecursionError, AttributeError) as error:
        raise IssuerSilent(type(error).__name__) from error
    finally:
        over.cancel()
        connection.close()
    if not isinstance(document, dict):
        raise IssuerSilent("no document")
    return document


def _body(response: http.client.HTTPResponse) -> bytes:
    body, begun = b"", time.monotonic()
    while part := response.read1(64 * 1024):
        body += part
        if len(body) > LARGEST_BYTES or time.monotonic() - begun > PATIENCE_S:
            raise IssuerSilent("too much, or too slowly")
    return body


def _end(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
