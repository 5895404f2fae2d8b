"""What every keeper of sealed images promises, whether the images lie in files or in object storage.

Rules kept here:

* What is given to a store is sealed already: no store sees a picture, a name or a key.
* An image is *staged* before its row is committed, then *committed*, or *discarded* when there is no row. A process
  that dies in between leaves something that says so, and :meth:`BlobStore.recover` finishes or undoes it.
* An image's id is 32 hexadecimal digits and nothing else ever becomes a path or a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from countenance.errors import SealBroken
from countenance.holding import Absence, Holding, Target
from countenance.terms import ArtefactClass

SUFFIX = ".sealed"


class BlobStore(Protocol):
    """A keeper of sealed images; also the Holder of images."""

    @property
    def name(self) -> str:
        """The Holder's name: ``blobs``, wherever the images are."""
        ...

    @property
    def elsewhere(self) -> str | None:
        """Where the images are when they are not in the data folder, in words for a person; else None."""
        ...

    def stage(self, image_id: str, sealed: bytes) -> None:
        """Keep ``sealed`` durably before its row is committed.

        Raises DiskFull or BlobsError; then nothing is kept, or :meth:`recover` will undo it.
        """
        ...

    def commit(self, image_id: str) -> None:
        """Put a staged image in its place; called after the store has committed its row.

        Raises FileNotFoundError when an erasure has deleted it in the meantime.
        """
        ...

    def discard(self, image_id: str) -> None:
        """Drop a staged image whose row was not committed."""
        ...

    def read(self, image_id: str) -> bytes:
        """The sealed bytes. Raises SealBroken when the image is missing, BlobsError when it cannot be asked for."""
        ...

    def delete(self, image_ids: Sequence[str]) -> int:
        """Remove images, committed or staged; returns how many were there. May be repeated."""
        ...

    def count(self, image_ids: Sequence[str]) -> int:
        """How many of these images are there, committed or staged."""
        ...

    def recover(self, known: Callable[[str], bool]) -> tuple[int, int]:
        """Finish (``known`` images) or undo what dead processes staged; returns how many of each."""
        ...

    def strays(self, known: Callable[[str], bool]) -> list[str]:
        """Images that are kept, belong to no living enrolment and are not ``known``. Looks at every image."""
        ...

    def close(self) -> None:
        """Let go of what this process alone uses."""
        ...

    # -- Holder ---------------------------------------------------------------------------------------------

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many images of the targets exist."""
        ...

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Delete the targets' images."""
        ...

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Look for each image by its name."""
        ...


def is_id(image_id: str) -> bool:
    """Whether this is the id of an image."""
    return re.fullmatch(r"[0-9a-f]{32}", image_id) is not None


def relative_place(image_id: str) -> str:
    """``ab/abcdef....sealed``, under the store's folder or prefix. Raises SealBroken for what is no id."""
    if not is_id(image_id):
        raise SealBroken(f"{image_id!r} is not the id of an image.")
    return f"{image_id[:2]}/{image_id}{SUFFIX}"


def images_of(targets: Sequence[Target]) -> list[str]:
    """The images that go with these targets."""
    return [i for target in targets if ArtefactClass.IMAGE in target.artefacts for i in target.image_ids]
