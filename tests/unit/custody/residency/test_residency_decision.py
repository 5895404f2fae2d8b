"""The doubt rule: doubt widens, only tier A excludes, and one image brings in the subject."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from residency_facts import ANNA, evidence, facts

from countenance.custody.residency.decision import Decision, Facts, Judgement, both, decide, either, evaluate
from countenance.custody.residency.evidence import Predicate, Tier
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.places import WORLD, place
from countenance.custody.residency.report import counts
from countenance.custody.residency.scope import (
    AllOf,
    AnyOf,
    AtExecution,
    CustomerClass,
    Customers,
    InPlace,
    Named,
    Span,
    means_everyone,
)
from countenance.errors import ScopeEmpty, ScopeMixed
from countenance.terms import SubjectId

ON = date(2024, 6, 1)
case = pytest.param
IN, POSSIBLE, UNKNOWN, OUT = Decision.IN, Decision.POSSIBLE, Decision.UNKNOWN, Decision.OUT


def leaf(said: str, when: Span | AtExecution | None = None) -> InPlace:
    predicate, code = said.split()
    return InPlace(Predicate(predicate), place(code), when or AtExecution())


def judged(scope, *said, **more) -> Judgement:
    return evaluate(scope, facts(*said, **more), on=ON)


@pytest.mark.parametrize(
    ("scope", "said", "expected"),
    [
        case("resident_of GB", ["A resident_of GB"], IN, id="declared there"),
        case("resident_of GB", ["A resident_of FR"], OUT, id="declared elsewhere"),
        case("resident_of GB", [], UNKNOWN, id="nothing known"),
        case("resident_of GB", ["B resident_of GB"], IN, id="account there"),
        case("resident_of GB", ["B resident_of FR"], UNKNOWN, id="account elsewhere excludes nobody"),
        case("resident_of GB", ["C resident_of FR", "D resident_of FR"], UNKNOWN, id="weak signals elsewhere"),
        case("resident_of GB", ["C resident_of GB"], POSSIBLE, id="stated place is weak for residence"),
        case("resident_of GB", ["D resident_of GB"], POSSIBLE, id="a domain is a hint"),
        case("resident_of GB", ["A resident_of FR", "D resident_of GB"], POSSIBLE, id="a hint undoes a denial"),
        case("resident_of GB", ["A resident_of FR", "B resident_of GB"], IN, id="account against declaration"),
        case("resident_of GB", ["A resident_of FR", "A resident_of GB"], IN, id="two homes"),
        case("resident_of GB", ["C image_located_in GB"], POSSIBLE, id="a photograph is weak for residence"),
        case("resident_of GB", ["B resident_of GB|GG"], POSSIBLE, id="a prefix that islands share"),
        case("resident_of GB", ["A resident_of GB-SCT"], IN, id="a part is inside the whole"),
        case("resident_of US-IL", ["A resident_of US"], POSSIBLE, id="the whole may be the part"),
        case("resident_of US-IL", ["A resident_of US-NY"], OUT, id="another state"),
        case("present_in FR", ["C image_located_in FR"], IN, id="a dated position proves presence"),
        case("present_in FR", ["D present_in FR", "A present_in IT"], POSSIBLE, id="a time zone is a hint"),
        case("present_in FR", ["A resident_of FR"], IN, id="who lives there is there"),
        case("present_in FR", ["A resident_of IT"], OUT, id="who lives elsewhere, nothing against it"),
        case("present_in FR", ["A resident_of IT", "C image_located_in FR"], IN, id="lives elsewhere, seen there"),
        case("image_located_in US-IL", ["C image_located_in US-IL"], IN, id="taken there"),
        case("image_located_in US-IL", ["C image_located_in US-IL|US-MO"], POSSIBLE, id="taken near the border"),
        case("image_located_in US-IL", ["C image_located_in FR"], UNKNOWN, id="a position excludes nothing"),
        case("image_located_in US-IL", ["A image_located_in FR"], OUT, id="declared taken elsewhere"),
        case("image_located_in US-IL", ["A resident_of FR"], UNKNOWN, id="residence says nothing of a photo"),
        case("image_uploaded_in US-IL", ["B image_uploaded_in US-IL"], IN, id="uploaded there"),
        case("image_located_in US-IL", ["B image_uploaded_in US-IL"], POSSIBLE, id="uploaded there, taken?"),
        case("collected_from_server_in AU", ["D collected_from_server_in AU"], POSSIBLE, id="a page's domain"),
        case("collected_from_server_in AU", ["A resident_of AU"], UNKNOWN, id="residence says no server"),
        case("resident_of 001", [], IN, id="the whole world takes in everybody"),
    ],
)
def test_decision_by_evidence(scope, said, expected):
    judgement = judged(leaf(scope), *said)
    assert judgement.decision is expected
    assert judgement.inside is (expected is not OUT)
    assert judgement.by_doubt_alone is (expected in (POSSIBLE, UNKNOWN))


def test_decision_names_what_it_rests_on_and_what_would_change_it():
    judgement = judged(leaf("resident_of GB"), "A resident_of FR", "D resident_of GB", "C resident_of GB")
    assert (judgement.evidence_ids, judgement.tiers) == (("e2", "e3"), frozenset({Tier.C, Tier.D}))
    assert any("Tier A or B evidence for resident_of GB on 2024-06-01" in text for text in judgement.would_change)
    out = judged(leaf("resident_of GB"), "A resident_of FR")
    assert (out.evidence_ids, out.tiers) == (("e1",), frozenset({Tier.A}))
    unknown = judged(leaf("resident_of GB"))
    assert unknown.evidence_ids == ()
    assert "missing" in unknown.would_change[0]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        case(["A resident_of FR 2022-01-01 -"], OUT, id="elsewhere all the time"),
        case(["A resident_of FR 2022-05-19 -"], UNKNOWN, id="a day is not covered"),
        case(["A resident_of FR 2022-01-01 2023-01-31", "A resident_of IT 2023-02-01 -"], OUT, id="two in a row"),
        case(["A resident_of FR 2022-01-01 2023-01-30", "A resident_of IT 2023-02-01 -"], UNKNOWN, id="a gap"),
        case(["A resident_of FR 2022-01-01 -", "B resident_of GB - 2022-05-18"], IN, id="there on the first day"),
        case(["A resident_of FR 2022-01-01 -", "B resident_of GB - 2022-05-17"], OUT, id="left the day before"),
        case(["A resident_of GB 2021-01-01 2021-12-31"], UNKNOWN, id="lived there before"),
        case(["A resident_of GB 2023-01-01 2023-01-01"], IN, id="a single day"),
    ],
)
def test_residence_is_a_set_of_intervals(said, expected):
    assert judged(leaf("resident_of GB", Span(date(2022, 5, 18), None)), *said).decision is expected


def test_overlapping_residence_puts_a_subject_under_every_order():
    homes = ("A resident_of GB 2020-01-01 -", "A resident_of FR 2023-01-01 -")
    assert [judged(leaf(f"resident_of {c}"), *homes).decision for c in ("GB", "FR", "IT")] == [IN, IN, OUT]


def test_contradicted_declaration_excludes_nobody():
    against = evidence("e2", "B resident_of IT", contradicts=("e1",))
    subject = facts("A resident_of FR")
    contradicted = replace(subject, evidence=(*subject.evidence, against))
    judgement = evaluate(leaf("resident_of GB"), contradicted, on=ON)
    assert judgement.decision is UNKNOWN
    assert "is contradicted" in judgement.would_change[0]


def test_one_image_in_scope_brings_in_the_subject():
    scope = leaf("image_located_in US-IL")
    subject = facts("A image_located_in FR", images=("i1", "i2"))
    assert evaluate(scope, subject, on=ON).decision is UNKNOWN
    seen = evidence("e9", "C image_located_in US-IL", image_id="i2")
    assert evaluate(scope, replace(subject, evidence=(*subject.evidence, seen)), on=ON).decision is IN
    away = evidence("e9", "A image_located_in FR", image_id="i2")
    assert evaluate(scope, replace(subject, evidence=(*subject.evidence, away)), on=ON).decision is OUT


def test_predicates_about_images_must_hold_of_the_same_image():
    scope = AllOf((leaf("image_located_in US-IL"), leaf("image_uploaded_in FR")))
    subject = facts(images=("i1", "i2"))
    one = evidence("e1", "A image_located_in US-IL", image_id="i1")
    other = evidence("e2", "A image_uploaded_in FR", image_id="i2")
    no_one = evidence("e3", "A image_uploaded_in DE", image_id="i1")
    no_other = evidence("e4", "A image_located_in DE", image_id="i2")
    apart = replace(subject, evidence=(one, other, no_one, no_other))
    # Where an image was made hints at where it was uploaded from, so hints from Illinois keep i1 possible.
    assert evaluate(scope, apart, on=ON).decision is OUT
    together = replace(subject, evidence=(one, replace(other, image_id="i1"), no_other))
    assert evaluate(scope, together, on=ON).decision is IN


def test_subject_without_images_is_not_excluded_by_having_none():
    assert judged(leaf("image_located_in US-IL"), images=()).decision is UNKNOWN


def test_evidence_about_somebody_else_counts_for_nothing():
    other = replace(evidence("e1", "A resident_of GB"), subject_id=SubjectId(8))
    assert evaluate(leaf("resident_of GB"), Facts(ANNA, frozenset(), (), (other,)), on=ON).decision is UNKNOWN


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        case("Anna", ("Anna",), IN, id="the name"),
        case("  ANNA ", ("Anna",), IN, id="case and spaces"),
        case("Ａｎｎａ", ("Anna",), IN, id="wide letters"),
        case("Annabel", ("Anna",), OUT, id="another name"),
        case("Anna", (), UNKNOWN, id="a subject whose name is not known"),
    ],
)
def test_named_subject_is_the_one_of_that_name(name, known, expected):
    assert judged(Named(name), names=known).decision is expected


def test_customers_are_not_subjects():
    with pytest.raises(ScopeMixed):
        judged(Customers(WORLD, CustomerClass.ANY, AtExecution()))


# -- and, or ----------------------------------------------------------------------------------------------------

HEIGHT = [OUT, UNKNOWN, POSSIBLE, IN]
AND_TABLE = """
          out  unknown  possible in
out       out  out      out      out
unknown   out  unknown  unknown  unknown
possible  out  unknown  possible possible
in        out  unknown  possible in
"""
OR_TABLE = """
          out      unknown  possible in
out       out      unknown  possible in
unknown   unknown  unknown  possible in
possible  possible possible possible in
in        in       in       in       in
"""


def table(text: str) -> dict[tuple[str, str], str]:
    head, *rows = [line.split() for line in text.strip().splitlines()]
    return {(row[0], column): value for row in rows for column, value in zip(head, row[1:], strict=True)}


def said(decision: Decision) -> Judgement:
    return Judgement(decision, frozenset(), (decision.value,), ())


def test_truth_tables():
    ands, ors = table(AND_TABLE), table(OR_TABLE)
    for one, two in product(Decision, repeat=2):
        assert both([said(one), said(two)]).decision == ands[one, two]
        assert either([said(one), said(two)]).decision == ors[one, two]


def test_either_rests_on_what_decided_and_both_on_everything_or_on_what_excluded():
    parts = [said(IN), said(POSSIBLE)]
    assert either(parts).evidence_ids == ("in",)
    assert both(parts).evidence_ids == ("in", "possible")
    assert both([*parts, said(OUT)]).evidence_ids == ("out",)


DECISIONS = st.lists(st.sampled_from(list(Decision)), min_size=1, max_size=5)


@given(DECISIONS, st.integers(0, 4), st.sampled_from(list(Decision)))
def test_raising_one_part_never_moves_anybody_outside(parts, index, new):
    index %= len(parts)
    if HEIGHT.index(new) < HEIGHT.index(parts[index]):
        return
    raised = [*parts[:index], new, *parts[index + 1 :]]
    for join in (both, either):
        before, after = (join([said(d) for d in part]).decision for part in (parts, raised))
        assert HEIGHT.index(after) >= HEIGHT.index(before)


SAID = st.sampled_from(
    [
        f"{t} {p} {c} {d}"
        for t in "ABCD"
        for p in ("resident_of", "present_in")
        for c in ("GB", "FR", "GB|FR")
        for d in ("- -", "2024-01-01 -", "- 2024-05-31", "2024-06-01 2024-06-01")
    ]
)
SIGNED = SAID.filter(lambda text: not text.startswith("B image"))


@given(st.lists(SIGNED, max_size=5), SIGNED)
def test_more_evidence_for_a_place_never_moves_a_subject_outside_it(known, more):
    scope = leaf("resident_of GB")
    before = judged(scope, *known)
    after = judged(scope, *known, more)
    if " FR " not in more and before.inside:
        assert after.inside


@given(st.lists(SIGNED, max_size=5))
def test_nobody_is_outside_without_tier_a_for_it(known):
    judgement = judged(leaf("resident_of GB"), *known)
    if judgement.decision is OUT:
        assert judgement.tiers == {Tier.A}
        assert not any(" GB" in text or "|" in text for text in known if "2024-05-31" not in text)


@given(st.lists(SIGNED, max_size=4), st.permutations(range(4)))
def test_order_of_evidence_does_not_matter(known, order):
    subject = facts(*known)
    turned = replace(subject, evidence=tuple(subject.evidence[i] for i in order if i < len(known)))
    scope = AnyOf((leaf("resident_of GB"), AllOf((leaf("present_in FR"), leaf("resident_of FR")))))
    assert evaluate(scope, subject, on=ON) == evaluate(scope, turned, on=ON)


# -- scopes -----------------------------------------------------------------------------------------------------


def test_empty_branch_is_refused_wherever_it_is():
    for branch in (AllOf, AnyOf):
        with pytest.raises(ScopeEmpty):
            branch(())


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        case(leaf("resident_of 001"), True, id="the world"),
        case(leaf("resident_of GB"), False, id="a country"),
        case(AnyOf((leaf("resident_of GB"), leaf("present_in 001"))), True, id="a country or the world"),
        case(AllOf((leaf("resident_of GB"), leaf("present_in 001"))), False, id="a country and the world"),
        case(AllOf((leaf("resident_of 001"), leaf("present_in 001"))), True, id="the world twice"),
        case(Named("Anna"), False, id="one name"),
        case(Customers(WORLD, CustomerClass.ANY, AtExecution()), True, id="all customers"),
        case(Customers(WORLD, CustomerClass.PRIVATE, AtExecution()), False, id="private customers"),
    ],
)
def test_scope_that_means_everyone_is_recognised(scope, expected):
    assert means_everyone(scope) is expected


def test_scope_that_means_everyone_takes_in_a_subject_of_whom_nothing_is_known():
    assert judged(leaf("image_located_in 001"), images=()).decision is IN


def test_counts_say_how_many_are_inside_by_doubt_alone():
    found = counts(
        judged(leaf("resident_of GB"), *said)
        for said in (["A resident_of GB"], ["D resident_of GB"], [], ["A resident_of FR"], ["A resident_of IT"])
    )
    assert found.as_dict() == {
        "by_decision": {"in": 1, "possible": 1, "unknown": 1, "out": 2},
        "by_best_tier": {"A": 1, "B": 0, "C": 0, "D": 1, "none": 1},
        "by_doubt_alone": 2,
        "total": 5,
    }


def test_decide_looks_only_at_the_days_asked_about():
    during = Interval.day(date(2022, 5, 18))
    home = evidence("e1", "A resident_of GB 2022-05-19 -")
    assert decide(Predicate.RESIDENT_OF, place("GB"), during, [home]).decision is UNKNOWN
