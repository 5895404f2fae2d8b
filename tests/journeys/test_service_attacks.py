"""What a hostile client sends, and that it gets nothing for it: no crash, no file, no word about anybody."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from countenance.http.asker import SECRET_PARAMETERS
from tests.galleries import Galleries
from tests.journeys.test_service_subjects import permitted, with_enroller
from tests.offices import PASSWORD, PURPOSE, staffed
from tests.served import SETTINGS, Service, assert_ends, serving

pytestmark = pytest.mark.usefixtures("quick_passwords")


def test_names_that_are_paths_or_headers_are_names_and_write_no_file(
    service: Service, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    force = with_enroller(service)
    before = {path for path in tmp_path.rglob("*") if "blobs" not in path.parts}
    hostile = [
        "../../../etc/passwd",
        "..\\..\\x",
        "a\r\nSet-Cookie: x=1",
        "<script>alert(1)</script>",
        "\u202egnp.exe",
    ]
    for number, name in enumerate(hostile):
        body = {"subject": name, "purposes": [PURPOSE], "residence": "GB", "until": "2027-12-01"}
        answer = force["enroller"].post("/compartments/lobby/permissions", json=body)
        assert answer.status_code in (201, 400, 422), answer.text
        if answer.status_code == 201:
            sent = [("images", (name.replace("\r\n", ""), portrait_photographs[number % 6], "image/jpeg"))]
            subject = answer.json()["id"]
            answer = force["enroller"].post(f"/compartments/lobby/subjects/{subject}/images", files=sent)
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-type"].startswith("application/")
    new = {path for path in tmp_path.rglob("*") if "blobs" not in path.parts} - before
    assert all(path.relative_to(tmp_path).parts[0] in ("gallery", "gallery.keys") for path in new)
    assert not [path for path in new if any(bit in path.name for bit in ("passwd", "alert", "x=1", "gnp"))]


def test_guessing_keys_and_passwords_is_ended_by_the_address(galleries: Galleries) -> None:
    gallery = galleries.new()
    staffed(gallery)
    with serving(gallery, replace(SETTINGS, wrong_credentials_a_minute=5)) as service:
        seen = [service.as_(f"cnt_{n:020X}_{'A' * 43}").get("/cases").status_code for n in range(8)]
        assert_ends(seen, 401, 429, limit=5)
        refused = service.post("/sessions", json={"name": "operator", "password": PASSWORD})
        assert refused.status_code == 429, "a right password does not help while the address waits"
        assert int(refused.headers["retry-after"]) > 0


def test_a_wrong_password_and_an_unknown_name_are_told_in_the_same_words(service: Service) -> None:
    wrong = service.post("/sessions", json={"name": "operator", "password": "x"}).json()
    unknown = service.post("/sessions", json={"name": "nobody", "password": "x"}).json()
    assert {**wrong, "instance": ""} == {**unknown, "instance": ""}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{" * 100_000, "application/json"),
        (b"[" * 100_000 + b"]" * 100_000, "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"null", "application/json"),
        (b"{}", "text/plain"),
        (b"<x/>", "application/xml"),
        (b"", "application/json"),
        (b"--b\r\n", "multipart/form-data; boundary=b"),
        (b"--b", "multipart/form-data"),
        (b'{"name": "x", "password": "y", "roles": ["operator"]}', "application/json"),
    ],
    ids=[
        "nested objects", "nested lists", "no text", "null", "plain text", "another kind", "nothing", "half a part",
        "no boundary", "a field too many",
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_a_problem_of_the_sender(service: Service, content: bytes, kind: str) -> None:
    answer = service.ask("POST", "/sessions", content=content, headers={"Content-Type": kind})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_credential_in_the_query_string_is_refused_although_a_valid_one_stands_in_the_header(
    service: Service,
) -> None:
    operator = service.login("operator", PASSWORD)
    assert operator.get("/people").status_code == 200
    for name in sorted(SECRET_PARAMETERS):
        for written in (name, name.upper()):
            answer = operator.get("/people", params={written: operator.token})
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), written
            assert str(operator.token) not in answer.text
        signing_in = {"name": "operator", "password": PASSWORD}
        answer = service.post("/sessions", json=signing_in, params={name: "x"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), name


def test_what_was_sent_is_not_told_back(service: Service) -> None:
    secret = "the secret of the sender"
    answer = service.post("/sessions", json={"name": secret, "password": 7, "extra": secret})
    assert answer.status_code == 422
    assert secret not in answer.text
    answer = service.as_(secret).get("/cases")
    assert secret not in answer.text


def test_a_method_or_a_place_that_is_none_says_so_in_the_same_shape(service: Service) -> None:
    for method, path, status in (
        ("TRACE", "/sessions", 405),
        ("PUT", "/cases", 405),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("GET", "/cases/" + "a" * 5000, 404),
    ):
        answer = service.ask(method, path)
        assert answer.status_code in (status, 401, 422), (method, path)
        assert json.loads(answer.text)["code"]


def test_an_event_of_an_order_that_is_none_is_the_senders_mistake(service: Service) -> None:
    paper = [("instrument", ("paper.pdf", b"a paper", "application/pdf"))]
    answer = service.login("officer", PASSWORD).post("/orders/ico/events", data={"kind": "dance"}, files=paper)
    assert (answer.status_code, answer.json()["code"]) == (400, "input_invalid")


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve", "a\nb"], ids=["empty", "long", "not ASCII", "two lines"])
def test_an_idempotency_key_that_is_none_is_refused(service: Service, key: str) -> None:
    force = with_enroller(service)
    headers = [(b"Idempotency-Key", key.encode("utf-8"))]
    try:
        answer = force["enroller"].client.request(
            "POST",
            "/v1/compartments",
            json={"name": "attic"},
            headers=[*headers, (b"Authorization", f"Bearer {force['enroller'].token}".encode())],
        )
    except ValueError:  # the client itself sends no such header
        return
    assert answer.status_code in (400, 422), answer.text


def test_a_picture_that_is_a_bomb_is_refused_before_it_is_opened(service: Service) -> None:
    force = with_enroller(service)
    anna = permitted(force)
    header = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x0f\x42\x40\x00\x00\x00\x02\x08\x02\x00\x00\x00"
    header += b"\x00" * 64
    sent = [("images", ("bomb.png", header, "image/png"))]
    answer = force["enroller"].post(f"/compartments/lobby/subjects/{anna}/images", files=sent)
    assert answer.json()["items"][0]["code"] in ("image_too_large", "image_truncated", "image_unreadable")
