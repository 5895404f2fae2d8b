"""The grant: what a site's owner allows to be read, for what, until when; signed with the owner's key.

Rules kept here:

* A grant lists pages one by one, and pictures one by one or by the folder they lie in. It is never a licence to
  look around.
* The signature (Ed25519 over RFC 8785 canonical JSON without the member ``signature``) binds all of it to a key;
  the key is remembered, and a grant of the same site under another key is refused while the first is in use.
* Anything that is not understood makes the grant unusable.

The format: docs/for-site-owners.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from countenance.clock import from_text, to_text
from countenance.errors import GrantEnded, GrantInvalid

WELL_KNOWN = "/.well-known/countenance.json"
GRANT_BYTES = 1024 * 1024
MOST_PAGES = 10_000
VERSION = 1
_MEMBERS = frozenset({"version", "site", "pages", "pictures", "purposes", "issued", "expires", "contact", "key"})


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant whose signature is right. ``sha256`` is that of the bytes as they were published."""

    site: str
    pages: tuple[str, ...]
    pictures: tuple[str, ...]
    purposes: frozenset[str]
    issued: datetime
    expires: datetime
    contact: str
    key_id: str
    sha256: str

    def check_time(self, now: datetime) -> None:
        """Raises GrantEnded before its first and after its last moment."""
        if now >= self.expires:
            raise GrantEnded(f"The grant of {self.site} ended on {to_text(self.expires)}.")
        if now < self.issued:
            raise GrantEnded(f"The grant of {self.site} begins on {to_text(self.issued)}.")

    def lists_page(self, path: str) -> bool:
        """Whether exactly this page is listed."""
        return path in self.pages

    def pages_under(self, path: str) -> tuple[str, ...]:
        """The listed pages at ``path`` and below it."""
        folder = path.rstrip("/") + "/"
        return tuple(page for page in self.pages if page == path or page.startswith(folder))

    def lists_picture(self, path: str) -> bool:
        """Whether this picture is listed, itself or by its folder."""
        plain = path.partition("?")[0]
        if ".." in plain.split("/") or "%2e" in plain.lower() or "%2f" in plain.lower():
            return False
        return any(path == one or (one.endswith("/") and plain.startswith(one)) for one in self.pictures)


def read_grant(data: bytes, site: str) -> Grant:
    """The grant that a site has published. Raises GrantInvalid."""
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise GrantInvalid(f"The grant of {site} is not JSON in UTF-8: {error}") from error
    if not isinstance(document, dict):
        raise GrantInvalid(f"The grant of {site} is not an object.")
    signature = document.pop("signature", None)
    if set(document) != _MEMBERS or signature is None:
        odd = ", ".join(sorted({*document, *({"signature"} if signature else ())} ^ (_MEMBERS | {"signature"})))
        raise GrantInvalid(f"The grant of {site} lacks or has too much: {odd[:200]}.")
    if document["version"] != VERSION or isinstance(document["version"], bool):
        raise GrantInvalid(f"The grant of {site} is of version {document['version']!r}, which is not known.")
    if document["site"] != site:
        raise GrantInvalid(f"The grant is for {str(document['site'])[:200]}, and it was read from {site}.")
    key = _bytes(document["key"], 32, site)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(_bytes(signature, 64, site), rfc8785.dumps(document))
    except (InvalidSignature, ValueError, rfc8785.CanonicalizationError) as error:
        raise GrantInvalid(f"The signature of the grant of {site} is wrong.") from error
    try:
        issued, expires = from_text(document["issued"]), from_text(document["expires"])
    except (ValueError, TypeError) as error:
        raise GrantInvalid(f"The grant of {site} has a date that cannot be read.") from error
    if expires <= issued or not isinstance(document["contact"], str) or not document["contact"].strip():
        raise GrantInvalid(f"The grant of {site} ends before it begins, or names nobody to turn to.")
    return Grant(
        site,
        _paths(document["pages"], site),
        _paths(document["pictures"], site),
        frozenset(_texts(document["purposes"], site)),
        issued,
        expires,
        document["contact"],
        hashlib.sha256(key).hexdigest(),
        hashlib.sha256(data).hexdigest(),
    )


def signed(document: dict[str, Any], key: Ed25519PrivateKey) -> bytes:
    """A grant to publish: ``document`` without ``key`` and ``signature``, which are filled in."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    whole = {**document, "key": base64.b64encode(public).decode()}
    whole["signature"] = base64.b64encode(key.sign(rfc8785.dumps(whole))).decode()
    return json.dumps(whole, indent=2, ensure_ascii=False).encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands in it twice")
    return found


def _bytes(value: object, length: int, site: str) -> bytes:
    try:
        data = base64.b64decode(str(value), validate=True)
    except (ValueError, binascii.Error) as error:
        raise GrantInvalid(f"The key or signature of the grant of {site} is not base64.") from error
    if len(data) != length:
        raise GrantInvalid(f"The key or signature of the grant of {site} has the wrong length.")
    return data


def _texts(value: object, site: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise GrantInvalid(f"The grant of {site} has a list that is empty or holds something else than text.")
    if len(value) > MOST_PAGES:
        raise GrantInvalid(f"The grant of {site} lists more than {MOST_PAGES:,} things.")
    return tuple(value)


def _paths(value: object, site: str) -> tuple[str, ...]:
    paths = _texts(value, site)
    odd = [p for p in paths if not p.startswith("/") or p.startswith("//") or ".." in p.split("/") or "*" in p]
    if odd:
        raise GrantInvalid(f"The grant of {site} lists {odd[0][:200]!r}, which is no path on it.")
    return paths
