"""Moving a gallery from one index to another while searches and changes go on.

Rules kept here:

* The source of truth is the sealed templates; the old index is only searched. Batches come in ascending order of
  reference id, and the checkpoint says up to which id the target is complete. A move that was killed goes on there.
* Whoever changes the gallery during a move does it through :class:`BothIndexes`: the old index first, so that a
  removal is effective at once whatever the new one does. A reference removed during the move is never copied.
* What other processes removed is found by asking the store again after each batch has been written, and once
  more for everything at the end.
* Searches stay with the old index until sampled searches on both agree. The switch itself is the caller's.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from countenance.errors import DiskFull, ModelsDiffer, MoveDisagrees, MoveUnusable
from countenance.index.protocol import Batch, Filter, Hits, Index, Labels
from countenance.terms import Ids, Vectors

CHECKPOINT_VERSION = 1
SAMPLES = 64
_CANDIDATES = 5
_NUMBERS_AT_ONCE = 4000
_SCORE_TOLERANCE = 1e-2  # 8-bit refinement of the embedded index against float32

Source = Callable[[int], Iterator[Batch]]
"""Batches of all references with an id above the given one (-1: from the start), ascending, templates opened.

A generator that opens a batch's templates when it is asked for it, not before."""

Living = Callable[[Ids], Ids]
"""Those of the given reference ids that the store still has."""


class Progress(Protocol):
    """How far a move is."""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """``done`` of ``total`` references."""
        ...


@dataclass(frozen=True, slots=True)
class MoveReport:
    """What a finished copy did. The caller may switch."""

    copied: int
    """References written by this run."""
    resumed_after: int
    """The checkpoint's reference id that this run started after; -1 for a fresh start."""
    withdrawn: int
    """References that were removed while the copy was under way, and are not in the target."""
    compared: int
    agreed: int
    """Sampled searches, and those in which both indexes ranked the same subject first with the same score."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "copied": self.copied,
            "resumed_after": self.resumed_after,
            "withdrawn": self.withdrawn,
            "compared": self.compared,
            "agreed": self.agreed,
        }


class BothIndexes:
    """Searches in ``old``, changes in both; what a gallery uses while a move is under way."""

    def __init__(self, old: Index, new: Index) -> None:
        """Raises ModelsDiffer if they hold templates of two models."""
        if (old.model, old.dimensions) != (new.model, new.dimensions):
            raise ModelsDiffer("an index can only be moved to one of the same model")
        self.old = old
        self.new = new
        self._removed: set[int] = set()
        self._changing = threading.Lock()

    def search(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """As the old index answers; never waits for the copy."""
        return self.old.search(probes, k, where)

    def subject_references(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """As the old index answers; never waits for the copy."""
        return self.old.subject_references(probes, k, where)

    def count(self, where: Filter) -> int:
        """As the old index answers."""
        return self.old.count(where)

    def add(self, batch: Batch) -> None:
        """Add to both."""
        self.old.add(batch)
        with self._changing:
            self._removed -= set(batch.reference_ids.tolist())
            self.new.add(batch)

    def remove(self, reference_ids: Ids) -> int:
        """Remove from both; the old index, which is searched, first. Returns how many the old one held."""
        held = self.old.remove(reference_ids)
        with self._changing:
            self._removed |= set(reference_ids.tolist())
            self.new.remove(reference_ids)
        return held

    def relabel(self, reference_ids: Ids, labels: Labels) -> None:
        """Give references new labels in both."""
        self.old.relabel(reference_ids, labels)
        with self._changing:
            self.new.relabel(reference_ids, labels)

    def copy(self, read: Callable[[], Batch | None], living: Living) -> tuple[Batch, int] | None:
        """Write the batch that ``read`` returns to the new index, without what has been removed meanwhile.

        ``read`` opens its templates while no change is under way, so that no older label is written over a
        newer one. Returns the batch and how many of it were withheld or taken back; None when ``read`` does.
        """
        with self._changing:
            batch = read()
            if batch is None:
                return None
            keep = ~np.isin(batch.reference_ids, np.fromiter(self._removed, np.int64, len(self._removed)))
            ids = batch.reference_ids[keep]
            if len(ids):
                self.new.add(Batch(ids, batch.subject_ids[keep], batch.templates[keep], batch.labels[keep]))
            vanished = np.setdiff1d(ids, living(ids))
            if len(vanished):
                self.new.remove(vanished)
        return batch, len(batch.reference_ids) - len(ids) + len(vanished)


def move(
    both: BothIndexes,
    source: Source,
    living: Living,
    checkpoint: Path,
    name: str,
    random: np.random.Generator,
    *,
    total: int | None = None,
    progress: Progress | None = None,
) -> MoveReport:
    """Copy everything to ``both.new`` and compare; afterwards the caller may switch to it.

    ``name`` names the move (gallery and target): a checkpoint of another is refused. Raises MoveUnusable,
    MoveDisagrees (the checkpoint stays), DiskFull, and whatever the target raises; run again, it goes on.
    """
    start = read_checkpoint(checkpoint, name, both.new.model)
    done = copied = withdrawn = 0
    last = start
    sample = _Sample(random)
    batches = source(start)
    while (written := both.copy(lambda: next(batches, None), living)) is not None:
        batch, missing = written
        if len(batch.reference_ids) and int(batch.reference_ids.min()) <= last:
            raise MoveUnusable("the source does not give its references in ascending order")
        done += len(batch.reference_ids)
        copied += len(batch.reference_ids) - missing
        withdrawn += missing
        last = max(last, int(batch.reference_ids.max(initial=last)))
        sample.see(batch)
        write_checkpoint(checkpoint, name, both.new.model, last)
        if progress is not None:
            progress(done, total, "references copied")
    withdrawn += _second_look(both, last, living)
    again = source(-1)
    while sample.wanted and (more := next(again, None)) is not None:  # a move that went on has copied little
        sample.see(more)
    compared, agreed = compare(both, sample.templates)
    if agreed < compared:
        raise MoveDisagrees(f"{compared - agreed} of {compared} sampled searches gave another answer")
    checkpoint.unlink(missing_ok=True)
    return MoveReport(copied, start, withdrawn, compared, agreed)


class _Sample:
    """A uniform sample of the templates that go by (Vitter's algorithm R, 1985)."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._seen = 0
        self._kept: list[Vectors] = []

    def see(self, batch: Batch) -> None:
        for template in batch.templates:
            self._seen += 1
            if len(self._kept) < SAMPLES:
                self._kept.append(template)
            elif (place := int(self._random.integers(self._seen))) < SAMPLES:
                self._kept[place] = template

    @property
    def wanted(self) -> int:
        return SAMPLES - len(self._kept)

    @property
    def templates(self) -> Vectors:
        return np.array(self._kept, np.float32)


def _second_look(both: BothIndexes, last: int, living: Living) -> int:
    """Remove from the new index every reference up to ``last`` that the store no longer has; returns how many.

    The numbers are counted through, not read from the source: what is gone from the store is not in the source.
    """
    removed = 0
    for first in range(0, last + 1, _NUMBERS_AT_ONCE):
        numbers = np.arange(first, min(last + 1, first + _NUMBERS_AT_ONCE), dtype=np.int64)
        gone = np.setdiff1d(numbers, living(numbers))
        if len(gone):
            removed += both.new.remove(gone)
    return removed


def compare(both: BothIndexes, probes: Vectors) -> tuple[int, int]:
    """Search for every row of ``probes`` in both; returns how many there are and how many answers agree."""
    if len(probes) == 0:
        return 0, 0
    old = both.old.search(probes, _CANDIDATES, Filter())
    new = both.new.search(probes, _CANDIDATES, Filter())
    agreed = 0
    for n in range(len(probes)):
        close = abs(float(old.scores[n, 0]) - float(new.scores[n, 0])) <= _SCORE_TOLERANCE
        nobody = old.subject_ids[n, 0] == new.subject_ids[n, 0] == -1
        # Two subjects with nearly one score may change places; then each is among the other's candidates.
        same = old.subject_ids[n, 0] in new.subject_ids[n] and new.subject_ids[n, 0] in old.subject_ids[n]
        agreed += bool(nobody or (close and same))
    return len(probes), agreed


def read_checkpoint(path: Path, name: str, model: str) -> int:
    """The reference id up to which the target is complete; -1 where there is no checkpoint yet.

    Raises MoveUnusable for one that is damaged or of another move.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return -1
    try:
        found = json.loads(text)
        version, whose, last = found["version"], (found["move"], found["model"]), int(found["last_reference_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise MoveUnusable("the checkpoint of the move cannot be read") from error
    if version != CHECKPOINT_VERSION or whose != (name, model):
        raise MoveUnusable("the checkpoint is of another move, or was written by another version")
    return last


def write_checkpoint(path: Path, name: str, model: str, last: int) -> None:
    """Note that the target is complete up to reference id ``last``; atomic. Raises DiskFull."""
    record = {"version": CHECKPOINT_VERSION, "move": name, "model": model, "last_reference_id": last}
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(record, file, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DiskFull("the checkpoint of the move could not be written") from error
