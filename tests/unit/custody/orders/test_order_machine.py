"""Orders driven at random through papers and time. After every step the promises hold.

The oracle for deadlines knows nothing of the engine: it walks a calendar made of dateutil's relativedelta and one
list of the days on which the order was stopped.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from order_papers import JUDGMENT, all_absent, order, served, shown_for

from countenance.clock import to_text
from countenance.custody.orders.clocks import deadlines
from countenance.custody.orders.conflicts import combined
from countenance.custody.orders.consequences import may_destroy
from countenance.custody.orders.penalties import accrued
from countenance.custody.orders.record import read_state, write_state
from countenance.custody.orders.state import Allowed, Escalation, Event, EventKind, OrderState, Refused, State
from countenance.custody.orders.transitions import apply, at
from countenance.custody.residency.decision import Facts
from countenance.holding import Absence
from countenance.terms import SubjectId

E, S = EventKind, State
STOPPED = {S.SUSPENDED, S.STAYED, S.SET_ASIDE, S.REMITTED}
ANYBODY = Facts(SubjectId(1), frozenset(), (), ())
UNITS = {"days": "days", "weeks": "weeks", "months": "months", "years": "years"}
PAPERS = st.sampled_from(
    [
        E.APPEAL,
        E.DISMISS_APPEAL,
        E.SUSPEND,
        E.STAY,
        E.LIFT,
        E.SET_ASIDE,
        E.REMIT,
        E.REINSTATE,
        E.FREEZE,
        E.RELEASE,
        E.COMPLY,
    ]
)


class Life(RuleBasedStateMachine):
    @initialize(
        served_on=st.dates(date(2000, 1, 1), date(2060, 12, 31)),
        hour=st.integers(0, 23),
        zone=st.sampled_from(["Europe/London", "America/Chicago", "Australia/Sydney", "Asia/Kolkata"]),
        appeal=st.integers(0, 60),
        suspensive=st.booleans(),
        offsets=st.tuples(*[st.tuples(st.integers(0, 14), st.sampled_from(sorted(UNITS)))] * 4),
        anchors=st.tuples(*[st.sampled_from(["served", "appeal_expiry"])] * 4),
    )
    def start(self, served_on, hour, zone, appeal, suspensive, offsets, anchors):
        self.zone = ZoneInfo(zone)
        at_moment = datetime.combine(served_on, time(hour), UTC)

        def shape(d):
            d["service"]["at"] = to_text(at_moment)
            d["instrument"]["issued"] = "1999-12-31"
            d["appeal"].update(period={"count": appeal, "unit": "days"}, time_zone=zone, suspensive=suspensive)
            d["penalties"][0].update(rate={"amount": "0.01", "currency": "GBP"}, fixed_due="on_breach")
            for obligation, (count, unit), anchor in zip(d["obligations"], offsets, anchors, strict=False):
                obligation["deadline"].update(anchor=anchor, offset={"count": count, "unit": unit}, time_zone=zone)

        self.order = order("ico-2022", shape)
        self.now = at_moment
        self.state: OrderState = served(self.order)
        self.history = self.state.history
        day = at_moment.astimezone(self.zone).date()
        base = {"served": day, "appeal_expiry": day + timedelta(days=appeal)}
        self.base = {}
        ids = [obligation.id for obligation in self.order.obligations]
        for id_, (count, unit), anchor in zip(ids, offsets, anchors, strict=False):
            start = base[anchor]
            self.base[id_] = (start, start + relativedelta(**{UNITS[unit]: count}))
        self.stops: list[tuple[date, date | None]] = []

    def take(self, result: OrderState | Refused) -> bool:
        if isinstance(result, Refused):
            assert result.reason
            return False
        old, self.state = self.state, result
        # The oracle's own list of stops, from the states that were seen and when.
        for entry in result.history[len(old.history) :]:
            day = entry.at.astimezone(self.zone).date()
            running = not self.stops or self.stops[-1][1] is not None
            if entry.after in STOPPED and running:
                self.stops.append((day, None))
            elif entry.after not in STOPPED and not running:
                self.stops[-1] = (self.stops[-1][0], day)
        return True

    @rule(hours=st.integers(1, 24 * 90))
    def time_passes(self, hours):
        self.now += timedelta(hours=hours)
        assert self.take(at(self.state, self.now))

    @rule(kind=PAPERS)
    def paper_comes(self, kind):
        before = self.state
        if not self.take(apply(self.state, Event(kind, self.now, JUDGMENT))):
            assert self.state is before

    @rule(kind=PAPERS, back=st.integers(1, 1000))
    def clock_set_back_is_refused(self, kind, back):
        last = self.state.last_change
        assert last is not None
        earlier = Event(kind, last - timedelta(seconds=back), JUDGMENT)
        assert isinstance(apply(self.state, earlier), Refused)

    @rule(index=st.integers(0, 4), dropped=st.integers(0, 4), silent=st.sampled_from([0, 0, 0, 2]))
    def duty_is_shown(self, index, dropped, silent):
        obligation = self.order.obligations[index]
        answers = all_absent()
        if dropped < len(answers):
            lost = answers[dropped]
            answers = (*answers[:dropped], Absence(lost.holder, False, "looked", 1), *answers[dropped + 1 :])
        more = {"absences": answers, "recipients_silent": silent} if obligation.id == "erase" else {}
        fulfilment = shown_for(self.order, obligation.id, self.now, **more)
        accepted = self.take(apply(self.state, Event(E.FULFIL, self.now, JUDGMENT, fulfilment=fulfilment)))
        if obligation.id == "erase" and (dropped < len(all_absent()) or silent):
            assert not accepted

    @rule(forgotten=st.integers(0, 9))
    def everything_is_shown_but_perhaps_one(self, forgotten):
        for index, obligation in enumerate(self.order.obligations):
            if index != forgotten:
                fulfilment = shown_for(self.order, obligation.id, self.now)
                self.take(apply(self.state, Event(E.FULFIL, self.now, JUDGMENT, fulfilment=fulfilment)))
        complete = not self.state.open_obligations and not self.state.open_escalations
        takes_it = self.state.state in (S.SERVED, S.IN_FORCE, S.VARIED, S.BREACHED)
        assert self.take(apply(self.state, Event(E.COMPLY, self.now, JUDGMENT))) is (complete and takes_it)

    @rule()
    def duty_to_keep_is_met(self):
        conflict = Escalation("hold-1", frozenset({SubjectId(1)}), self.now, None)
        self.take(apply(self.state, Event(E.ESCALATE, self.now, JUDGMENT, escalation=conflict)))

    @precondition(lambda self: self.state.open_escalations)
    @rule()
    def conflict_is_decided(self):
        assert not isinstance(apply(self.state, Event(E.COMPLY, self.now, JUDGMENT)), OrderState)
        self.take(apply(self.state, Event(E.RESOLVE, self.now, JUDGMENT, hold_id="hold-1")))

    @invariant()
    def every_deadline_is_what_the_calendar_says(self):
        dues = {due.obligation_id: due for due in deadlines(self.state, self.now)}
        for id_, (start, day) in self.base.items():
            expected: date | None = day
            for began, ended in self.stops:
                if expected is None or max(began, start) > expected:
                    break
                expected = None if ended is None else expected + max(ended - max(began, start), timedelta())
            assert dues[id_].last_day == expected
            if expected is not None:
                midnight = datetime.combine(expected + timedelta(days=1), time(), self.zone).astimezone(UTC)
                assert dues[id_].passes_at_utc == midnight
                assert dues[id_].days_left == (expected - self.now.astimezone(self.zone).date()).days

    @invariant()
    def history_only_grows_and_joins_up(self):
        assert self.state.history[: len(self.history)] == self.history
        self.history = self.state.history
        for earlier, later in zip(self.history, self.history[1:], strict=False):
            assert earlier.after is later.before
            assert earlier.at <= later.at
        assert self.history[-1].after is self.state.state

    @invariant()
    def complied_only_when_everything_is_shown(self):
        if self.state.state is S.COMPLIED:
            assert not self.state.open_obligations
            erased = self.state.fulfilment("erase")
            assert erased is not None
            assert all(a.absent and a.remaining == 0 for a in erased.absences)
            assert {a.holder for a in erased.absences} == set(erased.holders)
            assert erased.recipients_silent == 0

    @invariant()
    def frozen_stays_frozen_until_released(self):
        frozen = False
        for entry in self.state.history:
            if entry.event in (E.SUSPEND, E.STAY, E.REMIT, E.REINSTATE, E.FREEZE, E.ESCALATE):
                frozen = True
            frozen = frozen or entry.after is S.SUSPENDED
            if entry.event is E.RELEASE:
                assert entry.before in (S.SET_ASIDE, S.EXPIRED)
                frozen = False
        assert self.state.frozen is frozen
        if self.state.state in (S.SUSPENDED, S.STAYED, S.REMITTED):
            assert self.state.frozen
        together = combined([self.state], [ANYBODY], on=self.now.date())
        assert (ANYBODY.subject_id in together.frozen) is frozen

    @invariant()
    def nothing_is_destroyed_while_the_order_is_stopped(self):
        if self.state.state not in (S.IN_FORCE, S.VARIED, S.BREACHED):
            assert may_destroy(self.state, "erase") != Allowed()

    @invariant()
    def penalty_is_never_negative_and_costs_nothing_when_nothing_is_late(self):
        for penalty in accrued(self.state, self.now):
            assert penalty.amount >= Decimal(0)
            assert penalty.days_late >= 0
            if not any(entry.event is E.MISS_DEADLINE for entry in self.state.history):
                assert penalty.amount == 0

    @invariant()
    def record_keeps_everything(self):
        assert read_state(write_state(self.state)) == self.state

    @invariant()
    def looking_again_changes_nothing(self):
        assert at(self.state, self.now) == self.state


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestLifeOfAnOrder = Life.TestCase
