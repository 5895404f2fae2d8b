"""Issues the certificate of an erasure: what was done, in whose words, and the log's evidence that it was said.

Rules kept here:

* A certificate is a pure function of the statement, the log and the keys; nothing is looked up elsewhere.
* Issued only when the verifier accepts it: a certificate that would not stand is never signed.
* What cannot be proven is in the document under ``asserted``, in the verifier's words and not in the gallery's.
* Subjects appear as commitments, sorted, so that the list says nothing about them or their order.

Steps are logged with :func:`step_entry` while the erasure runs; :func:`certified_entry` closes it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.clock import from_text, to_text
from countenance.custody.proof import verifier
from countenance.errors import CertificateInvalid
from countenance.holding import Absence, Holding
from countenance.log import Entry, TamperEvidentLog, VerifierKey, merkle
from countenance.log.entry import Value
from countenance.log.note import encode_base64


class Cause(StrEnum):
    """Why something was erased."""

    ORDER = "order"
    WITHDRAWAL = "withdrawal"
    EXPIRY = "expiry"
    RETENTION = "retention"


class Step(StrEnum):
    """The steps of an erasure as they are logged, in their only order.

    PLANNED, DELETED and INDEX_EPOCH may be absent; a step that was repeated after a crash may be there twice.
    """

    PLANNED = "planned"
    FROZEN = "frozen"
    KEYS_DESTROYED = "keys_destroyed"
    DELETED = "deleted"
    INDEX_EPOCH = "index_epoch"
    CONFIRMED = "confirmed"
    CERTIFIED = "certified"


@dataclass(frozen=True, slots=True)
class Epoch:
    """An index before and after: snapshots of the epoch ``before`` can no longer be read."""

    index: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Told:
    """A recipient of released candidates, when it was told of the erasure, and what it answered."""

    recipient: str
    told_at: datetime | None
    answer: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Retained:
    """What was kept in spite of the erasure, on what ground, and until when (None: no end is set)."""

    what: str
    ground: str
    count: int
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """Everything the gallery says about one erasure. Numbers, identifiers and commitments; no names of subjects."""

    cause: Cause
    request: str
    """Number of the order or request; the same in every logged step."""
    issued_at: datetime
    subjects: tuple[str, ...]
    """Commitments, 64 hexadecimal digits each (:func:`countenance.log.commitment`)."""
    artefacts: tuple[Holding, ...]
    """What each keeper destroyed."""
    keys_destroyed: tuple[str, ...]
    """Identifiers of the destroyed keys; never the keys."""
    method: str
    holders: tuple[Absence, ...]
    scope_sha256: str | None = None
    """SHA-256 of the order's scope in canonical JSON, 64 hexadecimal digits."""
    by_doubt_alone: int = 0
    epochs: tuple[Epoch, ...] = ()
    recipients: tuple[Told, ...] = ()
    retained: tuple[Retained, ...] = ()
    backup_horizon: datetime | None = None
    """When the oldest backup that could hold sealed data of the subjects is gone."""
    backup_note: str = "Backups hold sealed data and wrapped keys only; the destroyed keys were never in one."


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the log speaks of the erasure."""

    before: str
    """The checkpoint (signed note) from before the first step."""
    steps: tuple[int, ...]
    """Numbers of the logged steps, ascending; the last is the closing entry."""
    after: str | None = None
    """The checkpoint to prove against, perhaps with cosignatures; None: the log's current one."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A signing key and the name it signs under."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)

    @property
    def verifier_key(self) -> VerifierKey:
        """The public key. Raises LogKeyWrong for a name that cannot stand in a key file."""
        return VerifierKey.of(self.name, self.key)


def subjects_body(subjects: Sequence[str]) -> dict[str, Value]:
    """What every logged step says of the subjects: how many, and the root over their sorted commitments.

    Raises CertificateInvalid for something that is not a commitment or is listed twice.
    """
    try:
        leaves = [bytes.fromhex(one) for one in sorted(subjects)]
    except ValueError as error:
        raise CertificateInvalid("a subject's commitment is not hexadecimal") from error
    if len(set(leaves)) != len(leaves) or any(len(leaf) != merkle.HASH_BYTES for leaf in leaves):
        raise CertificateInvalid("a subject's commitment has 64 digits, and each subject is listed once")
    hashes = merkle.LeafHashes(merkle.leaf_hash(leaf) for leaf in leaves)
    return {"count": len(leaves), "root": merkle.root(hashes, len(leaves)).hex()}


def step_entry(step: Step, at: datetime, request: str, subjects: Sequence[str], **counts: int) -> Entry:
    """The log entry for a step that was just completed; ``counts`` are added to its body under their names."""
    return Entry(at, f"erasure.{step}", {**counts, "request": request, "subjects": subjects_body(subjects)})


def certified_entry(statement: Statement, gallery: str, log_origin: str) -> Entry:
    """The closing entry: it commits to the whole statement, which must not change afterwards."""
    return closing_entry(written(statement, gallery, log_origin))


def closing_entry(said: dict[str, Any]) -> Entry:
    """The closing entry for a statement in its written form."""
    digest = sha256(rfc8785.dumps(said)).hexdigest()
    subjects = subjects_body(said["subjects"]["commitments"])
    body: dict[str, Value] = {"request": said["request"], "subjects": subjects, "statement": digest}
    return Entry(from_text(said["issued_at"]), f"erasure.{Step.CERTIFIED}", body)


def issue(statement: Statement, log: TamperEvidentLog, evidence: Evidence, gallery: Signer) -> bytes:
    """The certificate, RFC 8785 canonical JSON. Raises CertificateInvalid, LogDamaged.

    ``statement`` must be the one that the closing entry of ``evidence`` commits to.
    """
    return issue_written(written(statement, gallery.name, log.origin), log, evidence, gallery)


def issue_written(said: dict[str, Any], log: TamperEvidentLog, evidence: Evidence, gallery: Signer) -> bytes:
    """As :func:`issue`, for a statement in its written form."""
    after = evidence.after if evidence.after is not None else log.checkpoint()
    sizes = [_size(note) for note in (evidence.before, after)]
    if sizes[0] > sizes[1] or any(not 0 <= index < sizes[1] for index in evidence.steps):
        raise CertificateInvalid("the log's evidence does not lie between the two checkpoints")
    entries = [
        {
            "index": index,
            "entry": log.raw_entries(index, index + 1)[0].decode(),
            "path": [encode_base64(step) for step in log.inclusion(index, sizes[1])],
        }
        for index in evidence.steps
    ]
    content = {
        "statement": said,
        "log": {
            "before": evidence.before,
            "after": after,
            "consistency": [encode_base64(step) for step in log.consistency(*sizes)],
            "entries": entries,
        },
    }
    certificate = rfc8785.dumps({**content, "signatures": [_sign(content, "gallery", gallery)]})
    keys = (_key("gallery", gallery.verifier_key), _key("log", log.verifier_key))
    verdict = verifier.check(certificate, keys)
    if not verdict.ok:
        wrong = next(one for one in verdict.checks if one.ok is False)
        raise CertificateInvalid(f"the certificate would not stand: {wrong.name}: {wrong.detail}")
    return certificate


def countersign(certificate: bytes, authority: Signer) -> bytes:
    """``certificate`` with the authority's signature added over exactly the same statement and evidence.

    The authority checks before it signs. Raises CertificateInvalid for what is not a certificate.
    """
    try:
        parsed = verifier.parse(certificate)
    except verifier.Failed as error:
        raise CertificateInvalid("that is not a certificate of an erasure") from error
    content = {"statement": parsed["statement"], "log": parsed["log"]}
    kept = [one for one in parsed["signatures"] if (one["role"], one["name"]) != ("authority", authority.name)]
    return rfc8785.dumps({**content, "signatures": [*kept, _sign(content, "authority", authority)]})


def key_file(*, gallery: VerifierKey, log: VerifierKey, others: Sequence[tuple[str, VerifierKey]] = ()) -> str:
    """The key file for whoever shall check: to be handed over on another way than the certificate."""
    rows = [("gallery", gallery), ("log", log), *others]
    return "".join(f"{role} {key.as_text()}\n" for role, key in rows)


def _key(role: str, key: VerifierKey) -> verifier.Key:
    return verifier.Key(role, key.name, key.public, int(key.type))


def confirmed_in(certificate: bytes) -> tuple[Absence, ...]:
    """What every keeper confirmed, as a certificate of this gallery's own says. Raises CertificateInvalid."""
    try:
        return tuple(Absence(**one) for one in json.loads(certificate)["statement"]["holders"])
    except (ValueError, KeyError, TypeError) as error:
        raise CertificateInvalid("the certificate cannot be read") from error


def _sign(content: dict[str, Any], role: str, signer: Signer) -> dict[str, str]:
    message = verifier.SIGNED_PREFIX + role.encode() + b"\n" + rfc8785.dumps(content)
    return {
        "role": role,
        "name": signer.name,
        "key": signer.verifier_key.key_id.hex(),
        "signature": encode_base64(signer.key.sign(message)),
    }


def _size(note: str) -> int:
    try:
        return int(note.split("\n")[1])
    except (ValueError, IndexError) as error:
        raise CertificateInvalid("the evidence holds something that is not a checkpoint") from error


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def written(statement: Statement, gallery: str, log_origin: str) -> dict[str, Any]:
    """The statement as it is hashed into the log and signed; see ``verifier`` for every field's form."""
    subjects = subjects_body(statement.subjects)
    return {
        "v": 1,
        "type": verifier.TYPE,
        "kind": str(statement.cause),
        "request": statement.request,
        "issued_at": to_text(statement.issued_at),
        "gallery": gallery,
        "log": log_origin,
        "scope_sha256": statement.scope_sha256,
        "subjects": {
            **subjects,
            "by_doubt_alone": statement.by_doubt_alone,
            "commitments": sorted(statement.subjects),
        },
        "artefacts": [{"holder": one.holder, "what": one.what, "count": one.count} for one in statement.artefacts],
        "keys": {"count": len(statement.keys_destroyed), "ids": sorted(statement.keys_destroyed)},
        "method": statement.method,
        "backup": {"horizon": _time(statement.backup_horizon), "note": statement.backup_note},
        "epochs": [{"index": one.index, "before": one.before, "after": one.after} for one in statement.epochs],
        "holders": [
            {
                "holder": one.holder,
                "absent": one.absent,
                "checked": one.checked,
                "remaining": one.remaining,
                "unconfirmed": one.unconfirmed,
            }
            for one in statement.holders
        ],
        "recipients": [
            {
                "recipient": one.recipient,
                "told_at": _time(one.told_at),
                "answer": one.answer,
                "answered_at": _time(one.answered_at),
            }
            for one in statement.recipients
        ],
        "retained": [
            {"what": one.what, "ground": one.ground, "count": one.count, "until": _time(one.until)}
            for one in statement.retained
        ],
        "proven": [
            {"claim": claim, "text": text, "checks": list(checks)}
            for claim, (text, checks) in verifier.PROVEN.items()
        ],
        "asserted": [{"claim": claim, "text": text} for claim, text in verifier.ASSERTED.items()],
    }
