"""The distributed engine: a Milvus server, or a cluster of them, behind the same Index Protocol.

Rules kept here:

* Filters are evaluated on the server: labels as fields, jurisdictions as partitions.
* A removed reference is out of this process's searches before the server is told, and stays out if the telling
  fails; out of every other process's within ``staleness_ms`` of the server's answer.
* Scores are inner products of float32 templates. Where the server's structure is approximate, the subjects it
  finds are scored again from all their templates that the filter admits, so their scores are exact.
* The server keeps its data itself, in plain text and under none of our keys: a snapshot here is a sealed note of
  which collection belongs to which epoch. Encrypted disks are the operator's duty; index.rotation is a mitigation.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from countenance.errors import SnapshotUnusable
from countenance.holding import Absence
from countenance.index.checks import (
    check_count,
    check_filter,
    checked_batch,
    checked_ids,
    checked_labels,
    checked_vectors,
)
from countenance.index.milvus_collection import Collection, Row, Structure
from countenance.index.milvus_link import Address, Link
from countenance.index.milvus_purge import Purge, Retention
from countenance.index.milvus_schema import (
    MOST_HITS,
    VECTOR,
    Marker,
    among,
    collection_name,
    expression,
    rows_of,
)
from countenance.index.protocol import Batch, Fact, Filter, Hits, Labels
from countenance.index.ranking import Scored, nothing, ranked
from countenance.index.rotation import Rotation
from countenance.index.snapshot import Contents, read_contents, write_contents
from countenance.terms import Ids, Vectors, comparison_scores

KIND = "distributed"
_ROWS_AT_ONCE = 4000
_IDS_AT_ONCE = 4000
_PROBES_AT_ONCE = 64
_SUBJECTS_AT_ONCE = 500
_MOST_HIDDEN = 1000
_BYTES_AT_ONCE = 16 << 20  # well under the 64 MiB that a Milvus proxy receives


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a server is, how it searches, and what its operator states about it."""

    address: Address
    structure: Structure = field(default_factory=Structure)
    retention: Retention = field(default_factory=Retention)
    staleness_ms: int = 500
    """How old another process's write may be and still be missed; 0 asks the server for its newest state always,
    which costs up to 200 ms a search."""
    purge_seconds: float = 300.0


class DistributedIndex:
    """An Index in a Milvus collection. Safe from many threads and many processes."""

    def __init__(
        self, deployment: Deployment, gallery: str, model: str, dimensions: int, rotation_key: bytes | None
    ) -> None:
        """Open (or make) the collection of ``gallery`` for ``model``.

        ``rotation_key``: 32 bytes to store rotated templates (see index.rotation), or None to store them as they
        are. Raises EngineUnavailable, EngineSlow, EngineVersionUnknown, EngineForeign or EngineRefused.
        """
        self._model = model
        self._dimensions = dimensions
        self._deployment = deployment
        self._rotation = Rotation(rotation_key, dimensions) if rotation_key is not None else None
        marker = Marker(gallery, model, dimensions, self._rotation.check if self._rotation else None)
        self._link = Link(deployment.address)
        name = collection_name(gallery, model)
        self._collection = Collection(self._link, name, marker, deployment.structure, deployment.staleness_ms)
        self._purge = Purge(self._link, name, deployment.retention, deployment.purge_seconds)
        self._denied: Mapping[int, float] = {}  # until when; replaced as a whole, so that readers need no lock
        self._removed: frozenset[int] = frozenset()
        self._writing = threading.RLock()
        self._collection.open()

    @property
    def model(self) -> str:
        """Digest of the model whose templates are held."""
        return self._model

    @property
    def dimensions(self) -> int:
        """Length of a template."""
        return self._dimensions

    @property
    def collection(self) -> str:
        """Name of the collection on the server."""
        return self._collection.name

    def __len__(self) -> int:
        """References held and not removed."""
        return self._collection.count()

    def add(self, batch: Batch) -> None:
        """Make ``batch`` searchable at once; see the Protocol. May be repeated after any failure.

        Written in pieces, one jurisdiction at a time: after an error the pieces before it are there.
        """
        checked = checked_batch(batch, self._dimensions)
        with self._writing:
            for piece in _pieces(checked, self._rows_at_once):
                ids = piece.reference_ids
                jurisdiction = int(piece.labels["jurisdiction"][0])
                elsewhere: dict[int, list[int]] = defaultdict(list)
                for row in self._rows(ids, ["jurisdiction"]):
                    if row["jurisdiction"] != jurisdiction:
                        elsewhere[row["jurisdiction"]].append(row["reference_id"])
                # Old rows go first: a crash in between loses a row of a cache, never shows one under old labels.
                for other, moved in elsewhere.items():
                    partition = self._collection.ensure_partition(other)
                    self._collection.delete(among("reference_id", moved), partition)
                partition = self._collection.ensure_partition(jurisdiction)
                self._collection.upsert(rows_of(piece, self._stored(piece.templates)), partition)
                self._deny(ids, 0.0)
                self._removed -= set(ids.tolist())

    def remove(self, reference_ids: Ids) -> int:
        """Take references out of every search; returns how many were held. See the Protocol.

        When the server cannot be told, the error is raised and this process goes on not finding them.
        """
        ids = np.unique(checked_ids(reference_ids))
        with self._writing:
            fresh = set(ids.tolist()) - self._hidden()
            self._deny(ids, math.inf)
            few = len(ids) <= _MOST_HIDDEN
            held = 0
            for part in _parts(ids):
                held += len({row["reference_id"] for row in self._rows(part, [])} & fresh)
                # Told even when nothing is seen: another process may have added one a moment ago.
                self._collection.delete(among("reference_id", part), hidden=few)
            self._removed |= set(ids.tolist())
            # Confirmed by the server. Until every answer shows it, few are hidden, and for many it is waited.
            self._deny(ids, time.monotonic() + self._collection.settling_s if few else 0.0)
            return held

    def relabel(self, reference_ids: Ids, labels: Labels) -> None:
        """Give held references new labels; ids not held are passed over."""
        ids = checked_ids(reference_ids)
        wanted = dict(zip(ids.tolist(), checked_labels(labels, len(ids)), strict=True))
        with self._writing:
            for part in _parts(np.fromiter(wanted, np.int64, len(wanted)), self._rows_at_once):
                rows = self._rows(part, ["subject_id", VECTOR], newest=True)
                if not rows:
                    continue
                held = np.array([row["reference_id"] for row in rows], np.int64)
                subjects = np.array([row["subject_id"] for row in rows], np.int64)
                templates = self._given(np.array([row[VECTOR] for row in rows], np.float32))
                fresh = np.array([wanted[n] for n in held.tolist()], labels.dtype)
                self.add(Batch(held, subjects, templates, fresh))

    def search(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """The best ``k`` subjects for each probe row; see the Protocol."""
        return self._ranked(probes, k, where, by_subject=True)

    def subject_references(self, probes: Vectors, k: int, where: Filter) -> Hits:
        """The best ``k`` references for each probe row; see the Protocol."""
        return self._ranked(probes, k, where, by_subject=False)

    def count(self, where: Filter) -> int:
        """How many references ``where`` admits, as the server counts them; costs about as much as a search."""
        partitions = self._collection.partitions(check_filter(where).jurisdictions)
        if partitions == [] or where.compartments == frozenset():
            return 0
        return self._collection.count(expression(where, self._hidden()), partitions, newest=False)

    def compact(self) -> None:
        """Make the server drop the bytes of removed references from its segments; waits until it has.

        Raises EngineSlow when it takes longer than the deployment's ``purge_seconds``.
        """
        with self._writing:
            self._settle()
            self._purge.run()
            self._removed = frozenset()

    def write_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Write a sealed note of which collection this is; the server keeps the content itself."""
        parameters = {"collection": self.collection}
        write_contents(path, key, context, Contents(KIND, self._model, self._dimensions, parameters, {}))

    def read_snapshot(self, path: Path, key: bytes, context: bytes) -> None:
        """Check that the note at ``path`` is of this collection; raises SnapshotUnusable if it is not.

        The content stays as it is on the server. After SnapshotUnusable, :meth:`clear` and fill it again.
        """
        contents = read_contents(path, key, context)
        found = (contents.kind, contents.model, contents.dimensions, contents.parameters.get("collection"))
        if found != (KIND, self._model, self._dimensions, self.collection):
            raise SnapshotUnusable("the snapshot is of another kind of index, another model or another collection")

    def clear(self) -> None:
        """Drop the collection with everything in it, and make it anew."""
        with self._writing:
            self._collection.drop()
            self._collection.open()
            self._denied, self._removed = {}, frozenset()

    def close(self) -> None:
        """Let the connection go."""
        self._link.close()

    def held(self, reference_ids: Ids) -> Ids:
        """Those of ``reference_ids`` that the server still sees, or that this process has removed and the server
        has not compacted away. What other processes removed, only :meth:`confirm_absent` can tell."""
        ids = checked_ids(reference_ids)
        with self._writing:
            seen = {row["reference_id"] for part in _parts(ids) for row in self._rows(part, [], newest=True)}
            waiting = self._removed & set(ids.tolist())
            if waiting and not self._purge.look().clean:
                seen |= waiting
        return ids[np.isin(ids, np.fromiter(seen, np.int64, len(seen)))]

    def confirm_absent(self, reference_ids: Ids) -> Absence:
        """Ask the server at its newest timestamp, compare its segments with what it sees, list its disk if that
        can be read; what cannot be known from here is in ``unconfirmed``."""
        ids = checked_ids(reference_ids)
        with self._writing:
            self._settle()
            standing = self._purge.look()
            seen = sum(len(self._rows(part, [], newest=True)) for part in _parts(ids))
            gone, how, unknown = self._purge.checked(standing)
        # A deleted row in a segment has no id that can be asked for: while there is one, it may be one of these.
        remaining = seen if gone else max(1, seen + min(len(ids), standing.deleted_rows))
        return Absence("index", remaining == 0, how, remaining, unknown or None)

    def describe(self) -> Fact:
        """Counts and the server's memory, estimated as float32 templates and fields."""
        standing = self._purge.look(flush=False)
        memory = standing.stored * (4 * self._dimensions + 40)
        return Fact(KIND, standing.seen, self._dimensions, memory, standing.deleted_rows)

    @property
    def _rows_at_once(self) -> int:
        return max(1, min(_ROWS_AT_ONCE, _BYTES_AT_ONCE // (4 * self._dimensions)))

    def _ranked(self, probes: Vectors, k: int, where: Filter, *, by_subject: bool) -> Hits:
        rows = checked_vectors(probes, self._dimensions)
        wanted = check_count(k)
        partitions = self._collection.partitions(check_filter(where).jurisdictions)
        if partitions == [] or where.compartments == frozenset() or len(rows) == 0:
            return nothing(len(rows), wanted, exact=True)
        rotated = self._stored(rows)
        parts = [
            self._found(first, rotated[first : first + _PROBES_AT_ONCE], wanted, where, partitions, by_subject)
            for first in range(0, len(rows), _PROBES_AT_ONCE)
        ]
        return ranked(Scored.joined(parts), len(rows), wanted, by_subject=by_subject, exact=True)

    def _found(
        self, first: int, probes: Vectors, k: int, where: Filter, partitions: list[str] | None, by_subject: bool
    ) -> Scored:
        """Scored references for ``probes``, which are numbered from ``first``; enough of them for ``k`` answers."""
        denied = self._hidden()
        condition = expression(where, denied)
        limit = min(MOST_HITS, max(64, 4 * k) if by_subject else k + 16)
        while True:
            found = list(self._collection.search(list(probes), limit, condition, partitions))
            short = by_subject and any(
                len(hits) >= limit and len({subject for _, subject, _ in hits}) < k for hits in found
            )
            if not short or limit >= MOST_HITS:
                break
            limit = min(MOST_HITS, 4 * limit)
        entries = [
            (n, subject, reference, score)
            for n, hits in enumerate(found)
            for reference, subject, score in hits
            if reference not in denied
        ]
        scored = _scored(entries)
        if not self._deployment.structure.exact:
            scored = self._scored_again(scored, probes, condition, partitions)
        return Scored(scored.probes + first, scored.subject_ids, scored.reference_ids, scored.scores)

    def _scored_again(self, found: Scored, probes: Vectors, condition: str, partitions: list[str] | None) -> Scored:
        """Every admitted reference of the subjects found for a probe, with its score in float32."""
        wanted: dict[int, set[int]] = defaultdict(set)
        for probe, subject in zip(found.probes.tolist(), found.subject_ids.tolist(), strict=True):
            wanted[subject].add(probe)
        fields = ["reference_id", "subject_id", VECTOR]
        entries = []
        for part in _parts(np.fromiter(wanted, np.int64, len(wanted)), _SUBJECTS_AT_ONCE):
            rows = self._collection.query(f"{among('subject_id', part)} and {condition}", fields, partitions)
            if not rows:
                continue
            templates = np.array([row[VECTOR] for row in rows], np.float32)
            scores = comparison_scores(probes, templates)
            entries += [
                (probe, row["subject_id"], row["reference_id"], float(scores[probe, n]))
                for n, row in enumerate(rows)
                for probe in wanted[row["subject_id"]]
            ]
        return _scored(entries)

    def _rows(self, ids: Ids, fields: list[str], *, newest: bool = False) -> list[Row]:
        """The held rows among ``ids`` (at most _IDS_AT_ONCE), with ``fields``."""
        return self._collection.query(among("reference_id", ids), ["reference_id", *fields], newest=newest)

    def _hidden(self) -> frozenset[int]:
        """References that this process must not find, whatever the server answers."""
        denied, now = self._denied, time.monotonic()
        return frozenset(number for number, until in denied.items() if until > now)

    def _deny(self, ids: Ids, until: float) -> None:
        """Hide ``ids`` until that moment of the monotonic clock; what has expired is dropped."""
        now = time.monotonic()
        kept = {number: end for number, end in self._denied.items() if end > now}
        kept.update(dict.fromkeys(ids.tolist(), until))
        self._denied = {number: end for number, end in kept.items() if end > now}

    def _settle(self) -> None:
        """Tell the server again what it could not be told."""
        untold = [number for number, until in self._denied.items() if until == math.inf]
        if untold:
            self.remove(np.array(untold, np.int64))

    def _stored(self, templates: Vectors) -> Vectors:
        return templates if self._rotation is None else self._rotation.apply(templates)

    def _given(self, stored: Vectors) -> Vectors:
        return stored if self._rotation is None else self._rotation.undo(stored)


def _scored(entries: list[tuple[int, int, int, float]]) -> Scored:
    """``entries`` are (probe, subject, reference, score); of a reference that is named twice, the first."""
    kept = list({(entry[0], entry[2]): entry for entry in reversed(entries)}.values())
    probes, subjects, references, scores = zip(*kept, strict=True) if kept else ((), (), (), ())
    return Scored(
        np.array(probes, np.int64),
        np.array(subjects, np.int64),
        np.array(references, np.int64),
        np.array(scores, np.float32),
    )


def _pieces(batch: Batch, most: int) -> Iterator[Batch]:
    """``batch`` in pieces of at most ``most`` rows, each of one jurisdiction."""
    jurisdictions = batch.labels["jurisdiction"]
    for number in np.unique(jurisdictions):
        rows = np.flatnonzero(jurisdictions == number)
        for first in range(0, len(rows), most):
            some = rows[first : first + most]
            yield Batch(
                batch.reference_ids[some], batch.subject_ids[some], batch.templates[some], batch.labels[some]
            )


def _parts(ids: Ids, most: int = _IDS_AT_ONCE) -> Iterator[Ids]:
    for first in range(0, len(ids), most):
        yield ids[first : first + most]
