"""The whole story without a network: no socket is opened, no name is looked up, nothing is reported to anybody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

STORY = """
import sys
from pathlib import Path

touched = []

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        touched.append((event, str(arguments)))
    if event in ("socket.connect", "socket.bind") and arguments[0].family != 1:  # 1 is AF_UNIX
        touched.append((event, str(arguments[1])))

sys.addaudithook(watch)

from tests.galleries import Galleries, fill, names, permit
from tests.photographs import of_portrait

makers = Galleries(Path(sys.argv[1]), Path(sys.argv[2]))
gallery = makers.new()
permit(gallery, "anna")
fill(gallery, 3)
pictures = of_portrait()
assert not gallery.enrol("anna", pictures[:2]).failures
assert names(gallery.identify(pictures[2], purpose="event-photos")) == ["anna"]
assert gallery.verify(pictures[0], pictures[1]).same
gallery.access("anna", makers.root / "anna.zip")
assert gallery.withdraw("anna").absent
assert names(gallery.identify(pictures[2], purpose="event-photos")) == []
gallery.status(people=True)
gallery.close()
if sys.argv[3] == "provoke":
    import socket
    try:
        socket.getaddrinfo("countenance.invalid", 80)
    except OSError:
        pass
telemetry = [name for name in sys.modules if "telemetry" in name]
print("touched:", touched)
print("telemetry:", telemetry)
"""


def run(tmp_path: Path, cache: Path, *, provoke: bool = False, prefix: tuple[str, ...] = ()) -> str:
    home = tmp_path / "home"
    home.mkdir()
    command = [*prefix, sys.executable, "-c", STORY, str(tmp_path), str(cache), "provoke" if provoke else "plain"]
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    left = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    assert not [name for name in left if "openvino" in name.lower() or "telemetry" in name.lower()], left
    return done.stdout


def test_the_story_opens_no_socket_and_loads_no_telemetry(tmp_path: Path, model_cache: Path) -> None:
    printed = run(tmp_path, tmp_path / "empty-cache")  # models are prepared anew, for that too must need no network
    assert "touched: []" in printed
    assert "telemetry: []" in printed


def test_the_watch_sees_a_look_up_when_there_is_one(tmp_path: Path, model_cache: Path) -> None:
    assert "countenance.invalid" in run(tmp_path, model_cache, provoke=True)


def test_the_story_runs_where_there_is_no_network_at_all(tmp_path: Path, model_cache: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("unshare, which takes the network away, is not installed")
    prefix = (unshare, "--net") if os.geteuid() == 0 else (unshare, "--user", "--map-root-user", "--net")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let a test make a network namespace")
    assert "touched: []" in run(tmp_path, model_cache, prefix=prefix)
