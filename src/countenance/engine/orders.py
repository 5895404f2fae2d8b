"""What a person may do with a regulator's order: ``gallery.orders``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from countenance import clock
from countenance.clock import Clock
from countenance.custody.erasure.eraser import Progress
from countenance.custody.erasure.execution import Carried, Execution, Plan
from countenance.custody.orders.conflicts import EvidenceHold
from countenance.custody.orders.desk import Desk, Docket
from countenance.custody.orders.model import EvidenceKind
from countenance.custody.orders.signing import AuthorityKey
from countenance.custody.orders.state import Event, EventKind, OrderState, Shown
from countenance.custody.permission.ledger import Ledger
from countenance.custody.proof.page import render
from countenance.custody.proof.witness import GalleryWitness
from countenance.custody.residency.scope import means_everyone
from countenance.errors import InputInvalid, OrderTransitionRefused, ScopeMeansEveryone
from countenance.store import erasures, notices, orders
from countenance.store.database import Database
from countenance.store.orders import HoldRow

PLAN_LINES = 1000
"""Subjects that a plan's JSON lists one by one; the counts are always of all."""


@dataclass(frozen=True, slots=True)
class Served:
    """An order taken in."""

    docket: Docket
    held_back: int

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {**describe(self.docket), "held_back": self.held_back}


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """A dry run, in the form that every door shows."""

    plan: Plan

    def as_dict(self) -> dict[str, object]:
        """The JSON answer: who, why, which artefacts, counts; nothing is changed by it."""
        plan = self.plan
        return {
            "order": plan.order_id,
            "on": plan.on.isoformat(),
            "subjects": len(plan.inside),
            "counts": plan.counts.as_dict(),
            "artefacts": sorted(plan.artefacts),
            "holdings": [{"holder": h.holder, "what": h.what, "count": h.count} for h in plan.holdings],
            "sealed_as_evidence": len(plan.sealed_as_evidence),
            "listed": min(len(plan.inside), PLAN_LINES),
            "inside": [
                {
                    "subject": int(one.subject_id),
                    "decision": one.judgement.decision.value,
                    "tiers": sorted(tier.value for tier in one.judgement.tiers),
                    "evidence": list(one.judgement.evidence_ids),
                    "by_doubt_alone": one.judgement.by_doubt_alone,
                }
                for one in plan.inside[:PLAN_LINES]
            ],
        }


@dataclass(frozen=True, slots=True)
class ExecutionAnswer:
    """What carrying an order out has done, and what it still waits for."""

    order_id: str
    carried: Carried

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "order": self.order_id,
            "state": self.carried.state.state.value,
            "erased_subjects": sum(len(one.subject_ids) for one in self.carried.erased),
            "erasures": [one.erasure_id for one in self.carried.erased],
            "met": list(self.carried.met),
            "waiting": dict(self.carried.waiting),
        }


class Orders:
    """Orders of one gallery: served, planned, carried out, certified. All methods raise OrderUnknown."""

    def __init__(
        self,
        database: Database,
        desk: Desk,
        execution: Execution,
        witness: GalleryWitness,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._database = database
        self._desk = desk
        self._execution = execution
        self._witness = witness
        self._ledger = ledger
        self._clock = clock

    # -- authorities ----------------------------------------------------------------------------------------

    def register_authority(self, authority: str, public_key: bytes) -> AuthorityKey:
        """Trust an authority's raw Ed25519 public key (32 bytes). Raises AuthorityKeyInvalid."""
        key = self._desk.register_key(authority, public_key)
        self._witness.note("authority.registered", self._clock.now(), key=key.key_id)
        return key

    def revoke_authority(self, key_id: str) -> bool:
        """Trust a key no longer; orders served under it stay. False when it was never registered."""
        return self._desk.revoke_key(key_id)

    def authorities(self) -> list[AuthorityKey]:
        """The registered keys."""
        return self._desk.keys()

    # -- the life of an order -------------------------------------------------------------------------------

    def serve(self, document: bytes, *, confirm_count: int | None = None) -> Served:
        """Take in an order's file: form, signature and meaning are checked, clocks computed.

        A scope that means everyone is refused unless ``confirm_count`` is the number of subjects on record.
        Raises OrderError and its kinds; then nothing was changed.
        """
        signed = self._desk.read(document)
        if any(means_everyone(scope) for scope in signed.order.protective_scopes):
            count = len(self._execution.plan(signed.order, holdings=False).inside)
            if confirm_count != count:
                raise ScopeMeansEveryone(
                    f"The scope of this order means everybody: {count} subjects.",
                    remedy=f"If that is meant, serve it again with --confirm-count {count}.",
                )
        state = self._desk.serve(signed)
        self._note("served", state)
        return Served(self._desk.get(signed.order.id), self._execution.settle(state))

    def plan(self, order_id: str) -> PlanAnswer:
        """Dry run: who, why, which artefacts, how many by doubt alone."""
        return PlanAnswer(self._execution.plan(self._desk.get(order_id).state.order))

    def event(self, order_id: str, kind: EventKind | str, instrument: str | Path, *, hold_id: str = "") -> Served:
        """Let something happen to an order on the strength of a paper: ``freeze``, ``suspend``, ``set_aside``, ...

        ``instrument`` is the paper's file. For ``vary`` it is the signed next revision of the order itself.
        Raises OrderTransitionRefused with the reason; then nothing was changed.
        """
        chosen = EventKind(kind)
        if chosen in (EventKind.SERVE, EventKind.FULFIL, EventKind.COMPLY, EventKind.ESCALATE):
            raise OrderTransitionRefused(f"{chosen.value} is not an event that is entered by hand.")
        now, file = self._clock.now(), Path(instrument)
        revision = None
        if chosen is EventKind.VARY:
            revision = self._desk.read(_bytes(file))
            event = Event(chosen, now, revision.order.instrument, order=revision.order)
        else:
            event = Event(chosen, now, self._desk.instrument(file), hold_id=hold_id)
        state = self._desk.happen(order_id, event, revision=revision)
        self._note(chosen.value, state)
        moved = self._execution.settle(state)
        return Served(self._desk.get(order_id), moved)

    def execute(self, order_id: str, *, progress: Progress | None = None) -> ExecutionAnswer:
        """Carry an order out: everything that can be met now is met. Can be killed and run again.

        Raises OrderTransitionRefused while the order is suspended, stayed, set aside or remitted;
        ErasureIncomplete when a keeper still finds something.
        """
        return ExecutionAnswer(order_id, self._execution.execute(order_id, progress))

    def show(self, order_id: str, obligation_id: str, papers: Sequence[tuple[str, Path]]) -> Served:
        """Meet an obligation by papers: pairs of evidence kind (``statement``, ...) and file.

        Raises OrderTransitionRefused with what is missing.
        """
        shown = []
        for kind, file in papers:
            try:
                known = EvidenceKind(kind)
            except ValueError as error:
                kinds = ", ".join(one.value for one in EvidenceKind)
                raise InputInvalid(f"{kind!r} is no kind of evidence; the kinds are {kinds}.") from error
            shown.append(Shown(known, file.name, sha256(_bytes(file)).hexdigest()))
        self._execution.show(order_id, obligation_id, shown)
        return Served(self._desk.get(order_id), 0)

    def certificate(self, order_id: str) -> list[bytes]:
        """The certificates of the erasures that an order asked for, oldest first."""
        docket = self._desk.get(order_id)
        found = []
        with self._database.read() as connection:
            for obligation in docket.state.order.obligations:
                rows = erasures.of_request(connection, f"{order_id}:{obligation.id}")
                found += [self._witness.certificate(row.erasure_id) for row in rows if row.finished_utc]
        return found

    def page(self, certificate: bytes) -> str:
        """A certificate as a page (HTML) that a person can read and print."""
        return render(certificate)

    def get(self, order_id: str) -> dict[str, object]:
        """An order as it stands now."""
        return describe(self._desk.get(order_id))

    def docket(self) -> tuple[dict[str, object], ...]:
        """All orders, the next deadline first, with days left and the penalty accrued so far."""
        return tuple(describe(docket) for docket in self._desk.everything())

    # -- duties to keep, recipients -------------------------------------------------------------------------

    def hold(self, hold_id: str, ground: str, subjects: Sequence[str]) -> int:
        """Put subjects under a duty to keep evidence; an order to erase them is then escalated, never chosen."""
        now = clock.to_text(self._clock.now())
        rows = [HoldRow(hold_id, self._ledger.find(name).subject_id, ground, now) for name in subjects]
        with self._database.write() as connection:
            orders.place_hold(connection, rows)
        return len(rows)

    def lift_hold(self, hold_id: str) -> int:
        """End a duty to keep; returns how many subjects it was on."""
        with self._database.write() as connection:
            return orders.lift_hold(connection, hold_id)

    def holds(self) -> list[EvidenceHold]:
        """The duties to keep that stand."""
        return self._desk.holds()

    def notices(self, erasure_id: str) -> tuple[dict[str, object], ...]:
        """Who has to be told of an erasure, and what they answered."""
        with self._database.read() as connection:
            rows = notices.of_erasure(connection, erasure_id)
        return tuple(
            {
                "recipient": row.recipient,
                "candidates": row.candidates,
                "told": row.told_utc,
                "answer": row.answer,
                "answered": row.answered_utc,
            }
            for row in rows
        )

    def told(self, erasure_id: str, recipient: str, answer: str | None = None) -> None:
        """Put on record that a recipient was told of an erasure, or what it answered. Raises InputInvalid."""
        now = clock.to_text(self._clock.now())
        with self._database.write() as connection:
            if answer is None:
                known = notices.tell(connection, erasure_id, recipient, now)
            else:
                known = notices.answered(connection, erasure_id, recipient, answer, now)
        if not known:
            raise InputInvalid(f"There is no notice of that erasure to {recipient}.")

    def _note(self, event: str, state: OrderState) -> None:
        order = f"sha256:{sha256(state.order.id.encode()).hexdigest()}"
        self._witness.note(f"order.{event}", self._clock.now(), order=order, revision=state.order.revision)


def describe(docket: Docket) -> dict[str, object]:
    """An order in the form that every door shows."""
    state = docket.state
    order = state.order
    return {
        "order": order.id,
        "title": order.title,
        "authority": order.authority.name,
        "revision": order.revision,
        "digest": docket.digest,
        "state": state.state.value,
        "frozen_since": None if state.frozen_since is None else clock.to_text(state.frozen_since),
        "obligations": [
            {
                "obligation": due.obligation_id,
                "verb": due.verb.value,
                "standing": due.standing.value,
                "last_day": None if due.last_day is None else due.last_day.isoformat(),
                "days_left": due.days_left,
                "passes": None if due.passes_at_utc is None else clock.to_text(due.passes_at_utc),
            }
            for due in docket.due
        ],
        "penalties": [
            {
                "secures": list(one.secures),
                "amount": str(one.amount),
                "currency": one.currency,
                "days_late": one.days_late,
                "capped": one.capped,
            }
            for one in docket.penalties
        ],
        "escalations": [
            {"hold": one.hold_id, "subjects": len(one.subject_ids), "open": one.resolved_at is None}
            for one in state.escalations
        ],
        "history": [
            {
                "at": clock.to_text(entry.at),
                "event": entry.event.value,
                "from": entry.before.value,
                "to": entry.after.value,
                "instrument": entry.instrument.title,
                "note": entry.note,
            }
            for entry in state.history
        ],
    }


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputInvalid(f"{file} cannot be read.", remedy="Check the path.") from error
