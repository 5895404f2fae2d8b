"""The field's words as frozen types. Every other module speaks in them; this one imports nothing of ours.

Vocabulary: ISO/IEC 2382-37 (biometrics), ISO/IEC 19795-1 (performance testing); see docs/glossary.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

import numpy as np
import numpy.typing as npt

SubjectId = NewType("SubjectId", int)
"""Number of a subject inside one gallery. Says nothing about who it is; safe in logs."""

ReferenceId = NewType("ReferenceId", int)
"""Number of an enrolled template inside one gallery; never used twice, even after erasure."""

CompartmentId = NewType("CompartmentId", int)
"""Number of a compartment inside one gallery: the subjects that one customer holds. Never given twice."""

GALLERYS_OWN = CompartmentId(0)
"""The gallery's own compartment, the operator's. Where nothing else is said, this one is meant."""

Pixels = npt.NDArray[np.uint8]
"""Picture samples, shape (height, width, 3), channel order RGB, top row first."""

Vectors = npt.NDArray[np.float32]
"""Templates as rows: shape (n, dimensions), float32, every row of unit Euclidean length."""

Ids = npt.NDArray[np.int64]
"""Reference or subject numbers, int64; -1 means "none here"."""


class ArtefactClass(StrEnum):
    """The classes of personal data that are sealed, and erased, separately."""

    IMAGE = "image"
    TEMPLATE = "template"
    METADATA = "metadata"


ALL_ARTEFACTS = frozenset(ArtefactClass)


@dataclass(frozen=True, slots=True)
class Box:
    """A face's rectangle in pixels of the upright picture; (x, y) is the top left corner, may be negative."""

    x: float
    y: float
    width: float
    height: float

    def as_list(self) -> list[float]:
        """``[x, y, width, height]`` rounded to a tenth of a pixel, the form in every answer."""
        return [round(float(v), 1) for v in (self.x, self.y, self.width, self.height)]


def comparison_scores(probe: Vectors, references: Vectors) -> Vectors:
    """Comparison scores of ``probe`` rows against ``references`` rows, shape (n, m).

    The score is the cosine of the angle between two templates: -1 to 1, higher is more alike.
    """
    scores: Vectors = np.asarray(probe, np.float32) @ np.asarray(references, np.float32).T
    return scores
