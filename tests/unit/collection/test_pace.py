"""What is shown while an import runs, and what is on record of it."""

from __future__ import annotations

import json

import pytest

from countenance.collection.outcomes import Became, FileOutcome, Tally, pace


def tally(*codes: str) -> Tally:
    made = Tally()
    for code in codes:
        made.add(FileOutcome("x", Became.REFUSED, code=code))
    return made


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (0, 10, 0.0, ""),
        (10, 100, 5.0, "2.0 files/s; 45 s left"),
        (1_000, 1_000_000, 100.0, "10.0 files/s; 27.8 h left"),
        (100, 100, 10.0, "10.0 files/s"),
    ],
    ids=["nothing yet", "soon", "a million", "done"],
)
def test_rate_and_remaining_time_are_shown(done: int, total: int, seconds: float, said: str) -> None:
    assert pace(done, total, seconds, Tally()) == said


def test_refusals_are_shown_by_reason_most_frequent_first() -> None:
    shown = pace(4, 4, 4.0, tally("entry_unsafe", "image_truncated", "image_truncated", "image_empty"))
    assert shown == "1.0 files/s; refused: 2 image_truncated, 1 entry_unsafe, 1 image_empty"


def test_a_line_of_the_log_can_be_written_whatever_the_name_is() -> None:
    line = json.dumps(FileOutcome("caf\udce9.jpg", Became.NO_FACE).as_dict(), ensure_ascii=False)
    assert json.loads(line.encode()) == {"file": "caf\\udce9.jpg", "outcome": "no-face"}
