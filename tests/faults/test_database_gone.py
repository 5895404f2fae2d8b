"""A PostgreSQL server that is stopped and started in the middle of the work of several processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from countenance.errors import DatabaseUnavailable, GalleryBusy
from countenance.store import database as store
from tests.galleries import Galleries, names, row, search, template
from tests.servers.postgres import Server

pytestmark = [pytest.mark.postgres, pytest.mark.xdist_group("postgres")]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that nobody else uses, to be stopped."""
    server = Server.start(tmp_path_factory.mktemp("pg"))
    yield server
    server.resume()
    server.stop()


@pytest.fixture
def served(galleries: Galleries, own_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Galleries]:
    """A maker of galleries on that server; nobody waits long for it."""
    monkeypatch.setattr(store, "RECONNECT_SECONDS", 0.0)
    galleries.new_database = own_server.new_database
    yield galleries
    own_server.resume()


def test_a_server_that_is_gone_is_told_with_a_code_and_all_goes_on_when_it_is_back(
    served: Galleries, own_server: Server
) -> None:
    gallery, other = served.new(), served.open()
    gallery.enrol_templates([row("anna", template(1))])
    assert names(search(other, template(1))) == ["anna"]
    own_server.pause()
    for act in (gallery.status, lambda: gallery.enrol_templates([row("bob", template(2))])):
        with pytest.raises(DatabaseUnavailable) as raised:
            act()
        assert raised.value.code == "database_unavailable"
    own_server.resume()
    assert other.status().subjects == 1  # every pooled connection is dead, and nobody notices
    gallery.enrol_templates([row("bob", template(2))])
    assert names(search(other, template(2))) == ["bob"]


def test_what_was_not_committed_when_the_server_went_did_not_happen(served: Galleries, own_server: Server) -> None:
    gallery = served.new()
    gallery.enrol_templates([row("anna", template(1))])

    def cut_off() -> None:
        with gallery._database.write() as connection:
            connection.execute(text("UPDATE subjects SET state = 'frozen'"))
            own_server.pause()
            connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        cut_off()
    own_server.resume()
    assert names(search(gallery, template(1))) == ["anna"]
    assert gallery.withdraw("anna").absent


def test_a_restart_is_waited_for(served: Galleries, own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "RECONNECT_SECONDS", 60.0)
    gallery = served.new()
    own_server.pause()
    back = threading.Thread(target=own_server.resume)
    back.start()
    gallery.enrol_templates([row("anna", template(1))])
    back.join()
    assert gallery.status().subjects == 1


def test_a_statement_without_end_is_ended(served: Galleries) -> None:
    gallery = served.new()

    def for_ever() -> None:
        with gallery._database.read() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 50"))
            connection.execute(text("SELECT pg_sleep(600)"))

    with pytest.raises(GalleryBusy):
        for_ever()
    with gallery._database.read() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "5min"
    with gallery._database.turn(3, wait=True) as held:
        assert held
    with gallery._database.read() as connection:  # the same connection again, with its limit
        assert connection.scalar(text("SHOW statement_timeout")) == "5min"


def test_workers_that_enrol_at_once_lose_nothing(served: Galleries) -> None:
    workers = [served.new(), *(served.open() for _ in range(3))]
    failures: list[BaseException] = []

    def enrol(number: int) -> None:
        try:
            for one in range(8):
                seed = 100 * number + one
                workers[number].enrol_templates([row(f"subject-{seed}", template(seed))])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=enrol, args=(number,)) for number in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    for worker in workers:
        assert worker.status().subjects == 32
        assert names(search(worker, template(307))) == ["subject-307"]
