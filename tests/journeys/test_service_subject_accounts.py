"""A subject's own account, over HTTP and typed: given by the operator, signed in to, ended, gone with her."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from countenance import Countenance
from countenance.cli import exits
from countenance.cli.main import run
from countenance.clock import SystemClock
from countenance.store import subjects
from tests.galleries import Galleries, permit
from tests.journeys.test_service_subjects import permitted, with_enroller
from tests.offices import PASSWORD, staffed
from tests.served import Service, serving

pytestmark = pytest.mark.usefixtures("quick_passwords")

HERS = {"name": "anna@example.org", "password": PASSWORD, "subject": "anna"}


@pytest.fixture
def gallery(galleries: Galleries) -> Countenance:
    gallery = galleries.new()
    staffed(gallery)
    permit(gallery, "anna")
    return gallery


@pytest.fixture
def service(gallery: Countenance) -> Iterator[Service]:
    with serving(gallery) as made:
        yield made


def accounts(gallery: Countenance) -> int:
    with gallery._database.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM subject_accounts").scalar_one())


def answered(service: Service, **body: object) -> tuple[int, str | None]:
    """What the operator is answered: status and code."""
    answer = service.login("operator", PASSWORD).post("/people/subjects", json={**HERS, **body})
    return answer.status_code, answer.json().get("code")


def test_what_stands_against_an_account_is_said_with_its_code_and_nothing_is_made(
    service: Service, gallery: Countenance
) -> None:
    force = with_enroller(service)
    permitted(force)
    permit(gallery, "ben")
    assert answered(service, subject="nobody") == (404, "subject_unknown")
    assert answered(service, password="too short") == (400, "input_invalid")
    assert answered(service, name="officer") == (409, "party_exists")
    assert answered(service, customer=force.customer, compartment="attic") == (404, "compartment_unknown")
    assert answered(service, customer=force.customer) == (400, "input_invalid")
    erased = gallery._ledger.find("ben").subject_id
    with gallery._database.write() as connection:
        subjects.freeze(connection, [erased])
    assert answered(service, subject="ben") == (403, "permission_refused"), "her erasure has begun"
    gallery.withdraw("ben")
    assert answered(service, subject="ben") == (404, "subject_unknown"), "and is done"
    refused = force["enroller"].post("/people/subjects", json=HERS)
    assert (refused.status_code, refused.json()["reason"]) == (403, "role")
    assert accounts(gallery) == 0


def test_the_same_name_in_two_compartments_is_two_subjects_with_an_account_each(
    service: Service, gallery: Countenance
) -> None:
    force = with_enroller(service)
    permitted(force)
    operator = service.login("operator", PASSWORD)
    theirs = {"name": "the other anna", "customer": force.customer, "compartment": "lobby"}
    for body in (HERS, {**HERS, **theirs}):
        assert operator.post("/people/subjects", json=body).status_code == 201
    assert answered(service, **theirs, subject="anna")[0] == 201, "her own name is hers to keep"
    assert answered(service, name="the other anna") == (409, "party_exists")
    herself = service.login("anna@example.org", PASSWORD)
    assert service.login("the other anna", PASSWORD).delete("/own").status_code == 200
    assert accounts(gallery) == 1, "an account goes with its subject and with nobody else"
    assert herself.get("/own/ledger").json()["items"] == []


def test_an_account_is_given_once_under_a_key_anew_without_one_and_taken_back(
    service: Service, gallery: Countenance
) -> None:
    operator = service.login("operator", PASSWORD)
    first, again = (operator.post("/people/subjects", json=HERS, key="hers") for _ in range(2))
    assert first.json() == again.json() == {"person": first.json()["person"], "roles": ["subject"]}
    herself = service.login("anna@example.org", PASSWORD)
    anew = operator.post("/people/subjects", json={**HERS, "password": f"{PASSWORD} anew"}).json()["person"]
    assert herself.get("/own/ledger").status_code == 401, "the earlier account has ended, and its sessions"
    herself = service.login("anna@example.org", f"{PASSWORD} anew")
    assert herself.get("/sessions/current").json()["actor"] == anew
    assert operator.delete(f"/people/{anew}").status_code == 204
    assert herself.get("/own/ledger").status_code == 401
    assert operator.delete(f"/people/{anew}").status_code == 404
    assert accounts(gallery) == 0
    assert gallery.status().subjects == 1, "she stays"
    assert answered(service)[0] == 201, "and so may her account's name be given again"


def test_no_password_fits_an_account_that_is_signed_in_to_at_an_issuer(service: Service) -> None:
    operator = service.login("operator", PASSWORD)
    given = operator.post("/people/subjects", json={**HERS, "password": None}).json()["person"]
    for password in (PASSWORD, "None"):
        tried = service.post("/sessions", json={"name": HERS["name"], "password": password})
        assert (tried.status_code, tried.json()["code"]) == (401, "credential_invalid")
    issuer = operator.post("/issuers", json={"url": "https://login.example.org", "audience": "countenance"}).json()
    linked = operator.put(f"/people/{given}/links/{issuer['issuer']}", json={"sub": "anna's"})
    assert linked.status_code == 204, linked.text
    anew = operator.post("/people/subjects", json={**HERS, "password": None}).json()["person"]
    linked = operator.put(f"/people/{anew}/links/{issuer['issuer']}", json={"sub": "anna's"})
    assert linked.status_code == 204, "what linked the earlier account has ended with it"


def test_an_account_is_given_as_it_is_typed(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery = galleries.new(SystemClock())
    monkeypatch.setenv("COUNTENANCE_PASSWORD", PASSWORD)
    monkeypatch.setenv("COUNTENANCE_GALLERY", str(galleries.folder))

    def typed(*arguments: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert run([*arguments, "--json"]) == status, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    basis = ("--class", "business", "--jurisdiction", "GB", "--basis", "consent", "--purpose", "event-photos")
    customer = typed("customer", "add", "Harbour Ltd", *basis)["customer"]
    typed("compartment", "open", "lobby", "--customer", customer)
    until = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
    terms = ("--purpose", "event-photos", "--residence", "GB", "--until", until)
    typed("permit", "anna", *terms)
    typed("permit", "carla", *terms, "--compartment", "lobby")
    given = typed("person", "add", "anna@example.org", "--subject", "anna")
    assert given["roles"] == ["subject"]
    herself = gallery.oversight.authenticate(typed("login", "anna@example.org")["secret"])
    assert (herself.actor, gallery.oversight.own_ledger(herself)) == (given["person"], ())
    where = ("--subject", "carla", "--compartment", f"{customer}:lobby")
    carlas = typed("person", "add", "carla@example.org", *where, "--no-password")["person"]
    assert typed("login", "carla@example.org", status=exits.CREDENTIAL)["error"]["code"] == "credential_invalid"
    unknown = typed("person", "add", "x", "--subject", "carla", status=exits.SUBJECT)
    assert unknown["error"]["code"] == "subject_unknown", "there is none of that name in the gallery's own"
    assert typed("person", "remove", carlas)["removed"] is True
    assert accounts(gallery) == 1
    for wrong in ((), ("--role", "operator", *where), ("--role", "operator", "--no-password")):
        assert run(["person", "add", "x", *wrong]) == exits.USAGE
    assert run(["person", "add", "x", *where, "--customer", customer]) == exits.USAGE
