"""A certificate stands as issued; changed in any place, it falls, whoever changed it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.custody.proof import certificate as issuing
from countenance.custody.proof import verifier
from countenance.custody.proof.certificate import (
    Cause,
    Epoch,
    Evidence,
    Retained,
    Signer,
    Statement,
    Step,
    Told,
    certified_entry,
    countersign,
    issue,
    key_file,
    step_entry,
)
from countenance.errors import CertificateInvalid
from countenance.holding import Absence, Holding
from countenance.log import Entry, SignatureType, TamperEvidentLog, VerifierKey, commitment, merkle
from countenance.log.note import SignatureLine, SignedNote, cosign, encode_base64

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
GALLERY = Signer("gallery.example", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
AUTHORITY = Signer("authority.example", Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34))))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(3, 35)))
ORIGIN = "gallery.example/log"
SUBJECTS = tuple(commitment(bytes([n]) * 32, "subject", b"%d" % n) for n in range(5))
STATEMENT = Statement(
    cause=Cause.ORDER,
    request="authority-2026-1",
    issued_at=WHEN + timedelta(days=1),
    subjects=SUBJECTS,
    artefacts=(Holding("keyring", "keys", 15), Holding("blobs", "images", 5)),
    keys_destroyed=tuple(f"key-{n}" for n in range(15)),
    method="keys overwritten and unlinked; ciphertext deleted",
    holders=(
        Absence("keyring", True, "every slot was read and is empty"),
        Absence("blobs", True, "the folder was listed", unconfirmed="what the disk keeps of freed blocks"),
    ),
    scope_sha256="ab" * 32,
    by_doubt_alone=2,
    epochs=(Epoch("sface", 3, 4),),
    recipients=(Told("Customer 7", WHEN, "deleted", WHEN + timedelta(hours=1)),),
    retained=(Retained("the order itself", "proof of compliance", 1, WHEN + timedelta(days=365)),),
    backup_horizon=WHEN + timedelta(days=30),
)


@dataclass(frozen=True)
class Case:
    """One erasure with its log and certificate."""

    log: TamperEvidentLog
    evidence: Evidence
    data: bytes
    keys: tuple[verifier.Key, ...]


def keys_of(log: TamperEvidentLog) -> tuple[verifier.Key, ...]:
    witness = VerifierKey.of("witness.example", WITNESS, SignatureType.COSIGNATURE)
    return verifier.read_keys(
        key_file(
            gallery=GALLERY.verifier_key,
            log=log.verifier_key,
            others=[("authority", AUTHORITY.verifier_key), ("witness", witness)],
        )
    )


def erase(folder: Path, statement: Statement = STATEMENT, steps: tuple[Step, ...] | None = None) -> Case:
    """Play an erasure with all its steps among other entries, and issue its certificate."""
    log = TamperEvidentLog.create(folder, ORIGIN, LOG_KEY)
    log.append([Entry(WHEN, "permission.granted", {"subject": one}) for one in statement.subjects])
    before = log.checkpoint()
    indexes = []
    for step in steps or (Step.FROZEN, Step.KEYS_DESTROYED, Step.DELETED, Step.INDEX_EPOCH, Step.CONFIRMED):
        log.append([Entry(WHEN, "search.answered", {"count": 3})])
        indexes.append(log.append([step_entry(step, WHEN, statement.request, statement.subjects)]).start)
    indexes.append(log.append([certified_entry(statement, GALLERY.name, ORIGIN)]).start)
    log.append([Entry(WHEN, "search.answered", {"count": 3})])
    line = cosign(log.checkpoint(), "witness.example", WITNESS, WHEN).as_text()
    log.accept_cosignatures([line], [VerifierKey.of("witness.example", WITNESS, SignatureType.COSIGNATURE)])
    evidence = Evidence(before, tuple(indexes))
    return Case(log, evidence, issue(statement, log, evidence, GALLERY), keys_of(log))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return erase(tmp_path_factory.mktemp("gallery") / "log")


def signed_again(content: dict[str, Any]) -> bytes:
    """The certificate as a gallery that holds its own key would sign it after changing it."""
    body = {"statement": content["statement"], "log": content["log"]}
    message = verifier.SIGNED_PREFIX + b"gallery\n" + rfc8785.dumps(body)
    signature = {
        "role": "gallery",
        "name": GALLERY.name,
        "key": GALLERY.verifier_key.key_id.hex(),
        "signature": encode_base64(GALLERY.key.sign(message)),
    }
    return rfc8785.dumps({**body, "signatures": [signature]})


def failures(verdict: verifier.Verdict) -> set[int]:
    return {one.number for one in verdict.checks if one.ok is False}


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every leaf of the JSON."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*path, number))
    else:
        yield path


def changed(content: Any, path: tuple[str | int, ...], data: st.DataObject) -> Any:
    """A copy of ``content`` whose leaf at ``path`` has another value of the same type."""
    copy = json.loads(json.dumps(content))
    place = copy
    for name in path[:-1]:
        place = place[name]
    old = place[path[-1]]
    if isinstance(old, bool):
        new: object = not old
    elif isinstance(old, int):
        new = data.draw(st.integers(0, 2**40).filter(lambda n: n != old))
    elif old is None:
        new = "something"
    else:
        at = data.draw(st.integers(0, len(old) - 1))
        new = (
            old[:at]
            + data.draw(st.sampled_from("0123456789abcdefXYZ").filter(lambda c: c != old[at]))
            + old[at + 1 :]
        )
    place[path[-1]] = new
    return copy


# -- it stands ----------------------------------------------------------------------------------------------


def test_a_certificate_as_issued_stands(case: Case) -> None:
    verdict = verifier.check(case.data, case.keys)
    assert verdict.ok, verifier.as_text(verdict)
    assert verdict.proven[: len(verifier.PROVEN)] == tuple(text for text, _ in verifier.PROVEN.values())
    assert verdict.asserted == tuple(verifier.ASSERTED.values())
    for nobodys in (b"", b"{}", b"not a certificate"):
        assert not verifier.check(nobodys, ()).asserted, "what bears no signature of the gallery's says nothing"


def test_what_cannot_be_proven_is_never_among_the_proven(case: Case) -> None:
    verdict = verifier.check(case.data, case.keys)
    assert not set(verdict.proven) & set(verdict.asserted)
    assert any("keys listed were destroyed" in text for text in verdict.asserted)
    assert any("no copy" in text for text in verdict.asserted)


def test_every_claim_names_checks_that_exist(case: Case) -> None:
    numbers = {one.number for one in verifier.check(case.data, case.keys).checks}
    assert all(set(checks) <= numbers for _, checks in verifier.PROVEN.values())
    assert all(number in numbers for _, number in verifier.PROVEN_WITH_MORE.values())


def test_certificate_names_no_subject_and_holds_no_key(case: Case) -> None:
    for n in range(5):
        assert (bytes([n]) * 32).hex().encode() not in case.data
    assert sorted(SUBJECTS) == verifier.parse(case.data)["statement"]["subjects"]["commitments"]


def test_witness_is_counted_only_when_its_key_was_given(case: Case) -> None:
    (with_key,) = [c for c in verifier.check(case.data, case.keys).checks if c.name == "witnesses"]
    assert with_key.ok
    assert "2026-03-01 12:00Z" in with_key.detail
    keys = tuple(key for key in case.keys if key.role != "witness")
    (without,) = [c for c in verifier.check(case.data, keys).checks if c.name == "witnesses"]
    assert without.ok is None


def test_a_cosignature_that_a_known_witness_never_made_brings_it_down(case: Case) -> None:
    content = json.loads(case.data)
    note = SignedNote.from_text(content["log"]["after"])
    other = cosign(case.log.checkpoint_at(3), "witness.example", WITNESS, WHEN)
    content["log"]["after"] = SignedNote(note.text, (note.signatures[0], other)).as_text()
    assert failures(verifier.check(signed_again(content), case.keys)) == {13}


def test_countersignature_adds_a_proof_and_a_wrong_one_brings_it_down(case: Case) -> None:
    data = countersign(case.data, AUTHORITY)
    assert "The authority has countersigned exactly this certificate." in verifier.check(data, case.keys).proven
    forged = countersign(case.data, Signer(AUTHORITY.name, GALLERY.key))
    renamed = forged.replace(
        Signer(AUTHORITY.name, GALLERY.key).verifier_key.key_id.hex().encode(),
        AUTHORITY.verifier_key.key_id.hex().encode(),
    )
    assert failures(verifier.check(renamed, case.keys)) == {3}
    unknown = verifier.check(data, tuple(key for key in case.keys if key.role != "authority"))
    assert unknown.ok
    assert unknown.checks[2].ok is None


def test_a_step_that_was_repeated_after_a_crash_does_no_harm(tmp_path: Path) -> None:
    steps = (Step.FROZEN, Step.KEYS_DESTROYED, Step.KEYS_DESTROYED, Step.CONFIRMED)
    case = erase(tmp_path, steps=steps)
    assert verifier.check(case.data, case.keys).ok


# -- it falls -----------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_flipped_byte_brings_it_down(case: Case, data: st.DataObject) -> None:
    raw = bytearray(case.data)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert not verifier.check(bytes(raw), case.keys).ok


@settings(max_examples=1, deadline=None)
@given(st.data())
def test_any_changed_field_brings_it_down(case: Case, data: st.DataObject) -> None:
    content = json.loads(case.data)
    for path in places(content):
        forged = rfc8785.dumps(changed(content, path, data))
        assert not verifier.check(forged, case.keys).ok, f"{path} was changed and nobody noticed"


@settings(max_examples=1, deadline=None)
@given(st.data())
def test_not_even_the_gallery_can_change_a_field_afterwards(case: Case, data: st.DataObject) -> None:
    """It can sign again; it cannot make the log say that it had said so."""
    content = json.loads(case.data)
    for path in places({"statement": content["statement"], "log": content["log"]}):
        forged = signed_again(changed(content, path, data))
        verdict = verifier.check(forged, case.keys)
        assert not verdict.ok, f"{path} was changed and signed again, and nobody noticed"
        assert failures(verdict) != {2}


@pytest.mark.parametrize("what", ["drop", "double", "swap"])
@pytest.mark.parametrize("where", ["path", "consistency"])
def test_a_proof_with_a_hash_dropped_doubled_or_swapped_fails(case: Case, where: str, what: str) -> None:
    content = json.loads(case.data)
    proof = content["log"]["consistency"] if where == "consistency" else content["log"]["entries"][1]["path"]
    if what == "drop":
        proof.pop()
    elif what == "double":
        proof.append(proof[0])
    else:
        proof[0], proof[1] = proof[1], proof[0]
    assert failures(verifier.check(signed_again(content), case.keys)) == ({6} if where == "consistency" else {7})


def test_a_missing_consistency_proof_fails(case: Case) -> None:
    content = json.loads(case.data)
    content["log"]["consistency"] = []
    assert failures(verifier.check(signed_again(content), case.keys)) == {6}


@pytest.mark.parametrize(("role", "number"), [("gallery", {2}), ("log", {4, 5, 6, 7})])
def test_a_wrong_key_fails(case: Case, role: str, number: set[int]) -> None:
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    keys = tuple(replace(key, public=stranger) if key.role == role else key for key in case.keys)
    assert failures(verifier.check(case.data, keys)) >= number
    assert not verifier.check(case.data, ()).ok


@pytest.mark.parametrize(
    "alter",
    [
        lambda listed: listed["commitments"].pop(),
        lambda listed: listed["commitments"].reverse(),
        lambda listed: listed["commitments"].append(listed["commitments"][-1]),
        lambda listed: listed.update(count=4),
        lambda listed: listed["commitments"].__setitem__(0, "00" * 32),
    ],
    ids=["one left out", "not sorted", "one twice", "another count", "one exchanged"],
)
def test_a_list_that_never_fitted_what_was_logged_fails(
    tmp_path: Path, alter: Callable[[dict[str, Any]], object]
) -> None:
    """A gallery that lies from the beginning: log and statement agree with each other, and not with the list."""
    log = TamperEvidentLog.create(tmp_path, ORIGIN, LOG_KEY)
    before = log.checkpoint()
    statement = issuing.written(STATEMENT, GALLERY.name, ORIGIN)
    alter(statement["subjects"])
    said = {name: statement["subjects"][name] for name in ("count", "root")}
    body: dict[str, Any] = {"request": STATEMENT.request, "subjects": said}
    closing = {**body, "statement": sha256(rfc8785.dumps(statement)).hexdigest()}
    log.append([Entry(WHEN, f"erasure.{step}", body) for step in verifier.REQUIRED_STEPS[:-1]])
    log.append([Entry(WHEN, "erasure.certified", closing)])
    entries = [
        {
            "index": index,
            "entry": log.raw_entries(index, index + 1)[0].decode(),
            "path": [encode_base64(step) for step in log.inclusion(index, 4)],
        }
        for index in range(4)
    ]
    evidence = {"before": before, "after": log.checkpoint(), "consistency": [], "entries": entries}
    assert failures(verifier.check(signed_again({"statement": statement, "log": evidence}), keys_of(log))) == {10}


def test_one_gallery_cannot_certify_in_the_name_of_another(case: Case) -> None:
    other = Signer("other.example", Ed25519PrivateKey.generate())
    content = json.loads(case.data)
    body = {"statement": content["statement"], "log": content["log"]}
    content["signatures"] = [issuing._sign(body, "gallery", other)]
    keys = (*case.keys, verifier.Key("gallery", other.name, other.verifier_key.public, 1))
    assert failures(verifier.check(rfc8785.dumps(content), keys)) == {2}


def test_a_key_is_trusted_for_its_own_role_only(case: Case) -> None:
    swap = {"gallery": "authority", "authority": "gallery"}
    keys = tuple(replace(key, role=swap.get(key.role, key.role)) for key in case.keys)
    assert 2 in failures(verifier.check(case.data, keys))


def test_a_checkpoint_of_another_log_fails(case: Case, tmp_path: Path) -> None:
    other = TamperEvidentLog.create(tmp_path, "elsewhere.example/log", LOG_KEY)
    other.append([Entry(WHEN, "event")] * case.log.size)
    content = json.loads(case.data)
    content["log"]["after"] = other.checkpoint()
    assert {5, 6, 7} <= failures(verifier.check(signed_again(content), case.keys))


def test_a_checkpoint_of_a_second_history_under_the_same_name_and_key_fails(case: Case, tmp_path: Path) -> None:
    other = TamperEvidentLog.create(tmp_path, ORIGIN, LOG_KEY)
    other.append([Entry(WHEN, "event")] * case.log.size)
    content = json.loads(case.data)
    content["log"]["after"] = other.checkpoint()
    assert failures(verifier.check(signed_again(content), case.keys)) == {6, 7}


def test_a_checkpoint_that_speaks_for_another_log_under_this_logs_key_fails(case: Case) -> None:
    text = f"elsewhere.example/log\n{case.log.size}\n{encode_base64(case.log.head().root)}\n"
    line = SignatureLine(ORIGIN, case.log.verifier_key.key_id, LOG_KEY.sign(text.encode()))
    content = json.loads(case.data)
    content["log"]["after"] = SignedNote(text, (line,)).as_text()
    assert 5 in failures(verifier.check(signed_again(content), case.keys))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("statement", "subjects", "commitments"), "ab" * 32),
        (("statement", "keys", "ids"), ""),
        (("statement", "subjects", "root"), "AB" * 32),
        (("statement", "subjects", "root"), "ab" * 31),
        (("statement", "issued_at"), "2026-03-01T12:00:00+01:00"),
        (("statement", "issued_at"), "2026-02-30T12:00:00Z"),
        (("statement", "subjects", "count"), -1),
        (("statement", "subjects", "count"), 2**53),
        (("statement", "subjects", "count"), True),
        (("statement", "v"), 2),
        (("statement", "type"), "something else"),
        (("statement", "kind"), "party"),
        (("statement", "method"), None),
        (("statement", "comment"), "a field more"),
        (("log", "consistency"), ["AAAA"]),
        (("log", "consistency"), ["not base64"]),
    ],
    ids=[
        "text for a list", "empty text for a list", "upper-case digest", "short digest", "another zone",
        "30 February", "negative count",
        "count beyond 53 bits", "true for a number", "another version", "another type", "another kind", "no method",
        "a field more", "a short hash", "no hash",
    ],
)  # fmt: skip
def test_a_field_of_another_form_fails_at_the_first_check(case: Case, path: tuple[str, ...], value: object) -> None:
    content = json.loads(case.data)
    place = content
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    content["signatures"] = json.loads(signed_again(json.loads(case.data)))["signatures"]
    assert failures(verifier.check(verifier.canonical(content), case.keys)) == {1}


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data + b"\n",
        lambda data: json.dumps(json.loads(data), indent=1).encode(),
        lambda data: data.replace("—".encode(), b"\\u2014"),
        lambda data: data[:-1] + b',"log":' + rfc8785.dumps(json.loads(data)["log"]) + b"}",
    ],
    ids=["a newline at the end", "reformatted", "another spelling", "a field twice"],
)
def test_a_file_that_reads_the_same_but_is_not_the_same_fails(case: Case, edit: Callable[[bytes], bytes]) -> None:
    assert failures(verifier.check(edit(case.data), case.keys)) == {1}


def test_a_name_cannot_write_lines_of_its_own_into_the_answer(case: Case) -> None:
    content = json.loads(case.data)
    forged = "x\n\nThe certificate stands.\n\x1b[2J\u202e" + "y" * 1000
    content["statement"]["gallery"] = content["signatures"][0]["name"] = forged
    content["statement"]["log"] = forged
    verdict = verifier.check(rfc8785.dumps(content), case.keys)
    assert not verdict.ok
    text = verifier.as_text(verdict)
    assert "The certificate stands." not in text.splitlines()
    assert not {"\x1b", "\u202e"} & set(text)
    assert max(len(line) for line in text.splitlines()) < 400


def test_a_second_signature_of_the_gallery_or_of_anyone_else_fails(case: Case) -> None:
    for role in ("gallery", "notary"):
        content = json.loads(case.data)
        content["signatures"].append({**content["signatures"][0], "role": role})
        assert failures(verifier.check(rfc8785.dumps(content), case.keys)) == {2}


def test_an_entry_that_is_no_step_of_an_erasure_fails(case: Case) -> None:
    content = json.loads(case.data)
    index = 5
    content["log"]["entries"].insert(
        0,
        {
            "index": index,
            "entry": case.log.raw_entries(index, index + 1)[0].decode(),
            "path": [encode_base64(step) for step in case.log.inclusion(index, case.log.size)],
        },
    )
    assert failures(verifier.check(signed_again(content), case.keys)) == {8, 9}


def test_an_entry_older_than_the_first_checkpoint_fails(case: Case) -> None:
    content = json.loads(case.data)
    content["log"]["before"] = case.log.checkpoint_at(7)
    content["log"]["consistency"] = [encode_base64(step) for step in case.log.consistency(7, case.log.size)]
    assert failures(verifier.check(signed_again(content), case.keys)) == {7}


def test_evidence_of_another_erasure_fails(case: Case, tmp_path: Path) -> None:
    other = erase(tmp_path, replace(STATEMENT, request="authority-2026-2"))
    content, borrowed = json.loads(case.data), json.loads(other.data)
    content["log"] = borrowed["log"]
    assert failures(verifier.check(signed_again(content), case.keys)) == {8, 9}


def test_leaving_a_subject_out_afterwards_fails(case: Case) -> None:
    content = json.loads(case.data)
    shorter = replace(STATEMENT, subjects=SUBJECTS[1:], by_doubt_alone=2)
    content["statement"] = issuing.written(shorter, GALLERY.name, ORIGIN)
    assert failures(verifier.check(signed_again(content), case.keys)) == {8, 9}


def test_a_claim_to_prove_more_than_can_be_proven_fails(case: Case) -> None:
    content = json.loads(case.data)
    content["statement"]["proven"].append({"claim": "keys_destroyed", "text": "The keys are gone.", "checks": [1]})
    verdict = verifier.check(signed_again(content), case.keys)
    assert failures(verdict) == {1}
    assert verdict.proven == ()


@pytest.mark.parametrize(
    ("statement", "steps", "reason"),
    [
        (
            replace(STATEMENT, holders=(Absence("blobs", False, "listed", 3),), artefacts=()),
            None,
            "something is left",
        ),
        (replace(STATEMENT, holders=()), None, "no keeper"),
        (replace(STATEMENT, holders=STATEMENT.holders[:1]), None, "did not confirm: blobs"),
        (replace(STATEMENT, recipients=(Told("Customer 7", WHEN, None, None),)), None, "has not answered"),
        (replace(STATEMENT, keys_destroyed=("a", "a")), None, "listed twice"),
        (replace(STATEMENT, epochs=(Epoch("sface", 4, 4),)), None, "no new epoch"),
        (replace(STATEMENT, by_doubt_alone=6), None, "by doubt"),
        (STATEMENT, (Step.FROZEN, Step.CONFIRMED), "keys_destroyed"),
        (STATEMENT, (Step.KEYS_DESTROYED, Step.FROZEN, Step.CONFIRMED), "in their order"),
    ],
    ids=[
        "a keeper still holds something",
        "no keeper was asked",
        "a keeper did not confirm",
        "a recipient has not answered",
        "a key listed twice",
        "the index kept its epoch",
        "more by doubt than there are",
        "a step is missing",
        "destroyed before frozen",
    ],
)
def test_no_certificate_is_issued_for_what_is_not_finished(
    tmp_path: Path, statement: Statement, steps: tuple[Step, ...] | None, reason: str
) -> None:
    with pytest.raises(CertificateInvalid, match=reason):
        erase(tmp_path, statement, steps)


@pytest.mark.parametrize(
    "evidence",
    [Evidence("no checkpoint", (6,)), Evidence("gallery.example/log\n5\n", (6,)), Evidence("", ())],
    ids=["no checkpoint", "unsigned", "nothing"],
)
def test_no_certificate_is_issued_on_evidence_that_is_none(case: Case, evidence: Evidence) -> None:
    with pytest.raises(CertificateInvalid):
        issue(STATEMENT, case.log, evidence, GALLERY)


def test_no_certificate_is_issued_on_entries_that_the_log_does_not_have(case: Case) -> None:
    for steps in ((-1,), (case.log.size,), (*case.evidence.steps, case.log.size)):
        with pytest.raises(CertificateInvalid, match="between the two checkpoints"):
            issue(STATEMENT, case.log, replace(case.evidence, steps=steps), GALLERY)


def test_no_certificate_is_issued_for_another_statement_than_the_one_logged(case: Case) -> None:
    with pytest.raises(CertificateInvalid, match="does not commit"):
        issue(replace(STATEMENT, method="something else"), case.log, case.evidence, GALLERY)


def test_only_a_certificate_is_countersigned() -> None:
    with pytest.raises(CertificateInvalid):
        countersign(b"{}", AUTHORITY)


@pytest.mark.parametrize(
    "subjects", [("xy",), ("ab" * 31,), (SUBJECTS[0], SUBJECTS[0])], ids=["no hex", "short", "twice"]
)
def test_no_certificate_is_issued_for_a_list_that_is_not_one(tmp_path: Path, subjects: tuple[str, ...]) -> None:
    with pytest.raises(CertificateInvalid):
        erase(tmp_path, replace(STATEMENT, subjects=subjects))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"{}",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"statement":{},"log":{},"signatures":[]}',
        b"NaN",
        b'"\\ud800"',
        b"1" * 5000,
    ],
    ids=["empty", "null", "object", "not text", "deep", "hollow", "not a number", "surrogate", "digits"],
)
def test_whatever_the_file_holds_the_verifier_answers(data: bytes) -> None:
    verdict = verifier.check(data, ())
    assert not verdict.ok
    assert verdict.proven == ()
    assert failures(verdict) == {1}


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_shape_of_json_makes_the_verifier_raise(case: Case, data: st.DataObject) -> None:
    content = json.loads(case.data)
    spots = list(places(content))
    path = data.draw(st.sampled_from(spots))
    place = content
    for name in path[:-1]:
        place = place[name]
    old = place[path[-1]]
    place[path[-1]] = new = data.draw(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        )
    )
    # Signed again, so that the change gets past the signature to the checks behind it.
    message = (
        verifier.SIGNED_PREFIX + b"gallery\n" + verifier.canonical({k: content[k] for k in ("statement", "log")})
    )
    if path[0] != "signatures":
        content["signatures"][0]["signature"] = encode_base64(GALLERY.key.sign(message))
    verdict = verifier.check(verifier.canonical(content), case.keys)
    assert verdict.ok is (type(new) is type(old) and new == old)


# -- a log seen before --------------------------------------------------------------------------------------


def test_a_log_seen_before_is_recognised(case: Case) -> None:
    seen = case.log.checkpoint_at(2)
    proof = case.log.consistency(2, case.log.size)
    verdict = verifier.check(case.data, case.keys, earlier_checkpoint=seen, earlier_proof=proof)
    assert verdict.ok
    assert any("continues it" in text for text in verdict.proven)


@pytest.mark.parametrize("size", [5, 17], ids=["the first", "the second"])
def test_the_certificates_own_checkpoints_need_no_further_proof(case: Case, size: int) -> None:
    verdict = verifier.check(case.data, case.keys, earlier_checkpoint=case.log.checkpoint_at(size))
    assert verdict.ok, verifier.as_text(verdict)


def test_a_later_checkpoint_of_the_same_log_is_recognised(tmp_path: Path) -> None:
    case = erase(tmp_path)
    size = case.log.size
    case.log.append([Entry(WHEN, "event")] * 40)
    proof = case.log.consistency(size, size + 40)
    verdict = verifier.check(case.data, case.keys, earlier_checkpoint=case.log.checkpoint(), earlier_proof=proof)
    assert verdict.ok, verifier.as_text(verdict)


def test_a_log_that_was_rewritten_since_it_was_seen_fails(case: Case, tmp_path: Path) -> None:
    other = TamperEvidentLog.create(tmp_path, ORIGIN, LOG_KEY)
    other.append([Entry(WHEN, "event")] * 5)
    verdict = verifier.check(case.data, case.keys, earlier_checkpoint=other.checkpoint())
    assert failures(verdict) == {12}
    assert "different histories" in verdict.checks[11].detail
    unconnected = verifier.check(case.data, case.keys, earlier_checkpoint=other.checkpoint_at(2))
    assert failures(unconnected) == {12}


# -- alone --------------------------------------------------------------------------------------------------


def test_the_verifier_runs_as_one_file_in_an_empty_folder(case: Case, tmp_path: Path) -> None:
    shutil.copy(verifier.__file__, tmp_path / "verifier.py")
    (tmp_path / "certificate.json").write_bytes(case.data)
    lines = key_file(gallery=GALLERY.verifier_key, log=case.log.verifier_key)
    (tmp_path / "keys.txt").write_text("# handed over at the hearing\n\n" + lines, encoding="utf-8")
    alone = (
        "import runpy, sys; sys.modules['countenance'] = None; sys.argv = sys.argv[1:];"
        "runpy.run_path('verifier.py', run_name='__main__')"
    )
    command = [sys.executable, "-I", "-c", alone, "verifier.py", "certificate.json", "--key", "keys.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The certificate stands." in done.stdout
    assert "Asserted by the gallery" in done.stdout
    (tmp_path / "certificate.json").write_bytes(case.data.replace(b'"count":15', b'"count":14'))
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DOES NOT STAND" in done.stdout


def test_the_verifier_runs_as_a_module_and_says_when_it_cannot_check(tmp_path: Path) -> None:
    assert verifier.main([str(tmp_path / "nothing.json"), "--key", str(tmp_path / "nothing.txt")]) == 2


def test_the_verifier_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    import ast

    names: set[str] = set()
    for node in ast.walk(ast.parse(Path(verifier.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    assert names - sys.stdlib_module_names == {"cryptography"}


@pytest.mark.parametrize(
    "line",
    ["gallery", "gallery name", "owner {}", "witness {}", "gallery {}x"],
    ids=["no key", "no vkey", "no such role", "wrong type for the role", "damaged"],
)
def test_a_key_file_with_a_bad_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        verifier.read_keys(line.format(GALLERY.verifier_key.as_text()))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
        max_leaves=20,
    )
)
def test_the_verifiers_canonical_json_is_rfc_8785(value: Any) -> None:
    assert verifier.canonical(value) == rfc8785.dumps(value)


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 200), st.data())
def test_the_verifiers_merkle_checks_agree_with_the_logs(a: int, b: int, data: st.DataObject) -> None:
    """Two implementations of RFC 9162, written apart, say the same of right proofs and of wrong ones."""
    old, new = min(a, b), max(a, b)
    leaves = [n.to_bytes(2, "big") for n in range(new)]
    tree = merkle.LeafHashes(merkle.leaf_hash(leaf) for leaf in leaves)
    roots = merkle.root(tree, old), merkle.root(tree, new)
    assert verifier._tree_root(leaves) == roots[1]
    proof = merkle.consistency(tree, old, new)
    index = data.draw(st.integers(0, new - 1))
    path = merkle.inclusion(tree, index, new)
    assert verifier._consistent((old, roots[0]), (new, roots[1]), proof)
    assert verifier._included(leaves[index], index, new, path, roots[1])
    sizes = data.draw(st.integers(0, 201)), data.draw(st.integers(0, 201))
    for wrong in (proof[:-1], proof[1:], (*proof, bytes(32)), proof):
        said = verifier._consistent((sizes[0], roots[0]), (sizes[1], roots[1]), wrong)
        assert said == merkle.verify_consistency(*sizes, *roots, wrong)
    for wrong in (path[:-1], path[1:], (*path, bytes(32)), path):
        said = verifier._included(leaves[index], *sizes, wrong, roots[1])
        assert said == merkle.verify_inclusion(merkle.leaf_hash(leaves[index]), *sizes, wrong, roots[1])


def test_the_steps_of_issuer_and_verifier_are_the_same() -> None:
    assert tuple(str(step) for step in Step) == verifier.STEPS
    assert tuple(str(cause) for cause in Cause) == verifier.KINDS


# -- the paper for the regulator ----------------------------------------------------------------------------

DOCS = Path(__file__).parents[4] / "docs" / "proof.md"


def test_the_example_in_the_docs_runs(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, rest = DOCS.read_text(encoding="utf-8").partition("```py\n")
    example = rest.partition("```")[0].replace("open(", "opened(")
    (tmp_path / "certificate.json").write_bytes(case.data)
    lines = key_file(gallery=GALLERY.verifier_key, log=case.log.verifier_key)
    (tmp_path / "keys.txt").write_text(lines, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with ExitStack() as files:
        names: dict[str, Any] = {"opened": lambda *a, **k: files.enter_context(open(*a, **k))}  # noqa: PTH123
        exec(example, names)
    assert names["verdict"].ok


def test_the_docs_name_the_checks_that_each_claim_rests_on() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for _, checks in verifier.PROVEN.values():
        assert f"| {', '.join(str(number) for number in checks)} |" in text
    for _, number in verifier.PROVEN_WITH_MORE.values():
        assert f"| {number} |" in text
