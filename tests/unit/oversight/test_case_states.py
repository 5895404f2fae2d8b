"""No case, no search: whatever is done to a case, in whatever order, at whatever time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.galleries import START

from countenance.oversight.case_states import (
    CLOCK_EVENTS,
    EMERGENCY_HOURS,
    ENDED,
    LONGEST,
    MOST_SEARCHES,
    TABLE,
    CaseEvent,
    CaseFacts,
    CaseState,
    apply,
    asked,
    at,
    may_release,
    may_search,
)
from countenance.oversight.policy import Code, Granted, Refused


def a_case(*, emergency: bool = False, quota: int = 3, days: int = 30) -> CaseFacts:
    made = asked("asker", START, expires_at=START + timedelta(days=days), quota=quota, emergency=emergency)
    assert isinstance(made, CaseFacts)
    return made


class CaseLife(RuleBasedStateMachine):
    """Drives one case at random and remembers, apart from it, what ought to be true."""

    @initialize(emergency=st.booleans(), quota=st.integers(1, 4), hours=st.integers(1, 200))
    def ask(self, emergency: bool, quota: int, hours: int) -> None:
        self.now = START
        self.expires = START + timedelta(hours=hours)
        made = asked("asker", START, expires_at=self.expires, quota=quota, emergency=emergency)
        assert isinstance(made, CaseFacts)
        self.case = made
        self.emergency = emergency
        self.quota = quota
        self.searches = 0
        self.authorised_at: datetime | None = None
        self.ended_as: CaseState | None = None

    @rule(minutes=st.integers(1, 60 * 60))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(event=st.sampled_from(CaseEvent), by=st.sampled_from(["asker", "other"]))
    def happen(self, event: CaseEvent, by: str) -> None:
        before = at(self.case, self.now)
        after = apply(self.case, event, by, self.now)
        if isinstance(after, Refused):
            return
        assert event not in CLOCK_EVENTS
        assert TABLE[before.state][event] is after.state
        if event is CaseEvent.AUTHORISE:
            assert by != "asker"
            self.authorised_at = self.now
        self.case = after

    @precondition(lambda self: self.searches < 10)
    @rule()
    def search(self) -> None:
        if isinstance(may_search(self.case, self.now), Granted):
            self.searches += 1
            self.case = replace(at(self.case, self.now), used=self.case.used + 1)
            in_emergency = self.emergency and self.now < START + timedelta(hours=EMERGENCY_HOURS)
            assert self.authorised_at is not None or in_emergency
            assert self.now < self.expires

    @rule()
    def release(self) -> None:
        if isinstance(may_release(self.case, self.now), Granted):
            assert self.authorised_at is not None
            assert self.now < self.expires

    @invariant()
    def the_quota_holds(self) -> None:
        if hasattr(self, "case"):
            assert self.searches <= self.quota

    @invariant()
    def an_ended_case_stays_as_it_ended(self) -> None:
        if not hasattr(self, "case"):
            return
        now = at(self.case, self.now)
        if self.ended_as is not None:
            assert now.state is self.ended_as
        if now.state in ENDED:
            self.ended_as = now.state
            assert now.ended_at is not None
            assert isinstance(may_search(now, self.now), Refused)
        if self.emergency and self.authorised_at is None and now.state in ENDED:
            assert now.state is CaseState.STOPPED


CaseLife.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestCaseLife = CaseLife.TestCase


def test_every_state_has_a_row_and_ended_ones_have_no_way_out() -> None:
    assert set(TABLE) == set(CaseState)
    assert all(not TABLE[state] for state in ENDED)


def test_an_emergency_that_nobody_authorises_stops_at_the_48th_hour() -> None:
    case = a_case(emergency=True)
    last = START + timedelta(hours=48)
    assert at(case, last - timedelta(microseconds=1)).state is CaseState.EMERGENCY
    stopped = at(case, last)
    assert (stopped.state, stopped.ended_at) == (CaseState.STOPPED, last)
    late = apply(case, CaseEvent.AUTHORISE, "other", last)
    assert isinstance(late, Refused)


def test_an_emergency_that_was_authorised_in_time_goes_on() -> None:
    case = apply(a_case(emergency=True), CaseEvent.AUTHORISE, "other", START + timedelta(hours=47))
    assert isinstance(case, CaseFacts)
    assert at(case, START + timedelta(days=20)).state is CaseState.AUTHORISED


@pytest.mark.parametrize("event", [CaseEvent.REFUSE, CaseEvent.CLOSE])
def test_an_emergency_cannot_be_closed_to_keep_what_it_found(event: CaseEvent) -> None:
    case = apply(a_case(emergency=True), event, "asker", START)
    assert isinstance(case, CaseFacts)
    assert case.state is CaseState.STOPPED


def test_whoever_asked_does_not_authorise() -> None:
    refused = apply(a_case(), CaseEvent.AUTHORISE, "asker", START)
    assert isinstance(refused, Refused)
    assert refused.code is Code.SAME_PERSON


@pytest.mark.parametrize(
    ("expires", "quota"),
    [
        (START, 1),
        (START + LONGEST + timedelta(seconds=1), 1),
        (START + timedelta(days=1), 0),
        (START + timedelta(days=1), MOST_SEARCHES + 1),
    ],
    ids=["expired before it begins", "longer than a year", "no search at all", "more than a case may take"],
)
def test_a_case_that_makes_no_sense_is_refused(expires: datetime, quota: int) -> None:
    assert isinstance(asked("asker", START, expires_at=expires, quota=quota, emergency=False), Refused)
