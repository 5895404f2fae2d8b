"""Verification (1:1): do two photographs show one person? Touches no gallery and keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.errors import NoFace
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.kept import Cited
from countenance.recognition.candidates.meaning import Meaning, check_choice
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
    log_likelihood_ratio: float | None
    """Natural logarithm of how much likelier the score is for one person than for two; None without a calibration.
    It is no probability of being the same person: that also depends on who else may be in the picture."""
    first: Compared
    second: Compared
    model: str
    calibration: Cited | None
    """What these figures rest on."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "score": round(self.score, 4),
            "threshold": round(self.threshold, 4),
            "same": self.same,
            "false_match_rate": self.false_match_rate,
            "extrapolated": self.extrapolated,
            "log_likelihood_ratio": self.log_likelihood_ratio,
            "images": [self.first.as_dict(), self.second.as_dict()],
            "model": self.model,
            "calibration": None if self.calibration is None else self.calibration.as_dict(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two photographs, recognised."""

    name: str
    faces: tuple[RecognisedFace, ...]
    notes: tuple[str, ...]


def verify(
    first: Side,
    second: Side,
    *,
    model: str,
    calibration: Calibration | None,
    threshold: float | None,
    fmr: float | None = None,
    strict: bool = False,
) -> Verification:
    """Compare the largest faces of two photographs.

    ``fmr`` asks for the threshold of that false match rate; without either it is 1 in 1,000. Raises NoFace,
    InputInvalid for a threshold outside -1 to 1 or both, ModelUncalibrated when no threshold is to be had, and
    BeyondValidated when ``strict`` and the calibration's sample cannot speak for the threshold.
    """
    check_choice(threshold, fmr, name="fmr")
    meaning = Meaning(calibration, 1, strict=strict)
    threshold, _ = meaning.threshold(threshold, FALSE_MATCH_RATE if threshold is None and fmr is None else fmr)
    a, b = _largest(first), _largest(second)
    score = float(comparison_scores(a.template[None, :], b.template[None, :])[0, 0])
    rate, extrapolated, ratio = meaning.of(score)
    return Verification(
        score,
        threshold,
        score >= threshold,
        rate,
        extrapolated,
        ratio,
        _compared(first, a),
        _compared(second, b),
        model,
        None if calibration is None else Cited.of(calibration),
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
