"""The promised figures through the command line, on the ORL photographs where they are present."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from countenance.cli.main import run
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.kept import FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("orl-evaluation")]

ENROLLED = range(1, 13)
STRANGERS = range(13, 25)
Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(
    tmp_path: Path, model_cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ask:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTENANCE_CACHE", str(model_cache))

    def asked(*line: str | Path) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = run([*map(str, line), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return asked


def test_evaluate_reaches_the_promised_figures_with_every_recipe_in_one_table(ask: Ask, orl_folder: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    status, measured = ask("evaluate", orl_folder, "--no-robustness")
    assert status == 0
    assert (measured["people"], measured["pictures"]) == (40, 400)
    assert [row["recipe"] for row in measured["rows"]] == ["plain", "mirrored"]
    for row in measured["rows"]:
        wrong = row["not_at_rank_one"]
        assert 1 - wrong["errors"] / wrong["trials"] >= 0.9975
        assert row["fnmr_at_fmr"]["0.001"]["value"] <= 0.012
    assert "says below" in measured["rows"][0]["not_at_rank_one"]["sentence"], "no error is not zero"
    assert measured["findings"] == []


def test_a_gallery_calibrated_on_some_people_holds_its_rate_for_others(
    ask: Ask, orl_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTENANCE_GALLERY", str(tmp_path / "gallery"))
    assert ask("init", "gallery")[0] == 0
    # On nobody who is enrolled or searched for below.
    rows = [f"{orl_folder}/s{p}/{n}.pgm,s{p}" for p in range(25, 41) for n in range(1, 11)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,subject", *rows]), "utf-8")
    status, calibrated = ask("calibrate", "labels.csv", "--description", "ORL, people 25 to 40")
    assert status == 0
    assert (calibrated["calibration"]["people"], calibrated["calibration"]["pictures"]) == (16, 160)
    (file,) = (tmp_path / "gallery" / FOLDER).iterdir()
    kept = Calibration.from_document(json.loads(file.read_text("utf-8"))["calibration"])

    until = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
    for person in ENROLLED:
        terms = ("--purpose", "p", "--residence", "GB", "--until", until)
        assert ask("permit", f"s{person}", *terms)[0] == 0
        assert ask("enrol", f"s{person}", *(orl_folder / f"s{person}/{n}.pgm" for n in (1, 2)))[0] in (0, 1)
    references = 0
    found = shown = 0
    for person in (*ENROLLED, *STRANGERS):
        status, answer = ask("identify", orl_folder / f"s{person}/5.pgm", "--purpose", "p", "--fpir", "0.05")
        assert status == 0
        references = answer["references"]
        names = [one["subject"] for one in answer["faces"][0]["candidates"]]
        if person in ENROLLED:
            found += names[:1] == [f"s{person}"]
        else:
            shown += bool(names)
    assert answer["threshold"] == pytest.approx(kept.threshold_for(0.05, references).score, abs=1e-4)
    assert found >= len(ENROLLED) - 1
    assert shown <= 3, f"{shown} of {len(STRANGERS)} strangers were shown somebody; about one was expected"
