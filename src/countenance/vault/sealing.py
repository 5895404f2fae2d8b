"""Sealing: AES-256-GCM under a key of one subject and one class of artefact, bound to what it is.

Rules kept here:

* A sealed record opens only as what it was sealed as: gallery, subject, class, record and permission version are
  associated data, so moving a row or swapping two files is noticed.
* Every sealed record starts with a version byte and a fresh random 96-bit nonce (NIST SP 800-38D, 8.2.2).
* Keys are random, wrapped, and live in memory only as long as the :class:`Sealer` that uses them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.errors import SealBroken
from countenance.terms import ArtefactClass, SubjectId
from countenance.vault.keys import CLASSES, KEY_BYTES, KeyRing

_VERSION = b"\x01"
_NONCE_BYTES = 12
OVERHEAD_BYTES = len(_VERSION) + _NONCE_BYTES + 16
"""How much longer a sealed record is than its content."""


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """A subject's data keys as the store keeps them: useless without the key ring."""

    jurisdiction: str
    keys: Mapping[ArtefactClass, bytes]


class Sealer:
    """Seals and opens one subject's artefacts of one class."""

    def __init__(self, key: bytes, gallery_id: str, subject_id: SubjectId, artefact: ArtefactClass) -> None:
        self._cipher = AESGCM(key)
        self._prefix = f"countenance:1:{gallery_id}:{subject_id}:{artefact}:"

    def seal(self, plain: bytes, record: str, permission_version: int) -> bytes:
        """``plain`` sealed as ``record`` (``image:<id>``, ``template:<id>``, ...) under a permission version."""
        return _encrypt(self._cipher, plain, self._binding(record, permission_version))

    def unseal(self, sealed: bytes, record: str, permission_version: int) -> bytes:
        """What was sealed. Raises SealBroken when it was altered or is not that record."""
        return _decrypt(self._cipher, sealed, self._binding(record, permission_version), record)

    def _binding(self, record: str, permission_version: int) -> bytes:
        return f"{self._prefix}{permission_version}:{record}".encode()


class Vault:
    """Makes, wraps and opens subjects' data keys."""

    def __init__(self, ring: KeyRing, gallery_id: str) -> None:
        self._ring = ring
        self._gallery_id = gallery_id

    def new_keys(self, subject_id: SubjectId, jurisdiction: str) -> WrappedKeys:
        """Three fresh data keys for a subject, wrapped under her slot and the key of her jurisdiction."""
        return self._wrap(subject_id, jurisdiction, {a: secrets.token_bytes(KEY_BYTES) for a in CLASSES})

    def rewrap(self, subject_id: SubjectId, wrapped: WrappedKeys, jurisdiction: str) -> WrappedKeys:
        """The same data keys under another jurisdiction's key, for a subject who has moved."""
        opened = {a: self._unwrap(subject_id, wrapped, a) for a in CLASSES if self._ring.alive(subject_id, a)}
        return self._wrap(subject_id, jurisdiction, opened)

    def sealer(self, subject_id: SubjectId, wrapped: WrappedKeys, artefact: ArtefactClass) -> Sealer:
        """A sealer for one class of a subject's artefacts. Raises KeyDestroyed or SealBroken."""
        return Sealer(self._unwrap(subject_id, wrapped, artefact), self._gallery_id, subject_id, artefact)

    def _wrap(self, subject_id: SubjectId, jurisdiction: str, keys: Mapping[ArtefactClass, bytes]) -> WrappedKeys:
        wrapped = {}
        for artefact, key in keys.items():
            cipher = AESGCM(self._ring.wrapping_key(subject_id, artefact, jurisdiction, found=True))
            wrapped[artefact] = _encrypt(cipher, key, self._place(subject_id, artefact, jurisdiction))
        return WrappedKeys(jurisdiction, wrapped)

    def _unwrap(self, subject_id: SubjectId, wrapped: WrappedKeys, artefact: ArtefactClass) -> bytes:
        cipher = AESGCM(self._ring.wrapping_key(subject_id, artefact, wrapped.jurisdiction))
        place = self._place(subject_id, artefact, wrapped.jurisdiction)
        return _decrypt(cipher, wrapped.keys.get(artefact, b""), place, f"{artefact} key of subject {subject_id}")

    def _place(self, subject_id: SubjectId, artefact: ArtefactClass, jurisdiction: str) -> bytes:
        return f"countenance:key:1:{self._gallery_id}:{subject_id}:{artefact}:{jurisdiction}".encode()


def _encrypt(cipher: AESGCM, plain: bytes, binding: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _VERSION + nonce + cipher.encrypt(nonce, plain, binding)


def _decrypt(cipher: AESGCM, sealed: bytes, binding: bytes, what: str) -> bytes:
    if sealed[:1] != _VERSION or len(sealed) < OVERHEAD_BYTES:
        raise SealBroken(f"The sealed record {what} is damaged.")
    try:
        return cipher.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], binding)
    except InvalidTag as error:
        raise SealBroken(f"The sealed record {what} does not open: altered, moved or cut short.") from error
