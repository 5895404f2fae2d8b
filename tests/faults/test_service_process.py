"""The service as a process of its own on loopback: it ends in order, and says why it does not start."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select, text

from countenance.clock import SystemClock
from countenance.oversight.parties import MACHINE, Role
from countenance.store import oversight_tables, schema
from tests.galleries import Galleries, permit
from tests.offices import PASSWORD, PURPOSE, hire, office, protection_officer
from tests.servers.processes import PATIENCE_S, PLAIN, client, process, until_ready


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
        with client(url, session["secret"]) as asker:
            asker.post("/compartments", json={"name": "lobby"}).raise_for_status()
            terms = {
                "subject": "anna",
                "purposes": ["event-photos"],
                "residence": "GB",
                "until": (datetime.now(UTC).date() + timedelta(days=200)).isoformat(),
            }
            anna = asker.post("/compartments/lobby/permissions", json=terms).raise_for_status().json()["id"]
            files = [("images", (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(portrait_photographs)]
            whole = asker.build_request("POST", "/x", files=files)
            body = whole.read()

            def in_two_parts() -> Iterator[bytes]:
                yield body[:1000]
                time.sleep(1)  # its beginning has arrived
                running.send_signal(signal.SIGTERM)
                time.sleep(0.5)
                yield body[1000:]

            kind = {"Content-Type": whole.headers["content-type"], "Content-Length": str(len(body))}
            answer = asker.post(f"/compartments/lobby/subjects/{anna}/images", content=in_two_parts(), headers=kind)
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
        connection.execute(text("DROP TABLE export_accounts"))
        connection.execute(text("DROP TABLE suppressed_exports"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0010'"))
    gallery.close()
    log = tmp_path / "log"
    with process(galleries, log) as (running, _):
        assert running.wait(PATIENCE_S) == 3
    (line,) = [one for one in map(json.loads, log.read_text().splitlines()) if one["event"] == "not opened"]
    assert line["code"] == "schema_older"
    assert "0010" in line["says"]
    assert line["remedy"]
    with process(galleries, log, migrate=True) as (running, url):
        until_ready(running, url)
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE_S) == 0


@pytest.mark.slow
def test_a_gallery_that_cannot_be_opened_ends_all_workers_with_3_and_starts_none_again(
    galleries: Galleries, tmp_path: Path
) -> None:
    galleries.new(clock=SystemClock()).close()
    galleries.keys.rename(galleries.keys.with_name("elsewhere"))
    log = tmp_path / "log"
    with process(galleries, log, workers=2) as (running, _):
        assert running.wait(PATIENCE_S) == 3
    lines = [one for one in map(json.loads, log.read_text().splitlines()) if one["event"] == "not opened"]
    assert [line["code"] for line in lines] in (["keys_missing"], ["keys_missing"] * 2)


@pytest.mark.slow
def test_killed_in_an_enrolment_a_release_and_an_erasure_and_sent_again_each_is_done_once(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new(clock=SystemClock())
    until = gallery._clock.now().date() + timedelta(days=200)
    gallery.permit("anna", purposes=[PURPOSE], residence="GB", until=until)
    gallery.enrol("anna", portrait_photographs[:1])
    police = office(gallery, protection_officer(gallery))
    hire(gallery, "enroller", Role.ENROLLER, customer_id=police.customer_id)
    case = police.case()
    assert gallery.oversight.search(police["investigator"], case, portrait_photographs[1]).faces == 1
    for name in ("first", "second"):
        assert police.review_rightly(name, ["anna"]) == 1
    gallery.oversight.people.give_subject_account(MACHINE, "anna", "anna@example.org", PASSWORD)
    accounts = ("enroller", "investigator at Harbour Police", "anna@example.org")
    tokens = [gallery.oversight.login(account, PASSWORD).secret for account in accounts]
    log = tmp_path / "log"

    @contextmanager
    def serving(*module: str) -> Iterator[list[httpx2.Client]]:
        """The service, asked by enroller, investigator and anna; ``module`` is how it is started."""
        with process(galleries, log, module=module) as (running, url):
            until_ready(running, url)
            with ExitStack() as open_:
                yield [open_.enter_context(client(url, token)) for token in tokens]
            if module != PLAIN:
                assert running.wait(PATIENCE_S) == -signal.SIGKILL, log.read_text()

    def cut_off(asker: httpx2.Client, method: str, path: str, key: str, **more: Any) -> None:
        with pytest.raises(httpx2.TransportError):
            asker.request(method, path, headers={"Idempotency-Key": key}, **more)

    with gallery._database.read() as connection:
        before = connection.scalar(select(func.count()).select_from(schema.images)) or 0
    gallery.close()
    photograph = {"images": ("1.jpg", portrait_photographs[2], "image/jpeg")}
    with serving("tests.faults.service_driver", "image in place") as (enroller, _, _):
        enroller.post("/compartments", json={"name": "lobby"}).raise_for_status()
        terms = {"subject": "bea", "purposes": [PURPOSE], "residence": "GB", "until": until.isoformat()}
        bea = enroller.post("/compartments/lobby/permissions", json=terms).raise_for_status().json()["id"]
        subject = f"/compartments/lobby/subjects/{bea}"
        cut_off(enroller, "POST", f"{subject}/images", "enrol", files=photograph)
    with serving("tests.faults.service_driver", "release committed") as (enroller, investigator, _):
        again = enroller.post(f"{subject}/images", headers={"Idempotency-Key": "enrol"}, files=photograph)
        assert [one["outcome"] for one in again.json()["items"]] == ["already enrolled"], again.text
        assert enroller.get(subject).json()["images"] == 1
        cut_off(investigator, "POST", f"/cases/{case}/releases", "release")
    with serving("tests.faults.service_driver", "frozen") as (enroller, investigator, herself):
        again = investigator.post(f"/cases/{case}/releases", headers={"Idempotency-Key": "release"})
        assert [one["subject"] for one in again.json()["items"]] == ["anna"], again.text
        assert [line["what"] for line in herself.get("/own/ledger").json()["items"]] == ["released"]
        cut_off(enroller, "DELETE", subject, "forget")
    with serving(*PLAIN) as (enroller, _, _):
        again = enroller.delete(subject, headers={"Idempotency-Key": "forget"})
        assert again.status_code == 200, again.text
        assert again.json()["forgotten"] == bea
        assert enroller.get(subject).status_code == 404
    after = galleries.open(SystemClock())
    with after._database.read() as connection:
        counts = oversight_tables.customer_counts
        found = {
            "images": connection.scalar(select(func.count()).select_from(schema.images)),
            "releases": connection.scalar(select(func.count()).select_from(oversight_tables.releases)),
            "recipients": connection.scalar(select(func.count()).select_from(schema.disclosures)),
            "counted": connection.scalar(select(func.sum(counts.c.count)).where(counts.c.what == "releases")),
            "erasures": connection.scalar(select(func.count()).select_from(schema.erasures)),
        }
    assert found == {"images": before, "releases": 1, "recipients": 1, "counted": 1, "erasures": 1}
    record = after._witness.log
    noted = [entry.event for entry in record.entries(0, record.size)]
    assert [noted.count(event) for event in ("candidate.released", "erasure.certified")] == [1, 1]
    assert after.log.fsck().ok
