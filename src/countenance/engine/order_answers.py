"""What the engine answers about orders: frozen results, each with the JSON form that every door shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from countenance import clock
from countenance.custody.erasure.execution import LISTED, Carried, Plan
from countenance.custody.erasure.withholding import Moved
from countenance.custody.orders.desk import Docket
from countenance.terms import SubjectId


@dataclass(frozen=True, slots=True)
class Served:
    """An order taken in, or that something has happened to."""

    docket: Docket
    moved: Moved = field(default_factory=Moved)

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {**describe(self.docket), "held_back": self.moved.held_back, "let_go": self.moved.let_go}


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """A dry run, in the form that every door shows."""

    plan: Plan
    names: Mapping[SubjectId, str] = field(default_factory=dict)
    """Of those whom the operator is about to be shown by name; of nobody else a name is unsealed."""

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
            "listed": min(len(plan.inside), LISTED),
            "inside": [
                {
                    "subject": int(one.subject_id),
                    "name": self.names.get(one.subject_id),
                    "decision": one.judgement.decision.value,
                    "tiers": sorted(tier.value for tier in one.judgement.tiers),
                    "evidence": list(one.judgement.evidence_ids),
                    "by_doubt_alone": one.judgement.by_doubt_alone,
                }
                for one in plan.inside[:LISTED]
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


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate that was written."""

    erasure_id: str
    file: Path
    page: Path | None
    stands: bool
    """Whether the verifier, asked at once with this gallery's own keys, lets it stand."""


@dataclass(frozen=True, slots=True)
class Certified:
    """The certificates of an order, oldest first."""

    order_id: str
    certificates: tuple[Certificate, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "order": self.order_id,
            "certificates": [
                {
                    "erasure": one.erasure_id,
                    "file": str(one.file),
                    "page": None if one.page is None else str(one.page),
                    "stands": one.stands,
                }
                for one in self.certificates
            ],
        }


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
