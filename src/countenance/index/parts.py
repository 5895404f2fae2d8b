"""The parts of an embedded index taken together: what they are, and one search over all of them.

A search asks every part for candidate subjects, then scores *all* references of every candidate in every
part, so a subject's score is its best reference's wherever that one lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from countenance.index.coarse import LISTS_ABOVE, Effort
from countenance.index.newest import Newest
from countenance.index.protocol import Filter, Hits, Labels
from countenance.index.ranking import Scored, nothing, ranked
from countenance.index.rows import GrowingRows
from countenance.index.segment import SCORE_ALL_BELOW, Segment
from countenance.terms import Ids, Vectors

_MERGE_RATIO = 4


@dataclass(frozen=True, slots=True)
class Sizes:
    """Where the index changes its ways; the defaults are measured, tests make them small."""

    newest: int = 8192
    """Newest rows at which they are moved into a segment."""
    score_all_below: int = SCORE_ALL_BELOW
    """Admitted rows of a segment up to which all are scored."""
    lists_above: int = LISTS_ABOVE
    """Subjects of a segment above which it is scanned by inverted lists."""


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What searches see."""

    segments: tuple[Segment, ...]
    newest: GrowingRows


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One entry of the journal: references removed (or replaced), or relabelled."""

    reference_ids: Ids
    labels: Labels | None


def best(
    state: State, rows: Vectors, count: int, where: Filter, effort: Effort, sizes: Sizes, *, by_subject: bool
) -> Hits:
    """The best ``count`` subjects, or references, of ``state`` for each row of checked probes."""
    if len(rows) == 0:
        return nothing(0, count, exact=True)
    exact = all(segment.exact for segment in state.segments)
    wanted = max(effort.candidates, 4 * count)
    found: list[Ids] = []
    newest = None
    if len(state.newest.view.alive):
        newest = Newest(state.newest.view, rows, where)
        found.append(newest.candidates(wanted))
    found += [segment.candidates(rows, wanted, where, effort, sizes.score_all_below) for segment in state.segments]
    if not found:
        return nothing(len(rows), count, exact=exact)
    pair_probes, pair_subjects = _pairs(np.concatenate(found, axis=1))
    scored = [segment.rescored(pair_probes, pair_subjects, rows, where) for segment in state.segments]
    if newest is not None:
        scored.append(newest.rescored(pair_probes, pair_subjects))
    return ranked(Scored.joined(scored), len(rows), count, by_subject=by_subject, exact=exact)


def removed_from(state: State, reference_ids: Ids) -> int:
    """Take references out of all parts of ``state``; returns how many were there. Under the index's lock."""
    return state.newest.remove(reference_ids) + sum(segment.remove(reference_ids) for segment in state.segments)


def tail(segments: Sequence[Segment], moved: int) -> tuple[Segment, ...]:
    """The last segments that are to become one together with ``moved`` new rows; () when none are."""
    size, first = moved, len(segments)
    while first and (size == 0 or len(segments[first - 1]) < _MERGE_RATIO * size):
        first -= 1
        size += len(segments[first])
    last = tuple(segments[first:])
    return last if moved or len(last) > 1 else ()


def _pairs(candidates: Ids) -> tuple[Ids, Ids]:
    """Distinct (probe, subject) pairs of ``candidates`` (shape (n, m), -1 none), probes ascending."""
    ordered = np.sort(candidates, axis=1)
    fresh = ordered >= 0
    fresh[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    probes, places = np.nonzero(fresh)
    return probes, ordered[probes, places]
