"""Does the quality score predict failures? Error against the share of pictures discarded.

Source: Grother and Tabassi 2007, "Performance of biometric quality measures"; ISO/IEC 29794-1 calls it the
error-versus-discard characteristic.

Rules kept here: the threshold stays fixed while the poorest comparisons are discarded; a comparison is as good
as the poorer of its two pictures; a minimum quality is proposed only where the curve pays for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.recognition.candidates.evaluation.intervals import draw_people
from countenance.recognition.candidates.impostors import CONFIDENCE, Floats, Integers

SHARES = np.round(np.arange(0.0, 0.501, 0.025), 3)
WORTH = 0.5
"""A minimum is proposed where discarding at most a tenth of the comparisons at least halves the error."""
AFFORDABLE = 0.10


@dataclass(frozen=True, slots=True)
class ErrorVersusDiscard:
    """The curve: FNMR of what is left when the poorest ``discarded`` share of comparisons is left out."""

    threshold: float
    discarded: tuple[float, ...]
    fnmr: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    ideal: tuple[float, ...]
    """What a quality that knew the failures would give: each discarded comparison is one that failed."""
    minimum: int | None
    """The proposed least quality at enrolment, or ``None`` when the curve does not pay for one."""
    sentence: str


def error_versus_discard(
    scores: npt.NDArray[np.floating],
    qualities: Integers,
    people: Integers,
    threshold: float,
    rng: np.random.Generator,
) -> ErrorVersusDiscard:
    """``scores`` of mate comparisons, the poorer quality of each, and its person (from 0); all shape (n,)."""
    order = np.argsort(qualities, kind="stable")
    failed = (scores < threshold)[order]
    persons, ordered = people[order], qualities[order]
    n = len(scores)
    drawn = draw_people(int(people.max()) + 1, rng, 300)
    values, lows, highs = [], [], []
    for share in SHARES:
        left = slice(int(share * n), n)
        values.append(float(failed[left].mean()))
        weights = drawn[:, persons[left]]
        means = (weights * failed[left]).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
        low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        lows.append(float(low))
        highs.append(float(high))
    base = values[0]
    ideal = tuple(float(max(0.0, base - s) / (1 - s)) for s in SHARES)
    affordable = [k for k, s in enumerate(SHARES) if 0 < s <= AFFORDABLE and values[k] <= WORTH * base]
    minimum = int(ordered[int(SHARES[affordable[0]] * n)]) if affordable and base > 0 else None
    return ErrorVersusDiscard(
        threshold,
        tuple(float(s) for s in SHARES),
        tuple(values),
        tuple(lows),
        tuple(highs),
        ideal,
        minimum,
        _sentence(base, values, minimum, failed, ordered),
    )


def _sentence(
    base: float, values: list[float], minimum: int | None, failed: npt.NDArray[np.bool_], q: Floats | Integers
) -> str:
    if base == 0:
        return "No comparison of one person failed, so these pictures cannot say whether quality predicts failures."
    tenth = values[int(np.searchsorted(SHARES, AFFORDABLE))]
    change = f"leaving out the poorest tenth takes the failures from {base:.2%} to {tenth:.2%}"
    if minimum is not None:
        return f"The quality score predicts failures: {change}. A minimum of {minimum} at enrolment pays."
    if tenth < base:
        return f"The quality score helps a little ({change}), not enough to propose a minimum on this sample."
    return f"The quality score does not predict failures on this sample ({change})."
