"""The command line with a scripted engine behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripted_engine import CommandLine, ScriptedEngine


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def countenance(
    engine: ScriptedEngine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CommandLine]:
    monkeypatch.delenv("COUNTENANCE_GALLERY", raising=False)
    monkeypatch.delenv("COUNTENANCE_KEYS", raising=False)
    return CommandLine(engine, capsys)
