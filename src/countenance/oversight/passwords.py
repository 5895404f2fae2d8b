"""Passwords as hashes: Argon2id (RFC 9106), in the PHC string form, from the library ``cryptography``.

Rules kept here: a password is at least 12 characters and is never stored, logged or compared in the clear; an
unknown name takes as long as a wrong password.
"""

from __future__ import annotations

import secrets
from functools import cache

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from countenance.errors import InputInvalid

SHORTEST = 12
LONGEST = 200
_MEMORY_KIB = 19 * 1024
_PASSES = 2
"""OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB of memory, 2 passes, 1 lane."""


def hashed(password: str) -> str:
    """``password`` as it is stored. Raises InputInvalid when it is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputInvalid(f"A password has {SHORTEST} to {LONGEST} characters.")
    kdf = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(password.encode())


def fits(password: str, stored: str | None) -> bool:
    """Whether ``password`` is the stored one; with None (nobody of that name) never, and just as slowly."""
    try:
        Argon2id.verify_phc_encoded(password[:LONGEST].encode(), _nobodys() if stored is None else stored)
    except InvalidKey:
        return False
    return stored is not None


@cache
def _nobodys() -> str:
    return hashed(secrets.token_hex(16))
