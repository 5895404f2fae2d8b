"""Which version of the schema a database has, and bringing an older one up to this program's.

Rules kept here:

* A database of a newer version is refused untouched; nothing is ever "upgraded" downwards.
* A migration is one transaction, alone: no writer works beside it, a second migrator waits and then finds nothing
  left to do. Killed in the middle, the database is as it was.
* A database on a server, which processes of several versions may share, is migrated only when somebody asked for
  it. SQLite in the folder, which one machine uses, is brought up to date at opening unless that was forbidden.
* Opening a database of this version, which is what nearly always happens, does not load the migrations' library:
  that takes a second. Migrations are numbered by their files' names (a test compares them).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from countenance.errors import GalleryMissing, GalleryNewer, SchemaOlder
from countenance.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: the version that it makes, and what it adds."""

    version: str
    adds: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The version of a database and what separates it from this program's."""

    present: str
    known: str
    missing: tuple[Step, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        steps = [{"version": step.version, "adds": step.adds} for step in self.missing]
        return {"from": self.present, "to": self.known, "steps": steps}


def standing(database: Database) -> Standing:
    """Where a database stands. Raises GalleryMissing for an empty one, GalleryNewer for one of a later version."""
    with database.read() as connection:
        present = _present(connection)
    if present is not None and present == newest():
        return Standing(present, present, ())
    # Imported here, see above.
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_alembic())
    head = str(script.get_current_head())
    if present is None:
        raise GalleryMissing("The database holds no gallery.")
    if present not in {revision.revision for revision in script.walk_revisions()}:
        raise GalleryNewer(f"The database has the schema version {present}, which this version does not know.")
    later = [one for one in script.iterate_revisions(head, present) if one.revision != present]
    steps = tuple(Step(one.revision, (one.doc or "").strip().rstrip(".")) for one in reversed(later))
    return Standing(present, head, steps)


def migrate(database: Database) -> None:
    """Bring an older or empty database to this version; does nothing to one that is there already."""
    from alembic import command  # here, see above

    with database.alone() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check(database: Database, *, may_migrate: bool | None) -> None:
    """Make sure of this version; ``may_migrate`` None: only a database that is a file is brought up to it.

    Raises SchemaOlder, GalleryMissing, GalleryNewer.
    """
    found = standing(database)
    if not found.missing:
        return
    if may_migrate is None:
        may_migrate = database.file is not None
    if not may_migrate:
        raise SchemaOlder(
            f"The database has the schema version {found.present}; this version of the program needs {found.known}."
        )
    migrate(database)


def newest() -> str:
    """This program's version of the schema, by the names of the migrations' files."""
    names = (entry.name for entry in resources.files("countenance.migrations.versions").iterdir())
    return max(name[1:5] for name in names if name.startswith("v") and name.endswith(".py"))


def _present(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def _alembic() -> Config:
    from alembic.config import Config  # here, see above

    config = Config()
    config.set_main_option("script_location", str(resources.files("countenance.migrations")))
    config.set_main_option("path_separator", "os")
    return config
