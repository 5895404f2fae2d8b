"""Whether an order forbids to collect anything of somebody who has not come in yet.

Rules kept here: a ban lasts until its order is set aside or has run out; doubt alone does not forbid, because of
whoever has just declared where she lives something is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from countenance.custody.orders.desk import Desk
from countenance.custody.orders.model import Verb
from countenance.custody.orders.state import State
from countenance.custody.residency.decision import Decision
from countenance.custody.residency.evidence import Evidence
from countenance.custody.residency.register import Register


def forbidding(
    desk: Desk, register: Register, asked: Sequence[tuple[str, Sequence[Evidence]]], on: date
) -> str | None:
    """The id of an order that forbids collecting anything of one of these, or None.

    ``asked`` are names with what would be told of their bearers.
    """
    for docket in desk.everything():
        order = docket.state.order
        if docket.state.state in (State.SET_ASIDE, State.EXPIRED, State.DRAFT):
            continue
        for obligation in order.obligations:
            if obligation.verb is not Verb.CEASE_COLLECT:
                continue
            scope = order.scope_of(obligation)
            for name, evidence in asked:
                judgement = register.judge(scope, evidence, name, on)
                if judgement.decision in (Decision.IN, Decision.POSSIBLE):
                    return order.id
    return None
