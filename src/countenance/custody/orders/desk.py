"""The orders desk: takes orders in, keeps their papers, and lets time and events move them.

Rules kept here: an order comes in only with the signature of a registered authority; every change of state is the
pure answer of orders.transitions and is written down with its instrument; what is refused changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import rfc8785
from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.orders.clocks import Due, deadlines
from countenance.custody.orders.conflicts import EvidenceHold
from countenance.custody.orders.document import read_instrument
from countenance.custody.orders.model import Instrument
from countenance.custody.orders.paper import Paper
from countenance.custody.orders.penalties import Accrued, accrued
from countenance.custody.orders.reading import parse
from countenance.custody.orders.record import read_state, write_state
from countenance.custody.orders.signing import AuthorityKey, AuthorityKeys, SignedOrder, read_order
from countenance.custody.orders.state import Event, EventKind, OrderState, Refused, State, drafted
from countenance.custody.orders.transitions import apply, at
from countenance.errors import (
    ClockSetBack,
    CountenanceError,
    InputInvalid,
    OrderServed,
    OrderTransitionRefused,
    OrderUnknown,
)
from countenance.store import orders
from countenance.store.database import Database
from countenance.store.orders import KeyRow, OrderRow
from countenance.vault.keys import KeyRing
from countenance.vault.own import OwnPapers

Also = Callable[[Connection, OrderState], object]
"""What has to be so in the same instant as an order's new state."""


@dataclass(frozen=True, slots=True)
class Docket:
    """An order as it stands now: its state, its clocks, what not complying has cost so far."""

    state: OrderState
    digest: str
    due: tuple[Due, ...]
    penalties: tuple[Accrued, ...]


class Desk:
    """The orders of one gallery."""

    def __init__(self, database: Database, ring: KeyRing, clock: Clock) -> None:
        self._database = database
        self._papers = OwnPapers(ring, "orders")
        self._clock = clock

    # -- authorities ----------------------------------------------------------------------------------------

    def register_key(self, authority: str, public_key: bytes) -> AuthorityKey:
        """Trust an authority's raw Ed25519 public key (32 bytes). Raises AuthorityKeyInvalid."""
        key = AuthorityKey(authority, public_key, self._clock.now())
        with self._database.write() as connection:
            registered = clock.to_text(key.registered_at)
            orders.add_key(connection, KeyRow(key.key_id, authority, public_key, registered, None))
        return key

    def revoke_key(self, key_id: str) -> bool:
        """Trust a key no longer; False when it was never registered."""
        with self._database.write() as connection:
            return orders.revoke_key(connection, key_id, clock.to_text(self._clock.now()))

    def keys(self) -> list[AuthorityKey]:
        """The keys that are registered, revoked ones among them."""
        with self._database.read() as connection:
            rows = orders.keys(connection)
        return [
            AuthorityKey(
                row.authority,
                row.public_key,
                clock.from_text(row.registered_utc),
                None if row.revoked_utc is None else clock.from_text(row.revoked_utc),
            )
            for row in rows
        ]

    # -- papers ---------------------------------------------------------------------------------------------

    def read(self, data: bytes) -> SignedOrder:
        """An order's file, form and signature and meaning checked. Raises OrderError and its kinds."""
        return read_order(data, AuthorityKeys(self.keys()))

    def serve(self, signed: SignedOrder, also: Also) -> OrderState:
        """Take an order in; ``also`` is done in the same transaction.

        Raises OrderServed when one of that id is on record, OrderTransitionRefused.
        """
        order = signed.order
        event = Event(EventKind.SERVE, order.service.at, order.instrument)
        state = self._to_now(_allowed(apply(drafted(order), event)))
        with self._database.write() as connection:
            if orders.get(connection, order.id) is not None:
                raise OrderServed(f"An order {order.id} is on record already.")
            row = OrderRow(order.id, signed.digest, clock.to_text(order.service.at), b"", b"")
            orders.add(connection, row)
            self._save(connection, state, signed.digest, signed.to_document())
            also(connection, state)
        return state

    def get(self, order_id: str) -> Docket:
        """An order as it stands now; what the clock has done to it is written down. Raises OrderUnknown."""
        with self._database.read() as connection:
            docket = self._docket(None, self._row(connection, order_id))
        if docket is None:
            with self._database.write() as connection:
                docket = self._docket(connection, self._row(connection, order_id))
        if docket is None:
            raise OrderUnknown(f"No order {order_id} was served.")
        return docket

    def everything(self) -> list[Docket]:
        """All orders as they stand now, the most pressing first."""
        with self._database.read() as connection:
            rows = orders.everything(connection)
            quiet = [self._docket(None, row) for row in rows]
        dockets = [docket for docket in quiet if docket is not None]
        if len(dockets) < len(rows):  # time has moved an order: that is written down
            with self._database.write() as connection:
                moved = (self._docket(connection, row) for row in orders.everything(connection))
                dockets = [docket for docket in moved if docket is not None]
        return sorted(dockets, key=lambda one: (_next_instant(one), one.state.order.id))

    def happen(
        self,
        order_id: str,
        event: Event,
        *,
        revision: SignedOrder | None = None,
        also: Also | None = None,
    ) -> OrderState:
        """Let something happen to an order. Raises OrderUnknown; OrderTransitionRefused with the reason.

        ``revision`` is the signed next revision that a variation brings; ``also`` is done in the same transaction.
        """
        with self._database.write() as connection:
            row = self._row(connection, order_id)
            state = self._to_now(self._state(row))
            state = _allowed(apply(state, event))
            document = self._document(row) if revision is None else revision.to_document()
            self._save(connection, state, row.digest if revision is None else revision.digest, document)
            if also is not None:
                also(connection, state)
        return state

    def document(self, order_id: str) -> dict[str, object]:
        """The order's own document, as it was signed. Raises OrderUnknown."""
        with self._database.read() as connection:
            return self._document(self._row(connection, order_id))

    def instrument(self, given: Path | Paper) -> Instrument:
        """The paper that is ``given``: its JSON description, or any file, known by its SHA-256 and name.

        Raises InputInvalid when it cannot be read.
        """
        try:
            paper = Paper.of(given)
        except OSError as error:
            raise InputInvalid(f"The instrument {given} cannot be read.", remedy="Check the path.") from error
        try:
            return read_instrument(parse(paper.data), "instrument")
        except CountenanceError:  # not a description of a paper: then it is the paper itself
            title = "".join(c for c in paper.name if c.isprintable())[:200] or "instrument"
            return Instrument(title, title, self._clock.now().date(), sha256(paper.data).hexdigest())

    def holds(self) -> list[EvidenceHold]:
        """The duties to keep that stand against erasing."""
        with self._database.read() as connection:
            rows = orders.holds(connection)
        grounds = {row.hold_id: row.ground for row in rows}
        return [
            EvidenceHold(hold_id, ground, frozenset(row.subject_id for row in rows if row.hold_id == hold_id))
            for hold_id, ground in grounds.items()
        ]

    # -- inside ---------------------------------------------------------------------------------------------

    def _row(self, connection: Connection, order_id: str) -> OrderRow:
        row = orders.get(connection, order_id)
        if row is None:
            raise OrderUnknown(f"No order {order_id} was served.")
        return row

    def _docket(self, connection: Connection | None, row: OrderRow) -> Docket | None:
        """The order as it stands now; None when time has changed it and there is no connection to write that."""
        before = self._state(row)
        state = self._to_now(before)
        if state != before:
            if connection is None:
                return None
            self._save(connection, state, row.digest, self._document(row))
        now = self._clock.now()
        return Docket(state, row.digest, deadlines(state, now), accrued(state, now))

    def _to_now(self, state: OrderState) -> OrderState:
        last, now = state.last_change, self._clock.now()
        if last is not None and now < last:
            raise ClockSetBack(
                f"It is {now:%Y-%m-%d %H:%M} UTC, before the order's last entry of {last:%Y-%m-%d %H:%M}."
            )
        return _allowed(at(state, now))

    def _state(self, row: OrderRow) -> OrderState:
        return read_state(json.loads(self._papers.unseal(row.sealed_state, f"state:{row.order_id}")))

    def _document(self, row: OrderRow) -> dict[str, object]:
        document = json.loads(self._papers.unseal(row.sealed_document, f"document:{row.order_id}"))
        if not isinstance(document, dict):
            raise OrderUnknown(f"The document of order {row.order_id} is damaged.")
        return document

    def _save(self, connection: Connection, state: OrderState, digest: str, document: dict[str, object]) -> None:
        order_id = state.order.id
        sealed_document = self._papers.seal(json.dumps(document).encode(), f"document:{order_id}")
        sealed_state = self._papers.seal(json.dumps(write_state(state)).encode(), f"state:{order_id}")
        orders.save(connection, order_id, digest, sealed_document, sealed_state)


def scope_digest(document: dict[str, object]) -> str:
    """SHA-256, hex, of the order's scope in canonical JSON: what a certificate says it was about."""
    return sha256(rfc8785.dumps(document["scope"])).hexdigest()  # type: ignore[arg-type]  # a JSON value


def _allowed(answer: OrderState | Refused) -> OrderState:
    if isinstance(answer, Refused):
        raise OrderTransitionRefused(answer.reason)
    return answer


def _next_instant(docket: Docket) -> datetime:
    """The next deadline that is still open; the end of time when there is none."""
    open_ones = set(docket.state.open_obligations)
    instants = [due.passes_at_utc for due in docket.due if due.passes_at_utc and due.obligation_id in open_ones]
    never = datetime.max.replace(tzinfo=UTC)
    return never if docket.state.state in (State.COMPLIED, State.EXPIRED) else min(instants, default=never)
