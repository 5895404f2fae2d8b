"""Sealed images in object storage: ``s3://bucket/prefix/ab/abcdef....sealed``. The service sees ciphertext only.

Rules kept here:

* An object is announced by an empty file in the data folder before it is sent, and the file goes when its row is
  committed. What a dead process announced, or a request whose outcome nobody knows, is settled at the next opening.
* Erasing removes every version and every delete marker, not only the newest. What cannot be listed, what a lock
  keeps and what a replica holds is said, and ends in the certificate.
* The place carries the gallery's number, and nothing is written, deleted or found absent in another gallery's
  place: absence in the wrong bucket proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import BlobsError, BlobsForeign, BlobsUnsuitable, GalleryExists, SealBroken
from countenance.holding import Absence, Holding, Target
from countenance.vault.blob_store import SUFFIX, images_of, is_id, relative_place
from countenance.vault.bucket import CONNECTIONS, Bucket, Facts
from countenance.vault.files import disk_errors, sync_folder, write_whole
from countenance.vault.staging import Staging

MARK = "gallery.json"
_ANNOUNCED = ".announced"

DISKS = (
    "what the object storage keeps of deleted objects on its own disks and in its own backups; they are sealed"
    " under destroyed keys"
)
VERSIONS_UNKNOWN = "whether older versions of the objects are left, which these credentials may not list"
LOCKED = "whether a lock kept a version that could not be listed: the bucket has object lock"
LOCK_UNKNOWN = "whether the bucket has object lock, which these credentials may not ask"
REPLICATED = "what the bucket's replica holds: it was not looked at, and deletions of versions do not reach it"
REPLICA_UNKNOWN = "whether the bucket is replicated, which these credentials may not ask"


def claim(bucket: Bucket, gallery_id: str) -> None:
    """Make the place this gallery's own.

    Raises GalleryExists when something is there, BlobsUnsuitable when the bucket forbids deleting, BlobsError.
    """
    if bucket.facts().retains:
        raise BlobsUnsuitable(f"The bucket {bucket.place.bucket} keeps every object for a time by its own rule.")
    if not bucket.is_empty():
        raise GalleryExists(f"{bucket.place.url} is not empty.", remedy="Name a new prefix.")
    bucket.put(MARK, json.dumps({"version": 1, "gallery_id": gallery_id}).encode())


def give_up(bucket: Bucket) -> None:
    """Undo :func:`claim` of a gallery that was not finished."""
    bucket.delete([(MARK, version) for version in bucket.versions(MARK) or (None,)])


class S3Blobs:
    """Sealed images in one place of a bucket; a BlobStore. ``folder`` is where this machine's notes lie."""

    name = "blobs"

    def __init__(self, bucket: Bucket, gallery_id: str, folder: Path) -> None:
        self._bucket = bucket
        self._gallery_id = gallery_id
        self._staging = Staging(folder)
        self._known_place = False

    @property
    def elsewhere(self) -> str | None:
        """The place, as a URL."""
        return self._bucket.place.url

    def stage(self, image_id: str, sealed: bytes) -> None:
        """Announce and send ``sealed``. Raises DiskFull or BlobsError; what may have arrived is undone later."""
        name = relative_place(image_id)
        self._check_place()
        write_whole(self._note(image_id), b"")
        self._bucket.put(name, sealed)

    def commit(self, image_id: str) -> None:
        """Take the announcement back. Raises FileNotFoundError when an erasure has been here."""
        note = self._note(image_id)
        with disk_errors():
            note.unlink()
            sync_folder(note.parent)

    def discard(self, image_id: str) -> None:
        """Delete the object again. Where the service does not answer, the next opening does it."""
        try:
            self._delete_objects([image_id])
        except BlobsError:
            return
        with disk_errors():
            self._note(image_id).unlink(missing_ok=True)

    def read(self, image_id: str) -> bytes:
        """The sealed bytes. Raises SealBroken when there is no such object, BlobsError."""
        name = relative_place(image_id)
        self._check_place()
        sealed = self._bucket.get(name)
        if sealed is None:
            raise SealBroken(f"The sealed image {image_id} is missing.")
        return sealed

    def delete(self, image_ids: Sequence[str]) -> int:
        """Remove objects with all their versions, and announcements; returns how many images were there."""
        if not image_ids:
            return 0
        for image_id in image_ids:
            for note in self._staging.everywhere(image_id + _ANNOUNCED):
                note.unlink(missing_ok=True)
        return self._delete_objects(image_ids)

    def count(self, image_ids: Sequence[str]) -> int:
        """How many of these images have an object, a version or a delete marker."""
        return sum(1 for found in self._look(image_ids) if found.left) if image_ids else 0

    def recover(self, known: Callable[[str], bool]) -> tuple[int, int]:
        """Forget announcements of ``known`` images; delete the others' objects. Asks the service only for those."""
        finished = undone = 0

        def settle(note: Path) -> None:
            nonlocal finished, undone
            image_id = note.name.removesuffix(_ANNOUNCED)
            if is_id(image_id) and known(image_id):
                finished += 1
            elif is_id(image_id):
                self._delete_objects([image_id])
                undone += 1
            note.unlink()

        self._staging.settle_abandoned(settle)
        return finished, undone

    def strays(self, known: Callable[[str], bool]) -> list[str]:
        """Images in the bucket that no record and no announcement speaks of. Lists the whole place."""
        self._check_place()
        ids = [name.rsplit("/", 1)[-1].removesuffix(SUFFIX) for name in self._bucket.names_under("")]
        return [
            one
            for one in ids  # announcements first: they go when the record is there, not before
            if is_id(one) and not self._staging.everywhere(one + _ANNOUNCED) and not known(one)
        ]

    def close(self) -> None:
        """Let go of connections, and remove this process's staging folder if nothing in it is open."""
        self._staging.close()
        self._bucket.close()

    # -- Holder ---------------------------------------------------------------------------------------------

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many objects of the targets exist."""
        return (Holding(self.name, "images", self.count(images_of(targets))),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Delete the targets' objects, every version of them."""
        return (Holding(self.name, "images", self.delete(images_of(targets))),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Ask the service for every version of each object; where that is not allowed, for the object."""
        images = images_of(targets)
        if not images:
            return Absence(self.name, True, "the erased subjects had no images", 0)
        self._known_place = False  # the mark is read again: looking in the wrong place would find nothing too
        facts, found = self._bucket.facts(), self._look(images)
        listed = all(one.listed for one in found)
        left = sum(1 for one in found if one.left)
        what = "no object, version or delete marker" if listed else "no object"
        return Absence(
            self.name,
            left == 0,
            f"the object storage was asked: {what} bears the name of an erased image",
            left,
            "; ".join(_open_ends(facts, listed=listed)),
        )

    # -- objects --------------------------------------------------------------------------------------------

    def _note(self, image_id: str) -> Path:
        return self._staging.own() / (image_id + _ANNOUNCED)

    def _check_place(self) -> None:
        """Raises BlobsForeign unless the place carries this gallery's number."""
        if self._known_place:
            return
        mark = self._bucket.get(MARK)
        try:
            found = json.loads(mark or b"{}").get("gallery_id")
        except (ValueError, AttributeError):
            found = None
        if found != self._gallery_id:
            raise BlobsForeign(f"{self._bucket.place.url} is not the place of this gallery's images.")
        self._known_place = True

    def _look(self, image_ids: Sequence[str]) -> list[_Found]:
        """What is left of each image."""
        names = [relative_place(image_id) for image_id in image_ids]
        self._check_place()
        with ThreadPoolExecutor(min(CONNECTIONS, len(names))) as pool:
            return list(pool.map(self._find, names))

    def _find(self, name: str) -> _Found:
        versions = self._bucket.versions(name)
        if versions is None:
            return _Found(name, (None,) if self._bucket.exists(name) else (), listed=False)
        return _Found(name, versions, listed=True)

    def _delete_objects(self, image_ids: Sequence[str]) -> int:
        found = [one for one in self._look(image_ids) if one.left]
        refused = self._bucket.delete([(one.name, version) for one in found for version in one.left])
        return sum(1 for one in found if one.name not in refused)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is left of one name: ids of versions and delete markers; (None,) where those are not ``listed``."""

    name: str
    left: tuple[str | None, ...]
    listed: bool


def _open_ends(facts: Facts, *, listed: bool) -> list[str]:
    """What asking the service does not settle."""
    ends = [DISKS]
    if not listed and facts.versioned is not False:
        ends.append(VERSIONS_UNKNOWN)
    if facts.locked is None:
        ends.append(LOCK_UNKNOWN)
    elif facts.locked and not listed:
        ends.append(LOCKED)
    if facts.replicated is None:
        ends.append(REPLICA_UNKNOWN)
    elif facts.replicated:
        ends.append(REPLICATED)
    return ends
