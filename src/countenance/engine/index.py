"""The index of a gallery as its operator sees it: status, tuning, and moving to another engine: ``gallery.index``.

Rules kept here: searches go on during all of it; a move is switched only after sampled searches on both sides
agree, in one transaction, and everything that it leaves behind is deleted.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from countenance import clock
from countenance.clock import Clock
from countenance.custody.erasure.errand import Progress
from countenance.engine.searching import IN_MEMORY, ON_DISK, REFINEMENT, TUNING, Facts, Searching, position_fact
from countenance.errors import DiskFull, InputInvalid, MoveUnusable
from countenance.index.choice import GrowingIndex
from countenance.index.milvus_collection import Structure
from countenance.index.milvus_purge import Retention
from countenance.index.setting import EngineSetting
from countenance.index.tune import Tuning
from countenance.recognition.gallery.moving import Moved, Mover
from countenance.recognition.gallery.searchable import Searchable
from countenance.recognition.gallery.snapshots import Snapshots
from countenance.settings import Settings
from countenance.store import feed, numbering, references
from countenance.store.database import Database
from countenance.vault.keys import KeyRing


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What an index is and holds now."""

    engine: str
    """``embedded`` or the server's address."""
    kind: str
    """``exact``, ``embedded`` or ``distributed``."""
    model: str
    dimensions: int
    references: int
    """That a search can see."""
    on_record: int
    """In the store; more than ``references`` where an order or a missing permission keeps some out."""
    memory_bytes: int
    tombstones: int
    changes_behind: int
    """Changes in the store that this process's index, or the server, has not taken in yet."""
    epoch: int
    snapshot_bytes: int | None
    snapshot_age_s: float | None
    """Seconds since the newest snapshot of the present epoch was written; None where there is none."""
    snapshot_behind: int | None
    tuning: dict[str, object] | None
    refinement: str | None
    """``memory`` or ``disk``; None on a server, and while all is exact nothing is refined."""
    moving_to: str | None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        snapshot = None
        if self.snapshot_bytes is not None:
            snapshot = {
                "bytes": self.snapshot_bytes,
                "age_seconds": self.snapshot_age_s,
                "changes_behind": self.snapshot_behind,
            }
        return {
            "engine": self.engine,
            "kind": self.kind,
            "model": self.model,
            "dimensions": self.dimensions,
            "references": self.references,
            "references_on_record": self.on_record,
            "memory_bytes": self.memory_bytes,
            "tombstones": self.tombstones,
            "changes_behind": self.changes_behind,
            "epoch": self.epoch,
            "snapshot": snapshot,
            "tuning": self.tuning,
            "refinement": self.refinement,
            "moving_to": self.moving_to,
        }


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning found. ``tuning`` is None where every search is exact and nothing needs it."""

    wanted: float
    references: int
    tuning: Tuning | None

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        answer: dict[str, object] = {"wanted": self.wanted, "references": self.references, "exact": True}
        if self.tuning is None:
            return answer | {"reached": True, "subject_recall": 1.0}
        found = self.tuning
        return answer | {
            "exact": False,
            "reached": found.reached,
            "subject_recall": found.subject_recall,
            "at_least": round(found.at_least, 5),
            "probes": found.probes,
            "candidates": found.effort.candidates,
            "lists": found.effort.lists,
            "exhaustive": found.exhaustive,
            "trials": [
                {
                    "candidates": one.effort.candidates,
                    "lists": one.effort.lists,
                    "subject_recall": one.subject_recall,
                    "milliseconds": round(one.milliseconds, 3),
                }
                for one in found.trials
            ],
        }


class GalleryIndex:
    """The index of one gallery."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        settings: Settings,
        gallery_id: str,
        searching: Searching,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ring = ring
        self._settings = settings
        self._gallery_id = gallery_id
        self._searching = searching
        self._clock = clock

    def status(self) -> IndexStatus:
        """Kind, counts, memory, tuning, epoch and snapshot. Opens the index. Raises EngineError for a server."""
        now = self._searching.now()
        facts = self._searching.facts()
        found = now.standing()
        with self._database.read() as connection:
            newest = feed.last(connection)
            on_record = references.count(connection, facts.model)
        snapshots = Snapshots(self._settings.folder / "index", self._ring, self._gallery_id, facts.model)
        kept = _newest(snapshots)
        stat = None if kept is None else kept[1]
        position = now.position if isinstance(now, Searchable) else newest - self._behind(facts, newest)
        return IndexStatus(
            engine=facts.engine.uri,
            kind=found.kind,
            model=facts.model,
            dimensions=found.dimensions,
            references=found.references,
            on_record=on_record,
            memory_bytes=found.memory_bytes,
            tombstones=found.tombstones,
            changes_behind=max(0, newest - position),
            epoch=self._ring.epoch,
            snapshot_bytes=None if stat is None else stat.st_size,
            # The file system's clock, not the gallery's: it is the one that stamped the file.
            snapshot_age_s=None if stat is None else round(max(0.0, time.time() - stat.st_mtime), 1),
            snapshot_behind=None if kept is None else max(0, newest - kept[0]),
            tuning=facts.tuning,
            refinement=None if facts.engine.distributed else facts.refinement,
            moving_to=None if facts.move is None else facts.move.uri,
        )

    def tune(self, recall: float = 0.999, *, seed: int | None = None, progress: Progress | None = None) -> Tuned:
        """Choose how far a search goes for a subject recall, measured on this gallery; every process uses it.

        A few seconds at a million references; searches go on. ``seed`` makes the sample the same again. Raises
        InputInvalid for a recall that is not between 0 and 1, for an empty gallery, and for an index on a server.
        """
        if not 0 < recall < 1:
            raise InputInvalid("The recall to tune for lies between 0 and 1, both excluded: 0.999.")
        now = self._searching.now()
        index = now.current()
        if not isinstance(index, GrowingIndex):
            raise InputInvalid(
                "An index on a server is tuned there.",
                remedy="Move it to 'embedded', and back with other --lists and --probes.",
            )
        if len(index) == 0:
            raise InputInvalid("There is nothing in the gallery to tune on.")
        if progress is not None:
            progress(0, None, "searching for references of the gallery")
        found = index.tune(recall, random=np.random.default_rng(seed), clock=time.perf_counter)
        done = Tuned(recall, len(index), found)
        record: dict[str, object] = {"model": now.model[:16], "tuned_utc": clock.to_text(self._clock.now())}
        answer = done.as_dict()
        record |= {name: value for name, value in answer.items() if name != "trials"}
        if found is not None:  # while all is exact there is no effort to remember
            self._set(TUNING, json.dumps(record, separators=(",", ":")))
            now.save(always=True)
        return done

    def keep_refinement(self, place: str) -> str:
        """Keep the refinement of an embedded index in ``memory`` or on ``disk``; returns where it was.

        Every process opens its index anew at its next use, from the snapshot. On disk it lies in nameless files
        in the gallery's folder, each under a key of its own that only this process's memory has (docs/adr/0006).
        Raises InputInvalid for another place; DiskFull where there is no room, and then it stays where it was.
        """
        if place not in (IN_MEMORY, ON_DISK):
            raise InputInvalid("A refinement is kept in 'memory' or on 'disk'.")
        before = self._searching.facts().refinement
        self._set(REFINEMENT, place)
        try:
            now = self._searching.now()
            if isinstance(now, Searchable):
                now.current()
        except DiskFull:
            self._set(REFINEMENT, before)
            raise
        return before

    def _set(self, name: str, value: str) -> None:
        with self._database.write() as connection:
            numbering.set_fact(connection, name, value)

    def setting(
        self,
        to: str,
        *,
        kind: str = "FLAT",
        lists: int = 1024,
        probes: int = 64,
        shards: int = 1,
        replicas: int = 1,
        gc_seconds: int | None = None,
        queue_seconds: int | None = None,
        staleness_ms: int = 500,
        purge_seconds: float = 300.0,
    ) -> EngineSetting:
        """A place to move to, with how the server searches and what its operator states about it.

        Raises InputInvalid for an address that is none, or that holds a password.
        """
        structure = Structure(kind, lists, probes, shards, replicas)
        return EngineSetting(to, structure, Retention(gc_seconds, queue_seconds), staleness_ms, purge_seconds)

    def move(self, to: str | EngineSetting, *, seed: int | None = None, progress: Progress | None = None) -> Moved:
        """Bring the index to another engine: ``milvus://host:port`` or ``embedded``; searches go on meanwhile.

        Killed half way, the same call goes on where it was. Raises InputInvalid (no such place, or it is there
        already), MoveUnusable (another move is under way), MoveDisagrees (sampled searches differ; nothing was
        switched), and EngineError with its kinds.
        """
        target = EngineSetting(to) if isinstance(to, str) else to
        facts = self._searching.facts()
        if target.uri == facts.engine.uri:
            raise InputInvalid(
                f"The index is at {target.uri} already.",
                remedy="For another structure there, move it to 'embedded' first, and back with other options.",
            )
        self.leave()
        if facts.move is not None and facts.move != target:
            raise MoveUnusable(
                f"A move to {facts.move.uri} is under way.",
                remedy="Finish it by asking for it again with the same options, or give it up with --abandon.",
            )
        done = self._mover(facts).move(facts.engine, target, np.random.default_rng(seed), progress)
        self._searching.switched()
        return done

    def abandon(self) -> str | None:
        """Give up a move that is under way and delete what it wrote; returns where it was going, or None."""
        facts = self._searching.facts()
        if facts.move is None:
            return None
        self._mover(facts).abandon(facts.move)
        self._searching.switched()
        return facts.move.uri

    def leave(self) -> None:
        """Delete what a move that was cut short has left on the server that it came from. Raises EngineError."""
        facts = self._searching.facts()
        if facts.leaving is not None:
            self._mover(facts).leave(facts.leaving)

    def _mover(self, facts: Facts) -> Mover:
        return Mover(
            self._database,
            self._settings.folder / "index",
            self._gallery_id,
            facts.model,
            lambda setting: self._searching.place(facts.model, setting),
            self._searching.now,
        )

    def _behind(self, facts: Facts, newest: int) -> int:
        with self._database.read() as connection:
            at = numbering.fact(connection, position_fact(facts.model, facts.engine))
        return newest - int(at or 0)


def _newest(snapshots: Snapshots) -> tuple[int, os.stat_result] | None:
    """Position and file of the newest snapshot; one that another process just replaced is looked for again."""
    while (found := snapshots.newest()) is not None:
        with suppress(FileNotFoundError):
            return found[0], found[1].stat()
    return None
