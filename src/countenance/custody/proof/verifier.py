"""Checks the certificate of an erasure, offline, with nothing but the file and the public keys.

Written to be read in one sitting by somebody who does not trust the gallery. It imports the Python standard
library and `cryptography` (for Ed25519), and nothing of Countenance: copied alone to an empty folder it runs:

    python verifier.py certificate.json --key keys.txt

Rules kept here:

* Each check has a number; a claim counts as proven only when every check it rests on has passed.
* A check that had nothing to look at is neither passed nor failed, and says so.
* What no document can prove is listed as asserted, always, even when every check has passed.
* Whatever the file holds, ``check`` answers and does not raise.

Key file: one key a line, ``role name+id+base64`` (C2SP verifier keys); roles: gallery, log, authority, witness.

Sources: RFC 8785 (canonical JSON), RFC 8032 (Ed25519), RFC 9162 sections 2.1.3.2 and 2.1.4.2 (Merkle proofs),
C2SP signed-note, tlog-checkpoint and tlog-cosignature, RFC 3161 (time stamps, where rfc3161-client is installed).
"""

from __future__ import annotations

import argparse
import base64
import importlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import load_pem_x509_certificates

TYPE = "countenance/erasure-certificate"
SIGNED_PREFIX = b"countenance/erasure-certificate/v1\n"
KINDS = ("order", "withdrawal", "expiry", "retention")
STEPS = ("planned", "frozen", "keys_destroyed", "deleted", "index_epoch", "confirmed", "certified")
"""The steps of an erasure in their only order; the log has them as ``erasure.frozen`` and so on."""
REQUIRED_STEPS = ("frozen", "keys_destroyed", "confirmed", "certified")

PROVEN: dict[str, tuple[str, tuple[int, ...]]] = {
    "issued": (
        "The holder of the gallery's key issued this certificate; not a character has changed since.",
        (1, 2),
    ),
    "logged": ("The statement is in the gallery's log, under the second checkpoint.", (5, 7, 8)),
    "append_only": ("Between the two checkpoints nothing was removed from the log or changed in it.", (4, 5, 6)),
    "order_of_steps": (
        "Freezing, destruction and confirmation were logged in that order, after the first checkpoint.",
        (4, 5, 6, 7, 9),
    ),
    "list_fixed": ("The list of subjects is the one that was logged when they were frozen.", (7, 9, 10)),
    "coherent": (
        "Totals agree with lists, every keeper named says nothing is left, every recipient answered.",
        (11,),
    ),
}
"""What a certificate can prove: claim, sentence, and the numbers of the checks that it rests on."""

PROVEN_WITH_MORE: dict[str, tuple[str, int]] = {
    "countersigned": ("The authority has countersigned exactly this certificate.", 3),
    "same_log": ("The log is the one that you saw before, and continues it.", 12),
    "witnessed": ("Independent witnesses saw the log as the second checkpoint has it.", 13),
    "dated": ("The certificate existed at the time that the time-stamp authority states.", 14),
}
"""What is proven besides when the one who checks brings keys, an earlier checkpoint or a time stamp."""

ASSERTED: dict[str, str] = {
    "keys_destroyed": "That the keys listed were destroyed and that no copy of them is left anywhere.",
    "data_deleted": "That the artefacts counted here were deleted, and that the counts are complete.",
    "keepers_answers": "That each keeper looked as it says and found nothing.",
    "nothing_elsewhere": "That no copy was made outside the keepers named here.",
    "scope_complete": "That the subjects listed are all whom the order or request reaches.",
    "commitments": "That each commitment stands for the person it was made for.",
    "index_epochs": "That the search index was rebuilt without the subjects, and older epochs cannot be read.",
    "backups": "That backups hold sealed data without keys, and that none is older than the horizon allows.",
    "recipients": "That the recipients listed are all who received something, and answered as written.",
    "retained": "That nothing was kept but what is listed as retained.",
    "times": "That the gallery's clock was right.",
}
"""What the gallery asserts and no document can prove. A false assertion is a false statement under signature."""


@dataclass(frozen=True, slots=True)
class Check:
    """One numbered check; ``ok`` is None when there was nothing to look at or the means were not given."""

    number: int
    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """``ok`` is true when the certificate stands: no check failed, and all that every certificate needs passed."""

    ok: bool
    checks: tuple[Check, ...]
    proven: tuple[str, ...]
    asserted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A public key that the one who checks trusts for one role."""

    role: str
    name: str
    public: bytes
    type: int

    @property
    def key_id(self) -> bytes:
        """C2SP signed-note: the first four bytes of SHA-256(name, newline, type, key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` is this key's over ``message`` (RFC 8032)."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class Failed(Exception):
    """A check has failed; the text says why."""


class NotChecked(Exception):
    """There was nothing to check, or the means were not given; the text says which."""


# -- small parts --------------------------------------------------------------------------------------------


def _unbase64(text: str) -> bytes:
    data = base64.b64decode(text.encode("ascii", "replace"), validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not canonical base64")
    return data


def read_keys(text: str) -> tuple[Key, ...]:
    """The keys of a key file; empty lines and lines that begin with ``#`` are passed over. Raises ValueError."""
    keys: list[Key] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        role, _, vkey = line.strip().partition(" ")
        name, identifier, material = vkey.strip().split("+", 2)
        raw = _unbase64(material)
        key = Key(role, name, raw[1:], raw[0])
        expected_type = 4 if role == "witness" else 1
        if role not in ("gallery", "log", "authority", "witness") or raw[0] != expected_type or len(raw) != 33:
            raise ValueError(f"not a key that can be used for the role {role!r}")
        if key.key_id.hex() != identifier:
            raise ValueError(f"the key of {name} was damaged: its identifier does not fit")
        keys.append(key)
    return tuple(keys)


def _plain(text: str) -> str:
    """One printable line: names in a certificate must not write lines of their own into the answer."""
    line = "".join(c if c.isprintable() else "?" for c in text)
    return line if len(line) <= 300 else line[:300] + "..."


def canonical(value: object) -> bytes:
    """RFC 8785 for what a certificate holds: strings, integers, true, false, null, lists, objects with ASCII keys.

    Without fractions and with ASCII keys, sorted compact JSON in UTF-8 is exactly the form of RFC 8785.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _pair(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _tree_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.1, level by level: a last node without a neighbour rises as it is."""
    row = [sha256(b"\x00" + leaf).digest() for leaf in leaves] or [sha256(b"").digest()]
    while len(row) > 1:
        row = [_pair(*row[i : i + 2]) if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)]
    return row[0]


def _climb(index: int, size: int, path: Sequence[bytes]) -> list[tuple[bool, bytes]] | None:
    """The loop of RFC 9162, 2.1.3.2 and 2.1.4.2: which hashes stand on the left. None: wrong length."""
    fn, sn, turns = index, size - 1, []
    for p in path:
        if sn == 0:
            return None
        turns.append((bool(fn & 1) or fn == sn, p))
        while turns[-1][0] and not fn & 1 and fn != 0:
            fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    return turns if sn == 0 else None


def _included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    turns = _climb(index, size, path) if 0 <= index < size else None
    reached = sha256(b"\x00" + leaf).digest()
    for left, p in turns or ():
        reached = _pair(p, reached) if left else _pair(reached, p)
    return turns is not None and reached == root


def _consistent(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """RFC 9162, 2.1.4.2, for (size, root) pairs."""
    if old[0] == new[0]:
        return not path and old == new
    if old[0] == 0:
        return not path and old[1] == sha256(b"").digest()
    steps = [old[1], *path] if old[0] & (old[0] - 1) == 0 else list(path)
    if old[0] > new[0] or not steps:
        return False
    shift = ((old[0] - 1) ^ old[0]).bit_length() - 1  # the number of ones at the end of old - 1
    turns = _climb((old[0] - 1) >> shift, ((new[0] - 1) >> shift) + 1, steps[1:])
    first = second = steps[0]
    for left, c in turns or ():
        first, second = (_pair(c, first), _pair(c, second)) if left else (first, _pair(second, c))
    return turns is not None and (first, second) == (old[1], new[1])


@dataclass(frozen=True, slots=True)
class _Note:
    """A checkpoint: the signed text, its three lines, and (name, key id, signature) of each line below."""

    text: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]


def _read_note(note: str) -> _Note:
    """C2SP signed-note and tlog-checkpoint. Raises Failed for another form."""
    text, _, tail = note.rpartition("\n\n")
    signatures: list[tuple[str, bytes, bytes]] = []
    try:
        origin, size, root = text.split("\n")
        for line in tail.removesuffix("\n").split("\n"):
            dash, name, value = line.split(" ")
            signatures.append((name if dash == "—" else "", _unbase64(value)[:4], _unbase64(value)[4:]))
        wrong = not tail.endswith("\n") or str(int(size)) != size or len(_unbase64(root)) != 32
    except ValueError:
        wrong = True
    if wrong or int(size) < 0 or not all(name and signature for name, _, signature in signatures):
        raise Failed("the checkpoint is not in the form of a signed checkpoint")
    return _Note(text + "\n", origin, int(size), _unbase64(root), tuple(signatures))


def _signed_checkpoint(note: str, origin: str, keys: Sequence[Key]) -> _Note:
    """The checkpoint in ``note``, of the log ``origin`` and signed by one of ``keys``; otherwise Failed."""
    parsed = _read_note(note)
    if parsed.origin != origin:
        raise Failed(f"the checkpoint is of another log, {parsed.origin}")
    own = [k for k in keys if k.role == "log" and k.name == origin]
    if not own:
        raise Failed(f"no key was given for the log {origin}")
    found = [
        k.verifies(s, parsed.text.encode())
        for k in own
        for n, i, s in parsed.signatures
        if (n, i) == (k.name, k.key_id)
    ]
    if not found or not all(found):
        raise Failed("the checkpoint is not signed by the log's key")
    return parsed


# -- the form of a certificate ------------------------------------------------------------------------------

_HEX = "64 hexadecimal digits"
_TIME = "a time in UTC, as 2026-01-31T12:00:00Z"
_HASHES = "hashes"
_SHAPE: dict[str, Any] = {
    "statement": {
        "v": int, "type": str, "kind": str, "request": str, "issued_at": _TIME, "gallery": str, "log": str,
        "scope_sha256": (_HEX, None),
        "subjects": {"count": int, "by_doubt_alone": int, "root": _HEX, "commitments": [_HEX]},
        "artefacts": [{"holder": str, "what": str, "count": int}],
        "keys": {"count": int, "ids": [str]},
        "method": str,
        "backup": {"horizon": (_TIME, None), "note": str},
        "epochs": [{"index": str, "before": int, "after": int}],
        "holders": [
            {"holder": str, "absent": bool, "checked": str, "remaining": int, "unconfirmed": (str, None)}
        ],
        "recipients": [
            {"recipient": str, "told_at": (_TIME, None), "answer": (str, None), "answered_at": (_TIME, None)}
        ],
        "retained": [{"what": str, "ground": str, "count": int, "until": (_TIME, None)}],
        "proven": [{"claim": str, "text": str, "checks": [int]}],
        "asserted": [{"claim": str, "text": str}],
    },
    "log": {
        "before": str, "after": str, "consistency": _HASHES,
        "entries": [{"index": int, "entry": str, "path": _HASHES}],
    },
    "signatures": [{"role": str, "name": str, "key": str, "signature": str}],
}  # fmt: skip
"""Every field of a certificate and its type. No other field may be there, and none may be missing."""


def _fits(value: Any, shape: Any, where: str) -> None:
    """Raises Failed, naming the place, unless ``value`` has the form ``shape``."""
    if isinstance(shape, tuple):
        if value is not None:
            _fits(value, shape[0], where)
    elif isinstance(shape, dict):
        if not isinstance(value, dict) or set(value) != set(shape):
            raise Failed(f"{where} has not the fields {', '.join(sorted(shape))}")
        for name, inner in shape.items():
            _fits(value[name], inner, f"{where}.{name}")
    elif shape is _HASHES:
        _fits(value, [str], where)
        if any(len(_unbase64(one)) != 32 for one in value):
            raise Failed(f"{where} holds something other than hashes")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise Failed(f"{where} is not a list")
        for number, one in enumerate(value):
            _fits(one, shape[0], f"{where}[{number}]")
    elif shape is _HEX:
        if not isinstance(value, str) or len(value) != 64 or set(value) - set("0123456789abcdef"):
            raise Failed(f"{where} is not {_HEX}")
    elif shape is _TIME:
        if not isinstance(value, str) or not value.endswith("Z") or datetime.fromisoformat(value).tzinfo is not UTC:
            raise Failed(f"{where} is not {_TIME}")
    elif type(value) is not shape or (shape is int and not 0 <= value < 2**53):
        raise Failed(f"{where} is not of the type {shape.__name__}")


def parse(data: bytes) -> Any:
    """The certificate in ``data``. Raises Failed when it is not canonical JSON with exactly the known fields."""
    try:
        parsed = json.loads(data)
        edited = canonical(parsed) != data
        _fits(parsed, _SHAPE, "certificate")
    except (ValueError, RecursionError) as error:
        raise Failed("the file is not a certificate: it cannot be read as JSON of the known form") from error
    if edited:
        raise Failed("the file is not canonical JSON (RFC 8785): it was edited or reformatted")
    return parsed


# -- the checks ---------------------------------------------------------------------------------------------


class _Examination:
    """The certificate, the keys, and one method for each numbered check."""

    def __init__(self, data: bytes, keys: Sequence[Key]) -> None:
        self.data = data
        self.keys = keys
        self.parsed: Any = None

    @property
    def statement(self) -> Any:
        return self.parsed["statement"]

    @property
    def log(self) -> Any:
        return self.parsed["log"]

    def note(self, which: str) -> _Note:
        return _signed_checkpoint(self.log[which], self.statement["log"], self.keys)

    def form(self) -> str:
        """1. Canonical JSON with exactly the known fields, in a version and with claims that are known here."""
        self.parsed = parse(self.data)
        said = self.statement
        if (said["v"], said["type"]) != (1, TYPE) or said["kind"] not in KINDS:
            raise Failed("the certificate is of a version or kind that this verifier does not know")
        proven = [{"claim": c, "text": text, "checks": list(checks)} for c, (text, checks) in PROVEN.items()]
        if said["proven"] != proven or said["asserted"] != [{"claim": c, "text": t} for c, t in ASSERTED.items()]:
            raise Failed("the certificate claims to prove something else than a certificate can")
        return f"{len(self.data)} bytes, version 1"

    def _signature(self, role: str, one: Any) -> bool | None:
        """Whether a signature verifies; None when its key was not given."""
        message = SIGNED_PREFIX + role.encode() + b"\n" + canonical({"statement": self.statement, "log": self.log})
        for key in self.keys:
            if (key.role, key.name, key.key_id.hex()) == (role, one["name"], one["key"]):
                try:
                    return key.verifies(_unbase64(one["signature"]), message)
                except ValueError:
                    return False
        return None

    def gallery_signature(self) -> str:
        """2. Signed by the gallery's key, over statement and log evidence together."""
        roles = [one["role"] for one in self.parsed["signatures"]]
        if roles.count("gallery") != 1 or set(roles) - {"gallery", "authority"}:
            raise Failed("there must be one signature of the gallery, and no others than an authority's")
        one = self.parsed["signatures"][roles.index("gallery")]
        if one["name"] != self.statement["gallery"]:
            raise Failed("the signature is not in the name of the gallery that makes the statement")
        result = self._signature("gallery", one)
        if result is None:
            raise Failed(f"the key {one['name']} ({one['key']}) is not among the gallery keys given")
        if not result:
            raise Failed("the gallery's signature is wrong")
        return f"signed by {one['name']}"

    def countersignature(self) -> str:
        """3. Countersigned by an authority (optional)."""
        there = [one for one in self.parsed["signatures"] if one["role"] == "authority"]
        if not there:
            raise NotChecked("no authority has countersigned")
        results = [(one["name"], self._signature("authority", one)) for one in there]
        if any(result is False for _, result in results):
            raise Failed("a countersignature is wrong")
        known = [name for name, result in results if result]
        if not known:
            raise NotChecked("countersigned under a key that was not given")
        return f"countersigned by {', '.join(known)}"

    def checkpoint_before(self) -> str:
        """4. The first checkpoint is the log's."""
        return f"{self.note('before').size} entries"

    def checkpoint_after(self) -> str:
        """5. The second checkpoint is the log's."""
        return f"{self.note('after').size} entries"

    def append_only(self) -> str:
        """6. The second checkpoint continues the first."""
        before, after = self.note("before"), self.note("after")
        path = [_unbase64(one) for one in self.log["consistency"]]
        if not _consistent((before.size, before.root), (after.size, after.root), path):
            raise Failed("the log at the second checkpoint does not continue the log at the first")
        return f"{after.size - before.size} entries were added, none changed"

    def inclusion(self) -> str:
        """7. Every log entry shown is in the log, between the two checkpoints."""
        before, after = self.note("before"), self.note("after")
        for one in self.log["entries"]:
            path = [_unbase64(step) for step in one["path"]]
            if not _included(one["entry"].encode(), one["index"], after.size, path, after.root):
                raise Failed(f"entry {one['index']} is not in the log as shown")
            if one["index"] < before.size:
                raise Failed(f"entry {one['index']} is older than the first checkpoint")
        return f"{len(self.log['entries'])} entries"

    def _steps(self) -> list[tuple[str, int, Any]]:
        """The entries as (step, index, body)."""
        steps: list[tuple[str, int, Any]] = []
        for one in self.log["entries"]:
            entry = json.loads(one["entry"])
            if set(entry) != {"v", "at", "event", "body"} or entry["v"] != 1:
                raise Failed(f"entry {one['index']} is of a form that is not known here")
            prefix, _, step = str(entry["event"]).partition(".")
            if prefix != "erasure" or step not in STEPS or not isinstance(entry["body"], dict):
                raise Failed(f"entry {one['index']} is not a step of an erasure")
            steps.append((step, one["index"], entry["body"]))
        return steps

    def logged_statement(self) -> str:
        """8. The last entry commits to this very statement."""
        steps = self._steps()
        digest = sha256(canonical(self.statement)).hexdigest()
        if not steps or steps[-1][0] != "certified" or steps[-1][2].get("statement") != digest:
            raise Failed("the log does not commit to this statement")
        return f"entry {steps[-1][1]} commits to it"

    def order_of_steps(self) -> str:
        """9. The steps are all there, for this request and these subjects, in the one right order."""
        steps = self._steps()
        names, indexes = [step for step, _, _ in steps], [index for _, index, _ in steps]
        ranks = [STEPS.index(name) for name in names]
        if missing := [name for name in REQUIRED_STEPS if name not in names]:
            raise Failed(f"the log does not show the steps {', '.join(missing)}")
        if ranks != sorted(ranks) or indexes != sorted(set(indexes)) or names.count("certified") != 1:
            raise Failed("the steps were not logged in their order")
        listed = {"count": self.statement["subjects"]["count"], "root": self.statement["subjects"]["root"]}
        for step, _, body in steps:
            if body.get("request") != self.statement["request"] or body.get("subjects") != listed:
                raise Failed(f"the step {step} was logged for another request or other subjects")
        return ", ".join(f"{name} at {index}" for name, index, _ in steps)

    def subjects(self) -> str:
        """10. The list of subjects is the one whose root was logged."""
        said = self.statement["subjects"]
        listed = said["commitments"]
        if listed != sorted(set(listed)) or said["count"] != len(listed):
            raise Failed("the list of subjects is not sorted, names one twice, or has another length")
        if _tree_root([bytes.fromhex(one) for one in listed]).hex() != said["root"]:
            raise Failed("the list of subjects is not the one that was logged")
        return f"{len(listed)} subjects, {said['by_doubt_alone']} by doubt alone"

    def coherence(self) -> str:
        """11. The statement does not contradict itself, and leaves no keeper's or recipient's answer open."""
        said = self.statement
        names = [one["holder"] for one in said["holders"]]
        if not names or len(names) != len(set(names)):
            raise Failed("no keeper, or one keeper twice, is listed")
        if left := [one["holder"] for one in said["holders"] if not one["absent"] or one["remaining"] != 0]:
            raise Failed(f"something is left with: {', '.join(left)}")
        if stray := {one["holder"] for one in said["artefacts"]} - set(names):
            raise Failed(f"something was erased by a keeper that did not confirm: {', '.join(sorted(stray))}")
        if said["keys"]["count"] != len(said["keys"]["ids"]) or len(set(said["keys"]["ids"])) != len(
            said["keys"]["ids"]
        ):
            raise Failed("the number of destroyed keys is not that of the list, or a key is listed twice")
        if said["subjects"]["by_doubt_alone"] > said["subjects"]["count"]:
            raise Failed("more subjects were included by doubt than there are")
        if any(one["after"] <= one["before"] for one in said["epochs"]):
            raise Failed("an index has no new epoch")
        if any(None in (one["told_at"], one["answer"], one["answered_at"]) for one in said["recipients"]):
            raise Failed("a recipient was not told, or has not answered")
        open_ends = sum(one["unconfirmed"] is not None for one in said["holders"])
        keepers = f"{len(names)} keepers confirmed ({open_ends} name something that they cannot know)"
        return f"{keepers}, {said['keys']['count']} keys, {len(said['recipients'])} recipients"

    def earlier(self, note: str | None, proof: Sequence[bytes]) -> str:
        """12. The log is the one that the auditor has seen before (optional)."""
        if note is None:
            raise NotChecked("no earlier checkpoint was given")
        seen = _signed_checkpoint(note, self.statement["log"], self.keys)
        for which in ("before", "after"):
            shown = self.note(which)
            if shown.size == seen.size:
                if shown.root != seen.root:
                    raise Failed("the log shows different people different histories: same size, different root")
                return f"your checkpoint of {seen.size} entries is the certificate's own"
        after = self.note("after")
        old, new = sorted([(seen.size, seen.root), (after.size, after.root)])
        if not _consistent(old, new, proof):
            raise Failed(f"nothing connects your checkpoint of {seen.size} entries with this log; ask for a proof")
        return f"your checkpoint of {seen.size} entries belongs to the same history"

    def witnesses(self) -> str:
        """13. Cosigned by witnesses (optional): C2SP tlog-cosignature, cosignature/v1."""
        known = [key for key in self.keys if key.role == "witness"]
        if not known:
            raise NotChecked("no witness keys were given")
        after, found = self.note("after"), []
        for key in known:
            for name, key_id, value in after.signatures:
                if (name, key_id) != (key.name, key.key_id):
                    continue
                seconds = int.from_bytes(value[:8], "big")
                message = f"cosignature/v1\ntime {seconds}\n{after.text}".encode()
                if len(value) != 72 or not key.verifies(value[8:], message):
                    raise Failed(f"the cosignature of {name} is wrong")
                found.append(f"{name} at {datetime.fromtimestamp(min(seconds, 2**35), UTC):%Y-%m-%d %H:%M}Z")
        if not found:
            raise NotChecked("none of the witnesses given has cosigned")
        return ", ".join(found)

    def time_stamp(self, token: bytes | None, roots: bytes | None) -> str:
        """14. Time-stamped by a third party (optional): RFC 3161 over SHA-256 or better of the file."""
        if token is None:
            raise NotChecked("no time stamp was given")
        if roots is None:
            raise NotChecked("a time stamp was given without the root certificates to check it by")
        try:
            tsp = importlib.import_module("rfc3161_client")
        except ImportError:
            raise NotChecked("rfc3161-client is not installed here; use: openssl ts -verify") from None
        try:
            builder = tsp.VerifierBuilder()
            for root in load_pem_x509_certificates(roots):
                builder = builder.add_root_certificate(root)
            response = tsp.decode_timestamp_response(token)
            builder.build().verify_message(response, self.data)
        except (ValueError, tsp.VerificationError) as error:
            raise Failed("the time stamp is not one for this file, or not by a trusted authority") from error
        return f"existed at {response.tst_info.gen_time:%Y-%m-%d %H:%M:%S}Z"


def check(
    certificate: bytes,
    public_keys: Sequence[Key],
    *,
    earlier_checkpoint: str | None = None,
    earlier_proof: Sequence[bytes] = (),
    timestamp: bytes | None = None,
    timestamp_roots: bytes | None = None,
) -> Verdict:
    """Check ``certificate`` (the file's bytes) by ``public_keys``.

    ``earlier_checkpoint`` is one that the auditor kept, with ``earlier_proof``, the hashes of a consistency proof,
    when it is neither of the certificate's own; ``timestamp`` is an RFC 3161 response and ``timestamp_roots`` the
    PEM certificates to check it by. Never raises for anything that the file may hold.
    """
    examined = _Examination(certificate, public_keys)
    steps: list[tuple[str, Callable[[], str], bool]] = [
        ("form", examined.form, True),
        ("gallery's signature", examined.gallery_signature, True),
        ("authority's countersignature", examined.countersignature, False),
        ("checkpoint before", examined.checkpoint_before, True),
        ("checkpoint after", examined.checkpoint_after, True),
        ("nothing rewritten between", examined.append_only, True),
        ("entries are in the log", examined.inclusion, True),
        ("log commits to the statement", examined.logged_statement, True),
        ("order of the steps", examined.order_of_steps, True),
        ("list of subjects", examined.subjects, True),
        ("no contradiction, nothing left open", examined.coherence, True),
        ("log seen before", lambda: examined.earlier(earlier_checkpoint, earlier_proof), False),
        ("witnesses", examined.witnesses, False),
        ("time stamp", lambda: examined.time_stamp(timestamp, timestamp_roots), False),
    ]
    checks: list[Check] = []
    for number, (name, run, _) in enumerate(steps, 1):
        if number > 1 and not checks[0].ok:
            checks.append(Check(number, name, None, "not reached: the form is wrong"))
            continue
        try:
            checks.append(Check(number, name, True, _plain(run())))
        except NotChecked as reason:
            checks.append(Check(number, name, None, _plain(str(reason))))
        except Failed as reason:
            checks.append(Check(number, name, False, _plain(str(reason))))
        except (ValueError, TypeError, RecursionError):
            checks.append(Check(number, name, False, "a part of the certificate is malformed"))
    passed = {one.number for one in checks if one.ok}
    needed = {number for number, (_, _, must) in enumerate(steps, 1) if must}
    ok = needed <= passed and not any(one.ok is False for one in checks)
    proven = [text for text, rests_on in PROVEN.values() if set(rests_on) <= passed]
    proven += [text for text, number in PROVEN_WITH_MORE.values() if number in passed and needed <= passed]
    asserted = tuple(ASSERTED.values()) if 2 in passed else ()  # without its signature it has said nothing
    return Verdict(ok, tuple(checks), tuple(proven), asserted)


def as_text(verdict: Verdict) -> str:
    """The verdict for people: every check, what is proven, what is only asserted."""
    sign = {True: "passed", False: "FAILED", None: "-"}
    lines = [f"{one.number:>2}  {sign[one.ok]:<7} {one.name}: {one.detail}" for one in verdict.checks]
    lines += ["", "Proven:", *(f"  * {text}" for text in verdict.proven or ("nothing",))]
    lines += [
        "",
        "Asserted by the gallery, and not provable by any document:",
        *(f"  * {t}" for t in verdict.asserted or ("nothing",)),
    ]
    lines += ["", "The certificate stands." if verdict.ok else "THE CERTIFICATE DOES NOT STAND."]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: exit status 0 when the certificate stands, 1 when it does not, 2 when it cannot be checked."""
    parser = argparse.ArgumentParser(description="Check the certificate of an erasure, offline.")
    parser.add_argument("certificate", type=Path)
    parser.add_argument("--key", type=Path, required=True, help="file with one trusted key a line")
    parser.add_argument("--earlier", type=Path, help="a checkpoint of the log that you kept")
    parser.add_argument("--earlier-proof", type=Path, help="consistency proof to it: base64 hashes, one a line")
    parser.add_argument("--timestamp", type=Path, help="RFC 3161 response (.tsr)")
    parser.add_argument("--timestamp-roots", type=Path, help="root certificates of the time-stamp authority (PEM)")
    given = parser.parse_args(arguments)
    try:
        proof = given.earlier_proof.read_text("utf-8").split() if given.earlier_proof else []
        verdict = check(
            given.certificate.read_bytes(),
            read_keys(given.key.read_text("utf-8")),
            earlier_checkpoint=given.earlier.read_text("utf-8") if given.earlier else None,
            earlier_proof=[_unbase64(one) for one in proof],
            timestamp=given.timestamp.read_bytes() if given.timestamp else None,
            timestamp_roots=given.timestamp_roots.read_bytes() if given.timestamp_roots else None,
        )
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot check: {error}\n")
        return 2
    sys.stdout.write(as_text(verdict))
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
