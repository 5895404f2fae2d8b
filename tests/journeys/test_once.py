"""A write that is sent again under its key has its effect once, and is answered again; on either database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from countenance import Countenance
from countenance.errors import (
    AnswerNotKept,
    IdempotencyKeyReused,
    InputInvalid,
    KeyDestroyed,
    RequestUnderWay,
)
from countenance.oversight.once import KEPT, Fresh, Replay
from countenance.oversight.parties import MACHINE, CustomerClass, LegalBasis, Principal, Role
from countenance.oversight.reviewing import Answer
from countenance.store import oversight_tables, request_tables, schema
from countenance.terms import ArtefactClass, SubjectId
from tests.galleries import UNTIL, Galleries, permit, row, template
from tests.offices import PASSWORD, PURPOSE, hire, office, protection_officer

pytestmark = pytest.mark.usefixtures("quick_passwords")

SENT = b"POST /v1/permissions anna"
ANNA = template(1)


def begun(gallery: Countenance, key: str, sent: bytes = SENT) -> Fresh:
    outcome = gallery.oversight.once.begin(MACHINE, key, sent)
    assert isinstance(outcome, Fresh)
    return outcome


def number(gallery: Countenance, subject: str) -> SubjectId:
    return gallery._ledger.find(subject).subject_id


def events(gallery: Countenance, event: str) -> int:
    log = gallery._witness.log
    return sum(entry.event == event for entry in log.entries(0, log.size))


def rows(gallery: Countenance, table: object) -> int:
    with gallery._database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


# -- a request's life -------------------------------------------------------------------------------------------


def test_an_answered_request_is_answered_again_and_another_under_its_key_is_refused(both: Galleries) -> None:
    gallery = both.new()
    once = gallery.oversight.once
    fresh = begun(gallery, "k")
    assert (len(fresh.request_id), fresh.again) == (32, False)
    with pytest.raises(RequestUnderWay):
        once.begin(MACHINE, "k", SENT)
    once.finish(fresh.request_id, 201, b"made")
    assert once.begin(MACHINE, "k", SENT) == Replay(201, b"made")
    with pytest.raises(IdempotencyKeyReused):
        once.begin(MACHINE, "k", b"something else")
    assert begun(gallery, "another").request_id != fresh.request_id
    assert both.open().oversight.once.begin(MACHINE, "k", SENT) == Replay(201, b"made")


def test_two_askers_do_not_share_a_key(galleries: Galleries) -> None:
    gallery = galleries.new()
    clerk = hire(gallery, "a clerk", Role.OPERATOR)
    mine, hers = begun(gallery, "k"), gallery.oversight.once.begin(clerk, "k", b"something else")
    assert isinstance(hers, Fresh)
    assert hers.request_id != mine.request_id


@pytest.mark.parametrize("key", ["", "x" * 256, "käse", "line\nbreak", "tab\t", "\x7f"])
def test_a_key_that_is_not_printable_ascii_is_refused(galleries: Galleries, key: str) -> None:
    gallery = galleries.new()
    with pytest.raises(InputInvalid):
        gallery.oversight.once.begin(MACHINE, key, SENT)
    assert rows(gallery, request_tables.requests) == 0


def test_what_was_refused_before_it_did_anything_may_be_sent_otherwise(galleries: Galleries) -> None:
    gallery = galleries.new()
    fresh = begun(gallery, "k")
    gallery.oversight.once.forget(fresh.request_id)
    assert not begun(gallery, "k", b"put right").again


def test_what_did_something_is_not_forgotten(galleries: Galleries) -> None:
    gallery = galleries.new()
    fresh = begun(gallery, "k")
    gallery.permit("anna", purposes=[PURPOSE], residence="GB", until=UNTIL, request_id=fresh.request_id)
    gallery.oversight.once.forget(fresh.request_id)
    assert begun(gallery, "k") == Fresh(fresh.request_id, again=True)
    gallery.oversight.once.leave(fresh.request_id)
    gallery.oversight.once.forget(begun(gallery, "k").request_id)
    assert begun(gallery, "k") == Fresh(fresh.request_id, again=True)


def test_a_request_of_an_engine_that_was_closed_is_handed_out_again_at_once(both: Galleries) -> None:
    gallery = both.new()
    fresh = begun(gallery, "k")
    other = both.open()
    with pytest.raises(RequestUnderWay):
        other.oversight.once.begin(MACHINE, "k", SENT)
    gallery.close()
    assert begun(other, "k") == Fresh(fresh.request_id, again=True)
    with pytest.raises(RequestUnderWay):
        both.open().oversight.once.begin(MACHINE, "k", SENT)


def test_of_many_who_send_one_key_at_once_one_goes_ahead(both: Galleries) -> None:
    engines = [both.new(), both.open()]

    def ask(turn: int) -> bool:
        try:
            return isinstance(engines[turn % 2].oversight.once.begin(MACHINE, "k", SENT), Fresh)
        except RequestUnderWay:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(16))) == 1


# -- answers ------------------------------------------------------------------------------------------------------


def test_a_secret_that_is_shown_once_is_not_told_again(galleries: Galleries) -> None:
    gallery = galleries.new()
    fresh = begun(gallery, "k")
    gallery.oversight.once.finish(fresh.request_id, 201, None)
    with pytest.raises(AnswerNotKept):
        gallery.oversight.once.begin(MACHINE, "k", SENT)


def test_answers_are_sealed_and_gone_with_their_day(both: Galleries) -> None:
    gallery = both.new()
    once = gallery.oversight.once
    once.finish(begun(gallery, "k").request_id, 200, b"the answer in the clear")
    with gallery._database.read() as connection:
        sealed = connection.execute(select(request_tables.request_answers.c.sealed_body)).scalar_one()
        slot = connection.execute(select(request_tables.answer_keys.c.key_slot)).scalar_one()
    assert b"answer" not in sealed
    both.clock.step(KEPT - timedelta(seconds=1))
    assert gallery.oversight.sweep() == 0
    assert once.begin(MACHINE, "k", SENT) == Replay(200, b"the answer in the clear")
    both.clock.step(timedelta(seconds=1))
    assert not begun(gallery, "k").again
    both.clock.step(timedelta(days=2))
    gallery.oversight.sweep()
    assert rows(gallery, request_tables.request_answers) == rows(gallery, request_tables.answer_keys) == 0
    assert slot in gallery._ring.destroyed([slot])
    assert rows(gallery, request_tables.requests) == 1, "this one is being carried out"
    gallery.close()
    again = both.open()
    assert rows(again, request_tables.requests) == 0, "of an engine that is gone, and its day is over"


def test_an_answer_about_a_subject_goes_with_her_and_a_late_repetition_does_not_bring_her_back(
    both: Galleries,
) -> None:
    gallery = both.new()
    once = gallery.oversight.once
    cut_off, told = begun(gallery, "cut off"), begun(gallery, "told")
    for fresh in (cut_off, told):
        gallery.permit("anna", purposes=[PURPOSE], residence="GB", until=UNTIL, request_id=fresh.request_id)
    once.finish(told.request_id, 201, b"anna's receipt", number(gallery, "anna"))
    once.leave(cut_off.request_id)
    assert once.begin(MACHINE, "told", SENT) == Replay(201, b"anna's receipt")
    with gallery._database.read() as connection:
        sealed = connection.execute(select(request_tables.request_answers.c.sealed_body)).scalar_one()
    own = gallery._ledger.find("anna")
    opener = gallery._vault.sealer(own.subject_id, own.wrapped, ArtefactClass.METADATA)
    assert opener.unseal(sealed, f"answer:{told.request_id}", 0) == b"anna's receipt"
    withdrawn = gallery.withdraw("anna")
    assert any(one.what == "answers kept for retries" and one.count == 1 for one in withdrawn.erased.destroyed)
    assert rows(gallery, request_tables.request_answers) == 0
    with pytest.raises(KeyDestroyed):  # so nothing opens a copy of it, wherever there is one
        gallery._vault.sealer(own.subject_id, own.wrapped, ArtefactClass.METADATA)
    with pytest.raises(AnswerNotKept):
        once.begin(MACHINE, "told", SENT)
    again = begun(gallery, "cut off")
    assert again == Fresh(cut_off.request_id, again=True)
    with pytest.raises(AnswerNotKept):
        gallery.permit("anna", purposes=[PURPOSE], residence="GB", until=UNTIL, request_id=again.request_id)
    assert gallery.status().subjects == 0


# -- operations ---------------------------------------------------------------------------------------------------


def test_every_operation_that_makes_something_makes_it_once(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA), *(row(f"stranger-{n}", template(100 + n)) for n in range(20))])
    oversight, officer = gallery.oversight, protection_officer(gallery)
    there = office(gallery, officer)
    until = there.gallery._clock.now() + timedelta(days=30)
    before = {event: events(gallery, event) for event in EVENTS}

    def twice(key: str, act: object) -> list[object]:
        fresh = begun(gallery, key)
        return [act(fresh.request_id), act(fresh.request_id)]  # type: ignore[operator]

    permits = twice(
        "permit", lambda id_: gallery.permit("bea", purposes=[PURPOSE], residence="GB", until=UNTIL, request_id=id_)
    )
    registered = twice(
        "customer",
        lambda id_: oversight.customers.register(
            MACHINE,
            "A Charity",
            customer_class=CustomerClass.CHARITY,
            jurisdiction="GB",
            legal_basis=LegalBasis.CONSENT,
            purposes=[PURPOSE],
            request_id=id_,
        ),
    )
    added = twice(
        "person",
        lambda id_: oversight.people.add(
            MACHINE, "Ines", PASSWORD, roles=[Role.OPERATOR], customer_id=None, request_id=id_
        ),
    )
    blocked = twice(
        "block", lambda id_: oversight.customers.block(MACHINE, "private", "FR", "test", request_id=id_)
    )
    opened = twice(
        "case",
        lambda id_: oversight.cases.open(
            there["investigator"],
            purpose=PURPOSE,
            legal_basis=LegalBasis.LAW_ENFORCEMENT,
            reference="2027/118",
            subject_matter="another robbery",
            expires=until,
            quota=2,
            request_id=id_,
        ),
    )
    delayed = twice(
        "delay",
        lambda id_: oversight.delays.place(
            officer,
            opened[0].case_id,  # type: ignore[attr-defined]
            authority="a court",
            instrument_sha256="0" * 64,
            until=until,
            request_id=id_,
        ),
    )
    for first, second in (permits, registered, added, blocked, opened, delayed):
        assert first == second
    fresh = begun(gallery, "key")
    issued = oversight.keys.issue(
        MACHINE, there.customer_id, roles=[Role.INVESTIGATOR], expires=until, request_id=fresh.request_id
    )
    with pytest.raises(AnswerNotKept, match=issued.key_id):
        oversight.keys.issue(
            MACHINE, there.customer_id, roles=[Role.INVESTIGATOR], expires=until, request_id=fresh.request_id
        )
    assert [one.row.key_id for one in oversight.keys.listed(MACHINE)] == [issued.key_id]
    after = {event: events(gallery, event) for event in EVENTS}
    assert {event: after[event] - before[event] for event in EVENTS} == dict.fromkeys(EVENTS, 1)


EVENTS = (
    "permission.given",
    "customer.registered",
    "person.added",
    "customers.blocked",
    "case.asked",
    "ledger.delayed",
    "key.issued",
)


def test_a_search_that_is_sent_again_was_made_once_and_took_one_place_of_the_quota(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA), *(row(f"stranger-{n}", template(100 + n)) for n in range(20))])
    there = office(gallery, protection_officer(gallery))
    case = there.case(quota=2)
    fresh = begun(gallery, "search")
    made = there.search(case, ANNA, request_id=fresh.request_id)
    again = there.search(case, ANNA, request_id=fresh.request_id)
    assert (made.search_id, made.left) == (again.search_id, again.left) == (fresh.request_id, 1)
    assert rows(gallery, schema.searches) == 1
    assert rows(gallery, oversight_tables.review_items) > 0


def test_reviews_and_releases_have_one_effect_however_often_they_are_sent(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA), *(row(f"stranger-{n}", template(100 + n)) for n in range(20))])
    there = office(gallery, protection_officer(gallery))
    case = there.case()
    there.search(case, ANNA)
    reviews = gallery.oversight.reviews
    for reviewer in ("first", "second"):
        while (task := reviews.next(there[reviewer])) is not None:
            assert reviews.next(there[reviewer]) == task
            _, item = reviews.shown(there[reviewer], task.task_id)
            said = Answer.SAME if item.subject_id == number(gallery, "anna") else Answer.DIFFERENT
            for _ in range(2):
                reviews.answer(there[reviewer], task.task_id, said)
    items = rows(gallery, oversight_tables.review_items)
    measured = reviews.measure(protection_officer_of(gallery))
    assert [one.as_dict()["answered"] for one in measured] == [items, items]
    assert events(gallery, "review.answered") == 2 * items
    fresh = begun(gallery, "release")
    first = reviews.release(there["investigator"], case, request_id=fresh.request_id)
    second = reviews.release(there["investigator"], case, request_id=fresh.request_id)
    assert [one.row.release_id for one in first] == [one.row.release_id for one in second]
    assert len(first) == rows(gallery, oversight_tables.releases) == events(gallery, "candidate.released") == 1
    assert rows(gallery, schema.disclosures) == 1


def protection_officer_of(gallery: Countenance) -> Principal:
    return gallery.oversight.authenticate(gallery.oversight.login("the officer", PASSWORD).secret)


def test_a_withdrawal_that_is_sent_again_is_the_same_erasure(both: Galleries) -> None:
    gallery = both.new()
    permit(gallery, "anna")
    fresh = begun(gallery, "withdraw")
    first = gallery.withdraw("anna", request_id=fresh.request_id)
    second = gallery.withdraw("anna", request_id=fresh.request_id)
    told = first.as_dict()
    assert told["erasure"] == fresh.request_id
    assert second.as_dict() == told
    assert gallery.status().erasures == 1
