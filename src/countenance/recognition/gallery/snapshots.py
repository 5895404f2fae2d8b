"""Snapshot files of one gallery's index: named after model, epoch and position in the change feed.

Rules kept here: a snapshot is read only under the present epoch's key, and only if the store has come at least as
far as it; whatever else lies there is deleted. The newest that can be read wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from countenance.errors import SnapshotUnusable
from countenance.index.protocol import Index
from countenance.vault.keys import KeyRing

_NAME = re.compile(r"(?P<model>[0-9a-f]{16})\.(?P<epoch>\d+)\.(?P<position>\d+)\.snapshot")


class Snapshots:
    """The snapshots of one model's index in ``folder``."""

    def __init__(self, folder: Path, ring: KeyRing, gallery_id: str, model: str) -> None:
        self._folder = folder
        self._ring = ring
        self._gallery_id = gallery_id
        self._model = model

    def load(self, make: Callable[[], Index], newest: int) -> tuple[Index, int] | None:
        """A filled index and its position, from the newest usable snapshot at or before change ``newest``."""
        epoch = self._ring.epoch_key()
        for number, position, path in sorted(self._listed(), reverse=True):
            if epoch is not None and number == epoch[0] and position <= newest:  # else the store is an older copy
                index = make()
                try:
                    index.read_snapshot(path, epoch[1], self._context(number, position))
                except SnapshotUnusable:
                    pass
                else:
                    self._drop(lambda number: number != epoch[0])
                    return index, position
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return None

    @property
    def epoch(self) -> int:
        """Number of the present epoch."""
        return self._ring.epoch

    def epoch_key(self) -> tuple[int, bytes] | None:
        """The present epoch and its key; None when a crash left the epoch without one."""
        return self._ring.epoch_key()

    def write(self, index: Index, position: int, epoch: tuple[int, bytes]) -> bool:
        """Write ``index``, which is as far as ``position``, under the key of ``epoch``; older snapshots go.

        False, and nothing is left, when another epoch has begun meanwhile.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{self._model[:16]}.{epoch[0]}.{position}.snapshot"
        index.write_snapshot(path, epoch[1], self._context(epoch[0], position))
        for _, _, other in self._listed():
            if other.name != path.name:
                other.unlink(missing_ok=True)
        if self._ring.epoch != epoch[0]:
            path.unlink(missing_ok=True)
            return False
        return True

    def newest(self) -> tuple[int, Path] | None:
        """Position and file of the newest snapshot of the present epoch, unopened."""
        epoch = self._ring.epoch
        here = [(position, path) for number, position, path in self._listed() if number == epoch]
        return max(here, default=None)

    def stale(self) -> int:
        """How many snapshots of an earlier epoch, which nobody can read, are on the disk."""
        epoch = self._ring.epoch
        return sum(1 for number, _, _ in self._listed() if number < epoch)

    def drop_all(self) -> None:
        """Delete every snapshot in the folder, of other models too."""
        for path in self._folder.glob("*.snapshot"):
            if path.is_file():
                path.unlink(missing_ok=True)

    def _drop(self, unwanted: Callable[[int], bool]) -> None:
        for number, _, path in self._listed():
            if unwanted(number):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _listed(self) -> list[tuple[int, int, Path]]:
        found = []
        for path in self._folder.glob("*.snapshot"):
            match = _NAME.fullmatch(path.name)
            if match is not None and match["model"] == self._model[:16] and path.is_file():
                found.append((int(match["epoch"]), int(match["position"]), path))
        return found

    def _context(self, epoch: int, position: int) -> bytes:
        return f"countenance:index:1:{self._gallery_id}:{self._model}:{epoch}:{position}".encode()
