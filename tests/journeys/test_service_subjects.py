"""Subjects of a customer's own, over HTTP: permitted, enrolled, found, forgotten; and nobody else's business."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import wait
from datetime import timedelta
from typing import Any

import pytest

from countenance.oversight.parties import MACHINE
from countenance.recognition.gallery import bulk
from tests.galleries import START
from tests.journeys.test_service_story import Force, opened, registered
from tests.offices import PASSWORD, PURPOSE
from tests.served import Service

pytestmark = pytest.mark.usefixtures("quick_passwords")

UNTIL_DAY = (START + timedelta(days=60)).date().isoformat()


def with_enroller(service: Service, name: str = "Harbour Police") -> Force:
    """A customer with an enroller and a compartment called lobby."""
    force = registered(service, name)
    operator = service.login("operator", PASSWORD)
    body = {"name": f"enroller of {name}", "password": PASSWORD, "roles": ["enroller"], "customer": force.customer}
    assert operator.post("/people", json=body).status_code == 201
    force.people["enroller"] = service.login(f"enroller of {name}", PASSWORD)
    assert force["enroller"].post("/compartments", json={"name": "lobby"}).status_code == 201
    return force


def permitted(force: Force, subject: str = "anna") -> str:
    """Record a permission; returns the subject's id."""
    body = {"subject": subject, "purposes": [PURPOSE], "residence": "GB", "until": UNTIL_DAY}
    answer = force["enroller"].post("/compartments/lobby/permissions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def files(field: str, *images: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [(field, (f"{number}.jpg", data, "image/jpeg")) for number, data in enumerate(images, 1)]


def test_a_subject_is_permitted_enrolled_found_and_forgotten(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    force = with_enroller(service)
    enroller, investigator = force["enroller"], force["investigator"]
    anna = permitted(force)
    answer = enroller.post(
        f"/compartments/lobby/subjects/{anna}/images", files=files("images", *portrait_photographs[:2], b"no image")
    )
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [one["outcome"] for one in items] == ["enrolled", "enrolled", "failed"]
    assert [one["name"] for one in items] == ["1.jpg", "2.jpg", "3.jpg"]
    assert items[2]["code"] == "image_format"
    assert enroller.get(f"/compartments/lobby/subjects/{anna}").json()["images"] == 2
    assert enroller.post("/compartments/lobby/lookups", json={"subject": "anna"}).json()["id"] == anna
    assert [one["id"] for one in enroller.get("/compartments/lobby/subjects").json()["items"]] == [anna]

    probe = files("image", portrait_photographs[3])
    without = investigator.post("/compartments/lobby/searches", files=probe)
    assert (without.status_code, without.json()["reason"]) == (403, "no_case")
    case = opened(force)
    terms = {"terms": {"case": case}}
    assert enroller.ask("PATCH", "/compartments/lobby", json=terms).status_code == 200
    found = investigator.post("/compartments/lobby/searches", files=probe)
    assert found.status_code == 201, found.text
    assert [one["subject"] for one in found.json()["faces"][0]["matches"]] == ["anna"]

    image = items[0]["image"]
    compared = investigator.post(
        f"/compartments/lobby/images/{image}/comparisons", files=files("probe", portrait_photographs[3])
    )
    assert compared.json()[0]["score"] > 0.5
    verified = investigator.post(
        "/verifications",
        files=[*files("first", portrait_photographs[0]), *files("second", portrait_photographs[1])],
    )
    assert verified.status_code == 200, verified.text

    assert enroller.delete(f"/compartments/lobby/images/{image}").status_code == 200
    assert enroller.get(f"/compartments/lobby/subjects/{anna}").json()["images"] == 1
    gone = enroller.delete(f"/compartments/lobby/subjects/{anna}")
    assert gone.status_code == 200, gone.text
    assert gone.json()["destroyed"]
    assert enroller.get(f"/compartments/lobby/subjects/{anna}").status_code == 404
    again = investigator.post("/compartments/lobby/searches", files=probe).json()
    assert again["faces"][0]["matches"] == []


def test_permissions_and_their_receipts_are_shown_to_whoever_holds_the_subject(service: Service) -> None:
    force = with_enroller(service)
    enroller, here = force["enroller"], "/compartments/lobby/permissions"
    body = {"subject": "anna", "purposes": [PURPOSE], "residence": "GB", "until": UNTIL_DAY, "release": "folder 7"}
    first = enroller.post(here, json=body).json()
    second = enroller.post(here, json={**body, "residence": "FR"}).json()
    subject = f"/compartments/lobby/subjects/{first['id']}/permissions"
    page = enroller.get(subject, params={"limit": 1}).json()
    rest = enroller.get(subject, params={"cursor": page["next"]}).json()
    listed = page["items"] + rest["items"]
    assert [(one["permission"], one["residence"], one["version"]) for one in listed] == [
        (first["receipt"]["record_id"], "GB", 1), (second["receipt"]["record_id"], "FR", 2),
    ]  # fmt: skip
    assert {(one["in_force"], one["until"]) for one in listed} == {(True, UNTIL_DAY)}
    one = enroller.get(f"{subject}/{listed[0]['permission']}").json()
    assert one == {**listed[0], "receipt": first["receipt"]}
    assert one["receipt"]["written_release"] == "folder 7"
    ben = permitted(force, "ben")
    for path in (f"{subject}/{'0' * 32}", f"/compartments/lobby/subjects/{ben}/permissions/{one['permission']}"):
        answer = enroller.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "permission_unknown")
    assert enroller.delete(f"/compartments/lobby/subjects/{first['id']}").status_code == 200
    assert enroller.get(f"{subject}/{one['permission']}").json()["code"] == "subject_unknown"


def test_a_permission_that_names_no_known_purpose_is_refused_and_nobody_is_held(service: Service) -> None:
    force = with_enroller(service)
    body = {"subject": "anna", "purposes": ["marketing"], "residence": "GB", "until": UNTIL_DAY}
    refused = force["enroller"].post("/compartments/lobby/permissions", json=body)
    assert (refused.status_code, refused.json()["reason"]) == (403, "purpose_not_allowed")
    assert force["enroller"].get("/compartments/lobby/subjects").json()["items"] == []


def test_without_a_permission_nothing_is_enrolled(service: Service, portrait_photographs: list[bytes]) -> None:
    force = with_enroller(service)
    answer = force["enroller"].post(
        f"/compartments/lobby/subjects/{'0' * 64}/images", files=files("images", portrait_photographs[0])
    )
    assert answer.status_code == 404


def test_a_second_customer_meets_nothing_of_the_first_even_under_the_same_names(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    ours, theirs = with_enroller(service), with_enroller(service, "River Police")
    anna = permitted(ours)
    sent = files("images", portrait_photographs[0])
    image = (
        ours["enroller"].post(f"/compartments/lobby/subjects/{anna}/images", files=sent).json()["items"][0]["image"]
    )
    other = theirs["enroller"]
    assert other.get("/compartments/lobby/subjects").json()["items"] == []
    assert other.get("/compartments/lobby").json()["subjects"] == 0
    nobody = other.get(f"/compartments/lobby/subjects/{'0' * 64}")
    hidden = other.get(f"/compartments/lobby/subjects/{anna}")
    assert {**hidden.json(), "instance": ""} == {**nobody.json(), "instance": ""}
    absent = other.delete(f"/compartments/lobby/images/{'0' * 32}")
    hidden = other.delete(f"/compartments/lobby/images/{image}")
    assert {**hidden.json(), "instance": ""} == {**absent.json(), "instance": ""}
    assert permitted(theirs) != anna, "their anna is somebody else"
    assert other.post("/compartments/lobby/lookups", json={"subject": "anna"}).json()["images"] == 0


def test_many_photographs_are_enrolled_as_a_job_that_says_how_far_it_is_and_only_to_its_own(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    ours, theirs = with_enroller(service), with_enroller(service, "River Police")
    anna, enroller = permitted(ours), ours["enroller"]
    sent = files("images", *portrait_photographs[:3], b"no image")
    started = enroller.post(f"/compartments/lobby/subjects/{anna}/enrolments", files=sent, key="bulk")
    assert started.status_code == 202, started.text
    job = started.json()["job"]
    events = enroller.get(f"/jobs/{job}/events")  # ends when the job does
    assert events.headers["content-type"].startswith("text/event-stream")
    assert '"state":"done"' in events.text.replace(" ", "")
    state = enroller.get(f"/jobs/{job}").json()
    assert (state["state"], state["done"], state["total"]) == ("done", 4, 4)
    items = enroller.get(f"/jobs/{job}/items", params={"limit": 3}).json()
    rest = enroller.get(f"/jobs/{job}/items", params={"after": items["next"]}).json()
    outcomes = [one["outcome"] for one in [*items["items"], *rest["items"]]]
    assert outcomes == ["enrolled", "enrolled", "enrolled", "failed"]
    assert "reference" not in str(items), "numbers of references tell how much others enrol"
    again = enroller.post(f"/compartments/lobby/subjects/{anna}/enrolments", files=sent, key="bulk")
    assert again.json()["job"] == job, "sent again, it is the same job"
    assert theirs["enroller"].get(f"/jobs/{job}").status_code == 404
    assert theirs["enroller"].delete(f"/jobs/{job}").status_code == 404
    assert theirs["enroller"].get("/jobs").json()["items"] == []


def test_a_withdrawal_that_is_sent_again_under_its_key_is_the_same_erasure(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    force = with_enroller(service)
    anna, enroller = permitted(force), force["enroller"]
    enroller.post(f"/compartments/lobby/subjects/{anna}/images", files=files("images", portrait_photographs[0]))
    first = enroller.delete(f"/compartments/lobby/subjects/{anna}", key="forget")
    second = enroller.delete(f"/compartments/lobby/subjects/{anna}", key="forget")
    assert (first.status_code, second.status_code) == (200, 200), second.text
    assert first.json()["erasure"] == second.json()["erasure"]
    assert enroller.delete(f"/compartments/lobby/subjects/{anna}", key="other").status_code == 404


def test_a_suspended_customer_takes_nobody_in_looks_at_nobody_and_still_lets_go(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    force = with_enroller(service)
    enroller, investigator = force["enroller"], force["investigator"]
    anna, ben = permitted(force), permitted(force, "ben")
    sent = files("images", *portrait_photographs[:2])
    image = enroller.post(f"/compartments/lobby/subjects/{anna}/images", files=sent).json()["items"][0]["image"]
    case = opened(force)
    operator = service.login("operator", PASSWORD)
    assert operator.put(f"/customers/{force.customer}/suspension").status_code == 200
    body = {"subject": "carla", "purposes": [PURPOSE], "residence": "GB", "until": UNTIL_DAY}
    for refused in (
        enroller.post("/compartments/lobby/permissions", json=body),
        enroller.post(f"/compartments/lobby/subjects/{anna}/images", files=sent),
        enroller.post("/compartments", json={"name": "attic"}),
        investigator.post(f"/cases/{case}/searches", files=files("image", portrait_photographs[3])),
        investigator.post(f"/cases/{case}/releases"),
    ):
        assert (refused.status_code, refused.json().get("reason")) == (403, "customer_suspended"), refused.text
    # What it holds is found and let go of: an image, a subject, the rest with the compartment, the case.
    assert enroller.post("/compartments/lobby/lookups", json={"subject": "anna"}).json()["id"] == anna
    assert enroller.delete(f"/compartments/lobby/images/{image}").status_code == 200
    gone = enroller.delete(f"/compartments/lobby/subjects/{anna}", key="forget")
    assert gone.status_code == 200, gone.text
    assert gone.json()["destroyed"]
    assert [one["id"] for one in enroller.get("/compartments/lobby/subjects").json()["items"]] == [ben]
    closed = enroller.delete("/compartments/lobby")
    assert (closed.status_code, closed.json()["withdrawn"]) == (200, 1), closed.text
    assert service.application.state.gallery.status().subjects == 0
    assert investigator.post(f"/cases/{case}/closing").json()["state"] == "closed"


def test_a_suspension_ends_an_enrolment_that_is_under_way(
    service: Service, portrait_photographs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    force = with_enroller(service)
    anna, enroller = permitted(force), force["enroller"]
    gallery, operator = service.application.state.gallery, service.login("operator", PASSWORD)
    enrol = gallery.long_work._enrol

    def then_suspended(*given: Any) -> Iterator[Any]:
        for written in enrol(*given):
            operator.put(f"/customers/{force.customer}/suspension")
            yield written

    monkeypatch.setattr(gallery.long_work, "_enrol", then_suspended)
    monkeypatch.setattr(bulk, "TOGETHER", 1)
    sent = files("images", *portrait_photographs[:3])
    job = enroller.post(f"/compartments/lobby/subjects/{anna}/enrolments", files=sent).json()["job"]
    under_way = gallery.oversight.jobs._running.get(job)
    if under_way is not None:
        wait([under_way[0]], 60)
    assert enroller.get(f"/jobs/{job}").status_code == 404, "a suspended customer has no jobs"
    assert operator.delete(f"/customers/{force.customer}/suspension").status_code == 200
    state = enroller.get(f"/jobs/{job}").json()
    assert (state["state"], state["code"], state["done"]) == ("failed", "access_refused", 1)
    assert enroller.get(f"/compartments/lobby/subjects/{anna}").json()["images"] == 1


def test_evidence_of_a_customers_subject_is_kept_and_recorded_by_who_supervises(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    force, other = with_enroller(service), with_enroller(service, "River Police")
    anna = permitted(force)
    permitted(other)  # another anna, of whom nobody speaks
    sent = files("images", portrait_photographs[0])
    assert force["enroller"].post(f"/compartments/lobby/subjects/{anna}/images", files=sent).status_code == 200
    officer = service.login("officer", PASSWORD)
    where = {"customer": force.customer, "compartment": "lobby"}
    told = {"subject": "anna", "predicate": "resident_of", "value": ["FR"], "source": "letter.pdf", "tier": "A"}
    assert officer.post("/residency", json={**told, **where}).status_code == 201
    stands = officer.post("/residency/lookups", json={"subject": "anna", "places": ["FR"], **where}).json()
    assert ("FR", "in") in {(one["place"], one["decision"]) for one in stands["decisions"]}
    theirs = {"customer": other.customer, "compartment": "lobby"}
    other_anna = officer.post("/residency/lookups", json={"subject": "anna", **theirs}).json()
    assert "letter.pdf" not in str(other_anna)
    hold = {"hold": "court-7", "ground": "Criminal Court, case 7/2026", "subjects": ["anna"]}
    for wrong, status in (
        ({}, 404),  # the gallery's own compartment has no anna
        ({"customer": force.customer}, 400),
        ({"customer": "0" * 32, "compartment": "lobby"}, 404),
        ({"customer": other.customer, "compartment": "attic"}, 404),
    ):
        assert officer.post("/holds", json={**hold, **wrong}).status_code == status, wrong
    assert officer.post("/holds", json={**hold, **where}).json()["subjects"] == 1
    kept = force["enroller"].delete(f"/compartments/lobby/subjects/{anna}")
    assert (kept.status_code, kept.json()["code"]) == (409, "erasure_held")
    more = force["enroller"].post(f"/compartments/lobby/subjects/{anna}/images", files=sent)
    assert (more.status_code, more.json()["code"]) == (403, "permission_refused"), "kept is not permitted"
    assert other["enroller"].delete(f"/compartments/lobby/subjects/{permitted(other)}").status_code == 200, (
        "the other anna is under no duty"
    )
    assert officer.delete("/holds/court-7").status_code == 204
    service.application.state.gallery.expire()
    assert force["enroller"].get(f"/compartments/lobby/subjects/{anna}").status_code == 404


def test_a_subject_gets_everything_that_is_held_about_her(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    gallery = service.application.state.gallery
    gallery.permit("anna", purposes=[PURPOSE], residence="GB", until=START.date().replace(year=2028))
    gallery.enrol("anna", portrait_photographs[:1])
    gallery.oversight.people.give_subject_account(MACHINE, "anna", "anna@example.org", PASSWORD)
    archive = service.login("anna@example.org", PASSWORD).get("/own/archive")
    assert archive.status_code == 200, archive.text
    names = zipfile.ZipFile(io.BytesIO(archive.content)).namelist()
    assert "access.json" in names
    assert any(name.startswith("images/") for name in names)


def test_a_subject_sees_her_own_permissions_and_receipts_and_nobody_elses(service: Service) -> None:
    gallery = service.application.state.gallery
    until = START.date().replace(year=2028)
    given = [
        gallery.permit(name, purposes=[PURPOSE], residence="GB", until=until).as_dict() for name in ("anna", "ben")
    ]
    gallery.oversight.people.give_subject_account(MACHINE, "anna", "anna@example.org", PASSWORD)
    anna = service.login("anna@example.org", PASSWORD)
    (listed,) = anna.get("/own/permissions").json()["items"]
    assert (listed["permission"], listed["in_force"]) == (given[0]["record_id"], True)
    assert anna.get(f"/own/permissions/{listed['permission']}").json()["receipt"] == given[0]
    other = anna.get(f"/own/permissions/{given[1]['record_id']}")
    assert (other.status_code, other.json()["code"]) == (404, "permission_unknown")


def test_a_job_takes_more_photographs_than_a_form_usually_has(service: Service) -> None:
    force = with_enroller(service)
    anna = permitted(force)
    sent = files("images", *(b"no image %d" % number for number in range(1001)))
    started = force["enroller"].post(f"/compartments/lobby/subjects/{anna}/enrolments", files=sent)
    assert started.status_code == 202, started.text
    job = started.json()["job"]
    assert force["enroller"].delete(f"/jobs/{job}").status_code == 200
