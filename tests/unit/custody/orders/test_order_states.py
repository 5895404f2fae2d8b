"""The life of an order: what may follow what, and what never may."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from order_papers import (
    HOLDERS,
    JUDGMENT,
    all_absent,
    event,
    happens,
    meets,
    moment,
    ok,
    order,
    served,
    shown_for,
)

from countenance.custody.orders.clocks import Standing, deadlines
from countenance.custody.orders.consequences import may_destroy
from countenance.custody.orders.record import read_state, write_state
from countenance.custody.orders.state import (
    CLOCK_EVENTS,
    Allowed,
    Escalation,
    Event,
    EventKind,
    Refused,
    State,
    drafted,
)
from countenance.custody.orders.transitions import TABLE, apply, at
from countenance.errors import OrderMalformed
from countenance.holding import Absence
from countenance.terms import SubjectId

E, S = EventKind, State


@pytest.fixture
def ico():
    return served(order("ico-2022"))


@pytest.fixture
def cnil():
    return served(order("cnil-2022"))


def refused(state, kind, when, **more) -> str:
    result = apply(state, event(kind, when, **more))
    assert isinstance(result, Refused)
    return result.reason


def due(state, id_, now):
    return next(d for d in deadlines(state, moment(now)) if d.obligation_id == id_)


def test_table_has_a_row_for_every_state_and_leads_only_to_states():
    assert set(TABLE) == set(S)
    assert all(kind in E for row in TABLE.values() for kind in row)
    assert {after for row in TABLE.values() for after in row.values()} == set(S) - {S.DRAFT}


def test_every_pair_of_state_and_event_is_a_state_or_a_refusal_with_a_reason(ico):
    for state in S:
        start = replace(ico, state=state) if state is not S.DRAFT else drafted(ico.order)
        for kind in E:
            result = apply(start, event(kind, ico.order.service.at))
            if isinstance(result, Refused):
                assert result.reason.endswith(".")
            else:
                assert kind in TABLE[state]


def test_only_the_clock_brings_what_the_clock_brings(ico):
    for kind in CLOCK_EVENTS:
        assert "comes from the clock" in refused(ico, kind, "2022-06-01T00:00:00Z")


def test_order_is_served_once_and_at_its_own_moment(ico):
    assert refused(ico, E.SERVE, ico.order.service.at) == "The order was served already."
    assert "moment that it says" in refused(drafted(ico.order), E.SERVE, "2022-05-19T00:00:00Z")


def test_suspensive_order_is_in_force_when_the_appeal_is_out_of_time(ico):
    assert ico.state is S.SERVED
    assert ok(at(ico, moment("2022-06-15T22:59:59Z"))).state is S.SERVED
    assert ok(at(ico, moment("2022-06-15T23:00:00Z"))).state is S.IN_FORCE


def test_order_whose_appeal_does_not_suspend_is_in_force_at_once(cnil):
    assert [entry.event for entry in cnil.history] == [E.SERVE, E.COME_INTO_FORCE]
    appealed = happens(cnil, E.APPEAL, "2022-11-01T00:00:00Z")
    assert (appealed.state, appealed.frozen) == (S.IN_FORCE, False)


def test_appeal_in_time_suspends_and_freezes(ico):
    appealed = happens(ico, E.APPEAL, "2022-06-15T22:59:59Z")
    assert (appealed.state, appealed.frozen) == (S.SUSPENDED, True)
    assert "time to appeal is over" in refused(ico, E.APPEAL, "2022-06-15T23:00:00Z")


def test_suspended_order_is_never_released_executed_or_completed(ico):
    suspended = happens(ico, E.SUSPEND, "2022-07-01T00:00:00Z")
    assert "out of every search" in refused(suspended, E.RELEASE, "2022-07-02T00:00:00Z")
    assert "while the order is suspended" in refused(suspended, E.COMPLY, "2022-07-02T00:00:00Z")
    assert isinstance(may_destroy(suspended, "erase"), Refused)
    lifted = happens(suspended, E.LIFT, "2022-07-05T00:00:00Z")
    assert (lifted.state, lifted.frozen) == (S.IN_FORCE, True)


def test_erasure_cannot_be_recorded_while_suspended_but_other_duties_can(ico):
    suspended = happens(ico, E.STAY, "2022-07-01T00:00:00Z")
    when = moment("2022-07-02T00:00:00Z")
    assert "stayed" in refused(suspended, E.FULFIL, when, fulfilment=shown_for(ico.order, "erase", when))
    assert meets(suspended, "stop-collecting", "2022-07-02T00:00:00Z").fulfilment("stop-collecting") is not None


def test_setting_aside_restores_nothing_and_release_is_an_act_of_its_own(ico):
    frozen = happens(ico, E.FREEZE, "2022-06-20T00:00:00Z")
    aside = happens(frozen, E.SET_ASIDE, "2022-07-01T00:00:00Z")
    assert (aside.state, aside.frozen) == (S.SET_ASIDE, True)
    released = happens(aside, E.RELEASE, "2022-07-02T00:00:00Z")
    assert (released.state, released.frozen) == (S.SET_ASIDE, False)


def test_remitted_order_freezes_again_and_can_come_back_into_force(ico):
    aside = happens(happens(ico, E.SET_ASIDE, "2022-07-01T00:00:00Z"), E.RELEASE, "2022-07-02T00:00:00Z")
    remitted = happens(aside, E.REMIT, "2022-09-01T00:00:00Z")
    assert (remitted.state, remitted.frozen) == (S.REMITTED, True)
    assert "come back into force" in refused(remitted, E.RELEASE, "2022-09-02T00:00:00Z")
    back = happens(remitted, E.REINSTATE, "2022-10-01T00:00:00Z")
    assert (back.state, back.frozen) == (S.IN_FORCE, True)


def test_time_spent_suspended_does_not_count(ico):
    suspended = happens(ico, E.SUSPEND, "2022-07-01T12:00:00Z")
    during = due(suspended, "erase", "2023-06-01T00:00:00Z")
    assert (during.standing, during.last_day) == (Standing.PAUSED, None)
    assert ok(at(suspended, moment("2024-01-01T00:00:00Z"))).state is S.SUSPENDED
    lifted = happens(suspended, E.LIFT, "2022-07-11T12:00:00Z")
    assert due(lifted, "erase", "2022-07-11T12:00:00Z").last_day.isoformat() == "2022-12-25"


def test_days_suspended_before_a_period_starts_do_not_move_its_end(ico):
    suspended = happens(ico, E.SUSPEND, "2022-06-01T12:00:00Z")
    lifted = happens(suspended, E.LIFT, "2022-06-10T12:00:00Z")
    assert due(lifted, "erase", "2022-06-10T12:00:00Z").last_day.isoformat() == "2022-12-15"
    over_the_start = happens(suspended, E.LIFT, "2022-06-20T12:00:00Z")
    assert due(over_the_start, "erase", "2022-06-20T12:00:00Z").last_day.isoformat() == "2022-12-20"


def test_time_set_aside_until_reinstated_does_not_count_either(cnil):
    state = happens(cnil, E.SET_ASIDE, "2022-11-01T12:00:00Z")
    state = happens(state, E.REMIT, "2023-11-01T12:00:00Z")
    state = happens(state, E.REINSTATE, "2024-11-01T12:00:00Z")
    assert state.state is S.IN_FORCE
    # 49 days were left of the two months, and a day of 2024 (leap) and 2023 were spent outside: 731.
    assert due(state, "erase", "2024-11-01T12:00:00Z").days_left == 49


def test_breach_before_a_suspension_is_a_breach_again_after_it(cnil):
    breached = ok(at(cnil, moment("2023-01-01T00:00:00Z")))
    suspended = happens(breached, E.SUSPEND, "2023-01-02T00:00:00Z")
    lifted = happens(suspended, E.LIFT, "2023-02-02T00:00:00Z")
    assert (breached.state, suspended.state, lifted.state) == (S.BREACHED, S.SUSPENDED, S.BREACHED)


def test_every_missed_deadline_is_on_record_once(ico):
    late = ok(at(ico, moment("2023-06-01T00:00:00Z")))
    missed = [entry.note for entry in late.history if entry.event is E.MISS_DEADLINE]
    assert sorted(missed) == ["erase", "no-uk-customers", "stop-collecting", "stop-using"]
    assert ok(at(late, moment("2024-06-01T00:00:00Z"))) == late


def test_deadlines_that_count_from_a_final_decision_wait_for_the_appeal():
    def final(d):
        d["obligations"][3]["deadline"]["anchor"] = "final"

    state = served(order("ico-2022", final))
    assert due(state, "erase", "2022-05-19T00:00:00Z").last_day.isoformat() == "2022-12-15"
    appealed = happens(state, E.APPEAL, "2022-06-01T12:00:00Z")
    assert due(appealed, "erase", "2023-01-01T00:00:00Z").last_day is None
    dismissed = happens(appealed, E.DISMISS_APPEAL, "2023-10-17T09:00:00Z")
    assert dismissed.state is S.IN_FORCE
    assert due(dismissed, "erase", "2023-10-17T09:00:00Z").last_day.isoformat() == "2024-04-17"


def test_suspension_by_the_authority_outlasts_the_appeal(ico):
    state = happens(ico, E.APPEAL, "2022-06-01T00:00:00Z")
    state = happens(state, E.SUSPEND, "2022-07-01T00:00:00Z")
    state = happens(state, E.DISMISS_APPEAL, "2022-08-01T00:00:00Z")
    assert state.state is S.SUSPENDED
    assert happens(state, E.LIFT, "2022-09-01T00:00:00Z").state is S.IN_FORCE


def test_nothing_is_destroyed_before_a_suspensive_appeal_is_out_of_time(ico):
    early = may_destroy(ico, "erase")
    assert isinstance(early, Refused)
    assert "freeze" in early.reason
    assert may_destroy(ok(at(ico, moment("2022-06-16T00:00:00Z"))), "erase") == Allowed()


def test_access_is_answered_before_anything_is_deleted(cnil):
    when = moment("2022-11-01T00:00:00Z")
    assert may_destroy(cnil, "erase") == Refused("Obligation erase waits for answer-access.")
    assert "waits for answer-access" in refused(
        cnil, E.FULFIL, when, fulfilment=shown_for(cnil.order, "erase", when)
    )
    answered = meets(cnil, "answer-access", "2022-11-01T00:00:00Z")
    assert may_destroy(answered, "erase") == Allowed()


def index_says(absent: bool, remaining: int) -> Absence:
    return Absence("index", absent, "looked", remaining)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({"absences": ()}, "blobs, index, keyring, store", id="nobody answered"),
        pytest.param({"absences": all_absent()[1:]}, "keyring", id="one keeper did not answer"),
        pytest.param({"holders": ()}, "any keeper", id="nobody was asked"),
        pytest.param(
            {"absences": (*all_absent()[:3], index_says(False, 2))},
            "index",
            id="one found something",
        ),
        pytest.param(
            {"absences": (*all_absent()[:3], index_says(True, 2))},
            "index",
            id="one contradicts itself",
        ),
        pytest.param({"absences": (*all_absent(), index_says(False, 1))}, "index", id="one says yes and no"),
        pytest.param({"recipients_silent": 1}, "1 recipients", id="a recipient has not answered"),
        pytest.param({"shown": ()}, "holder_confirmations, certificate", id="nothing is shown"),
    ],
)
def test_erasure_is_not_met_without_every_confirmation(ico, more, said):
    when = moment("2022-07-01T00:00:00Z")
    fulfilment = replace(shown_for(ico.order, "erase", when), **more)
    assert said in refused(ico, E.FULFIL, when, fulfilment=fulfilment)


def test_what_a_keeper_cannot_know_is_recorded_and_does_not_block(ico):
    when = moment("2022-07-01T00:00:00Z")
    queue = Absence("index", True, "looked", 0, "a message queue keeps its files for an hour")
    fulfilment = shown_for(ico.order, "erase", when, absences=(*all_absent()[:3], queue))
    state = happens(ico, E.FULFIL, when, fulfilment=fulfilment)
    met = state.fulfilment("erase")
    assert met is not None
    assert met.absences[-1].unconfirmed is not None
    assert {a.holder for a in met.absences} == set(HOLDERS)


def test_complied_needs_every_duty(ico):
    state = ico
    for id_ in ("stop-collecting", "stop-using", "no-uk-customers", "erase"):
        state = meets(state, id_, "2022-07-01T00:00:00Z")
    assert refused(state, E.COMPLY, "2022-07-02T00:00:00Z") == "Nothing on record shows: dpia."
    state = meets(state, "dpia", "2022-07-02T00:00:00Z")
    assert happens(state, E.COMPLY, "2022-07-02T00:00:00Z").state is S.COMPLIED


def test_duty_met_late_is_met_and_stays_late(cnil):
    state = meets(meets(cnil, "answer-access", "2022-11-01T00:00:00Z"), "stop", "2022-12-20T23:00:00Z")
    assert due(state, "stop", "2023-01-01T00:00:00Z").standing is Standing.MET_LATE
    assert due(state, "answer-access", "2023-01-01T00:00:00Z").standing is Standing.MET
    assert state.state is S.BREACHED


def test_conflict_with_a_duty_to_keep_blocks_until_somebody_decides(ico):
    conflict = Escalation("court-7", frozenset({SubjectId(4)}), moment("2022-07-01T00:00:00Z"), None)
    state = happens(ico, E.ESCALATE, "2022-07-01T00:00:00Z", escalation=conflict)
    assert state.frozen
    when = moment("2022-07-02T00:00:00Z")
    assert "not decided" in refused(state, E.FULFIL, when, fulfilment=shown_for(ico.order, "erase", when))
    assert "No conflict" in refused(state, E.RESOLVE, when, hold_id="another")
    decided = happens(state, E.RESOLVE, when, hold_id="court-7")
    assert meets(decided, "erase", "2022-07-03T00:00:00Z").fulfilment("erase") is not None
    assert read_state(write_state(decided)) == decided


def test_variation_keeps_what_was_shown_only_for_unchanged_duties(ico):
    state = meets(meets(ico, "stop-using", "2022-07-01T00:00:00Z"), "erase", "2022-07-01T00:00:00Z")

    def next_revision(d):
        d["revision"] = 2
        d["obligations"][3]["deadline"]["offset"]["count"] = 9

    new = order("ico-2022", next_revision)
    varied = happens(state, E.VARY, "2022-07-02T00:00:00Z", order=new)
    assert (varied.state, varied.open_obligations) == (
        S.VARIED,
        ("stop-collecting", "no-uk-customers", "erase", "dpia"),
    )
    assert due(varied, "erase", "2022-07-02T00:00:00Z").last_day.isoformat() == "2023-03-15"
    suspended = happens(varied, E.SUSPEND, "2022-07-03T00:00:00Z")
    assert happens(suspended, E.LIFT, "2022-07-04T00:00:00Z").state is S.VARIED


def test_variation_with_another_scope_needs_the_erasure_again(ico):
    state = meets(ico, "erase", "2022-07-01T00:00:00Z")

    def wider(d):
        d["revision"] = 2
        d["scope"] = {"any": [d["scope"], {"predicate": "present_in", "value": "GB", "when": "execution"}]}

    varied = happens(state, E.VARY, "2022-07-02T00:00:00Z", order=order("ico-2022", wider))
    assert "erase" in varied.open_obligations


def test_variation_must_be_the_next_revision_of_the_same_order_by_the_same_authority(ico):
    assert "next revision" in refused(ico, E.VARY, "2022-07-01T00:00:00Z")
    assert "number 2" in refused(ico, E.VARY, "2022-07-01T00:00:00Z", order=ico.order)
    assert "number 2" in refused(ico, E.VARY, "2022-07-01T00:00:00Z", order=order("cnil-2022"))
    foreign = replace(ico.order, revision=2, authority=order("cnil-2022").authority)
    assert "authority" in refused(ico, E.VARY, "2022-07-01T00:00:00Z", order=foreign)


def test_clock_set_back_is_refused_and_changes_nothing(ico):
    state = happens(ico, E.FREEZE, "2022-07-01T00:00:00Z")
    before = moment("2022-07-01T00:00:00Z") - timedelta(seconds=1)
    assert isinstance(at(state, before), Refused)
    assert "clock" in refused(state, E.SUSPEND, before)


def test_every_entry_of_the_history_cites_an_instrument(ico):
    state = happens(ok(at(ico, moment("2022-10-01T00:00:00Z"))), E.SUSPEND, "2022-10-02T00:00:00Z")
    assert [e.instrument for e in state.history] == [*[ico.order.instrument] * (len(state.history) - 1), JUDGMENT]


def test_event_without_its_papers_is_refused(ico):
    assert "must say what was met" in refused(ico, E.FULFIL, "2022-07-01T00:00:00Z")
    assert "which hold" in refused(ico, E.ESCALATE, "2022-07-01T00:00:00Z")
    assert "No appeal" in refused(ico, E.DISMISS_APPEAL, "2022-07-01T00:00:00Z")
    assert apply(served(order("aclu-2022")), Event(E.APPEAL, moment("2022-06-01T00:00:00Z"), JUDGMENT)) == Refused(
        "The order grants no appeal."
    )


def test_record_of_another_version_is_refused(ico):
    with pytest.raises(OrderMalformed):
        read_state({**write_state(ico), "version": 2})
    with pytest.raises(OrderMalformed):
        read_state({**write_state(ico), "mood": "good"})
