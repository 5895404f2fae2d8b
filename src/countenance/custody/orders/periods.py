"""Calendar arithmetic for periods set by law. Real months, real time zones, the end of the local day.

Rules kept here:

1. The day of the event does not count: a period of 28 days from 18 May ends with 15 June.
2. A period in weeks, months or years ends on the day with the same name or number as the day of the event; when
   the last month has no such day, on the last day of that month: 31 January + 1 month = 28 or 29 February.
3. Months are added to the first day once, never one by one: 31 January + 2 months = 31 March.
4. A period ends with the last moment of its last day, local time. What comes in the next instant is late.
5. Where the instrument says so, a last day that is a Saturday, Sunday or listed holiday moves to the next
   working day.

Sources, both from memory and to be checked against the texts before they are relied on: Regulation (EEC,
Euratom) No 1182/71, Article 3 (rules 1, 2, 4 and 5), for periods under Union law; the corresponding date rule
of Dodds v Walker [1981] 1 WLR 1027 (rule 2) for the United Kingdom. This is engineering, not legal advice.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from countenance.errors import DateImpossible, TimeZoneUnknown

_SATURDAY = 5
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Years that an order can speak of; room is left on both sides for time zones, weekends and suspensions."""


class Unit(StrEnum):
    """The units in which orders state periods."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"
    BUSINESS_DAYS = "business_days"


class LastDay(StrEnum):
    """What happens when a period's last day is not a working day."""

    AS_IT_FALLS = "as_it_falls"
    NEXT_WORKING_DAY = "next_working_day"


@dataclass(frozen=True, slots=True)
class Offset:
    """A period: ``count`` units, 0 or more."""

    count: int
    unit: Unit


def time_zone(name: str) -> ZoneInfo:
    """The IANA time zone ``name``. Raises TimeZoneUnknown."""
    if name not in _time_zone_names():
        raise TimeZoneUnknown(f"There is no time zone {name[:60]!r} in the IANA database.")
    return ZoneInfo(name)


@cache
def _time_zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day that ``moment`` falls on in ``zone``."""
    return moment.astimezone(zone).date()


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant after ``day`` in ``zone``, in UTC.

    Where the clocks jump over midnight it is the instant of the jump (PEP 495: fold 0 uses the offset before).
    """
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def is_working_day(day: date, holidays: frozenset[date]) -> bool:
    """True for Monday to Friday, unless the day is among ``holidays``."""
    return day.weekday() < _SATURDAY and day not in holidays


def after(day: date, offset: Offset, holidays: frozenset[date] = frozenset()) -> date:
    """The last day of the period ``offset`` that starts with an event on ``day``.

    Raises DateImpossible when that is beyond :data:`LAST_YEAR`.
    """
    try:
        last = _after(day, offset, holidays)
    except (OverflowError, ValueError) as error:
        raise DateImpossible(f"{offset.count} {offset.unit.value} after {day} is beyond the calendar.") from error
    if last.year > LAST_YEAR:
        raise DateImpossible(f"{offset.count} {offset.unit.value} after {day} is after {LAST_YEAR}.")
    return last


def settle(day: date, rule: LastDay, holidays: frozenset[date]) -> date:
    """``day``, or the working day after it when ``rule`` asks for one."""
    if rule is LastDay.NEXT_WORKING_DAY:
        while not is_working_day(day, holidays):
            day += timedelta(days=1)
    return day


def _after(day: date, offset: Offset, holidays: frozenset[date]) -> date:
    match offset.unit:
        case Unit.DAYS:
            return day + timedelta(days=offset.count)
        case Unit.WEEKS:
            return day + timedelta(weeks=offset.count)
        case Unit.MONTHS:
            return _months_after(day, offset.count)
        case Unit.YEARS:
            return _months_after(day, 12 * offset.count)
        case Unit.BUSINESS_DAYS:
            return _business_days_after(day, offset.count, holidays)


def _months_after(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(years, month + 1, min(day.day, calendar.monthrange(years, month + 1)[1]))


def _business_days_after(day: date, count: int, holidays: frozenset[date]) -> date:
    left = count
    while left > 0:
        day += timedelta(days=1)
        if is_working_day(day, holidays):
            left -= 1
    return day
