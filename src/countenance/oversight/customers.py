"""Customers: registered with class, jurisdiction, legal basis and purposes; suspended, and blocked by the class.

Rules kept here: a customer's name is sealed; every change is logged by id; a block is read at the next question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.record import purpose_name
from countenance.custody.residency.places import place
from countenance.errors import CustomerUnknown, InputInvalid, PartyExists
from countenance.oversight.bars import classes_of
from countenance.oversight.credentials import ACTIVE
from countenance.oversight.gate import Gate
from countenance.oversight.parties import CustomerClass, LegalBasis, Principal
from countenance.oversight.policy import RESERVED, Verb
from countenance.oversight.records import Recorder, Seals, new_id, plain_name
from countenance.store import customers, requests
from countenance.store.customers import BlockRow, CustomerRow
from countenance.store.database import Database
from countenance.terms import ArtefactClass

SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Customer:
    """A registered customer."""

    customer_id: str
    name: str
    customer_class: CustomerClass
    jurisdiction: str
    legal_basis: LegalBasis
    purposes: tuple[str, ...]
    active: bool
    registered_utc: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "customer": self.customer_id,
            "name": self.name,
            "class": self.customer_class,
            "jurisdiction": self.jurisdiction,
            "legal_basis": self.legal_basis,
            "purposes": list(self.purposes),
            "active": self.active,
            "registered": self.registered_utc,
        }


@dataclass(frozen=True, slots=True)
class Block:
    """A class of customers that is kept out in a place."""

    row: BlockRow

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "block": self.row.block_id,
            "customers": self.row.customers,
            "jurisdiction": self.row.jurisdiction,
            "ground": self.row.ground,
            "placed": self.row.placed_utc,
            "lifted": self.row.lifted_utc,
        }


class Customers:
    """The customers of one gallery. All methods raise AccessRefused and CredentialInvalid."""

    def __init__(self, database: Database, seals: Seals, gate: Gate, recorder: Recorder, clock: Clock) -> None:
        self._database = database
        self._seals = seals
        self._gate = gate
        self._recorder = recorder
        self._clock = clock

    def register(
        self,
        who: Principal,
        name: str,
        *,
        customer_class: CustomerClass | str,
        jurisdiction: str,
        legal_basis: LegalBasis | str,
        purposes: Sequence[str],
        request_id: str | None = None,
    ) -> Customer:
        """Register a customer, once for one ``request_id``.

        Raises PartyExists, PlaceUnknown, InputInvalid; then nothing was changed.
        """
        self._gate.require(who, Verb.CUSTOMER_REGISTER)
        now = self._clock.now()
        plain = plain_name(name)
        kind, basis = _word(CustomerClass, customer_class), _word(LegalBasis, legal_basis)
        if place(jurisdiction).is_world:
            raise InputInvalid("A customer is at home in one jurisdiction, not in the whole world.")
        named = frozenset(purpose_name(one) for one in purposes)
        if not named:
            raise InputInvalid("A customer is registered for at least one purpose.")
        for one in sorted(named):
            if one in RESERVED and kind not in RESERVED[one]:
                raise InputInvalid(f"The purpose {one} is reserved to other classes of customers.")
        with self._database.read() as connection:
            made = None if request_id is None else customers.get(connection, request_id)
        if made is not None:
            return self._registered(made, again=True)
        slot, keys = self._seals.new_slot(jurisdiction)
        wrapped, customer_id = keys[ArtefactClass.METADATA], request_id or new_id()
        record = f"customer:{customer_id}"
        sealed = self._seals.seal(slot, jurisdiction, ArtefactClass.METADATA, wrapped, plain.encode(), record)
        tag = self._seals.tag("customer", plain)
        row = CustomerRow(
            customer_id, kind, jurisdiction, basis, ACTIVE, clock.to_text(now), tag, slot, wrapped, sealed, named
        )
        with self._database.write() as connection:
            if customers.by_tag(connection, tag) is not None:
                raise PartyExists("A customer of that name is registered already.")
            customers.add(connection, row)
            requests.mark(connection, request_id, requests.MADE)
        return self._registered(row, again=False)

    def _registered(self, row: CustomerRow, *, again: bool) -> Customer:
        note = self._recorder.note_once if again else self._recorder.note
        body = {
            "customer": row.customer_id,
            "kind": row.customer_class,
            "jurisdiction": row.jurisdiction,
            "basis": row.legal_basis,
        }
        at = clock.from_text(row.registered_utc)
        note("customer.registered", at, **body, purposes=sorted(row.purposes))
        return self._opened(row)

    def listed(self, who: Principal) -> tuple[Customer, ...]:
        """All customers, oldest first."""
        self._gate.require(who, Verb.CUSTOMER_LIST)
        with self._database.read() as connection:
            rows = customers.everyone(connection)
        return tuple(self._opened(row) for row in rows)

    def find(self, who: Principal, name_or_id: str) -> Customer:
        """One customer, by name or id. Raises CustomerUnknown."""
        self._gate.require(who, Verb.CUSTOMER_LIST)
        with self._database.read() as connection:
            by_name = customers.by_tag(connection, self._seals.tag("customer", plain_name(name_or_id)))
            row = customers.get(connection, by_name or name_or_id)
        if row is None:
            raise CustomerUnknown("There is no such customer.")
        return self._opened(row)

    def suspend(self, who: Principal, customer_id: str, *, active: bool = False) -> Customer:
        """Suspend one customer, or with ``active`` let it go on. Raises CustomerUnknown."""
        self._gate.require(who, Verb.CUSTOMER_BLOCK)
        with self._database.write() as connection:
            customers.set_state(connection, customer_id, ACTIVE if active else SUSPENDED)
            row = customers.get(connection, customer_id)
        if row is None:
            raise CustomerUnknown("There is no such customer.")
        event = "customer.resumed" if active else "customer.suspended"
        self._recorder.note(event, self._clock.now(), customer=customer_id)
        return self._opened(row)

    def block(
        self, who: Principal, customers_: str, jurisdiction: str, ground: str, *, request_id: str | None = None
    ) -> Block:
        """Keep a class of customers out in a place from now on: one class, or ``private``, ``public_authority``,
        ``any``. ``jurisdiction`` 001 is the world. Running sessions feel it at their next question.

        Placed once for one ``request_id``. Raises InputInvalid, PlaceUnknown.
        """
        self._gate.require(who, Verb.CUSTOMER_BLOCK)
        try:
            classes_of(customers_)
        except ValueError as error:
            raise InputInvalid("There is no such class of customers.") from error
        place(jurisdiction)
        if not 0 < len(ground) <= 200:
            raise InputInvalid("A block has a ground of 1 to 200 characters.")
        now = clock.to_text(self._clock.now())
        row = BlockRow(request_id or new_id(), customers_, jurisdiction, ground, now, None)
        with self._database.write() as connection:
            made = customers.blocked(connection, row.block_id)
            if made is None:
                customers.block(connection, row)
                requests.mark(connection, request_id, requests.MADE)
        note, row = (self._recorder.note, row) if made is None else (self._recorder.note_once, made)
        body = {"block": row.block_id, "kind": row.customers, "jurisdiction": row.jurisdiction}
        note("customers.blocked", clock.from_text(row.placed_utc), **body)
        return Block(row)

    def unblock(self, who: Principal, block_id: str) -> Block:
        """End a block that somebody placed; what an order demands ends with the order. Raises InputInvalid."""
        self._gate.require(who, Verb.CUSTOMER_BLOCK)
        now = self._clock.now()
        with self._database.write() as connection:
            standing = [row for row in customers.blocks(connection) if row.block_id == block_id]
            customers.lift(connection, block_id, clock.to_text(now))
        if not standing:
            raise InputInvalid("No block of that id stands.")
        self._recorder.note("customers.unblocked", now, block=block_id)
        return Block(replace(standing[0], lifted_utc=clock.to_text(now)))

    def blocks(self, who: Principal) -> tuple[Block, ...]:
        """The blocks that somebody placed and that stand."""
        self._gate.require(who, Verb.CUSTOMER_LIST)
        with self._database.read() as connection:
            return tuple(Block(row) for row in customers.blocks(connection))

    def _opened(self, row: CustomerRow) -> Customer:
        return Customer(
            row.customer_id,
            name_of(self._seals, row),
            CustomerClass(row.customer_class),
            row.jurisdiction,
            LegalBasis(row.legal_basis),
            tuple(sorted(row.purposes)),
            row.state == ACTIVE,
            row.registered_utc,
        )


def name_of(seals: Seals, row: CustomerRow) -> str:
    """A customer's name, unsealed. Raises KeyDestroyed, SealBroken."""
    record = f"customer:{row.customer_id}"
    sealed, wrapped = row.sealed_name, row.wrapped_key
    return seals.unseal(row.key_slot, row.jurisdiction, ArtefactClass.METADATA, wrapped, sealed, record).decode()


def _word(kind: type[CustomerClass] | type[LegalBasis], given: str) -> CustomerClass | LegalBasis:
    try:
        return kind(given)
    except ValueError as error:
        words = ", ".join(kind)
        raise InputInvalid(f"{given[:40]!r} is none of: {words}.") from error
