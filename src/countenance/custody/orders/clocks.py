"""When an order's duties are due, seen from a moment. The arithmetic is in periods.py.

Rules kept here:

1. A period counts from its anchor's local calendar day, in the deadline's own time zone.
2. While an order is suspended, stayed, set aside or remitted no deadline runs: a pause that begins by the last
   day moves that day by as many calendar days as the pause lasted. An assumption of this engine, the same for
   every law; an instrument that fixes new dates is entered as a variation.
3. The anchor ``final`` is not known while an appeal is pending, and nothing that counts from it is due.
4. An obligation met after its last day is met late, for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from countenance.custody.orders.model import Anchor, Deadline, Order, Verb
from countenance.custody.orders.periods import after, end_of_day, local_day, settle, time_zone
from countenance.custody.orders.state import OrderState, Pause


class Standing(StrEnum):
    """How an obligation stands to its clock."""

    MET = "met"
    MET_LATE = "met_late"
    RUNNING = "running"
    PAUSED = "paused"
    NOT_YET_KNOWN = "not_yet_known"
    PASSED = "passed"
    STANDING = "standing"
    """Without a deadline, and not shown to be met."""


@dataclass(frozen=True, slots=True)
class Due:
    """One obligation's clock."""

    obligation_id: str
    verb: Verb
    last_day: date | None
    """The last local calendar day on which it can be met in time."""
    passes_at_utc: datetime | None
    """The first instant that is too late."""
    days_left: int | None
    """Local calendar days until ``last_day``: 0 on the day itself, negative after it."""
    standing: Standing


def appeal_expiry_day(order: Order) -> date | None:
    """The last local day on which an appeal can be lodged; None without a right to appeal."""
    appeal = order.appeal
    if appeal is None:
        return None
    zone = time_zone(appeal.time_zone)
    day = after(local_day(order.service.at, zone), appeal.period, appeal.holidays)
    return settle(day, appeal.last_day, appeal.holidays)


def appeal_expires_at(order: Order) -> datetime | None:
    """The first instant at which it is too late to appeal, UTC; None without a right to appeal."""
    day = appeal_expiry_day(order)
    return None if day is None or order.appeal is None else end_of_day(day, time_zone(order.appeal.time_zone))


def final_day(state: OrderState, zone_name: str) -> date | None:
    """The local day from which the order can no longer be appealed; None while an appeal is pending."""
    if state.order.appeal is None:
        return local_day(state.order.service.at, time_zone(zone_name))
    if state.appeal_lodged_at is None:
        return appeal_expiry_day(state.order)
    if state.appeal_disposed_at is None:
        return None
    return local_day(state.appeal_disposed_at, time_zone(zone_name))


def last_day(
    order: Order, deadline: Deadline, *, final_day: date | None, pauses: Sequence[Pause] = ()
) -> date | None:
    """The last local day of ``deadline``; None while its anchor is not known, or a pause that moves it lasts.

    Raises TimeZoneUnknown, DateImpossible.
    """
    zone = time_zone(deadline.time_zone)
    if deadline.fixed_day is not None:
        day = deadline.fixed_day
        # A fixed day was known from the start: every pause since service moves it.
        start = local_day(order.service.at, zone)
    else:
        anchored = {
            Anchor.SERVED: local_day(order.service.at, zone),
            Anchor.APPEAL_EXPIRY: appeal_expiry_day(order),
            Anchor.FINAL: final_day,
            Anchor.DATE: None,
        }[deadline.anchor]
        if anchored is None or deadline.offset is None:
            return None
        start = anchored
        day = after(start, deadline.offset, deadline.holidays)
    for pause in pauses:
        began = max(local_day(pause.start, zone), start)
        if began > day:
            break
        if pause.end is None:
            return None
        day += max(local_day(pause.end, zone) - began, timedelta())
    return settle(day, deadline.last_day, deadline.holidays)


def passes_at(state: OrderState, deadline: Deadline) -> datetime | None:
    """The first instant that is too late for ``deadline``, UTC; None while that is not known or paused."""
    day = last_day(state.order, deadline, final_day=final_day(state, deadline.time_zone), pauses=state.pauses)
    return None if day is None else end_of_day(day, time_zone(deadline.time_zone))


def ends_at(state: OrderState) -> datetime | None:
    """The first instant at which the order has run out, UTC; None for never. No pause moves it."""
    deadline = state.order.ends
    if deadline is None:
        return None
    day = last_day(state.order, deadline, final_day=final_day(state, deadline.time_zone))
    return None if day is None else end_of_day(day, time_zone(deadline.time_zone))


def deadlines(state: OrderState, now: datetime) -> tuple[Due, ...]:
    """Every obligation's clock at ``now``: what passes first comes first, what has no day comes last."""
    dues = [_due(state, obligation.id, now) for obligation in state.order.obligations]
    return tuple(sorted(dues, key=lambda due: (due.last_day is None, due.last_day or date.max)))


def _due(state: OrderState, obligation_id: str, now: datetime) -> Due:
    obligation = next(o for o in state.order.obligations if o.id == obligation_id)
    fulfilment, deadline = state.fulfilment(obligation_id), obligation.deadline
    if deadline is None:
        standing = Standing.STANDING if fulfilment is None else Standing.MET
        return Due(obligation_id, obligation.verb, None, None, None, standing)
    zone = time_zone(deadline.time_zone)
    day = last_day(state.order, deadline, final_day=final_day(state, deadline.time_zone), pauses=state.pauses)
    if day is None:
        if fulfilment is not None:
            standing = Standing.MET
        elif state.pauses and state.pauses[-1].end is None:
            standing = Standing.PAUSED
        else:
            standing = Standing.NOT_YET_KNOWN
        return Due(obligation_id, obligation.verb, None, None, None, standing)
    passes = end_of_day(day, zone)
    if fulfilment is not None:
        standing = Standing.MET if fulfilment.at < passes else Standing.MET_LATE
    else:
        standing = Standing.RUNNING if now < passes else Standing.PASSED
    return Due(obligation_id, obligation.verb, day, passes, (day - local_day(now, zone)).days, standing)
