"""Nothing is believed that the authority's registered key has not signed."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from order_papers import KEYS, SIGN, document

from countenance import errors
from countenance.custody.orders.signing import AuthorityKey, AuthorityKeys, read_order, sign, signed_bytes

NAME = "ico-2022"


def raw(changed: object) -> bytes:
    return json.dumps(changed, ensure_ascii=False).encode()


def test_unsigned_order_is_refused():
    bare = document(NAME)
    del bare["signature"]
    with pytest.raises(errors.OrderUnsigned):
        read_order(raw(bare), KEYS)


def test_layout_of_the_file_does_not_matter_to_the_signature():
    turned = dict(reversed(document(NAME).items()))
    assert read_order(json.dumps(turned, indent=7).encode(), KEYS).order.id == NAME


@pytest.mark.parametrize(
    "member",
    ["title", "respondent", "legal_basis", "id"],
)
def test_changing_one_word_breaks_the_signature(member):
    changed = document(NAME)
    changed[member] = changed[member] + "x"
    with pytest.raises(errors.OrderSignatureWrong):
        read_order(raw(changed), KEYS)


def test_signature_is_checked_before_the_members_are():
    changed = document(NAME)
    changed["scope"] = {"predicate": "looks_like"}
    with pytest.raises(errors.OrderSignatureWrong):
        read_order(raw(changed), KEYS)


@settings(max_examples=60)
@given(st.integers(0, 63), st.integers(0, 7))
def test_every_bit_of_the_signature_counts(byte, bit):
    changed = document(NAME)
    signature = bytearray(base64.b64decode(changed["signature"]["value"]))
    signature[byte] ^= 1 << bit
    changed["signature"]["value"] = base64.b64encode(signature).decode()
    with pytest.raises(errors.OrderSignatureWrong):
        read_order(raw(changed), KEYS)


@pytest.mark.parametrize(
    "signature",
    [
        pytest.param({"algorithm": "none", "value": ""}, id="no algorithm"),
        pytest.param({"algorithm": "Ed25519", "value": "!!"}, id="not base64"),
        pytest.param({"algorithm": "Ed25519", "value": "AAAA"}, id="too short"),
        pytest.param({"algorithm": "Ed25519", "value": "AB" * 44 + "=="}, id="another spelling"),
    ],
)
def test_malformed_signature_is_refused(signature):
    with pytest.raises(errors.OrderSignatureWrong):
        read_order(raw({**document(NAME), "signature": signature}), KEYS)


def test_key_that_the_operator_did_not_register_is_refused():
    mine = Ed25519PrivateKey.generate()
    with pytest.raises(errors.OrderSignatureWrong):
        read_order(raw(sign(document(NAME), mine)), KEYS)
    with pytest.raises(errors.AuthorityKeyUnknown):
        read_order(raw(document(NAME)), AuthorityKeys())


def test_key_of_another_authority_is_refused():
    ours, theirs = (document(name)["authority"]["name"] for name in (NAME, "cnil-2022"))
    registry = AuthorityKeys([replace(SIGN.registered(ours), authority=theirs)])
    with pytest.raises(errors.AuthorityKeyUnknown):
        read_order(raw(document(NAME)), registry)


def test_revoked_key_opens_nothing_whatever_date_the_order_bears():
    stolen = replace(
        SIGN.registered(document(NAME)["authority"]["name"]), revoked_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    with pytest.raises(errors.AuthorityKeyRevoked):
        read_order(raw(document(NAME)), AuthorityKeys([stolen]))


def test_key_of_the_wrong_length_cannot_be_registered():
    with pytest.raises(errors.AuthorityKeyInvalid):
        AuthorityKey("x", b"short", datetime(2026, 1, 1, tzinfo=UTC))


def test_digest_names_the_order_and_not_its_layout():
    one = read_order(raw(document(NAME)), KEYS)
    two = read_order(json.dumps(document(NAME), indent=4).encode(), KEYS)
    assert one.digest == two.digest
    assert len(one.digest) == 64


def test_number_that_canonical_json_cannot_hold_is_refused():
    with pytest.raises(errors.OrderMalformed):
        signed_bytes({"n": 2**60})
