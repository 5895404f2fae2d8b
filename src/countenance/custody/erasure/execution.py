"""Carrying an order out: whom it reaches, holding them back, and every obligation the machine can meet by itself.

Rules kept here:

* Whoever an order reaches is held back the moment the order freezes, and whoever comes in later under a freezing
  order is held back as she comes.
* Nothing is destroyed for an order before its own rules allow it (orders.consequences.may_destroy).
* A duty to keep evidence against a duty to erase is escalated: those subjects are sealed, the others erased.
* Every erase obligation is one erasure of the eraser, found again by ``<order>:<obligation>`` after a crash.
* An obligation that needs a paper from a person (a statement, an assessment) waits for it and is said to wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Protocol

from sqlalchemy import Connection

from countenance.clock import Clock
from countenance.custody.erasure.eraser import Eraser
from countenance.custody.erasure.errand import Erased, Errand, Ground, Progress
from countenance.custody.erasure.withholding import Moved, hold_back, let_go, no_longer_reached, who_may_go
from countenance.custody.orders.checks import in_dependency_order
from countenance.custody.orders.conflicts import Escalated, confront
from countenance.custody.orders.consequences import may_destroy
from countenance.custody.orders.desk import Desk, scope_digest
from countenance.custody.orders.forbidding import forbidding
from countenance.custody.orders.model import (
    CUSTOMER_VERBS,
    EvidenceKind,
    Obligation,
    Order,
    Reached,
    Verb,
)
from countenance.custody.orders.signing import SignedOrder
from countenance.custody.orders.state import Event, EventKind, Fulfilment, OrderState, Refused, Shown, State
from countenance.custody.residency.evidence import Evidence
from countenance.custody.residency.names import Names
from countenance.custody.residency.register import Judged, Reach, Register
from countenance.custody.residency.report import Counts, counts
from countenance.errors import ClockSetBack, OrderTransitionRefused
from countenance.holding import Absence, Holding
from countenance.store import erasures, notices, numbering, orders
from countenance.store.database import Database
from countenance.terms import ALL_ARTEFACTS, ArtefactClass, SubjectId

LOG_ENTRY = "log-entry-"
"""How a paper refers to an entry of the log, followed by its number."""

SETTLED = "orders_settled"
"""The fact in which the store remembers on which day it was last seen who is under a freezing order."""

LISTED = 1000
"""Subjects that a plan explains one by one; the counts are always of all."""

_WITHHOLDING = frozenset({Verb.CEASE_COLLECT, Verb.CEASE_PROCESS, Verb.RESTRICT})
"""Obligations that holding back meets; the log shows it."""

_CLASSES = {
    Reached.IMAGE: ArtefactClass.IMAGE,
    Reached.TEMPLATE: ArtefactClass.TEMPLATE,
    Reached.METADATA: ArtefactClass.METADATA,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom an order reaches and what would go. Changes nothing."""

    order_id: str
    on: date
    inside: tuple[Judged, ...]
    """By number; the first ``LISTED`` with the ids of the evidence that they rest on."""
    counts: Counts
    artefacts: frozenset[ArtefactClass]
    holdings: tuple[Holding, ...]
    sealed_as_evidence: tuple[SubjectId, ...]

    @property
    def subject_ids(self) -> list[SubjectId]:
        """The subjects inside, by number."""
        return [judged.subject_id for judged in self.inside]


@dataclass(frozen=True, slots=True)
class Carried:
    """What an execution did."""

    state: OrderState
    erased: tuple[Erased, ...]
    met: tuple[str, ...]
    waiting: tuple[tuple[str, str], ...]
    """Obligations that are still open, each with what they wait for."""


class Recorder(Protocol):
    """Writes into the tamper-evident log."""

    def note(self, event: str, at: datetime, **body: str | int) -> int:
        """Log that something happened to an order; returns the number of the entry."""
        ...

    def certificate(self, erasure_id: str) -> bytes:
        """The certificate of a confirmed erasure."""
        ...


class Execution:
    """Carries the orders of one gallery out."""

    def __init__(
        self,
        database: Database,
        desk: Desk,
        register: Register,
        eraser: Callable[[], Eraser],
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._desk = desk
        self._register = register
        self._eraser = eraser
        self._recorder = recorder
        self._clock = clock

    # -- planning -------------------------------------------------------------------------------------------

    def plan(self, order: Order, *, holdings: bool = True) -> Plan:
        """Whom ``order`` reaches today, why, and what would be destroyed."""
        on = self._clock.now().date()
        with self._database.read() as connection:
            reach = self._reach(connection, order, on)
        ids = [one.subject_id for one in reach.inside]
        explained = self._register.explain(reach.inside[:LISTED]) if holdings else ()
        artefacts = _artefacts(order)
        eraser = self._eraser()
        held = eraser.holdings(eraser.plan(ids, artefacts)) if holdings else ()
        answer = confront(ids, self._desk.holds())
        sealed = tuple(sorted(answer.sealed)) if isinstance(answer, Escalated) else ()
        inside = (*explained, *reach.inside[len(explained) :])
        return Plan(order.id, on, inside, reach.counts, artefacts, held, sealed)

    def _reach(
        self,
        connection: Connection,
        order: Order,
        on: date,
        only: Sequence[SubjectId] | None = None,
        names: Names | None = None,
    ) -> Reach:
        scopes = order.protective_scopes
        if not scopes:
            return Reach((), counts(()))
        return self._register.judge_everyone(connection, scopes, on, order.protects, only, names)

    # -- holding back ---------------------------------------------------------------------------------------

    def serve(self, signed: SignedOrder) -> OrderState:
        """Take an order in, and into the log. Raises OrderServed, OrderTransitionRefused."""
        return self._desk.serve(signed, lambda _, state: self._note("served", state))

    def happen(self, order_id: str, event: Event, revision: SignedOrder | None = None) -> tuple[OrderState, Moved]:
        """Let something happen to an order and make searches agree with it, in one transaction.

        It is logged just before the end of that: killed between, the log has an entry more, and never one less.
        Returns its state, and how many subjects are held back or let go by it. Raises OrderUnknown,
        OrderTransitionRefused.
        """
        order = self._desk.get(order_id).state.order if revision is None else revision.order
        names, moved = self._register.look_up_names(order.protective_scopes), Moved()

        def at_once(connection: Connection, state: OrderState) -> None:
            nonlocal moved
            if event.kind is not EventKind.COMPLY:  # which changes nothing for searches
                moved = self._hold(connection, state, None, names, who_may_go(state, event))
            self._note(event.kind.value, state)

        state = self._desk.happen(order_id, event, revision=revision, also=at_once)
        self._tell(state, moved)
        return state, moved

    def settle_daily(self) -> int:
        """Hold back who has come under a freezing order since yesterday, by the calendar; returns how many."""
        today = self._clock.now().date().isoformat()
        with self._database.read() as connection:
            if numbering.fact(connection, SETTLED) == today or not orders.everything(connection):
                return 0
        try:
            dockets = self._desk.everything()
        except ClockSetBack:  # what is held back stays so, and every command about orders says it
            return 0
        moved = sum(self.settle(one.state).held_back for one in dockets if one.state.frozen)
        with self._database.write() as connection:
            numbering.set_fact(connection, SETTLED, today)
        return moved

    def settle(self, state: OrderState, only: Sequence[SubjectId] | None = None) -> Moved:
        """Make searches agree with an order's state: hold its subjects back, or let them go; returns how many.

        With ``only``, as far as these subjects go.
        """
        names = self._register.look_up_names(state.order.protective_scopes, only) if state.frozen else None
        with self._database.write() as connection:
            moved = self._hold(connection, state, only, names)
        self._tell(state, moved)
        return moved

    def _hold(
        self,
        connection: Connection,
        state: OrderState,
        only: Sequence[SubjectId] | None,
        names: Names | None,
        may_go: Callable[[SubjectId], bool] | None = None,
    ) -> Moved:
        order = state.order
        if not state.frozen:
            return Moved(let_go=let_go(connection, order.id) if only is None else 0)
        inside = self._reach(connection, order, self._clock.now().date(), only, names).inside
        held = hold_back(connection, order.id, inside)
        if may_go is None:
            return Moved(held)
        return Moved(held, let_go(connection, order.id, no_longer_reached(connection, order.id, inside, may_go)))

    def _tell(self, state: OrderState, moved: Moved) -> None:
        for event, count in (("order.held_back", moved.held_back), ("order.let_go", moved.let_go)):
            if count:
                self._recorder.note(event, self._clock.now(), order=_word(state.order.id), subjects=count)

    def _note(self, event: str, state: OrderState) -> None:
        order, revision = _word(state.order.id), state.order.revision
        self._recorder.note(f"order.{event}", self._clock.now(), order=order, revision=revision)

    def settle_newcomers(self, subject_ids: Sequence[SubjectId]) -> int:
        """Hold back those of these subjects who have come under a freezing order; returns how many."""
        frozen = [one.state for one in self._desk.everything() if one.state.frozen]
        return sum(self.settle(state, subject_ids).held_back for state in frozen)

    def forbidding(self, asked: Sequence[tuple[str, Sequence[Evidence]]]) -> str | None:
        """The id of an order that forbids collecting anything of one of these, or None.

        ``asked`` are names with what would be told of their bearers.
        """
        return forbidding(self._desk, self._register, asked, self._clock.now().date())

    # -- carrying out ---------------------------------------------------------------------------------------

    def execute(self, order_id: str, progress: Progress | None = None) -> Carried:
        """Meet every obligation that can be met now. Can be killed and run again.

        Raises OrderTransitionRefused while the order is suspended, stayed, set aside or remitted;
        ErasureIncomplete when a keeper still finds something.
        """
        state = self._desk.get(order_id).state
        if state.state in (State.SUSPENDED, State.STAYED, State.SET_ASIDE, State.REMITTED):
            raise OrderTransitionRefused(f"Nothing is carried out for an order that is {state.state.value}.")
        state = self._freeze(state)
        erased: list[Erased] = []
        met: list[str] = []
        waiting: list[tuple[str, str]] = []
        for obligation_id in in_dependency_order(state.order):
            obligation = state.order.obligation(obligation_id)
            if obligation is None or state.fulfilment(obligation_id) is not None:
                continue
            shown, reason = self._shown(state, obligation, erased, progress)
            if reason:
                waiting.append((obligation_id, reason))
                continue
            state = self._fulfil(state, obligation, shown)
            met.append(obligation_id)
        if not state.open_obligations and state.state is not State.COMPLIED and not state.open_escalations:
            state = self._event(state, EventKind.COMPLY)
        return Carried(state, tuple(erased), tuple(met), tuple(waiting))

    def show(self, order_id: str, obligation_id: str, papers: Sequence[Shown]) -> OrderState:
        """Meet an obligation by papers that a person brings. Raises OrderTransitionRefused with what is missing."""
        state = self._desk.get(order_id).state
        obligation = state.order.obligation(obligation_id)
        if obligation is None:
            raise OrderTransitionRefused(f"The order has no obligation {obligation_id}.")
        if obligation.verb is Verb.ERASE:
            raise OrderTransitionRefused("An erasure is shown by carrying it out: countenance order execute.")
        extra: list[Shown] = []
        missing = {need.kind for need in obligation.evidence} - {paper.kind for paper in papers}
        if EvidenceKind.LOG_EXTRACT in missing:
            extra.append(self._logged(state, obligation))
        state = self._fulfil(state, obligation, (*papers, *extra))
        if not state.open_obligations and not state.open_escalations:
            state = self._event(state, EventKind.COMPLY)
        return state

    def _shown(
        self, state: OrderState, obligation: Obligation, erased: list[Erased], progress: Progress | None
    ) -> tuple[tuple[Shown, ...], str]:
        """What shows that an obligation is met, or why it is not yet."""
        before = [id_ for id_ in obligation.depends_on if state.fulfilment(id_) is None]
        if before:
            return (), f"first: {', '.join(before)}"
        if obligation.verb is Verb.ERASE:
            allowed = may_destroy(state, obligation.id)
            if isinstance(allowed, Refused):
                return (), allowed.reason
            return self._erase(state, obligation, erased, progress)
        needed = {need.kind for need in obligation.evidence}
        by_people = needed - {EvidenceKind.LOG_EXTRACT}
        if by_people or obligation.verb in CUSTOMER_VERBS or obligation.verb not in _WITHHOLDING:
            papers = ", ".join(sorted(kind.value for kind in by_people)) or "somebody's word that it is done"
            return (), f"a person brings: {papers}"
        return (self._logged(state, obligation),), ""

    def _logged(self, state: OrderState, obligation: Obligation) -> Shown:
        number = self._recorder.note(
            "order.obligation_met",
            self._clock.now(),
            order=_word(state.order.id),
            obligation=_word(obligation.id),
        )
        return Shown(EvidenceKind.LOG_EXTRACT, f"{LOG_ENTRY}{number}", sha256(str(number).encode()).hexdigest())

    def _erase(
        self, state: OrderState, obligation: Obligation, erased: list[Erased], progress: Progress | None
    ) -> tuple[tuple[Shown, ...], str]:
        order = state.order
        request = f"{order.id}:{obligation.id}"
        eraser = self._eraser()
        with self._database.read() as connection:
            earlier = erasures.of_request(connection, request)
        plan = self.plan(order, holdings=False)
        answer = confront(plan.subject_ids, self._desk.holds())
        going = answer.erase if isinstance(answer, Escalated) else answer.subject_ids
        unfinished = [row for row in earlier if row.state is not erasures.ErasureState.CONFIRMED]
        done = [eraser.finish(row.erasure_id, progress) for row in unfinished]
        going -= {subject_id for one in done for subject_id in one.subject_ids}
        if going or not (earlier or isinstance(answer, Escalated)):
            doubt = sum(j.alike.by_doubt_alone for j in plan.inside if j.subject_id in going)
            digest = scope_digest(self._desk.document(order.id))
            errand = Errand(Ground.ORDER, request, digest, doubt)
            done.append(eraser.erase(sorted(going), errand, plan.artefacts, progress))
        erased += done
        if isinstance(answer, Escalated):
            self._escalate(state, answer)
            return (), answer.question
        with self._database.read() as connection:
            rows = erasures.of_request(connection, request)
            silent = sum(notices.silent(connection, row.erasure_id) for row in rows)
        if silent:
            return (), f"{silent} recipient(s) of released candidates have not answered"
        papers = []
        for row in rows:
            digest = sha256(self._recorder.certificate(row.erasure_id)).hexdigest()
            papers.append(Shown(EvidenceKind.HOLDER_CONFIRMATIONS, row.erasure_id, digest))
            papers.append(Shown(EvidenceKind.CERTIFICATE, row.erasure_id, digest))
        return tuple(papers), ""

    def _escalate(self, state: OrderState, answer: Escalated) -> None:
        known = {escalation.hold_id for escalation in state.open_escalations}
        now = self._clock.now()
        for escalation in answer.escalations(self._desk.holds(), now):
            if escalation.hold_id not in known:
                event = Event(EventKind.ESCALATE, now, state.order.instrument, escalation=escalation)
                self._desk.happen(state.order.id, event, also=lambda _, after: self._note("escalated", after))

    def _fulfil(self, state: OrderState, obligation: Obligation, shown: Sequence[Shown]) -> OrderState:
        now = self._clock.now()
        absences: tuple[Absence, ...] = ()
        holders: tuple[str, ...] = ()
        if obligation.verb is Verb.ERASE:
            # Asked again, over all this obligation ever erased: an order closes on what is, not on what was.
            absences = self._eraser().look_again(f"{state.order.id}:{obligation.id}")
            holders = tuple(absence.holder for absence in absences)
        met = Fulfilment(obligation.id, now, tuple(shown), holders, absences, 0)
        event = Event(EventKind.FULFIL, now, state.order.instrument, note=obligation.id, fulfilment=met)
        return self._desk.happen(state.order.id, event)

    def _freeze(self, state: OrderState) -> OrderState:
        if not state.frozen:
            return self._event(state, EventKind.FREEZE)
        self.settle(state)
        return state

    def _event(self, state: OrderState, kind: EventKind) -> OrderState:
        return self.happen(state.order.id, Event(kind, self._clock.now(), state.order.instrument))[0]


def _artefacts(order: Order) -> frozenset[ArtefactClass]:
    named = frozenset(_CLASSES[reached] for reached in order.artefacts if reached in _CLASSES)
    return ALL_ARTEFACTS if ArtefactClass.METADATA in named else named


def _word(text: str) -> str:
    """An id as the log can hold it: nobody's name, letters and digits only."""
    return f"sha256:{sha256(text.encode()).hexdigest()}"
