"""Notes, checkpoints and cosignatures are C2SP's: its own examples verify, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from countenance.errors import CheckpointInvalid, LogKeyWrong
from countenance.log.note import (
    Checkpoint,
    SignatureType,
    SignedNote,
    VerifierKey,
    cosign,
    cosignatures,
    open_checkpoint,
)

# C2SP signed-note, "Example".
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
ORIGIN = "gallery.example/log"
CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(range(32)))
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def signed() -> str:
    return CHECKPOINT.sign(LOG).as_text()


def witness_key() -> VerifierKey:
    return VerifierKey.of("witness.example/w1", WITNESS, SignatureType.COSIGNATURE)


def test_the_specifications_own_example_verifies() -> None:
    assert (
        SignedNote.from_text(SPEC_NOTE).verify(VerifierKey.from_text(SPEC_KEY)) == "This is an example message.\n"
    )


def test_verifier_key_survives_being_written_and_read() -> None:
    assert VerifierKey.from_text(SPEC_KEY).as_text() == SPEC_KEY


def test_a_signed_checkpoint_opens_to_what_was_signed() -> None:
    assert open_checkpoint(signed(), VerifierKey.of(ORIGIN, LOG)) == CHECKPOINT


@given(st.data())
def test_any_flipped_byte_of_a_checkpoint_is_refused(data: st.DataObject) -> None:
    note = bytearray(signed().encode())
    note[data.draw(st.integers(0, len(note) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((CheckpointInvalid, UnicodeDecodeError)):
        open_checkpoint(bytes(note).decode(), VerifierKey.of(ORIGIN, LOG))


def test_checkpoint_of_another_log_under_the_same_key_is_refused() -> None:
    other = Checkpoint("gallery.example/other", 7, CHECKPOINT.root)
    note = SignedNote(other.as_text(), ())
    line = CHECKPOINT.sign(LOG).signatures[0]
    forged = SignedNote(note.text, (type(line)(ORIGIN, line.key_id, LOG.sign(note.text.encode())),))
    with pytest.raises(CheckpointInvalid, match="another log"):
        open_checkpoint(forged.as_text(), VerifierKey.of(ORIGIN, LOG))


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    note = SignedNote.from_text(signed())
    line = cosign(signed(), "stranger.example", WITNESS, WHEN)
    grown = SignedNote(note.text, (line, *note.signatures)).as_text()
    assert open_checkpoint(grown, VerifierKey.of(ORIGIN, LOG)) == CHECKPOINT


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— name\n",
        "text\n\n— na+me AAAAAAAA\n",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n— name AAAAAAA\n",
        "text\n\n— name AAAA\n",
        "te\txt\n\n— name AAAAAAAA\n",
        "text\n\n— name AAAAAAAA",
    ],
    ids=[
        "empty",
        "no signatures",
        "an empty signature block",
        "a signature line without a signature",
        "a plus in the name",
        "a hyphen for the dash",
        "not base64",
        "too short for a key id",
        "a control character",
        "no last newline",
    ],
)
def test_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(CheckpointInvalid):
        SignedNote.from_text(note)


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "o\n01\nAA==\n",
        "o\n-1\nAA==\n",
        "o\n1\nAA==\n",
        "\n1\n" + "A" * 43 + "=\n",
        "o\n٣\n" + "A" * 43 + "=\n",
    ],
    ids=["two lines", "leading zero", "negative", "short root", "no origin", "foreign digits"],
)
def test_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointInvalid):
        Checkpoint.from_text(text)


@pytest.mark.parametrize(
    "text",
    ["", "name", "name+00000000+AA==", SPEC_KEY.replace("530d903a", "530d903b"), SPEC_KEY.replace("foo", "bar")],
    ids=["empty", "no key", "no such type", "wrong identifier", "another name"],
)
def test_malformed_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(LogKeyWrong):
        VerifierKey.from_text(text)


def test_cosignature_of_a_known_witness_is_verified_with_its_time() -> None:
    note = SignedNote.from_text(signed())
    grown = SignedNote(note.text, (*note.signatures, cosign(signed(), "witness.example/w1", WITNESS, WHEN)))
    (found,) = cosignatures(grown, [witness_key()])
    assert (found.witness, found.at) == ("witness.example/w1", WHEN)


@given(st.data())
def test_any_flipped_byte_of_a_cosignature_is_refused(data: st.DataObject) -> None:
    note = SignedNote.from_text(signed())
    line = cosign(signed(), "witness.example/w1", WITNESS, WHEN)
    at = data.draw(st.integers(0, len(line.signature) - 1))
    raw = bytearray(line.signature)
    raw[at] ^= data.draw(st.integers(1, 255))
    forged = SignedNote(note.text, (*note.signatures, type(line)(line.name, line.key_id, bytes(raw))))
    with pytest.raises(CheckpointInvalid, match=r"cosignature of witness\.example/w1"):
        cosignatures(forged, [witness_key()])


def test_cosignature_of_one_checkpoint_says_nothing_about_another() -> None:
    other = Checkpoint(ORIGIN, 8, CHECKPOINT.root).sign(LOG)
    line = cosign(signed(), "witness.example/w1", WITNESS, WHEN)
    with pytest.raises(CheckpointInvalid):
        cosignatures(SignedNote(other.text, (*other.signatures, line)), [witness_key()])
