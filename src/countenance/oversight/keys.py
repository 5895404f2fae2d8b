"""API keys: issued to a customer, shown once, scoped, expiring, revocable.

Rules kept here: a key expires within a year; it may be limited to verbs, and bound to a purpose, a case and a
compartment, as legacy clients need that name none of them; its roles are those of a customer's people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.record import purpose_name
from countenance.errors import AnswerNotKept, CustomerUnknown, InputInvalid
from countenance.oversight.compartments import Compartments
from countenance.oversight.credentials import LINK, Credentials, Issued, KeyKind
from countenance.oversight.gate import Gate
from countenance.oversight.parties import Principal, Role
from countenance.oversight.people import CUSTOMER_ROLES, roles_of
from countenance.oversight.policy import Verb
from countenance.oversight.records import Recorder
from countenance.store import api_keys, cases, customers, requests
from countenance.store.api_keys import ApiKeyRow
from countenance.store.database import Database

LONGEST = timedelta(days=366)
KEY_ROLES = CUSTOMER_ROLES - {Role.REVIEWER, Role.AUTHORISER}
"""Programs enrol and search. Deciding about a case and looking at two faces is for people."""

KEY_DIGITS = 20
"""Hexadecimal digits of a key's id; of a request's id, the first ones."""

ISSUED_KINDS = frozenset({KeyKind.BEARER.value, KeyKind.SIGNING.value})


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is on record of a key; the secret is not."""

    row: ApiKeyRow

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "key": self.row.key_id,
            "kind": self.row.kind,
            "customer": self.row.customer_id,
            "roles": sorted(self.row.roles),
            "verbs": None if self.row.verbs is None else sorted(self.row.verbs),
            "purpose": self.row.purpose,
            "collection": self.row.collection,
            "case": self.row.case_id,
            "issued": self.row.issued_utc,
            "expires": self.row.expires_utc,
            "revoked": self.row.revoked_utc,
        }


class ApiKeys:
    """The API keys of one gallery. All methods raise AccessRefused and CredentialInvalid."""

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        gate: Gate,
        compartments: Compartments,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._compartments = compartments
        self._credentials = credentials
        self._gate = gate
        self._recorder = recorder
        self._clock = clock

    def issue(
        self,
        who: Principal,
        customer_id: str,
        *,
        roles: Sequence[Role | str],
        expires: datetime,
        kind: KeyKind = KeyKind.BEARER,
        verbs: Sequence[Verb | str] | None = None,
        purpose: str | None = None,
        case_id: str | None = None,
        collection: str | None = None,
        request_id: str | None = None,
    ) -> Issued:
        """Issue a key, once for one ``request_id``; the answer is the only place where it can ever be read.

        ``collection`` names the one compartment of the customer's that it reaches. Raises CustomerUnknown,
        CompartmentUnknown, InputInvalid; then nothing was issued. AnswerNotKept when this request has issued its
        key: whoever did not get it revokes it and issues another.
        """
        self._gate.require(who, Verb.KEY_ISSUE)
        now, chosen = self._clock.now(), roles_of(roles)
        if not chosen or not chosen <= KEY_ROLES:
            raise InputInvalid(f"A key has the roles: {', '.join(sorted(KEY_ROLES))}.")
        if not now < expires <= now + LONGEST or kind is KeyKind.SESSION:
            raise InputInvalid(f"A key expires later than now and within {LONGEST.days} days.")
        named = None if purpose is None else purpose_name(purpose)
        key_id = "" if request_id is None else request_id[:KEY_DIGITS].upper()
        with self._database.read() as connection:
            made = api_keys.get(connection, key_id)
        if made is not None:
            self._noted(made, again=True)
            raise AnswerNotKept(f"The key {key_id} was issued by this request, and its secret is not kept.")
        row = ApiKeyRow(
            key_id, kind, b"", customer_id, None, frozenset(role.value for role in chosen), _verbs(verbs), named,
            None, case_id, clock.to_text(now), clock.to_text(expires), None,
            None if collection is None else self._compartments.number_for(customer_id, collection),
        )  # fmt: skip
        with self._database.write() as connection:
            customer = customers.get(connection, customer_id)
            if customer is None:
                raise CustomerUnknown("There is no such customer.")
            if named is not None and named not in customer.purposes:
                raise InputInvalid(f"The customer is not registered for the purpose {named}.")
            if case_id is not None:
                case = cases.get(connection, case_id)
                if case is None or case.customer_id != customer_id:
                    raise InputInvalid("The customer has no such case.")
            issued = self._credentials.issue(row, connection)
            requests.mark(connection, request_id, requests.MADE)
        self._noted(replace(row, key_id=issued.key_id), again=False)
        return issued

    def _noted(self, row: ApiKeyRow, *, again: bool) -> None:
        note = self._recorder.note_once if again else self._recorder.note
        at = clock.from_text(row.issued_utc)
        note("key.issued", at, key=row.key_id, customer=row.customer_id, until=row.expires_utc)

    def revoke(self, who: Principal, key_id: str) -> None:
        """End a key or a session at once. Raises InputInvalid when none of that id is in force."""
        self._gate.require(who, Verb.KEY_REVOKE)
        now = self._clock.now()
        with self._database.write() as connection:
            known = api_keys.revoke(connection, key_id, clock.to_text(now))
        if not known:
            raise InputInvalid("No key of that id is in force.")
        self._recorder.note("key.revoked", now, key=key_id)

    def logout(self, who: Principal) -> None:
        """End the session with which one asks. Raises InputInvalid for a sign-in at an issuer, which it ends."""
        fresh = self._credentials.refresh(who)
        if fresh.credential is not None and fresh.credential.startswith(LINK):
            raise InputInvalid("This sign-in is the issuer's.", remedy="Sign out there.")
        if fresh.credential is not None:
            now = self._clock.now()
            with self._database.write() as connection:
                api_keys.revoke(connection, fresh.credential, clock.to_text(now))
            self._recorder.note("session.ended", now, actor=fresh.actor, key=fresh.credential)

    def listed(self, who: Principal) -> tuple[ApiKey, ...]:
        """All keys that were ever issued, sessions left out."""
        self._gate.require(who, Verb.CUSTOMER_LIST)
        with self._database.read() as connection:
            return tuple(ApiKey(row) for row in api_keys.listed(connection, ISSUED_KINDS))


def _verbs(words: Sequence[Verb | str] | None) -> frozenset[str] | None:
    try:
        return None if words is None else frozenset(Verb(one).value for one in words)
    except ValueError as error:
        raise InputInvalid(f"The verbs are: {', '.join(Verb)}.") from error
