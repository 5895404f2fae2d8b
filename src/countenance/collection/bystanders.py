"""Who in a picture is the subject, who may be, and who is a bystander.

Rules kept here:

* A face is compared with the wanted subjects' own references and then forgotten; nothing here writes anything.
* Two thresholds come from the calibration. At or above the first a face is the subject's; between them it is
  looked at again, more closely, and what is then still in doubt only the subject can say; below the second it is a
  bystander's.
* The two looks share what may be mistaken: half of it each.
* Nobody is in a picture twice: of two faces that both look like the subject the better is hers, and when they look
  like her nearly alike (a twin, a mirror, a poster), neither is taken without asking.
* Doubt about a subject who was not named is no question: her face then counts as a bystander's, because asking
  would show somebody's album to somebody else.

The thresholds: docs/adr/0015-bystanders.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store.subjects import SubjectRow
from countenance.terms import Vectors, comparison_scores

ACCEPT_EXPECTED = 1e-6
"""Bystanders taken for the subject, expected for each face that is looked at, over both looks."""
ASK_EXPECTED = 1e-2
"""Bystanders about whom the subject is asked, expected for each face that is looked at."""
ALIKE = 0.08
"""Two faces of one picture whose scores differ by less are not told apart without asking."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Comparison scores: at or above ``accept`` a face is the subject's, from ``ask`` on it may be.

    ``again`` is for the score of the second look with all of her references fused into one; None: no second look.
    """

    accept: float
    ask: float
    again: float | None = None

    @classmethod
    def of(cls, calibration: Calibration, references: int, people: int = 1) -> Thresholds:
        """For so many references of so many people, each of which is a chance to be mistaken."""
        accept = calibration.threshold_for(ACCEPT_EXPECTED / 2, references).score
        again = calibration.threshold_for(ACCEPT_EXPECTED / 2, people).score
        return cls(accept, min(accept, calibration.threshold_for(ASK_EXPECTED, references).score), again)


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """A permitted subject who is looked for: her references, shape (n, dimensions), n at least 1."""

    subject: SubjectRow
    templates: Vectors
    thresholds: Thresholds
    named: bool = True
    """Whether the import is hers, so that she may be asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A face that is, or may be, a wanted subject's."""

    face: RecognisedFace
    subject: SubjectRow
    score: float
    """Of the first look, with the best of her references."""
    certain: bool


Closer = Callable[[Sequence[RecognisedFace]], Vectors]
"""Templates of faces from a closer look, shape (n, dimensions), each of unit length."""


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """The faces of one picture told apart; ``bystanders`` is a number and nothing else."""

    sightings: tuple[Sighting, ...]
    faces: int
    bystanders: int


def tell_apart(faces: Sequence[RecognisedFace], wanted: Sequence[Wanted], closer: Closer | None = None) -> Apart:
    """Compare every face with every wanted subject's references, and forget the rest.

    ``closer`` is asked about the faces that the first comparison leaves in doubt.
    """
    if not faces or not wanted:
        return Apart((), len(faces), len(faces))
    probes = np.stack([found.template for found in faces])
    scores = np.stack([comparison_scores(probes, one.templates).max(axis=1) for one in wanted], axis=1)
    again = _looked_at_again(faces, wanted, scores, closer)
    sightings: list[Sighting] = []
    free = set(range(len(faces)))
    for place in np.argsort(-scores.max(axis=0), kind="stable").tolist():
        one = wanted[place]
        # A face belongs to the wanted subject whom it resembles most, whoever is asked about first.
        hers = [i for i in free if int(np.argmax(scores[i])) == place and scores[i, place] >= one.thresholds.ask]
        hers.sort(key=lambda i: -scores[i, place])
        sure = {i for i in hers if scores[i, place] >= one.thresholds.accept or (i, place) in again}
        sightings += _of_one(faces, hers, sure, scores[:, place].tolist(), one)
        free -= set(hers)
    return Apart(tuple(sightings), len(faces), len(faces) - len(sightings))


def _of_one(
    faces: Sequence[RecognisedFace], hers: Sequence[int], sure: set[int], scores: Sequence[float], one: Wanted
) -> list[Sighting]:
    if not hers:
        return []
    best = scores[hers[0]]
    alone = len(hers) == 1 or best - scores[hers[1]] >= ALIKE
    certain = hers[0] if alone and hers[0] in sure else None
    found = [Sighting(faces[i], one.subject, float(scores[i]), i == certain) for i in hers]
    return [sighting for sighting in found if sighting.certain or one.named]


def _looked_at_again(
    faces: Sequence[RecognisedFace], wanted: Sequence[Wanted], scores: Vectors, closer: Closer | None
) -> set[tuple[int, int]]:
    """Pairs of a face and a wanted subject, by place, that the second look makes certain."""
    doubtful = [
        (i, place)
        for place, one in enumerate(wanted)
        for i in range(len(faces))
        if one.thresholds.again is not None and one.thresholds.ask <= scores[i, place] < one.thresholds.accept
    ]
    if closer is None or not doubtful:
        return set()
    places = sorted({i for i, _ in doubtful})
    templates = dict(zip(places, closer([faces[i] for i in places]), strict=True))
    certain = set()
    for i, place in doubtful:
        threshold = wanted[place].thresholds.again
        fused = wanted[place].templates.sum(axis=0)
        if threshold is not None and float(templates[i] @ fused) >= threshold * float(np.linalg.norm(fused)):
            certain.add((i, place))
    return certain
