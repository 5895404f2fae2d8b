"""Opening the database, one writer at a time, and turning its errors into ours.

Rules kept here:

* Writers queue: ``BEGIN IMMEDIATE`` on SQLite, an advisory lock on PostgreSQL. Numbers in the change feed are
  therefore given in the order in which they become visible.
* SQLite runs in WAL mode with ``synchronous=FULL`` (a commit survives a power cut) and ``secure_delete`` (freed
  pages are overwritten); after an erasure the WAL is emptied into the database and truncated.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from countenance.errors import DatabaseUnavailable, DiskFull, GalleryBusy, GalleryError, InputInvalid

BUSY_SECONDS = 30
"""How long a second writer waits before it is told."""

MIGRATION_SECONDS = 600
"""How long a second migrator waits for the first, and a migration for the writer before it."""

STATEMENT_SECONDS = 300
"""How long a server may work on one statement; waiting for a lock, VACUUM and migrations are not counted."""

POOL_CONNECTIONS = 8
"""Connections that a process keeps open, and as many more that it may open for a moment."""

POOL_RECYCLE_SECONDS = 1800
"""Age at which a connection is replaced: shorter than the memory of most firewalls."""

RECONNECT_SECONDS = 5.0
"""How long a server may be away, as for its restart, before whoever needs it is told."""

_RECONNECT_ASK_S = 0.2

_SERVER_OPTIONS: dict[str, object] = {
    "connect_timeout": 10,
    "application_name": "countenance",
    "options": f"-c statement_timeout={STATEMENT_SECONDS * 1000}",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""libpq's words; what the gallery's database URL says instead goes before."""

_INSUFFICIENT_PRIVILEGE = "42501"
"""SQLSTATE, PostgreSQL's appendix A."""

_ASK_AGAIN_S = 0.002

_ADVISORY_LOCK = 0x636F756E74656E  # "counten" in ASCII; any number that no other program is likely to take


class Database:
    """One gallery's database. Safe for many threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def at(cls, url: str | URL, *, busy_seconds: float = BUSY_SECONDS) -> Database:
        """The database at an SQLAlchemy URL (``sqlite:///FILE`` or ``postgresql+psycopg://...``), unopened."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(parsed, connect_args={"timeout": busy_seconds, "check_same_thread": False})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", lambda connection: _begin_sqlite(connection, busy_seconds))
        else:
            engine = create_engine(
                parsed,
                pool_pre_ping=True,
                pool_size=POOL_CONNECTIONS,
                max_overflow=POOL_CONNECTIONS,
                pool_timeout=busy_seconds,
                pool_recycle=POOL_RECYCLE_SECONDS,
                connect_args={name: value for name, value in _SERVER_OPTIONS.items() if name not in parsed.query},
            )
        return cls(engine)

    @classmethod
    def of_file(cls, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> Database:
        """The SQLite database in ``path``."""
        return cls.at(URL.create("sqlite", database=str(path)), busy_seconds=busy_seconds)

    @property
    def backend(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._engine.dialect.name

    @property
    def file(self) -> Path | None:
        """The database file, or None when a server keeps it."""
        name = self._engine.url.database
        return Path(name) if self.backend == "sqlite" and name else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a read transaction: one consistent view, never blocked by a writer."""
        level = {"isolation_level": "REPEATABLE READ"} if self.backend == "postgresql" else {}
        with _our_errors(), self._connect().execution_options(**level) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a write transaction: all or nothing. Raises GalleryBusy after ``BUSY_SECONDS``."""
        with (
            _our_errors(),
            self._connect().execution_options(countenance_write=True) as connection,
            connection.begin(),
        ):
            if self.backend == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            yield connection

    @contextmanager
    def turn(self, number: int, *, wait: bool) -> Iterator[bool]:
        """Hold a numbered lock that every process of this database knows; says whether it is held.

        On PostgreSQL a session's advisory lock, let go by the server when the process dies. SQLite's processes
        share a machine, and lock a file beside it; here every turn is then granted.
        """
        if self.backend != "postgresql":
            yield True
            return
        with _our_errors(), self._patient() as connection:
            function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
            answer = connection.execute(text(f"SELECT {function}(:key)"), {"key": _ADVISORY_LOCK + number}).scalar()
            held = wait or bool(answer)
            try:
                yield held
            finally:
                if held:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK + number})

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A write transaction in which the schema may change. Waits ``MIGRATION_SECONDS`` for another one's end."""
        with (
            _our_errors(),
            self._connect().execution_options(countenance_write=True) as connection,
            connection.begin(),
        ):
            if self.backend == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{MIGRATION_SECONDS}s'"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                connection.execute(text(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"))
            yield connection

    def session(self) -> Connection:
        """A connection outside any transaction, for a lock that is held long; see :meth:`end_session`."""
        with _our_errors():
            return self._connect().execution_options(isolation_level="AUTOCOMMIT")

    def session_lives(self, connection: Connection) -> bool:
        """Whether the server still has the session of :meth:`session`, and with it the locks."""
        try:
            connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    def end_session(self, connection: Connection) -> None:
        """End a session and whatever it has locked; the connection is not used again."""
        with suppress(SQLAlchemyError):
            connection.invalidate()
        connection.close()

    def _connect(self) -> Connection:
        """A connection. While a server is away, asks again for a moment: nothing has been sent yet.

        A connection of the pool that the server has closed is noticed and replaced before it is used.
        """
        until = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return self._engine.connect()
            except DBAPIError as error:
                if self.backend != "postgresql" or not _is_gone(error) or time.monotonic() > until:
                    raise
            time.sleep(_RECONNECT_ASK_S)

    @contextmanager
    def _patient(self) -> Iterator[Connection]:
        """A connection to a server outside of a transaction and without a time limit for its statements."""
        with self._connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            try:
                yield connection
            finally:
                if not connection.invalidated:
                    connection.execute(text("RESET statement_timeout"))

    def forget_deleted_rows(self) -> str | None:
        """Leave no deleted row behind in the database's own files; returns what cannot be promised, or None."""
        if self.backend == "sqlite":
            with _our_errors(), self._engine.connect() as connection:
                busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
            if busy:
                return (
                    "a reader kept the write-ahead log from being truncated; sealed rows may be in it until it ends"
                )
            return None
        with _our_errors(), self._patient() as connection:
            connection.execute(text("VACUUM"))
            try:
                connection.execute(text("CHECKPOINT"))
            except DBAPIError as error:  # an ordinary role may not; the server's own next one will do it
                if getattr(error.orig, "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
                    raise
        return "PostgreSQL keeps recycled write-ahead log files; the rows in them are sealed under destroyed keys"

    def copy_to(self, file: Path) -> None:
        """Copy the database as it is at one moment to ``file``, while others read and write. SQLite only."""
        with _our_errors(), self._engine.connect() as connection, closing(sqlite3.connect(file)) as target:
            source = connection.connection.driver_connection
            try:
                source.backup(target)  # type: ignore[union-attr]
            except sqlite3.Error as error:
                raise GalleryError("The database could not be copied.", remedy="See the cause.") from error

    def size_bytes(self) -> int:
        """Bytes of the database on disk, write-ahead log included; 0 when a server keeps it."""
        if self.file is None:
            return 0
        parts = [self.file.with_name(self.file.name + suffix) for suffix in ("", "-wal", "-shm")]
        return sum(part.stat().st_size for part in parts if part.exists())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _prepare_sqlite(connection: object, _record: object) -> None:
    connection.isolation_level = None  # type: ignore[attr-defined]  # we say BEGIN ourselves, see _begin_sqlite
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection, busy_seconds: float) -> None:
    """Begin; a writer asks again every few milliseconds for as long as another one is writing.

    SQLite's own waiting asks every tenth of a second after a while, and then hardly ever finds the gap between two
    transactions of a bulk addition: a search that has to be put on record would wait for all of it.
    """
    raw: object = connection.connection.dbapi_connection
    if not connection.get_execution_options().get("countenance_write") or not isinstance(raw, sqlite3.Connection):
        connection.exec_driver_sql("BEGIN")
        return
    deadline = time.monotonic() + busy_seconds
    raw.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < deadline:
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
            else:
                return
            time.sleep(_ASK_AGAIN_S)
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the error, in the words that are translated below
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(busy_seconds * 1000)}")


def _is_gone(error: DBAPIError) -> bool:
    """Whether the server, and not the statement, is what failed. SQLSTATE: PostgreSQL's appendix A."""
    if not type(error.orig).__module__.startswith("psycopg"):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # libpq itself: no server, no answer, a connection cut off
        return isinstance(error, OperationalError)
    return state.startswith("08") or state in ("57P01", "57P02", "57P03", "53300")


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        words = str(error.orig).lower()
        if _is_gone(error):
            raise DatabaseUnavailable("The database server is not there, or ended the connection.") from error
        if isinstance(error, DataError) and "nul (0x00)" in words:  # SQLite keeps it, PostgreSQL does not
            raise InputInvalid("The character NUL is in a text; the database cannot keep it.") from error
        if state == "57014":
            raise GalleryBusy(f"The database did not finish within {STATEMENT_SECONDS} seconds.") from error
        if "is full" in words or state == "53100":
            raise DiskFull("There is no room left on the database's disk.") from error
        if "locked" in words or "busy" in words or state in ("55P03", "40001", "40P01"):
            raise GalleryBusy("Another process is writing to this gallery and did not finish in time.") from error
        if "readonly" in words or "read-only" in words or state == "25006":
            raise GalleryError(
                "The database cannot be written.", remedy="Check the data folder's owner and mode."
            ) from error
        if "disk i/o error" in words or "unable to open" in words:  # what SQLite says when its WAL finds no room
            raise GalleryError(
                "The disk of the database refuses.", remedy="Make room on it, or look whether it is damaged."
            ) from error
        if "malformed" in words or "not a database" in words:
            raise GalleryError(
                "The database is damaged.", remedy="Restore the data folder from a backup."
            ) from error
        raise GalleryError("The database refused.", remedy="See the cause with --debug.") from error
    except PoolTimeout as error:
        raise GalleryBusy("All connections to the database are in use.") from error
    except SQLAlchemyError as error:
        raise GalleryError("The database refused.", remedy="See the cause with --debug.") from error
