"""Signed notes, checkpoints and witness cosignatures as C2SP defines them: text that anyone's tools can check.

Rules kept here:

* A note that is not in exactly the form of the specification is refused, never repaired.
* The text of a note is used only after a known key's signature on it has been verified; signatures of unknown
  keys are ignored, and a known key's wrong signature rejects the whole note.
* Ed25519 only: signature type 0x01 (the log's) and 0x04 (a witness's, over a time and the note).

Sources: C2SP signed-note, tlog-checkpoint and tlog-cosignature (cosignature/v1).
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countenance.errors import CheckpointInvalid, LogKeyWrong
from countenance.log.merkle import HASH_BYTES

DASH = "— "
NOTE_BYTES = 64 * 1024
"""Longest note that is looked at; the specification asks for room for at least 16 signatures."""


class SignatureType(IntEnum):
    """The identifier bytes of C2SP signed-note that are understood here."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


def _name_fits(name: str) -> bool:
    """signed-note: names are non-empty, without Unicode spaces, ``+`` or control characters."""
    return bool(name) and not any(c == "+" or c.isspace() or unicodedata.category(c) == "Cc" for c in name)


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling. Raises ValueError for any other."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("not canonical base64")
    return data


def encode_base64(data: bytes) -> str:
    """Standard base64 (RFC 4648, section 4)."""
    return base64.b64encode(data).decode("ascii")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under and the kind of signature it makes."""

    name: str
    public: bytes
    """32 bytes, RFC 8032."""
    type: SignatureType = SignatureType.ED25519

    @property
    def key_id(self) -> bytes:
        """First four bytes of SHA-256(name, newline, type, public key): an identifier, not a fingerprint."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    def as_text(self) -> str:
        """The key as a *vkey*, ``name+id+base64``, the form in which keys are handed to strangers."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.type]) + self.public)}"

    @classmethod
    def from_text(cls, text: str) -> VerifierKey:
        """The key that :meth:`as_text` wrote. Raises LogKeyWrong for anything else."""
        name, _, rest = text.strip().partition("+")
        identifier, _, material = rest.partition("+")
        try:
            raw = decode_base64(material)
            key = cls(name, raw[1:], SignatureType(raw[0]))
        except (ValueError, IndexError) as error:
            raise LogKeyWrong("that is not a verifier key of a kind known here") from error
        if not _name_fits(name) or len(key.public) != 32 or key.key_id.hex() != identifier:
            raise LogKeyWrong("the verifier key's identifier does not fit its name and bytes")
        return key

    @classmethod
    def of(
        cls, name: str, key: Ed25519PrivateKey | Ed25519PublicKey, kind: SignatureType = SignatureType.ED25519
    ) -> VerifierKey:
        """The verifier key of ``key`` under ``name``. Raises LogKeyWrong for a name that a note cannot carry."""
        if not _name_fits(name):
            raise LogKeyWrong("a key's name must not be empty and must hold neither spaces nor plus signs")
        public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
        return cls(name, public.public_bytes_raw(), kind)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` (64 bytes) is this key's over ``message``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature under a note: who, which key, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def as_text(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{DASH}{self.name} {encode_base64(self.key_id + self.signature)}\n"

    @classmethod
    def from_text(cls, line: str) -> SignatureLine:
        """The signature in ``line``. Raises CheckpointInvalid for a line of another form."""
        parts = line.removesuffix("\n").split(" ")
        if len(parts) != 3 or parts[0] != DASH.strip() or not _name_fits(parts[1]):
            raise CheckpointInvalid("a signature line of the note is malformed")
        try:
            raw = decode_base64(parts[2])
        except ValueError as error:
            raise CheckpointInvalid("a signature of the note is not base64") from error
        if len(raw) <= 4:
            raise CheckpointInvalid("a signature of the note is too short")
        return cls(parts[1], raw[:4], raw[4:])

    def is_by(self, key: VerifierKey) -> bool:
        """Whether the line says that ``key`` made it; says nothing about whether it verifies."""
        return self.name == key.name and self.key_id == key.key_id


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note taken apart. ``text`` is not to be trusted before a signature has been verified."""

    text: str
    """Ends in a newline."""
    signatures: tuple[SignatureLine, ...]

    def as_text(self) -> str:
        """The note as it is stored and sent."""
        return self.text + "\n" + "".join(line.as_text() for line in self.signatures)

    @classmethod
    def from_text(cls, note: str) -> SignedNote:
        """Take ``note`` apart. Raises CheckpointInvalid for a note of another form."""
        if len(note.encode("utf-8", "surrogatepass")) > NOTE_BYTES:
            raise CheckpointInvalid("the note is too long")
        if any(c < " " and c != "\n" for c in note):
            raise CheckpointInvalid("the note holds control characters")
        text, separator, tail = note.rpartition("\n\n")
        if not separator or not tail.endswith("\n") or not text:
            raise CheckpointInvalid("the note has no signatures")
        lines = tail.removesuffix("\n").split("\n")
        return cls(text + "\n", tuple(SignatureLine.from_text(line) for line in lines))

    def verify(self, key: VerifierKey) -> str:
        """The text, once ``key``'s signature on it is verified. Raises CheckpointInvalid without a right one."""
        own = [line for line in self.signatures if line.is_by(key)]
        if not own:
            raise CheckpointInvalid("the note is not signed by the expected key")
        if not all(key.verifies(line.signature, self.text.encode()) for line in own):
            raise CheckpointInvalid("the signature on the note is wrong")
        return self.text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: its name, how many entries it has, and the root over them."""

    origin: str
    size: int
    root: bytes

    def as_text(self) -> str:
        """The text that is signed (tlog-checkpoint; no extension lines are ever written)."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """The checkpoint in a verified note's text. Raises CheckpointInvalid for another form."""
        lines = text.removesuffix("\n").split("\n")
        if not text.endswith("\n") or len(lines) < 3 or not all(lines):
            raise CheckpointInvalid("the note's text is not a checkpoint")
        origin, size, root = lines[:3]
        if not (size.isascii() and size.isdigit() and str(int(size)) == size):
            raise CheckpointInvalid("the checkpoint's size is not a number")
        try:
            raw = decode_base64(root)
        except ValueError as error:
            raise CheckpointInvalid("the checkpoint's root is not base64") from error
        if len(raw) != HASH_BYTES:
            raise CheckpointInvalid("the checkpoint's root has the wrong length")
        return cls(origin, int(size), raw)

    def sign(self, key: Ed25519PrivateKey) -> SignedNote:
        """The checkpoint as a note signed by ``key`` under the log's origin."""
        text = self.as_text()
        identity = VerifierKey.of(self.origin, key)
        return SignedNote(text, (SignatureLine(self.origin, identity.key_id, key.sign(text.encode())),))


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint in ``note``, signed by ``key`` and of the log ``key.name``.

    Raises CheckpointInvalid when the form, the signature or the origin is wrong.
    """
    checkpoint = Checkpoint.from_text(SignedNote.from_text(note).verify(key))
    if checkpoint.origin != key.name:
        raise CheckpointInvalid("the checkpoint is of another log")
    return checkpoint


# -- witnesses ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's statement: at this time, this was the largest consistent tree that it had seen of the log."""

    witness: str
    at: datetime


def _cosigned_message(text: str, seconds: int) -> bytes:
    """tlog-cosignature, "Ed25519 signed message": a header line, a time line, the whole note text."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def cosign(note: str, name: str, key: Ed25519PrivateKey, at: datetime) -> SignatureLine:
    """The line by which the witness ``name`` cosigns ``note``; the witness has checked consistency before."""
    seconds = int(at.timestamp())
    identity = VerifierKey.of(name, key, SignatureType.COSIGNATURE)
    signature = key.sign(_cosigned_message(SignedNote.from_text(note).text, seconds))
    return SignatureLine(name, identity.key_id, seconds.to_bytes(8, "big") + signature)


def cosignatures(note: SignedNote, witnesses: Sequence[VerifierKey]) -> tuple[Cosignature, ...]:
    """The cosignatures on ``note`` by known ``witnesses``, every one verified; unknown ones are passed over.

    Raises CheckpointInvalid when a line that claims a known witness's key does not verify.
    """
    found: list[Cosignature] = []
    for witness in witnesses:
        for line in note.signatures:
            if not line.is_by(witness):
                continue
            seconds = int.from_bytes(line.signature[:8], "big")
            if (
                witness.type is not SignatureType.COSIGNATURE
                or len(line.signature) != 72
                or not witness.verifies(line.signature[8:], _cosigned_message(note.text, seconds))
            ):
                raise CheckpointInvalid(f"the cosignature of {witness.name} is wrong")
            try:
                at = datetime.fromtimestamp(seconds, UTC)
            except (ValueError, OverflowError, OSError) as error:
                raise CheckpointInvalid(f"the cosignature of {witness.name} bears an impossible time") from error
            found.append(Cosignature(witness.name, at))
    return tuple(found)
