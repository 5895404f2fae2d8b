"""What not complying has cost so far.

Rules kept here: amounts are exact and never negative; a rate counts local calendar periods begun after the last
day and its grace, without the days on which the order was paused; the cap holds for fixed and rate together; an
order that is set aside or remitted costs nothing while it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from countenance.custody.orders.clocks import ends_at, final_day, last_day
from countenance.custody.orders.model import FixedDue, Penalty, Per
from countenance.custody.orders.periods import Offset, Unit, after, local_day, time_zone
from countenance.custody.orders.state import OrderState, State

_COSTS_NOTHING = frozenset({State.DRAFT, State.SET_ASIDE, State.REMITTED})
_DAYS_A_WEEK = 7


@dataclass(frozen=True, slots=True)
class Accrued:
    """One penalty so far."""

    secures: tuple[str, ...]
    amount: Decimal
    currency: str
    days_late: int
    """Local calendar days that count, grace and pauses taken off."""
    capped: bool


def accrued(state: OrderState, now: datetime) -> tuple[Accrued, ...]:
    """Every penalty of the order as it stands at ``now``, in the order's own order."""
    return tuple(_accrued(state, penalty, now) for penalty in state.order.penalties)


def _accrued(state: OrderState, penalty: Penalty, now: datetime) -> Accrued:
    zero = Accrued(penalty.secures, Decimal(0), penalty.currency, 0, False)
    if state.state in _COSTS_NOTHING:
        return zero
    late = [stretch for id_ in penalty.secures if (stretch := _late(state, penalty, id_, now)) is not None]
    counted = [(start, end) for start, end in late if end > start]
    amount, days = Decimal(0), 0
    if penalty.fixed is not None and (penalty.fixed_due is FixedDue.ON_SERVICE or _ever_late(state, penalty, now)):
        amount += penalty.fixed.amount
    if penalty.rate is not None and counted:
        first, last = min(counted)[0], max(end for _, end in counted)
        days = (last - first).days
        amount += penalty.rate.amount * _begun(first, last, penalty.per)
    if penalty.cap is not None and amount > penalty.cap.amount:
        return Accrued(penalty.secures, penalty.cap.amount, penalty.currency, days, True)
    return Accrued(penalty.secures, amount, penalty.currency, days, False)


def _ever_late(state: OrderState, penalty: Penalty, now: datetime) -> bool:
    for id_ in penalty.secures:
        stretch = _late(state, penalty, id_, now, grace=False)
        if stretch is not None and stretch[1] > stretch[0]:
            return True
    return False


def _late(
    state: OrderState, penalty: Penalty, obligation_id: str, now: datetime, *, grace: bool = True
) -> tuple[date, date] | None:
    """Last day in time (with grace) and last day that counts, the latter moved back by every pause between."""
    obligation = state.order.obligation(obligation_id)
    if obligation is None or obligation.deadline is None:
        return None
    deadline = obligation.deadline
    zone = time_zone(deadline.time_zone)
    moved = last_day(state.order, deadline, final_day=final_day(state, deadline.time_zone), pauses=state.pauses)
    if moved is None:
        return None
    if grace and penalty.grace is not None:
        moved = after(moved, penalty.grace, deadline.holidays)
    fulfilment = state.fulfilment(obligation_id)
    stop = now if fulfilment is None else min(fulfilment.at, now)
    ends = ends_at(state)
    if ends is not None:
        stop = min(stop, ends)
    end = local_day(stop, zone)
    paused = timedelta()
    for pause in state.pauses:
        began = max(local_day(pause.start, zone), moved)
        over = min(local_day(pause.end, zone) if pause.end is not None else end, end)
        paused += max(over - began, timedelta())
    return moved, max(end - paused, moved)


def _begun(first: date, last: date, per: Per) -> int:
    """How many periods after ``first`` have begun by ``last``."""
    days = (last - first).days
    match per:
        case Per.DAY:
            return days
        case Per.WEEK:
            return -(-days // _DAYS_A_WEEK)
        case Per.MONTH:
            months = 0
            while after(first, Offset(months, Unit.MONTHS)) < last:
                months += 1
            return months
