"""A customer's whole story over HTTP, from registration to the public register."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from tests.galleries import START, Galleries, template
from tests.galleries import row as template_row
from tests.offices import PASSWORD, PURPOSE, staffed
from tests.served import Service, serving

pytestmark = pytest.mark.usefixtures("quick_passwords")

UNTIL = (START + timedelta(days=60)).isoformat()


@dataclass
class Force:
    """A police force that was registered over HTTP, and its people."""

    service: Service
    customer: str
    people: dict[str, Service] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Service:
        return self.people[name]


def registered(service: Service, name: str = "Harbour Police") -> Force:
    """Register a customer, make its accounts, certify its reviewers."""
    operator, officer = service.login("operator", PASSWORD), service.login("officer", PASSWORD)
    answer = operator.post(
        "/customers",
        json={
            "name": name,
            "class": "police",
            "jurisdiction": "GB",
            "legal_basis": "law_enforcement",
            "purposes": [PURPOSE],
        },
    )
    assert answer.status_code == 201, answer.text
    force = Force(service, answer.json()["customer"])
    roles = {"investigator": "investigator", "authoriser": "authoriser", "first": "reviewer", "second": "reviewer"}
    for who, role in roles.items():
        account = f"{who} of {name}"
        body = {"name": account, "password": PASSWORD, "roles": [role], "customer": force.customer}
        made = operator.post("/people", json=body)
        assert made.status_code == 201, made.text
        if role == "reviewer":
            done = officer.put(f"/people/{made.json()['person']}/competence", json={"until": UNTIL})
            assert done.status_code == 200, done.text
        force.people[who] = service.login(account, PASSWORD)
    return force


def opened(force: Force, **more: object) -> str:
    """A case that the investigator asks for and the authoriser authorises."""
    body = {
        "purpose": PURPOSE,
        "legal_basis": "law_enforcement",
        "reference": "2027/117",
        "subject_matter": "a robbery at the old harbour",
        "expires": UNTIL,
        "quota": 5,
        **more,
    }
    answer = force["investigator"].post("/cases", json=body)
    assert answer.status_code == 201, answer.text
    case = str(answer.json()["case"])
    assert force["authoriser"].post(f"/cases/{case}/authorisation").json()["state"] == "authorised"
    return case


def reviewed(reviewer: Service, answer: str = "same") -> int:
    """Say the same of everything that there is to be looked at, having looked."""
    count = 0
    while (review := reviewer.post("/reviews/next").json()["review"]) is not None:
        for side in ("probe", "candidate"):
            picture = reviewer.get(f"/reviews/{review['review']}/{side}")
            assert picture.status_code in (200, 404)
        assert reviewer.put(f"/reviews/{review['review']}/answer", json={"answer": answer}).status_code == 204
        count += 1
    return count


@pytest.fixture
def service(galleries: Galleries, portrait_photographs: list[bytes]) -> Iterator[Service]:
    """A service with Anna enrolled from a photograph."""
    gallery = galleries.new()
    until = START.date().replace(year=2028)
    gallery.permit("anna", purposes=[PURPOSE], residence="GB", until=until)
    gallery.enrol("anna", portrait_photographs[:2])
    gallery.enrol_templates([template_row(f"stranger-{n}", template(100 + n)) for n in range(9)])
    staffed(gallery)
    with serving(gallery) as made:
        yield made


def test_a_customer_is_registered_searches_under_a_case_and_the_subject_and_the_public_see_it(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    force = registered(service)
    case = opened(force)
    image = {"image": ("lobby.jpg", portrait_photographs[3], "image/jpeg")}
    made = force["investigator"].post(f"/cases/{case}/searches", files=image)
    assert made.status_code == 201, made.text
    assert made.json()["faces"] == 1
    assert "anna" not in made.text
    assert force["investigator"].post(f"/cases/{case}/releases").json()["items"] == []
    # One mate and no known non-mate with a picture: each reviewer has exactly one thing to look at.
    assert [reviewed(force[who]) for who in ("first", "second")] == [1, 1]
    released = force["investigator"].post(f"/cases/{case}/releases").json()["items"]
    assert [one["subject"] for one in released] == ["anna"]

    body = {"name": "anna@example.org", "password": PASSWORD, "subject": "anna"}
    given = service.login("operator", PASSWORD).post("/people/subjects", json=body)
    assert given.status_code == 201, given.text
    herself = service.login("anna@example.org", PASSWORD)
    (line,) = herself.get("/own/ledger").json()["items"]
    assert (line["customer"], line["purpose"], line["what"]) == ("Harbour Police", PURPOSE, "released")

    (counted,) = service.get("/register").json()["customers"]
    assert counted["class"] == "police"
    assert counted["searches"] is None, "fewer than five are not published"
    page = service.get("/register/page")
    assert "police" in page.text
    assert "Harbour" not in page.text

    gone = herself.delete("/own")
    assert gone.status_code == 200, gone.text
    assert gone.json()["absent"] is True
    again = service.post("/sessions", json={"name": "anna@example.org", "password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (401, "credential_invalid"), "her account went with her"
    assert force["investigator"].post(f"/cases/{case}/releases").json()["items"] == []
    notices = service.login("officer", PASSWORD).get("/notices").json()["items"]
    assert [one["recipient"] for one in notices] == [f"customer:{force.customer}"]


def test_without_a_key_nothing_is_said(service: Service) -> None:
    answer = service.get("/cases")
    assert answer.status_code == 401
    assert answer.json()["code"] == "credential_invalid"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert service.get("/cases", params={"api_key": "cnt_x"}).status_code == 400


def test_a_key_is_shown_once_does_what_it_is_for_and_ends_when_it_is_revoked(service: Service) -> None:
    force = registered(service)
    operator = service.login("operator", PASSWORD)
    body = {"customer": force.customer, "roles": ["investigator"], "expires": UNTIL, "verbs": ["case.list"]}
    issued = operator.post("/keys", json=body, key="once")
    assert issued.status_code == 201
    program = service.as_(issued.json()["secret"])
    assert program.get("/cases").status_code == 200
    refused = program.get("/customers")
    assert refused.status_code == 403
    assert refused.json()["reason"] in ("role", "key_limited")
    again = operator.post("/keys", json=body, key="once")
    assert again.json()["code"] == "answer_not_kept"
    assert issued.json()["secret"] not in again.text
    assert len(operator.get("/keys").json()["items"]) == 1
    assert operator.delete(f"/keys/{issued.json()['key']}").status_code == 204
    assert program.get("/cases").status_code == 401


def test_the_same_request_under_one_key_is_made_once_and_answered_again(service: Service) -> None:
    force = registered(service)
    body = {
        "purpose": PURPOSE,
        "legal_basis": "law_enforcement",
        "reference": "1",
        "subject_matter": "a theft",
        "expires": UNTIL,
        "quota": 1,
    }
    first = force["investigator"].post("/cases", json=body, key="k1")
    second = force["investigator"].post("/cases", json=body, key="k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"
    other = force["investigator"].post("/cases", json={**body, "reference": "2"}, key="k1")
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_key_reused"
    assert len(force["investigator"].get("/cases").json()["items"]) == 1


def test_lists_come_in_pages_that_leave_nothing_out_and_repeat_nothing(service: Service) -> None:
    force = registered(service)
    made = {opened(force, reference=str(number)) for number in range(5)}
    seen: list[str] = []
    cursor = None
    while True:
        page = (
            force["investigator"]
            .get("/cases", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
            .json()
        )
        seen += [one["case"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
    assert force["investigator"].get("/cases", params={"cursor": "nonsense"}).status_code == 400


def test_blocking_a_class_of_customers_is_felt_by_a_session_that_is_running(service: Service) -> None:
    force = registered(service)
    case = opened(force)
    operator = service.login("operator", PASSWORD)
    body = {"customers": "police", "jurisdiction": "GB", "ground": "a court has said so"}
    block = operator.post("/blocks", json=body).json()["block"]
    refused = force["investigator"].post(f"/cases/{case}/releases")
    assert (refused.status_code, refused.json()["reason"]) == (403, "barred")
    assert operator.delete(f"/blocks/{block}").status_code == 200
    assert force["investigator"].post(f"/cases/{case}/releases").status_code == 200


def test_a_stranger_can_check_the_log_and_cannot_read_its_entries(service: Service) -> None:
    registered(service)
    checkpoint = service.get("/log/checkpoint").text.splitlines()
    size = int(checkpoint[1])
    assert size > 5
    tile = service.get(f"/log/tile/0/000.p/{size}")
    assert len(tile.content) == size * 32
    assert service.get("/log/proofs/inclusion/0").status_code == 200
    assert service.get(f"/log/proofs/consistency/{size - 1}").status_code == 200
    assert service.get(f"/log/entries/000.p/{size}").status_code == 401
    assert service.login("officer", PASSWORD).get(f"/log/entries/000.p/{size}").status_code == 200
    for wrong in ("../gallery.db", "0/001", "entries/000", "0/000.p/0", "99/000"):
        assert service.get(f"/log/tile/{wrong}").status_code in (400, 404)


def test_a_clip_is_searched_under_a_case_like_a_photograph(
    service: Service, portrait_photographs: list[bytes]
) -> None:
    av = pytest.importorskip("av", reason="the extra 'clips' is not installed")
    portrait = np.asarray(Image.open(BytesIO(portrait_photographs[3])).convert("RGB").resize((480, 480)))
    clip = BytesIO()
    with av.open(clip, "w", format="matroska") as out:
        stream = out.add_stream("mjpeg", rate=5)
        stream.width, stream.height, stream.pix_fmt = 480, 480, "yuvj420p"
        for _ in range(4):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(portrait, format="rgb24")))
        out.mux(stream.encode())
    force = registered(service)
    case = opened(force)
    sent = {"image": ("lobby", clip.getvalue(), "application/octet-stream")}
    made = force["investigator"].post(f"/cases/{case}/searches", files=sent)
    assert made.status_code == 201, made.text
    assert "anna" not in made.text
    assert (made.json()["faces"], made.json()["searches_left"]) == (1, 4)
    (seen,) = made.json()["seen"]
    assert (seen["face"], seen["from"]) == (1, 0.0)
    assert [reviewed(force[who]) for who in ("first", "second")] == [1, 1]
    released = force["investigator"].post(f"/cases/{case}/releases").json()["items"]
    assert [one["subject"] for one in released] == ["anna"]

    half = {"image": ("lobby", clip.getvalue()[:200], "application/octet-stream")}
    refused = force["investigator"].post(f"/cases/{case}/searches", files=half)
    assert (refused.status_code, refused.json()["code"]) == (422, "clip_unreadable")
    assert force["investigator"].get(f"/cases/{case}").json()["used"] == 1, "what failed takes nothing"
