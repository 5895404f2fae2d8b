"""The service as processes of their own on loopback, on the closed gallery of a test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from countenance.settings import SERVICE_VARIABLE, ServiceSettings
from tests.conftest import REPOSITORY
from tests.galleries import Galleries

PATIENCE_S = 240
"""The machine of the tests may be busy; nothing here is measured."""

PLAIN = ("countenance.http",)
"""What ``countenance serve`` becomes."""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def process(
    galleries: Galleries, log: Path, *, module: tuple[str, ...] = PLAIN, **settings: object
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """``python -m MODULE`` on the gallery, and the address of its ``/v1``; told to stop at the end."""
    port = free_port()
    chosen = replace(
        ServiceSettings(gallery=str(galleries.folder), keys=str(galleries.keys), port=port),
        **settings,  # type: ignore[arg-type]
    )
    environment = {**os.environ, SERVICE_VARIABLE: chosen.to_text(), "COUNTENANCE_CACHE": str(galleries.cache)}
    with log.open("ab") as lines:
        command = [sys.executable, "-m", *module]
        running = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=lines)
    try:
        yield running, f"http://127.0.0.1:{port}/v1"
    finally:
        if running.poll() is None:
            running.terminate()
            running.wait(PATIENCE_S)


def until_ready(running: subprocess.Popen[bytes], url: str) -> None:
    """Wait until the service answers, or fail the test."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and running.poll() is None:
        try:
            if httpx2.get(f"{url}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the service did not become ready")


def client(url: str, token: str | None = None) -> httpx2.Client:
    """Somebody who asks there."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx2.Client(base_url=url, headers=headers, timeout=PATIENCE_S)
