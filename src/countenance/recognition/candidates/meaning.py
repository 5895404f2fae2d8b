"""What a score means in one search: the threshold, and for each candidate how surprising a stranger would be.

Rules kept here:

* A threshold comes from one place: the caller's score, the false positive identification rate that was asked for,
  or the calibration's default. Two at once are refused rather than ranked.
* Strict means that nothing is said which the calibration's sample cannot show: a threshold beyond it is refused,
  and a score beyond it is given the figure at the end of the validated range, which is an upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from countenance.errors import BeyondValidated, InputInvalid, ModelUncalibrated
from countenance.recognition.candidates.calibrate import DEFAULT_EXPECTED, SMALLEST_GALLERY, Calibration
from countenance.recognition.candidates.impostors import Estimate

CALLER, FPIR, DEFAULT = "caller", "fpir", "calibration"
"""Who chose the threshold, as answers say it."""


def check_choice(threshold: float | None, rate: float | None, *, name: str = "fpir") -> None:
    """Raise InputInvalid unless at most one is given, a score within -1 to 1, a ``rate`` above 0 and at most 1."""
    if threshold is not None and rate is not None:
        raise InputInvalid(f"Give a threshold or {name}, not both: each of them decides the threshold.")
    if threshold is not None and not -1.0 <= threshold <= 1.0:
        raise InputInvalid(f"A threshold is a comparison score between -1 and 1, not {threshold}.")
    if rate is not None and not 0.0 < rate <= 1.0:
        raise InputInvalid(f"{name} is a rate above 0 and at most 1, not {rate}.")


@dataclass(frozen=True, slots=True)
class Meaning:
    """A calibration at the size of one search: ``size`` references. ``calibration`` is None when none is known."""

    calibration: Calibration | None
    size: int
    strict: bool

    def threshold(self, score: float | None, fpir: float | None) -> tuple[float, str]:
        """The lowest score of a candidate, and who chose it.

        With ``fpir`` it is the lowest score at which a search for somebody who is not enrolled expects at most
        that many false positives. The expected number is never below the share of searches that return
        anybody, so the FPIR of ISO/IEC 19795-1 is at most what was asked for.
        Raises ModelUncalibrated, and BeyondValidated when ``strict`` and the sample cannot speak for it.
        """
        if score is not None:
            self._allow(score)
            return score, CALLER
        if self.calibration is None:
            raise ModelUncalibrated("Nothing is known about the scores of this model, so there is no threshold.")
        expected = DEFAULT_EXPECTED if fpir is None else fpir
        size = max(self.size, SMALLEST_GALLERY) if fpir is None else self.size
        find = self.calibration.strict_threshold_for if self.strict else self.calibration.threshold_for
        return find(expected, size).score, DEFAULT if fpir is None else FPIR

    def expected(self, score: float) -> Estimate | None:
        """Strangers expected at ``score`` or more in this search; None without a calibration."""
        return None if self.calibration is None else self.calibration.expected_false_positives(score, self.size)

    def of(self, score: float) -> tuple[float | None, bool, float | None]:
        """Of a candidate's score: expected false positives, whether extrapolated, log likelihood ratio."""
        if self.calibration is None:
            return None, False, None
        shown = min(score, self.calibration.supported_score) if self.strict else score
        expected = self.calibration.expected_false_positives(shown, self.size)
        ratio = round(self.calibration.log_likelihood_ratio(score), 3)
        return float(f"{expected.value:.3g}"), expected.extrapolated, ratio

    def _allow(self, score: float) -> None:
        if not self.strict:
            return
        if self.calibration is None:
            raise ModelUncalibrated("Nothing is known about the scores of this model, so nothing is validated.")
        if not self.calibration.within_validated(score):
            raise BeyondValidated(
                f"The threshold {score:g} is outside of what {self.calibration.sample.people} people can show:"
                f" scores from {self.calibration.lowest_score:.2f} to {self.calibration.supported_score:.2f}."
            )
