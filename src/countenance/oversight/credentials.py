"""Keys, sessions and passwords: from what somebody shows to who it is.

Rules kept here:

* A key is shown once. What is stored is a keyed fingerprint of it; a copy of the database opens no door.
* A key of the kind ``signing`` (for clients that sign requests and never send the secret) is derived from the key
  ring when it is needed and is stored nowhere.
* Who signs in at an issuer (OIDC) has no key here: her link stands for it, and the issuer says how long.
* Everything is looked up anew at every question: revoked, expired, switched off, locked counts at once.
* What is wrong is not said: an unknown name, a wrong password and a locked account get the same answer.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.errors import CredentialInvalid, KeyDestroyed
from countenance.oversight import passwords
from countenance.oversight.parties import CustomerClass, Principal, Role
from countenance.oversight.records import Recorder, Seals, plain_name
from countenance.store import api_keys, compartments, customers, issuers, people
from countenance.store.api_keys import ApiKeyRow
from countenance.store.compartments import CompartmentRow
from countenance.store.database import Database
from countenance.store.people import AccountRow, PersonRow
from countenance.terms import ArtefactClass, CompartmentId
from countenance.vault.keys import KeyRing

SESSION = timedelta(hours=8)
MOST_FAILURES = 10
LOCKED = timedelta(minutes=15)
"""An account is locked this long after ten wrong passwords in a row: about 1,000 guesses a day."""

ACTIVE = "active"
LINK = "link:"
"""Begins the credential of somebody who signed in at an issuer."""
_TOKEN = re.compile(r"cnt_([0-9A-F]{20})_([A-Za-z0-9_-]{43})", re.ASCII)


class KeyKind(StrEnum):
    """How a key is shown."""

    BEARER = "bearer"
    SIGNING = "signing"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Issued:
    """A key as it is shown, this once. ``secret`` is never to be logged."""

    key_id: str
    secret: str
    """For ``bearer`` and ``session`` the whole token; for ``signing`` the secret access key of ``key_id``."""
    kind: KeyKind
    expires_utc: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer, with the secret: it is shown once."""
        return {"key": self.key_id, "secret": self.secret, "kind": self.kind, "expires": self.expires_utc}

    def __repr__(self) -> str:
        return f"Issued(key_id={self.key_id!r}, kind={self.kind!r})"


class Credentials:
    """Recognises who asks, in one gallery."""

    def __init__(self, database: Database, ring: KeyRing, seals: Seals, recorder: Recorder, clock: Clock) -> None:
        self._database = database
        self._ring = ring
        self._seals = seals
        self._recorder = recorder
        self._clock = clock

    def issue(self, row: ApiKeyRow, connection: Connection) -> Issued:
        """Write a key and show it. ``row`` has no fingerprint yet; without an id it gets a random one."""
        key_id = row.key_id or secrets.token_hex(10).upper()
        kind = KeyKind(row.kind)
        secret = self._derived(key_id) if kind is KeyKind.SIGNING else secrets.token_urlsafe(32)
        api_keys.add(connection, replace(row, key_id=key_id, secret_tag=self._tag(key_id, secret)))
        shown = secret if kind is KeyKind.SIGNING else f"cnt_{key_id}_{secret}"
        return Issued(key_id, shown, kind, row.expires_utc)

    def login(self, name: str, password: str) -> Issued:
        """A session for an account. Raises CredentialInvalid; InputInvalid for what cannot be a name."""
        tag = self._seals.tag("person", plain_name(name))
        now = self._clock.now()
        with self._database.read() as connection:
            holder = people.by_tag(connection, tag) or people.account_by_tag(connection, tag)
        # An account without a password takes as long as a wrong password: which there are is nobody's business.
        stored = None if holder is None or not self._open(holder, now) else holder.password or None
        fits = passwords.fits(password, stored)  # outside any transaction: it takes a while, and is meant to
        if holder is None or not fits:
            if holder is not None:
                self._failed(holder, now)
            raise CredentialInvalid("The name or the password is wrong.")
        with self._database.write() as connection:
            _change(connection, holder, failures=0, locked_until_utc=None)
            issued = self.issue(self._session(holder, now), connection)
        self._recorder.note("session.begun", now, actor=_id(holder), key=issued.key_id)
        return issued

    def authenticate(self, token: str) -> Principal:
        """Who shows this token. Raises CredentialInvalid."""
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise CredentialInvalid("This is no key.")
        key_id, secret = found.groups()
        with self._database.read() as connection:
            row = api_keys.get(connection, key_id)
        same = hmac.compare_digest(self._tag(key_id, secret), bytes(32) if row is None else row.secret_tag)
        if row is None or not same or row.kind == KeyKind.SIGNING:
            raise CredentialInvalid("This key is not in force.")
        return self.principal(key_id)

    def authenticate_linked(self, issuer_id: str, sub: str) -> Principal:
        """Who is linked to what a registered issuer calls somebody; its token was checked by whoever asks.

        Raises CredentialInvalid.
        """
        with self._database.read() as connection:
            row = issuers.by_sub(connection, issuer_id, sub_tag(self._seals, issuer_id, sub))
        if row is None:
            raise CredentialInvalid("Nobody here is linked to this token.")
        return self.principal(LINK + row.link_id)

    def signing_secret(self, key_id: str) -> str:
        """The secret with which requests of a ``signing`` key are signed. Raises CredentialInvalid.

        Whoever checks a signature with it asks :meth:`principal` for who it is.
        """
        with self._database.read() as connection:
            row = api_keys.get(connection, key_id)
        if row is None or row.kind != KeyKind.SIGNING:
            raise CredentialInvalid("This key is not in force.")
        self.principal(key_id)
        return self._derived(key_id)

    def principal(self, key_id: str) -> Principal:
        """Who stands behind a key or a link, as the records are now. Raises CredentialInvalid when it is not in
        force."""
        now = self._clock.now()
        with self._database.read() as connection:
            if key_id.startswith(LINK):
                link = issuers.linked(connection, key_id.removeprefix(LINK))
                if link is None:
                    raise CredentialInvalid("This account is not linked any more.")
                return self._of_holder(connection, link.holder_id, key_id, now)
            row = api_keys.get(connection, key_id)
            if row is None or row.revoked_utc is not None or clock.from_text(row.expires_utc) <= now:
                raise CredentialInvalid("This key is not in force.")
            if row.holder_id is None:
                return _of_customer(connection, self._of_key(connection, row), row.customer_id)
            return self._of_holder(connection, row.holder_id, row.key_id, now)

    def _of_holder(self, connection: Connection, holder_id: str, credential: str, now: datetime) -> Principal:
        person = people.get(connection, holder_id)
        if person is not None:
            if person.state != ACTIVE or not self._seals.alive(person.key_slot, ArtefactClass.METADATA):
                raise CredentialInvalid("This account is not in force.")
            return _of_customer(connection, _of_person(person, credential, now), person.customer_id)
        account = people.account(connection, holder_id)
        if account is None:
            raise CredentialInvalid("This account is not in force.")
        roles = frozenset({Role.SUBJECT})
        return Principal(account.account_id, roles, credential, subject_id=account.subject_id)

    def refresh(self, who: Principal) -> Principal:
        """The same asker as the records are now. Raises CredentialInvalid."""
        return who if who.credential is None else self.principal(who.credential)

    def _of_key(self, connection: Connection, row: ApiKeyRow) -> Principal:
        bound = None if row.compartment is None else compartments.get(connection, row.compartment)
        nowhere = CompartmentId(-1) if row.compartment is not None or row.collection is not None else None
        return Principal(
            f"key:{row.key_id}",
            frozenset(Role(one) for one in row.roles),
            row.key_id,
            verbs=row.verbs,
            purpose=row.purpose,
            collection=row.collection if bound is None else self._name(bound),
            compartment=nowhere if bound is None else bound.number,
            case_id=row.case_id,
        )

    def _name(self, row: CompartmentRow) -> str | None:
        record = f"compartment:{row.number}:name"
        artefact, sealed, wrapped = ArtefactClass.METADATA, row.sealed_name, row.wrapped_key
        try:
            return self._seals.unseal(row.key_slot, row.jurisdiction, artefact, wrapped, sealed, record).decode()
        except KeyDestroyed:  # it is just being closed
            return None

    # -- inside ---------------------------------------------------------------------------------------------

    def _open(self, holder: PersonRow | AccountRow, now: datetime) -> bool:
        if holder.locked_until_utc is not None and clock.from_text(holder.locked_until_utc) > now:
            return False
        if isinstance(holder, AccountRow):
            return True
        return holder.state == ACTIVE and self._seals.alive(holder.key_slot, ArtefactClass.METADATA)

    def _failed(self, holder: PersonRow | AccountRow, now: datetime) -> None:
        if not self._open(holder, now):
            return
        failures = holder.failures + 1
        locked = clock.to_text(now + LOCKED) if failures >= MOST_FAILURES else None
        with self._database.write() as connection:
            _change(connection, holder, failures=0 if locked else failures, locked_until_utc=locked)
        if locked is not None:
            self._recorder.note("account.locked", now, actor=_id(holder))

    def _session(self, holder: PersonRow | AccountRow, now: datetime) -> ApiKeyRow:
        customer_id = holder.customer_id if isinstance(holder, PersonRow) else None
        until = clock.to_text(now + SESSION)
        nothing: frozenset[str] = frozenset()
        return ApiKeyRow(
            "", KeyKind.SESSION, b"", customer_id, _id(holder), nothing, None, None, None, None,
            clock.to_text(now), until, None,
        )  # fmt: skip

    def _tag(self, key_id: str, secret: str) -> bytes:
        return self._ring.fingerprint("api-key", f"{key_id}:{secret}".encode())

    def _derived(self, key_id: str) -> str:
        return base64.b64encode(self._ring.fingerprint("signing-key", key_id.encode())).decode().rstrip("=")


def _id(holder: PersonRow | AccountRow) -> str:
    return holder.person_id if isinstance(holder, PersonRow) else holder.account_id


def _change(connection: Connection, holder: PersonRow | AccountRow, **values: str | int | None) -> None:
    if isinstance(holder, PersonRow):
        people.change(connection, holder.person_id, **values)
    else:
        people.change_account(connection, holder.account_id, **values)


def sub_tag(seals: Seals, issuer_id: str, sub: str) -> bytes:
    """The keyed fingerprint of what an issuer calls somebody, 32 bytes."""
    return seals.tag("sub", f"{issuer_id}\n{sub}")


def _of_person(person: PersonRow, credential: str, now: datetime) -> Principal:
    until = person.competent_until_utc
    return Principal(
        person.person_id,
        frozenset(Role(one) for one in person.roles),
        credential,
        competent=until is not None and clock.from_text(until) > now,
    )


def _of_customer(connection: Connection, who: Principal, customer_id: str | None) -> Principal:
    row = None if customer_id is None else customers.get(connection, customer_id)
    if row is None:
        return who
    return replace(
        who,
        customer_id=row.customer_id,
        customer_class=CustomerClass(row.customer_class),
        jurisdiction=row.jurisdiction,
        purposes=row.purposes,
        customer_active=row.state == ACTIVE,
    )
