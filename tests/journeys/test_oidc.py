"""People sign in at an issuer: a real one on loopback, over HTTP, from registration to removal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from countenance import Countenance
from countenance.cli import exits
from countenance.cli.main import run
from countenance.errors import InputInvalid, PartyExists
from countenance.http.issuer_keys import IssuerSilent, fetched
from countenance.oversight.parties import MACHINE, Role
from tests.galleries import Galleries
from tests.served import Service, serving
from tests.servers import issuer as issuers


@pytest.fixture
def issuer() -> Iterator[issuers.TestIssuer]:
    with issuers.running() as made:
        yield made


@pytest.fixture
def gallery(galleries: Galleries) -> Countenance:
    return galleries.new()


@pytest.fixture
def service(gallery: Countenance) -> Iterator[Service]:
    with serving(gallery) as made:
        yield made


def staff(gallery: Countenance, name: str, role: Role) -> str:
    made = gallery.oversight.people.add(MACHINE, name, "a long enough password", roles=[role], customer_id=None)
    return made.person_id


def test_somebody_signs_in_with_a_token_and_may_do_what_her_account_may_until_the_link_ends(
    service: Service, gallery: Countenance, issuer: issuers.TestIssuer
) -> None:
    operator, officer = staff(gallery, "olive", Role.OPERATOR), staff(gallery, "dora", Role.DATA_PROTECTION_OFFICER)
    added = gallery.oversight.issuers.add(MACHINE, issuer.url, issuers.CLIENT)
    gallery.oversight.issuers.link(MACHINE, operator, added.issuer_id, "248289761001")
    hers = service.as_(issuer.token(roles=["regulator"], groups=["admin"]))
    asked = hers.get("/sessions/current").json()
    assert (asked["actor"], asked["roles"]) == (operator, ["operator"]), "roles come from the account"
    assert hers.get("/issuers").json()["items"][0]["url"] == issuer.url

    # The operator links somebody else, over HTTP.
    assert hers.put(f"/people/{officer}/links/{added.issuer_id}", json={"sub": "dora"}).status_code == 204
    doras = service.as_(issuer.token(sub="dora"))
    assert doras.get("/sessions/current").json()["roles"] == ["data_protection_officer"]
    assert doras.get("/metrics").status_code == 403
    assert service.as_(issuer.token(sub="nobody")).get("/sessions/current").status_code == 401
    taken = hers.put(f"/people/{officer}/links/{added.issuer_id}", json={"sub": "248289761001"})
    assert (taken.status_code, taken.json()["code"]) == (409, "party_exists")
    assert doras.delete("/sessions/current").status_code == 400, "the issuer ends it"

    # A link, an account, an issuer: each ends it at once, with a token that is still good.
    assert hers.delete(f"/people/{officer}/links/{added.issuer_id}").status_code == 204
    assert doras.get("/sessions/current").status_code == 401
    assert hers.put(f"/people/{officer}/links/{added.issuer_id}", json={"sub": "dora"}).status_code == 204
    assert doras.get("/sessions/current").status_code == 200
    assert hers.delete(f"/people/{officer}").status_code == 204
    assert doras.get("/sessions/current").status_code == 401
    assert hers.delete(f"/issuers/{added.issuer_id}").status_code == 204
    assert hers.get("/sessions/current").status_code == 401


def test_a_subject_signs_in_to_her_own_account_and_the_link_goes_with_her(
    service: Service, gallery: Countenance, galleries: Galleries, issuer: issuers.TestIssuer
) -> None:
    from tests.galleries import permit

    permit(gallery, "anna")
    account = gallery.oversight.people.give_subject_account(MACHINE, "anna", "anna@example.org", "a long password")
    added = gallery.oversight.issuers.add(MACHINE, issuer.url, issuers.CLIENT)
    gallery.oversight.issuers.link(MACHINE, account, added.issuer_id, "anna's")
    herself = service.as_(issuer.token(sub="anna's"))
    assert herself.get("/own/ledger").json()["items"] == []
    assert herself.delete("/own").json()["absent"] is True
    assert herself.get("/own/ledger").status_code == 401
    with gallery._database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM account_links").scalar_one() == 0


def test_the_operator_types_who_signs_in_where(
    galleries: Galleries,
    gallery: Countenance,
    service: Service,
    issuer: issuers.TestIssuer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COUNTENANCE_GALLERY", str(galleries.folder))

    def typed(line: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert run([*line.split(), "--json"]) == status, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    person = staff(gallery, "olive", Role.OPERATOR)
    added = typed(f"issuer add {issuer.url} --audience {issuers.CLIENT}")
    assert typed(f"issuer add {issuer.url} --audience other", exits.OVERSIGHT)["error"]["code"] == "party_exists"
    plain = typed("issuer add http://login.example.org --audience x", exits.INPUT)
    assert plain["error"]["code"] == "input_invalid"
    [listed] = typed("issuer list")["issuers"]
    assert (listed["issuer"], listed["url"], listed["audience"]) == (added["issuer"], issuer.url, issuers.CLIENT)
    hers = service.as_(issuer.token(sub="olive at work"))
    assert hers.get("/sessions/current").status_code == 401, "believed, and nobody's yet"
    assert run(["person", "link", person, added["issuer"], "olive at work", "--json"]) == 0
    assert hers.get("/sessions/current").json()["actor"] == person
    assert typed(f"person unlink {person} {added['issuer']}")["linked"] is False
    assert hers.get("/sessions/current").status_code == 401
    assert run(["person", "link", person, added["issuer"], "olive at work"]) == 0
    assert hers.get("/sessions/current").status_code == 200
    assert typed(f"issuer remove {added['issuer']}")["removed"] is True
    assert hers.get("/sessions/current").status_code == 401
    assert typed("issuer list")["issuers"] == []
    assert run(["issuer", "list"]) == 0
    assert "No issuer is registered." in capsys.readouterr().out
    assert typed(f"issuer remove {added['issuer']}", exits.OVERSIGHT)["error"]["code"]


def test_what_an_issuer_calls_somebody_is_nowhere_in_the_gallery(
    gallery: Countenance, galleries: Galleries, issuer: issuers.TestIssuer
) -> None:
    person = staff(gallery, "olive", Role.OPERATOR)
    added = gallery.oversight.issuers.add(MACHINE, issuer.url, issuers.CLIENT)
    gallery.oversight.issuers.link(MACHINE, person, added.issuer_id, "a-most-peculiar-sub")
    gallery.close()
    whole = b"".join(path.read_bytes() for path in galleries.folder.rglob("*") if path.is_file())
    assert issuer.url.encode() in whole, "the control"
    assert b"a-most-peculiar-sub" not in whole


def test_an_issuer_that_sends_elsewhere_or_answers_too_much_is_not_read(issuer: issuers.TestIssuer) -> None:
    assert fetched(f"{issuer.url}/keys")["keys"]
    issuer.changes["padding"] = "x" * 300_000
    with pytest.raises(IssuerSilent):
        fetched(f"{issuer.url}/.well-known/openid-configuration")
    issuer.redirect = f"{issuer.url}/keys"
    with pytest.raises(IssuerSilent):
        fetched(f"{issuer.url}/elsewhere")


WRONG = (
    "http://login.example.org",
    "http://localhost:8080",
    "https://",
    "https://user@login.example.org",
    "https://login.example.org/?a=b",
    "https://login.example.org/#a",
    "https://login.example.org/../x",
    "https://login.example.org\\@evil.example",
    "https://login.example.org:99999",
    "file:///etc/passwd",
    "https://login.example.org\r\nHost: evil",
)


@pytest.mark.parametrize("url", WRONG)
def test_no_issuer_is_registered_at_an_address_that_could_be_read_in_two_ways(
    gallery: Countenance, url: str
) -> None:
    with pytest.raises(InputInvalid):
        gallery.oversight.issuers.add(MACHINE, url, issuers.CLIENT)


def test_an_issuer_is_registered_once_and_over_http_never_on_loopback(
    service: Service, gallery: Countenance
) -> None:
    staff(gallery, "olive", Role.OPERATOR)
    operator = service.login("olive", "a long enough password")
    body = {"url": "https://login.example.org", "audience": issuers.CLIENT}
    first, second = operator.post("/issuers", json=body), operator.post("/issuers", json=body)
    assert (first.status_code, second.json()) == (201, first.json())
    with pytest.raises(PartyExists):
        gallery.oversight.issuers.add(MACHINE, body["url"], "another")
    near = operator.post("/issuers", json={"url": "http://127.0.0.1:8500", "audience": "x"})
    assert (near.status_code, near.json()["code"]) == (400, "input_invalid")
