"""Calendar arithmetic agrees with a calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from countenance.custody.orders.periods import (
    LastDay,
    Offset,
    Unit,
    after,
    end_of_day,
    is_working_day,
    settle,
    time_zone,
)
from countenance.errors import DateImpossible, TimeZoneUnknown

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("start", "count", "unit", "expected"),
    [
        pytest.param("2022-05-18", 28, Unit.DAYS, "2022-06-15", id="28 days do not count the first"),
        pytest.param("2023-01-31", 1, Unit.MONTHS, "2023-02-28", id="31 January and a month: the last of February"),
        pytest.param("2024-01-31", 1, Unit.MONTHS, "2024-02-29", id="and of a leap February"),
        pytest.param("2023-01-31", 2, Unit.MONTHS, "2023-03-31", id="months are added once, not one by one"),
        pytest.param("2023-02-28", 1, Unit.MONTHS, "2023-03-28", id="the last of February is not a month end"),
        pytest.param("2022-08-31", 6, Unit.MONTHS, "2023-02-28", id="half a year over the year's end"),
        pytest.param("2022-11-30", 1, Unit.MONTHS, "2022-12-30", id="30 November plus a month is the 30th"),
        pytest.param("2024-02-29", 1, Unit.YEARS, "2025-02-28", id="a leap day a year on"),
        pytest.param("2024-02-29", 4, Unit.YEARS, "2028-02-29", id="a leap day four years on"),
        pytest.param("2022-12-28", 1, Unit.WEEKS, "2023-01-04", id="a week ends on the same weekday"),
        pytest.param("2022-12-23", 2, Unit.BUSINESS_DAYS, "2022-12-28", id="business days skip weekends, holidays"),
        pytest.param("2022-05-18", 0, Unit.DAYS, "2022-05-18", id="no days at all is the day itself"),
    ],
)
def test_period_ends_on_the_day_that_the_rule_says(start, count, unit, expected):
    holidays = frozenset({date(2022, 12, 26)})
    found = after(date.fromisoformat(start), Offset(count, unit), holidays)
    assert found == date.fromisoformat(expected)


@given(DAYS, st.integers(0, 240))
def test_months_agree_with_an_independent_calendar(day, count):
    assert after(day, Offset(count, Unit.MONTHS)) == day + relativedelta(months=count)


@given(DAYS, st.integers(0, 60))
def test_years_agree_with_an_independent_calendar(day, count):
    assert after(day, Offset(count, Unit.YEARS)) == day + relativedelta(years=count)


@given(DAYS, st.integers(1, 40), st.frozensets(DAYS, max_size=20))
def test_business_days_count_every_working_day_once(day, count, holidays):
    last = after(day, Offset(count, Unit.BUSINESS_DAYS), holidays)
    between = [day + timedelta(n) for n in range(1, (last - day).days + 1)]
    assert sum(d.isoweekday() <= 5 and d not in holidays for d in between) == count
    assert is_working_day(last, holidays)


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        pytest.param("2022-06-15", "Europe/London", "2022-06-15T23:00:00", id="London in summer"),
        pytest.param("2022-12-15", "Europe/London", "2022-12-16T00:00:00", id="London in winter"),
        pytest.param("2022-03-27", "Europe/Paris", "2022-03-27T22:00:00", id="the day the clocks go forward"),
        pytest.param("2022-10-30", "Europe/Paris", "2022-10-30T23:00:00", id="the day the clocks go back"),
        pytest.param("2022-01-12", "Australia/Sydney", "2022-01-12T13:00:00", id="Sydney ends before Europe wakes"),
        pytest.param("2018-11-03", "America/Sao_Paulo", "2018-11-04T03:00:00", id="next midnight does not exist"),
        pytest.param("2018-02-17", "America/Sao_Paulo", "2018-02-18T03:00:00", id="the last hour comes twice"),
        pytest.param("2011-12-29", "Pacific/Apia", "2011-12-30T10:00:00", id="a day that never came after it"),
    ],
)
def test_day_ends_when_the_local_day_ends(day, zone, expected):
    ends = end_of_day(date.fromisoformat(day), time_zone(zone))
    assert ends == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@given(
    DAYS, st.sampled_from(["Europe/London", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Cairo", "America/Havana"])
)
def test_last_microsecond_belongs_to_the_day_and_the_next_instant_does_not(day, name):
    zone = ZoneInfo(name)
    ends = end_of_day(day, zone)
    assert (ends - timedelta(microseconds=1)).astimezone(zone).date() == day
    assert ends.astimezone(zone).date() == day + timedelta(days=1)


def test_last_day_on_a_holiday_weekend_moves_to_the_next_working_day():
    easter_monday = frozenset({date(2022, 4, 18)})
    assert settle(date(2022, 4, 16), LastDay.NEXT_WORKING_DAY, easter_monday) == date(2022, 4, 19)
    assert settle(date(2022, 4, 16), LastDay.AS_IT_FALLS, easter_monday) == date(2022, 4, 16)


def test_period_beyond_the_calendar_is_refused():
    with pytest.raises(DateImpossible):
        after(date(9990, 1, 1), Offset(100, Unit.YEARS))


@pytest.mark.parametrize("name", ["Europe/Londres", "", "../../etc/passwd", "GMT+25", "europe/london"])
def test_unknown_time_zone_is_refused(name):
    with pytest.raises(TimeZoneUnknown):
        time_zone(name)
