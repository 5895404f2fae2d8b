"""Compartments, typed: opened, used by the commands that take one, listed and closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from countenance.cli import exits
from countenance.cli.main import run

Typed = Callable[..., Any]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types a command with --json; gives back its answer."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTENANCE_GALLERY", str(tmp_path / "gallery"))

    def type_it(line: str, *more: str, status: int = 0) -> Any:
        capsys.readouterr()
        assert run([*line.split(), *more, "--json"]) == status, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    return type_it


def test_a_compartment_is_opened_used_and_closed_as_it_is_typed(
    typed: Typed, tmp_path: Path, portrait_photographs: list[bytes]
) -> None:
    until = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
    (tmp_path / "anna.jpg").write_bytes(portrait_photographs[0])
    (tmp_path / "probe.jpg").write_bytes(portrait_photographs[1])
    typed("init", str(tmp_path / "gallery"))
    terms = ("--class", "business", "--jurisdiction", "GB", "--basis", "consent", "--purpose", "doors")
    customers = [typed("customer add", name, *terms) for name in ("Harbour Ltd", "Docklands Ltd")]
    here, there = (one["customer"] for one in customers)
    opened = typed(f"compartment open staff --customer {here} --purpose doors --residence GB --retention 30")
    assert opened["terms"]["retention_days"] == 30
    typed(f"permit anna --purpose doors --residence GB --until {until} --compartment staff")
    assert typed("enrol anna anna.jpg --compartment staff")["enrolled"] == 1
    found = typed("identify probe.jpg --purpose doors --compartment staff")
    assert [one["subject"] for one in found["faces"][0]["candidates"]] == ["anna"]
    own = typed("identify probe.jpg --purpose doors")
    assert (own["faces"][0]["candidates"], own["gallery_size"], own["references"]) == ([], 0, 0)
    assert typed("withdraw anna", status=exits.SUBJECT)["error"]["code"] == "subject_unknown"
    listed = typed("status --subjects --compartment staff")["people"]
    assert [one["subject"] for one in listed] == ["anna"]
    assert typed("status --subjects")["people"] == []
    evidence = "--predicate resident_of --value FR --tier A --source letter.pdf"
    typed(f"residency add anna {evidence} --compartment staff")
    assert "letter.pdf" in str(typed("residency show anna --compartment staff")["evidence"])
    typed("residency show anna", status=exits.SUBJECT)
    typed("hold add court-7 anna --ground", "a court", status=exits.SUBJECT)
    assert typed("hold add court-7 anna --compartment staff --ground", "a court")["subjects"] == 1
    assert typed("hold lift court-7")["lifted"] == 1

    typed(f"compartment open staff --customer {there}")
    typed("permit ben --purpose doors --residence GB --compartment staff --until", until, status=exits.INPUT)
    typed(f"compartment rename {there}:staff crew")
    assert [one["compartment"] for one in typed("compartment list")["compartments"]] == ["staff", "crew"]
    assert typed("compartment close staff") == {"closed": "staff", "withdrawn": 1}
    unknown = typed("access anna --out anna.zip --compartment staff", status=exits.OVERSIGHT)
    assert unknown["error"]["code"] == "compartment_unknown"
    assert typed("status")["subjects"] == 0
