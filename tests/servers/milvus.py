"""A real Milvus 2.3.5, standalone, started from its wheel for the tests, and gone when they are.

Rules kept here:

* The server's wheel lives in an environment of its own under ``build/milvus`` (it wants an old setuptools);
  it is installed once by its package name and used again afterwards.
* Clients speak to it over the loopback only; its data are simulated templates in a temporary folder.
* It stops by itself: with the fixture, and, if the tests are killed, with the process that started it.
* One at a time on a machine: its embedded etcd has a fixed peer port, so a lock is held while it runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import lzma
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "milvus"
REQUIREMENTS = ("milvus==2.3.5", "setuptools<81")
START_SECONDS = 180.0
LOCK_SECONDS = 600.0
GC_SECONDS = 5

_PR_SET_PDEATHSIG = 1
_CONFIGURE = """
import sys
from milvus import MilvusServerConfig
config = MilvusServerConfig(data_dir=sys.argv[1], **{a.split("=")[0]: int(a.split("=")[1]) for a in sys.argv[2:]})
config.resolve()
"""


class ServerUnavailable(Exception):
    """The server's wheel cannot be installed here; the message is the reason to skip with."""


def binaries(build: Path = BUILD) -> Path:
    """The folder with the unpacked server, made if it is not there yet. Raises ServerUnavailable."""
    build.mkdir(parents=True, exist_ok=True)
    with locked(build / "install.lock", LOCK_SECONDS):
        done = build / "unpacked"
        if done.exists():
            return build / "bin"
        python = build / "env" / "bin" / "python"
        for command in (
            [sys.executable, "-m", "venv", str(build / "env")],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS],
        ):
            ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
            if ran.returncode:
                raise ServerUnavailable(f"{REQUIREMENTS[0]} cannot be installed: {ran.stderr.strip()[-300:]}")
        packed = next((build / "env").glob("lib/python*/site-packages/milvus/data/bin"))
        (build / "bin").mkdir(exist_ok=True)
        for source in packed.glob("*.lzma"):
            target = build / "bin" / source.stem
            target.write_bytes(lzma.decompress(source.read_bytes()))
            target.chmod(0o755)
        done.touch()
    return build / "bin"


class MilvusServer:
    """One standalone server with its data in ``folder``."""

    def __init__(self, folder: Path, build: Path = BUILD) -> None:
        self.folder = folder
        self._build = build
        self._bin = binaries(build)
        self._process: subprocess.Popen[bytes] | None = None
        self.port, self._health = free_ports(2)
        self._configure()

    @property
    def uri(self) -> str:
        """Where a client finds it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """Where it keeps segments (``insert_log``, ``delta_log``) and its message queue (``rocksmq``)."""
        return self.folder / "data"

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it is healthy. Its content is what it was when it stopped."""
        environment = {
            **os.environ,
            "MILVUSCONF": str(self.folder / "configs"),
            "LD_LIBRARY_PATH": str(self._bin),
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(self._health),
        }
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "milvus"), "run", "standalone"],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._healthy():
            if not self.running or time.monotonic() > deadline:
                self.kill()
                tail = (self.folder / "server.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"Milvus did not start:\n{tail}")
            time.sleep(0.2)

    def kill(self) -> None:
        """What a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def freeze(self) -> None:
        """Stop its clock: connections stay open and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def files_with(self, pattern: bytes) -> set[str]:
        """Top folders of ``data`` with a file that contains ``pattern``."""
        found = set()
        for path in self.data.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and pattern in path.read_bytes():
                    found.add(path.relative_to(self.data).parts[0])
        return found

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/healthz", timeout=5) as answer:
                return b"OK" in answer.read()
        except (urllib.error.URLError, OSError):
            return False

    def _configure(self) -> None:
        """Write the wheel's own configuration, with garbage collection in seconds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        python = self._build / "env" / "bin" / "python"
        command = [str(python), "-c", _CONFIGURE, str(self.folder), f"proxy_port={self.port}"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        path = self.folder / "configs" / "milvus.yaml"
        text = path.read_text()
        changed = {
            r"(  gc:\n    interval: )\d+": rf"\g<1>{GC_SECONDS}",
            # Newest states are known, and the dead given up, sooner than a production server would want.
            r"(timeTickInterval: )200": r"\g<1>50",
            r"(    ttl: )30": r"\g<1>5",
            r"(    enableAutoCompaction: true[^\n]*\n)": r"\g<1>    check:\n      interval: 1\n",
            # Not missingTolerance: a compaction's result is on the disk for up to ten seconds before the server
            # notes it down, and a short tolerance collects it as garbage: data lost, server down (seen on 2.3.5).
            r"(dropTolerance: )\d+": rf"\g<1>{GC_SECONDS}",
            # Growing segments are searched one by one, not through an approximate index of their own.
            r"(interimIndex:[^\n]*\n      enableIndex: )true": r"\g<1>false",
        }
        for pattern, replacement in changed.items():
            text, times = re.subn(pattern, replacement, text)
            assert times, f"the server's configuration has no {pattern}"
        path.write_text(text)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[MilvusServer]:
    """A started server, alone on this machine, stopped at the end. Raises ServerUnavailable."""
    binaries()
    with locked(Path(tempfile.gettempdir()) / "countenance-milvus.lock", LOCK_SECONDS):
        server = MilvusServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()  # its data go with the temporary folder


@contextlib.contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Hold ``path`` as a lock between processes; raises ServerUnavailable after ``seconds`` of waiting."""
    with path.open("a") as file:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise ServerUnavailable(f"another test run has held {path.name} for {seconds:.0f} s") from None
                time.sleep(0.2)
        yield


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(count):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports.append(int(listener.getsockname()[1]))
    return ports


def die_with_parent() -> None:
    """Run in the child before the server starts: it is killed when the tests are."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
