"""The example of the API guide runs as it stands, against the service on the loopback interface."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from countenance.clock import SystemClock
from countenance.http.application import create
from countenance.oversight.parties import MACHINE, Role
from tests.galleries import Galleries
from tests.served import SETTINGS
from tests.servers.http import served

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a password for the example"


@pytest.mark.usefixtures("quick_passwords")
def test_the_examples_of_the_api_guide_run(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new(SystemClock())
    for name, role in (("operator", Role.OPERATOR), ("officer", Role.DATA_PROTECTION_OFFICER)):
        gallery.oversight.people.add(MACHINE, name, PASSWORD, roles=[role], customer_id=None)
    for number, data in enumerate(portrait_photographs[:2], 1):
        (tmp_path / f"anna-{number}.jpg").write_bytes(data)
    application = create(SETTINGS, lambda progress: gallery)
    application.state.gallery = gallery
    pictures = [tmp_path / "anna-1.jpg", tmp_path / "anna-2.jpg"]
    secrets = {**os.environ, "OPERATOR_PASSWORD": PASSWORD, "OFFICER_PASSWORD": PASSWORD}

    def ran(*command: str | Path) -> list[str]:
        done = subprocess.run(
            [*command, *pictures], env=secrets, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    with served(application) as port:
        service = f"http://127.0.0.1:{port}"
        story = ran(sys.executable, ROOT / "examples/service/story.py", service)
        # curl is no requirement of the project; where it is not installed, its example is not run.
        first = ran("sh", ROOT / "examples/service/first.sh", service) if shutil.which("curl") else None
    assert story[0] == "enrolled: ['enrolled']"
    assert "released: ['anna']" in story
    assert "her ledger: Harbour Police event-photos released" in story
    assert story[-1] == "released now: []"
    if first is None:
        pytest.skip("curl is not installed: the example with curl was not run")
    enrolled, found, forgotten = (json.loads(line) for line in first)
    assert [one["outcome"] for one in enrolled["items"]] == ["enrolled"]
    assert [one["subject"] for one in found["faces"][0]["matches"]] == ["anna"]
    assert forgotten["destroyed"]["images"] == 1
