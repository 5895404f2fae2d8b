"""Whom an order in force forbids to take in.

Rules kept here: doubt refuses; a declaration of residence is evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from countenance.custody.erasure.execution import Execution
from countenance.custody.permission.record import Asked, check
from countenance.custody.residency.register import declared
from countenance.errors import OrderForbids


def refuse_forbidden(execution: Execution, now: datetime, asked: Sequence[Asked]) -> None:
    """Raises OrderForbids when an order forbids to collect anything of one of these, and what ``check`` raises."""
    checked = [check(one, now=now, record_id="", version=1) for one in asked]
    told = [(one.subject, [declared(one.residence, now.date())]) for one in checked]
    forbidding = execution.forbidding(told)
    if forbidding is not None:
        raise OrderForbids(f"Order {forbidding} forbids to collect anything of people there.")
