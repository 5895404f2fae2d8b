"""``gallery.json``: what a data folder is, readable before anything else is opened.

Rules kept here: it is written last when a gallery is made, so a folder without it was never finished; a folder of a
newer format is refused untouched.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import GalleryError, GalleryMissing, GalleryNewer
from countenance.settings import ObjectStorage, Settings
from countenance.store.database import Database
from countenance.vault.blob_store import BlobStore
from countenance.vault.blobs import FolderBlobs
from countenance.vault.bucket import Bucket, Place
from countenance.vault.files import write_whole
from countenance.vault.keys import KeyRing
from countenance.vault.s3_blobs import S3Blobs
from countenance.vault.transit import Transit

FORMAT = 2
"""2: images may be in object storage. A gallery that has none of it is still written as 1, for older versions."""

_FILE = "gallery.json"
DATABASE_FILE = "gallery.db"


@dataclass(frozen=True, slots=True)
class Description:
    """The gallery's identity and where its database and images are; None means in the folder."""

    gallery_id: str
    created_utc: str
    database_url: str | None
    blobs_url: str | None = None

    def write(self, folder: Path) -> None:
        """Write it into ``folder``, durably."""
        record = {
            "format": 1 if self.blobs_url is None else FORMAT,
            "gallery_id": self.gallery_id,
            "created_utc": self.created_utc,
            "database_url": self.database_url,
        }
        if self.blobs_url is not None:
            record["blobs_url"] = self.blobs_url
        write_whole(folder / _FILE, json.dumps(record, indent=2).encode())

    def database(self, folder: Path) -> Database:
        """The gallery's database, unopened."""
        if self.database_url is not None:
            return Database.at(self.database_url)
        return Database.of_file(folder / DATABASE_FILE)

    def ring(self, settings: Settings) -> KeyRing:
        """The gallery's key ring. Raises KeysMissing, KeysForeign, KeyServiceError."""
        return KeyRing.open(settings.keys, self.gallery_id, Transit(settings.key_service))

    def blobs(self, folder: Path, storage: ObjectStorage) -> BlobStore:
        """The gallery's keeper of images, not yet asked anything."""
        notes = folder / "blobs"
        if self.blobs_url is None:
            return FolderBlobs(notes)
        return S3Blobs(Bucket(Place.of(self.blobs_url), storage), self.gallery_id, notes)


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
            str(record["gallery_id"]), str(record["created_utc"]), record["database_url"], record.get("blobs_url")
        )
    except KeyError as error:
        raise GalleryError(f"{_FILE} in {folder} lacks {error}.", remedy="Restore it from a backup.") from error
