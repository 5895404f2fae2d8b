"""Erasing single images, while their subject stays: out of every search, then destroyed, then looked for again.

Rules kept here: the rows that say where an image is go last, so that a crash in between leaves something to find it
by, and the same call again finishes; a new index epoch makes every snapshot that knew its template unreadable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from countenance.errors import ErasureIncomplete
from countenance.recognition.gallery.current import CurrentIndex
from countenance.store import feed, granting
from countenance.store.database import Database
from countenance.vault.blob_store import BlobStore


@dataclass(frozen=True, slots=True)
class Removed:
    """What went, and how it was looked for afterwards."""

    images: int
    references: int
    checked: tuple[str, ...]


class PartErasure:
    """Erases images of one gallery."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        searchable: Callable[[], CurrentIndex],
        begin_epoch: Callable[[], int],
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._searchable = searchable
        self._begin_epoch = begin_epoch

    def remove(self, images: Sequence[str]) -> Removed:
        """Erase images that are on record, with every reference made of them.

        Raises ErasureIncomplete when something is left (say it again), EngineError, GalleryBusy.
        """
        with self._database.write() as connection:
            numbers = granting.reference_ids(connection, images)
            feed.announce(connection, feed.Change.REMOVE, numbers)
            granting.drop_references(connection, images)
        self._blobs.delete(images)
        index = self._searchable().current()
        index.compact()
        self._begin_epoch()
        with self._database.write() as connection:
            granting.drop_images(connection, images)
        unconfirmed = self._database.forget_deleted_rows()
        self._searchable().save()
        left = len(index.held(np.array(numbers, np.int64))) + self._blobs.count(images)
        with self._database.read() as connection:
            left += len(granting.reference_ids(connection, images))
        if left:
            raise ErasureIncomplete(f"{left} thing(s) of the image(s) are still there.")
        checked = ["no file bears the image's name", "no index entry is left"]
        checked += [] if unconfirmed is None else [unconfirmed]
        return Removed(len(images), len(numbers), tuple(checked))
