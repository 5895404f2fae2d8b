"""What oversight writes with: the log, and keys of its own for each name and each case.

Rules kept here:

* A customer's, a person's or a case's data is sealed under a slot of its own in the key ring, as a subject's is:
  destroying the slot destroys the name, wherever copies of the ciphertext are.
* The log gets ids, counts and commitments. No name goes there.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from countenance.errors import InputInvalid
from countenance.log.entry import Value
from countenance.terms import ArtefactClass, SubjectId
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault, WrappedKeys

GALLERYS_OWN = "ZZ"
"""Jurisdiction of the gallery's own staff in the key ring (ISO 3166 leaves ZZ to its users)."""


class Recorder(Protocol):
    """The tamper-evident log, as oversight uses it."""

    def note(self, event: str, at: datetime, **body: Value) -> int:
        """Log that something happened; returns the entry's number."""
        ...

    def note_once(self, event: str, at: datetime, **body: Value) -> int:
        """The same for a second run of what may be in the log already; then nothing is added."""
        ...


class Seals:
    """Seals names and papers of oversight."""

    def __init__(self, ring: KeyRing, vault: Vault) -> None:
        self._ring = ring
        self._vault = vault

    def tag(self, what: str, name: str) -> bytes:
        """The keyed fingerprint under which a name is looked up, 32 bytes."""
        return self._ring.fingerprint(f"oversight-{what}", name.encode())

    def new_slot(self, jurisdiction: str) -> tuple[int, Mapping[ArtefactClass, bytes]]:
        """A slot of its own and the keys wrapped under it."""
        slot = self._ring.allot(1)[0]
        return slot, self._vault.new_keys(SubjectId(slot), jurisdiction).keys

    def seal(
        self, slot: int, jurisdiction: str, artefact: ArtefactClass, wrapped: bytes, plain: bytes, record: str
    ) -> bytes:
        """``plain`` sealed as ``record``. Raises KeyDestroyed."""
        keys = WrappedKeys(jurisdiction, {artefact: wrapped})
        return self._vault.sealer(SubjectId(slot), keys, artefact).seal(plain, record, 0)

    def unseal(
        self, slot: int, jurisdiction: str, artefact: ArtefactClass, wrapped: bytes, sealed: bytes, record: str
    ) -> bytes:
        """What was sealed. Raises KeyDestroyed, SealBroken."""
        keys = WrappedKeys(jurisdiction, {artefact: wrapped})
        return self._vault.sealer(SubjectId(slot), keys, artefact).unseal(sealed, record, 0)

    def destroy(self, slot: int, artefact: ArtefactClass) -> None:
        """Destroy one key of a slot; may be repeated."""
        self._ring.destroy([slot], frozenset({artefact}))

    def alive(self, slot: int, artefact: ArtefactClass) -> bool:
        """Whether that key still exists."""
        return self._ring.alive(slot, artefact)


def new_id() -> str:
    """A random id, 32 hexadecimal digits; says nothing about what it names."""
    return secrets.token_hex(16)


def plain_name(text: str) -> str:
    """A customer's or person's name: NFC, 1 to 200 printable characters. Raises InputInvalid."""
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= 200 or not name.isprintable() or name.startswith("-"):
        raise InputInvalid("A name is 1 to 200 printable characters and does not start with a hyphen.")
    return name
