"""What is searchable now, in this process: an index kept in step with the store's change feed.

Rules kept here:

* The index is a cache. It is loaded from the newest snapshot of the present epoch and model, or rebuilt from the
  sealed templates, and then follows the change feed.
* A search never waits for a writer. Before it, what anybody removed is taken out of this process's index; that is
  quick. A few additions are taken in on the way if nobody else is at it; many are left to a thread, a piece at a
  time, and every piece is searchable at once. Whoever adds waits until the additions are searchable here.
* A process that has fallen so far behind that the feed no longer says what it missed loads anew, and answers from
  its old index meanwhile. Nobody is returned by mistake: candidates.identify decides on every candidate afresh.
* Bytes of what was removed go when a new epoch begins, whichever process began it.
* Only the very first search of a process waits, for there is nothing yet to search.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from countenance.custody.erasure.errand import Progress
from countenance.errors import CountenanceError, KeysMissing, SealBroken
from countenance.holding import Absence, Holding, Target
from countenance.index.protocol import Fact, Filter, Index
from countenance.recognition.gallery.following import follow
from countenance.recognition.gallery.labelled import LabelledReferences
from countenance.recognition.gallery.snapshots import Snapshots
from countenance.store import feed
from countenance.store.database import Database
from countenance.terms import ArtefactClass, CompartmentId, Ids
from countenance.vault.files import locked

KEPT_CHANGES = 10_000
"""Changes that stay in the feed behind a snapshot, so that other processes can follow instead of reloading."""

AT_ONCE = 256
"""Changes that a search takes in itself, about ten milliseconds' work; more are left to a thread."""

PIECE = 10_000
"""Changes that are taken in together; above the embedded index's own limit for making a segment at once."""


OTHERS = (
    "the memory of other processes: each leaves the entries out of its next search and drops their bytes with it"
)
"""What one process cannot confirm about an erasure."""


class Searchable:
    """The index of one gallery and model in this process; also the Holder of index entries. Thread-safe."""

    name = "index"

    def __init__(
        self,
        database: Database,
        source: LabelledReferences,
        snapshots: Snapshots,
        folder: Path,
        open_index: Callable[[int], Index],
        *,
        keep_changes_from: Callable[[], int | None] = lambda: None,
        prepare: Callable[[Index], None] = lambda index: None,
        progress: Progress | None = None,
    ) -> None:
        """``open_index(n)`` makes an empty index for about ``n`` references.

        ``keep_changes_from``: a change that the feed must still list because somebody else has not come so far.
        ``prepare`` is called with an index before it is searched; it sets what was tuned.
        """
        self._database = database
        self.source = source
        self._snapshots = snapshots
        self._folder = folder
        self._open_index = open_index
        self._keep_changes_from = keep_changes_from
        self._prepare = prepare
        self.progress = progress
        self._following = threading.RLock()  # held by whoever brings the index forward
        self._waiting = 0
        self._withholding = threading.Lock()  # held for moments only: by searches, and around what they may undo
        self._index: Index | None = None
        self._position = -1
        self._withheld = -1
        self._removed: dict[int, int] = {}
        self._saved_position = -1
        self._bytes_wait = False
        self._epoch = -1
        self._thread: threading.Thread | None = None
        self._trouble: CountenanceError | None = None
        self._closing = False

    @property
    def model(self) -> str:
        """Digest of the model whose references are searchable here."""
        return self.source.model

    @property
    def position(self) -> int:
        """Number of the last change that is in the index; -1 before there is one."""
        return self._position

    @property
    def loaded(self) -> bool:
        """Whether there is an index in memory."""
        return self._index is not None

    def current(self) -> Index:
        """The index to search now; see the rules above. Raises SealBroken for an altered sealed template."""
        with self._database.read() as connection:
            newest = feed.last(connection)
        index = self._index
        if index is None:
            with self._alone():
                if self._index is None:
                    self._load()
                    self._follow()
                index = self._index
        if index is None or newest != self._position:
            index = self._caught_up(self._without_removed(), newest - self._position)
        if self._bytes_wait:
            self._compact_soon(index)
        self._prepare(index)
        return index

    def size(self, compartments: frozenset[CompartmentId] | None = None) -> int:
        """References that a search can see, in all compartments or in these."""
        index = self._index
        if index is None:
            return 0
        if compartments is None:
            return len(index)
        return index.count(Filter(compartments=frozenset(int(one) for one in compartments)))

    def people(self, connection: Connection, compartments: frozenset[CompartmentId] | None = None) -> int:
        """Subjects on record who are not being erased, in all compartments or in these."""
        return self.source.people(connection, compartments)

    def filter(
        self, purpose: str, today: int, compartments: frozenset[CompartmentId] | None = None
    ) -> Filter | None:
        """The filter for a purpose in these compartments, or None when no permission ever named it."""
        return self.source.filter(purpose, today, compartments)

    def standing(self) -> Fact:
        """Counts and memory."""
        return self.current().describe()

    def close(self) -> None:
        """Stop the thread that follows, after the piece that it is at."""
        self._closing = True
        thread = self._thread
        if thread is not None:
            thread.join()

    # -- keeping in step ------------------------------------------------------------------------------------

    def _without_removed(self) -> Index:
        """The index, after everything that was removed by now has been taken out of it."""
        with self._withholding:
            index = self._index
            if index is None:
                raise CountenanceError("There is no index.")
            with self._database.read() as connection:
                newest = feed.last(connection)
                gone = feed.removed_since(connection, max(self._withheld, self._position))
            if gone:
                self._removed |= gone
                self._bytes_wait = True
                index.remove(np.array(sorted(gone), np.int64))
            self._withheld = max(self._withheld, newest)
            return index

    def _caught_up(self, index: Index, behind: int) -> Index:
        """``index`` further on if that takes no waiting; else somebody else is at it, or will be."""
        if behind <= AT_ONCE:
            if self._following.acquire(blocking=False):
                try:
                    self._follow()
                    return index if self._index is None else self._index
                finally:
                    self._following.release()
            return index
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._follow_apart, name="index-follower", daemon=True)
            self._thread.start()
        return index

    def _compact_soon(self, index: Index) -> None:
        """In a new epoch, drop the bytes of what was removed before it: another process's erasure needs it too."""
        epoch = self._snapshots.epoch
        if epoch == self._epoch or (self._thread is not None and self._thread.is_alive()):
            return
        self._epoch, self._bytes_wait = epoch, False
        self._thread = threading.Thread(
            target=self._compact_apart, args=(index,), name="index-compacting", daemon=True
        )
        self._thread.start()

    def _compact_apart(self, index: Index) -> None:
        try:
            index.compact()
        except CountenanceError:  # a refinement on a full disk, for one: the next search has it tried again
            self._epoch, self._bytes_wait = -1, True

    def _follow_apart(self) -> None:
        try:
            more = True
            while more and not self._closing:
                with self._following:
                    more = self._step()
                while self._waiting and not self._closing:  # a lock is not fair by itself
                    time.sleep(0.001)
        except CountenanceError as error:
            self._trouble = error

    def _follow(self) -> None:
        """Take in everything; the caller holds ``_following``."""
        while self._step():
            pass

    def _step(self) -> bool:
        """Take in one piece; says whether there is more. The caller holds ``_following``."""
        index = self._index
        if index is None:
            return False
        with self._database.read() as connection:
            forgotten = feed.first(connection) > self._position + 1
        if forgotten:
            self._load()
            return True
        guard = self._withholding
        piece = follow(
            self._database, self.source, index, self._position, PIECE, guard=guard, lately=lambda: self._removed
        )
        with guard:
            self._position = piece.position
            self._removed = {n: change for n, change in self._removed.items() if change > piece.position}
        return piece.more

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold ``_following``, and let the thread know that somebody waits for it."""
        with self._withholding:
            self._waiting += 1
        try:
            self._following.acquire()
        finally:
            with self._withholding:
                self._waiting -= 1
        try:
            yield
        finally:
            self._following.release()

    # -- loading and saving ---------------------------------------------------------------------------------

    def _load(self) -> None:
        """Publish an index from a snapshot, or a rebuilt one. The caller holds ``_following``."""
        with self._database.read() as connection:
            newest = feed.last(connection)
        # A snapshot says itself how large it is: counting reads the whole table, a gigabyte at a million.
        found = self._snapshots.load(lambda: self._open_index(0), newest)
        if found is not None:
            self._saved_position = found[1]
        index, position = self._rebuilt(newest) if found is None else found
        with self._withholding:
            self._index, self._position = index, position
            self._withheld, self._removed = position, {}
            self._epoch, self._bytes_wait = self._snapshots.epoch, True

    def _rebuilt(self, newest: int) -> tuple[Index, int]:
        count = self.source.count()
        index = self._open_index(count)
        done = 0
        for batch in self.source.batches():
            if len(batch.reference_ids):
                index.add(batch)
            done += len(batch.reference_ids)
            if self.progress is not None:
                self.progress(done, max(count, done), "rebuilding the index from sealed templates")
        return index, newest

    def save(self, *, at_least: int = 0, always: bool = False) -> bool:
        """Come into step, and write a snapshot if more than ``at_least`` changes are unsaved, or ``always``.

        Returns whether one was written. Where no index is in memory and the newest snapshot is new enough, none
        is loaded for it.
        """
        if self._index is None and not always and self._behind_snapshot() <= at_least:
            return False
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone(), locked(self._folder / ".writing"):
            # The key first, then the feed: whoever is erased from now on is either not in what we write, or what we
            # write lies under a key that her erasure destroys.
            epoch = self._snapshots.epoch_key()
            index = self.current()
            self._follow()
            if not always and self._position - self._saved_position <= at_least:
                return False
            position = self._position
            if epoch is None or not self._snapshots.write(index, position, epoch):
                return False
            self._saved_position = position
        trim_feed(self._database, position, self._keep_changes_from())
        return True

    def forget(self) -> None:
        """Delete every snapshot: searches go elsewhere now."""
        self._snapshots.drop_all()

    def _behind_snapshot(self) -> int:
        found = self._snapshots.newest()
        with self._database.read() as connection:
            return feed.last(connection) - (-1 if found is None else found[0])

    # -- Holder ---------------------------------------------------------------------------------------------

    def _in_memory(self) -> Index | None:
        """The index without what was removed; None when there is none and a damaged row keeps it from being made.

        Nobody's erasure may depend on whether somebody else's template still opens.
        """
        try:
            return self.current()
        except (SealBroken, KeysMissing):
            return self._index

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many index entries of the targets are in this process's memory."""
        index = self._in_memory()
        held = 0 if index is None else len(index.held(references_of(targets)))
        return (Holding(self.name, "index entries", held),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Drop the targets' entries from memory, bytes included, and every snapshot from the disk."""
        with self._alone():
            index = self._in_memory()
            held = 0
            if index is not None:
                ids = references_of(targets)
                held = len(index.held(ids))
                index.remove(ids)
                index.compact()
            self._snapshots.drop_all()
            self._saved_position = -1
        return (Holding(self.name, "index entries", held),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Look for the targets' entries in memory, and for snapshots of an earlier epoch on the disk."""
        index = self._in_memory()
        nothing = Absence(self.name, True, "no index is in memory")
        absence = nothing if index is None else index.confirm_absent(references_of(targets))
        stale = self._snapshots.stale()
        return Absence(
            self.name,
            absence.absent and stale == 0,
            f"{absence.checked}; no snapshot of an earlier epoch is on the disk, and none could be read",
            absence.remaining + stale,
            absence.unconfirmed or OTHERS,
        )


def trim_feed(database: Database, position: int, keep_from: int | None) -> None:
    """Drop changes that a durable index holds and nobody else needs."""
    before = position - KEPT_CHANGES if keep_from is None else min(position - KEPT_CHANGES, keep_from)
    if before > 0:
        with database.write() as connection:
            feed.trim(connection, before)


def references_of(targets: Sequence[Target]) -> Ids:
    """The reference ids of the targets whose templates are to go."""
    ids = [n for target in targets if ArtefactClass.TEMPLATE in target.artefacts for n in target.reference_ids]
    return np.array(ids, np.int64)
