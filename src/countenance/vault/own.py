"""The gallery's own papers (orders, that may name people) sealed under keys derived from the key ring."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.errors import SealBroken
from countenance.vault.keys import KeyRing

_VERSION = b"\x01"


class OwnPapers:
    """Seals and opens the gallery's own papers of one use. Nobody is erased by destroying this key."""

    def __init__(self, ring: KeyRing, use: str) -> None:
        self._cipher = AESGCM(ring.derive(f"papers:{use}"))
        self._use = use

    def seal(self, plain: bytes, record: str) -> bytes:
        """``plain`` sealed as ``record``."""
        nonce = secrets.token_bytes(12)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, self._binding(record))

    def unseal(self, sealed: bytes, record: str) -> bytes:
        """What was sealed. Raises SealBroken."""
        if sealed[:1] != _VERSION:
            raise SealBroken(f"The paper {record} is damaged.")
        try:
            return self._cipher.decrypt(sealed[1:13], sealed[13:], self._binding(record))
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"The paper {record} does not open: altered, moved or cut short.") from error

    def _binding(self, record: str) -> bytes:
        return f"countenance:paper:1:{self._use}:{record}".encode()
