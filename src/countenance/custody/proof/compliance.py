"""The record of an order that destroyed nothing: what was done, shown by papers and by entries of the log.

Rules kept here: a record is no certificate of erasure and cannot be taken for one (another ``type``); every log
entry that it cites comes whole and with its proof; names of people have no place in it. What a paper says is the
operator's statement; that the log has the entry is proven.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.custody.proof import verifier
from countenance.errors import CheckpointInvalid
from countenance.log import TamperEvidentLog
from countenance.log.merkle import leaf_hash, verify_inclusion
from countenance.log.note import VerifierKey, open_checkpoint

TYPE = "countenance/compliance-record"
VERSION = 1
_PREFIX = b"countenance/compliance-record/v1\n"


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether a record stands, and the sentences that say why or why not."""

    ok: bool
    said: tuple[str, ...]


def issue(
    statement: dict[str, Any], entries: Sequence[int], log: TamperEvidentLog, key: Ed25519PrivateKey
) -> bytes:
    """The signed record: ``statement`` (JSON values only) and the log's ``entries`` by number, each proven."""
    checkpoint, size = log.checkpoint(), log.size
    cited = [
        {
            "number": number,
            "entry": log.raw_entries(number, number + 1)[0].decode(),
            "proof": [base64.b64encode(step).decode() for step in log.inclusion(number, size)],
        }
        for number in entries
    ]
    content: dict[str, Any] = {
        "type": TYPE,
        "version": VERSION,
        "statement": statement,
        "log": {"checkpoint": checkpoint, "entries": cited},
    }
    signature = base64.b64encode(key.sign(_PREFIX + rfc8785.dumps(content))).decode()
    return json.dumps({**content, "signature": signature}, indent=2, ensure_ascii=False).encode() + b"\n"


def check(data: bytes, keys: Sequence[verifier.Key]) -> Checked:
    """Whether the gallery signed the record and the log has every entry that it cites. Never raises."""
    try:
        document = json.loads(data)
        signature = base64.b64decode(document.pop("signature"), validate=True)
        if document["type"] != TYPE or document["version"] != VERSION:
            return Checked(False, ("the file is no record of compliance of a known version",))
        message = _PREFIX + rfc8785.dumps(document)
        if not any(key.role == "gallery" and key.verifies(signature, message) for key in keys):
            return Checked(False, ("the signature is not the gallery's, or the record was altered",))
        note = document["log"]["checkpoint"]
        for key in keys:
            if key.role == "log" and note.startswith(key.name + "\n"):
                head = open_checkpoint(note, VerifierKey(key.name, key.public))
                break
        else:
            return Checked(False, ("no key of the log was given",))
        for cited in document["log"]["entries"]:
            proof = [base64.b64decode(step, validate=True) for step in cited["proof"]]
            leaf = leaf_hash(cited["entry"].encode())
            if not verify_inclusion(leaf, cited["number"], head.size, proof, head.root):
                return Checked(False, (f"entry {cited['number']} is not in the log",))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, CheckpointInvalid):
        return Checked(False, ("the file is no record of compliance, or is damaged",))
    count = len(document["log"]["entries"])
    return Checked(True, ("the gallery signed exactly this", f"the log has the {count} entries that it cites"))
