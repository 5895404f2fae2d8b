"""Verification (1:1): do two photographs show one person? Touches no gallery and keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.errors import InputInvalid, ModelUncalibrated, NoFace
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.faces.quality import Quality
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.terms import Box, comparison_scores

FALSE_MATCH_RATE = 1e-3
"""The default threshold's false match rate; one in a thousand pairs of different people passes for one person."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The face of one photograph that took part: its largest."""

    image: str
    box: Box
    quality: Quality
    faces: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "image": self.image,
            "box": self.box.as_list(),
            "quality": self.quality.as_dict(),
            "faces": self.faces,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer: ``same`` is ``score >= threshold``."""

    score: float
    threshold: float
    same: bool
    false_match_rate: float | None
    """Chance that two different people score this much or more; None without a calibration."""
    extrapolated: bool
    first: Compared
    second: Compared
    model: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "score": round(self.score, 4),
            "threshold": round(self.threshold, 4),
            "same": self.same,
            "false_match_rate": self.false_match_rate,
            "extrapolated": self.extrapolated,
            "images": [self.first.as_dict(), self.second.as_dict()],
            "model": self.model,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two photographs, recognised."""

    name: str
    faces: tuple[RecognisedFace, ...]
    notes: tuple[str, ...]


def verify(
    first: Side, second: Side, *, model: str, calibration: Calibration | None, threshold: float | None
) -> Verification:
    """Compare the largest faces of two photographs.

    Raises NoFace, InputInvalid for a threshold outside -1 to 1, ModelUncalibrated when none is to be had.
    """
    if threshold is not None and not -1.0 <= threshold <= 1.0:
        raise InputInvalid(f"A threshold is a comparison score between -1 and 1, not {threshold}.")
    if threshold is None:
        if calibration is None:
            raise ModelUncalibrated("Nothing is known about the scores of this model, so there is no threshold.")
        threshold = calibration.threshold_for(FALSE_MATCH_RATE, 1).score
    a, b = _largest(first), _largest(second)
    score = float(comparison_scores(a.template[None, :], b.template[None, :])[0, 0])
    rate = None if calibration is None else calibration.false_match_rate(score)
    return Verification(
        score,
        threshold,
        score >= threshold,
        None if rate is None else float(f"{rate.value:.3g}"),
        rate is not None and rate.extrapolated,
        _compared(first, a),
        _compared(second, b),
        model,
    )


def _largest(side: Side) -> RecognisedFace:
    if not side.faces:
        raise NoFace(f"No face was found in {side.name}.")
    return side.faces[0]


def _compared(side: Side, face: RecognisedFace) -> Compared:
    notes = side.notes
    if len(side.faces) > 1:
        notes = (*notes, f"{len(side.faces)} faces were found; the largest was compared")
    return Compared(side.name, face.face.box, face.quality, len(side.faces), notes)
