"""Compartments: the sets of subjects that customers hold, and the terms that stand for all that is done in one.

Rules kept here:

* A compartment belongs to one customer. Another customer's is answered in the words for one that does not exist.
  Its name is looked up with the customer's id, so that two customers may use one name and neither learns of it.
* Number 0 is the gallery's own and has no row. Numbers are never given twice and never leave this program.
* Closing withdraws every subject through the one erasure engine, then drops the row; killed anywhere, the same
  call, or the next opening of the gallery, goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.record import purpose_name
from countenance.custody.residency.places import place
from countenance.errors import (
    AnswerNotKept,
    CompartmentUnknown,
    CustomerUnknown,
    ErasureHeld,
    InputInvalid,
    PartyExists,
)
from countenance.oversight.gate import Gate
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Code, Refused, Verb
from countenance.oversight.records import Recorder, Seals, plain_name
from countenance.oversight.standing import StandingTerms, read_terms, written
from countenance.store import api_keys, cases, compartments, customers, requests, subjects
from countenance.store.compartments import CompartmentRow
from countenance.store.database import Database
from countenance.terms import GALLERYS_OWN, ArtefactClass, CompartmentId, SubjectId

OPEN, CLOSING = "open", "closing"
_AT_ONCE = 200
_OPENED = "compartment:"
"""Mark of a request that has opened a compartment; its number follows."""
_METADATA = ArtefactClass.METADATA
_UNKNOWN = "There is no compartment of that name here."


@dataclass(frozen=True, slots=True)
class Compartment:
    """One compartment, opened."""

    number: CompartmentId
    """Inside this program only."""
    name: str
    customer_id: str
    created_utc: str
    closing: bool
    subjects: int
    terms: StandingTerms | None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "compartment": self.name,
            "customer": self.customer_id,
            "opened": self.created_utc,
            "closing": self.closing,
            "subjects": self.subjects,
            "terms": None if self.terms is None else self.terms.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Closed:
    """A compartment that is no more."""

    name: str
    withdrawn: int

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {"closed": self.name, "withdrawn": self.withdrawn}


class Compartments:
    """The compartments of one gallery. Methods that take ``who`` raise AccessRefused and CredentialInvalid."""

    def __init__(
        self,
        database: Database,
        seals: Seals,
        gate: Gate,
        recorder: Recorder,
        clock: Clock,
        withdraw: Callable[[Sequence[SubjectId]], int],
    ) -> None:
        """``withdraw`` erases subjects and returns how many of them it may not (a duty to keep evidence)."""
        self._database = database
        self._seals = seals
        self._gate = gate
        self._recorder = recorder
        self._clock = clock
        self._withdraw = withdraw

    # -- opening, finding, closing ----------------------------------------------------------------------------

    def open(
        self,
        who: Principal,
        name: str,
        *,
        customer_id: str | None = None,
        terms: StandingTerms | None = None,
        request_id: str | None = None,
    ) -> Compartment:
        """Open a compartment for a customer; without ``customer_id``, for the asker's own.

        Opened once for one ``request_id`` (AnswerNotKept when it has been closed since).

        Raises PartyExists, CustomerUnknown, InputInvalid; then nothing was changed.
        """
        who, owner = self._whose(who, Verb.COMPARTMENT_OPEN, customer_id)
        if owner is None:
            raise InputInvalid("Say for which customer the compartment is.")
        if who.compartment is not None:
            refused = Refused(Code.KEY_BOUND, "This key is bound to another compartment.")
            self._gate.refuse(who, Verb.COMPARTMENT_OPEN, refused)
        plain, now = plain_name(name), self._clock.now()
        with self._database.read() as connection:
            customer = customers.get(connection, owner)
            made = (requests.marked(connection, request_id) or "").partition(_OPENED)[2]
            before = compartments.get(connection, int(made)) if made else None
        if before is not None:
            return self._noted(before, who, again=True)
        if made:
            raise AnswerNotKept("This compartment was opened, and has been closed since.")
        if customer is None:
            raise CustomerUnknown("There is no such customer.")
        self._check(terms, owner, customer.purposes)
        slot, keys = self._seals.new_slot(customer.jurisdiction)
        wrapped, tag = keys[_METADATA], self._tag(owner, plain)
        with self._database.write() as connection:
            if compartments.by_tags(connection, [tag]):
                raise PartyExists("A compartment of that name is open already.")
            number = compartments.reserve(connection)
            row = CompartmentRow(
                number, owner, OPEN, clock.to_text(now), tag, slot, customer.jurisdiction, wrapped, b"", None
            )
            row = replace(
                row, sealed_name=self._seal(row, "name", plain.encode()), sealed_terms=self._said(row, terms)
            )
            compartments.add(connection, row)
            requests.mark(connection, request_id, f"{_OPENED}{number}")
        return self._noted(row, who, again=False)

    def _noted(self, row: CompartmentRow, who: Principal, *, again: bool) -> Compartment:
        note = self._recorder.note_once if again else self._recorder.note
        note("compartment.opened", clock.from_text(row.created_utc), customer=row.customer_id, actor=who.actor)
        return self.opened(row)

    def find(self, who: Principal, name: str | None, *, customer_id: str | None = None) -> Compartment:
        """One compartment by name: the asker's own, or for the gallery's operator any customer's.

        A key that is bound to a compartment need not name it. Raises CompartmentUnknown; InputInvalid when two
        customers have one of that name and none was said.
        """
        return self.opened(self._found(*self._whose(who, Verb.COMPARTMENT_LIST, customer_id), name))

    def listed(self, who: Principal, *, customer_id: str | None = None) -> tuple[Compartment, ...]:
        """The asker's compartments, oldest first; for the gallery's operator, every customer's."""
        who, owner = self._whose(who, Verb.COMPARTMENT_LIST, customer_id)
        with self._database.read() as connection:
            if owner is None:
                rows = compartments.everything(connection)
            else:
                rows = compartments.of_customer(connection, owner)
        return tuple(self.opened(row) for row in rows if who.compartment in (None, row.number))

    def rename(self, who: Principal, name: str, new: str, *, customer_id: str | None = None) -> Compartment:
        """Give a compartment another name. Raises CompartmentUnknown, PartyExists, InputInvalid."""
        who, owner = self._whose(who, Verb.COMPARTMENT_OPEN, customer_id)
        row, plain = self._found(who, owner, name), plain_name(new)
        tag = self._tag(row.customer_id, plain)
        sealed = self._seal(row, "name", plain.encode())
        with self._database.write() as connection:
            if any(one.number != row.number for one in compartments.by_tags(connection, [tag])):
                raise PartyExists("A compartment of that name is open already.")
            compartments.change(connection, row.number, name_tag=tag, sealed_name=sealed)
        self._recorder.note("compartment.renamed", self._clock.now(), customer=row.customer_id, actor=who.actor)
        return self.opened(replace(row, name_tag=tag, sealed_name=sealed))

    def set_terms(
        self, who: Principal, name: str, terms: StandingTerms | None, *, customer_id: str | None = None
    ) -> Compartment:
        """Set, or with None take away, a compartment's standing terms. Raises CompartmentUnknown, InputInvalid."""
        who, owner = self._whose(who, Verb.COMPARTMENT_OPEN, customer_id)
        row = self._found(who, owner, name)
        with self._database.read() as connection:
            customer = customers.get(connection, row.customer_id)
        self._check(terms, row.customer_id, frozenset() if customer is None else customer.purposes)
        sealed = self._said(row, terms)
        with self._database.write() as connection:
            compartments.change(connection, row.number, sealed_terms=sealed)
        self._recorder.note("compartment.terms", self._clock.now(), customer=row.customer_id, actor=who.actor)
        return self.opened(replace(row, sealed_terms=sealed))

    def close(self, who: Principal, name: str, *, customer_id: str | None = None) -> Closed:
        """Withdraw every subject of a compartment, revoke the keys bound to it, and drop it. May be repeated.

        Raises CompartmentUnknown; ErasureHeld when a duty to keep evidence forbids to erase somebody: it stays,
        closing, until the hold is lifted.
        """
        who, owner = self._whose(who, Verb.COMPARTMENT_CLOSE, customer_id)
        row = self._found(who, owner, name, closing=True)
        plain = self.opened(row).name
        with self._database.write() as connection:
            compartments.change(connection, row.number, state=CLOSING)
            api_keys.revoke_bound(connection, row.number, clock.to_text(self._clock.now()))
        return Closed(plain, self._emptied(row))

    def finish_closing(self) -> int:
        """Go on with what a crash has interrupted, as far as no duty to keep forbids it, and close again what an
        old copy of the data brought back; returns how many ended."""
        with self._database.read() as connection:
            rows = [row for row in compartments.everything(connection) if self._ended(row)]
        ended = 0
        for row in rows:
            try:
                self._emptied(row)
                ended += 1
            except ErasureHeld:
                continue
        return ended

    # -- for the doors' engine ---------------------------------------------------------------------------------

    def entered(
        self, who: Principal, verb: Verb, name: str | None, *, purposes: Sequence[str] = ()
    ) -> tuple[Principal, Compartment]:
        """The asker as on record now, and her compartment of that name, if she may do ``verb`` in it.

        This is the one way from a customer's request to a set of subjects. Raises CompartmentUnknown.
        """
        who = self._gate.require(who, verb)
        for purpose in purposes:
            self._gate.require(who, verb, purpose=purpose)
        row = self._found(who, str(who.customer_id), name)
        return who, self.opened(row)

    def seen_by(self, who: Principal) -> frozenset[CompartmentId]:
        """What a search of a customer's sees under a case: the gallery's own compartment and the customer's; with a
        key that is bound to one, that one only."""
        if who.compartment is not None:
            return frozenset({who.compartment})
        own: list[CompartmentRow] = []
        if who.customer_id is not None:
            with self._database.read() as connection:
                own = compartments.of_customer(connection, who.customer_id)
        return frozenset({GALLERYS_OWN, *(row.number for row in own if row.state == OPEN)})

    def number_for(self, customer_id: str, name: str, *, closing: bool = False) -> CompartmentId:
        """The number of a customer's compartment, for a key to be bound to. Raises CompartmentUnknown."""
        with self._database.read() as connection:
            rows = compartments.by_tags(connection, [self._tag(customer_id, plain_name(name))])
        if not rows or not (closing or rows[0].state == OPEN):
            raise CompartmentUnknown(_UNKNOWN)
        return rows[0].number

    def reached(self, customer_id: str | None, name: str | None) -> CompartmentId:
        """Where the gallery's own people look for a subject: the gallery's own compartment when neither is said, or
        a customer's, one that is being closed too. The policy has been asked for the verb.

        Raises CompartmentUnknown; InputInvalid when only one is said.
        """
        if customer_id is None and name is None:
            return GALLERYS_OWN
        if customer_id is None or name is None:
            raise InputInvalid("Name a customer and the compartment together, or neither for the gallery's own.")
        return self.number_for(customer_id, name, closing=True)

    def opened(self, row: CompartmentRow) -> Compartment:
        """A row with its name and terms unsealed. Raises KeyDestroyed, SealBroken."""
        with self._database.read() as connection:
            held = sum(subjects.count(connection, frozenset({row.number})).values())
        name = self._unseal(row, "name", row.sealed_name).decode()
        terms = None if row.sealed_terms is None else read_terms(self._unseal(row, "terms", row.sealed_terms))
        return Compartment(row.number, name, row.customer_id, row.created_utc, row.state == CLOSING, held, terms)

    # -- inside ------------------------------------------------------------------------------------------------

    def _whose(self, who: Principal, verb: Verb, customer_id: str | None) -> tuple[Principal, str | None]:
        who = self._gate.require(who, verb, customer_id=customer_id)
        return who, who.customer_id if who.customer_id is not None else customer_id

    def _found(
        self, who: Principal, owner: str | None, name: str | None, *, closing: bool = False
    ) -> CompartmentRow:
        with self._database.read() as connection:
            if name is None:
                bound = None if who.compartment is None else compartments.get(connection, who.compartment)
                rows = [] if bound is None else [bound]
            else:
                plain = plain_name(name)
                owners = [row.customer_id for row in customers.everyone(connection)] if owner is None else [owner]
                rows = compartments.by_tags(connection, [self._tag(one, plain) for one in owners])
        rows = [row for row in rows if owner in (None, row.customer_id)]
        rows = [row for row in rows if who.compartment in (None, row.number) and (closing or row.state == OPEN)]
        if len(rows) > 1:
            raise InputInvalid("Several customers have a compartment of that name; say which customer.")
        if not rows:
            raise CompartmentUnknown(_UNKNOWN)
        return rows[0]

    def _emptied(self, row: CompartmentRow) -> int:
        number, gone, held, after = row.number, 0, 0, 0
        while True:
            with self._database.read() as connection:
                some = subjects.numbers(connection, compartments=frozenset({number}), after=after, limit=_AT_ONCE)
            if not some:
                break
            kept = self._withdraw(some)
            after, held, gone = some[-1], held + kept, gone + len(some) - kept
        if held:
            raise ErasureHeld("Somebody in the compartment is kept as evidence; out of every search.")
        self._seals.destroy(row.key_slot, _METADATA)
        with self._database.write() as connection:
            compartments.drop(connection, number)
        self._database.forget_deleted_rows()
        self._recorder.note("compartment.closed", self._clock.now(), customer=row.customer_id)
        return gone

    def _ended(self, row: CompartmentRow) -> bool:
        return row.state == CLOSING or not self._seals.alive(row.key_slot, _METADATA)

    def _check(self, terms: StandingTerms | None, customer_id: str, purposes: frozenset[str]) -> None:
        if terms is None:
            return
        for one in terms.purposes:
            if purpose_name(one) not in purposes:
                raise InputInvalid(f"The customer is not registered for the purpose {one[:64]}.")
        if terms.residence is not None:
            place(terms.residence)
        if terms.retention_days is not None and not 1 <= terms.retention_days <= 3660:
            raise InputInvalid("A retention is between 1 and 3660 days.")
        if terms.case_id is not None:
            with self._database.read() as connection:
                case = cases.get(connection, terms.case_id)
            if case is None or case.customer_id != customer_id:
                raise InputInvalid("The customer has no such case.")

    def _tag(self, customer_id: str, name: str) -> bytes:
        return self._seals.tag("compartment", f"{customer_id}:{name}")

    def _said(self, row: CompartmentRow, terms: StandingTerms | None) -> bytes | None:
        if terms is None:
            return None
        return self._seal(row, "terms", written(terms))

    def _seal(self, row: CompartmentRow, what: str, plain: bytes) -> bytes:
        record = f"compartment:{row.number}:{what}"
        return self._seals.seal(row.key_slot, row.jurisdiction, _METADATA, row.wrapped_key, plain, record)

    def _unseal(self, row: CompartmentRow, what: str, sealed: bytes) -> bytes:
        record = f"compartment:{row.number}:{what}"
        return self._seals.unseal(row.key_slot, row.jurisdiction, _METADATA, row.wrapped_key, sealed, record)
