"""Ctrl-C in the middle of many files, on the real engine: what is finished is kept, and running again goes on."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from countenance.cli.door import Door
from countenance.cli.interrupts import one_interruption
from countenance.cli.main import run
from countenance.cli.meter import Meter


class ThenCtrlC(Meter):
    """Sends this process the signal of Ctrl-C when ``after`` files are done."""

    def __init__(self, after: int) -> None:
        super().__init__(quiet=True)
        self._after = after

    def __call__(self, done: int, total: int | None, what: str) -> None:
        super().__call__(done, total, what)
        if done == self._after:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_second_ctrl_c_does_not_disturb_the_cleaning_up_after_the_first() -> None:
    order: list[str] = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            order.append("cleaned up")

    with one_interruption(seconds=lambda: 5.0), pytest.raises(KeyboardInterrupt):
        work()
    assert order == ["cleaned up"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_whoever_insists_on_ctrl_c_is_obeyed() -> None:
    now = iter((5.0, 9.0))
    with one_interruption(seconds=lambda: next(now)):
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)


def test_ignored_interrupts_stay_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with one_interruption():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_enrolment_interrupted_after_three_files_keeps_three_and_resumes_with_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = pytest.importorskip("skimage.data", reason="scikit-image ships the portrait that is enrolled")
    portrait = Image.fromarray(data.astronaut())
    album = tmp_path / "album"
    album.mkdir()
    for quality in range(80, 86):
        portrait.save(album / f"{quality}.jpg", quality=quality)
    gallery = ["--gallery", str(tmp_path / "g"), "--json"]
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()

    def answer(*line: str, meter: Meter | None = None) -> tuple[int, dict[str, object]]:
        status = run([*line, *gallery], Door(meter=meter or Meter(quiet=True)))
        return status, json.loads(capsys.readouterr().out)

    assert answer("init")[0] == 0
    assert answer("permit", "anna", "--purpose", "p", "--residence", "GB", "--until", until)[0] == 0

    status, said = answer("enrol", "anna", str(album), meter=ThenCtrlC(after=3))
    assert status == 130
    assert said["error"] == {
        "code": "interrupted",
        "message": "Interrupted (3 of 6 finished).",
        "remedy": "What was finished is kept; run the same command again to go on from there.",
    }
    assert answer("status")[1]["references"] == 3

    status, said = answer("enrol", "anna", str(album))
    assert (status, said["already_enrolled"], said["enrolled"], said["failed"]) == (0, 3, 3, 0)
    assert answer("status")[1]["references"] == 6
