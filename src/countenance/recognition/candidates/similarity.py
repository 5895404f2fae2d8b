"""A comparison score as a similarity from 0 to 1, for programs that expect one from their former engine.

Rules kept here:

* ``similarity = 1 - FMR(score) ** (1 / 5)``: a stranger's face reaches a similarity of s with the chance (1 - s)^5,
  as the calibration has it. So 0.75 is one stranger in about 1,000, 0.8 one in 3,125, 0.9 one in 100,000, and half
  of all strangers stay below 0.13. A higher score never has a lower similarity.
* It is not the chance that two pictures show one person; no score alone can say that.
* The exponent was chosen so that the thresholds that such programs come with (0.75, 0.8) mean something sensible.
"""

from __future__ import annotations

from dataclasses import dataclass

from countenance.errors import ModelUncalibrated
from countenance.recognition.candidates.calibrate import Calibration

EXPONENT = 5
_STEPS = 40


@dataclass(frozen=True, slots=True)
class SimilarityScale:
    """The scale of one calibration."""

    calibration: Calibration

    @classmethod
    def of(cls, calibration: Calibration | None) -> SimilarityScale:
        """The scale, or ModelUncalibrated: a made-up similarity would be taken for a measured one."""
        if calibration is None:
            raise ModelUncalibrated("Nobody has measured this model, so its scores have no similarity.")
        return cls(calibration)

    def similarity(self, score: float) -> float:
        """The similarity of ``score`` (-1 to 1), 0 to 1."""
        rate = self.calibration.false_match_rate(max(-1.0, min(1.0, score))).value
        return 1.0 - float(min(1.0, max(0.0, rate)) ** (1.0 / EXPONENT))

    def score(self, similarity: float) -> float:
        """The lowest score whose similarity is ``similarity`` or more; 1 when none is."""
        low, high = -1.0, 1.0
        if self.similarity(low) >= similarity:
            return low
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.similarity(middle) >= similarity else (middle, high)
        return high
