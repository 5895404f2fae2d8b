"""A calibration straight from labelled pictures: what \"countenance calibrate\" does.

Rules kept here: the calibration is fitted to the labels as they are; what is odd about them is handed back with
it, so that a person can mend the labels and measure again. A picture under two names raises thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from countenance.recognition.candidates.calibrate import Calibration, calibrate
from countenance.recognition.candidates.evaluation.acquire import WORKERS, Progress, Recognise, acquire
from countenance.recognition.candidates.evaluation.findings import Finding, look_for
from countenance.recognition.candidates.evaluation.heldout import HeldOut, held_out
from countenance.recognition.candidates.evaluation.labelled import Labelled, read_labelled
from countenance.recognition.candidates.evaluation.scoring import compare_all


@dataclass(frozen=True, slots=True)
class Measurement:
    """A calibration with the check on people left out of its fit, and what is odd about its labels."""

    calibration: Calibration
    held_out: tuple[HeldOut, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "calibration": self.calibration.as_document(),
            "held_out": [
                {
                    "rate": h.rate,
                    "expected": h.expected,
                    "observed": h.observed,
                    "couples": h.couples,
                    "ratio": h.ratio,
                }
                for h in self.held_out
            ],
            "findings": [finding.as_dict() for finding in self.findings],
        }


def measure(
    source: Path | Labelled,
    recognise: Recognise,
    *,
    model: str,
    recipe: str,
    measured_at: datetime,
    seed: int = 1,
    description: str | None = None,
    workers: int = WORKERS,
    progress: Progress | None = None,
) -> Measurement:
    """Calibrate ``recognise`` on the labelled pictures of ``source``.

    ``description`` says in plain words whose pictures they are; by default the source's name and its counts.
    Raises LabelsInvalid and CalibrationUnfit.
    """
    labelled = read_labelled(source) if isinstance(source, Path) else source
    acquired = acquire(labelled, recognise, workers=workers, progress=progress)
    pairs = compare_all(acquired.templates, acquired.subjects)
    counts = f"{labelled.name}: {len(acquired.people)} people, {len(acquired.pictures)} pictures"
    calibration = calibrate(
        pairs.mate_scores,
        pairs.non_mates,
        model=model,
        recipe=recipe,
        description=counts if description is None else description,
        data=acquired.data_digest,
        pictures=len(acquired.pictures),
        measured_at=measured_at,
        seed=seed,
    )
    checked = held_out(acquired.templates, acquired.subjects, pairs, seed)
    return Measurement(calibration, checked, look_for(acquired, pairs))
