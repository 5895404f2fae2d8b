"""The service as a process of its own on loopback: it ends in order, and says why it does not start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from countenance.clock import SystemClock
from countenance.oversight.parties import MACHINE, Role
from countenance.settings import SERVICE_VARIABLE, ServiceSettings
from tests.galleries import Galleries, permit

PASSWORD = "a long enough password"
PATIENCE_S = 240
"""The machine of the tests may be busy; nothing here is measured."""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def process(galleries: Galleries, log: Path, **settings: object) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """``python -m countenance.http`` on the closed gallery."""
    port = free_port()
    chosen = replace(
        ServiceSettings(gallery=str(galleries.folder), keys=str(galleries.keys), port=port),
        **settings,  # type: ignore[arg-type]
    )
    environment = {**os.environ, SERVICE_VARIABLE: chosen.to_text(), "COUNTENANCE_CACHE": str(galleries.cache)}
    with log.open("wb") as lines:
        running = subprocess.Popen([sys.executable, "-m", "countenance.http"], env=environment, stderr=lines)
    try:
        yield running, f"http://127.0.0.1:{port}/v1"
    finally:
        if running.poll() is None:
            running.terminate()
            running.wait(PATIENCE_S)


def until_ready(running: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and running.poll() is None:
        try:
            if httpx2.get(f"{url}/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the service did not become ready")


@pytest.mark.slow
def test_told_to_stop_in_the_middle_of_an_enrolment_it_finishes_it_and_ends_with_0(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new(clock=SystemClock())
    made = gallery.oversight.customers.register(
        MACHINE,
        "Lobby",
        customer_class="business",
        jurisdiction="GB",
        legal_basis="consent",
        purposes=["event-photos"],
    )
    roles, customer = [Role.ENROLLER], made.customer_id
    gallery.oversight.people.add(MACHINE, "enroller", PASSWORD, roles=roles, customer_id=customer)
    gallery.close()
    log = tmp_path / "log"
    with process(galleries, log) as (running, url):
        until_ready(running, url)
        session = httpx2.post(f"{url}/sessions", json={"name": "enroller", "password": PASSWORD}).json()
        client = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {session['secret']}"}, timeout=PATIENCE_S
        )
        client.post("/compartments", json={"name": "lobby"}).raise_for_status()
        terms = {
            "subject": "anna",
            "purposes": ["event-photos"],
            "residence": "GB",
            "until": (datetime.now(UTC).date() + timedelta(days=200)).isoformat(),
        }
        anna = client.post("/compartments/lobby/permissions", json=terms).raise_for_status().json()["id"]
        files = [("images", (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(portrait_photographs)]
        whole = client.build_request("POST", "/x", files=files)
        body = whole.read()

        def in_two_parts() -> Iterator[bytes]:
            yield body[:1000]
            time.sleep(1)  # its beginning has arrived
            running.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            yield body[1000:]

        kind = {"Content-Type": whole.headers["content-type"], "Content-Length": str(len(body))}
        answer = client.post(f"/compartments/lobby/subjects/{anna}/images", content=in_two_parts(), headers=kind)
        assert answer.status_code == 200, answer.text
        assert [one["outcome"] for one in answer.json()["items"]] == ["enrolled"] * len(files)
        assert running.wait(PATIENCE_S) == 0
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"{url}/health/ready")


@pytest.mark.slow
def test_an_old_schema_ends_it_with_a_line_and_3_unless_it_may_migrate(
    galleries: Galleries, tmp_path: Path
) -> None:
    gallery = galleries.new(clock=SystemClock())
    permit(gallery, "anna")
    with gallery._database.write() as connection:  # as the version before the newest left it
        connection.execute(text("DROP TABLE account_links"))
        connection.execute(text("DROP TABLE issuers"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    gallery.close()
    log = tmp_path / "log"
    with process(galleries, log) as (running, _):
        assert running.wait(PATIENCE_S) == 3
    (line,) = [one for one in map(json.loads, log.read_text().splitlines()) if one["event"] == "not opened"]
    assert line["code"] == "schema_older"
    assert "0009" in line["says"]
    assert line["remedy"]
    with process(galleries, log, migrate=True) as (running, url):
        until_ready(running, url)
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_S) == 0
