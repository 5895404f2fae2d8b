"""Backup and restore: one file with sealed data and wrapped keys only.

This lives in the engine because a backup is taken from several keepers at once (store, blobs, log,
certificates), and no one of them may know the others.

Rules kept here:

* The key folder is never in a backup, and neither is an index snapshot: what is in it opens only with the present
  key ring, so whoever was erased since it was taken stays erased.
* Images in object storage are not in a backup, which says so: the restored records find them where they are.
* The database is copied as it was at one moment (SQLite's online backup); images are those that it lists.
* A backup has its name when it is whole and on the disk; a restored gallery has its name when every file of it was
  checked against the backup's own digests.
* A restored log is an old one. It is kept to be read, and a new log begins that names the old one's last state:
  continuing it would sign two histories (custody.proof.logbook).
"""

from __future__ import annotations

import io
import json
import os
import re
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO

from countenance import clock
from countenance.clock import Clock
from countenance.custody.proof import logbook
from countenance.errors import BackupElsewhere, BackupUnusable, GalleryExists, InputInvalid
from countenance.settings import Settings
from countenance.store import references, subjects
from countenance.store.database import Database
from countenance.store.description import DATABASE_FILE, Description
from countenance.vault.files import disk_errors, sync_folder
from countenance.vault.keys import KeyRing
from countenance.vault.transit import Transit

VERSION = 1
MANIFEST = "backup.json"
KIND = "countenance-backup"
_NAME = re.compile(
    r"gallery\.json|gallery\.db|blobs/[0-9a-f]{2}/[0-9a-f]{32}\.sealed|models/[\w.-]+(/[\w.-]+)*"
    r"|certificates/[0-9a-f]{32}\.json|calibrations/[0-9a-f]{16}-[a-z]+\.json"
    r"|log\.json|log(-[0-9a-f]{16})?/(checkpoint|tile/[\w./-]+)"
)
_MANIFEST_BYTES = 1 << 30

RESTORED_NOTES = (
    "An order that was served after the backup was taken is not in it: serve it again, and freeze it again.",
    "A permission that was changed after the backup was taken has its old terms: record it again.",
    "The log that was restored is kept to be read; a new log was begun and names its last state.",
)
"""What no backup can know, said at every restore."""

IMAGES_ELSEWHERE_NOTE = (
    "The images are in object storage and were not in the backup. Those of enrolments after it was taken lie there"
    " without a record: countenance expire --stray-images deletes them."
)
"""Not done unasked: another copy of this gallery may still be at work on the same bucket."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written."""

    out: Path
    taken_utc: str
    subjects: int
    images: int
    size_bytes: int
    images_elsewhere: str | None = None
    """Where the images are that this file does not hold, or None."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "out": str(self.out),
            "taken": self.taken_utc,
            "subjects": self.subjects,
            "images": self.images,
            "bytes": self.size_bytes,
            "images_elsewhere": self.images_elsewhere,
        }


@dataclass(frozen=True, slots=True)
class Restored:
    """A gallery that was restored, and what of it could not be opened any more."""

    folder: Path
    taken_utc: str
    subjects: int
    images: int
    unopenable_subjects: int
    unopenable: int
    """Records (images, templates, permissions, ...) of subjects whose keys are destroyed; deleted again."""
    images_elsewhere: str | None = None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "folder": str(self.folder),
            "taken": self.taken_utc,
            "subjects": self.subjects,
            "images": self.images,
            "unopenable_subjects": self.unopenable_subjects,
            "unopenable": self.unopenable,
            "notes": [*RESTORED_NOTES, *([] if self.images_elsewhere is None else [IMAGES_ELSEWHERE_NOTE])],
            "images_elsewhere": self.images_elsewhere,
        }


def write_backup(
    settings: Settings, description: Description, database: Database, out: Path, clock_: Clock
) -> Backup:
    """Write the gallery's sealed data to the file ``out``.

    Raises BackupElsewhere for a gallery on PostgreSQL, InputInvalid for a place inside the gallery or its keys,
    GalleryExists when there is a file of that name, DiskFull; then nothing was written.
    """
    if description.database_url is not None:
        raise BackupElsewhere("The records of this gallery are in PostgreSQL, which has its own tools for backups.")
    place = out.expanduser().absolute()
    if any(folder == place or folder in place.parents for folder in (settings.folder, settings.keys)):
        raise InputInvalid("A backup must not lie inside the data folder or beside the keys.")
    if place.exists() or not place.parent.is_dir():
        raise GalleryExists(f"{place} exists, or the folder for it does not.", remedy="Name a new file.")
    taken = clock.to_text(clock_.now())
    mark = secrets.token_hex(4)
    copy, temporary = (place.with_name(f".{place.name}.{mark}{ending}") for ending in (".db", ""))
    try:
        with disk_errors():
            _new_file(copy).close()
            listed = _copied_database(database, copy)
            with _new_file(temporary) as file:
                digests = _write_files(file, settings.folder, copy, listed)
                manifest = {
                    "kind": KIND,
                    "version": VERSION,
                    "gallery_id": description.gallery_id,
                    "taken_utc": taken,
                    "files": digests,
                }
                _append_manifest(file, json.dumps(manifest, sort_keys=True).encode())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)
            sync_folder(place.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
            copy.unlink(missing_ok=True)
    kept = sum(1 for name in digests if name.startswith("blobs/"))
    return Backup(place, taken, listed.subjects, kept, place.stat().st_size, description.blobs_url)


def unpack(backup: Path, settings: Settings) -> str:
    """Put a backup's files into the data folder, which must be empty; returns when it was taken.

    The key folder must be that of the same gallery, as it is now. The gallery still has to be opened once, which
    deletes again what cannot be opened any more. Raises BackupUnusable, GalleryExists, KeysMissing, KeysForeign,
    DiskFull; then nothing was made.
    """
    place = settings.folder
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise GalleryExists(f"{place} exists and is not empty.", remedy="Restore into a new folder.")
    fresh = place.with_name(f".{place.name}.restoring-{secrets.token_hex(4)}")
    try:
        with disk_errors():
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh.mkdir(mode=0o700)
        manifest = _extract(backup, fresh)
        KeyRing.open(settings.keys, str(manifest["gallery_id"]), Transit(settings.key_service)).close()
        logbook.begin_anew(fresh)
        with disk_errors():
            fresh.replace(place)
            sync_folder(place.parent)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return str(manifest["taken_utc"])


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the copied database says."""

    subjects: int
    image_ids: tuple[str, ...]


def _copied_database(database: Database, copy: Path) -> _Listed:
    database.copy_to(copy)
    copied = Database.of_file(copy)
    try:
        with copied.read() as connection:
            ids = references.image_ids_by_subject(connection)
            return _Listed(len(subjects.numbers(connection)), tuple(i for some in ids.values() for i in some))
    finally:
        copied.close()
        for suffix in ("-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _files(folder: Path, copy: Path, listed: _Listed) -> Iterator[tuple[str, Path]]:
    yield "gallery.json", folder / "gallery.json"
    yield DATABASE_FILE, copy
    for image_id in listed.image_ids:
        name = f"blobs/{image_id[:2]}/{image_id}.sealed"
        yield name, folder / name
    for part in ("calibrations", "certificates", "models"):
        for path in sorted((folder / part).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(folder).as_posix(), path
    if (folder / logbook.FILE).exists():
        yield logbook.FILE, folder / logbook.FILE
    for log in sorted(path for path in folder.glob("log*") if path.is_dir()):
        # The checkpoint first: whatever it covers is on the disk by then and is never rewritten.
        yield f"{log.name}/checkpoint", log / "checkpoint"
        for path in sorted((log / "tile").rglob("*")):
            yield path.relative_to(folder).as_posix(), path


def _write_files(file: io.BufferedWriter, folder: Path, copy: Path, listed: _Listed) -> dict[str, str]:
    digests = {}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in _files(folder, copy, listed):
            try:
                with path.open("rb") as source:
                    digests[name] = file_digest(source, "sha256").hexdigest()
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mode = source.seek(0, os.SEEK_END), 0o600
                    source.seek(0)
                    archive.addfile(entry, source)
            except (FileNotFoundError, IsADirectoryError):
                continue  # erased, or replaced by a wider tile, since it was listed
    return digests


def _append_manifest(file: io.BufferedWriter, data: bytes) -> None:
    """The manifest as an archive of its own after the first: it can be written only when all digests are known."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mode = len(data), 0o600
        archive.addfile(entry, io.BytesIO(data))


def _extract(backup: Path, into: Path) -> dict[str, object]:
    found: dict[str, str] = {}
    manifest: dict[str, object] | None = None
    try:
        with tarfile.open(backup, "r:", ignore_zeros=True) as archive:
            for entry in archive:
                source = archive.extractfile(entry) if entry.isreg() else None
                if source is None:
                    raise BackupUnusable("The backup holds something that is no file.")
                if entry.name == MANIFEST:
                    manifest = json.loads(source.read(_MANIFEST_BYTES))
                    continue
                if not _NAME.fullmatch(entry.name) or ".." in entry.name.split("/") or entry.name in found:
                    raise BackupUnusable("The backup holds a file that no gallery has.")
                found[entry.name] = _written(source, into / entry.name)
    except FileNotFoundError as error:
        raise InputInvalid(f"{backup} cannot be read.", remedy="Check the path.") from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BackupUnusable("The file is no backup of a gallery, or is cut short.") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND or manifest.get("version") != VERSION:
        raise BackupUnusable("The file is no backup of a gallery that this version knows, or is cut short.")
    if manifest.get("files") != found or DATABASE_FILE not in found or "gallery.json" not in found:
        raise BackupUnusable("The backup is damaged: its files are not those that it lists.")
    return manifest


def _written(source: IO[bytes], path: Path) -> str:
    """Copy a stream to ``path`` durably; returns its SHA-256."""
    digest = sha256()
    with disk_errors():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _new_file(path) as target:
            while block := source.read(1 << 20):
                digest.update(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
    return digest.hexdigest()


def _new_file(path: Path) -> io.BufferedWriter:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
