"""The example of the API guide runs as it stands, against the service on the loopback interface."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from countenance.clock import SystemClock
from countenance.http.application import create
from countenance.oversight import passwords
from countenance.oversight.parties import MACHINE, Role
from tests.galleries import Galleries
from tests.served import SETTINGS
from tests.servers.http import served

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a password for the example"


def test_the_story_of_the_api_guide_runs(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_MEMORY_KIB", 64)
    monkeypatch.setattr(passwords, "_PASSES", 1)
    gallery = galleries.new(SystemClock())
    for name, role in (("operator", Role.OPERATOR), ("officer", Role.DATA_PROTECTION_OFFICER)):
        gallery.oversight.people.add(MACHINE, name, PASSWORD, roles=[role], customer_id=None)
    for number, data in enumerate(portrait_photographs[:2], 1):
        (tmp_path / f"anna-{number}.jpg").write_bytes(data)
    application = create(SETTINGS, lambda progress: gallery)
    application.state.gallery = gallery
    pictures = [tmp_path / "anna-1.jpg", tmp_path / "anna-2.jpg"]
    with served(application) as port:
        done = subprocess.run(
            [sys.executable, ROOT / "examples/service/story.py", f"http://127.0.0.1:{port}", *pictures],
            env={**os.environ, "OPERATOR_PASSWORD": PASSWORD, "OFFICER_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "enrolled: ['enrolled']"
    assert "released: ['anna']" in lines
    assert lines[-1] == "released now: []"
