"""A token of an issuer opens the door only when the issuer's own key signed it, for this service, for now."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc import jwk

from countenance.errors import CredentialInvalid
from countenance.http.issuer_keys import FRESH_S, PAUSE_S, STALE_S, IssuersKeys
from countenance.http.issuer_tokens import keys_of
from countenance.http.problems import Refusal
from countenance.oversight.issuers import Issuer
from tests.servers.issuer import CLIENT, TestIssuer, new_key, signed

NOW = 1_800_000_000.0
URL = "https://login.example.org/realm"
OTHER = "https://login.example.net"


class Door:
    """One process's checker, with clocks that stand until they are moved."""

    def __init__(self, **options: Any) -> None:
        self.issuer = TestIssuer(URL, **options)
        self.other = TestIssuer(OTHER)
        self.now, self.ticks, self.silent = NOW, 1000.0, False
        self.known = {
            URL: Issuer("1" * 32, URL, CLIENT, None, ""),
            OTHER: Issuer("2" * 32, OTHER, CLIENT, None, ""),
        }
        self.keys = IssuersKeys(self.fetch, lambda: self.now, lambda: self.ticks)

    def fetch(self, url: str) -> dict[str, Any]:
        from countenance.http.issuer_keys import IssuerSilent

        if self.silent:
            raise IssuerSilent
        return (self.issuer if url.startswith(URL) else self.other).fetch(url)

    def check(self, token: str) -> tuple[str, str]:
        return self.keys.check(token, self.known.get)

    def good(self, **other: Any) -> str:
        return signed(self.issuer.keys[0], self.issuer.claims(NOW, **other))


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256", "Ed25519"])
def test_a_token_that_the_issuer_signed_says_who_its_bearer_is(algorithm: str) -> None:
    door = Door(keys=[new_key("k0"), new_key("k1", algorithm)])
    token = signed(door.issuer.keys[1], door.issuer.claims(NOW), algorithm=algorithm)
    assert door.check(token) == ("1" * 32, "248289761001")


CLAIMS = {
    "for another audience": {"aud": "another"},
    "for no audience": {"aud": None},
    "for several, given to another of them": {"aud": [CLIENT, "another"], "azp": "another"},
    "for several, and it does not say to whom it was given": {"aud": [CLIENT, "another"]},
    "of an issuer that nobody registered": {"iss": "https://login.example.com"},
    "of an address that is nearly the issuer's": {"iss": URL + "/"},
    "over for more than a minute": {"iat": NOW - 400, "exp": NOW - 61},
    "that never ends": {"exp": None},
    "that ends when it is no number": {"exp": "tomorrow"},
    "that ends at infinity": {"exp": float("inf")},
    "that holds for longer than a day": {"exp": NOW + 100_000},
    "not yet in force": {"nbf": NOW + 61},
    "made in the future": {"iat": NOW + 61},
    "that does not say when it was made": {"iat": None},
    "of nobody": {"sub": None},
    "of a number": {"sub": 7},
}


@pytest.mark.parametrize("wrong", CLAIMS.values(), ids=CLAIMS.keys())
def test_a_token_is_refused_that_is(door: Door, wrong: dict[str, Any]) -> None:
    assert door.check(door.good())
    with pytest.raises(CredentialInvalid) as refused:
        door.check(door.good(**wrong))
    assert "248289761001" not in str(refused.value)


RIGHT = {
    "that ended less than a minute ago": {"iat": NOW - 400, "exp": NOW - 59},
    "that begins within a minute": {"nbf": NOW + 59, "iat": NOW + 59},
    "for several audiences, given to this one": {"aud": ["another", CLIENT], "azp": CLIENT},
}


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT.keys())
def test_a_token_is_taken(door: Door, right: dict[str, Any]) -> None:
    assert door.check(door.good(**right))


def unsigned(claims: dict[str, Any], **header: Any) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", **header}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def attacks() -> dict[str, Any]:
    """From the door to a token that must not open it."""

    def with_public_key_as_secret(door: Door) -> str:
        public = door.issuer.keys[0].as_pem(private=False)
        rest = unsigned(door.issuer.claims(NOW), alg="HS256", kid="k1").rstrip(".")
        mac = base64.urlsafe_b64encode(hmac.digest(public, rest.encode(), "sha256")).decode().rstrip("=")
        return f"{rest}.{mac}"

    def forged(**header: Any) -> Any:
        return lambda door: signed(new_key(), door.issuer.claims(NOW), **header)

    def bringing_its_key(door: Door) -> str:
        mine = new_key()
        return signed(mine, door.issuer.claims(NOW), jwk=mine.as_dict(private=False))

    def bringing_its_key_unnamed(door: Door) -> str:
        mine = new_key()
        return signed(mine, door.issuer.claims(NOW), kid=None, jwk=mine.as_dict(private=False))

    def tampered(door: Door) -> str:
        head, _, signature = door.good().split(".")
        body = base64.urlsafe_b64encode(json.dumps(door.issuer.claims(NOW, sub="root")).encode())
        return f"{head}.{body.decode().rstrip('=')}.{signature}"

    def with_zeros_for_a_signature(door: Door) -> str:
        head, body, _ = door.good().split(".")
        return f"{head}.{body}.{base64.urlsafe_b64encode(bytes(64)).decode().rstrip('=')}"

    return {
        "with a signature of zeros": with_zeros_for_a_signature,
        "encrypted, in five parts": lambda door: door.good() + ".e30.e30",
        "unsigned": lambda door: unsigned(door.issuer.claims(NOW)),
        "unsigned under a known key": lambda door: unsigned(door.issuer.claims(NOW), kid="k1"),
        "unsigned, in other letters": lambda door: unsigned(door.issuer.claims(NOW), alg="nOnE", kid="k1"),
        "signed with the public key as a shared secret": with_public_key_as_secret,
        "signed by somebody else under the same key id": forged(),
        "signed with a key that it brings": bringing_its_key,
        "signed with a key that it brings, without an id": bringing_its_key_unnamed,
        "signed with a key that lies at an address": forged(jku="https://evil.example/keys"),
        "signed with a certificate that lies at an address": forged(x5u="https://evil.example/cert"),
        "of a key whose id is a path": forged(kid="../../../../dev/null"),
        "of a key whose id is a query": forged(kid="k1' OR '1'='1"),
        "of another registered issuer, under the same key id": lambda door: signed(
            door.other.keys[0], door.issuer.claims(NOW)
        ),
        "with the right signature and other claims": tampered,
        "with critical headers": lambda door: signed(
            door.issuer.keys[0], door.issuer.claims(NOW), crit=["b64"], b64=True
        ),
        "of a kind that is for something else": lambda door: signed(
            door.issuer.keys[0], door.issuer.claims(NOW), typ="logout+jwt"
        ),
        "of 9,000 characters": lambda door: door.good(padding="x" * 9000),
        "of three empty parts": lambda door: "..",
        "of no JSON": lambda door: "aaaa.bbbb.cccc",
        "nested a thousand deep": lambda door: f"{base64.urlsafe_b64encode(b'[' * 3000).decode()}.e30.e30",
    }


@pytest.mark.parametrize("attack", attacks().values(), ids=attacks().keys())
def test_no_token_opens_the_door_that_is(door: Door, attack: Any) -> None:
    assert door.check(door.good()), "the control: the right one does"
    with pytest.raises(CredentialInvalid):
        door.check(attack(door))
    assert not any("evil" in path or "dev" in path for path in door.issuer.asked + door.other.asked)


def test_an_algorithm_that_does_not_belong_to_the_key_is_refused_though_the_signature_fits() -> None:
    door = Door(keys=[new_key("k1", "RS256")])
    token = signed(door.issuer.keys[0], door.issuer.claims(NOW), algorithm="RS512")
    with pytest.raises(CredentialInvalid):
        door.check(token)


def test_a_key_for_encryption_a_weak_one_a_private_one_and_a_shared_secret_check_nothing() -> None:
    good = new_key("k1", "RS256").as_dict(private=False)
    assert len(keys_of({"keys": [good]})) == 1
    weak = {**good, "n": good["n"][:171]}
    private = new_key("k1", "RS256").as_dict(private=True)
    secret = jwk.OctKey.generate_key(256).as_dict(private=True)
    nonsense = {**good, "n": "not base64!"}
    for key in (weak, private, secret, nonsense, {**good, "use": "enc"}, {**good, "alg": "RS512"}, {}):
        assert keys_of({"keys": [key, 7]}) == ()


def test_a_new_key_is_found_and_unknown_ones_ask_the_issuer_once_a_minute(door: Door) -> None:
    door.check(door.good())
    old, fresh = door.issuer.keys[0], new_key("k2")
    door.issuer.keys = [fresh]
    token = signed(fresh, door.issuer.claims(NOW), kid="k2")
    asked = len(door.issuer.asked)
    for _ in range(5):
        with pytest.raises(CredentialInvalid):
            door.check(token)
    assert len(door.issuer.asked) == asked, "within the minute"
    door.ticks += PAUSE_S
    assert door.check(token)
    assert len(door.issuer.asked) == asked + 2
    with pytest.raises(CredentialInvalid):
        door.check(signed(old, door.issuer.claims(NOW)))


def test_a_key_that_the_issuer_took_back_stops_within_the_hour(door: Door) -> None:
    token = door.good()
    door.check(token)
    door.issuer.keys = [new_key("k2")]
    door.ticks += FRESH_S + 1
    with pytest.raises(CredentialInvalid):
        door.check(token)


def test_a_silent_issuer_is_believed_for_a_day_and_one_that_never_spoke_not_at_all(door: Door) -> None:
    door.check(door.good())
    door.silent = True
    door.ticks += FRESH_S + 1
    assert door.check(door.good())
    door.ticks += STALE_S
    with pytest.raises(Refusal) as refused:
        door.check(door.good())
    assert refused.value.problem.http_status == 503
    fresh = Door()
    fresh.silent = True
    with pytest.raises(Refusal):
        fresh.check(fresh.good())


ELSEWHERE = {
    "of another host": f"{OTHER}/keys",
    "of this machine": "http://127.0.0.1/keys",
    "of a cloud's metadata": "http://169.254.169.254/keys",
    "of a file": "file:///etc/passwd",
    "of another port": "https://login.example.org:8443/keys",
    "that is none": 7,
}


@pytest.mark.parametrize("address", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_keys_are_not_fetched_from_an_address(door: Door, address: object) -> None:
    door.issuer.changes["jwks_uri"] = address
    with pytest.raises(Refusal):
        door.check(door.good())
    assert door.issuer.asked == ["/.well-known/openid-configuration"]
    assert not door.other.asked


def test_keys_may_lie_on_the_host_that_the_operator_named(door: Door) -> None:
    door.issuer.changes["jwks_uri"] = f"{OTHER}/keys"
    door.other.keys = door.issuer.keys
    door.known[URL] = Issuer("1" * 32, URL, CLIENT, "login.example.net", "")
    assert door.check(door.good())


def test_a_discovery_document_of_another_issuer_is_not_believed(door: Door) -> None:
    door.issuer.changes["issuer"] = OTHER
    with pytest.raises(Refusal):
        door.check(door.good())
