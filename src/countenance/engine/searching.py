"""Which index a gallery's searches use now: in this process or on a server, tuned how, and is a move under way?

Rules kept here:

* The answer is a few facts in the store, read before every use, so that all processes agree without being told.
* As a Holder of index entries it reaches every place that may have them: the index in use, the target of a move
  that is under way, and snapshots that an earlier choice left on the disk.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from countenance.custody.erasure.errand import Progress
from countenance.custody.permission.ledger import Ledger
from countenance.holding import Absence, Holding, Target
from countenance.index.choice import GrowingIndex, open_index
from countenance.index.coarse import Effort
from countenance.index.distributed import DistributedIndex
from countenance.index.embedded import EmbeddedIndex
from countenance.index.protocol import Index
from countenance.index.setting import EngineSetting
from countenance.recognition.gallery.current import CurrentIndex
from countenance.recognition.gallery.labelled import LabelledReferences
from countenance.recognition.gallery.migrate import ACTIVE_MODEL
from countenance.recognition.gallery.moving import ENGINE, LEAVING, MOVE
from countenance.recognition.gallery.searchable import Searchable
from countenance.recognition.gallery.served import Served
from countenance.recognition.gallery.snapshots import Snapshots
from countenance.settings import Settings
from countenance.store import numbering
from countenance.store.database import Database
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

TUNING = "index_tuning"
"""The fact that holds what `index tune` chose, as JSON."""

REFINEMENT = "index_refinement"
"""The fact that says where an embedded index keeps its refinement; absent for memory."""

IN_MEMORY, ON_DISK = "memory", "disk"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store says about searching."""

    model: str
    engine: EngineSetting
    move: EngineSetting | None
    leaving: EngineSetting | None
    tuning: dict[str, object] | None
    """Of this model; None while nothing was tuned."""
    refinement: str
    """``memory`` or ``disk``: where an embedded index keeps its refinement."""


class Searching:
    """The indexes of one gallery in this process; also the Holder of index entries. Thread-safe."""

    name = "index"

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        vault: Vault,
        ledger: Ledger,
        settings: Settings,
        gallery_id: str,
        bundled_model: str,
        dimensions_of: Callable[[str], int],
        progress: Progress | None,
    ) -> None:
        """``dimensions_of`` gives the length of a model's templates by its digest."""
        self._database = database
        self._ring = ring
        self._vault = vault
        self._ledger = ledger
        self._settings = settings
        self._gallery_id = gallery_id
        self._bundled_model = bundled_model
        self._dimensions_of = dimensions_of
        self._progress = progress
        self._folder = settings.folder / "index"
        self._open: dict[tuple[str, str, str], CurrentIndex] = {}
        self._opening = threading.Lock()
        self._effort: Effort | None = None

    def facts(self) -> Facts:
        """What the store says now."""
        with self._database.read() as connection:
            found = numbering.facts(connection, [ACTIVE_MODEL, ENGINE, MOVE, LEAVING, TUNING, REFINEMENT])
        model = found.get(ACTIVE_MODEL, self._bundled_model)
        tuning = json.loads(found[TUNING]) if TUNING in found else None
        return Facts(
            model,
            EngineSetting.parse(found.get(ENGINE)),
            EngineSetting.parse(found[MOVE]) if MOVE in found else None,
            EngineSetting.parse(found[LEAVING]) if LEAVING in found else None,
            tuning if tuning is not None and tuning["model"] == model[:16] else None,
            found.get(REFINEMENT, IN_MEMORY),
        )

    def now(self) -> CurrentIndex:
        """The index that searches use."""
        facts = self.facts()
        chosen = facts.tuning
        self._effort = None if chosen is None else Effort(int(str(chosen["candidates"])), int(str(chosen["lists"])))
        return self._at(facts)

    def place(self, model: str, setting: EngineSetting) -> Searchable | Served:
        """An index of its own in that place, for a move; the caller closes it."""
        source = LabelledReferences(self._database, self._vault, self._ledger, model, self._dimensions_of(model))
        if not setting.distributed:
            return Searchable(
                self._database,
                source,
                self._snapshots(model),
                self._folder,
                lambda count: open_index(
                    model, source.dimensions, count, refinement_folder=self._refinement_folder()
                ),
                keep_changes_from=self._needed,
                prepare=self._prepare,
                progress=self._progress,
            )
        return Served(
            self._database,
            source,
            self._folder,
            lambda: self._connect(model, source.dimensions, setting),
            position_fact(model, setting),
            keep_changes_from=self._needed,
            progress=self._progress,
        )

    def retire(self, model: str) -> None:
        """Delete what a server has of a model that is not used any longer. Raises EngineError."""
        setting = self.facts().engine
        if setting.distributed:
            old = self.place(model, setting)
            try:
                if isinstance(old, Served):
                    old.clear()
            finally:
                old.close()

    def switched(self) -> None:
        """Let go of every index in this process; the next use opens what the facts say."""
        with self._opening:
            for one in self._open.values():
                one.close()
            self._open.clear()

    close = switched

    def _at(self, facts: Facts) -> CurrentIndex:
        """The index in use; whatever is open and no longer wanted is closed."""
        wanted = [facts.engine, *_elsewhere(facts)]
        keys = [_key(facts, setting) for setting in wanted]
        with self._opening:
            for other in [key for key in self._open if key not in keys]:
                self._open.pop(other).close()
            if keys[0] not in self._open:
                self._open[keys[0]] = self.place(facts.model, facts.engine)
            return self._open[keys[0]]

    def _connect(self, model: str, dimensions: int, setting: EngineSetting) -> DistributedIndex:
        deployment = setting.deployment(self._settings.engine_token)
        rotation_key = self._ring.derive("index-rotation")
        return DistributedIndex(deployment, self._gallery_id, model, dimensions, rotation_key)

    def _snapshots(self, model: str) -> Snapshots:
        return Snapshots(self._folder, self._ring, self._gallery_id, model)

    def _refinement_folder(self) -> Path | None:
        """Where nameless files of the refinement lie; None keeps it in memory."""
        if self.facts().refinement != ON_DISK:
            return None
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder

    def _prepare(self, index: Index) -> None:
        inner = index.inner if isinstance(index, GrowingIndex) else index
        effort = self._effort
        if effort is not None and isinstance(inner, EmbeddedIndex) and inner.effort != effort:
            inner.effort = effort

    def _needed(self) -> int | None:
        """The oldest change that a server, in use or being moved to, has not been told yet."""
        facts = self.facts()
        names = [
            position_fact(facts.model, setting)
            for setting in (facts.engine, facts.move)
            if setting is not None and setting.distributed
        ]
        with self._database.read() as connection:
            positions = numbering.facts(connection, names)
        return min((int(positions.get(name, "0")) for name in names), default=None)

    # -- Holder ---------------------------------------------------------------------------------------------

    def _places(self) -> list[CurrentIndex]:
        """Every index that may hold entries, the one in use first."""
        facts = self.facts()
        places = [self._at(facts)]
        for setting in _elsewhere(facts):
            key = _key(facts, setting)
            with self._opening:
                if key not in self._open:
                    self._open[key] = self.place(facts.model, setting)
                places.append(self._open[key])
        return places

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many index entries of the targets the index in use holds."""
        return self._places()[0].describe(targets)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Drop the targets' entries wherever they may be, and every snapshot."""
        self._snapshots(self._bundled_model).drop_all()
        destroyed = [place.erase(targets) for place in self._places()]
        return destroyed[0]

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Look in every place that may have the targets' entries."""
        places = self._places()
        absences = [place.confirm_absent(targets) for place in places]
        stale = 0 if isinstance(places[0], Searchable) else self._snapshots(places[0].model).stale()
        unconfirmed = [one.unconfirmed for one in absences if one.unconfirmed is not None]
        return Absence(
            self.name,
            all(one.absent for one in absences) and stale == 0,
            "; and on the server to or from which the index is being moved: ".join(one.checked for one in absences),
            sum(one.remaining for one in absences) + stale,
            "; ".join(unconfirmed) or None,
        )


def _key(facts: Facts, setting: EngineSetting) -> tuple[str, str, str]:
    """What an open index was opened for; another one is opened when any of it changes."""
    return facts.model, setting.text(), "" if setting.distributed else facts.refinement


def _elsewhere(facts: Facts) -> list[EngineSetting]:
    """Servers that may have entries besides the index in use."""
    others = (facts.move, facts.leaving)
    return [one for one in others if one is not None and one.distributed and one.uri != facts.engine.uri]


def position_fact(model: str, setting: EngineSetting) -> str:
    """The fact that says how far the index of ``model`` on that server is."""
    return f"index_position.{model[:16]}.{setting.mark}"
