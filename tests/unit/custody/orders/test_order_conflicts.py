"""Two duties at once: nothing is chosen silently, and where orders overlap the stricter one holds."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_papers import event, happens, moment, ok, order, served

from countenance.custody.orders.conflicts import Clear, Escalated, EvidenceHold, combined, confront, reached
from countenance.custody.orders.model import Verb
from countenance.custody.orders.state import EventKind, Refused, State, drafted
from countenance.custody.orders.transitions import apply, at
from countenance.custody.residency.decision import Decision, Facts
from countenance.custody.residency.evidence import Evidence, Predicate, Signal, Tier
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.places import place
from countenance.terms import SubjectId

ON = date(2022, 12, 1)


def living_in(number: int, *codes: str) -> Facts:
    """A subject who has declared each of ``codes`` as a home, since ever."""
    declared = tuple(
        Evidence(
            id=f"e{number}-{code}",
            subject_id=SubjectId(number),
            image_id=None,
            predicate=Predicate.RESIDENT_OF,
            value=(place(code),),
            tier=Tier.A,
            signal=Signal.DECLARATION,
            observed_at=datetime(2021, 1, 1, tzinfo=UTC),
            valid=Interval(),
            source="declaration.pdf",
            extractor="form",
            extractor_version="1",
            permission_id="p1",
        )
        for code in codes
    )
    return Facts(SubjectId(number), frozenset({f"s{number}"}), (f"i{number}",), declared)


GALLERY = [living_in(1, "GB"), living_in(2, "FR"), living_in(3, "GB", "FR"), living_in(4, "IT"), living_in(5)]


def numbers(ids) -> list[int]:
    return sorted(int(id_) for id_ in ids)


def test_order_reaches_residents_and_those_of_whom_nothing_is_known():
    inside = reached(order("ico-2022"), GALLERY, on=ON)
    assert [(int(item.subject_id), item.judgement.decision) for item in inside] == [
        (1, Decision.IN),
        (3, Decision.IN),
        (5, Decision.UNKNOWN),
    ]


def test_overlapping_orders_take_the_union_and_freeze_if_any_freezes():
    ico = served(order("ico-2022"))
    cnil = served(order("cnil-2022"))
    together = combined([ico, cnil], GALLERY, on=ON)
    assert numbers(together.subject_ids) == [1, 2, 3, 5]
    assert together.frozen == frozenset()
    frozen = combined([ico, happens(cnil, EventKind.FREEZE, "2022-11-01T00:00:00Z")], GALLERY, on=ON)
    assert numbers(frozen.frozen) == [2, 3, 5]
    assert {item.order_id for item in frozen.inside if item.subject_id == 3} == {"ico-2022", "cnil-2022"}


def test_release_of_one_order_does_not_release_who_is_under_another():
    ico = happens(served(order("ico-2022")), EventKind.FREEZE, "2022-07-01T00:00:00Z")
    cnil = happens(served(order("cnil-2022")), EventKind.FREEZE, "2022-11-01T00:00:00Z")
    aside = happens(ico, EventKind.SET_ASIDE, "2022-11-02T00:00:00Z")
    released = happens(aside, EventKind.RELEASE, "2022-11-03T00:00:00Z")
    assert numbers(combined([released, cnil], GALLERY, on=ON).frozen) == [2, 3, 5]


def test_draft_protects_nobody_yet():
    assert combined([drafted(order("ico-2022"))], GALLERY, on=ON).inside == ()


def test_order_that_goes_by_evidence_leaves_out_those_of_whom_nothing_is_known():
    aclu = order("aclu-2022")
    assert reached(aclu, GALLERY, on=ON) == ()
    assert not aclu.reaches(Decision.UNKNOWN, Verb.RESTRICT)
    assert aclu.reaches(Decision.POSSIBLE, Verb.RESTRICT)


def test_doubt_widens_protection_and_narrows_disclosure():
    cnil = order("cnil-2022")
    assert cnil.reaches(Decision.UNKNOWN, Verb.ERASE)
    assert not cnil.reaches(Decision.POSSIBLE, Verb.ANSWER_ACCESS)
    assert cnil.reaches(Decision.IN, Verb.ANSWER_ACCESS)
    assert not any(cnil.reaches(Decision.OUT, verb) for verb in Verb)


def test_named_person_is_reached_and_nobody_else():
    named = Facts(SubjectId(9), frozenset({"Complainant-1"}), (), ())
    hamburg = order("hamburg-2021")
    assert [item.subject_id for item in reached(hamburg, [*GALLERY, named], on=ON)] == [9]


def test_served_order_serves_again_only_as_a_refusal():
    ico = served(order("ico-2022"))
    assert isinstance(apply(ico, event(EventKind.SERVE, ico.order.service.at)), Refused)


HOLD = EvidenceHold("court-7", "Order to preserve evidence", frozenset({SubjectId(1), SubjectId(99)}))


def test_erasure_against_an_evidence_hold_is_escalated_and_never_chosen():
    ids = frozenset({SubjectId(1), SubjectId(3)})
    outcome = confront(ids, [HOLD])
    assert isinstance(outcome, Escalated)
    assert (numbers(outcome.sealed), numbers(outcome.erase), outcome.hold_ids) == ([1], [3], ("court-7",))
    assert outcome.question.endswith("Which duty prevails?")
    [conflict] = outcome.escalations([HOLD], moment("2022-07-01T00:00:00Z"))
    state = happens(served(order("ico-2022")), EventKind.ESCALATE, "2022-07-01T00:00:00Z", escalation=conflict)
    assert state.frozen
    assert numbers(state.open_escalations[0].subject_ids) == [1]
    late = ok(at(state, moment("2023-01-01T00:00:00Z")))
    assert late.state is State.BREACHED
    assert isinstance(apply(late, event(EventKind.COMPLY, "2023-01-01T00:00:00Z")), Refused)


@pytest.mark.parametrize("holds", [[], [EvidenceHold("h", "g", frozenset({SubjectId(99)}))]])
def test_erasure_without_a_conflict_is_clear(holds):
    assert confront([SubjectId(1)], holds) == Clear(frozenset({SubjectId(1)}))


IDS = st.frozensets(st.integers(1, 6).map(SubjectId))


@given(IDS, st.lists(IDS, max_size=3))
def test_everybody_is_either_erased_or_sealed_and_nobody_held_is_erased(wanted, held):
    holds = [EvidenceHold(f"h{i}", "ground", ids) for i, ids in enumerate(held)]
    outcome = confront(wanted, holds)
    kept = frozenset().union(*held) if held else frozenset()
    if isinstance(outcome, Clear):
        assert not wanted & kept
        assert outcome.subject_ids == wanted
    else:
        assert outcome.sealed == wanted & kept
        assert outcome.erase == wanted - kept
