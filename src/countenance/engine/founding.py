"""Making a gallery: whole or not at all.

Rules kept here:

* Everything is made in a folder beside the final one and renamed at the end; keys first, so that a data folder
  never exists without its keys.
* One process at a time makes the gallery of a folder; another is told so and touches nothing.
* An attempt that fails takes away what it has put there itself, and nothing else.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import inspect

from countenance import clock
from countenance.clock import Clock
from countenance.errors import BlobsError, GalleryBusy, GalleryExists
from countenance.recognition.gallery.migrate import ACTIVE_MODEL
from countenance.recognition.models.package import bundled_template_model
from countenance.settings import Settings
from countenance.store import numbering, schema_version
from countenance.store.database import Database
from countenance.store.description import DATABASE_FILE, Description
from countenance.vault import s3_blobs
from countenance.vault.bucket import Bucket, Place
from countenance.vault.files import claimed, disk_errors, sync_folder
from countenance.vault.keys import KeyRing
from countenance.vault.transit import Transit

GALLERY_ID = "gallery_id"
"""The fact that ties a database to its folder."""

MIRRORED = "mirrored"
"""The fact that says how templates are extracted: ``yes`` or ``no``."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where records and images are kept, None: in the data folder; what wraps the keys, None: nothing."""

    database_url: str | None = None
    blobs_url: str | None = None
    keys_wrapped_by: str | None = None


def found(settings: Settings, kept: Kept, mirrored: bool, clock_: Clock) -> None:
    """Make an empty gallery.

    Raises GalleryExists, GalleryBusy where another process is at it, DiskFull, BlobsError or KeyServiceError; then
    nothing is left of the attempt, but for empty tables that a server's database may have by then.
    """
    place, keys = settings.folder, settings.keys
    _check_empty(place, keys)
    real_place, real_keys = place.resolve(), keys.resolve()
    if real_keys == real_place or real_place in real_keys.parents or real_keys in real_place.parents:
        raise GalleryExists(f"The key folder {keys} and the data folder must not lie one inside the other.")
    with disk_errors():
        place.parent.mkdir(parents=True, exist_ok=True)
        keys.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        _check_empty(place, keys)  # again: somebody may have made it before this process was alone
        _make(settings, kept, mirrored, clock_)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    with disk_errors(), claimed(place.with_name(f".{place.name}.init")) as held:
        if not held:
            raise GalleryBusy(f"Another init of {place} is under way.")
        yield


def _check_empty(place: Path, keys: Path) -> None:
    for folder in (place, keys):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise GalleryExists(f"{folder} exists and is not empty.")


def _make(settings: Settings, kept: Kept, mirrored: bool, clock_: Clock) -> None:
    place, keys = settings.folder, settings.keys
    bucket = None if kept.blobs_url is None else Bucket(Place.of(kept.blobs_url), settings.object_storage)
    database_url = kept.database_url
    gallery_id = secrets.token_hex(16)
    mark = secrets.token_hex(4)
    new_place = place.with_name(f".{place.name}.new-{mark}")
    new_keys = keys.with_name(f".{keys.name}.new-{mark}")
    bucket_claimed = keys_placed = placed = False
    try:
        with disk_errors():
            new_place.mkdir(mode=0o700)
        if bucket is not None:
            s3_blobs.claim(bucket, gallery_id)
            bucket_claimed = True
        KeyRing.create(new_keys, gallery_id, Transit(settings.key_service), kept.keys_wrapped_by).close()
        file = new_place / DATABASE_FILE
        if database_url is None:
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # SQLite would ask the umask
        database = Database.of_file(file) if database_url is None else Database.at(database_url)
        try:
            _write_facts(database, gallery_id, mirrored)
        finally:
            database.close()
        Description(gallery_id, clock.to_text(clock_.now()), database_url, kept.blobs_url).write(new_place)
        with disk_errors(), _unless_taken():
            new_keys.rename(keys)
            keys_placed = True
            new_place.rename(place)
            placed = True
            sync_folder(keys.parent)
            sync_folder(place.parent)
    except BaseException:
        if not placed:
            _remove(new_place)
            _remove(new_keys)
            if keys_placed:
                _remove(keys)
            if bucket is not None and bucket_claimed:
                with suppress(BlobsError):  # whoever tries again names a new prefix
                    s3_blobs.give_up(bucket)
        raise
    finally:
        if bucket is not None:
            bucket.close()


@contextmanager
def _unless_taken() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise GalleryExists(f"{error.filename2} is not empty any more.") from error
        raise


def _write_facts(database: Database, gallery_id: str, mirrored: bool) -> None:
    with database.read() as connection:
        if inspect(connection).get_table_names():
            raise GalleryExists("The database is not empty.")
    schema_version.migrate(database)
    with database.write() as connection:
        numbering.set_fact(connection, GALLERY_ID, gallery_id)
        numbering.set_fact(connection, ACTIVE_MODEL, bundled_template_model().manifest.sha256)
        numbering.set_fact(connection, MIRRORED, "yes" if mirrored else "no")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
