"""Sealed images as files: ``blobs/ab/abcdef....sealed``. This keeper sees ciphertext only.

Rules kept here:

* An image is first *staged* (written and synced beside its place), then its row is committed in the store, then
  it is *put in place* by a rename, which needs no room on the disk. After a crash, :meth:`FolderBlobs.recover`
  finishes or undoes what a dead process left, asking the store which images it knows.
* Each process stages in a folder of its own that it keeps locked, so a living writer is never disturbed.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from countenance.errors import SealBroken
from countenance.holding import Absence, Holding, Target
from countenance.terms import ArtefactClass
from countenance.vault.files import disk_errors, sync_folder, write_whole

_SUFFIX = ".sealed"


class FolderBlobs:
    """Sealed images in a folder of the local file system; also the Holder of images."""

    name = "blobs"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging: Path | None = None
        self._lock = -1

    def stage(self, image_id: str, sealed: bytes) -> None:
        """Write ``sealed`` durably, not yet in its place. Raises DiskFull and leaves nothing."""
        write_whole(self._own_staging() / (image_id + _SUFFIX), sealed)

    def commit(self, image_id: str) -> None:
        """Put a staged image in its place; called after the store has committed its row.

        Raises FileNotFoundError when an erasure has deleted it in the meantime.
        """
        place = self._place(image_id)
        with disk_errors():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._own_staging() / place.name).rename(place)
            sync_folder(place.parent)

    def discard(self, image_id: str) -> None:
        """Drop a staged image whose row was not committed."""
        with disk_errors():
            (self._own_staging() / (image_id + _SUFFIX)).unlink(missing_ok=True)

    def read(self, image_id: str) -> bytes:
        """The sealed bytes. Raises SealBroken when the file is missing."""
        try:
            return self._place(image_id).read_bytes()
        except FileNotFoundError as error:
            raise SealBroken(f"The sealed image {image_id} is missing.") from error

    def delete(self, image_ids: Sequence[str]) -> int:
        """Remove images, in place or staged; returns how many were there. May be repeated."""
        removed = 0
        folders = set()
        with disk_errors():
            for image_id in image_ids:
                for path in self._everywhere(image_id):
                    path.unlink(missing_ok=True)
                    folders.add(path.parent)
                    removed += 1
            for folder in folders:
                sync_folder(folder)
        return removed

    def recover(self, known: Callable[[str], bool]) -> tuple[int, int]:
        """Finish (``known`` images) or undo what dead processes staged; returns how many of each."""
        finished = undone = 0
        for staging in self._folder.glob(".staging-*"):
            if staging == self._staging:
                continue
            lock = self._try_lock(staging)
            if lock is None:
                continue
            for path in staging.glob("*" + _SUFFIX):
                image_id = path.name.removesuffix(_SUFFIX)
                if _is_id(image_id) and known(image_id):
                    place = self._place(image_id)
                    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    path.rename(place)
                    sync_folder(place.parent)
                    finished += 1
                else:
                    path.unlink()
                    undone += 1
            for leftover in staging.iterdir():
                leftover.unlink()
            staging.rmdir()
            os.close(lock)
        return finished, undone

    def close(self) -> None:
        """Remove this process's empty staging folder and its lock."""
        if self._staging is not None:
            with suppress(OSError):
                (self._staging / "lock").unlink()
                self._staging.rmdir()
            os.close(self._lock)
            self._staging, self._lock = None, -1

    # -- Holder ---------------------------------------------------------------------------------------------

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many image files of the targets exist."""
        count = sum(1 for image_id in _images(targets) for _ in self._everywhere(image_id))
        return (Holding(self.name, "images", count),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Delete the targets' image files."""
        return (Holding(self.name, "images", self.delete(_images(targets))),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Look for each file by its name, in place and staged."""
        left = sum(1 for image_id in _images(targets) for _ in self._everywhere(image_id))
        return Absence(self.name, left == 0, "no file bears the name of an erased image", left)

    # -- places ---------------------------------------------------------------------------------------------

    def _place(self, image_id: str) -> Path:
        if not _is_id(image_id):
            raise SealBroken(f"{image_id!r} is not the id of an image.")
        return self._folder / image_id[:2] / (image_id + _SUFFIX)

    def _everywhere(self, image_id: str) -> list[Path]:
        place = self._place(image_id)
        return [p for p in (place, *self._folder.glob(f".staging-*/{place.name}")) if p.exists()]

    def _own_staging(self) -> Path:
        if self._staging is None:
            staging = self._folder / f".staging-{secrets.token_hex(8)}"
            with disk_errors():
                staging.mkdir(parents=True, mode=0o700)
            lock = self._try_lock(staging)
            if lock is None:
                return self._own_staging()
            self._staging, self._lock = staging, lock
        return self._staging

    @staticmethod
    def _try_lock(staging: Path) -> int | None:
        try:
            descriptor = os.open(staging / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if not (staging / "lock").exists():  # its last owner was cleaned away between our open and our lock
            os.close(descriptor)
            return None
        return descriptor


def _is_id(image_id: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", image_id) is not None


def _images(targets: Sequence[Target]) -> list[str]:
    return [i for target in targets if ArtefactClass.IMAGE in target.artefacts for i in target.image_ids]
