"""Sealed images as files: ``blobs/ab/abcdef....sealed``. This keeper sees ciphertext only.

Rules kept here:

* An image is first *staged* (written and synced beside its place), then its row is committed in the store, then
  it is *put in place* by a rename, which needs no room on the disk. After a crash, :meth:`FolderBlobs.recover`
  finishes or undoes what a dead process left, asking the store which images it knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from countenance.errors import SealBroken
from countenance.holding import Absence, Holding, Target
from countenance.vault.blob_store import SUFFIX, images_of, is_id, relative_place
from countenance.vault.files import disk_errors, sync_folder, write_whole
from countenance.vault.staging import Staging


class FolderBlobs:
    """Sealed images in a folder of the local file system; a BlobStore."""

    name = "blobs"
    elsewhere: str | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staging = Staging(folder)

    def stage(self, image_id: str, sealed: bytes) -> None:
        """Write ``sealed`` durably, not yet in its place. Raises DiskFull and leaves nothing."""
        write_whole(self._staging.own() / self._place(image_id).name, sealed)

    def commit(self, image_id: str) -> None:
        """Put a staged image in its place. Raises FileNotFoundError when an erasure has deleted it."""
        self._put_in_place(self._staging.own() / (image_id + SUFFIX), image_id)

    def discard(self, image_id: str) -> None:
        """Drop a staged image whose row was not committed."""
        with disk_errors():
            (self._staging.own() / (image_id + SUFFIX)).unlink(missing_ok=True)

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

    def count(self, image_ids: Sequence[str]) -> int:
        """How many of these images have a file, in place or staged."""
        return sum(1 for image_id in image_ids for _ in self._everywhere(image_id))

    def recover(self, known: Callable[[str], bool]) -> tuple[int, int]:
        """Finish (``known`` images) or undo what dead processes staged; returns how many of each."""
        finished = undone = 0

        def settle(path: Path) -> None:
            nonlocal finished, undone
            image_id = path.name.removesuffix(SUFFIX)
            if path.suffix == SUFFIX and is_id(image_id) and known(image_id):
                self._put_in_place(path, image_id)
                finished += 1
            else:
                path.unlink()
                undone += path.suffix == SUFFIX

        self._staging.settle_abandoned(settle)
        return finished, undone

    def strays(self, known: Callable[[str], bool]) -> list[str]:
        """Images in place that no record speaks of, as when files of an old copy were put back by hand."""
        ids = [path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"[0-9a-f][0-9a-f]/*{SUFFIX}")]
        return [one for one in ids if is_id(one) and not known(one)]

    def close(self) -> None:
        """Remove this process's empty staging folder and its lock."""
        self._staging.close()

    # -- Holder ---------------------------------------------------------------------------------------------

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many image files of the targets exist."""
        return (Holding(self.name, "images", self.count(images_of(targets))),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Delete the targets' image files."""
        return (Holding(self.name, "images", self.delete(images_of(targets))),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Look for each file by its name, in place and staged."""
        left = self.count(images_of(targets))
        return Absence(self.name, left == 0, "no file bears the name of an erased image", left)

    # -- places ---------------------------------------------------------------------------------------------

    def _place(self, image_id: str) -> Path:
        return self._folder / relative_place(image_id)

    def _put_in_place(self, staged: Path, image_id: str) -> None:
        place = self._place(image_id)
        with disk_errors():
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            staged.rename(place)
            sync_folder(place.parent)

    def _everywhere(self, image_id: str) -> list[Path]:
        place = self._place(image_id)
        return [p for p in (place, *self._staging.everywhere(place.name)) if p.exists()]
