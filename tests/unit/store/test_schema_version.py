"""A database is brought up to date when that was asked for, alone, and once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from countenance import Countenance
from countenance.cli.main import run
from countenance.clock import SteppedClock
from countenance.engine import founding
from countenance.errors import SchemaOlder
from countenance.settings import Settings
from countenance.store import description, schema_version
from countenance.store.database import Database
from tests.galleries import START, Galleries, permit

OLDER = "0004"


@pytest.fixture
def older(both: Galleries, monkeypatch: pytest.MonkeyPatch) -> Galleries:
    """A gallery as an older version of the program made it."""

    def as_it_was(database: Database) -> None:
        with database.alone() as connection:
            config = schema_version._alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, OLDER)

    with monkeypatch.context() as patched:
        patched.setattr(founding.schema_version, "migrate", as_it_was)
        url = None if both.new_database is None else both.new_database()
        founding.found(Settings.of(both.folder, cache=both.cache), founding.Kept(url), False, SteppedClock(START))
    return both


def version(folder: Path) -> str:
    """What the database itself says."""
    database = description.read(folder).database(folder)
    with database.read() as connection:
        found = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    database.close()
    return found


def test_an_older_database_is_not_migrated_against_one_s_word(older: Galleries) -> None:
    with pytest.raises(SchemaOlder) as raised:
        Countenance(older.folder, cache=older.cache, migrate=False)
    assert raised.value.code == "schema_older"
    assert version(older.folder) == OLDER


def test_unasked_a_file_is_migrated_and_a_server_is_not(older: Galleries) -> None:
    if older.new_database is None:
        permit(older.open(), "anna")
        assert version(older.folder) > OLDER
    else:
        with pytest.raises(SchemaOlder):
            older.open()
        assert version(older.folder) == OLDER


def test_asked_for_it_is_migrated_and_works(older: Galleries) -> None:
    with Countenance(older.folder, cache=older.cache, migrate=True, clock=older.clock) as gallery:
        permit(gallery, "anna")
    assert version(older.folder) > OLDER


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    older: Galleries, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["migrate", "--dry-run", "--gallery", str(older.folder)]) == 0
    said = capsys.readouterr().out
    assert f"would be brought from schema version {OLDER} to " in said
    assert version(older.folder) == OLDER
    assert run(["migrate", "--gallery", str(older.folder)]) == 0
    assert "was brought from" in capsys.readouterr().out
    assert run(["migrate", "--gallery", str(older.folder)]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_several_processes_that_migrate_at_once_migrate_once(older: Galleries) -> None:
    databases = [description.read(older.folder).database(older.folder) for _ in range(4)]
    failures: list[BaseException] = []
    together = threading.Barrier(len(databases))

    def one(database: Database) -> None:
        try:
            assert schema_version.standing(database).missing
            together.wait(30)
            schema_version.migrate(database)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert schema_version.standing(databases[0]).missing == ()
    for database in databases:
        database.close()
