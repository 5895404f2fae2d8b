"""Signing in at somebody else's (OpenID Connect): which issuers are believed, and whom they may speak for.

Rules kept here:

* Only a registered issuer is believed, for one audience, at one address. It says who somebody is and nothing else:
  roles, customer and competence come from the account that the operator linked.
* What an issuer calls somebody (``sub``) is kept as a keyed fingerprint. A link of a subject's own account goes
  with her, one of a person's with the person, all of an issuer's with the issuer.
* An address is https without anything that could be read in two ways; http only on this machine's loopback, and
  then only from the command line, so that nobody far away can have this machine ask itself.

Checking a token, which needs the network, is the door's (http.issuer_tokens).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from countenance import clock
from countenance.clock import Clock
from countenance.errors import InputInvalid, IssuerUnknown, PartyExists, PersonUnknown
from countenance.oversight.credentials import ACTIVE, sub_tag
from countenance.oversight.gate import Gate
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Verb
from countenance.oversight.records import Recorder, Seals, new_id
from countenance.store import issuers, people
from countenance.store.database import Database
from countenance.store.issuers import IssuerRow, LinkRow

LONGEST_SUB = 255
"""OpenID Connect Core 1.0, section 2: at most 255 ASCII characters."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A registered issuer."""

    issuer_id: str
    url: str
    audience: str
    keys_host: str | None
    registered_utc: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "issuer": self.issuer_id,
            "url": self.url,
            "audience": self.audience,
            "keys_host": self.keys_host,
            "registered": self.registered_utc,
        }


class Issuers:
    """The issuers of one gallery. Methods that take ``who`` raise AccessRefused and CredentialInvalid."""

    def __init__(self, database: Database, seals: Seals, gate: Gate, recorder: Recorder, clock: Clock) -> None:
        self._database = database
        self._seals = seals
        self._gate = gate
        self._recorder = recorder
        self._clock = clock

    def add(self, who: Principal, url: str, audience: str, *, keys_host: str | None = None) -> Issuer:
        """Believe the issuer at ``url`` for tokens to ``audience`` (the client id). The same again is no change.

        ``keys_host`` is the host of its key set where that is not the issuer's own. Raises InputInvalid;
        PartyExists when it is registered for another audience.
        """
        self._gate.require(who, Verb.PERSON_ADD)
        checked(url)
        if url.startswith("http:") and who.credential is not None:
            raise InputInvalid("An issuer on this machine's loopback is registered at its command line.")
        if not 1 <= len(audience) <= 200 or not audience.isprintable():
            raise InputInvalid("An audience is 1 to 200 printable characters.")
        if keys_host is not None:
            _host(keys_host)
        now = self._clock.now()
        row = IssuerRow(new_id(), url, audience, keys_host, clock.to_text(now))
        with self._database.write() as connection:
            there = issuers.by_url(connection, url)
            if there is None:
                issuers.add(connection, row)
        if there is not None:
            if (there.audience, there.keys_host) != (audience, keys_host):
                raise PartyExists("This issuer is registered in another way.", remedy="Remove it first.")
            return _issuer(there)
        self._recorder.note("issuer.added", now, issuer=row.issuer_id, address=sha256(url.encode()).hexdigest())
        return _issuer(row)

    def listed(self, who: Principal) -> tuple[Issuer, ...]:
        """All issuers that are believed."""
        self._gate.require(who, Verb.CUSTOMER_LIST)
        with self._database.read() as connection:
            return tuple(_issuer(row) for row in issuers.listed(connection))

    def remove(self, who: Principal, issuer_id: str) -> None:
        """Believe an issuer no more, from the next question on; its links are deleted. Raises IssuerUnknown."""
        self._gate.require(who, Verb.PERSON_ADD)
        with self._database.write() as connection:
            known = issuers.remove(connection, issuer_id)
        if not known:
            raise IssuerUnknown("No issuer of that id is registered.")
        self._recorder.note("issuer.removed", self._clock.now(), issuer=issuer_id)

    def link(self, who: Principal, holder_id: str, issuer_id: str, sub: str) -> None:
        """Let whom the issuer calls ``sub`` sign in to an account, a person's or a subject's own; an earlier link
        of the account to this issuer ends.

        Raises IssuerUnknown, PersonUnknown, InputInvalid; PartyExists when ``sub`` has another account.
        """
        self._gate.require(who, Verb.PERSON_ADD)
        if not 1 <= len(sub) <= LONGEST_SUB or not sub.isprintable():
            raise InputInvalid(f"A subject of an issuer is 1 to {LONGEST_SUB} printable characters.")
        now, tag = self._clock.now(), sub_tag(self._seals, issuer_id, sub)
        with self._database.write() as connection:
            if issuers.get(connection, issuer_id) is None:
                raise IssuerUnknown("No issuer of that id is registered.")
            person, account = people.get(connection, holder_id), people.account(connection, holder_id)
            if account is None and (person is None or person.state != ACTIVE):
                raise PersonUnknown("There is no such account.")
            there = issuers.by_sub(connection, issuer_id, tag)
            if there is not None and there.holder_id != holder_id:
                raise PartyExists("Somebody else signs in with that subject.")
            subject = None if account is None else account.subject_id
            issuers.unlink(connection, holder_id, issuer_id)
            row = LinkRow(new_id(), issuer_id, tag, holder_id, subject, clock.to_text(now))
            issuers.link(connection, row)
        self._recorder.note("person.linked", now, actor=holder_id, issuer=issuer_id)

    def unlink(self, who: Principal, holder_id: str, issuer_id: str) -> None:
        """End it at once. Raises PersonUnknown when there is no such link."""
        self._gate.require(who, Verb.PERSON_ADD)
        with self._database.write() as connection:
            ended = issuers.unlink(connection, holder_id, issuer_id)
        if not ended:
            raise PersonUnknown("This account is not linked to that issuer.")
        self._recorder.note("person.unlinked", self._clock.now(), actor=holder_id, issuer=issuer_id)

    def believed(self, url: str) -> Issuer | None:
        """The registered issuer of exactly this address; None for any other."""
        with self._database.read() as connection:
            row = issuers.by_url(connection, url)
        return None if row is None else _issuer(row)


def checked(url: str) -> str:
    """The host of an issuer's address. Raises InputInvalid for one that nothing may be fetched from."""
    wrong = InputInvalid(
        "An issuer is an https address without user, query or fragment; http only on this machine's loopback."
    )
    if (
        not 1 <= len(url) <= 500
        or not url.isascii()
        or not url.isprintable()
        or any(c in url for c in ' \\?#@%"<>')
    ):
        raise wrong
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise wrong from error
    plain_on_loopback = parts.scheme == "http" and is_loopback(host)
    if not host or not (parts.scheme == "https" or plain_on_loopback) or "/../" in f"{parts.path}/":
        raise wrong
    return host


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by number. A name is not asked for: it may point elsewhere tomorrow."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(name: str) -> None:
    if urlsplit(f"https://{name}").hostname != name or checked(f"https://{name}") != name:
        raise InputInvalid("The host of an issuer's keys is a name in small letters and nothing else.")


def _issuer(row: IssuerRow) -> Issuer:
    return Issuer(row.issuer_id, row.url, row.audience, row.keys_host, row.registered_utc)
