"""``gallery.json``: what a data folder is, readable before anything else is opened.

Rules kept here: it is written last when a gallery is made, so a folder without it was never finished; a folder of a
newer format is refused untouched.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import GalleryError, GalleryMissing, GalleryNewer
from countenance.store.database import Database
from countenance.vault.files import write_whole

FORMAT = 1
_FILE = "gallery.json"
DATABASE_FILE = "gallery.db"


@dataclass(frozen=True, slots=True)
class Description:
    """The gallery's identity and where its database is; ``database_url`` None means SQLite in the folder."""

    gallery_id: str
    created_utc: str
    database_url: str | None
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write it into ``folder``, durably."""
        record = {
            "format": self.format,
            "gallery_id": self.gallery_id,
            "created_utc": self.created_utc,
            "database_url": self.database_url,
        }
        write_whole(folder / _FILE, json.dumps(record, indent=2).encode())

    def database(self, folder: Path) -> Database:
        """The gallery's database, unopened."""
        if self.database_url is not None:
            return Database.at(self.database_url)
        return Database.of_file(folder / DATABASE_FILE)


def read(folder: Path) -> Description:
    """The description in ``folder``. Raises GalleryMissing, GalleryNewer, or GalleryError when it is damaged."""
    try:
        record = json.loads((folder / _FILE).read_bytes())
    except FileNotFoundError as error:
        raise GalleryMissing(f"There is no gallery in {folder}.") from error
    except (OSError, ValueError) as error:
        raise GalleryError(f"{_FILE} in {folder} cannot be read.", remedy="Restore it from a backup.") from error
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise GalleryError(f"{_FILE} in {folder} is damaged.", remedy="Restore it from a backup.")
    if record["format"] > FORMAT:
        raise GalleryNewer(f"The gallery in {folder} has format {record['format']}; this version knows {FORMAT}.")
    try:
        return Description(
            str(record["gallery_id"]), str(record["created_utc"]), record["database_url"], record["format"]
        )
    except KeyError as error:
        raise GalleryError(f"{_FILE} in {folder} lacks {error}.", remedy="Restore it from a backup.") from error
