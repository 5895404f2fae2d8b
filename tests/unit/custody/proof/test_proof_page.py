"""The page tells people what the certificate says, keeps proof and assertion apart, and lets nothing in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.custody.proof import verifier
from countenance.custody.proof.certificate import (
    Cause,
    Epoch,
    Evidence,
    Signer,
    Statement,
    Step,
    Told,
    certified_entry,
    issue,
    step_entry,
)
from countenance.custody.proof.page import render
from countenance.errors import CertificateInvalid
from countenance.holding import Absence, Holding
from countenance.log import TamperEvidentLog

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'&${gallery}"
STATEMENT = Statement(
    cause=Cause.ORDER,
    request="authority-2026-1",
    issued_at=WHEN,
    subjects=tuple(f"{n:064x}" for n in range(250)),
    artefacts=(Holding("blobs", HOSTILE, 5),),
    keys_destroyed=("key-1",),
    method=HOSTILE,
    holders=(Absence("blobs", True, HOSTILE, unconfirmed=HOSTILE),),
    recipients=(Told(HOSTILE, WHEN, HOSTILE, WHEN),),
)


def certificate(folder: Path, statement: Statement = STATEMENT) -> bytes:
    log = TamperEvidentLog.create(folder, "gallery.example/log", Ed25519PrivateKey.generate())
    before = log.checkpoint()
    log.append(
        [
            *(
                step_entry(step, WHEN, statement.request, statement.subjects)
                for step in (Step.FROZEN, Step.KEYS_DESTROYED, Step.CONFIRMED)
            ),
            certified_entry(statement, "gallery.example", log.origin),
        ]
    )
    signer = Signer("gallery.example", Ed25519PrivateKey.generate())
    return issue(statement, log, Evidence(before, (0, 1, 2, 3)), signer)


class Seen(HTMLParser):
    """Which tags the page has, with what attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_is_proven_and_what_is_asserted_stand_apart(tmp_path: Path) -> None:
    text = Seen(render(certificate(tmp_path))).text
    proven, asserted = text.index("What is proven"), text.index("What is only asserted")
    assert all(proven < text.index(claim) < asserted for claim, _ in verifier.PROVEN.values())
    assert all(text.index(claim) > asserted for claim in verifier.ASSERTED.values())
    assert text.index("This page proves nothing by itself.") < proven


def test_nothing_from_the_certificate_becomes_markup(tmp_path: Path) -> None:
    page = render(certificate(tmp_path))
    seen = Seen(page)
    assert "script" not in seen.tags
    assert seen.text.count(HOSTILE) == 6, "it is there, as text"
    assert not {"src", "href", "onload"} & seen.attributes
    assert "http" not in page.replace("http-equiv", "")


def test_a_long_list_is_cut_and_says_so(tmp_path: Path) -> None:
    assert "and 50 more, all in the file." in Seen(render(certificate(tmp_path))).text


def test_what_people_read_is_in_their_words_and_numbers(tmp_path: Path) -> None:
    many = tuple(f"{n:064x}" for n in range(1234))
    held = (Holding("blobs", "images", 2500), Holding("blobs", "thumbnails", 0))
    statement = replace(STATEMENT, subjects=many, epochs=(Epoch("index", 3, 4),), artefacts=held)
    text = Seen(render(certificate(tmp_path, statement))).text
    assert "Search index" in text
    assert "epoch 3 before, epoch 4 after" in text
    assert "1,234, of whom 0 by doubt alone" in text
    assert "blobsimages2,500" in text
    assert "Looked for, and nothing was held: thumbnails (blobs)." in text
    assert text.count("1 March 2026, 12:00:00 UTC") == 1 + 2 + 4, "issued; told and answered; four steps"
    for odd in ("Index index", "2026-03-01T", "keys_destroyed", "erasure.frozen"):
        assert odd not in text, odd


def test_nothing_retained_is_said_and_not_left_out(tmp_path: Path) -> None:
    text = Seen(render(certificate(tmp_path, replace(STATEMENT, recipients=())))).text
    assert "Nobody, by the gallery's records." in text
    assert "Nothing, by the gallery's statement." in text


def test_a_page_is_made_of_certificates_only() -> None:
    with pytest.raises(CertificateInvalid):
        render(b"{}")
