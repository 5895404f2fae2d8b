"""A command line with an engine that answers from memory, so that the door is tested and nothing behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from countenance.cli.door import Door
from countenance.cli.main import run


@dataclass
class Said:
    """A result that only knows its document."""

    document: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return json.loads(json.dumps(self.document))

    def as_json_ld(self) -> dict[str, Any]:
        return {"@context": "https://w3id.org/dpv", **self.document}


@dataclass
class ScriptedEngine:
    """Answers each call with what the test put under the method's name; an exception there is raised."""

    script: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    opened: list[tuple[str, str | None]] = field(default_factory=list)
    kept_promises: tuple[Any, ...] = ()
    broken_promise: str | None = None
    model: str = "fb14"

    def __call__(self, folder: str | Path, *, keys: str | None = None, progress: Any = None) -> ScriptedEngine:
        self.opened.append((str(folder), keys))
        return self

    def init(self, folder: str | Path, **options: Any) -> ScriptedEngine:
        self._answer("init", (folder,), options)
        return self

    def __enter__(self) -> ScriptedEngine:
        return self

    def __exit__(self, *details: object) -> None:
        self.calls.append(("close", (), {}))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **options: self._answer(name, args, options)

    def _answer(self, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self.calls.append((name, args, options))
        said = self.script.get(name)
        if isinstance(said, BaseException):
            raise said
        if callable(said):
            return said(*args, **options)
        return said


@dataclass
class Outcome:
    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as the one JSON document it has to be."""
        return json.loads(self.out)


@dataclass
class CommandLine:
    engine: ScriptedEngine
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Outcome:
        self.capture.readouterr()
        status = run(arguments, Door(engine=lambda: self.engine))
        out, err = self.capture.readouterr()
        return Outcome(status, out, err)
