"""Who in a picture is the subject, who may be, and who is a bystander.

Rules kept here:

* A face is compared with the wanted subjects' own references and then forgotten; nothing here writes anything.
* Two thresholds come from the calibration. At or above the first a face is the subject's; between them only the
  subject can say; below the second it is a bystander's.
* Nobody is in a picture twice: of two faces that both look like the subject the better is hers, and when they look
  like her nearly alike (a twin, a mirror, a poster), neither is taken without asking.
* Doubt about a subject who was not named is no question: her face then counts as a bystander's, because asking
  would show somebody's album to somebody else.

The thresholds: docs/adr/0015-bystanders.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store.subjects import SubjectRow
from countenance.terms import Vectors, comparison_scores

ACCEPT_EXPECTED = 1e-6
"""Bystanders taken for the subject, expected for each face that is looked at."""
ASK_EXPECTED = 1e-2
"""Bystanders about whom the subject is asked, expected for each face that is looked at."""
ALIKE = 0.08
"""Two faces of one picture whose scores differ by less are not told apart without asking."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Comparison scores: at or above ``accept`` a face is the subject's, from ``ask`` on it may be."""

    accept: float
    ask: float

    @classmethod
    def of(cls, calibration: Calibration, references: int) -> Thresholds:
        """For a subject with that many references, each of which is a chance to be mistaken."""
        accept = calibration.threshold_for(ACCEPT_EXPECTED, references).score
        return cls(accept, min(accept, calibration.threshold_for(ASK_EXPECTED, references).score))


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
    certain: bool


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """The faces of one picture told apart; ``bystanders`` is a number and nothing else."""

    sightings: tuple[Sighting, ...]
    faces: int
    bystanders: int


def tell_apart(faces: Sequence[RecognisedFace], wanted: Sequence[Wanted]) -> Apart:
    """Compare every face with every wanted subject's references, and forget the rest."""
    if not faces or not wanted:
        return Apart((), len(faces), len(faces))
    probes = np.stack([found.template for found in faces])
    scores = np.stack([comparison_scores(probes, one.templates).max(axis=1) for one in wanted], axis=1)
    sightings: list[Sighting] = []
    free = set(range(len(faces)))
    for place in np.argsort(-scores.max(axis=0), kind="stable").tolist():
        one = wanted[place]
        # A face belongs to the wanted subject whom it resembles most, whoever is asked about first.
        hers = [i for i in free if int(np.argmax(scores[i])) == place and scores[i, place] >= one.thresholds.ask]
        hers.sort(key=lambda i: -scores[i, place])
        sightings += _of_one(faces, hers, scores[:, place].tolist(), one)
        free -= set(hers)
    return Apart(tuple(sightings), len(faces), len(faces) - len(sightings))


def _of_one(
    faces: Sequence[RecognisedFace], hers: Sequence[int], scores: Sequence[float], one: Wanted
) -> list[Sighting]:
    if not hers:
        return []
    best = scores[hers[0]]
    alone = len(hers) == 1 or best - scores[hers[1]] >= ALIKE
    certain = alone and best >= one.thresholds.accept
    found = [Sighting(faces[i], one.subject, float(scores[i]), certain and i == hers[0]) for i in hers]
    return [sighting for sighting in found if sighting.certain or one.named]
