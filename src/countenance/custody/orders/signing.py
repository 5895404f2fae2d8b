"""An order's signature, and the keys of authorities that the operator has registered.

Rules kept here:

1. The signature is Ed25519 (RFC 8032) over the RFC 8785 canonical JSON of the document without its member
   ``signature``. The members ``type``, ``version`` and ``authority.key_id`` are inside what is signed.
2. A key is looked up by the id in the signed document, and must be registered for that very authority. The file
   never brings its own key.
3. A revoked key opens nothing, whatever the order's date: the date is the signer's word, and a thief dates back.
4. The signature is checked before anything else in the document is believed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import rfc8785
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from countenance.custody.orders.checks import check
from countenance.custody.orders.document import read_order_document
from countenance.custody.orders.model import Order
from countenance.custody.orders.reading import Reader, parse
from countenance.custody.orders.writing import write_order
from countenance.errors import (
    AuthorityKeyInvalid,
    AuthorityKeyRevoked,
    AuthorityKeyUnknown,
    OrderMalformed,
    OrderSignatureWrong,
    OrderUnsigned,
)

ALGORITHM = "Ed25519"
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class AuthorityKey:
    """One public key of one authority. Raises AuthorityKeyInvalid unless it has 32 bytes."""

    authority: str
    public_key: bytes
    registered_at: datetime
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        if len(self.public_key) != _KEY_BYTES:
            raise AuthorityKeyInvalid(f"An Ed25519 public key has {_KEY_BYTES} bytes, not {len(self.public_key)}.")

    @property
    def key_id(self) -> str:
        """SHA-256 of the raw public key, hex."""
        return key_id(self.public_key)


class AuthorityKeys:
    """The keys that the operator has registered. A value: registering another key makes another registry."""

    def __init__(self, keys: Iterable[AuthorityKey] = ()) -> None:
        self._keys = {key.key_id: key for key in keys}

    def get(self, authority: str, id_: str) -> AuthorityKey:
        """The key ``id_`` of ``authority``. Raises AuthorityKeyUnknown, AuthorityKeyRevoked."""
        key = self._keys.get(id_)
        if key is None or key.authority != authority:
            raise AuthorityKeyUnknown(f"No key {id_[:16]}… is registered for {authority[:100]}.")
        if key.revoked_at is not None:
            raise AuthorityKeyRevoked(f"Key {id_[:16]}… of {authority[:100]} was revoked.")
        return key


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order whose signature was checked."""

    order: Order
    signature: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the signed bytes, hex: the order's own name in logs and certificates."""
        return hashlib.sha256(signed_bytes(write_order(self.order))).hexdigest()

    def to_document(self) -> dict[str, object]:
        """The document as it was signed, with its signature."""
        return {**write_order(self.order), "signature": _signature_member(self.signature)}


def key_id(public_key: bytes) -> str:
    """The id of a raw Ed25519 public key: its SHA-256, hex."""
    return hashlib.sha256(public_key).hexdigest()


def read_public_key(data: bytes) -> bytes:
    """The raw Ed25519 public key (32 bytes) in a file: raw, base64 or PEM. Raises AuthorityKeyInvalid."""
    if len(data) == _KEY_BYTES:
        return data
    text = data.strip()
    try:
        if text.startswith(b"-----BEGIN"):
            key = load_pem_public_key(text)
            if isinstance(key, Ed25519PublicKey):
                return key.public_bytes_raw()
        elif len(raw := base64.b64decode(text, validate=True)) == _KEY_BYTES:
            return raw
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AuthorityKeyInvalid("The file holds no Ed25519 public key.") from error
    raise AuthorityKeyInvalid("The file holds no Ed25519 public key: 32 bytes, their base64, or PEM.")


def signed_bytes(document: Mapping[str, object]) -> bytes:
    """The bytes that are signed: canonical JSON of ``document`` without its signature."""
    bare = {name: value for name, value in document.items() if name != "signature"}
    try:
        return rfc8785.dumps(bare)  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise OrderMalformed(f"The order has no canonical JSON form: {error}") from error


def sign(document: Mapping[str, object], key: Ed25519PrivateKey) -> dict[str, object]:
    """``document`` with its signature by ``key``. For authorities, examples and tests."""
    bare = {name: value for name, value in document.items() if name != "signature"}
    return {**bare, "signature": _signature_member(key.sign(signed_bytes(bare)))}


def read_order(data: bytes, keys: AuthorityKeys) -> SignedOrder:
    """The order in the bytes of a file, checked in this order: form of JSON, signature, members, meaning.

    Raises OrderUnreadable, OrderUnsigned, OrderSignatureWrong, AuthorityKeyUnknown, AuthorityKeyRevoked and every
    error of :func:`read_order_document` and :func:`check`.
    """
    document = parse(data)
    signature = _verified(document, keys)
    order = read_order_document({name: value for name, value in document.items() if name != "signature"})
    check(order)
    return SignedOrder(order, signature)


def _verified(document: dict[str, object], keys: AuthorityKeys) -> bytes:
    if document.get("signature") is None:
        raise OrderUnsigned("The order carries no signature.")
    member = Reader(document["signature"], "signature")
    if member.value("algorithm") != ALGORITHM:
        raise OrderSignatureWrong("The signature is not Ed25519.")
    text = member.text("value")
    member.finish()
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise OrderSignatureWrong("The signature is not base64.") from error
    if len(signature) != _SIGNATURE_BYTES or base64.b64encode(signature).decode() != text:
        raise OrderSignatureWrong(f"The signature is not {_SIGNATURE_BYTES} bytes in base64.")
    authority = Reader(document.get("authority"), "authority")
    key = keys.get(authority.text("name"), authority.text("key_id"))
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, signed_bytes(document))
    except InvalidSignature as error:
        raise OrderSignatureWrong("The signature is not that of the authority's key over this document.") from error
    return signature


def _signature_member(signature: bytes) -> dict[str, object]:
    return {"algorithm": ALGORITHM, "value": base64.b64encode(signature).decode()}
