"""Two worker processes on one PostgreSQL and one gallery: what happens in one holds in the other at once.

Each process is what ``countenance serve`` becomes, on a port of its own so that a test can choose whom it asks; and
once what ``countenance serve --workers 2`` becomes, on one port.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from countenance import Countenance
from countenance.clock import SystemClock
from countenance.oversight.parties import MACHINE, Role
from countenance.oversight.standing import StandingTerms
from tests.galleries import Galleries
from tests.offices import PASSWORD, PURPOSE, hire, office, protection_officer
from tests.servers.postgres import Server
from tests.servers.processes import client, process, until_ready

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("postgres"), pytest.mark.slow]

WRONG = 20
"""Wrong credentials a minute that one process bears from an address, as set when nothing else is said."""
NAMES = {
    "operator": "operator",
    "enroller": "enroller",
    "investigator": "investigator at Harbour Police",
    "leaver": "second at Harbour Police",
}


def children(of: int) -> list[int]:
    """The workers of a service, by process id."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:  # it has just ended
            continue
        if f"\nPPid:\t{of}\n" in text and "resource_tracker" not in (status.parent / "cmdline").read_text():
            found.append(int(status.parent.name))
    return sorted(found)


@contextmanager
def asleep(worker: int) -> Iterator[None]:
    """A worker that accepts no connection for a moment."""
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


@dataclass
class Workers:
    """Two processes, each asked by the same people."""

    server: Server
    one: dict[str, httpx2.Client]
    two: dict[str, httpx2.Client]


def peopled(gallery: Countenance) -> dict[str, str]:
    """Tokens of those who ask; the police's compartment ``lobby`` has a case that is authorised."""
    officer = protection_officer(gallery)
    hire(gallery, "operator", Role.OPERATOR)
    police = office(gallery, officer)
    hire(gallery, "enroller", Role.ENROLLER, customer_id=police.customer_id)
    until = gallery._clock.now().date() + timedelta(days=200)
    terms = StandingTerms((PURPOSE,), "GB", until, case_id=police.case(quota=100))
    gallery.oversight.compartments.open(MACHINE, "lobby", customer_id=police.customer_id, terms=terms)
    return {who: gallery.oversight.login(name, PASSWORD).secret for who, name in NAMES.items()}


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Workers]:
    """Both are running; the police's compartment ``lobby`` has a case that is authorised."""
    server = Server.start(tmp_path_factory.mktemp("pg"))
    folder = tmp_path_factory.mktemp("workers")
    galleries = Galleries(folder, model_cache, server.new_database)
    gallery = galleries.new(SystemClock())
    tokens = peopled(gallery)
    gallery.close()
    try:
        with ExitStack() as both:
            started = [both.enter_context(process(galleries, folder / f"log-{n}")) for n in (1, 2)]
            for running, url in started:
                until_ready(running, url)
            askers: dict[str, str | None] = {**tokens, "nobody": None}
            asked = [
                {who: both.enter_context(client(url, token)) for who, token in askers.items()} for _, url in started
            ]
            yield Workers(server, *asked)
            server.resume()
    finally:
        server.resume()
        server.stop()


@pytest.fixture
def one_port(
    workers: Workers, tmp_path: Path, model_cache: Path
) -> Iterator[tuple[dict[str, httpx2.Client], dict[str, httpx2.Client]]]:
    """One service with two workers: the enroller's and the investigator's connection to each of them."""
    galleries = Galleries(tmp_path, model_cache, workers.server.new_database)
    gallery = galleries.new(SystemClock())
    tokens = peopled(gallery)
    gallery.close()
    with ExitStack() as open_:
        running, url = open_.enter_context(process(galleries, tmp_path / "log", workers=2))
        until_ready(running, url)
        both = children(running.pid)
        assert len(both) == 2
        asked = []
        for other in reversed(both):
            there = {who: open_.enter_context(client(url, tokens[who])) for who in ("enroller", "investigator")}
            asked.append(there)
            ready = 0
            while ready != 200:  # the other may have been ready first
                with asleep(other):
                    ready = max(one.get("/health/ready").status_code for one in there.values())
        yield asked[0], asked[1]


def permitted(enroller: httpx2.Client, subject: str) -> str:
    """The id of a subject who is permitted by the terms that stand."""
    made = enroller.post("/compartments/lobby/permissions", json={"subject": subject})
    return str(made.raise_for_status().json()["id"])


def found(investigator: httpx2.Client, photograph: bytes) -> httpx2.Response:
    """A search of the compartment."""
    return investigator.post("/compartments/lobby/searches", files={"image": ("1.jpg", photograph, "image/jpeg")})


def matches(answer: httpx2.Response) -> list[str]:
    """Whom a search has found."""
    assert answer.status_code == 201, answer.text
    return [one["subject"] for one in answer.json()["faces"][0]["matches"]]


def case() -> dict[str, object]:
    """A case to ask for."""
    return {
        "purpose": PURPOSE,
        "legal_basis": "law_enforcement",
        "reference": "2027/300",
        "subject_matter": "sent to both",
        "expires": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        "quota": 1,
    }


def test_who_is_enrolled_or_withdrawn_through_one_is_found_or_gone_in_the_other_at_the_next_question(
    workers: Workers, portrait_photographs: list[bytes]
) -> None:
    one, two = workers.one, workers.two
    anna = permitted(one["enroller"], "anna")
    subject = f"/compartments/lobby/subjects/{anna}"
    sent = {"images": ("1.jpg", portrait_photographs[0], "image/jpeg")}
    assert matches(found(two["investigator"], portrait_photographs[1])) == []  # its index is loaded, without her
    one["enroller"].post(f"{subject}/images", files=sent).raise_for_status()
    assert matches(found(two["investigator"], portrait_photographs[1])) == ["anna"]
    one["enroller"].delete(subject).raise_for_status()
    assert matches(found(two["investigator"], portrait_photographs[1])) == []
    assert two["enroller"].get(subject).status_code == 404
    assert matches(found(one["investigator"], portrait_photographs[1])) == []


def test_of_two_workers_on_one_port_each_forgets_whom_the_other_has_withdrawn(
    one_port: tuple[dict[str, httpx2.Client], dict[str, httpx2.Client]], portrait_photographs: list[bytes]
) -> None:
    anna = permitted(one_port[0]["enroller"], "anna")
    subject = f"/compartments/lobby/subjects/{anna}"
    sent = {"images": ("1.jpg", portrait_photographs[0], "image/jpeg")}
    one_port[0]["enroller"].post(f"{subject}/images", files=sent).raise_for_status()
    for there in one_port:
        assert matches(found(there["investigator"], portrait_photographs[1])) == ["anna"]
    one_port[0]["enroller"].delete(subject).raise_for_status()
    for there in one_port:  # at the next question, which is sooner than in a second
        assert matches(found(there["investigator"], portrait_photographs[1])) == []
        assert there["enroller"].get(subject).status_code == 404


def test_a_character_that_postgresql_cannot_keep_is_the_senders_mistake(workers: Workers) -> None:
    operator = workers.one["operator"]
    body = {"hold": "court\0", "ground": "a court has said so", "subjects": ["anna"]}
    for answer in (
        operator.delete("/holds/court%00"),
        operator.get("/orders/ico%00"),
        operator.post("/holds", json=body),
    ):
        assert answer.status_code in (400, 404, 422), answer.text


def test_a_block_an_ended_session_and_a_suspension_hold_in_the_other_at_once(
    workers: Workers, portrait_photographs: list[bytes]
) -> None:
    one, two = workers.one, workers.two
    body = {"customers": "police", "jurisdiction": "GB", "ground": "a court has said so"}
    assert matches(found(two["investigator"], portrait_photographs[1])) == []
    block = one["operator"].post("/blocks", json=body).raise_for_status().json()["block"]
    barred = found(two["investigator"], portrait_photographs[1])
    assert (barred.status_code, barred.json()["reason"]) == (403, "barred")
    two["operator"].delete(f"/blocks/{block}").raise_for_status()
    assert matches(found(one["investigator"], portrait_photographs[1])) == []
    customer = one["enroller"].get("/sessions/current").json()["customer"]
    one["operator"].put(f"/customers/{customer}/suspension").raise_for_status()
    suspended = found(two["investigator"], portrait_photographs[1])
    assert (suspended.status_code, suspended.json()["reason"]) == (403, "customer_suspended")
    one["operator"].delete(f"/customers/{customer}/suspension").raise_for_status()
    assert two["leaver"].get("/sessions/current").status_code == 200
    one["leaver"].delete("/sessions/current").raise_for_status()
    assert two["leaver"].get("/sessions/current").status_code == 401


def test_a_request_that_is_sent_to_both_at_once_under_one_key_is_carried_out_once(workers: Workers) -> None:
    asked, before = case(), len(workers.one["investigator"].get("/cases").json()["items"])

    def send(there: dict[str, httpx2.Client]) -> httpx2.Response:
        return there["investigator"].post("/cases", json=asked, headers={"Idempotency-Key": "both"})

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(send, (workers.one, workers.two)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert 201 in {answer.status_code for answer in answers}
    assert all(answer.json()["code"] == "request_under_way" for answer in answers if answer.status_code == 409)
    later = [send(there) for there in (workers.one, workers.two)]
    assert {answer.json()["case"] for answer in later} == {
        answer.json()["case"] for answer in answers if answer.status_code == 201
    }
    assert len(workers.two["investigator"].get("/cases").json()["items"]) == before + 1


def test_a_database_that_goes_is_told_by_both_and_both_go_on_when_it_is_back(workers: Workers) -> None:
    asked, before = case(), len(workers.one["investigator"].get("/cases").json()["items"])

    def send(there: dict[str, httpx2.Client]) -> httpx2.Response:
        return there["investigator"].post("/cases", json=asked, headers={"Idempotency-Key": "gone and back"})

    workers.server.pause()
    try:
        with ThreadPoolExecutor(2) as pool:
            refused = list(pool.map(send, (workers.one, workers.two)))
        live = [there["nobody"].get("/health/live").status_code for there in (workers.one, workers.two)]
    finally:
        workers.server.resume()
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert live == [200, 200]
    made = [send(there) for there in (workers.one, workers.two)]
    assert [answer.status_code for answer in made] == [201, 201], [answer.text for answer in made]
    assert made[0].json() == made[1].json()
    assert len(workers.two["investigator"].get("/cases").json()["items"]) == before + 1


def test_wrong_passwords_lock_an_account_in_both_and_wrong_keys_are_counted_by_each(workers: Workers) -> None:
    # The last of this file: one of the two bears no more from this address for a minute.
    one, two = workers.one["nobody"], workers.two["nobody"]
    name = "third at Harbour Police"
    right = {"name": name, "password": PASSWORD}
    assert two.post("/sessions", json=right).status_code == 201
    for _ in range(5):
        for there in (one, two):
            assert there.post("/sessions", json={"name": name, "password": "wrong but long"}).status_code == 401
    assert [there.post("/sessions", json=right).status_code for there in (one, two)] == [401, 401]
    # What an address may show is counted by each process; docs/running-in-production.md says so.
    guesses = ({"Authorization": f"Bearer cnt_{n:020X}_{'A' * 43}"} for n in range(10 * WRONG))
    seen = [one.get("/cases", headers=next(guesses)).status_code]
    while seen[-1] == 401:
        seen.append(one.get("/cases", headers=next(guesses)).status_code)
    assert seen[-1] == 429
    assert len(seen) <= WRONG + 2, "one more over the turn of a minute"
    assert two.get("/cases", headers=next(guesses)).status_code == 401
