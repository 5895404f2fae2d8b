"""The seven real cases as runnable orders: each walks through its life, on dates worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from order_papers import EXAMPLES, KEYS, SIGN, document, happens, meets, moment, ok, order, served

from countenance.clock import SteppedClock
from countenance.custody.orders.checks import in_dependency_order
from countenance.custody.orders.clocks import appeal_expiry_day, deadlines, ends_at
from countenance.custody.orders.penalties import accrued
from countenance.custody.orders.record import read_state, write_state
from countenance.custody.orders.signing import read_order
from countenance.custody.orders.state import EventKind, State
from countenance.custody.orders.transitions import at

NAMES = [path.stem for path in SIGN.order_files()]

# Worked out with a paper calendar from the day of service; None is "no deadline".
BY_HAND = {
    "aclu-2022": {
        "filter-photographs": date(2022, 6, 10),  # 11 May + 20 days = 31 May, + 10 = 10 June
        "report": date(2023, 5, 11),
        "no-private-customers": None,
        "no-illinois-agencies": None,
    },
    "cnil-2022": dict.fromkeys(("stop", "stop-using", "answer-access", "erase"), date(2022, 12, 20)),
    "dutch-ap-2024": dict.fromkeys(("stop", "inform", "answer-access", "representative"), date(2024, 12, 3)),
    "garante-2022": {
        "ban-collecting": date(2022, 2, 28),
        "ban-using": date(2022, 2, 28),
        "erase": date(2022, 3, 28),  # a Monday
        "representative": date(2022, 3, 28),
    },
    "hamburg-2021": dict.fromkeys(("delete-template", "confirm"), date(2021, 2, 12)),
    "ico-2022": {
        "stop-collecting": date(2022, 9, 15),  # 18 May + 28 days = 15 June, + 3 months
        "stop-using": date(2022, 9, 15),
        "no-uk-customers": date(2022, 9, 15),
        "erase": date(2022, 12, 15),
        "dpia": None,
    },
    "oaic-2021": {
        "cease": date(2021, 10, 14),
        "destroy": date(2022, 1, 12),  # 17 days to 31 October, 30, 31, and 12: 90
        "confirm": date(2022, 1, 12),
    },
}
APPEAL_BY_HAND = {
    "aclu-2022": None,
    "cnil-2022": date(2023, 2, 20),
    "dutch-ap-2024": date(2024, 10, 15),  # a Tuesday, 42 days after a Tuesday
    "garante-2022": date(2022, 3, 30),
    "hamburg-2021": date(2021, 2, 27),
    "ico-2022": date(2022, 6, 15),
    "oaic-2021": date(2021, 11, 11),
}


def test_all_seven_cases_of_the_table_are_there():
    assert sorted(BY_HAND) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_example_is_signed_by_its_authority_and_nobody_else(name):
    data = (EXAMPLES / f"{name}.json").read_bytes()
    signed_order = read_order(data, KEYS)
    assert signed_order.to_document() == document(name)


@pytest.mark.parametrize("name", NAMES)
def test_example_names_an_invented_respondent_and_a_ground_for_what_it_says(name):
    o = order(name)
    assert "fictional" in o.respondent
    about = {note.about.split(".")[0] for note in o.notes}
    assert {"respondent", "obligations", "instrument"} <= about
    if o.penalties:
        assert "penalties" in about
    assert o.appeal is None or any(note.about.startswith(("appeal", "obligations")) for note in o.notes)


@pytest.mark.parametrize("name", NAMES)
def test_every_deadline_is_the_one_worked_out_by_hand(name):
    o = order(name)
    dues = {due.obligation_id: due.last_day for due in deadlines(served(o), o.service.at)}
    assert dues == BY_HAND[name]
    assert appeal_expiry_day(o) == APPEAL_BY_HAND[name]


@pytest.mark.parametrize("name", NAMES)
def test_example_is_complied_with_when_every_duty_is_met_in_time(name):
    o = order(name)
    clock = SteppedClock(o.service.at)
    state = served(o)
    if o.appeal is not None and o.appeal.suspensive:
        assert state.state is State.SERVED
        clock.step(timedelta(days=29))
        state = ok(at(state, clock.now()))
    assert state.state is State.IN_FORCE
    clock.step(timedelta(hours=1))
    for id_ in in_dependency_order(o):
        state = meets(state, id_, clock.now().isoformat())
    state = happens(state, EventKind.COMPLY, clock.now())
    assert state.state is State.COMPLIED
    clock.step(timedelta(days=200))
    assert ok(at(state, clock.now())).state is State.COMPLIED
    assert read_state(write_state(state)) == state


@pytest.mark.parametrize("name", NAMES)
def test_example_is_breached_the_instant_after_its_first_deadline(name):
    o = order(name)
    first = deadlines(served(o), o.service.at)[0]
    assert first.passes_at_utc is not None
    just_before = ok(at(served(o), first.passes_at_utc - timedelta(microseconds=1)))
    assert just_before.state is State.IN_FORCE
    assert ok(at(served(o), first.passes_at_utc)).state is State.BREACHED


@pytest.mark.parametrize("name", NAMES)
def test_example_survives_suspension_setting_aside_and_remittal_frozen(name):
    o = order(name)
    state = served(o)
    clock = SteppedClock(o.service.at)
    for kind, after in (
        (EventKind.SUSPEND, State.SUSPENDED),
        (EventKind.SET_ASIDE, State.SET_ASIDE),
        (EventKind.REMIT, State.REMITTED),
        (EventKind.REINSTATE, State.IN_FORCE),
    ):
        clock.step(timedelta(hours=1))
        state = happens(state, kind, clock.now())
        assert (state.state, state.frozen) == (after, True)
    assert read_state(write_state(state)) == state


def test_french_rate_is_due_for_every_day_after_two_months():
    state = served(order("cnil-2022"))
    fixed, rate = accrued(ok(at(state, moment("2022-12-20T22:59:59Z"))), moment("2022-12-20T22:59:59Z"))
    assert (fixed.amount, rate.amount) == (Decimal(20_000_000), 0)
    # 52 days from 20 December to 10 February: 11 in December, 31, 10.
    fixed, rate = accrued(state, moment("2023-02-10T12:00:00Z"))
    assert (rate.amount, rate.days_late, rate.currency) == (Decimal(5_200_000), 52, "EUR")


def test_dutch_penalties_run_by_month_and_stop_at_their_caps():
    state = served(order("dutch-ap-2024"))
    amounts = [p.amount for p in accrued(state, moment("2025-01-04T12:00:00Z"))]
    # 3 December to 4 January is one month and a day: two months have begun.
    assert amounts == [30_500_000, 500_000, 500_000, 200_000, 200_000]
    later = accrued(state, moment("2030-01-01T00:00:00Z"))
    assert sum(p.amount for p in later[1:]) == 5_100_000
    assert all(p.capped for p in later[1:])


def test_consent_order_runs_out_after_five_years_chicago_time():
    state = served(order("aclu-2022"))
    assert ends_at(state) == moment("2027-05-12T05:00:00Z")
    for id_ in in_dependency_order(state.order):
        state = meets(state, id_, "2022-05-20T00:00:00Z")
    state = happens(state, EventKind.COMPLY, "2022-05-20T00:00:00Z")
    assert ok(at(state, moment("2027-05-12T04:59:59Z"))).state is State.COMPLIED
    assert ok(at(state, moment("2027-05-12T05:00:00Z"))).state is State.EXPIRED
