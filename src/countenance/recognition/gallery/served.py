"""What is searchable now, on a server: one index that all processes of a gallery share.

Rules kept here:

* The server's index is brought into step by one process at a time. How far it is, is a fact in the store that is
  written after the server has confirmed: a process that dies half way leaves work to be done again, not undone.
* Whoever changes the gallery brings the server into step before the call returns. Whoever searches waits for
  nobody: a few changes are taken in if nobody else is at it, many are left to a thread. Until then the store's own
  Decision keeps everybody who was removed out of the answer.
* A collection that is empty although the store is not (a new server, lost data) is filled again, with progress.
* There is no snapshot: the server keeps its data itself (docs/running-on-milvus.md says how to protect them).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from countenance.custody.erasure.errand import Progress
from countenance.errors import CountenanceError, EngineError
from countenance.holding import Absence, Holding, Target
from countenance.index.distributed import DistributedIndex
from countenance.index.protocol import Fact, Filter
from countenance.recognition.gallery.following import follow
from countenance.recognition.gallery.labelled import LabelledReferences
from countenance.recognition.gallery.searchable import references_of, trim_feed
from countenance.store import feed, numbering
from countenance.store.database import Database
from countenance.terms import CompartmentId
from countenance.vault.files import locked, locked_now

AT_ONCE = 64
"""Changes that a search takes in itself; each costs the server a write."""

PIECE = 4_000
"""Changes taken in together."""

_COUNTED_ALWAYS = 20_000
_COUNTS_KEPT = 256

TURN = 1
"""Number of the lock of store.Database.turn that the process at work holds."""


class Served:
    """The index of one gallery and model on a server; also the Holder of index entries. Thread-safe."""

    name = "index"

    def __init__(
        self,
        database: Database,
        source: LabelledReferences,
        folder: Path,
        connect: Callable[[], DistributedIndex],
        position_fact: str,
        *,
        keep_changes_from: Callable[[], int | None] = lambda: None,
        progress: Progress | None = None,
    ) -> None:
        """``connect`` opens the collection (and makes it if it is not there); called once, at first need.

        ``position_fact`` names the fact that says how far the server is.
        """
        self._database = database
        self.source = source
        self._folder = folder
        self._connect = connect
        self._position_fact = position_fact
        self._keep_changes_from = keep_changes_from
        self._progress = progress
        self._index: DistributedIndex | None = None
        self._opening = threading.Lock()
        self._looked = False
        self._counted: dict[frozenset[CompartmentId] | None, tuple[int, int]] = {}
        self._thread: threading.Thread | None = None
        self._trouble: CountenanceError | None = None
        self._closing = False

    @property
    def model(self) -> str:
        """Digest of the model whose references are searchable here."""
        return self.source.model

    def current(self) -> DistributedIndex:
        """The index to search now. Raises EngineError and its kinds when the server cannot be had."""
        index = self.opened()
        behind, _ = self._behind()
        if behind == 0:
            return index
        if behind <= AT_ONCE:
            with self.turn(wait=False) as mine:
                if mine:
                    self._follow(index)
        else:
            self._follow_soon(index)
        return index

    def connected(self) -> DistributedIndex:
        """The connection, made now if there is none, to the collection as it is."""
        with self._opening:
            if self._index is None:
                self._index = self._connect()
            return self._index

    def opened(self) -> DistributedIndex:
        """The connection to a collection that holds what the store holds."""
        index = self.connected()
        if not self._looked:
            with self._opening:
                if not self._looked:
                    self._fill_if_lost(index)
                    self._looked = True
        return index

    def size(self, compartments: frozenset[CompartmentId] | None = None) -> int:
        """References on record, in all compartments or in these, to one in a hundred: asking the server to count
        costs more than a search."""
        with self._database.read() as connection:
            newest = feed.last(connection)
        at, count = self._counted.get(compartments, (-1, 0))
        if at < 0 or count < _COUNTED_ALWAYS or newest - at > count // 100:
            count = self.source.count(compartments)
            if len(self._counted) >= _COUNTS_KEPT:
                self._counted.clear()
            self._counted[compartments] = (newest, count)
        return count

    def people(self, connection: Connection, compartments: frozenset[CompartmentId] | None = None) -> int:
        """Subjects on record who are not being erased, in all compartments or in these."""
        return self.source.people(connection, compartments)

    def filter(
        self, purpose: str, today: int, compartments: frozenset[CompartmentId] | None = None
    ) -> Filter | None:
        """The filter for a purpose in these compartments, or None when no permission ever named it."""
        return self.source.filter(purpose, today, compartments)

    def save(self, *, at_least: int = 0, always: bool = False) -> bool:
        """Bring the server into step with everything that was committed before this call; waits its turn."""
        behind, _ = self._behind()
        if behind == 0:
            return False
        index = self.opened()
        with self.turn(wait=True):
            position = self._follow(index)
        trim_feed(self._database, position, self._keep_changes_from())
        return True

    def standing(self) -> Fact:
        """Counts and memory, as the server says."""
        return self.current().describe()

    def position(self) -> int:
        """Number of the last change that the server has; 0 when it has none."""
        return self._behind()[1]

    def begin(self) -> None:
        """Say that the server has, or is about to be given, everything up to now; changes from here on follow."""
        with self._database.write() as connection:
            numbering.set_fact(connection, self._position_fact, str(feed.last(connection)))
        self._looked = True

    def clear(self) -> None:
        """Drop everything on the server, and forget how far it was."""
        with self.turn(wait=True):
            with self._database.write() as connection:
                numbering.drop_fact(connection, self._position_fact)
            self.connected().clear()

    def close(self) -> None:
        """Let the connection go, after the piece that the thread is at."""
        self._closing = True
        if self._thread is not None:
            self._thread.join()
        if self._index is not None:
            self._index.close()

    # -- keeping in step ------------------------------------------------------------------------------------

    def _behind(self) -> tuple[int, int]:
        with self._database.read() as connection:
            position = int(numbering.fact(connection, self._position_fact) or 0)
            return feed.last(connection) - position, position

    @contextmanager
    def turn(self, *, wait: bool) -> Iterator[bool]:
        """Be the one process, and the one thread, that writes to the server."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / ".serving"
        if wait:
            with locked(path), self._database.turn(TURN, wait=True):
                yield True
            return
        with locked_now(path) as here:
            if not here:
                yield False
                return
            with self._database.turn(TURN, wait=False) as everywhere:
                yield everywhere

    def _follow(self, index: DistributedIndex) -> int:
        """Take in everything; the caller has the turn. Returns the position."""
        while self._step(index):
            pass
        return self.position()

    def _step(self, index: DistributedIndex) -> bool:
        with self._database.read() as connection:
            position = int(numbering.fact(connection, self._position_fact) or 0)
            forgotten = feed.first(connection) > position + 1
        if forgotten:
            self._fill(index)
            return True
        piece = follow(self._database, self.source, index, position, PIECE)
        if piece.position != position:
            with self._database.write() as connection:
                numbering.set_fact(connection, self._position_fact, str(piece.position))
        return piece.more

    def _follow_soon(self, index: DistributedIndex) -> None:
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._follow_apart, args=(index,), name="index-follower", daemon=True
            )
            self._thread.start()

    def _follow_apart(self, index: DistributedIndex) -> None:
        try:
            more = True
            while more and not self._closing:
                with self.turn(wait=True):
                    more = self._step(index)
        except CountenanceError as error:
            self._trouble = error

    def _fill_if_lost(self, index: DistributedIndex) -> None:
        if self.source.count() and len(index) == 0:
            with self.turn(wait=True):
                if len(index) == 0:
                    self._fill(index)

    def _fill(self, index: DistributedIndex) -> None:
        """Write everything anew, from the sealed templates; the caller has the turn."""
        with self._database.read() as connection:
            newest = feed.last(connection)
        count, done = self.source.count(), 0
        index.clear()
        for batch in self.source.batches():
            index.add(batch)
            gone = np.setdiff1d(batch.reference_ids, self.source.living(batch.reference_ids))
            if len(gone):
                index.remove(gone)
            done += len(batch.reference_ids)
            if self._progress is not None:
                self._progress(done, max(count, done), "filling the server's index from sealed templates")
        with self._database.write() as connection:
            numbering.set_fact(connection, self._position_fact, str(newest))

    # -- Holder ---------------------------------------------------------------------------------------------

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many index entries of the targets the server holds; when it cannot be asked, as many as there may be.

        The keys of a subject must be destroyed whether a server answers or not.
        """
        ids = references_of(targets)
        try:
            held = len(self.connected().held(ids))
        except EngineError:
            held = len(ids)
        return (Holding(self.name, "index entries", held),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Delete the targets' entries on the server and make it drop their bytes. Raises EngineError.

        An erasure that the server could not be told stays open, and is tried again at every opening.
        """
        index = self.connected()
        ids = references_of(targets)
        with self.turn(wait=True):
            self._follow(index)
            held = len(index.held(ids))
            index.remove(ids)
            index.compact()
        return (Holding(self.name, "index entries", held),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Ask the server at its newest state, and compare its segments with it."""
        return self.connected().confirm_absent(references_of(targets))
