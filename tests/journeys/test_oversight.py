"""A customer's whole story, and every way in which it must not go."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from countenance import Countenance
from countenance.cli.main import run
from countenance.errors import (
    AccessRefused,
    CaseUnknown,
    CredentialInvalid,
    InputInvalid,
    PartyExists,
    PurposeUnknown,
    ReviewUnknown,
)
from countenance.oversight.case_states import CaseState
from countenance.oversight.credentials import KeyKind
from countenance.oversight.parties import MACHINE, CustomerClass, LegalBasis, Principal, Role
from countenance.oversight.policy import Code, Verb
from countenance.oversight.reviewing import Answer, ItemKind
from countenance.store import oversight_tables as tables
from countenance.store import reviews as review_rows
from countenance.terms import ArtefactClass
from tests import order_gallery
from tests.galleries import Galleries, row, template
from tests.offices import PASSWORD, PURPOSE, Office, hire, office, protection_officer

pytestmark = pytest.mark.usefixtures("quick_passwords")

ANNA = template(1)


@pytest.fixture
def gallery(galleries: Galleries) -> Countenance:
    """Anna and 40 strangers, all for the purpose event-photos."""
    made = galleries.new()
    made.enrol_templates([row("anna", ANNA), *(row(f"stranger-{n}", template(100 + n)) for n in range(40))])
    return made


@pytest.fixture
def officer(gallery: Countenance) -> Principal:
    """The data protection officer."""
    return protection_officer(gallery)


@pytest.fixture
def police(gallery: Countenance, officer: Principal) -> Office:
    """A British police force."""
    return office(gallery, officer)


def refused(code: Code) -> pytest.RaisesExc[AccessRefused]:
    """Expects a refusal for that reason."""
    return pytest.RaisesExc(AccessRefused, check=lambda error: error.reason == code)


def events(gallery: Countenance) -> list[str]:
    """What the log says has happened."""
    log = gallery._witness.log
    return [entry.event for entry in log.entries(0, log.size)]


def count(gallery: Countenance, table: str) -> int:
    with gallery._database.read() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


# -- the story ----------------------------------------------------------------------------------------------------


def test_a_case_is_asked_for_authorised_searched_reviewed_and_released_and_the_subject_sees_it(
    gallery: Countenance, officer: Principal, police: Office
) -> None:
    oversight = gallery.oversight
    case_id = police.case()
    made = police.search(case_id, template(9, near=ANNA))
    assert "anna" not in json.dumps(made.as_dict())
    assert oversight.reviews.release(police["investigator"], case_id) == ()
    police.review_rightly("first", ["anna"])
    assert oversight.reviews.release(police["investigator"], case_id) == ()
    police.review_rightly("second", ["anna"])
    released = oversight.reviews.release(police["investigator"], case_id)
    assert [one.subject for one in released] == ["anna"]
    assert oversight.reviews.release(police["investigator"], case_id) == released, "released once"

    account = oversight.people.give_subject_account(MACHINE, "anna", "anna@example.org", PASSWORD)
    herself = oversight.authenticate(oversight.login("anna@example.org", PASSWORD).secret)
    assert herself.actor == account
    lines = oversight.own_ledger(herself)
    assert [(line.customer, line.purpose, line.what, line.search_id) for line in lines] == [
        ("Harbour Police", PURPOSE, "released", made.search_id)
    ]
    oversight.withdraw_own(herself)
    assert [notice.row.recipient for notice in gallery.duties.notices()] == [f"customer:{police.customer_id}"]
    with pytest.raises(CredentialInvalid):
        oversight.own_ledger(herself)
    assert gallery.status().erasures_open == 1, "the recipient has not answered"
    (notice,) = gallery.duties.notices()
    gallery.duties.told(notice.row.erasure_id, notice.row.recipient)
    gallery.duties.told(notice.row.erasure_id, notice.row.recipient, "deleted")
    gallery.expire()
    assert gallery.status().erasures_open == 0
    assert oversight.reviews.release(police["investigator"], case_id) == (), "gone with her"
    for table in ("releases", "subject_accounts", "disclosures"):
        assert count(gallery, table) == 0
    wanted = {"customer.registered", "person.added", "case.asked", "case.authorised", "review.shown"}
    assert wanted | {"review.answered", "candidate.released", "session.begun"} <= set(events(gallery))


def test_the_access_archive_names_the_customer_and_the_recipient(
    gallery: Countenance, police: Office, tmp_path: Path
) -> None:
    case_id = police.case()
    police.search(case_id, template(9, near=ANNA))
    for name in ("first", "second"):
        police.review_rightly(name, ["anna"])
    gallery.oversight.reviews.release(police["investigator"], case_id)
    gallery.access("anna", tmp_path / "anna.zip")
    document = json.loads(zipfile.ZipFile(tmp_path / "anna.zip").read("access.json"))
    assert [one["customer"] for one in document["searches"]] == ["Harbour Police"]
    assert [one["recipient"] for one in document["recipients"]] == [f"customer:{police.customer_id}"]


def test_two_real_photographs_lie_side_by_side_and_tell_nothing_else(
    galleries: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    gallery.permit(
        "anna", purposes=[PURPOSE], residence="GB", until=galleries.clock.now().date().replace(year=2028)
    )
    gallery.enrol("anna", portrait_photographs[:1])
    police = office(gallery, protection_officer(gallery))
    case_id = police.case()
    made = gallery.oversight.search(police["investigator"], case_id, portrait_photographs[1])
    assert made.faces == 1
    task = gallery.oversight.reviews.next(police["first"])
    assert task is not None
    assert set(task.as_dict()) == {"review", "shown"}
    pair = gallery.oversight.side_by_side(police["first"], task.task_id)
    for side in (pair.probe, pair.candidate):
        assert side is not None
        assert side.startswith(b"\x89PNG")
    with pytest.raises(ReviewUnknown):
        gallery.oversight.side_by_side(police["second"], task.task_id)
    gallery.oversight.cases.close(police["authoriser"], case_id)
    with pytest.raises(ReviewUnknown):
        gallery.oversight.side_by_side(police["first"], task.task_id)


def test_the_same_story_on_either_database(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA), *(row(f"stranger-{n}", template(100 + n)) for n in range(9))])
    police = office(gallery, protection_officer(gallery))
    case_id = police.case(emergency=True)
    police.search(case_id, template(9, near=ANNA))
    for name in ("first", "second"):
        police.review_rightly(name, ["anna"])
    released = gallery.oversight.reviews.release(police["investigator"], case_id)
    assert [one.subject for one in released] == ["anna"]
    gallery.oversight.cases.close(police["authoriser"], case_id)
    again = both.open()
    assert again.oversight.sweep() == 0, "nothing is left to be swept"
    assert [one.facts.state for one in again.oversight.cases.listed(police["investigator"])] == ["closed"]
    assert count(again, "case_probes") == 0


# -- no case, no search -------------------------------------------------------------------------------------------


def test_a_case_that_nobody_authorised_allows_no_search(gallery: Countenance, police: Office) -> None:
    case_id = police.case(authorised=False)
    with refused(Code.CASE_STATE):
        police.search(case_id, ANNA)
    with refused(Code.ROLE):
        gallery.oversight.cases.authorise(police["investigator"], case_id)
    assert "access.refused" in events(gallery)
    assert count(gallery, "case_searches") == 0


def test_the_quota_is_never_exceeded_even_by_many_at_once(gallery: Countenance, police: Office) -> None:
    case_id = police.case(quota=3)
    police.search(case_id, ANNA)

    def again(_: int) -> bool:
        try:
            gallery.oversight.cases.take_search(police["investigator"], case_id)
        except AccessRefused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(again, range(8))) == 2


def test_a_search_that_fails_is_given_back(gallery: Countenance, officer: Principal, police: Office) -> None:
    case_id = police.case(quota=1)
    gallery.oversight._search._probe = lambda name, image: (_ for _ in ()).throw(PurposeUnknown("x"))
    with pytest.raises(PurposeUnknown):
        gallery.oversight.search(police["investigator"], case_id, b"")
    assert police.search(case_id, ANNA).left == 0


def test_an_expired_case_allows_no_search_and_its_probes_cannot_be_opened(
    galleries: Galleries, gallery: Countenance, police: Office
) -> None:
    case_id = police.case(days=2)
    police.search(case_id, ANNA)
    with gallery._database.read() as connection:
        case = connection.execute(select(tables.cases)).one()
    assert count(gallery, "case_probes") == 1
    galleries.clock.step(timedelta(days=3))
    police.people = {name: replace(one, credential=relogin(gallery, name)) for name, one in police.people.items()}
    with refused(Code.CASE_STATE):
        police.search(case_id, ANNA)
    assert count(gallery, "case_probes") == count(gallery, "review_items") == 0
    assert not gallery._ring.alive(case.key_slot, ArtefactClass.IMAGE)
    shown = gallery.oversight.cases.get(police["investigator"], case_id)
    assert (shown.facts.state, shown.reference) == (CaseState.EXPIRED, "2027/117")


def relogin(gallery: Countenance, name: str) -> str:
    """A new session for somebody at the police."""
    issued = gallery.oversight.login(f"{name} at Harbour Police", PASSWORD)
    return issued.key_id


@pytest.mark.parametrize("how", ["refused", "late"])
def test_an_emergency_that_is_refused_or_late_stops_and_what_it_found_is_erased(
    galleries: Galleries, gallery: Countenance, police: Office, how: str
) -> None:
    oversight = gallery.oversight
    case_id = police.case(emergency=True, authorised=False)
    police.search(case_id, template(9, near=ANNA))
    for name in ("first", "second"):
        police.review_rightly(name, ["anna"])
    with refused(Code.CASE_STATE):
        oversight.reviews.release(police["investigator"], case_id)
    if how == "refused":
        oversight.cases.refuse(police["authoriser"], case_id)
    else:
        galleries.clock.step(timedelta(hours=48))
        assert oversight.sweep() == 1
    assert [count(gallery, t) for t in ("case_probes", "review_items", "review_tasks", "releases")] == [0, 0, 0, 0]
    with gallery._database.read() as connection:
        left = connection.execute(text("SELECT reference_id, rank, score FROM search_results")).all()
    assert set(left) == {(0, 0, 0.0)}
    anna = gallery._ledger.find("anna").subject_id
    assert [line.what for line in oversight._search_ledger.of(anna)] == ["erased"], "her own record stays"
    assert {"case.stopped", "case.swept"} <= set(events(gallery))


def test_an_emergency_that_is_authorised_in_time_may_release(gallery: Countenance, police: Office) -> None:
    case_id = police.case(emergency=True, authorised=False)
    police.search(case_id, template(9, near=ANNA))
    for name in ("first", "second"):
        police.review_rightly(name, ["anna"])
    gallery.oversight.cases.authorise(police["authoriser"], case_id)
    released = gallery.oversight.reviews.release(police["investigator"], case_id)
    assert [one.subject for one in released] == ["anna"]


def test_a_case_that_ends_while_its_search_is_made_finds_nothing(gallery: Countenance, police: Office) -> None:
    case_id = police.case()
    prepare = police.search(case_id, ANNA) and gallery.oversight._search._probe

    def slowly(name: str, image: object) -> object:
        gallery.oversight.cases.close(police["authoriser"], case_id)
        return prepare(name, image)  # type: ignore[operator]

    before = count(gallery, "searches")
    gallery.oversight._search._probe = slowly  # type: ignore[method-assign,assignment]
    with refused(Code.CASE_STATE):
        gallery.oversight.search(police["investigator"], case_id, b"")
    assert count(gallery, "searches") == before


CASES_IN_STATE: dict[CaseState, Callable[[Galleries, Countenance, Office], str]] = {
    CaseState.ASKED: lambda _, __, police: police.case(authorised=False),
    CaseState.EMERGENCY: lambda _, __, police: police.case(authorised=False, emergency=True),
    CaseState.AUTHORISED: lambda _, __, police: police.case(),
    CaseState.REFUSED: lambda _, gallery, police: (
        gallery.oversight.cases.refuse(police["authoriser"], police.case(authorised=False)).case_id
    ),
    CaseState.CLOSED: lambda _, gallery, police: (
        gallery.oversight.cases.close(police["authoriser"], police.case()).case_id
    ),
    CaseState.STOPPED: lambda _, gallery, police: (
        gallery.oversight.cases.refuse(police["authoriser"], police.case(authorised=False, emergency=True)).case_id
    ),
    CaseState.EXPIRED: lambda galleries, _, police: overtaken(galleries, police),
}
"""A case in every state, as it comes into it."""

ON_A_CASE: dict[str, tuple[Verb, str, Callable[[Countenance, Principal, str], object]]] = {
    "search": (Verb.IDENTIFY, "investigator", lambda g, who, case: g.oversight.cases.take_search(who, case)),
    "release": (Verb.RELEASE, "investigator", lambda g, who, case: g.oversight.reviews.release(who, case)),
    "authorise": (Verb.CASE_AUTHORISE, "authoriser", lambda g, who, case: g.oversight.cases.authorise(who, case)),
    "refuse": (Verb.CASE_AUTHORISE, "authoriser", lambda g, who, case: g.oversight.cases.refuse(who, case)),
    "close": (Verb.CASE_CLOSE, "investigator", lambda g, who, case: g.oversight.cases.close(who, case)),
}
"""Everything that is done to a case: the verb, who may, and how."""

IN_STATE = {
    CaseState.ASKED: {"authorise", "refuse", "close"},
    CaseState.EMERGENCY: {"search", "authorise", "refuse", "close"},
    CaseState.AUTHORISED: {"search", "release", "close"},
}
"""What each state allows, written down apart from the code; the other states allow nothing."""


def overtaken(galleries: Galleries, police: Office) -> str:
    """A case whose time has run out; its people have logged in again."""
    case_id = police.case(days=1)
    galleries.clock.step(timedelta(days=1))
    police.people = {
        name: replace(one, credential=relogin(police.gallery, name)) for name, one in police.people.items()
    }
    return case_id


def test_what_the_state_of_a_case_forbids_is_refused_and_logged_and_nothing_else_is(
    galleries: Galleries, gallery: Countenance, police: Office
) -> None:
    log = gallery._witness.log
    for (state, make), (act, (verb, name, do)) in product(CASES_IN_STATE.items(), ON_A_CASE.items()):
        case_id = make(galleries, gallery, police)
        before = log.size
        if act in IN_STATE.get(state, set()):
            do(gallery, police[name], case_id)
        else:
            with refused(Code.CASE_STATE):
                do(gallery, police[name], case_id)
        told = [one.body for one in log.entries(before, log.size) if one.event == "access.refused"]
        said = [(body["verb"], body["why"], body["actor"], body["customer"]) for body in told]
        right = (
            []
            if act in IN_STATE.get(state, set())
            else [(verb, Code.CASE_STATE, police[name].actor, police.customer_id)]
        )
        assert said == right, f"{act}, {state}"


# -- review -------------------------------------------------------------------------------------------------------


def test_two_who_disagree_release_nothing_and_a_third_is_not_asked(gallery: Countenance, police: Office) -> None:
    case_id = police.case()
    police.search(case_id, template(9, near=ANNA))
    police.review_rightly("first", ["anna"])
    police.review_all("second", Answer.DIFFERENT)
    assert gallery.oversight.reviews.next(police["third"]) is None
    assert gallery.oversight.reviews.release(police["investigator"], case_id) == ()


def test_nobody_answers_twice_and_the_same_task_comes_back_until_it_is_answered(
    gallery: Countenance, police: Office
) -> None:
    police.search(police.case(), template(9, near=ANNA))
    first = gallery.oversight.reviews.next(police["first"])
    assert first == gallery.oversight.reviews.next(police["first"])
    assert police.review_all("first", Answer.DIFFERENT) == 2, "the candidate and one non-mate"
    assert police.review_all("first") == 0


def test_an_answer_is_given_once_and_never_changed(gallery: Countenance, police: Office) -> None:
    police.search(police.case(), template(9, near=ANNA))
    reviews = gallery.oversight.reviews
    task = reviews.next(police["first"])
    assert task is not None
    reviews.answer(police["first"], task.task_id, Answer.DIFFERENT)
    reviews.answer(police["first"], task.task_id, Answer.DIFFERENT)
    with refused(Code.NO_REVIEW):
        reviews.answer(police["first"], task.task_id, Answer.SAME)
    with pytest.raises(ReviewUnknown):
        reviews.answer(police["second"], task.task_id, Answer.SAME)


def test_a_task_that_is_left_lying_goes_to_somebody_else(
    galleries: Galleries, gallery: Countenance, police: Office
) -> None:
    police.search(police.case(), template(9, near=ANNA))
    gallery.oversight.reviews.next(police["first"])
    gallery.oversight.reviews.next(police["first"])
    galleries.clock.step(timedelta(hours=25))
    for name in ("second", "third"):
        police.people[name] = replace(police[name], credential=relogin(gallery, name))
        assert police.review_all(name, Answer.DIFFERENT) == 2


def test_reviewers_without_a_certificate_or_with_a_hand_in_the_case_are_refused(
    gallery: Countenance, officer: Principal, police: Office
) -> None:
    oversight, there = gallery.oversight, police.customer_id
    newcomer = hire(gallery, "newcomer", Role.REVIEWER, customer_id=there)
    with refused(Code.NOT_COMPETENT):
        oversight.reviews.next(newcomer)
    both = hire(gallery, "both", Role.REVIEWER, Role.AUTHORISER, customer_id=there)
    oversight.people.certify(officer, both.actor, gallery._clock.now() + timedelta(days=9))
    police.people["authoriser"] = both
    police.search(police.case(), template(9, near=ANNA))
    assert oversight.reviews.next(both) is None


def test_a_reviewer_who_says_yes_to_everything_is_found_out_and_the_work_is_done_again(
    gallery: Countenance, officer: Principal, police: Office
) -> None:
    case_id = police.case()
    for seed in (9, 10):
        police.search(case_id, template(seed, near=ANNA), seed=seed)
    police.review_rightly("second", ["anna"])
    with refused(Code.NOT_COMPETENT):
        police.review_all("first", Answer.SAME)
    measured = {one.tally.person_id: one for one in gallery.oversight.reviews.measure(officer)}
    assert not measured[police["first"].actor].competent
    assert measured[police["first"].actor].tally.controls_confirmed == 2
    assert "reviewer.found_out" in events(gallery)
    assert gallery.oversight.reviews.release(police["investigator"], case_id) == (), "her answers do not count"
    police.review_rightly("third", ["anna"])
    released = gallery.oversight.reviews.release(police["investigator"], case_id)
    assert {one.subject for one in released} == {"anna"}


def test_agreement_and_speed_are_measured(gallery: Countenance, officer: Principal, police: Office) -> None:
    police.search(police.case(), template(9, near=ANNA))
    police.review_all("first", Answer.DIFFERENT, seconds=20)
    police.review_all("second", Answer.DIFFERENT, seconds=40)
    found = {one.tally.person_id: one.as_dict() for one in gallery.oversight.reviews.measure(officer)}
    assert found[police["first"].actor]["mean_seconds"] == 20.0
    assert found[police["second"].actor]["mean_seconds"] == 40.0
    assert found[police["first"].actor]["agreement"] == 1.0


def test_two_at_once_cannot_both_be_the_second_reviewer(gallery: Countenance, police: Office) -> None:
    police.search(police.case(), template(9, near=ANNA))
    police.review_all("first", Answer.DIFFERENT)
    with ThreadPoolExecutor(2) as pool:
        tasks = list(pool.map(lambda name: gallery.oversight.reviews.next(police[name]), ["second", "third"]))
    with gallery._database.read() as connection:
        chosen = [review_rows.task(connection, task.task_id) for task in tasks if task is not None]
        items = [task.item_id for task in chosen if task is not None]
    assert len(items) == len(set(items)) == 2


def test_the_same_source_chooses_the_same_non_mates_and_never_a_candidate(
    gallery: Countenance, police: Office
) -> None:
    case_id = police.case()
    for seed in (3, 3, 4):
        police.search(case_id, template(9, near=ANNA), seed=seed)
    with gallery._database.read() as connection:
        items = review_rows.items(connection, case_id)
    searches = list(dict.fromkeys(item.search_id for item in sorted(items, key=lambda one: one.made_utc)))
    shown = {
        search: {item.subject_id for item in items if item.search_id == search and item.kind == ItemKind.CONTROL}
        for search in searches
    }
    anna = gallery._ledger.find("anna").subject_id
    assert all(len(controls) == 1 and anna not in controls for controls in shown.values())
    assert len({frozenset(controls) for controls in shown.values()}) <= 2
    stranger = next(iter(next(iter(shown.values()))))
    assert "shown as a non-mate" in {line.what for line in gallery.oversight._search_ledger.of(stranger)}


def test_a_subject_who_withdrew_her_purpose_is_not_released(
    galleries: Galleries, gallery: Countenance, police: Office
) -> None:
    case_id = police.case(days=300)
    gallery.enrol_templates([row("brief", template(500), until=galleries.clock.now().date() + timedelta(days=10))])
    police.search(case_id, template(501, near=template(500)))
    for name in ("first", "second"):
        police.review_rightly(name, ["brief"])
    galleries.clock.step(timedelta(days=20))
    police.people["investigator"] = replace(police["investigator"], credential=relogin(gallery, "investigator"))
    with refused(Code.PERMISSION):
        gallery.oversight.reviews.release(police["investigator"], case_id)
    assert count(gallery, "releases") == count(gallery, "disclosures") == 0


# -- blocks -------------------------------------------------------------------------------------------------------


def test_a_block_takes_effect_on_sessions_that_are_running(
    gallery: Countenance, officer: Principal, police: Office
) -> None:
    case_id = police.case()
    police.search(case_id, ANNA)
    block = gallery.oversight.customers.block(officer, "public_authority", "GB", "the court of 1 March")
    with refused(Code.BARRED):
        police.search(case_id, ANNA)
    with refused(Code.BARRED):
        gallery.oversight.reviews.next(police["first"])
    gallery.oversight.customers.unblock(officer, block.row.block_id)
    police.search(case_id, ANNA)


def test_a_suspended_customer_and_a_removed_person_can_do_nothing_more(
    gallery: Countenance, officer: Principal, police: Office
) -> None:
    oversight = gallery.oversight
    case_id = police.case()
    oversight.customers.suspend(officer, police.customer_id)
    with refused(Code.CUSTOMER_SUSPENDED):
        police.search(case_id, ANNA)
    oversight.customers.suspend(officer, police.customer_id, active=True)
    oversight.people.remove(MACHINE, police["investigator"].actor)
    with pytest.raises(CredentialInvalid):
        police.search(case_id, ANNA)
    with pytest.raises(CredentialInvalid):
        oversight.login("investigator at Harbour Police", PASSWORD)
    listed = {one.person_id: one.name for one in oversight.people.listed(MACHINE, police.customer_id)}
    assert listed[police["investigator"].actor] == ""
    assert listed[police["authoriser"].actor] == "authoriser at Harbour Police"


def test_an_orders_block_takes_effect_when_it_is_served(gallery: Countenance, officer: Principal) -> None:
    shop = office(gallery, officer, "Shop", kind=CustomerClass.BUSINESS, jurisdiction="US-NY")
    police = office(gallery, officer, "New York Police", jurisdiction="US-NY")
    shops_case, police_case = shop.case(), police.case()
    shop.search(shops_case, ANNA)
    order_gallery.register(gallery, "aclu-2022")
    gallery.orders.serve(order_gallery.signed("aclu-2022"))
    with refused(Code.BARRED):
        shop.search(shops_case, ANNA)
    police.search(police_case, ANNA)
    gallery.oversight.cases.close(shop["investigator"], shops_case)


# -- isolation ----------------------------------------------------------------------------------------------------


def test_a_customer_sees_nothing_of_another_and_is_told_the_same_as_of_nothing(
    gallery: Countenance, officer: Principal, police: Office
) -> None:
    other = office(gallery, officer, "Hill Police")
    case_id = police.case()
    police.search(case_id, template(9, near=ANNA))
    cases, said = gallery.oversight.cases, []
    for asked in (case_id, "0" * 32):
        for action in (cases.get, cases.close, gallery.oversight.reviews.release):
            with pytest.raises(CaseUnknown) as caught:
                action(other["investigator"], asked)
            said.append(str(caught.value))
        with pytest.raises(CaseUnknown):
            cases.authorise(other["authoriser"], asked)
        with pytest.raises(CaseUnknown):
            other.search(asked, ANNA)
    assert len(set(said)) == 1
    assert cases.listed(other["investigator"]) == ()
    assert gallery.oversight.reviews.next(other["first"]) is None
    task = gallery.oversight.reviews.next(police["first"])
    assert task is not None
    with pytest.raises(ReviewUnknown):
        gallery.oversight.reviews.answer(other["first"], task.task_id, Answer.SAME)


# -- keys and passwords -------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_limited_bound_expires_and_is_revoked(
    galleries: Galleries, gallery: Countenance, police: Office
) -> None:
    oversight, now = gallery.oversight, gallery._clock.now()
    case_id = police.case()
    oversight.compartments.open(MACHINE, "people", customer_id=police.customer_id)
    issued = oversight.keys.issue(
        MACHINE,
        police.customer_id,
        roles=[Role.INVESTIGATOR],
        expires=now + timedelta(days=2),
        verbs=[Verb.IDENTIFY],
        case_id=case_id,
        purpose=PURPOSE,
        collection="people",
    )
    who = oversight.authenticate(issued.secret)
    assert (who.customer_id, who.collection, who.case_id) == (police.customer_id, "people", case_id)
    assert issued.secret not in repr(issued)
    assert issued.secret not in json.dumps([key.as_dict() for key in oversight.keys.listed(MACHINE)])
    for wrong in (issued.secret[:-1] + "-", issued.secret.replace("cnt_", ""), "", issued.key_id):
        with pytest.raises(CredentialInvalid):
            oversight.authenticate(wrong)
    with refused(Code.KEY_LIMITED):
        oversight.cases.listed(who)
    with refused(Code.KEY_BOUND):
        oversight.cases.take_search(who, police.case())
    oversight.cases.take_search(who, case_id)
    galleries.clock.step(timedelta(days=2))
    with pytest.raises(CredentialInvalid):
        oversight.cases.take_search(who, case_id)
    galleries.clock.step(timedelta(days=-2))
    oversight.keys.revoke(MACHINE, issued.key_id)
    with pytest.raises(CredentialInvalid):
        oversight.cases.take_search(who, case_id)


def test_no_secret_password_or_name_is_in_the_database(gallery: Countenance, police: Office) -> None:
    expires = gallery._clock.now() + timedelta(days=2)
    issued = [
        gallery.oversight.keys.issue(
            MACHINE, police.customer_id, roles=[Role.INVESTIGATOR], expires=expires, kind=kind
        )
        for kind in (KeyKind.BEARER, KeyKind.SIGNING)
    ]
    police.case()
    gallery._database.forget_deleted_rows()
    file = gallery._database.file
    assert file is not None
    data = b"".join(part.read_bytes() for part in file.parent.glob("gallery.db*"))
    assert police.customer_id.encode() in data, "the search can find"
    for secret in (PASSWORD, "Harbour Police", "old harbour", "2027/117", *(one.secret[-43:] for one in issued)):
        assert secret.encode() not in data


def test_a_signing_keys_secret_is_made_again_when_it_is_needed_and_opens_no_other_door(
    gallery: Countenance, police: Office
) -> None:
    oversight, expires = gallery.oversight, gallery._clock.now() + timedelta(days=2)
    issued = oversight.keys.issue(
        MACHINE, police.customer_id, roles=[Role.INVESTIGATOR], expires=expires, kind=KeyKind.SIGNING
    )
    assert oversight.signing_secret(issued.key_id) == issued.secret
    assert oversight.principal(issued.key_id).customer_id == police.customer_id
    with pytest.raises(CredentialInvalid):
        oversight.authenticate(f"cnt_{issued.key_id}_{issued.secret}")
    oversight.keys.revoke(MACHINE, issued.key_id)
    with pytest.raises(CredentialInvalid):
        oversight.signing_secret(issued.key_id)


def test_ten_wrong_passwords_lock_an_account_for_a_while_and_say_nothing(
    galleries: Galleries, gallery: Countenance, police: Office
) -> None:
    name, said = "first at Harbour Police", set()
    for who, password in ((name, "wrong but long enough"),) * 10 + ((name, PASSWORD), ("nobody", PASSWORD)):
        with pytest.raises(CredentialInvalid) as caught:
            gallery.oversight.login(who, password)
        said.add(str(caught.value))
    assert len(said) == 1
    galleries.clock.step(timedelta(minutes=16))
    gallery.oversight.login(name, PASSWORD)


def test_what_cannot_be_is_refused_and_changes_nothing(gallery: Countenance, police: Office) -> None:
    oversight = gallery.oversight
    given = {"jurisdiction": "GB", "legal_basis": LegalBasis.CONSENT}
    with pytest.raises(PartyExists):
        oversight.customers.register(
            MACHINE, "Harbour Police", customer_class=CustomerClass.POLICE, purposes=[PURPOSE], **given
        )
    for wrong in ({"customer_class": "army"}, {"purposes": ["law-enforcement"]}, {"purposes": []}):
        asked = {"customer_class": CustomerClass.BUSINESS, "purposes": [PURPOSE], **given, **wrong}
        with pytest.raises(InputInvalid):
            oversight.customers.register(MACHINE, "Shop", **asked)  # type: ignore[arg-type]
    for roles in ([Role.OPERATOR], [Role.SUBJECT], [], ["king"]):
        with pytest.raises(InputInvalid):
            oversight.people.add(MACHINE, "x", PASSWORD, roles=roles, customer_id=police.customer_id)
    with pytest.raises(InputInvalid):
        oversight.people.add(MACHINE, "x", "short", roles=[Role.REVIEWER], customer_id=police.customer_id)
    with pytest.raises(InputInvalid):
        oversight.keys.issue(
            MACHINE, police.customer_id, roles=[Role.REVIEWER], expires=gallery._clock.now() + timedelta(days=1)
        )
    assert len(oversight.customers.listed(MACHINE)) == 1
    assert len(oversight.people.listed(MACHINE, police.customer_id)) == 5


# -- ledger and register ------------------------------------------------------------------------------------------


def test_an_authority_delays_a_ledger_line_and_the_delay_ends_by_itself(
    galleries: Galleries, gallery: Countenance, officer: Principal, police: Office
) -> None:
    oversight, now = gallery.oversight, gallery._clock.now()
    case_id = police.case()
    police.search(case_id, ANNA)
    anna = gallery._ledger.find("anna").subject_id
    paper = {"authority": "Crown Court", "instrument_sha256": "0" * 64}
    for too_long in (now, now + timedelta(days=91)):
        with pytest.raises(InputInvalid):
            oversight.delays.place(officer, case_id, until=too_long, **paper)  # type: ignore[arg-type]
    oversight.delays.place(officer, case_id, until=now + timedelta(days=30), **paper)  # type: ignore[arg-type]
    assert oversight._search_ledger.of(anna) == ()
    assert "ledger.delayed" in events(gallery)
    galleries.clock.step(timedelta(days=30))
    assert [line.customer for line in oversight._search_ledger.of(anna)] == ["Harbour Police"]


def test_an_operators_own_search_is_in_the_ledger_as_the_operators(gallery: Countenance) -> None:
    from tests.galleries import search

    search(gallery, ANNA)
    lines = gallery.oversight._search_ledger.of(gallery._ledger.find("anna").subject_id)
    assert [line.customer for line in lines] == ["the operator of this gallery"]


def test_the_register_counts_what_was_done_and_keeps_counting_after_an_erasure(
    gallery: Countenance, officer: Principal, police: Office
) -> None:
    case_id = police.case(quota=6)
    for seed in range(6):
        police.search(case_id, ANNA, seed=seed)
    for _ in range(5):
        with refused(Code.CASE_QUOTA):
            police.search(case_id, ANNA)
    gallery.withdraw("anna")
    (line,) = gallery.oversight.register().lines
    assert line.as_dict() == {
        "class": "police",
        "jurisdiction": "GB",
        "legal_basis": "law_enforcement",
        "customers": None,
        "searches": 6,
        "releases": None,
        "refusals": 5,
    }
    assert "Harbour" not in json.dumps(gallery.oversight.register().as_dict())


# -- the command line ---------------------------------------------------------------------------------------------


def test_the_operators_steps_can_be_typed(
    galleries: Galleries,
    gallery: Countenance,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COUNTENANCE_PASSWORD", PASSWORD)
    monkeypatch.setenv("COUNTENANCE_GALLERY", str(galleries.folder))

    def typed(*arguments: str, status: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        assert run([*arguments, "--json"]) == status
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    basis = ("--basis", "law_enforcement", "--purpose", PURPOSE)
    made = typed("customer", "add", "Harbour Police", "--class", "police", "--jurisdiction", "GB", *basis)
    there = ("--customer", made["customer"])
    until = ("--until", (datetime.now(UTC) + timedelta(days=9)).date().isoformat())
    tokens = {}
    for name, role in (("ada", "investigator"), ("ben", "authoriser"), ("cyd", "reviewer")):
        typed("person", "add", name, "--role", role, *there)
        tokens[name] = typed("login", name)["secret"]
    asked = ("--reference", "7", "--about", "a robbery", "--quota", "2")
    assert typed("case", "open", *basis, *asked, *until, status=90)["error"]["code"] == "access_refused"
    monkeypatch.setenv("COUNTENANCE_TOKEN", tokens["ada"])
    case_id = typed("case", "open", *basis, *asked, *until)["case"]
    monkeypatch.setenv("COUNTENANCE_TOKEN", tokens["ben"])
    assert typed("case", "authorise", case_id)["state"] == "authorised"
    monkeypatch.setenv("COUNTENANCE_TOKEN", tokens["cyd"])
    typed("review", "next", status=90)
    monkeypatch.setenv("COUNTENANCE_TOKEN", tokens["ada"])
    assert typed("release", case_id) == {"released": []}
    assert typed("case", "close", case_id)["state"] == "closed"
    monkeypatch.delenv("COUNTENANCE_TOKEN")
    key = typed("key", "issue", made["customer"], "--role", "investigator", *until)["key"]
    typed("key", "revoke", key)
    assert [one["revoked"] is None for one in typed("key", "list")["keys"]] == [False]
    typed("customer", "block", "police", "GB", "--ground", "a court")
    monkeypatch.setenv("COUNTENANCE_TOKEN", tokens["ada"])
    typed("case", "open", *basis, *asked, *until, status=90)
    assert typed("register")["customers"][0]["class"] == "police"
    monkeypatch.setenv("COUNTENANCE_TOKEN", "cnt_no")
    assert typed("case", "list", status=91)["error"]["code"] == "credential_invalid"
