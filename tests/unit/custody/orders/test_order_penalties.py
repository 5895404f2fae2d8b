"""What not complying costs, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from order_papers import event, happens, meets, moment, ok, order, served

from countenance.custody.orders.penalties import accrued
from countenance.custody.orders.state import EventKind
from countenance.custody.orders.transitions import apply, at


def cnil(**changes):
    def change(d):
        d["penalties"] = [{**d["penalties"][1], **changes}]

    return served(order("cnil-2022", change))


def amount(state, now) -> Decimal:
    [penalty] = accrued(ok(at(state, moment(now))), moment(now))
    return penalty.amount


@pytest.mark.parametrize(
    ("changes", "now", "expected"),
    [
        pytest.param({}, "2022-12-20T22:59:59Z", "0", id="nothing on the last day"),
        pytest.param({}, "2022-12-20T23:00:00Z", "100000", id="a day that has begun counts"),
        pytest.param({"per": "week"}, "2022-12-27T22:59:59Z", "100000", id="the first week to its end"),
        pytest.param({"per": "week"}, "2022-12-27T23:00:00Z", "200000", id="the second week has begun"),
        pytest.param({"per": "month"}, "2023-01-20T22:59:59Z", "100000", id="the first month to its end"),
        pytest.param({"per": "month"}, "2023-01-20T23:00:00Z", "200000", id="the second month has begun"),
        pytest.param({"grace": {"count": 10, "unit": "days"}}, "2022-12-30T22:59:59Z", "0", id="days of grace"),
        pytest.param({"grace": {"count": 10, "unit": "days"}}, "2022-12-30T23:00:00Z", "100000", id="after grace"),
        pytest.param({"cap": {"amount": "250.50", "currency": "EUR"}}, "2024-01-01T00:00:00Z", "250.50", id="cap"),
        pytest.param(
            {"fixed": {"amount": "7.25", "currency": "EUR"}, "fixed_due": "on_breach", "rate": None},
            "2022-12-20T22:59:59Z",
            "0",
            id="fixed on breach, before it",
        ),
        pytest.param(
            {"fixed": {"amount": "7.25", "currency": "EUR"}, "fixed_due": "on_breach", "rate": None},
            "2022-12-20T23:00:00Z",
            "7.25",
            id="fixed on breach, after it",
        ),
        pytest.param(
            {"fixed": {"amount": "7.25", "currency": "EUR"}, "fixed_due": "on_service"},
            "2022-12-21T23:00:00Z",
            "200007.25",
            id="fixed on service and two days",
        ),
    ],
)
def test_penalty_so_far(changes, now, expected):
    assert amount(cnil(**changes), now) == Decimal(expected)


def test_rate_stops_when_the_last_duty_is_met():
    state = ok(at(cnil(), moment("2022-12-31T12:00:00Z")))
    for id_ in ("answer-access", "stop", "stop-using", "erase"):
        state = meets(state, id_, "2022-12-31T12:00:00Z")
    assert amount(state, "2025-01-01T00:00:00Z") == 11 * 100_000


def test_days_of_a_stay_cost_nothing():
    state = happens(cnil(), EventKind.STAY, "2022-12-31T12:00:00Z")
    assert amount(state, "2023-03-01T12:00:00Z") == 11 * 100_000
    state = happens(state, EventKind.LIFT, "2023-03-01T12:00:00Z")
    assert amount(state, "2023-03-05T12:00:00Z") == 15 * 100_000


def test_order_set_aside_costs_nothing_and_reinstated_costs_again():
    state = happens(cnil(), EventKind.SET_ASIDE, "2022-12-31T12:00:00Z")
    assert amount(state, "2023-03-01T12:00:00Z") == 0
    state = happens(state, EventKind.REINSTATE, "2023-03-01T12:00:00Z")
    assert amount(state, "2023-03-05T12:00:00Z") == 15 * 100_000


def test_met_in_time_costs_nothing_for_ever():
    state = cnil()
    for id_ in ("answer-access", "stop", "stop-using", "erase"):
        state = meets(state, id_, "2022-12-20T22:59:59Z")
    assert amount(state, "2030-01-01T00:00:00Z") == 0


def test_refused_event_costs_nothing():
    state = cnil()
    apply(state, event(EventKind.RELEASE, "2022-12-01T00:00:00Z"))
    assert amount(state, "2022-12-01T00:00:00Z") == 0
