"""Two duties at once: an order to erase against a duty to keep, and orders that overlap.

Rules kept here:

1. An order to erase that meets an evidence hold is never decided by this engine. The subjects under the hold are
   sealed (out of every search, keys kept) and the conflict is escalated; the others are erased.
2. Where orders overlap, a subject inside any of them is inside, and frozen if any of them freezes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from countenance.custody.orders.model import Order
from countenance.custody.orders.state import Escalation, OrderState, State
from countenance.custody.residency.decision import Facts, Judgement, either, evaluate
from countenance.terms import SubjectId


@dataclass(frozen=True, slots=True)
class EvidenceHold:
    """A duty to keep: a court or an authority has ordered that nothing about these subjects be destroyed."""

    id: str
    ground: str
    subject_ids: frozenset[SubjectId]


@dataclass(frozen=True, slots=True)
class Clear:
    """No duty to keep stands against erasing these subjects."""

    subject_ids: frozenset[SubjectId]


@dataclass(frozen=True, slots=True)
class Escalated:
    """Some of the subjects must be kept and must go. Sealed until somebody competent decides."""

    erase: frozenset[SubjectId]
    """Those under no hold: they are erased."""
    sealed: frozenset[SubjectId]
    """Those under a hold: out of every search, keys kept, nothing destroyed."""
    hold_ids: tuple[str, ...]
    question: str

    def escalations(self, holds: Sequence[EvidenceHold], since: datetime) -> tuple[Escalation, ...]:
        """What the order's state records, one for each hold."""
        return tuple(
            Escalation(hold.id, hold.subject_ids & self.sealed, since, None)
            for hold in holds
            if hold.id in self.hold_ids
        )


def confront(subject_ids: Iterable[SubjectId], holds: Sequence[EvidenceHold]) -> Clear | Escalated:
    """Whether the ``subject_ids`` of an erasure may go, in view of ``holds``."""
    wanted = frozenset(subject_ids)
    met = [hold for hold in holds if hold.subject_ids & wanted]
    if not met:
        return Clear(wanted)
    sealed = frozenset(id_ for hold in met for id_ in hold.subject_ids) & wanted
    names = ", ".join(hold.id for hold in met)
    return Escalated(
        wanted - sealed,
        sealed,
        tuple(hold.id for hold in met),
        f"{len(sealed)} to be erased and held as evidence at once ({names}). No order lifts a hold by itself: "
        "order resolve, with hold lift or order vary, records the answer. Which duty prevails?",
    )


@dataclass(frozen=True, slots=True)
class Inside:
    """One subject that an order reaches, with the grounds."""

    order_id: str
    subject_id: SubjectId
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Protection:
    """What several orders do together."""

    inside: tuple[Inside, ...]
    """Every pair of order and subject, in the order of the arguments."""
    frozen: frozenset[SubjectId]
    """Subjects that no search may return."""

    @property
    def subject_ids(self) -> frozenset[SubjectId]:
        """The union of all scopes."""
        return frozenset(item.subject_id for item in self.inside)


def reached(order: Order, facts: Iterable[Facts], *, on: date) -> tuple[Inside, ...]:
    """The subjects that ``order`` protects on the day ``on``, by its own scope or by that of an obligation."""
    scopes = order.protective_scopes
    found = []
    for subject in facts:
        judgements = [evaluate(scope, subject, on=on) for scope in scopes]
        inside = [judgement for judgement in judgements if order.protects(judgement.decision)]
        if inside:
            found.append(Inside(order.id, subject.subject_id, either(inside)))
    return tuple(found)


def combined(states: Sequence[OrderState], facts: Sequence[Facts], *, on: date) -> Protection:
    """What the orders in ``states`` do to the subjects in ``facts`` on the day ``on``, taken together.

    Drafts protect nobody yet.
    """
    inside: list[Inside] = []
    frozen: set[SubjectId] = set()
    for state in states:
        if state.state is State.DRAFT:
            continue
        mine = reached(state.order, facts, on=on)
        inside.extend(mine)
        if state.frozen:
            frozen.update(item.subject_id for item in mine)
    return Protection(tuple(inside), frozenset(frozen))
