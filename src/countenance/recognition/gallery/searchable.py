"""What is searchable now: one process's index, kept in step with the store before every search.

Rules kept here:

* The index is a cache. It is loaded from the newest snapshot of the present epoch and model, or rebuilt from the
  sealed templates, and then follows the change feed; a snapshot of another epoch cannot be read and is deleted.
* Before every search the feed is read, so what any process removed is gone from this one's next search.
* Only references whose subject has a permission in force, and whom no order holds back, are in it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from countenance.custody.erasure.eraser import Progress
from countenance.custody.permission.ledger import Ledger, Standing
from countenance.errors import KeysMissing, SealBroken, SnapshotUnusable
from countenance.holding import Absence, Holding, Target
from countenance.index.protocol import LABELS, Batch, Filter, Index, Labels
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import feed, numbering, orders, references, subjects
from countenance.store.database import Database
from countenance.store.feed import Change
from countenance.store.references import ReferenceRow
from countenance.terms import ArtefactClass, SubjectId
from countenance.vault.files import locked
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

_SNAPSHOT = re.compile(r"(?P<model>[0-9a-f]{16})\.(?P<epoch>\d+)\.(?P<position>\d+)\.snapshot")

KEPT_CHANGES = 10_000
"""Changes that stay in the feed behind a snapshot, so that other processes can follow instead of reloading."""


class Searchable:
    """The index of one gallery and model in this process; also the Holder of index entries. Thread-safe."""

    name = "index"

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        vault: Vault,
        ledger: Ledger,
        folder: Path,
        gallery_id: str,
        model: str,
        open_index: Callable[[int], Index],
        progress: Progress | None = None,
    ) -> None:
        """``open_index(n)`` makes an empty index for about ``n`` references of ``model``."""
        self._database = database
        self._ring = ring
        self._vault = vault
        self._ledger = ledger
        self._folder = folder
        self._gallery_id = gallery_id
        self._model = model
        self._open_index = open_index
        self._progress = progress
        self._lock = threading.RLock()
        self._index: Index | None = None
        self._position = -1
        self._saved_position = -1

    @property
    def model(self) -> str:
        """Digest of the model whose references are searchable here."""
        return self._model

    def current(self) -> Index:
        """The index, in step with everything that was committed before this call."""
        with self._database.read() as connection:
            newest = feed.last(connection)
        index = self._index
        if index is not None and newest == self._position:
            return index
        with self._lock:
            if self._index is None:
                self._index = self._load()
            self._follow()
            return self._index

    def filter(self, purpose: str, today: int) -> Filter | None:
        """The filter for a purpose, or None when no permission ever named it."""
        with self._database.read() as connection:
            number = numbering.purposes(connection).get(purpose)
        return None if number is None else Filter(purpose=number, today=today)

    # -- loading --------------------------------------------------------------------------------------------

    def _load(self) -> Index:
        with self._database.read() as connection:
            count = references.count(connection, self._model)
            newest = feed.last(connection)
        index = self._open_index(count)
        epoch = self._ring.epoch_key()
        for number, position, path in sorted(self._snapshots(), reverse=True):
            if epoch is not None and number == epoch[0] and position <= newest:  # else the store is an older copy
                try:
                    index.read_snapshot(path, epoch[1], self._context(number, position))
                except SnapshotUnusable:
                    pass
                else:
                    self._position = self._saved_position = position
                    self._drop_snapshots(lambda number, _: number != epoch[0])
                    return index
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return self._rebuild(index, count)

    def _drop_snapshots(self, unwanted: Callable[[int, int], bool]) -> None:
        for number, position, path in self._snapshots():
            if unwanted(number, position):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _rebuild(self, index: Index, count: int) -> Index:
        with self._database.read() as connection:
            self._position = feed.last(connection)
            done = 0
            for rows in references.of_model(connection, self._model):
                self._put(index, rows, subjects.by_ids(connection, sorted({r.subject_id for r in rows})))
                done += len(rows)
                if self._progress is not None:
                    self._progress(done, max(count, done), "rebuilding the index from sealed templates")
        return index

    def _follow(self) -> None:
        index = self._index
        if index is None:
            return
        with self._database.read() as connection:
            if feed.first(connection) > self._position + 1:
                self._index = index = self._load()
            entries = feed.since(connection, self._position)
            if not entries:
                return
            # The last word counts: who was held back and let go again is put in again.
            lasting = {e.reference_id: e.kind for e in entries if e.kind is not Change.RELABEL}
            removed = [number for number, kind in lasting.items() if kind is Change.REMOVE]
            new = {number for number, kind in lasting.items() if kind is Change.ADD}
            touched = {entry.reference_id for entry in entries}.difference(removed)
            if removed:
                index.remove(np.array(sorted(removed), np.int64))
            rows = [r for r in references.by_ids(connection, sorted(touched)) if r.model == self._model]
            owners = subjects.by_ids(connection, sorted({row.subject_id for row in rows}))
            self._put(index, [row for row in rows if row.reference_id in new], owners)
            self._relabel(index, [row for row in rows if row.reference_id not in new])
            self._position = entries[-1].change_id

    def _put(
        self, index: Index, rows: Sequence[ReferenceRow], owners: dict[SubjectId, subjects.SubjectRow]
    ) -> None:
        kept, templates = TemplateReader(self._vault, owners).open(rows, index.dimensions)
        labels, standing = self._labels(kept)
        seen = np.flatnonzero(standing)
        if len(seen):
            ids = np.array([row.reference_id for row in kept], np.int64)
            owner_ids = np.array([row.subject_id for row in kept], np.int64)
            index.add(Batch(ids[seen], owner_ids[seen], templates[seen], labels[seen]))

    def _relabel(self, index: Index, rows: Sequence[ReferenceRow]) -> None:
        if rows:
            labels, standing = self._labels(rows)
            labels["restricted"] |= ~standing
            index.relabel(np.array([row.reference_id for row in rows], np.int64), labels)

    def _labels(self, rows: Sequence[ReferenceRow]) -> tuple[Labels, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        labels = np.zeros(len(rows), LABELS)
        standing = np.zeros(len(rows), bool)
        with self._database.read() as connection:
            numbers = numbering.purposes(connection)
            places = numbering.jurisdictions(connection)
            ids = sorted({row.subject_id for row in rows})
            held = self._ledger.standing(connection, ids)
            owners = subjects.by_ids(connection, ids)
            withheld = orders.held_back(connection, ids)
        for place, row in enumerate(rows):
            state = held.get(row.subject_id)
            if state is not None and row.subject_id not in withheld:
                standing[place] = True
                labels[place] = (_mask(state, numbers), 0, 0, state.last_day, 0)
                labels[place]["jurisdiction"] = places.get(owners[row.subject_id].wrapped.jurisdiction, 0)
        return labels, standing

    # -- snapshots ------------------------------------------------------------------------------------------

    def save(self, *, at_least: int = 0) -> bool:
        """Write a snapshot under the present epoch's key if more than ``at_least`` changes are unsaved.

        Returns whether one was written. Older snapshots are deleted.
        """
        with self._lock, locked(self._ring_lock()):
            index = self.current()
            unsaved = self._position - self._saved_position
            epoch = self._ring.epoch_key()
            if unsaved <= at_least or epoch is None:
                return False
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            name = f"{self._model[:16]}.{epoch[0]}.{self._position}.snapshot"
            index.write_snapshot(self._folder / name, epoch[1], self._context(epoch[0], self._position))
            for _, _, path in self._snapshots():
                if path.name != name:
                    path.unlink(missing_ok=True)
            self._saved_position = self._position
        with self._database.write() as connection:
            feed.trim(connection, self._position - KEPT_CHANGES)
        return True

    def _ring_lock(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder / ".writing"

    def _snapshots(self) -> list[tuple[int, int, Path]]:
        found = []
        for path in self._folder.glob("*.snapshot"):
            match = _SNAPSHOT.fullmatch(path.name)
            if match is not None and match["model"] == self._model[:16]:
                found.append((int(match["epoch"]), int(match["position"]), path))
        return found

    def _context(self, epoch: int, position: int) -> bytes:
        return f"countenance:index:1:{self._gallery_id}:{self._model}:{epoch}:{position}".encode()

    # -- Holder ---------------------------------------------------------------------------------------------

    def _in_memory(self) -> Index | None:
        """The index, in step if it can be; None when there is none and a damaged row keeps it from being made.

        Nobody's erasure may depend on whether somebody else's template still opens.
        """
        try:
            return self.current()
        except (SealBroken, KeysMissing):
            return self._index

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many index entries of the targets are in this process's memory."""
        index = self._in_memory()
        held = 0 if index is None else len(index.held(_references(targets)))
        return (Holding(self.name, "index entries", held),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Drop the targets' entries from memory, bytes included, and every snapshot from the disk."""
        with self._lock:
            index = self._in_memory()
            held = 0
            if index is not None:
                ids = _references(targets)
                held = len(index.held(ids))
                index.remove(ids)
                index.compact()
            for path in self._folder.glob("*.snapshot"):
                path.unlink(missing_ok=True)
            self._saved_position = -1
        return (Holding(self.name, "index entries", held),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Look for the targets' entries in memory, and for snapshots of an earlier epoch on the disk."""
        index = self._in_memory()
        nothing = Absence(self.name, True, "no index is in memory")
        absence = nothing if index is None else index.confirm_absent(_references(targets))
        epoch = self._ring.epoch
        stale = sum(1 for number, _, _ in self._snapshots() if number < epoch)
        return Absence(
            self.name,
            absence.absent and stale == 0,
            f"{absence.checked}; no snapshot of an earlier epoch is on the disk, and none could be read",
            absence.remaining + stale,
            absence.unconfirmed,
        )


def _references(targets: Sequence[Target]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    ids = [n for target in targets if ArtefactClass.TEMPLATE in target.artefacts for n in target.reference_ids]
    return np.array(ids, np.int64)


def _mask(standing: Standing, numbers: dict[str, int]) -> int:
    mask = 0
    for purpose in standing.purposes:
        mask |= 1 << numbers[purpose]
    return mask
