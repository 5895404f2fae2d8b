"""The key ring: secrets apart from the data, destroyed in place.

Rules kept here:

* The ring lies in a folder of its own. The data folder, and any backup of it, holds only what these keys wrap.
* A subject's number is also her slot in ``slots.bin``: three 32-byte secrets, one per artefact class. A data key
  is wrapped under HKDF(jurisdiction key, slot secret), so either of the two missing closes it.
* Destroying overwrites the secret with zeros in place and syncs. There is no undo and no copy.
* A ring may be wrapped: its root is then only the ciphertext of a key service, jurisdictions' keys are sealed under
  the root, and the epoch's key is derived with it. The key folder alone then opens nothing.
* Secrets are read from the file at every use: what another process destroyed is gone here at once.

On flash storage, and on file systems that copy on write, overwriting in place may leave old cells behind;
docs/attack-model.md says what to do about it.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from countenance.errors import (
    GalleryExists,
    GalleryNewer,
    KeyDestroyed,
    KeyServiceRefused,
    KeysForeign,
    KeysMissing,
)
from countenance.holding import Absence, Holding, Target
from countenance.terms import ArtefactClass, SubjectId
from countenance.vault.files import disk_errors, locked, write_whole
from countenance.vault.transit import Custodian

KEY_BYTES = 32
FORMAT = 2
"""2: wrapped by a key service. A ring that is not is still written as 1."""

CLASSES = (ArtefactClass.IMAGE, ArtefactClass.TEMPLATE, ArtefactClass.METADATA)
SLOT_BYTES = KEY_BYTES * len(CLASSES)
_ZERO = bytes(KEY_BYTES)
_EPOCH_RECORD = 8 + KEY_BYTES + 8


class KeyRing:
    """All secrets of one gallery. Safe for several processes at once; also the Holder of subjects' keys."""

    name = "keyring"

    def __init__(self, folder: Path, gallery_id: str, root: bytes, wrapped_by: str | None = None) -> None:
        self._folder = folder
        self._gallery_id = gallery_id
        self._root = root
        self.wrapped_by = wrapped_by
        """The key that wraps the root, ``transit://mount/key``, or None."""
        self._slots = os.open(folder / "slots.bin", os.O_RDWR)
        self._jurisdictions: dict[str, bytes] = {}
        self._derived: dict[str, bytes] = {}

    @classmethod
    def create(
        cls, folder: Path, gallery_id: str, custodian: Custodian | None = None, wrapped_by: str | None = None
    ) -> KeyRing:
        """A new ring in ``folder``, which must be empty or absent. Raises GalleryExists otherwise, KeyServiceError.

        With ``wrapped_by`` (``transit://mount/key``) its root is wrapped there and never written down.
        """
        root = secrets.token_bytes(KEY_BYTES)
        record: dict[str, str | int] = {"format": 1, "gallery_id": gallery_id, "root_check": _root_check(root)}
        if wrapped_by is not None:
            record |= {"format": FORMAT} | _wrapped(custodian, wrapped_by, root, gallery_id)
        with disk_errors():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if any(folder.iterdir()):
                raise GalleryExists(f"The key folder {folder} is not empty.")
            (folder / "jurisdictions").mkdir(mode=0o700)
        write_whole(folder / "slots.bin", b"")
        if wrapped_by is None:
            write_whole(folder / "root.key", root)
        write_whole(folder / "epoch.key", _epoch_record(1, secrets.token_bytes(KEY_BYTES)))
        write_whole(folder / "keyring.json", json.dumps(record).encode())
        return cls.open(folder, gallery_id, custodian)

    @classmethod
    def open(cls, folder: Path, gallery_id: str, custodian: Custodian | None = None) -> KeyRing:
        """The ring in ``folder``; ``custodian`` unwraps its root if a key service wrapped it.

        Raises KeysMissing when a file of it is absent, KeysForeign when it was made for another gallery, and
        KeyServiceError.
        """
        try:
            record = json.loads((folder / "keyring.json").read_bytes())
            wrapped_by = record.get("wrapped_by") if isinstance(record, dict) else None
            root = (folder / "root.key").read_bytes() if wrapped_by is None else bytes(KEY_BYTES)
            for needed in ("slots.bin", "epoch.key"):
                if not (folder / needed).is_file():
                    raise FileNotFoundError(needed)
        except (OSError, ValueError) as error:
            raise KeysMissing(f"The key folder {folder} is not there or lacks a file.") from error
        if not isinstance(record, dict) or not isinstance(record.get("format"), int) or len(root) != KEY_BYTES:
            raise KeysMissing(f"The key folder {folder} holds a damaged key file.")
        if record["format"] > FORMAT:
            raise GalleryNewer(f"The key folder {folder} was written by a newer version.")
        if record.get("gallery_id") != gallery_id:
            raise KeysForeign(f"The key folder {folder} belongs to another gallery.")
        if wrapped_by is not None:
            root = _custodian(custodian).unwrap(str(wrapped_by), str(record.get("root", "")), gallery_id)
        if record.get("root_check") != _root_check(root):  # else every name would be "unknown"
            raise KeysMissing(f"The key folder {folder} holds a damaged key file.")
        return cls(folder, gallery_id, root, wrapped_by)

    def rewrap(self, custodian: Custodian, wrapped_by: str) -> None:
        """Wrap the root anew, under the newest version of the service's key or under another key.

        Raises KeysMissing for a ring that no service wraps, KeyServiceError; then nothing was changed.
        """
        if self.wrapped_by is None:
            raise KeysMissing("The keys of this gallery are not wrapped by a key service.")
        record = json.loads((self._folder / "keyring.json").read_bytes())
        record |= _wrapped(custodian, wrapped_by, self._root, self._gallery_id)
        if custodian.unwrap(wrapped_by, str(record["root"]), self._gallery_id) != self._root:
            raise KeyServiceRefused("The key service did not give back what it was given.")
        write_whole(self._folder / "keyring.json", json.dumps(record).encode())
        self.wrapped_by = wrapped_by

    def close(self) -> None:
        """Let go of the files."""
        if self._slots >= 0:
            os.close(self._slots)
            self._slots = -1

    # -- derived keys ---------------------------------------------------------------------------------------

    def derive(self, use: str) -> bytes:
        """A 32-byte key of this gallery for one stated ``use``; the same for the same use."""
        key = self._derived.get(use)
        if key is None:
            kdf = HKDF(SHA256(), KEY_BYTES, salt=self._gallery_id.encode(), info=use.encode())
            key = self._derived[use] = kdf.derive(self._root)
        return key

    def fingerprint(self, use: str, data: bytes) -> bytes:
        """Keyed fingerprint (HMAC-SHA256, 32 bytes) of ``data``; without the ring it says nothing about it."""
        return hmac.digest(self.derive("fingerprint:" + use), data, "sha256")

    # -- subjects' secrets ----------------------------------------------------------------------------------

    def allot(self, count: int) -> range:
        """``count`` fresh slots, durable before this returns. Numbers start at 1 and are never given twice."""
        with disk_errors(), locked(self._folder / "slots.lock"):
            first = os.fstat(self._slots).st_size // SLOT_BYTES
            fresh = secrets.token_bytes(SLOT_BYTES * count)
            try:
                with os.fdopen(os.dup(self._slots), "r+b") as file:
                    file.seek(first * SLOT_BYTES)
                    file.write(fresh)
                os.fsync(self._slots)
            except BaseException:
                os.ftruncate(self._slots, first * SLOT_BYTES)
                raise
        return range(first + 1, first + 1 + count)

    def wrapping_key(self, slot: int, artefact: ArtefactClass, jurisdiction: str, *, found: bool = False) -> bytes:
        """The key that wraps a subject's data key of one class. Raises KeyDestroyed.

        ``found`` makes the jurisdiction's key if it has none yet; without it, a lost one raises KeysMissing.
        """
        secret = self._secret(slot, artefact)
        if secret is None:
            raise KeyDestroyed(f"The {artefact} key of subject {slot} has been destroyed.")
        info = f"wrap:1:{self._gallery_id}:{slot}:{artefact}".encode()
        salt = self._jurisdiction_key(jurisdiction, found=found)
        return HKDF(SHA256(), KEY_BYTES, salt=salt, info=info).derive(secret)

    def commitment_key(self, slot: int) -> bytes:
        """The key of a subject's commitments in the log; gone with her metadata key. Raises KeyDestroyed."""
        secret = self._secret(slot, ArtefactClass.METADATA)
        if secret is None:
            raise KeyDestroyed(f"The metadata key of subject {slot} has been destroyed.")
        info = f"commitment:1:{self._gallery_id}:{slot}".encode()
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(secret)

    def alive(self, slot: int, artefact: ArtefactClass) -> bool:
        """Whether the secret of that slot and class still exists."""
        return self._secret(slot, artefact) is not None

    def destroyed(self, slots: Sequence[int]) -> dict[int, frozenset[ArtefactClass]]:
        """Those of ``slots`` that lack a secret, and the classes whose secrets they lack."""
        size = os.fstat(self._slots).st_size
        found = {}
        for slot in slots:
            inside = slot >= 1 and slot * SLOT_BYTES <= size
            secrets_ = os.pread(self._slots, SLOT_BYTES, (slot - 1) * SLOT_BYTES) if inside else bytes(SLOT_BYTES)
            parts = (secrets_[at : at + KEY_BYTES] for at in range(0, SLOT_BYTES, KEY_BYTES))
            gone = frozenset(a for a, secret in zip(CLASSES, parts, strict=True) if secret == _ZERO)
            if gone:
                found[slot] = gone
        return found

    def _count_alive(self, targets: Sequence[Target]) -> int:
        gone = self.destroyed([target.subject_id for target in targets])
        none: frozenset[ArtefactClass] = frozenset()
        return sum(len(target.artefacts - gone.get(target.subject_id, none)) for target in targets)

    def destroy(self, slots: Iterable[int], artefacts: frozenset[ArtefactClass]) -> int:
        """Overwrite the secrets of ``artefacts`` in ``slots``; returns how many existed. May be repeated."""
        destroyed = 0
        size = os.fstat(self._slots).st_size
        with disk_errors(), locked(self._folder / "slots.lock"):
            for slot in slots:
                for place, artefact in enumerate(CLASSES):
                    offset = (slot - 1) * SLOT_BYTES + place * KEY_BYTES
                    if artefact not in artefacts or slot < 1 or offset + KEY_BYTES > size:
                        continue
                    destroyed += os.pread(self._slots, KEY_BYTES, offset) != _ZERO
                    os.pwrite(self._slots, _ZERO, offset)
            os.fsync(self._slots)
        return destroyed

    def _secret(self, slot: int, artefact: ArtefactClass) -> bytes | None:
        offset = (slot - 1) * SLOT_BYTES + CLASSES.index(artefact) * KEY_BYTES
        secret = os.pread(self._slots, KEY_BYTES, offset) if slot >= 1 else b""
        return None if len(secret) != KEY_BYTES or secret == _ZERO else secret

    def _jurisdiction_key(self, jurisdiction: str, *, found: bool) -> bytes:
        if not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", jurisdiction):
            raise KeysMissing(f"There is no key for the jurisdiction {jurisdiction!r}.")
        key = self._jurisdictions.get(jurisdiction)
        if key is None:
            path = self._folder / "jurisdictions" / f"{jurisdiction}.key"
            with locked(self._folder / "slots.lock"):
                if not path.exists():
                    if not found:
                        raise KeysMissing(f"The key folder has no key for the jurisdiction {jurisdiction}.")
                    write_whole(path, self._sealed(jurisdiction, secrets.token_bytes(KEY_BYTES)))
            key = self._jurisdictions[jurisdiction] = self._unsealed(jurisdiction, path.read_bytes())
        return key

    def _sealed(self, jurisdiction: str, key: bytes) -> bytes:
        if self.wrapped_by is None:
            return key
        nonce = secrets.token_bytes(12)
        return nonce + AESGCM(self.derive("wrap:jurisdictions")).encrypt(nonce, key, jurisdiction.encode())

    def _unsealed(self, jurisdiction: str, kept: bytes) -> bytes:
        if self.wrapped_by is None:
            return kept
        cipher = AESGCM(self.derive("wrap:jurisdictions"))
        try:
            return cipher.decrypt(kept[:12], kept[12:], jurisdiction.encode())
        except (InvalidTag, ValueError) as error:
            raise KeysMissing(f"The key of the jurisdiction {jurisdiction} is damaged.") from error

    # -- epochs of the index --------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Number of the present index epoch; grows by one at every erasure."""
        return int.from_bytes((self._folder / "epoch.key").read_bytes()[:8], "big")

    def epoch_key(self) -> tuple[int, bytes] | None:
        """The present epoch and its key, or None when a crash left the epoch without one: advance it then."""
        record = (self._folder / "epoch.key").read_bytes()
        epoch, key = int.from_bytes(record[:8], "big"), record[8 : 8 + KEY_BYTES]
        if record != _epoch_record(epoch, key):
            return None
        if self.wrapped_by is not None:  # else whoever has the folder alone could read the index
            key = HKDF(SHA256(), KEY_BYTES, salt=self.derive("wrap:epochs"), info=record[:8]).derive(key)
        return epoch, key

    def advance_epoch(self) -> int:
        """Destroy the epoch key and begin the next epoch; every snapshot written so far is unreadable."""
        with disk_errors(), locked(self._folder / "epoch.lock"):
            path = self._folder / "epoch.key"
            descriptor = os.open(path, os.O_RDWR)
            try:
                epoch = int.from_bytes(os.pread(descriptor, 8, 0), "big")
                os.pwrite(descriptor, bytes(_EPOCH_RECORD - 8), 8)
                os.fsync(descriptor)
                os.pwrite(descriptor, _epoch_record(epoch + 1, secrets.token_bytes(KEY_BYTES)), 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            return epoch + 1

    # -- Holder ---------------------------------------------------------------------------------------------

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many keys of the targets exist."""
        return (Holding(self.name, "keys", self._count_alive(targets)),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Destroy the targets' keys. Whatever they sealed, wherever it was copied, opens no more."""
        count = 0
        for artefacts in {target.artefacts for target in targets}:
            slots = [SubjectId(t.subject_id) for t in targets if t.artefacts == artefacts]
            count += self.destroy(slots, artefacts)
        return (Holding(self.name, "keys", count),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Read the targets' slots again from the file."""
        left = self._count_alive(targets)
        return Absence(
            self.name,
            left == 0,
            "the key slots were read back and hold zeros",
            left,
            "whether the storage device kept an older copy of an overwritten sector",
        )


def _custodian(custodian: Custodian | None) -> Custodian:
    if custodian is None:
        raise KeysMissing("The keys of this gallery are wrapped by a key service, and none was named.")
    return custodian


def _wrapped(custodian: Custodian | None, place: str, root: bytes, gallery_id: str) -> dict[str, str | int]:
    return {"wrapped_by": place, "root": _custodian(custodian).wrap(place, root, gallery_id)}


def _root_check(root: bytes) -> str:
    return hmac.digest(root, b"countenance root key", "sha256")[:8].hex()


def _epoch_record(epoch: int, key: bytes) -> bytes:
    check = hmac.digest(key, b"epoch" + epoch.to_bytes(8, "big"), "sha256")[:8]
    return epoch.to_bytes(8, "big") + key + check
