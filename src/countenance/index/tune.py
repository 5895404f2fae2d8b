"""How far a search must go for a stated subject recall, measured on the gallery itself.

Method. References are drawn at random and each becomes a probe whose subject must be found *without it*:

* A reference with others of its subject is left out: its subject's anchors are made again from the others,
  coded like the gallery's, and put in the place of the subject's own. This is what the search of a new picture
  of an enrolled person meets.
* The only reference of its subject cannot be left out, so it is moved: ``s x + sqrt(1 - s^2) y``, with ``y`` a
  random mixture of all sampled templates, made orthogonal to ``x`` and of unit length, and ``s`` the gallery's
  median score between references of one subject (0.62 where there are none).

The truth is an exact search of all refinement records with the same probes, the left-out reference excepted.
A probe counts as found when the subject that the exact search ranks first is among the candidates, because
every reference of a candidate is then scored.

Rules kept here: nothing about a probe is kept; the result says how many probes it rests on and what they prove;
other searches go as far as they did until the choice is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.errors import InputInvalid
from countenance.index.anchors import pooled
from countenance.index.coarse import Effort
from countenance.index.embedded import EmbeddedIndex
from countenance.index.protocol import Filter
from countenance.index.refinement import to_templates
from countenance.index.segment import Segment
from countenance.terms import Vectors

CANDIDATES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
DEFAULT_MATE_SCORE = 0.62
_BLOCK_ROWS = 1 << 16
_TIMED = 20

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting and what it reached."""

    effort: Effort
    subject_recall: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """The chosen setting. ``reached`` is False when no setting reached ``wanted``; the best is chosen then."""

    wanted: float
    effort: Effort
    subject_recall: float
    at_least: float
    """What the probes prove with 95% confidence (Wilson's lower bound)."""
    probes: int
    reached: bool
    exhaustive: bool
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """Probes from one segment; ``subjects`` are places in it, ``left_out`` rows, -1 where the probe was moved."""

    probes: Vectors
    subjects: Rows
    left_out: Rows


def tune(
    index: EmbeddedIndex,
    recall: float = 0.999,
    *,
    random: np.random.Generator,
    clock: Callable[[], float],
    probes: int = 1000,
) -> Tuning:
    """Choose the index's :class:`Effort` for a subject recall of ``recall`` (0 to 1, both excluded), and set it.

    The largest segment decides, for it costs most and is hardest. ``clock`` gives seconds. Raises InputInvalid
    for a recall out of range and for an index whose segments hold nothing.
    """
    if not 0 < recall < 1:
        raise InputInvalid("the recall to tune for must lie between 0 and 1")
    index.settle()
    if not index.segments:
        raise InputInvalid("there is nothing in the index to tune on")
    segment = max(index.segments, key=len)
    sample = _drawn(segment, probes, random)
    truth = _exactly_first(segment, sample)
    trials = []
    for lists in _list_counts(segment):
        places = _rank_of_truth(segment, sample, truth, Effort(CANDIDATES[-1], lists))
        for candidates in CANDIDATES:
            effort = Effort(candidates, lists)
            share = float(np.mean(places < candidates))
            trials.append(Trial(effort, share, _milliseconds(index, effort, sample.probes, clock)))
            if share >= recall:
                break
    good = [trial for trial in trials if trial.subject_recall >= recall]
    best = (
        min(good, key=lambda trial: trial.milliseconds)
        if good
        else max(trials, key=lambda trial: (trial.subject_recall, -trial.milliseconds))
    )
    # One step of room: twice the candidates cost a tenth of a millisecond and cover what the sample missed.
    effort = Effort(2 * best.effort.candidates, best.effort.lists)
    index.effort = effort
    return Tuning(
        wanted=recall,
        effort=effort,
        subject_recall=best.subject_recall,
        at_least=_wilson(best.subject_recall, len(truth)),
        probes=len(truth),
        reached=bool(good),
        exhaustive=not segment.codes.listed or effort.lists >= _list_counts(segment)[-1],
        trials=tuple(trials),
    )


def _drawn(segment: Segment, probes: int, random: np.random.Generator) -> _Sample:
    living = np.flatnonzero(segment.alive)
    # A sample for a measurement, by a seeded generator so that it can be repeated; nothing secret rests on it.
    rows = np.sort(random.choice(living, min(probes, len(living)), replace=False))  # nosec B311
    subjects = np.searchsorted(segment.starts, rows, side="right") - 1
    templates = _templates(segment, rows)
    alone = np.array([len(_others(segment, s, r)) == 0 for s, r in zip(subjects, rows, strict=True)], np.bool_)
    left_out = np.where(alone, -1, rows)
    score = _median_mate_score(segment, subjects[~alone], rows[~alone], templates[~alone])
    # Of many strangers at once: moved towards a single one, the probe would be that one's picture.
    strangers = random.standard_normal((len(rows), len(rows)), dtype=np.float32) @ templates
    along = np.einsum("ij,ij->i", strangers, templates)[:, None]
    across = strangers - along * templates
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    moved = np.float32(score) * templates + np.float32(np.sqrt(1 - score**2)) * across
    return _Sample(_unit(np.where(alone[:, None], moved, templates)), subjects, left_out)


def _exactly_first(segment: Segment, sample: _Sample) -> Rows:
    """The subject that an exact search ranks first for each probe."""
    best = np.full(len(sample.probes), -np.inf, np.float32)
    first = np.full(len(sample.probes), -1, np.int64)
    for start in range(0, len(segment), _BLOCK_ROWS):
        end = min(len(segment), start + _BLOCK_ROWS)
        block = to_templates(segment.refinement.span(start, end), exact=segment.exact)
        scores = sample.probes @ block.T
        scores[:, ~segment.alive[start:end]] = -np.inf
        out = np.flatnonzero((sample.left_out >= start) & (sample.left_out < end))
        scores[out, sample.left_out[out] - start] = -np.inf
        top = scores.argmax(axis=1)
        value = np.take_along_axis(scores, top[:, None], axis=1)[:, 0]
        better = value > best
        best[better], first[better] = value[better], start + top[better]
    return np.searchsorted(segment.starts, first, side="right") - 1


def _rank_of_truth(segment: Segment, sample: _Sample, truth: Rows, effort: Effort) -> Rows:
    """How many other subjects come before the true one for each probe; a huge number when it is not found."""
    owners, nearness = segment.codes.nearest(sample.probes, 2 * effort.candidates, effort)
    left = np.flatnonzero(sample.left_out >= 0)
    if len(left):
        # The sample's own numbers stand for subjects here: one subject may be left out twice, differently.
        rest = [_others(segment, sample.subjects[n], sample.left_out[n]) for n in left]
        whose = np.repeat(left, [len(rows) for rows in rest])
        vectors, whose = pooled(_templates(segment, np.concatenate(rest)), whose)
        again = segment.codes.alike(vectors, whose.astype(np.int32))
        own_owner, own_nearness = again.nearest(sample.probes, len(whose), effort)
        mine = own_owner == np.arange(len(truth))[:, None]
        remade = np.where(mine, own_nearness, -np.inf).max(axis=1)
    places = np.full(len(truth), np.iinfo(np.int64).max)
    for n, right in enumerate(truth):
        best: dict[int, float] = {}
        for owner, near in zip(owners[n].tolist(), nearness[n].tolist(), strict=True):
            best[owner] = max(near, best.get(owner, -np.inf))
        best.pop(-1, None)
        if sample.left_out[n] >= 0:
            best.pop(int(sample.subjects[n]), None)
            if np.isfinite(remade[n]):
                best[int(sample.subjects[n])] = float(remade[n])
        if int(right) in best:
            places[n] = sum(1 for near in best.values() if near > best[int(right)])
    return places


def _list_counts(segment: Segment) -> Sequence[int]:
    if not segment.codes.listed:
        return (1,)
    most = max(int(shard.nlist) for shard in segment.codes.shards)
    return [max(1, most >> shift) for shift in (5, 4, 3, 2, 1, 0)]


def _milliseconds(index: EmbeddedIndex, effort: Effort, probes: Vectors, clock: Callable[[], float]) -> float:
    times = []
    for n in range(_TIMED):
        start = clock()
        index.search(probes[n % len(probes)][None], 1, Filter(), effort)
        times.append(clock() - start)
    return float(np.median(times)) * 1000


def _others(segment: Segment, subject: int, row: int) -> Rows:
    rows = np.arange(int(segment.starts[subject]), int(segment.starts[subject + 1]))
    others: Rows = rows[segment.alive[rows] & (rows != row)]
    return others


def _median_mate_score(segment: Segment, subjects: Rows, rows: Rows, templates: Vectors) -> float:
    if len(rows) == 0:
        return DEFAULT_MATE_SCORE
    mates = np.array([_others(segment, s, r)[0] for s, r in zip(subjects, rows, strict=True)])
    return float(np.median(np.einsum("ij,ij->i", templates, _templates(segment, mates))))


def _templates(segment: Segment, rows: Rows) -> Vectors:
    return _unit(to_templates(segment.refinement.take(rows), exact=segment.exact))


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
    return unit


def _wilson(share: float, count: int) -> float:
    """Lower end of Wilson's score interval at 95% (Wilson 1927)."""
    z = 1.959964
    middle = share + z * z / (2 * count)
    spread = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return float((middle - spread) / (1 + z * z / count))
