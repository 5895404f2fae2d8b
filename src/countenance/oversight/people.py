"""People and their roles: accounts with a password or linked to an issuer; reviewers' certificates; subjects' own.

Rules kept here:

* An account belongs to one customer, or to the gallery. The gallery's own roles and a customer's do not mix.
* A person who is removed loses the key that her name is sealed under, her password and every session.
* A subject's own account is a row about the subject and goes with her. She has one at most: a new one ends the old.
* Who signs in at an issuer (OIDC) does so to an account that is here: what she may do stands in its roles, and
  never in her token. The links are in oversight.issuers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.ledger import Ledger
from countenance.errors import (
    CustomerUnknown,
    InputInvalid,
    KeyDestroyed,
    PartyExists,
    PermissionRefused,
    PersonUnknown,
    SubjectUnknown,
)
from countenance.oversight import passwords
from countenance.oversight.credentials import ACTIVE
from countenance.oversight.gate import Gate
from countenance.oversight.parties import Principal, Role
from countenance.oversight.policy import Verb
from countenance.oversight.records import GALLERYS_OWN, Recorder, Seals, new_id, plain_name
from countenance.store import api_keys, customers, issuers, people, requests, subjects
from countenance.store.database import Database
from countenance.store.people import AccountRow, PersonRow
from countenance.store.subjects import SubjectState
from countenance.terms import GALLERYS_OWN as GALLERYS_SUBJECTS
from countenance.terms import ArtefactClass, CompartmentId, SubjectId

REMOVED = "removed"
NO_PASSWORD = ""
"""Stored for an account that is signed in to at an issuer only; no password fits."""
GALLERY_ROLES = frozenset({Role.OPERATOR, Role.DATA_PROTECTION_OFFICER, Role.REGULATOR})
CUSTOMER_ROLES = frozenset({Role.ENROLLER, Role.INVESTIGATOR, Role.AUTHORISER, Role.REVIEWER})


@dataclass(frozen=True, slots=True)
class Person:
    """An account."""

    person_id: str
    name: str
    customer_id: str | None
    roles: tuple[Role, ...]
    active: bool
    competent_until_utc: str | None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "person": self.person_id,
            "name": self.name,
            "customer": self.customer_id,
            "roles": list(self.roles),
            "active": self.active,
            "competent_until": self.competent_until_utc,
        }


class People:
    """The accounts of one gallery. All methods raise AccessRefused and CredentialInvalid."""

    def __init__(
        self, database: Database, seals: Seals, ledger: Ledger, gate: Gate, recorder: Recorder, clock: Clock
    ) -> None:
        self._database = database
        self._seals = seals
        self._ledger = ledger
        self._gate = gate
        self._recorder = recorder
        self._clock = clock

    def add(
        self,
        who: Principal,
        name: str,
        password: str,
        *,
        roles: Sequence[Role | str],
        customer_id: str | None,
        request_id: str | None = None,
    ) -> Person:
        """Make an account for somebody of a customer, or with None of the gallery; once for one ``request_id``.

        Raises PartyExists, CustomerUnknown, InputInvalid; then nothing was changed.
        """
        self._gate.require(who, Verb.PERSON_ADD)
        plain, chosen = plain_name(name), roles_of(roles)
        allowed = GALLERY_ROLES if customer_id is None else CUSTOMER_ROLES
        if not chosen or not chosen <= allowed:
            raise InputInvalid(f"The roles there are: {', '.join(sorted(allowed))}.")
        stored = passwords.hashed(password)
        with self._database.read() as connection:
            customer = None if customer_id is None else customers.get(connection, customer_id)
            made = None if request_id is None else people.get(connection, request_id)
        if made is not None:
            return self._added(made, again=True)
        if customer_id is not None and customer is None:
            raise CustomerUnknown("There is no such customer.")
        where = GALLERYS_OWN if customer is None else customer.jurisdiction
        slot, keys = self._seals.new_slot(where)
        wrapped, now = keys[ArtefactClass.METADATA], self._clock.now()
        person_id = request_id or new_id()
        record = f"person:{person_id}"
        sealed = self._seals.seal(slot, where, ArtefactClass.METADATA, wrapped, plain.encode(), record)
        tag, words = self._seals.tag("person", plain), frozenset(role.value for role in chosen)
        row = PersonRow(
            person_id, customer_id, ACTIVE, clock.to_text(now), None, tag, slot, where, wrapped, sealed, stored,
            0, None, words,
        )  # fmt: skip
        with self._database.write() as connection:
            if people.by_tag(connection, tag) or people.account_by_tag(connection, tag):
                raise PartyExists("There is an account of that name already.")
            people.add(connection, row)
            requests.mark(connection, request_id, requests.MADE)
        return self._added(row, again=False)

    def listed(self, who: Principal, customer_id: str | None = None) -> tuple[Person, ...]:
        """The accounts of a customer, or with None of the gallery; removed ones without a name."""
        self._gate.require(who, Verb.CUSTOMER_LIST)
        with self._database.read() as connection:
            rows = people.of_customer(connection, customer_id)
        return tuple(self._opened(row) for row in rows)

    def remove(self, who: Principal, person_id: str) -> None:
        """Destroy an account's name and end its sessions; its number stays. A subject's own account is deleted,
        and she stays on record. Raises PersonUnknown.
        """
        self._gate.require(who, Verb.PERSON_ADD)
        now = clock.to_text(self._clock.now())
        with self._database.read() as connection:
            row, account = people.get(connection, person_id), people.account(connection, person_id)
        if account is not None:
            self._take_back(account)
            return
        if row is None:
            raise PersonUnknown("There is no such account.")
        self._seals.destroy(row.key_slot, ArtefactClass.METADATA)  # first: an account without it opens nothing
        with self._database.write() as connection:
            free = self._seals.tag("removed", person_id)  # so that the name may be given again
            people.change(
                connection, person_id, state=REMOVED, password="", sealed_name=b"", name_tag=free, wrapped_key=b""
            )
            api_keys.revoke_of(connection, person_id, now)
            issuers.unlink(connection, person_id)
        self._recorder.note("person.removed", self._clock.now(), actor=person_id)

    def certify(self, who: Principal, person_id: str, until: datetime) -> Person:
        """Certify a reviewer's competence until a moment. Raises PersonUnknown, InputInvalid."""
        self._gate.require(who, Verb.PERSON_CERTIFY)
        now = self._clock.now()
        with self._database.write() as connection:
            row = people.get(connection, person_id)
            if row is None or row.state != ACTIVE:
                raise PersonUnknown("There is no such account.")
            if Role.REVIEWER not in row.roles or until <= now:
                raise InputInvalid("A reviewer is certified, until a moment that is still to come.")
            people.change(connection, person_id, competent_until_utc=clock.to_text(until))
        self._recorder.note("reviewer.certified", now, actor=person_id, until=clock.to_text(until))
        return self._opened(replace(row, competent_until_utc=clock.to_text(until)))

    def give_subject_account(
        self,
        who: Principal,
        subject: str,
        name: str,
        password: str | None,
        *,
        compartment: CompartmentId = GALLERYS_SUBJECTS,
        request_id: str | None = None,
    ) -> str:
        """Make, or make anew, the account with which a subject looks after her own data; returns its id. Once for
        one ``request_id``. With ``password`` None nobody signs in to it until an issuer's link is made.

        Who she is was checked by whoever gives it. Raises SubjectUnknown, PartyExists, InputInvalid;
        PermissionRefused while she is being erased. Then nothing was changed.
        """
        self._gate.require(who, Verb.PERSON_ADD)
        tag = self._seals.tag("person", plain_name(name))
        owner = self._ledger.find(subject, compartment).subject_id
        stored = NO_PASSWORD if password is None else passwords.hashed(password)
        row = AccountRow(request_id or new_id(), owner, tag, stored, 0, None, clock.to_text(self._clock.now()))
        with self._database.write() as connection:
            made = people.account(connection, row.account_id)
            if made is None:
                _still_here(connection, owner)
                people.drop_account(connection, owner)
                issuers.unlink_subject(connection, owner)
                if people.by_tag(connection, tag) or people.account_by_tag(connection, tag):
                    raise PartyExists("There is an account of that name already.")
                people.add_account(connection, row)
                requests.mark(connection, request_id, requests.MADE)
        note = self._recorder.note if made is None else self._recorder.note_once
        at = clock.from_text((made or row).created_utc)
        note("person.added", at, actor=row.account_id, customer=None, roles=[Role.SUBJECT.value])
        return row.account_id

    def _take_back(self, account: AccountRow) -> None:
        with self._database.write() as connection:
            people.drop_account(connection, account.subject_id)
            issuers.unlink_subject(connection, account.subject_id)
        self._recorder.note("person.removed", self._clock.now(), actor=account.account_id)

    def _added(self, row: PersonRow, *, again: bool) -> Person:
        note = self._recorder.note_once if again else self._recorder.note
        at, words = clock.from_text(row.created_utc), sorted(row.roles)
        note("person.added", at, actor=row.person_id, customer=row.customer_id, roles=words)
        return self._opened(row)

    def _opened(self, row: PersonRow) -> Person:
        record, wrapped = f"person:{row.person_id}", row.wrapped_key
        try:
            name = self._seals.unseal(
                row.key_slot, row.jurisdiction, ArtefactClass.METADATA, wrapped, row.sealed_name, record
            ).decode()
        except KeyDestroyed:  # removed; an old copy of the data may have brought the row back
            name = ""
        roles = tuple(sorted(Role(one) for one in row.roles))
        active = row.state == ACTIVE and name != ""
        return Person(row.person_id, name, row.customer_id, roles, active, row.competent_until_utc)


def _still_here(connection: Connection, subject_id: SubjectId) -> None:
    """Asked in the transaction that writes: an erasure may have begun, or ended, since she was found."""
    row = subjects.by_ids(connection, [subject_id]).get(subject_id)
    if row is None:
        raise SubjectUnknown("She is not on record any more.")
    if row.state is not SubjectState.ACTIVE:
        raise PermissionRefused(
            "This subject is being erased, and is given no account.", remedy="Run: countenance expire"
        )


def roles_of(words: Sequence[Role | str]) -> frozenset[Role]:
    """The roles of these names. Raises InputInvalid."""
    try:
        return frozenset(Role(one) for one in words)
    except ValueError as error:
        raise InputInvalid(f"The roles are: {', '.join(Role)}.") from error
