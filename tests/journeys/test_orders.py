"""Seven real cases, from the file to the certificate, on a gallery of people who live in seven places."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from countenance import Countenance, TemplateRow
from countenance.clock import SteppedClock, from_text
from countenance.custody.proof import compliance, verifier
from countenance.errors import (
    AuthorityKeyUnknown,
    BackupElsewhere,
    ClockSetBack,
    CountenanceError,
    DateImpossible,
    DeadlineBeforeService,
    ErasureHeld,
    InputInvalid,
    OrderForbids,
    OrderServed,
    OrderSignatureWrong,
    OrderTransitionRefused,
    OrderUnsigned,
    PermissionRefused,
    PredicateUnknown,
    ScopeEmpty,
    ScopeMeansEveryone,
    SubjectUnknown,
)
from countenance.store import notices
from tests.galleries import Galleries
from tests.order_gallery import (
    NAMED,
    ORDERS,
    PURPOSE,
    UNTIL,
    bring_papers,
    document,
    face,
    found,
    people,
    photograph,
    register,
    residents,
    signed,
    verdict,
)
from tests.photographs import taken_at

EVERYBODY = set(residents())
PHOTOGRAPHED = "FR-0"
"""She lives in France; a photograph of her says by its own position that it was taken in Illinois."""
LIVES_IN = {place: {name for name, home in residents().items() if home == place} for place in residents().values()}
REACHED = {
    "aclu-2022": {PHOTOGRAPHED},  # its standard is what is evidenced, and of one photograph it is known
    "cnil-2022": LIVES_IN["FR"],
    "dutch-ap-2024": LIVES_IN["NL"],
    "garante-2022": LIVES_IN["IT"],
    "hamburg-2021": {NAMED},
    "ico-2022": LIVES_IN["GB"],
    "oaic-2021": EVERYBODY,  # nobody knows from which server the templates of the others came: doubt widens
}
ERASES = {"cnil-2022", "garante-2022", "hamburg-2021", "ico-2022", "oaic-2021"}


def served(galleries: Galleries, name: str, *, present: bool = True) -> tuple[Countenance, SteppedClock]:
    galleries.clock = SteppedClock(from_text(document(name)["service"]["at"]))
    gallery = galleries.new()
    people(gallery, residents(), present=present)
    if name == "aclu-2022":
        photograph(gallery, PHOTOGRAPHED, taken_at(40.5, -88.6))
    register(gallery, name)
    gallery.orders.serve(signed(name))
    return gallery, galleries.clock


def test_the_table_of_cases_is_complete() -> None:
    assert sorted(REACHED) == ORDERS


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_served_planned_executed_and_certified(galleries: Galleries, tmp_path: Path, name: str) -> None:
    gallery, clock = served(galleries, name)
    inside, outside = REACHED[name], EVERYBODY - REACHED[name]
    plan = gallery.orders.plan(name).as_dict()
    assert plan["subjects"] == len(inside)
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY, "serving and planning change nothing"

    paper = tmp_path / "paper.pdf"
    paper.write_text("freeze", "utf-8")
    gallery.orders.event(name, "freeze", paper)
    assert found(gallery, sorted(EVERYBODY)) == outside

    clock.step(timedelta(days=29))  # past every suspensive appeal
    bring_papers(gallery, name, paper)
    gallery.orders.execute(name)
    bring_papers(gallery, name, paper)
    assert gallery.orders.get(name)["state"] == "complied"
    assert found(gallery, sorted(EVERYBODY)) == outside

    certificates = gallery.orders.certificate(name)
    assert len(certificates) == (1 if name in ERASES else 0)
    for certificate in certificates:
        said = verdict(gallery, certificate)
        assert said.ok, said.checks
        assert len(json.loads(certificate)["statement"]["subjects"]["commitments"]) == len(inside)
        text = certificate.decode()
        assert not any(person in text for person in EVERYBODY)
        assert "proves nothing by itself" in gallery.orders.page(certificate)
    written = gallery.orders.certify(name, tmp_path / "certificate.json")
    assert [one.stands for one in written.certificates] == [True]
    if name not in ERASES:
        record = (tmp_path / "certificate.json").read_bytes()
        keys = verifier.read_keys(gallery.log.keys())
        assert compliance.check(record, keys).ok
        assert not compliance.check(record.replace(b'"complied"', b'"breached"'), keys).ok
        assert not compliance.check(record.replace(b"obligation_met", b"obligation_mat"), keys).ok
        assert not verifier.check(record, keys).ok, "it is no certificate of erasure"
    assert gallery.log.fsck().ok


def test_doubt_widens_an_order_and_is_counted(galleries: Galleries) -> None:
    gallery, _ = served(galleries, "oaic-2021")
    plan = gallery.orders.plan("oaic-2021").as_dict()
    assert plan["subjects"] == len(EVERYBODY)  # nobody knows from which server the others' templates came
    counts: Any = plan["counts"]
    assert counts["by_doubt_alone"] == len(EVERYBODY - LIVES_IN["AU"])


def test_only_the_template_of_the_named_subject_goes(galleries: Galleries, tmp_path: Path) -> None:
    gallery, _ = served(galleries, "hamburg-2021")
    gallery.orders.execute("hamburg-2021")
    assert NAMED in {one.subject for one in gallery.status(people=True).people or ()}
    assert gallery.status().references == len(EVERYBODY) - 1
    assert gallery.access(NAMED, tmp_path / "still.zip").templates == 0


def test_an_order_waits_for_access_to_be_answered_before_it_deletes(galleries: Galleries, tmp_path: Path) -> None:
    gallery, _ = served(galleries, "cnil-2022")
    answer = gallery.orders.execute("cnil-2022").as_dict()
    assert answer["erased_subjects"] == 0
    assert answer["waiting"]["erase"] == "first: answer-access"  # type: ignore[index]
    paper = tmp_path / "answers.pdf"
    paper.write_text("answered", "utf-8")
    gallery.orders.show("cnil-2022", "answer-access", [("notice_record", paper)])
    assert gallery.orders.execute("cnil-2022").as_dict()["erased_subjects"] == len(REACHED["cnil-2022"])


def test_an_appeal_suspends_freezes_and_moves_the_deadlines(galleries: Galleries, tmp_path: Path) -> None:
    gallery, clock = served(galleries, "ico-2022")
    paper = tmp_path / "notice.txt"
    paper.write_text("appeal", "utf-8")
    clock.step(timedelta(days=10))
    assert gallery.orders.event("ico-2022", "appeal", paper).as_dict()["state"] == "suspended"
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["GB"]
    with pytest.raises(OrderTransitionRefused):
        gallery.orders.execute("ico-2022")
    with pytest.raises(OrderTransitionRefused):
        gallery.orders.event("ico-2022", "release", paper)
    clock.step(timedelta(days=100))
    gallery.orders.event("ico-2022", "set_aside", paper)
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["GB"], "setting aside restores nothing"
    gallery.orders.event("ico-2022", "release", paper)
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY
    gallery.orders.event("ico-2022", "remit", paper)
    gallery.orders.event("ico-2022", "reinstate", paper)
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["GB"]
    due: Any = gallery.orders.get("ico-2022")["obligations"]
    last_days = {one["obligation"]: one["last_day"] for one in due}
    # The six months began on 15 June and stood still until 5 September: 82 days after 15 December.
    assert last_days["erase"] == date(2023, 3, 7).isoformat()


def test_a_clock_set_back_is_refused_and_changes_no_order(galleries: Galleries) -> None:
    gallery, clock = served(galleries, "ico-2022")
    clock.step(timedelta(days=40))
    before = gallery.orders.get("ico-2022")
    assert before["state"] == "in_force"
    clock.step(timedelta(days=-30))
    with pytest.raises(ClockSetBack):
        gallery.orders.execute("ico-2022")
    clock.step(timedelta(days=30))
    assert gallery.orders.get("ico-2022") == before


def test_who_comes_in_under_a_freezing_order_is_held_back(galleries: Galleries, tmp_path: Path) -> None:
    gallery, _ = served(galleries, "dutch-ap-2024")
    paper = tmp_path / "p"
    paper.write_text("freeze", "utf-8")
    gallery.orders.event("dutch-ap-2024", "freeze", paper)
    with pytest.raises(PermissionRefused):  # where she has been is unknown, so she is inside, and held back
        gallery.enrol_templates([TemplateRow("late", face("late"), (PURPOSE,), "NL", UNTIL)])
    assert found(gallery, ["late"]) == set()


def test_an_order_that_forbids_collecting_refuses_a_permission(galleries: Galleries) -> None:
    gallery, _ = served(galleries, "ico-2022")
    with pytest.raises(OrderForbids):
        gallery.permit("newcomer", purposes=[PURPOSE], residence="GB", until=UNTIL)
    with pytest.raises(OrderForbids):
        gallery.enrol_templates([TemplateRow("newcomer", face("newcomer"), (PURPOSE,), "GB", UNTIL)])
    with pytest.raises(SubjectUnknown):
        gallery.residency.show("newcomer")
    gallery.permit("other", purposes=[PURPOSE], residence="DE", until=UNTIL)


def test_overlapping_orders_hold_back_until_the_last_lets_go(galleries: Galleries, tmp_path: Path) -> None:
    gallery, _ = served(galleries, "garante-2022")
    other = signed("garante-2022", lambda d: d.update(id="garante-too"))
    gallery.orders.serve(other)
    paper = tmp_path / "p"
    paper.write_text("x", "utf-8")
    for order_id in ("garante-2022", "garante-too"):
        gallery.orders.event(order_id, "freeze", paper)
    for order_id, left in (("garante-2022", EVERYBODY - LIVES_IN["IT"]), ("garante-too", EVERYBODY)):
        gallery.orders.event(order_id, "set_aside", paper)
        gallery.orders.event(order_id, "release", paper)
        assert found(gallery, sorted(EVERYBODY)) == left


def test_two_orders_over_the_same_people_both_end_in_certificates(galleries: Galleries, tmp_path: Path) -> None:
    gallery, _ = served(galleries, "garante-2022")
    gallery.orders.serve(signed("garante-2022", lambda d: d.update(id="garante-too")))
    for order_id, count in (("garante-2022", len(LIVES_IN["IT"])), ("garante-too", 0)):
        assert gallery.orders.execute(order_id).as_dict()["erased_subjects"] == count
        assert all(verdict(gallery, one).ok for one in gallery.orders.certificate(order_id))
        out = tmp_path / f"{order_id}.json"
        written = gallery.orders.certify(order_id, out, page=out.with_suffix(".html"))
        assert [one.stands for one in written.certificates] == [True]
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["IT"]


def test_an_order_against_an_evidence_hold_is_sealed_and_escalated_never_chosen(
    galleries: Galleries, tmp_path: Path
) -> None:
    gallery, _ = served(galleries, "garante-2022")
    gallery.duties.hold("court-7", "criminal court, case 7", ["IT-0"])
    answer = gallery.orders.execute("garante-2022").as_dict()
    assert answer["erased_subjects"] == len(LIVES_IN["IT"]) - 1
    assert "Which duty prevails?" in answer["waiting"]["erase"]  # type: ignore[index, operator]
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["IT"]
    assert gallery.residency.show("IT-0").evidence, "sealed, not destroyed"
    assert gallery.orders.get("garante-2022")["escalations"] == [{"hold": "court-7", "subjects": 1, "open": True}]

    again = gallery.orders.execute("garante-2022").as_dict()  # asking again chooses nothing
    assert (again["erased_subjects"], again["erasures"]) == (0, [])
    with pytest.raises(ErasureHeld):
        gallery.withdraw("IT-0")
    assert gallery.expire() == ()
    assert gallery.residency.show("IT-0").evidence

    paper = tmp_path / "decision.pdf"
    paper.write_text("the order prevails", "utf-8")
    gallery.duties.lift_hold("court-7")
    gallery.orders.event("garante-2022", "resolve", paper, hold_id="court-7")
    assert gallery.orders.execute("garante-2022").as_dict()["erased_subjects"] == 1
    with pytest.raises(SubjectUnknown):
        gallery.residency.show("IT-0")
    assert [verdict(gallery, one).ok for one in gallery.orders.certificate("garante-2022")] == [True, True]


def test_a_withdrawal_under_a_hold_is_out_of_search_at_once_and_erased_when_the_hold_is_lifted(
    galleries: Galleries,
) -> None:
    gallery, _ = served(galleries, "garante-2022")
    gallery.duties.hold("court-7", "criminal court, case 7", ["DE-0"])
    with pytest.raises(ErasureHeld):
        gallery.withdraw("DE-0")
    assert found(gallery, ["DE-0", "DE-1"]) == {"DE-1"}
    gallery.duties.lift_hold("court-7")
    (erased,) = gallery.expire()
    assert (erased.erased.ground, erased.absent) == ("withdrawal", True)


def test_an_erasure_is_not_certified_before_every_recipient_has_answered(galleries: Galleries) -> None:
    gallery, _ = served(galleries, "garante-2022")
    with gallery._database.write() as connection:
        number = gallery._ledger.find("IT-0").subject_id
        notices.disclose(connection, "d1", number, "police of Exampletown", "2022-02-01T00:00:00Z")
    answer = gallery.orders.execute("garante-2022").as_dict()
    assert "1 recipient(s)" in answer["waiting"]["erase"]  # type: ignore[index, operator]
    assert gallery.orders.certificate("garante-2022") == []
    (notice,) = gallery.duties.notices()
    gallery.duties.told(notice.row.erasure_id, "police of Exampletown")
    gallery.orders.execute("garante-2022")
    assert gallery.orders.certificate("garante-2022") == []
    gallery.duties.told(notice.row.erasure_id, "police of Exampletown", "deleted")
    (certificate,) = gallery.orders.certificate("garante-2022")
    assert verdict(gallery, certificate).ok
    assert "erase" in gallery.orders.execute("garante-2022").as_dict()["met"]  # type: ignore[operator]


def test_who_answers_has_been_told_and_what_is_certified_stays_as_it_is(galleries: Galleries) -> None:
    gallery, _ = served(galleries, "garante-2022")
    with gallery._database.write() as connection:
        for number, name in enumerate(("IT-0", "IT-1")):
            subject = gallery._ledger.find(name).subject_id
            notices.disclose(connection, f"d{number}", subject, f"office {number}", "2022-02-01T00:00:00Z")
    gallery.orders.execute("garante-2022")
    (erasure,) = {notice.row.erasure_id for notice in gallery.duties.notices()}
    for nothing in ("", "  ", "two\nlines", "x" * 401):
        with pytest.raises(InputInvalid):
            gallery.duties.told(erasure, "office 0", nothing)
    for number in (0, 1):
        said = gallery.duties.told(erasure, f"office {number}", "deleted").as_dict()
        assert said["told"] == said["answered"]
    (certificate,) = gallery.orders.certificate("garante-2022")
    assert verdict(gallery, certificate).ok
    assert gallery.duties.told(erasure, "office 0", "deleted").as_dict()["answer"] == "deleted"
    with pytest.raises(InputInvalid, match="certified"):
        gallery.duties.told(erasure, "office 0", "not deleted after all")


def _without_signature(papers: dict[str, Any]) -> bytes:
    papers.pop("signature")
    return json.dumps(papers).encode()


BAD: dict[str, tuple[Any, type[CountenanceError]]] = {
    "unsigned": (lambda: _without_signature(document("ico-2022")), OrderUnsigned),
    "altered after signing": (
        lambda: signed("ico-2022").replace(b'"value": "GB"', b'"value": "FR"', 1),
        OrderSignatureWrong,
    ),
    "signed by nobody we know": (
        lambda: signed("ico-2022", lambda d: d["authority"].update(name="Somebody else")),
        AuthorityKeyUnknown,
    ),
    "unknown predicate": (
        lambda: signed("ico-2022", lambda d: d["scope"].update(predicate="looks_like")),
        PredicateUnknown,
    ),
    "deadline before service": (
        lambda: signed(
            "ico-2022",
            lambda d: d["obligations"][0].update(
                deadline={
                    **d["obligations"][0]["deadline"],
                    "anchor": "date",
                    "date": "2022-05-01",
                    "offset": None,
                }
            ),
        ),
        DeadlineBeforeService,
    ),
    "impossible date": (
        lambda: signed("ico-2022", lambda d: d["instrument"].update(issued="2022-02-30")),
        DateImpossible,
    ),
    "empty scope": (lambda: signed("ico-2022", lambda d: d.update(scope={"any": []})), ScopeEmpty),
    "everyone": (
        lambda: signed("ico-2022", lambda d: d["scope"].update(value="001")),
        ScopeMeansEveryone,
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_order_is_refused_with_its_code_and_changes_nothing(galleries: Galleries, case: str) -> None:
    galleries.clock = SteppedClock(from_text(document("ico-2022")["service"]["at"]))
    gallery = galleries.new()
    people(gallery, residents(1), present=False)
    register(gallery, "ico-2022")
    before = (gallery.log.checkpoint(), gallery.status().as_dict() | {"database_bytes": 0})
    make, kind = BAD[case]
    with pytest.raises(kind) as raised:
        gallery.orders.serve(make())
    assert raised.value.code == kind.code
    assert (gallery.log.checkpoint(), gallery.status().as_dict() | {"database_bytes": 0}) == before
    assert gallery.orders.docket() == ()


def test_a_scope_that_means_everyone_is_taken_in_with_the_right_count_only(galleries: Galleries) -> None:
    galleries.clock = SteppedClock(from_text(document("ico-2022")["service"]["at"]))
    gallery = galleries.new()
    people(gallery, residents(1), present=False)
    register(gallery, "ico-2022")
    everyone = signed("ico-2022", lambda d: d["scope"].update(value="001"))
    with pytest.raises(ScopeMeansEveryone):
        gallery.orders.serve(everyone, confirm_count=7)
    assert gallery.orders.serve(everyone, confirm_count=8).as_dict()["state"] == "served"


def test_an_order_served_twice_is_refused_and_the_first_stays(galleries: Galleries) -> None:
    gallery, _ = served(galleries, "ico-2022")
    with pytest.raises(OrderServed):
        gallery.orders.serve(signed("ico-2022"))
    assert len(gallery.orders.docket()) == 1


def test_an_order_is_carried_out_on_either_database(both: Galleries, tmp_path: Path) -> None:
    both.clock = SteppedClock(from_text(document("garante-2022")["service"]["at"]))
    gallery = both.new()
    people(gallery, residents(1))
    register(gallery, "garante-2022")
    gallery.orders.serve(signed("garante-2022"))
    assert gallery.orders.plan("garante-2022").as_dict()["subjects"] == 1
    assert gallery.orders.execute("garante-2022").as_dict()["erased_subjects"] == 1
    assert found(gallery, sorted(residents(1))) == set(residents(1)) - {"IT-0"}
    assert [verdict(gallery, one).ok for one in gallery.orders.certificate("garante-2022")] == [True]
    if gallery.status().database == "postgresql":
        with pytest.raises(BackupElsewhere):
            gallery.backup(tmp_path / "b.tar")
    else:
        assert gallery.backup(tmp_path / "b.tar").subjects == len(residents(1)) - 1


def _revision(number: int, **changed: Any) -> bytes:
    return signed("ico-2022", lambda papers: papers.update(revision=number, **changed))


def test_a_wider_revision_holds_the_newcomers_back_and_a_narrower_one_lets_the_others_go(
    galleries: Galleries, tmp_path: Path
) -> None:
    gallery, clock = served(galleries, "ico-2022")
    paper, revision = tmp_path / "paper.pdf", tmp_path / "revision.json"
    paper.write_text("freeze", "utf-8")
    gallery.orders.event("ico-2022", "freeze", paper)
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["GB"]
    inside = {place: {**document("ico-2022")["scope"], "value": place} for place in ("GB", "FR", "001")}
    either = {"any": [inside["GB"], inside["FR"]]}

    revision.write_bytes(_revision(2, scope=either))
    said = gallery.orders.event("ico-2022", "vary", revision).as_dict()
    assert (said["revision"], said["held_back"], said["let_go"]) == (2, len(LIVES_IN["FR"]), 0)
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["GB"] - LIVES_IN["FR"]
    for wrong in (revision.read_bytes(), _revision(3, id="another")):
        (tmp_path / "wrong.json").write_bytes(wrong)
        with pytest.raises(OrderTransitionRefused):
            gallery.orders.event("ico-2022", "vary", tmp_path / "wrong.json")
    revision.write_bytes(revision.read_bytes().replace(b'"FR"', b'"DE"'))
    with pytest.raises(OrderSignatureWrong):
        gallery.orders.event("ico-2022", "vary", revision)
    revision.write_bytes(_revision(3, scope=inside["001"]))
    with pytest.raises(ScopeMeansEveryone):
        gallery.orders.event("ico-2022", "vary", revision)
    assert gallery.orders.get("ico-2022")["revision"] == 2
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["GB"] - LIVES_IN["FR"]

    revision.write_bytes(_revision(3, scope=inside["FR"]))
    said = gallery.orders.event("ico-2022", "vary", revision).as_dict()
    assert (said["revision"], said["held_back"], said["let_go"]) == (3, 0, len(LIVES_IN["GB"]))
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["FR"], "whom it reaches no longer"

    waiting: Any = gallery.orders.execute("ico-2022").as_dict()["waiting"]
    assert "An appeal would still suspend" in waiting["erase"], "a revision can be appealed like the first"
    clock.step(timedelta(days=29))
    assert gallery.orders.get("ico-2022")["state"] == "varied"
    bring_papers(gallery, "ico-2022", paper)
    assert gallery.orders.get("ico-2022")["state"] == "complied"
    (certificate,) = gallery.orders.certificate("ico-2022")
    assert len(json.loads(certificate)["statement"]["subjects"]["commitments"]) == len(LIVES_IN["FR"])
    assert verdict(gallery, certificate).ok
    assert gallery.log.fsck().ok

    # Complied with, and widened again: who was erased is done, and the newcomers are a second erasure.
    revision.write_bytes(_revision(4, scope=either))
    gallery.orders.event("ico-2022", "vary", revision)
    assert found(gallery, sorted(EVERYBODY)) == EVERYBODY - LIVES_IN["GB"] - LIVES_IN["FR"]
    assert gallery.orders.execute("ico-2022").as_dict()["erased_subjects"] == len(LIVES_IN["GB"])
    assert [verdict(gallery, one).ok for one in gallery.orders.certificate("ico-2022")] == [True, True]


def test_a_variation_lets_nobody_go_whom_another_order_or_an_undecided_conflict_keeps(
    galleries: Galleries, tmp_path: Path
) -> None:
    gallery, _ = served(galleries, "garante-2022")
    gallery.orders.serve(signed("garante-2022", lambda d: d.update(id="garante-too")))
    paper, revision = tmp_path / "paper.pdf", tmp_path / "revision.json"
    paper.write_text("a paper", "utf-8")
    gallery.duties.hold("court-7", "criminal court, case 7", ["IT-0"])
    gallery.orders.execute("garante-2022")  # erases IT-1 and seals IT-0
    gallery.orders.event("garante-too", "freeze", paper)
    revision.write_bytes(_garante(2, "FR"))
    assert gallery.orders.event("garante-2022", "vary", revision).as_dict()["let_go"] == 0
    assert "IT-0" not in found(gallery, ["IT-0"])
    said = gallery.orders.event("garante-2022", "resolve", paper, hold_id="court-7").as_dict()
    assert said["let_go"] == 1
    assert "IT-0" not in found(gallery, ["IT-0"]), "the other order still holds her back"
    gallery.orders.event("garante-too", "set_aside", paper)
    gallery.orders.event("garante-too", "release", paper)
    assert found(gallery, ["IT-0", "FR-0", "FR-1"]) == {"IT-0"}


def _garante(revision: int, place: str) -> bytes:
    def change(papers: dict[str, Any]) -> None:
        papers["revision"] = revision
        papers["scope"] = json.loads(json.dumps(papers["scope"]).replace('"IT"', f'"{place}"'))

    return signed("garante-2022", change)
