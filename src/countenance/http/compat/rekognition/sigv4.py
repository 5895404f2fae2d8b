"""AWS Signature Version 4, the verifier's side: was this request signed with the secret of a key, and just now?

Rules kept here:

* The steps are those of the specification ("Create a signed AWS API request", AWS IAM User Guide), numbered:
  1 canonical request, 2 hash of it, 3 string to sign, 4 signing key, 5 signature.
* Signed must be ``host``, ``x-amz-date``, every other ``x-amz-`` header that is there and, if there,
  ``content-type``: what decides about the request must not be changed on the way.
* A header that decides comes once. A signature in the query string, a session token and an unsigned payload are not
  taken.
* Doubt refuses, in constant time where the secret is compared. What the signature should have been is never said.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "rekognition"
TERMINATOR = "aws4_request"
SKEW = timedelta(minutes=15)
"""How far the signer's clock may be off; the specification's figure."""
KEEP = 2 * SKEW
"""How long a signature can be used again if nobody remembers it: from 15 minutes ahead to 15 behind."""

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=([^,\s/]{{1,128}})/(\d{{8}})/([a-z0-9-]{{1,32}})/([a-z0-9-]{{1,32}})/"
    r"([a-z0-9_]{1,32}),"
    r" *SignedHeaders=([a-z0-9;._-]{1,2000}), *Signature=([0-9a-f]{64})",
    re.ASCII,
)
_SINGLE = frozenset({"authorization", "host", "x-amz-date", "x-amz-target", "x-amz-content-sha256", "content-type"})


class SignatureRefused(Exception):
    """The request is not taken. ``kind`` is AWS's name for why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Presented:
    """What a request says of its signature, read and checked for form; nothing is proven yet."""

    key_id: str
    date: str
    region: str
    at: datetime
    signed: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        """The credential scope."""
        return f"{self.date}/{self.region}/{SERVICE}/{TERMINATOR}"


def read(headers: Sequence[tuple[str, str]], query: str, now: datetime) -> Presented:
    """What a request presents. ``headers`` as they came, names in any case. Raises SignatureRefused."""
    held = _collected(headers)
    for name in sorted(_SINGLE & held.keys()):
        if len(held[name]) != 1:
            raise SignatureRefused("IncompleteSignatureException", f"The header {name} came more than once.")
    if query:
        raise SignatureRefused("InvalidSignatureException", "A signed request to this service has no query string.")
    if "authorization" not in held:
        raise SignatureRefused("MissingAuthenticationTokenException", "Missing Authentication Token")
    if "x-amz-security-token" in held:
        raise SignatureRefused(
            "UnrecognizedClientException", "There are no session tokens here; use a signing key."
        )
    found = _AUTHORIZATION.fullmatch(held["authorization"][0].strip())
    if found is None:
        raise SignatureRefused("IncompleteSignatureException", "The Authorization header cannot be read.")
    key_id, date, region, service, terminator, names, signature = found.groups()
    at = _moment(held)
    if service != SERVICE or terminator != TERMINATOR or at.strftime("%Y%m%d") != date:
        raise SignatureRefused("InvalidSignatureException", "The credential scope is not that of this request.")
    if abs(now - at) > SKEW:
        raise SignatureRefused("InvalidSignatureException", "Signature expired, or not valid yet: check the clock.")
    signed = tuple(names.split(";"))
    if list(signed) != sorted(set(signed)):
        raise SignatureRefused("IncompleteSignatureException", "SignedHeaders are not in order.")
    must = {"host", "x-amz-date"} | {name for name in held if name.startswith("x-amz-")}
    must |= {"content-type"} & held.keys()
    for name in sorted(must):
        if name not in signed:
            raise SignatureRefused("InvalidSignatureException", f"The header {name} has to be signed.")
    return Presented(key_id, date, region, at, signed, signature)


def check(
    presented: Presented, secret: str, *, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes
) -> None:
    """Whether the request was signed with ``secret``; ``path`` as it was sent. Raises SignatureRefused."""
    held = _collected(headers)
    payload = hashlib.sha256(body).hexdigest()
    announced = held.get("x-amz-content-sha256", [payload])[0]
    expected = signature(presented, secret, method=method, path=path, held=held, payload=payload)
    same = hmac.compare_digest(expected, presented.signature)
    if not same or not hmac.compare_digest(announced.encode(), payload.encode()):
        raise SignatureRefused(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method.",
        )


def signature(
    presented: Presented, secret: str, *, method: str, path: str, held: Mapping[str, Sequence[str]], payload: str
) -> str:
    """The signature that the holder of ``secret`` would make, 64 hexadecimal digits."""
    # 1: canonical request; an absent header that is said to be signed is signed as empty, so it cannot match.
    lines = [f"{name}:{','.join(_trimmed(value) for value in held.get(name, ['']))}\n" for name in presented.signed]
    canonical = "\n".join([method, _canonical(path), "", "".join(lines), ";".join(presented.signed), payload])
    # 2 and 3: its hash, and the string to sign.
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    moment = presented.at.strftime("%Y%m%dT%H%M%SZ")
    to_sign = "\n".join([ALGORITHM, moment, presented.scope, digest])
    # 4: the signing key.
    key = f"AWS4{secret}".encode()
    for part in (presented.date, presented.region, SERVICE, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    # 5: the signature.
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


def _collected(headers: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for name, value in headers:
        held.setdefault(name.lower(), []).append(value)
    return held


def _moment(held: Mapping[str, Sequence[str]]) -> datetime:
    try:
        return datetime.strptime(held["x-amz-date"][0].strip(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except (KeyError, ValueError) as error:
        raise SignatureRefused(
            "IncompleteSignatureException", "The header x-amz-date is missing or wrong."
        ) from error


def _trimmed(value: str) -> str:
    return " ".join(value.split())


def _canonical(path: str) -> str:
    """Step 1's canonical URI: dot segments removed (RFC 3986, 5.2.4), each segment encoded once more."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if kept:
                kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    whole = "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")
    return quote(whole, safe="/~")
