"""What a comparison score means: likelihood ratio, false match rate, expected false positives, threshold.

Rules kept here:

* A calibration belongs to one model and one way of extracting (its digest and recipe are in it), says on whom
  it was measured, when, and carries a version; it holds no score of a person and no template.
* Every rate comes with its interval, and says when it goes beyond what the sample shows.
* *Expected* false positives are the mean over that uncertainty: knowing less makes the threshold higher.
* Words: a false positive is a reference of somebody else at or above the threshold; expected false positives
  of a search are false match rate times references searched (ISO/IEC 19795-1, the open-set clauses).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from countenance.clock import from_text, to_text
from countenance.errors import BeyondValidated, CalibrationUnfit, CalibrationUnreadable, InputInvalid
from countenance.recognition.candidates.impostors import (
    BINS,
    CONFIDENCE,
    EDGES,
    REPLICATES,
    Estimate,
    Floats,
    NonMates,
    Tail,
    bin_of,
    fit_tail,
    supported_by,
)
from countenance.recognition.candidates.ratios import LikelihoodRatios, fit_ratios

SCHEMA_VERSION = 1
_DIGESTS_KEPT = 8
_DIGESTS: dict[int, tuple[Calibration, str]] = {}
"""Digests by object: every answer cites one, and making it takes longer than the search."""

_THRESHOLDS_KEPT = 64
_THRESHOLDS: dict[tuple[int, float, int], tuple[Calibration, Threshold]] = {}
"""Thresholds by calibration, rate and size: each takes fifty steps, and a gallery's size stays for a while."""

DEFAULT_EXPECTED = 0.01
"""Expected false positives of one search at the default threshold: one search in a hundred shows a stranger."""
SMALLEST_GALLERY = 200
"""The default threshold treats a smaller gallery as if it had this many references: small galleries often hold
relatives and colleagues, who are more alike than the strangers a false match rate is measured on."""


@dataclass(frozen=True, slots=True)
class Sample:
    """On whom a calibration was measured."""

    description: str
    """In plain words: whose pictures, from when, under which conditions."""
    data: str
    """SHA-256 over the labelled pictures, or ``""`` when the caller did not state it."""
    people: int
    pictures: int
    mates: int
    """Comparisons of two pictures of one person."""
    non_mates: int
    """Comparisons of two different people."""
    pairs_of_people: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold with what it costs: ``score`` or more is shown."""

    score: float
    references: int
    expected_false_positives: Estimate
    """Per search of ``references`` references by somebody who is not enrolled."""

    @property
    def extrapolated(self) -> bool:
        """True when the sample is too small to have shown this rate; the figure rests on the tail's form."""
        return self.expected_false_positives.extrapolated

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "score": self.score,
            "references": self.references,
            "expected_false_positives": self.expected_false_positives.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Calibration:
    """The meaning of one model's scores. Make one with :func:`calibrate` or :func:`shipped`."""

    model: str
    """Digest of the model whose templates were compared."""
    recipe: str
    """How templates were extracted, e.g. ``"plain"`` or ``"mirrored"``."""
    measured_at: datetime
    sample: Sample
    tail: Tail
    body: tuple[tuple[float, float], ...]
    """(score, share of impostors at or above it), rising in score, up to the start of the tail."""
    ratios: LikelihoodRatios
    supported_score: float
    """Above this score the sample has fewer than three pairs of people; what is said there is extrapolated."""
    supported_rate: float
    lowest_score: float
    """The lowest score in the sample."""

    def false_match_rate(self, score: float) -> Estimate:
        """Chance that a comparison of two different people scores ``score`` or more."""
        central, drawn = self._rates(score)
        return self._estimate(score, float(drawn.mean()), central, drawn)

    def expected_false_positives(self, score: float, references: int) -> Estimate:
        """Number of references of strangers at ``score`` or more, expected in a search of ``references``."""
        return self.false_match_rate(score).scaled(_count(references))

    def threshold_for(self, expected: float, references: int) -> Threshold:
        """The lowest score at which a search of ``references`` expects at most ``expected`` false positives.

        Raises InputInvalid unless ``expected`` is above 0 and ``references`` is at least 0; an empty gallery
        is treated as one reference.
        """
        if not (np.isfinite(expected) and expected > 0):
            raise InputInvalid(f"expected false positives must be above 0, {expected} was given")
        count = max(1, _count(references))
        known = _THRESHOLDS.get((id(self), expected, count))
        if known is not None and known[0] is self:
            return known[1]
        low, high = -1.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            enough = self._rates(middle)[1].mean() * count <= expected
            low, high = (low, middle) if enough else (middle, high)
        found = Threshold(high, count, self.expected_false_positives(high, count))
        if len(_THRESHOLDS) >= _THRESHOLDS_KEPT:
            _THRESHOLDS.clear()
        _THRESHOLDS[id(self), expected, count] = (self, found)
        return found

    def default_threshold(self, references: int) -> Threshold:
        """The threshold when the caller names none: 0.01 expected false positives, at least 200 references."""
        return self.threshold_for(DEFAULT_EXPECTED, max(references, SMALLEST_GALLERY))

    def strict_threshold_for(self, expected: float, references: int) -> Threshold:
        """As :meth:`threshold_for`, but raises BeyondValidated where the sample cannot speak for the answer."""
        threshold = self.threshold_for(expected, references)
        if threshold.extrapolated:
            raise BeyondValidated(
                f"{expected:g} expected false positives among {threshold.references} references is a rate of"
                f" {expected / threshold.references:.1g} a comparison; {self.sample.people} people can show"
                f" rates down to {self.supported_rate:.1g}"
            )
        return threshold

    def log_likelihood_ratio(self, score: float) -> float:
        """Natural logarithm of how much likelier ``score`` is for one person than for two, within limits."""
        return self.ratios.log_ratio(score)

    def within_validated(self, score: float) -> bool:
        """Whether the sample itself shows how rare ``score`` is; above, the tail is extrapolated."""
        return self.lowest_score <= score <= self.supported_score

    @property
    def digest(self) -> str:
        """SHA-256 of the document: what an answer cites, so that it can be said later what it rested on."""
        known = _DIGESTS.get(id(self))
        if known is not None and known[0] is self:
            return known[1]
        text = json.dumps(self.as_document(), sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        if len(_DIGESTS) >= _DIGESTS_KEPT:
            _DIGESTS.clear()
        _DIGESTS[id(self)] = (self, digest)
        return digest

    def as_document(self) -> dict[str, Any]:
        """The stored form, JSON-ready; :meth:`from_document` reads it."""
        document = asdict(self)
        document["schema_version"] = SCHEMA_VERSION
        document["measured_at"] = to_text(self.measured_at)
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Calibration:
        """The calibration that :meth:`as_document` wrote. Raises CalibrationUnreadable."""
        version = document.get("schema_version") if isinstance(document, dict) else None
        if version != SCHEMA_VERSION:
            raise CalibrationUnreadable(f"calibration of version {version!r}; this program reads {SCHEMA_VERSION}")
        try:
            tail, ratios = dict(document["tail"]), dict(document["ratios"])
            tail["replicates"] = tuple((float(a), float(b), float(c)) for a, b, c in tail["replicates"])
            ratios["stairs"] = tuple((float(a), float(b)) for a, b in ratios["stairs"])
            rest = {
                k: document[k] for k in ("model", "recipe", "supported_score", "supported_rate", "lowest_score")
            }
            return cls(
                **rest,
                measured_at=from_text(document["measured_at"]),
                sample=Sample(**document["sample"]),
                tail=Tail(**tail),
                body=tuple((float(a), float(b)) for a, b in document["body"]),
                ratios=LikelihoodRatios(**ratios),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CalibrationUnreadable(f"calibration is damaged: {error}") from error

    def _rates(self, score: float) -> tuple[float, Floats]:
        """False match rate at ``score``: central, and per bootstrap draw."""
        if score >= self.tail.start:
            return self.tail.survival(score)
        scores, shares = np.array(self.body).T
        rate = float(np.exp(np.interp(score, scores, np.log(shares))))
        # Below the tail the draws differ from the estimate as they do at its start, on the scale of log odds.
        drawn = np.array([row[0] for row in self.tail.replicates])
        shift = _log_odds(drawn) - _log_odds(np.array([self.tail.share]))
        return rate, 1.0 / (1.0 + np.exp(-(_log_odds(np.array([rate])) + shift)))

    def _estimate(self, score: float, value: float, central: float, drawn: Floats) -> Estimate:
        margin = (1 - CONFIDENCE) / 2
        low, high = np.quantile(drawn, [margin, 1 - margin])
        return Estimate(value, float(min(low, central)), float(max(high, value)), score > self.supported_score)


def calibrate(
    mate_scores: npt.NDArray[np.floating],
    non_mates: NonMates,
    *,
    model: str,
    recipe: str,
    description: str,
    data: str,
    pictures: int,
    measured_at: datetime,
    seed: int,
    replicates: int = REPLICATES,
) -> Calibration:
    """Fit a calibration.

    ``mate_scores`` shape (n,): comparisons of two pictures of one person; ``non_mates``: of different people,
    see :meth:`NonMates.of`. Raises CalibrationUnfit when the sample is too small.
    """
    if len(mate_scores) < 1:
        raise CalibrationUnfit("nobody has two pictures, so it is not known how alike one person's pictures are")
    tail = fit_tail(non_mates, np.random.default_rng(seed), replicates=replicates)
    mates = np.bincount(bin_of(mate_scores), minlength=BINS).astype(np.int64)
    supported_score, supported_rate = supported_by(non_mates)
    couples = non_mates.pairs_of_people
    return Calibration(
        model=model,
        recipe=recipe,
        measured_at=measured_at,
        sample=Sample(
            description, data, non_mates.people, pictures, len(mate_scores), non_mates.comparisons, couples
        ),
        tail=tail,
        body=_body(non_mates, tail),
        ratios=fit_ratios(mates, non_mates.histogram, independent=couples),
        supported_score=supported_score,
        supported_rate=supported_rate,
        lowest_score=float(EDGES[np.nonzero(non_mates.histogram + mates)[0][0]]),
    )


def shipped(model: str, recipe: str) -> Calibration | None:
    """The calibration that comes with the program for this model and recipe; ``None`` if there is none."""
    folder = resources.files("countenance.recognition.candidates").joinpath("calibrations")
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".json"):
            calibration = Calibration.from_document(json.loads(entry.read_text("utf-8")))
            if (calibration.model, calibration.recipe) == (model, recipe):
                return calibration
    return None


def _body(sample: NonMates, tail: Tail) -> tuple[tuple[float, float], ...]:
    """The empirical survival at up to 100 scores from the lowest to the start of the tail."""
    above = np.cumsum(sample.histogram[::-1])[::-1] / sample.comparisons
    inside = np.nonzero((above < 1.0) & (above > tail.share) & (EDGES[:-1] < tail.start))[0]
    chosen = inside[np.unique(np.linspace(0, len(inside) - 1, 98).astype(int))] if len(inside) else inside
    rows = [(-1.0, 1.0), *((float(EDGES[k]), float(above[k])) for k in chosen), (tail.start, tail.share)]
    return tuple(rows)


def _log_odds(rates: Floats) -> Floats:
    clipped = np.clip(rates, 1e-15, 1 - 1e-15)
    odds: Floats = np.log(clipped) - np.log1p(-clipped)
    return odds


def _count(references: int) -> int:
    if references < 0:
        raise InputInvalid(f"the number of references cannot be {references}")
    return references
