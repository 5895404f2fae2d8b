"""How far a figure may be from the truth: intervals by drawing people, and refusals to print what is not known.

Rules kept here:

* People are drawn, never comparisons or pictures: a hundred comparisons of two people are one observation of
  that couple (ISO/IEC 19795-1, uncertainty of estimates; Bolle, Ratha and Pankanti 2004).
* A comparison of two people weighs ``d_i + d_j - 1`` when person i was drawn ``d_i`` times: the first-order
  form of ``d_i * d_j``. That counts the chance within a couple twice where the product counts it three times,
  and needs one histogram a person instead of one a couple.
* A rate without a single error has no interval from drawing; the rule of 3 bounds it instead.
* A rate carries the number of *independent units* that made it: people, or couples, not comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.recognition.candidates.impostors import CONFIDENCE, EDGES, RULE_OF_THREE, Floats, bin_of

DRAWS = 1000
MARGIN = (1 - CONFIDENCE) / 2


@dataclass(frozen=True, slots=True)
class Rate:
    """A measured share with what it rests on. ``value`` is ``None`` where the sample cannot support a figure."""

    value: float | None
    low: float | None
    high: float | None
    errors: int
    trials: int
    units: int
    """Independent units behind the trials: people, or couples of people."""
    unit: str
    sentence: str

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "errors": self.errors,
            "trials": self.trials,
            "units": self.units,
            "unit": self.unit,
            "sentence": self.sentence,
        }


def rule_of_three(trials: int) -> float:
    """Upper 95% bound of a rate when none of ``trials`` independent trials went wrong; at most 1."""
    return min(1.0, RULE_OF_THREE / trials) if trials > 0 else 1.0


def percent(share: float) -> str:
    """``share`` for people: 1.23%, or "1 in 50,000" below a hundredth of a percent."""
    if share == 0 or share >= 1e-4:
        return f"{100 * share:.3g}%"
    return f"1 in {float(f'{1 / share:.2g}'):,.0f}"


def rate(
    errors: int,
    trials: int,
    units: int,
    unit: str,
    what: str,
    drawn: Floats | None = None,
) -> Rate:
    """The share ``errors / trials`` with its interval from ``drawn`` bootstrap values, or what can be said.

    ``what`` finishes the sentence "... of ``trials`` ``what``", such as "comparisons of one person".
    """
    if trials == 0 or units == 0:
        return Rate(None, None, None, 0, 0, units, unit, f"Not measured: there are no {what}.")
    if errors == 0:
        best, worst = rule_of_three(trials), rule_of_three(units)
        ending = f" (were all {trials} independent: {percent(best)})" if trials > units else ""
        sentence = f"No error in {trials} {what}, from {units} {unit}: says below {percent(worst)} at 95%{ending}."
        return Rate(None, 0.0, worst, 0, trials, units, unit, sentence)
    value = errors / trials
    if drawn is None or len(drawn) < 2 or units < RULE_OF_THREE:
        sentence = f"{errors} of {trials} {what}, but from only {units} {unit}: too few for an interval."
        return Rate(None, None, None, errors, trials, units, unit, sentence)
    low, high = (float(np.clip(q, 0.0, 1.0)) for q in np.quantile(drawn, [MARGIN, 1 - MARGIN]))
    low, high = min(low, value), max(high, value)
    sentence = (
        f"{percent(value)} ({errors} of {trials} {what}, {units} {unit};"
        f" 95% interval {percent(low)} to {percent(high)})."
    )
    return Rate(value, low, high, errors, trials, units, unit, sentence)


def draw_people(people: int, rng: np.random.Generator, draws: int = DRAWS) -> Floats:
    """How often each person was drawn, shape (draws, people)."""
    return rng.multinomial(people, np.full(people, 1 / max(1, people)), size=draws).astype(np.float64)


def draw_mean(values: Floats, people: npt.NDArray[np.integer], drawn: Floats) -> Floats:
    """Bootstrap values of the mean of ``values``, each belonging to one person; draws without any are left out."""
    total = np.bincount(people, values, drawn.shape[1])
    count = np.bincount(people, minlength=drawn.shape[1]).astype(np.float64)
    weight = drawn @ count
    means: Floats = (drawn @ total)[weight > 0] / weight[weight > 0]
    return means


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCurves:
    """FMR and FNMR per draw (rows) at the lower edges of 2000 bins over [-1, 1]."""

    fmr: Floats
    fnmr: Floats

    def at(self, threshold: float) -> tuple[Floats, Floats]:
        """(FMR, FNMR) per draw at ``threshold``, to the thousandth."""
        k = int(bin_of(np.array([threshold]))[0])
        return self.fmr[:, k], self.fnmr[:, k]

    def fnmr_at_fmr(self, fmr: float) -> Floats:
        """FNMR per draw, each at its own threshold for ``fmr``."""
        first = np.argmax(self.fmr <= fmr, axis=1)
        first[self.fmr[:, -1] > fmr] = self.fmr.shape[1] - 1
        values: Floats = self.fnmr[np.arange(len(first)), first]
        return values

    def equal_error_rates(self) -> Floats:
        """Equal error rate per draw."""
        first = np.argmax(self.fnmr >= self.fmr, axis=1)
        rows = np.arange(len(first))
        values: Floats = (self.fmr[rows, first] + self.fnmr[rows, first]) / 2
        return values

    def band(self) -> tuple[Floats, Floats, Floats, Floats]:
        """FMR low and high, FNMR low and high: the 95% interval at every threshold."""
        low, high = np.quantile(self.fmr, [MARGIN, 1 - MARGIN], axis=0)
        low_n, high_n = np.quantile(self.fnmr, [MARGIN, 1 - MARGIN], axis=0)
        return low, high, low_n, high_n


def drawn_curves(
    mate_histograms: npt.NDArray[np.integer], other_histograms: npt.NDArray[np.integer], drawn: Floats
) -> DrawnCurves:
    """Both curves per draw. Both histograms are (people, 2000); of others, a comparison is in two rows."""
    mates = np.cumsum(mate_histograms, axis=1)
    below = np.concatenate([np.zeros((len(mates), 1)), mates[:, :-1]], axis=1)
    count = np.maximum(drawn @ mates[:, -1], 1e-9)
    fnmr = (drawn @ below) / count[:, None]
    above = np.cumsum(other_histograms[:, ::-1], axis=1)[:, ::-1].astype(np.float64)
    # d_i + d_j - 1, summed: every comparison is in the rows of both of its people.
    matched = drawn @ above - above.sum(axis=0) / 2
    total = np.maximum(drawn @ above[:, 0] - above[:, 0].sum() / 2, 1.0)
    fmr = np.clip(matched / total[:, None], 0.0, 1.0)
    return DrawnCurves(fmr, fnmr)


def edges() -> Floats:
    """The thresholds of :class:`DrawnCurves`."""
    values: Floats = EDGES[:-1]
    return values
