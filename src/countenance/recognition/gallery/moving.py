"""Moving a gallery's index to another engine while people search and change the gallery.

Rules kept here:

* That a move is under way, and where to, is a fact in the store from before the first template is written there,
  so every process erases there too. A batch is read and written in one turn of the target's lock, so that nothing
  is written there after its erasure was confirmed.
* The target follows the change feed from where it stood when the move began; searches stay where they are.
* Only when sampled searches agree, and the target has every change, the switch is made, in one transaction.
* What the old engine held is deleted after the switch, and what a server may keep for a while is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from countenance.custody.erasure.errand import Progress
from countenance.errors import MoveDisagrees, MoveUnusable
from countenance.index.moving import SAMPLES, BothIndexes, compare, move
from countenance.index.protocol import Batch
from countenance.index.setting import EngineSetting
from countenance.recognition.gallery.current import CurrentIndex
from countenance.recognition.gallery.searchable import Searchable
from countenance.recognition.gallery.served import Served
from countenance.store import feed, numbering, references
from countenance.store.database import Database
from countenance.terms import Vectors

CHECKPOINT = "move.checkpoint"

ENGINE = "index_engine"
"""The fact that holds the EngineSetting in use; absent for the embedded index."""

MOVE = "index_move"
"""The fact that holds the EngineSetting of the place to which the index is being moved."""

LEAVING = "index_leaving"
"""The fact that holds the EngineSetting of a server that was left and may still have entries."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A finished move."""

    from_engine: str
    to_engine: str
    references: int
    """Written by this run; those that an interrupted run had written are not counted again."""
    resumed: bool
    withdrawn: int
    """Removed while the move was under way, and not in the target."""
    compared: int
    agreed: int
    unconfirmed: str | None
    """What the old server may keep for a while, or None."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "from": self.from_engine,
            "to": self.to_engine,
            "references": self.references,
            "resumed": self.resumed,
            "withdrawn": self.withdrawn,
            "compared": self.compared,
            "agreed": self.agreed,
            "unconfirmed": self.unconfirmed,
        }


class Mover:
    """Moves one gallery's index of one model."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        gallery_id: str,
        model: str,
        place: Callable[[EngineSetting], Searchable | Served],
        now: Callable[[], CurrentIndex],
    ) -> None:
        """``place`` opens an index of its own at a setting, ``now`` gives the one that searches use."""
        self._database = database
        self._folder = folder
        self._gallery_id = gallery_id
        self._model = model
        self._place = place
        self._now = now

    def move(
        self,
        origin: EngineSetting,
        target: EngineSetting,
        random: np.random.Generator,
        progress: Progress | None = None,
    ) -> Moved:
        """From ``origin``, which searches use, to ``target``. See engine.index for what it raises."""
        there = self._place(target)
        try:
            if isinstance(there, Served):
                copied, resumed, withdrawn, compared = self._to_server(there, target, random, progress)
            else:
                copied, resumed, withdrawn, compared = self._to_process(there, random, progress)
            self._switch(there, origin, target)
        finally:
            there.close()
        left = self.leave(origin)
        return Moved(origin.uri, target.uri, copied, resumed, withdrawn, compared, compared, left)

    def abandon(self, target: EngineSetting) -> None:
        """Delete what a move wrote so far, and forget that it was under way."""
        there = self._place(target)
        try:
            if isinstance(there, Served):
                there.clear()
        finally:
            there.close()
        (self._folder / CHECKPOINT).unlink(missing_ok=True)
        with self._database.write() as connection:
            numbering.drop_fact(connection, MOVE)

    def _to_server(
        self, there: Served, target: EngineSetting, random: np.random.Generator, progress: Progress | None
    ) -> tuple[int, bool, int, int]:
        new = there.connected()  # nothing is written down about a server that is not there
        with self._database.read() as connection:
            again = numbering.fact(connection, MOVE) is not None
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        checkpoint = self._folder / CHECKPOINT
        if not again:
            checkpoint.unlink(missing_ok=True)
            with self._database.write() as connection:
                numbering.set_fact(connection, MOVE, target.text())
            there.clear()  # whatever an earlier use of that server has left
            there.begin()
        both = BothIndexes(self._now().current(), new)

        def told(done: int, total: int | None, what: str) -> None:
            self._now().current()  # the old index goes on following, for the comparison at the end
            if progress is not None:
                progress(done, total, what)

        report = move(
            both,
            lambda after: self._in_turns(there, after),
            there.source.living,
            checkpoint,
            f"{self._gallery_id}:{target.uri}",
            random,
            total=there.source.count(),
            progress=told,
        )
        return report.copied, report.resumed_after >= 0, report.withdrawn, report.compared

    def _in_turns(self, there: Served, after: int) -> Iterator[Batch]:
        """Batches; the target's turn is held from reading one until the next is asked for."""
        last = after
        while True:
            with there.turn(wait=True):
                read = there.source.next_batch(last)
                if read is None:
                    return
                last, batch = read
                yield batch

    def _to_process(
        self, there: Searchable, random: np.random.Generator, progress: Progress | None
    ) -> tuple[int, bool, int, int]:
        there.progress = progress or there.progress
        new = there.current()
        probes = self._sampled(there, random)
        compared, agreed = compare(BothIndexes(self._now().current(), new), probes)
        if agreed < compared:
            raise MoveDisagrees(f"{compared - agreed} of {compared} sampled searches gave another answer")
        there.save(always=True)
        return len(new), False, 0, compared

    def _sampled(self, there: Searchable, random: np.random.Generator) -> Vectors:
        """Templates of references drawn at random."""
        with self._database.read() as connection:
            highest = references.highest(connection)
            wanted = np.unique(random.integers(1, highest + 1, 8 * SAMPLES)) if highest else np.empty(0, np.int64)
            rows = [row for row in references.by_ids(connection, wanted.tolist()) if row.model == self._model]
            some = random.permutation(len(rows))[:SAMPLES]
            return there.source.batch(connection, [rows[n] for n in some]).templates

    def _switch(self, there: Searchable | Served, origin: EngineSetting, target: EngineSetting) -> None:
        """Make searches use ``there``, once it has everything."""
        for _ in range(1000):
            there.save(always=isinstance(there, Searchable))
            with self._database.write() as connection:
                if feed.last(connection) == (there.position() if isinstance(there, Served) else there.position):
                    if target.distributed:
                        numbering.set_fact(connection, ENGINE, target.text())
                    else:
                        numbering.drop_fact(connection, ENGINE)
                    numbering.drop_fact(connection, MOVE)
                    if origin.distributed:
                        numbering.set_fact(connection, LEAVING, origin.text())
                    return
        raise MoveUnusable("The gallery changes faster than the new index can follow; ask for the move again.")

    def leave(self, origin: EngineSetting) -> str | None:
        """Delete what the old engine held; returns what cannot be confirmed. May be repeated."""
        left = self._place(origin)
        try:
            if isinstance(left, Searchable):
                left.forget()
                return None
            left.clear()
            told = left.connected().confirm_absent(np.empty(0, np.int64))
            with self._database.write() as connection:
                numbering.drop_fact(connection, LEAVING)
            return told.unconfirmed
        finally:
            left.close()
