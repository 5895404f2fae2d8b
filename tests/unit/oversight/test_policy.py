"""The policy table is complete, is the page that people read, and refuses for every reason that it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.galleries import START

from countenance.custody.residency import scope
from countenance.oversight.case_states import CaseEvent, CaseState, apply, asked, may_search
from countenance.oversight.parties import (
    MACHINE,
    ORDERED_CLASSES,
    PRIVATE_CLASSES,
    PUBLIC_CLASSES,
    CustomerClass,
    Principal,
    Role,
)
from countenance.oversight.policy import (
    RESERVED,
    ROWS,
    TABLE,
    Bar,
    Code,
    Decision,
    Granted,
    Reach,
    Refused,
    Verb,
    decide,
)
from countenance.oversight.policy_page import render
from countenance.oversight.reviewing import may_review
from countenance.oversight.standing import StandingTerms, standing_case
from countenance.terms import SubjectId

ROOT = Path(__file__).resolve().parents[3]


def of_police(*roles: Role) -> Principal:
    """Somebody at a British police force that may look for the purpose law-enforcement."""
    purposes = frozenset({"law-enforcement", "event-photos"})
    return Principal("p1", frozenset(roles), "K", "c1", CustomerClass.POLICE, "GB", purposes, competent=True)


INVESTIGATOR = of_police(Role.INVESTIGATOR)


def test_every_verb_has_exactly_one_row() -> None:
    assert sorted(row.verb for row in TABLE) == sorted(Verb)
    assert set(ROWS) == set(Verb)


def test_every_role_may_do_something_and_every_row_says_for_whom() -> None:
    assert set().union(*(row.roles for row in TABLE)) == set(Role)
    for row in TABLE:
        assert bool(row.roles) is (row.reach is not Reach.EVERYBODY), row.verb
        assert bool(row.classes) is (row.reach is Reach.CUSTOMER), row.verb


def test_the_page_is_the_table() -> None:
    assert (ROOT / "docs/policy.md").read_text("utf-8") == render()


def test_the_gallerys_own_people_cannot_look() -> None:
    own = {Role.OPERATOR, Role.DATA_PROTECTION_OFFICER, Role.REGULATOR}
    for row in TABLE:
        if row.looks:
            assert not row.roles & own, row.verb
    assert isinstance(decide(MACHINE, Verb.IDENTIFY), Refused)


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_its_rows_say_and_nothing_else(verb: Verb, role: Role) -> None:
    row = ROWS[verb]
    who = of_police(role)
    if row.reach is Reach.GALLERY:
        who = Principal("p2", frozenset({role}), "K")
    if row.reach is Reach.SELF:
        who = Principal("s1", frozenset({role}), "K", subject_id=SubjectId(1))
    allowed = row.reach is Reach.EVERYBODY or role in row.roles
    assert isinstance(decide(who, verb), Granted) is allowed


def test_classes_of_orders_take_in_every_class_of_customer() -> None:
    assert set(CustomerClass) == PUBLIC_CLASSES | PRIVATE_CLASSES
    assert set(ORDERED_CLASSES) == set(scope.CustomerClass)


def barred(jurisdiction: str, purposes: frozenset[str] | None = None) -> list[Bar]:
    return [Bar(PUBLIC_CLASSES, jurisdiction, "an order", purposes)]


CASE = asked("p1", START, expires_at=START.replace(month=2), quota=1, emergency=False)
assert not isinstance(CASE, Refused)
AUTHORISED = apply(CASE, CaseEvent.AUTHORISE, "p2", START)
assert not isinstance(AUTHORISED, Refused)

REFUSALS: dict[Code, Callable[[], object]] = {
    Code.ROLE: lambda: decide(of_police(Role.ENROLLER), Verb.IDENTIFY),
    Code.NOT_THE_GALLERYS_OWN: lambda: decide(of_police(Role.OPERATOR), Verb.CUSTOMER_REGISTER),
    Code.NO_CUSTOMER: lambda: decide(Principal("x", frozenset({Role.INVESTIGATOR})), Verb.CASE_OPEN),
    Code.CUSTOMER_SUSPENDED: lambda: decide(replace(INVESTIGATOR, customer_active=False), Verb.CASE_OPEN),
    Code.CLASS: lambda: decide(
        replace(of_police(Role.REVIEWER), customer_class=CustomerClass.SUBJECT), Verb.REVIEW_ANSWER
    ),
    Code.OTHER_CUSTOMER: lambda: decide(INVESTIGATOR, Verb.CASE_LIST, customer_id="c2"),
    Code.BARRED: lambda: decide(INVESTIGATOR, Verb.IDENTIFY, bars=barred("GB")),
    Code.PURPOSE_NOT_ALLOWED: lambda: decide(INVESTIGATOR, Verb.IDENTIFY, purpose="marketing"),
    Code.PURPOSE_RESERVED: lambda: decide(
        replace(INVESTIGATOR, customer_class=CustomerClass.BUSINESS), Verb.IDENTIFY, purpose="law-enforcement"
    ),
    Code.KEY_LIMITED: lambda: decide(replace(INVESTIGATOR, verbs=frozenset({"verify"})), Verb.IDENTIFY),
    Code.KEY_BOUND: lambda: decide(replace(INVESTIGATOR, case_id="case-1"), Verb.IDENTIFY, case_id="case-2"),
    Code.NOT_HERSELF: lambda: decide(Principal("x", frozenset({Role.SUBJECT})), Verb.LEDGER_READ),
    Code.NOT_COMPETENT: lambda: may_review(replace(INVESTIGATOR, competent=False), "p3", None),
    Code.SAME_PERSON: lambda: may_review(INVESTIGATOR, "p1", None),
    Code.NO_CASE: lambda: standing_case(INVESTIGATOR, StandingTerms()),
    Code.CASE_STATE: lambda: may_search(CASE, START),
    Code.CASE_QUOTA: lambda: may_search(replace(AUTHORISED, used=1), START),
}
ELSEWHERE = {
    Code.NO_REVIEW: "test_an_answer_is_given_once_and_never_changed",
    Code.PERMISSION: "test_a_subject_who_withdrew_her_purpose_is_not_released",
}
"""Refusals that need a gallery: in tests/journeys/test_oversight.py."""


@pytest.mark.parametrize("code", Code)
def test_every_refusal_happens_for_its_reason_and_says_so_in_a_sentence(code: Code) -> None:
    if code in ELSEWHERE:
        assert f"def {ELSEWHERE[code]}(" in (ROOT / "tests/journeys/test_oversight.py").read_text("utf-8")
        return
    refused = REFUSALS[code]()
    assert isinstance(refused, Refused)
    assert refused.code is code
    assert refused.reason.endswith(".")


@pytest.mark.parametrize(
    ("bar", "allowed"),
    [("GB", False), ("GB-SCT", False), ("001", False), ("FR", True)],
    ids=["its country", "a part of its country", "the world", "another country"],
)
def test_a_bar_keeps_out_whoever_may_come_under_it(bar: str, allowed: bool) -> None:
    assert isinstance(decide(INVESTIGATOR, Verb.IDENTIFY, bars=barred(bar)), Granted) is allowed


def test_a_barred_customer_can_still_let_subjects_withdraw_and_close_its_cases() -> None:
    for verb, role in ((Verb.SUBJECT_WITHDRAW, Role.ENROLLER), (Verb.CASE_CLOSE, Role.INVESTIGATOR)):
        assert decide(of_police(role), verb, bars=barred("GB")) == Granted()


@pytest.mark.parametrize("verb", [row.verb for row in TABLE if row.reach is Reach.CUSTOMER])
def test_a_suspended_customer_lets_go_of_what_it_holds_and_does_nothing_else(verb: Verb) -> None:
    lets_go = {Verb.SUBJECT_WITHDRAW, Verb.COMPARTMENT_CLOSE, Verb.CASE_CLOSE}
    finds_it = {Verb.SUBJECT_LIST, Verb.COMPARTMENT_LIST, Verb.CASE_LIST}
    who = replace(of_police(*ROWS[verb].roles), customer_active=False)
    decision = decide(who, verb, bars=barred("GB"))
    if verb in lets_go | finds_it:
        assert not ROWS[verb].looks
        assert decision == Granted()
    else:
        assert isinstance(decision, Refused)
        assert decision.code is Code.CUSTOMER_SUSPENDED


def test_a_bar_on_some_purposes_leaves_the_others() -> None:
    bars = barred("GB", frozenset({"law-enforcement"}))
    assert isinstance(decide(INVESTIGATOR, Verb.IDENTIFY, bars=bars, purpose="law-enforcement"), Refused)
    assert decide(INVESTIGATOR, Verb.IDENTIFY, bars=bars, purpose="event-photos") == Granted()


@pytest.mark.parametrize("kind", sorted(PRIVATE_CLASSES - {CustomerClass.SUBJECT}))
def test_private_customers_in_illinois_are_barred_by_default(kind: CustomerClass) -> None:
    who = replace(INVESTIGATOR, customer_class=kind, jurisdiction="US-IL")
    decision: Decision = decide(who, Verb.IDENTIFY, purpose="event-photos")
    assert isinstance(decision, Refused)
    assert decision.code is Code.BARRED


@pytest.mark.parametrize("purpose", sorted(RESERVED))
@pytest.mark.parametrize("kind", CustomerClass)
def test_a_reserved_purpose_is_for_its_classes_alone(purpose: str, kind: CustomerClass) -> None:
    who = replace(INVESTIGATOR, customer_class=kind, purposes=frozenset({purpose}))
    assert isinstance(decide(who, Verb.IDENTIFY, purpose=purpose), Granted) is (kind in RESERVED[purpose])


def test_a_case_that_runs_is_searchable() -> None:
    assert AUTHORISED.state is CaseState.AUTHORISED  # type: ignore[union-attr]  # asserted above
    assert may_search(AUTHORISED, START) == Granted()
