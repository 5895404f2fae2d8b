"""What a leaf of the log may say, and the keyed commitments by which it says it without naming anyone.

Rules kept here:

* An entry is canonical JSON (RFC 8785): ``{"at", "body", "event", "v"}``. The same entry has one spelling.
* Nothing that names a person is written in the clear. A person's values appear as commitments,
  HMAC-SHA256 under that subject's own commitment key; when the key is destroyed, nobody can link the leaf to
  anyone, and the tree above it stays as it was.
* Free text has no place: strings are identifiers, digests or times of a narrow form. That is a guard against
  accidents; it cannot know that ``anna`` is a name, so callers commit to names and never pass them.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias

import rfc8785

from countenance.clock import from_text, to_text
from countenance.errors import EntryInvalid

ENTRY_VERSION = 1
ENTRY_BYTES = 65_535
"""tlog-tiles: an entry's length is written in two bytes."""
COMMITMENT_KEY_BYTES = 32
_DOMAIN = b"countenance/commitment/v1\n"
_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", re.ASCII)
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}", re.ASCII)
_SAFE_INTEGER = 2**53 - 1
"""RFC 8785 builds on IEEE doubles; larger integers have no one spelling."""

Value: TypeAlias = "str | int | bool | Sequence[Value] | Mapping[str, Value] | None"
"""What a body may hold. No fractions: counts, identifiers, commitments and times need none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. ``body`` holds identifiers, counts, digests and commitments only."""

    at: datetime
    event: str
    """Dotted words: ``permission.granted``, ``erasure.frozen``."""
    body: Mapping[str, Value] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        """The leaf: RFC 8785 canonical JSON, at most 65,535 bytes. Raises EntryInvalid."""
        if self.at.tzinfo is None:
            raise EntryInvalid("an entry's time needs a time zone")
        if not _EVENT.fullmatch(self.event):
            raise EntryInvalid("an entry's event must be dotted lower-case words")
        body = _checked(self.body)
        data = rfc8785.dumps({"v": ENTRY_VERSION, "at": to_text(self.at), "event": self.event, "body": body})
        if len(data) > ENTRY_BYTES:
            raise EntryInvalid(f"an entry may have {ENTRY_BYTES} bytes, this one has {len(data)}")
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> Entry:
        """The entry in a leaf. Raises EntryInvalid for bytes that :meth:`as_bytes` would not have written."""
        try:
            content = json.loads(data)
            if not isinstance(content, dict) or set(content) != {"v", "at", "event", "body"}:
                raise EntryInvalid("the leaf is not an entry")
            if content["v"] != ENTRY_VERSION:
                raise EntryInvalid("the entry is of a version that is not known here")
            if not isinstance(content["body"], dict):
                raise EntryInvalid("the leaf is not an entry")
            entry = cls(from_text(content["at"]), content["event"], content["body"])
            same = entry.as_bytes() == data
        except (ValueError, TypeError, RecursionError) as error:
            raise EntryInvalid("the leaf is not an entry") from error
        if not same:
            raise EntryInvalid("the entry is not canonical JSON")
        return entry


def _checked(value: object) -> Any:
    """``value`` as RFC 8785 can write it. Raises EntryInvalid, naming the kind of fault and never the value."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > _SAFE_INTEGER:
            raise EntryInvalid("an entry's integers must fit in 53 bits")
        return int(value)
    if isinstance(value, str):
        if not _WORD.fullmatch(value):
            raise EntryInvalid("an entry holds identifiers, digests and times, never free text")
        return str(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and _FIELD.fullmatch(key) for key in value):
            raise EntryInvalid("an entry's fields must be lower-case words")
        return {key: _checked(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_checked(inner) for inner in value]
    raise EntryInvalid(f"an entry cannot hold a {type(value).__name__}")


def commitment(key: bytes, what: str, value: bytes) -> str:
    """A keyed commitment to ``value``: 64 hexadecimal digits, HMAC-SHA256 under ``key`` (32 bytes).

    ``what`` says what kind of value it is (``subject``, ``image``) and separates the kinds from each other.
    Whoever has the key and the value can recompute it; without the key it says nothing, not even whether two
    entries speak of the same value under different keys.
    """
    if len(key) != COMMITMENT_KEY_BYTES:
        raise EntryInvalid("a commitment key has 32 bytes")
    if not _FIELD.fullmatch(what):
        raise EntryInvalid("what a commitment is to must be a lower-case word")
    return hmac.new(key, _DOMAIN + what.encode("ascii") + b"\n" + value, sha256).hexdigest()
