"""The story of an order, typed: every command of it, in words and as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.cli.main import run
from countenance.log.note import SignatureType, VerifierKey, cosign
from tests.order_gallery import SIGN, document, signed

Typed = Callable[..., Any]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types a command twice, in words and with --json where it may be repeated; gives back status and answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTENANCE_GALLERY", str(tmp_path / "gallery"))

    def type_it(line: str, *more: str, status: int = 0, words: bool = False) -> Any:
        arguments = [*line.split(), *more]
        capsys.readouterr()
        assert run(arguments if words else [*arguments, "--json"]) == status, capsys.readouterr()
        out = capsys.readouterr().out
        return out if words else json.loads(out)

    return type_it


@pytest.fixture
def gallery(typed: Typed, tmp_path: Path) -> Typed:
    """A gallery with anna in the UK and bruno in Germany, an authority's key, and the order's file."""
    until = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
    typed("init", str(tmp_path / "gallery"))
    typed(f"permit anna --purpose event-photos --residence GB --until {until}")
    typed(f"permit bruno --purpose event-photos --residence DE --until {until}")
    authority = document("ico-2022")["authority"]["name"]
    key = base64.b64encode(SIGN.registered(authority).public_key)
    (tmp_path / "key.b64").write_bytes(key + b"\n")
    (tmp_path / "ico-2022.json").write_bytes(signed("ico-2022"))
    (tmp_path / "paper.pdf").write_text("a paper", "utf-8")
    typed("authority add", authority, "--key", "key.b64")
    return typed


def test_the_story_of_an_order_runs_as_it_is_typed(gallery: Typed, tmp_path: Path) -> None:
    shown = gallery("residency show anna")
    assert [one["decision"] for one in shown["decisions"]] == ["in"]
    assert "resident_of GB: IN" in gallery("residency show anna", words=True)
    added = gallery(
        "residency add anna --predicate resident_of --value GB --tier A --source declaration.pdf --from 2024-01-01"
    )
    assert added["tier"] == "A"

    assert gallery("order serve ico-2022.json")["order"] == "ico-2022"
    planned = gallery("order plan ico-2022")
    assert [one["name"] for one in planned["inside"]] == ["anna"]
    words = gallery("order plan ico-2022", words=True)
    assert "reaches 1 of 2 subjects" in words
    assert "anna: in (tiers A;" in words
    frozen = gallery("order freeze ico-2022 --instrument paper.pdf")
    assert frozen["held_back"] == 1
    both = {"any": [{**document("ico-2022")["scope"], "value": place} for place in ("GB", "DE")]}
    varied = {"revision": 2, "scope": both}
    (tmp_path / "revision-2.json").write_bytes(signed("ico-2022", lambda papers: papers.update(varied)))
    wider = gallery("order vary ico-2022 --instrument revision-2.json")
    assert (wider["revision"], wider["held_back"]) == (2, 1)
    (tmp_path / "revision-3.json").write_bytes(signed("ico-2022", lambda papers: papers.update(revision=3)))
    narrower = gallery("order vary ico-2022 --instrument revision-3.json", words=True)
    assert "let back into searches just now: 1" in narrower
    done = gallery("order execute ico-2022", status=1)
    assert done["erased_subjects"] == 1
    assert set(done["waiting"]) == {"stop-collecting", "no-uk-customers", "dpia"}
    assert "waits: dpia" in gallery("order execute ico-2022", status=1, words=True)
    for obligation, kind in (
        ("stop-collecting", "statement"),
        ("no-uk-customers", "statement"),
        ("dpia", "assessment"),
    ):
        last = gallery(f"order show ico-2022 {obligation} --paper {kind}=paper.pdf")
    assert last["state"] == "complied"

    written = gallery("order certify ico-2022 --out certificate.json --page certificate.html")
    assert [one["stands"] for one in written["certificates"]] == [True]
    (tmp_path / "keys.txt").write_text(gallery("log keys", words=True), "utf-8")
    verdict = gallery("proof check certificate.json --key keys.txt")
    assert verdict["stands"]
    assert verdict["proven"]
    assert verdict["asserted"]
    assert "The certificate stands." in gallery("proof check certificate.json --key keys.txt", words=True)
    assert gallery("proof check certificate.json")["stands"], "keys.txt beside it is what is looked for"
    (listed,) = gallery("order list")["orders"]
    assert listed["penalties"]
    assert "accrued so far: GBP" in gallery("order list", words=True)
    assert "proves nothing by itself" in (tmp_path / "certificate.html").read_text("utf-8")


def test_a_tampered_certificate_and_missing_keys_are_told_by_the_exit_status(
    gallery: Typed, tmp_path: Path
) -> None:
    gallery("order serve ico-2022.json")
    gallery("order execute ico-2022", status=1)
    gallery("order certify ico-2022 --out certificate.json")
    (tmp_path / "keys.txt").write_text(gallery("log keys", words=True), "utf-8")
    good = (tmp_path / "certificate.json").read_text("utf-8")
    altered = good.replace('"order"', '"expiry"', 1)
    assert altered != good
    (tmp_path / "bad.json").write_text(altered, "utf-8")
    assert not gallery("proof check bad.json --key keys.txt", status=1)["stands"]
    (tmp_path / "none.txt").write_text("", "utf-8")
    assert not gallery("proof check certificate.json --key none.txt", status=1)["stands"]
    assert gallery("proof check nothing.json --key keys.txt", status=64)["error"]["code"] == "input_invalid"
    (tmp_path / "keys.txt").unlink()
    told = gallery("proof check certificate.json", status=64)["error"]
    assert told["code"] == "input_invalid"
    assert "log keys" in told["remedy"]


def test_bad_input_about_orders_ends_with_a_code_and_never_a_traceback(gallery: Typed, tmp_path: Path) -> None:
    (tmp_path / "unsigned.json").write_text("{}", "utf-8")
    assert gallery("order serve unsigned.json", status=80)["error"]["code"] == "order_unsigned"
    assert gallery("order plan nothing", status=80)["error"]["code"] == "order_unknown"
    assert gallery("order serve absent.json", status=64)["error"]["code"] == "input_invalid"
    assert gallery("residency show nobody", status=41)["error"]["code"] == "subject_unknown"
    bad = gallery("residency add anna --predicate looks_like --value GB --tier A --source x", status=80)
    assert bad["error"]["code"] == "evidence_invalid"
    (tmp_path / "short.key").write_bytes(b"short")
    assert gallery("authority add Somebody --key short.key", status=80)["error"]["code"] == "authority_key_invalid"
    assert gallery("authority revoke mistyped", status=1)["revoked"] is False
    gallery("order serve ico-2022.json")
    assert gallery("order serve ico-2022.json", status=80)["error"]["code"] == "order_served"
    assert gallery("order certify ico-2022 --out c.json", status=82)["error"]["code"] == "certificate_invalid"
    assert gallery("order show ico-2022 dpia --paper poem=paper.pdf", status=64)["error"]["code"] == "input_invalid"


def test_holds_are_added_listed_and_lifted(gallery: Typed) -> None:
    gallery("hold add court-7 bruno --ground Court")
    assert gallery("withdraw bruno", status=55)["error"]["code"] == "erasure_held"
    assert [one["hold"] for one in gallery("hold list")["holds"]] == ["court-7"]
    gallery("hold lift court-7")
    assert gallery("hold lift court-7", status=64)["error"]["code"] == "input_invalid"
    assert gallery("status")["subjects"] == 1
    assert gallery("notice list")["notices"] == []


def test_a_withdrawal_names_its_certificate_and_it_stands(gallery: Typed, tmp_path: Path) -> None:
    said = gallery("withdraw anna")
    file = tmp_path / "gallery" / said["certificate"]
    (tmp_path / "keys.txt").write_text(gallery("log keys", words=True), "utf-8")
    assert gallery(f"proof check {file} --key keys.txt")["stands"]
    assert "Certificate, in the data folder: certificates/" in gallery("withdraw bruno", words=True)


def test_the_log_is_proven_checked_and_cosigned(gallery: Typed, tmp_path: Path) -> None:
    checkpoint = gallery("log checkpoint", words=True)
    size = int(checkpoint.splitlines()[1])
    assert gallery("log prove 0", words=True).startswith("c2sp.org/tlog-proof@v1\nindex 0\n")
    gallery(f"log prove --since {size}")
    assert gallery(f"log prove {size}", status=64)["error"]["code"] == "input_invalid"
    assert gallery("log fsck")["ok"]

    witness = Ed25519PrivateKey.generate()
    line = cosign(checkpoint, "witness.example", witness, datetime(2026, 3, 1, tzinfo=UTC)).as_text()
    known = VerifierKey.of("witness.example", witness, SignatureType.COSIGNATURE).as_text()
    (tmp_path / "lines.txt").write_text(line, "utf-8")
    (tmp_path / "witnesses.txt").write_text(f"witness {known}\n", "utf-8")
    seen = gallery("log cosign lines.txt --witness witnesses.txt")["witnesses"]
    assert [one["witness"] for one in seen] == ["witness.example"]
    assert "witness.example" in gallery("log checkpoint", words=True)

    tile = next(path for path in (tmp_path / "gallery" / "log" / "tile" / "entries").rglob("*") if path.is_file())
    tile.write_bytes(tile.read_bytes()[:-3] + b"xxx")
    assert not gallery("log fsck", status=81)["ok"]


def test_a_backup_is_restored_and_tells_what_it_could_not_open(gallery: Typed, tmp_path: Path) -> None:
    gallery("backup", str(tmp_path / "old.tar"))
    gallery("withdraw anna")
    keys = str(tmp_path / "gallery.keys")
    told = gallery("restore", str(tmp_path / "old.tar"), "--gallery", str(tmp_path / "again"), "--keys", keys)
    assert (told["subjects"], told["unopenable_subjects"]) == (1, 1)
    assert told["unopenable"] >= 3
    people = gallery("status --subjects", "--gallery", str(tmp_path / "again"), "--keys", keys)["people"]
    assert [one["subject"] for one in people] == ["bruno"]
    assert gallery("backup", str(tmp_path / "old.tar"), status=50)["error"]["code"] == "gallery_exists"
    inside = str(tmp_path / "gallery" / "b.tar")
    assert gallery("backup", inside, status=64)["error"]["code"] == "input_invalid"
    damaged = bytearray((tmp_path / "old.tar").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "bad.tar").write_bytes(damaged)
    bad = gallery("restore", str(tmp_path / "bad.tar"), "--gallery", str(tmp_path / "x"), "--keys", keys, status=53)
    assert bad["error"]["code"] == "backup_unusable"
    assert not (tmp_path / "x").exists()
