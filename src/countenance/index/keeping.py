"""An embedded index's state as named arrays, and back.

Rules kept here: everything is a plain array (FAISS's own serialisation is one of bytes, and is only ever given
bytes that a snapshot has authenticated); arrays of a segment are named ``number/what``.
"""

from __future__ import annotations

from collections.abc import Sequence

import faiss
import numpy as np

from countenance.errors import SnapshotUnusable
from countenance.index.coarse import Codes, Effort
from countenance.index.columns import NarrowColumn
from countenance.index.labels import LabelColumn
from countenance.index.onebit import Coder
from countenance.index.protocol import LABELS, Batch, Labels
from countenance.index.refinement import Records, RefinementStore
from countenance.index.segment import Segment
from countenance.index.snapshot import Array, Contents, Parameters

KIND = "embedded"


def kept_arrays(segments: Sequence[Segment], newest: Batch, effort: Effort) -> tuple[Parameters, dict[str, Array]]:
    """Parameters and arrays that :func:`restored` turns back."""
    arrays: dict[str, Array] = {
        "newest/references": newest.reference_ids,
        "newest/subjects": newest.subject_ids,
        "newest/templates": newest.templates,
        "newest/labels": _bytes_of(newest.labels),
    }
    shards: list[int] = []
    for number, segment in enumerate(segments):
        arrays[f"{number}/subjects"] = segment.subjects
        arrays[f"{number}/starts"] = segment.starts
        arrays[f"{number}/references"] = segment.references.whole()
        # Codes first: while this is written, others may relabel, and every code must be in the table beside it.
        arrays[f"{number}/label_codes"] = segment.labels.codes.copy()
        arrays[f"{number}/label_table"] = _bytes_of(segment.labels.table)
        arrays[f"{number}/alive"] = segment.alive
        arrays[f"{number}/records"] = segment.refinement.span(0, len(segment))
        coder = segment.codes.coder
        arrays[f"{number}/turn"], arrays[f"{number}/spread"] = coder.turn, np.array([coder.spread], np.float32)
        shards.append(len(segment.codes.shards))
        for place, (shard, owner) in enumerate(zip(segment.codes.shards, segment.codes.owners, strict=True)):
            arrays[f"{number}/codes/{place}"] = faiss.serialize_index(shard)
            arrays[f"{number}/owners/{place}"] = owner
    parameters: dict[str, int | float | str | bool] = {
        "segments": len(segments),
        "shards": ",".join(map(str, shards)),
        "candidates": effort.candidates,
        "lists": effort.lists,
        "exact": all(segment.exact for segment in segments),
    }
    return parameters, arrays


def restored(contents: Contents, store: RefinementStore) -> tuple[tuple[Segment, ...], Batch, Effort]:
    """Segments, newest rows and effort of a snapshot; raises SnapshotUnusable if it does not fit ``store``."""
    try:
        return _restored(contents, store)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise SnapshotUnusable("the snapshot does not hold what an index of this version needs") from error


def _restored(contents: Contents, store: RefinementStore) -> tuple[tuple[Segment, ...], Batch, Effort]:
    arrays, parameters = contents.arrays, contents.parameters
    shards = [int(count) for count in str(parameters["shards"]).split(",") if count]
    if shards and bool(parameters["exact"]) != store.exact:
        raise SnapshotUnusable("the snapshot's refinement is of another precision")
    segments = []
    for number, count in enumerate(shards):
        records, alive = arrays[f"{number}/records"], arrays[f"{number}/alive"]

        def span(first: int, last: int, source: Records = records) -> Records:
            return source[first:last]

        codes = Codes(
            Coder(arrays[f"{number}/turn"], float(arrays[f"{number}/spread"][0])),
            [faiss.deserialize_index(arrays[f"{number}/codes/{place}"]) for place in range(count)],
            [arrays[f"{number}/owners/{place}"] for place in range(count)],
        )
        segments.append(
            Segment(
                subjects=arrays[f"{number}/subjects"],
                starts=arrays[f"{number}/starts"],
                references=NarrowColumn(arrays[f"{number}/references"]),
                labels=LabelColumn(_labels_of(arrays[f"{number}/label_table"]), arrays[f"{number}/label_codes"]),
                alive=alive,
                refinement=store.kept(records, span),
                codes=codes,
                counts=[int(len(alive) - np.count_nonzero(alive))],
            )
        )
    newest = Batch(
        arrays["newest/references"],
        arrays["newest/subjects"],
        arrays["newest/templates"],
        _labels_of(arrays["newest/labels"]),
    )
    effort = Effort(int(parameters["candidates"]), int(parameters["lists"]))
    return tuple(segments), newest, effort


def _bytes_of(labels: Labels) -> Array:
    return np.ascontiguousarray(labels).view(np.uint8).reshape(-1, LABELS.itemsize)


def _labels_of(array: Array) -> Labels:
    return np.ascontiguousarray(array).reshape(-1).view(LABELS)
