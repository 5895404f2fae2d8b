"""An authority's public key is read from the forms in which people send it."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from countenance.custody.orders.signing import read_public_key
from countenance.errors import AuthorityKeyInvalid

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
RAW = KEY.public_bytes_raw()
PEM = KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
OTHER = (
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize("data", [RAW, base64.b64encode(RAW) + b"\n", PEM], ids=["raw", "base64", "PEM"])
def test_a_key_is_read_in_every_form(data: bytes) -> None:
    assert read_public_key(data) == RAW


@pytest.mark.parametrize(
    "data",
    [b"", RAW[:31], base64.b64encode(RAW[:31]), PEM[:60], OTHER, b"not a key at all, only words"],
    ids=["empty", "short", "short base64", "half a PEM", "another kind of key", "words"],
)
def test_anything_else_is_no_key(data: bytes) -> None:
    with pytest.raises(AuthorityKeyInvalid):
        read_public_key(data)
