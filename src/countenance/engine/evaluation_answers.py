"""What evaluating and calibrating answer: the figures a person asks for first, and where the rest is.

Rules kept here: a figure that the sample cannot support is null, and the sentence beside it says why; the whole
measurement is in the report's JSON file, not in the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from countenance.clock import to_text
from countenance.recognition.candidates.evaluation import Evaluation, Measurement
from countenance.recognition.candidates.evaluation.intervals import Rate
from countenance.recognition.candidates.evaluation.words import comparison_rows, in_short
from countenance.recognition.candidates.kept import Cited

REPORTED_RATES = (1e-2, 1e-3, 1e-4)
REPORTED_FPIR = 0.01


@dataclass(frozen=True, slots=True)
class Row:
    """One way of making templates and what it gave on these pictures."""

    label: str
    evaluation: Evaluation

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        e = self.evaluation
        points = {} if e.verification is None else {p.fmr: p.fnmr for p in e.verification.points}
        searched = {} if e.identification is None else {p.target: p.fnir for p in e.identification.points}
        return {
            "templates": self.label,
            "model": e.model,
            "recipe": e.recipe,
            "equal_error": _rate(None if e.verification is None else e.verification.equal_error),
            "fnmr_at_fmr": {f"{rate:g}": _rate(points.get(rate)) for rate in REPORTED_RATES},
            "not_at_rank_one": _rate(None if e.identification is None else e.identification.leave_one_out),
            "fnir_at_fpir": {f"{REPORTED_FPIR:g}": _rate(searched.get(REPORTED_FPIR))},
        }

    def cells(self) -> list[str]:
        """The row as people read it: templates, EER, FNMR at 1%, 0.1%, 0.01%, not at rank one, FNIR."""
        return comparison_rows([self.evaluation])[0]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An evaluation, and the two files that hold all of it."""

    page: Path
    data: Path
    evaluation: Evaluation
    rows: tuple[Row, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer; the measurement itself is the document in ``data``."""
        e = self.evaluation
        return {
            "report": str(self.page),
            "data": str(self.data),
            "name": e.name,
            "measured_at": to_text(e.measured_at),
            "pictures": e.pictures,
            "people": e.people,
            "pictures_digest": e.data,
            "failure_to_acquire": _rate(e.acquisition.failure_to_acquire),
            "failure_to_enrol": _rate(e.acquisition.failure_to_enrol),
            "in_short": in_short(e),
            "columns": [
                "templates",
                "equal error",
                "FNMR at FMR 1%",
                "at 0.1%",
                "at 0.01%",
                "not at rank one",
                "FNIR at FPIR 1%",
            ],
            "table": [row.cells() for row in self.rows],
            "rows": [row.as_dict() for row in self.rows],
            "findings": [finding.as_dict() for finding in e.findings],
            "absent": [{"part": one.part, "reason": one.reason} for one in e.absent],
            "notes": list(e.notes),
        }


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration that the gallery now rests on."""

    file: Path
    model_name: str
    measurement: Measurement
    references: int
    """References in the live gallery."""
    replaced: str | None
    """Digest of the calibration in use before, the shipped one or the gallery's; None when there was none."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        calibration = self.measurement.calibration
        default = calibration.default_threshold(self.references)
        sizes = sorted({1_000, 100_000, 1_000_000, self.references} - {0})
        return {
            "file": str(self.file),
            "model_name": self.model_name,
            "calibration": Cited.of(calibration).as_dict(),
            "replaced": self.replaced,
            "references": self.references,
            "default_threshold": default.as_dict(),
            "thresholds": [calibration.default_threshold(size).as_dict() for size in sizes],
            "held_out": [
                {
                    "rate": held.rate,
                    "expected": held.expected,
                    "observed": held.observed,
                    "couples": held.couples,
                    "ratio": held.ratio,
                }
                for held in self.measurement.held_out
            ],
            "findings": [finding.as_dict() for finding in self.measurement.findings],
        }


def _rate(rate: Rate | None) -> dict[str, object] | None:
    return None if rate is None else rate.as_dict()
