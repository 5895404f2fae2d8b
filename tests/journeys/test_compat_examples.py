"""The examples of the moving guides, run as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.galleries import Galleries
from tests.peers import doors, new_gallery

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "legacy"


def run(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_of_moving_run_as_they_are_typed(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery, _ = new_gallery(galleries)
    keys = json.loads(run("prepare.py", str(galleries.folder)))
    reference, probe = tmp_path / "reference.jpg", tmp_path / "probe.jpg"
    reference.write_bytes(portrait_photographs[0])
    probe.write_bytes(portrait_photographs[1])
    pictures = (str(reference), str(probe))
    with doors(gallery) as port:
        said = run(
            "compreface_client.py",
            "http://127.0.0.1",
            f"{port}/compat/compreface",
            keys["compreface_api_key"],
            *pictures,
        )
        added, found, forgot = said.splitlines()
        assert (added, forgot) == ("added Eileen Collins", "forgot Eileen Collins")
        assert found.startswith("found Eileen Collins ")
        said = run(
            "rekognition_client.py",
            f"http://127.0.0.1:{port}/compat/rekognition",
            keys["aws_access_key_id"],
            keys["aws_secret_access_key"],
            *pictures,
        )
        indexed, found, deleted = said.splitlines()
        assert (indexed, deleted) == ("indexed 1", "deleted 200")
        assert found.startswith("found eileen.jpg ")
