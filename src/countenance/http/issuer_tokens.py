"""A token of an issuer (JWT): whether it is what it says, to whom it was given, and whether it still holds.

Rules kept here:

* How a signature is checked is said by the issuer's key, never by the token: its ``alg`` must be one of those that
  belong to the key, RS256, PS256, ES256 or EdDSA (also named Ed25519). ``none`` and HS* belong to no key.
* A token that brings its key or says where it lies (``jwk``, ``jku``, ``x5c``, ``x5u``), or has critical headers,
  is refused. ``kid`` is compared with the issuer's list and is used for nothing else.
* ``iss``, ``aud``, ``exp``, ``iat`` and ``sub`` must be there, ``nbf`` and ``azp`` are heeded, a minute of
  difference between clocks is allowed, and nothing is believed for longer than a day.
* What is wrong is not said, and nothing of a token goes into an error or a log.

Sources: RFC 7515, 7517, 7519; RFC 8725 (best current practice); OpenID Connect Core 1.0, section 3.1.3.7.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwk, jwt
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from countenance.errors import CredentialInvalid

LEEWAY_S = 60
LONGEST_LIFE_S = 24 * 3600
LONGEST_TOKEN = 8 * 1024
"""Characters; uvicorn takes 32 KiB of headers as a whole."""
SMALLEST_RSA_BITS = 2048
FOREIGN_KEYS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64"})
"""Headers with which a token would choose its own key, or its own rules."""
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})

Key = jwk.RSAKey | jwk.ECKey | jwk.OKPKey


class _Chosen(JWSRegistry):
    """Algorithms by name, with no say of the token's and no warning of the library's: the choice is made here."""

    def get_alg(self, name: str) -> Any:
        """The algorithm. Raises KeyError for one that was not chosen."""
        if name not in (self.allowed or ()):
            raise KeyError(name)
        return self.algorithms[name]


@dataclass(frozen=True, slots=True)
class IssuersKey:
    """One public key of an issuer, and what it may check."""

    kid: str | None
    key: Key
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a token says of itself, before anything is believed: enough to find the issuer and its key."""

    token: str
    issuer: str
    kid: str | None
    algorithm: str


def looks_like_one(token: str) -> bool:
    """Whether what was shown is a JWT and no key of this service, which has no full stop in it."""
    return token.count(".") == 2


def shown(token: str) -> Shown:
    """The parts of a token that lead to its key. Raises CredentialInvalid."""
    if len(token) > LONGEST_TOKEN or not looks_like_one(token):
        raise _invalid()
    head, body, _signature = token.split(".")
    header, claims = _document(head), _document(body)
    issuer, kid, algorithm = claims.get("iss"), header.get("kid"), header.get("alg")
    kind = header.get("typ", "JWT")
    if not isinstance(issuer, str) or not isinstance(algorithm, str) or not isinstance(kind, str):
        raise _invalid()
    if FOREIGN_KEYS & header.keys() or kind.lower() not in TYPES or not (kid is None or isinstance(kid, str)):
        raise _invalid()
    return Shown(token, issuer, kid, algorithm)


def fitting(keys: Sequence[IssuersKey], token: Shown) -> IssuersKey | None:
    """The one key that a token can have been signed with; None when there is none, or no telling which."""
    found = [one for one in keys if token.kid is None or one.kid == token.kid]
    found = [one for one in found if token.algorithm in one.algorithms]
    return found[0] if len(found) == 1 else None


def subject_of(token: Shown, key: IssuersKey, audience: str, now: float) -> str:
    """What the issuer calls the bearer, once everything is checked. Raises CredentialInvalid."""
    registry = _Chosen(algorithms=sorted(key.algorithms), strict_check_header=False)
    try:
        claims = jwt.decode(token.token, key.key, registry=registry).claims
    except (JoseError, KeyError, ValueError, TypeError) as error:
        raise _invalid() from error
    to = claims.get("aud")
    audiences = [to] if isinstance(to, str) else to
    if claims.get("iss") != token.issuer or not isinstance(audiences, list) or audience not in audiences:
        raise _invalid()
    if len(audiences) > 1 and claims.get("azp") != audience:
        raise _invalid()
    issued, ends, begins = _moment(claims, "iat"), _moment(claims, "exp"), _moment(claims, "nbf", 0)
    if not (issued - LEEWAY_S <= now < ends + LEEWAY_S) or begins - LEEWAY_S > now:
        raise _invalid()
    if ends - issued > LONGEST_LIFE_S:
        raise _invalid()
    sub = claims.get("sub")
    if not isinstance(sub, str) or not sub:
        raise _invalid()
    return sub


def keys_of(document: Mapping[str, object]) -> tuple[IssuersKey, ...]:
    """The keys of a JWK set that may check signatures; others are passed over. Raises ValueError for no set."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise ValueError("no key set")  # noqa: TRY004 - of what came, not of what was passed
    found = (_key(one) for one in listed if isinstance(one, dict))
    return tuple(one for one in found if one is not None)


def _key(one: dict[str, object]) -> IssuersKey | None:
    kid, use, named = one.get("kid"), one.get("use", "sig"), one.get("alg")
    if use != "sig" or not (kid is None or isinstance(kid, str)) or "d" in one:
        return None
    plain = {name: value for name, value in one.items() if name in {"kty", "n", "e", "crv", "x", "y"}}
    try:
        match (one.get("kty"), one.get("crv")):
            case ("RSA", _):
                if _bits(one.get("n")) < SMALLEST_RSA_BITS:
                    return None
                key, algorithms = jwk.RSAKey.import_key(plain), frozenset({"RS256", "PS256"})  # type: ignore[arg-type]
            case ("EC", "P-256"):
                key, algorithms = jwk.ECKey.import_key(plain), frozenset({"ES256"})  # type: ignore[arg-type,assignment]
            case ("OKP", "Ed25519"):
                key, algorithms = jwk.OKPKey.import_key(plain), frozenset({"EdDSA", "Ed25519"})  # type: ignore[arg-type,assignment]
            case _:
                return None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if named is not None:
        algorithms &= {named}
    return IssuersKey(kid, key, algorithms) if algorithms else None


def _bits(modulus: object) -> int:
    if not isinstance(modulus, str):
        return 0
    return int.from_bytes(_plain(modulus)).bit_length()


def _plain(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _document(part: str) -> dict[str, object]:
    try:
        found = json.loads(_plain(part))
    except (ValueError, RecursionError) as error:
        raise _invalid() from error
    if not isinstance(found, dict):
        raise _invalid()
    return found


def _moment(claims: Mapping[str, object], name: str, absent: float | None = None) -> float:
    value = claims.get(name, absent)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:  # NaN is refused too
        raise _invalid()
    return float(value)


def _invalid() -> CredentialInvalid:
    return CredentialInvalid("This token is not in force here.")
