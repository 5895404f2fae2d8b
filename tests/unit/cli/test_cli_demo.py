"""The demonstration, with fewer simulated subjects, on the real engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from countenance.cli.demo.search import occurrences
from countenance.cli.demo.story import SUBJECT, Seen, Story, tell
from countenance.cli.door import Door

pytest.importorskip("skimage", reason="scikit-image ships the portrait of the demonstration")
pytest.importorskip("matplotlib", reason="Matplotlib ships the portrait of the unknown person")


@pytest.mark.slow
def test_the_demonstration_finds_her_names_no_stranger_and_forgets_her(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(Door(quiet=True), tmp_path, subjects=300)
    said = capsys.readouterr().out
    assert "[simulated]" in said
    assert "Nothing is left." in said
    figures = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    assert figures["went_as_it_should"] is True
    assert {seen["expected"] for seen in figures["probes"]} == {SUBJECT, None}
    assert [seen["candidates"] for seen in figures["after"]] == [[]]
    page = (tmp_path / "demo.html").read_text("utf-8")
    assert "<script" not in page
    assert "://" not in page
    with Image.open(tmp_path / "candidates.png") as sheet:
        assert sheet.width > 1000


def _seen(expected: str | None, *found: str) -> Seen:
    candidates = [{"rank": rank, "subject": who, "score": 0.7} for rank, who in enumerate(found, 1)]
    return Seen("n", "w", expected, [0.0, 0.0, 1.0, 1.0], 50, candidates, 0.5, 1.0)


def _story(**changes: object) -> Story:
    story = Story(1, probes=[_seen(SUBJECT, SUBJECT)], after=[_seen(None)], withdrawn={"absent": True}, control=3)
    story.traces = {when: {"found": {"her name": 0}} for when in ("before", "after")}
    for name, value in changes.items():
        setattr(story, name, value)
    return story


def test_a_story_that_went_well_is_called_so() -> None:
    assert _story().went_as_it_should


@pytest.mark.parametrize(
    "story",
    [
        lambda: _story(probes=[_seen(SUBJECT)]),
        lambda: _story(probes=[_seen(SUBJECT, "somebody-else", SUBJECT)]),
        lambda: _story(probes=[_seen(None, "simulated-000001")]),
        lambda: _story(after=[_seen(None, SUBJECT)]),
        lambda: _story(withdrawn={"absent": False}),
        lambda: _story(traces={"after": {"found": {"her name": 1}}}),
        lambda: _story(control=0),
    ],
    ids=[
        "she was not found",
        "somebody else came first",
        "a stranger was named",
        "she was found after her withdrawal",
        "a keeper still holds something",
        "her name lies in the clear",
        "the search for bytes cannot find",
    ],
)
def test_a_story_that_went_wrong_is_not_called_well(story: Callable[[], Story]) -> None:
    assert not story().went_as_it_should


def test_occurrences_counts_every_one_in_every_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.db-wal").write_bytes(b"..anna..anna")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "b").write_bytes(b"nothing")
    traces = occurrences(tmp_path, {"name": b"anna", "other": b"ben"})
    assert (traces.files, traces.size_bytes, traces.found) == (3, 19, {"name": 2, "other": 0})
