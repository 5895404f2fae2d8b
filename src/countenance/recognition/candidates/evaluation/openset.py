"""Searches as they happen: some people are enrolled, others are strangers, and the gallery does not know.

Rules kept here:

* A search ranks subjects. How a subject's several references become one score is a :class:`Fusion`, passed in.
* Everybody is a stranger once: people are dealt into rounds, each round leaves one share of them out.
* Enrolled pictures and searched pictures are never the same pictures.
* A person with one picture can only be a stranger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.errors import SampleTooSmall
from countenance.recognition.candidates.impostors import Floats, Integers
from countenance.terms import Vectors

ROUNDS = 5
ENROLLED = 5
"""At most this many pictures of a person are enrolled; the rest are searched with."""


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """References in the order of their subjects; ``starts`` is where each subject begins."""

    templates: Vectors
    qualities: Integers
    subjects: Integers
    """(s,) person of each subject of the gallery."""
    starts: Integers


Fusion = Callable[[Vectors, Gallery], Floats]
"""Probes (n, d) and a gallery to one score for each subject, (n, s)."""


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """All searches of all rounds. ``size`` is the mean number of subjects in a gallery, N."""

    size: float
    references: float
    mate_scores: Floats
    ranks: Integers
    mate_people: Integers
    stranger_scores: Floats
    """Highest score of each search by somebody not enrolled."""
    stranger_people: Integers


def best_reference(probes: Vectors, gallery: Gallery) -> Floats:
    """A subject's score is its best reference's."""
    scores: Floats = np.maximum.reduceat((probes @ gallery.templates.T).astype(np.float64), gallery.starts, axis=1)
    return scores


def mean_template(probes: Vectors, gallery: Gallery) -> Floats:
    """One template for each subject: the mean of its references, brought to unit length."""
    return _against_sums(probes, np.add.reduceat(gallery.templates, gallery.starts, axis=0))


def quality_weighted(probes: Vectors, gallery: Gallery) -> Floats:
    """As :func:`mean_template`, each reference weighing as much as its quality score."""
    weights = np.maximum(gallery.qualities, 1).astype(np.float32)[:, None]
    return _against_sums(probes, np.add.reduceat(gallery.templates * weights, gallery.starts, axis=0))


def mean_score(probes: Vectors, gallery: Gallery) -> Floats:
    """A subject's score is the mean over its references."""
    counts = np.diff(np.append(gallery.starts, len(gallery.templates)))
    sums: Floats = np.add.reduceat((probes @ gallery.templates.T).astype(np.float64), gallery.starts, axis=1)
    return sums / counts


def search_rounds(
    templates: Vectors,
    subjects: Integers,
    qualities: Integers,
    rng: np.random.Generator,
    *,
    fusion: Fusion = best_reference,
    rounds: int = ROUNDS,
    enrolled: int = ENROLLED,
) -> Searches:
    """Deal people into ``rounds``, leave each share out in turn, enrol and search the others.

    At most ``enrolled`` pictures, and at most half, of each person are enrolled. Raises SampleTooSmall when
    fewer than two people are there or nobody has two pictures.
    """
    people = np.unique(subjects)
    pictures = [np.nonzero(subjects == person)[0] for person in people]
    if len(people) < 2 or max(len(p) for p in pictures) < 2:
        raise SampleTooSmall("a search needs at least two people, one of them with two pictures")
    dealt = np.empty(len(people), np.int64)
    rounds = min(rounds, len(people))
    dealt[rng.permutation(len(people))] = np.arange(len(people)) % rounds
    shuffled = [rng.permutation(rows) for rows in pictures]
    mates: list[tuple[Floats, Integers, Integers]] = []
    strangers: list[tuple[Floats, Integers]] = []
    sizes, references = [], []
    for turn in range(rounds):
        inside = [k for k in range(len(people)) if dealt[k] != turn and len(shuffled[k]) >= 2]
        if not inside:
            continue
        halves = [min(enrolled, len(shuffled[k]) // 2) for k in inside]
        rows = np.concatenate([shuffled[k][:h] for k, h in zip(inside, halves, strict=True)])
        starts = np.concatenate([[0], np.cumsum(halves)[:-1]]).astype(np.int64)
        gallery = Gallery(templates[rows], qualities[rows], people[inside], starts)
        searched = np.concatenate([shuffled[k][h:] for k, h in zip(inside, halves, strict=True)])
        own = np.concatenate(
            [np.full(len(shuffled[k]) - h, s) for s, (k, h) in enumerate(zip(inside, halves, strict=True))]
        )
        scores = fusion(templates[searched], gallery)
        mate = scores[np.arange(len(own)), own]
        mates.append((mate, 1 + (scores > mate[:, None]).sum(axis=1), subjects[searched]))
        outside = np.concatenate([shuffled[k] for k in range(len(people)) if dealt[k] == turn])
        strangers.append((fusion(templates[outside], gallery).max(axis=1), subjects[outside]))
        sizes.append(len(inside))
        references.append(len(rows))
    if not mates:
        raise SampleTooSmall("a search needs at least two people, one of them with two pictures")
    return Searches(
        size=float(np.mean(sizes)),
        references=float(np.mean(references)),
        mate_scores=np.concatenate([m[0] for m in mates]),
        ranks=np.concatenate([m[1] for m in mates]).astype(np.int64),
        mate_people=np.concatenate([m[2] for m in mates]),
        stranger_scores=np.concatenate([s[0] for s in strangers]),
        stranger_people=np.concatenate([s[1] for s in strangers]),
    )


def leave_one_out_ranks(templates: Vectors, subjects: Integers) -> npt.NDArray[np.bool_]:
    """Whether each picture's best match among all others is of its own person; people with two pictures only."""
    counts = np.bincount(subjects)
    searched = np.nonzero(counts[subjects] >= 2)[0]
    right = np.empty(len(searched), bool)
    for begin in range(0, len(searched), 512):
        rows = searched[begin : begin + 512]
        scores = templates[rows] @ templates.T
        scores[np.arange(len(rows)), rows] = -np.inf
        right[begin : begin + 512] = subjects[scores.argmax(axis=1)] == subjects[rows]
    return right


def _against_sums(probes: Vectors, sums: npt.NDArray[np.float32]) -> Floats:
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    unit = sums / np.maximum(lengths, 1e-12)
    scores: Floats = (probes @ unit.T).astype(np.float64)
    return scores
