"""The whole story over the command line with --json, on the real engine: the fields that others build on."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from countenance.cli.main import run

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs one command with --json in a folder that has photographs; gives exit status and document."""
    data = pytest.importorskip("skimage.data", reason="scikit-image ships the portrait that is enrolled")
    portrait = Image.fromarray(data.astronaut())
    portrait.save(tmp_path / "anna.jpg", quality=92)
    portrait.rotate(5).save(tmp_path / "crowd.jpg", quality=85)
    two = Image.new("RGB", (1024, 512))
    two.paste(portrait, (0, 0))
    two.paste(portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (512, 0))
    two.save(tmp_path / "two.jpg", quality=92)
    Image.fromarray(data.coffee()).save(tmp_path / "nobody.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTENANCE_GALLERY", str(tmp_path / "gallery"))
    monkeypatch.delenv("COUNTENANCE_KEYS", raising=False)

    def asked(*line: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = run([*line, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return asked


@pytest.mark.slow
def test_the_story_answers_with_the_promised_fields(ask: Ask, tmp_path: Path) -> None:
    until = (datetime.now(UTC) + timedelta(days=100)).date().isoformat()
    terms = ("--purpose", "event-photos", "--residence", "GB", "--until", until)
    assert ask("init", "gallery")[0] == 0
    assert ask("enrol", "anna", "anna.jpg")[0] == 41  # nobody of that name yet
    status, receipt = ask("permit", "anna", *terms)
    assert status == 0
    assert "@context" in receipt

    status, enrolled = ask("enrol", "anna", "anna.jpg", "two.jpg", "nobody.jpg")
    assert (status, enrolled["enrolled"], enrolled["failed"]) == (1, 1, 2)
    assert [item.get("error", {}).get("code") for item in enrolled["items"]] == [None, "several_faces", "no_face"]
    assert ask("enrol", "anna", "two.jpg", "--face", "1")[1]["enrolled"] == 1
    assert ask("enrol", "anna", "nobody.jpg", "--face", "1")[0] == 1

    status, found = ask("identify", "crowd.jpg", "--purpose", "event-photos")
    assert status == 0
    assert {"faces", "threshold", "gallery_size"} <= set(found)
    (face,) = found["faces"]
    assert len(face["box"]) == 4
    assert 0 <= face["quality"]["score"] <= 100
    (candidate,) = face["candidates"]
    assert (candidate["rank"], candidate["subject"]) == (1, "anna")
    assert {"score", "reference"} <= set(candidate)

    status, compared = ask("verify", "anna.jpg", "crowd.jpg")
    assert (status, compared["same"]) == (0, True)
    assert compared["score"] >= compared["threshold"]

    status, report = ask("access", "anna", "--out", "anna.zip")
    assert (status, report["searches"]) == (0, 1)
    assert zipfile.is_zipfile(tmp_path / "anna.zip")

    assert ask("status", "--subjects")[1]["people"][0]["subject"] == "anna"
    status, gone = ask("withdraw", "anna")
    assert (status, gone["subject"], gone["absent"]) == (0, "anna", True)
    assert gone["destroyed"]["keys"] == 3
    assert ask("withdraw", "anna")[1]["error"]["code"] == "subject_unknown"
    assert ask("status")[1]["subjects"] == 0
    assert ask("model", "list")[1]["models"][0]["active"] is True


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (("identify", "crowd.jpg", "--purpose", "p", "--gallery", "elsewhere"), 50, "gallery_missing"),
        (("init", "full"), 50, "gallery_exists"),
        (
            ("permit", "anna", "--purpose", "p", "--residence", "GB", "--until", "2001-01-01"),
            40,
            "permission_invalid",
        ),
        (("verify", "missing.jpg", "crowd.jpg"), 10, "image_missing"),
        (("identify", "text.jpg", "--purpose", "p"), 10, "image_format"),
        (("model", "migrate", "nowhere"), 30, "model_missing"),
        (("identify", "crowd.jpg"), 2, "usage"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_input_is_answered_with_its_code_and_its_exit_status(
    ask: Ask, tmp_path: Path, line: tuple[str, ...], status: int, code: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("x", "utf-8")
    (tmp_path / "text.jpg").write_text("not a picture", "utf-8")
    assert ask("init", "gallery")[0] == 0
    answered, document = ask(*line)
    assert (answered, document["error"]["code"]) == (status, code)
    assert ask("status")[1]["subjects"] == 0
