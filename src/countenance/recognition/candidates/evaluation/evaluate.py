"""One evaluation: the user's labelled pictures in, every figure with its limits out.

Rules kept here:

* Same pictures, same model, same seed: the same figures. Randomness and time are passed in.
* What the sample cannot support is absent *with a reason*; nothing is filled in.
* Nothing of the pictures outlives the call but figures and the names of files with findings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import numpy as np

from countenance.clock import to_text
from countenance.errors import CalibrationUnfit, SampleTooSmall
from countenance.recognition.candidates.calibrate import Calibration, calibrate
from countenance.recognition.candidates.evaluation.acquire import WORKERS, Acquired, Progress, Recognise, acquire
from countenance.recognition.candidates.evaluation.fairness import Differentials, differentials
from countenance.recognition.candidates.evaluation.figures import (
    Acquisition,
    Identification,
    Verification,
    acquisition,
    identification,
    verification,
)
from countenance.recognition.candidates.evaluation.findings import Finding, look_for
from countenance.recognition.candidates.evaluation.fusion import FusionTable, fusion_table
from countenance.recognition.candidates.evaluation.heldout import HeldOut, held_out
from countenance.recognition.candidates.evaluation.intervals import DRAWS, draw_people
from countenance.recognition.candidates.evaluation.labelled import Labelled, read_labelled
from countenance.recognition.candidates.evaluation.metrics import threshold_at_fmr
from countenance.recognition.candidates.evaluation.openset import search_rounds
from countenance.recognition.candidates.evaluation.protocols import FoldedAccuracy, folded_accuracy
from countenance.recognition.candidates.evaluation.quality_error import ErrorVersusDiscard, error_versus_discard
from countenance.recognition.candidates.evaluation.robustness import PROBES, Robustness, robustness
from countenance.recognition.candidates.evaluation.scoring import AllPairs, compare_all
from countenance.recognition.candidates.evaluation.size import Growth, growth
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM

SCHEMA_VERSION = 1
WORKING_RATE = 1e-3
"""The false match rate at which quality, robustness and groups are looked at."""
Figure = TypeVar("Figure")


@dataclass(frozen=True, slots=True)
class Absent:
    """A part that could not be measured, and why."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was measured. A part that is ``None`` has its reason in ``absent``."""

    name: str
    model: str
    model_name: str
    """Name and version of the model for people, or ``""`` when the caller did not state it."""
    recipe: str
    measured_at: datetime
    seed: int
    data: str
    """SHA-256 over the pictures and their labels."""
    people: int
    pictures: int
    working_threshold: float | None
    """Where quality, robustness and groups were looked at; ``None`` without different people."""
    acquisition: Acquisition
    verification: Verification | None
    identification: Identification | None
    protocol: FoldedAccuracy | None
    """LFW's ten folds, when the source prescribes pairs."""
    calibration: Calibration | None
    held_out: tuple[HeldOut, ...]
    quality: ErrorVersusDiscard | None
    robustness: Robustness | None
    fairness: tuple[Differentials, ...]
    fusion: FusionTable | None
    growth: Growth | None
    findings: tuple[Finding, ...]
    absent: tuple[Absent, ...]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON form: plain numbers, text, lists and ``None``; version 1."""
        document = _plain(self)
        assert isinstance(document, dict)
        if self.calibration is not None:
            document["calibration"] = self.calibration.as_document()
        return {"schema_version": SCHEMA_VERSION, **document}


def evaluate(
    source: Path | Labelled,
    recognise: Recognise,
    *,
    model: str,
    recipe: str,
    measured_at: datetime,
    model_name: str = "",
    seed: int = 1,
    gallery_references: int | None = None,
    enrolment_minimum: int = ENROLMENT_MINIMUM,
    robustness_probes: int = PROBES,
    workers: int = WORKERS,
    draws: int = DRAWS,
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate ``recognise`` on the labelled pictures of ``source``.

    ``model`` and ``recipe`` name what makes the templates; ``gallery_references`` is the size of the user's own
    gallery, for which thresholds and misses are projected; ``robustness_probes`` of 0 leaves that part out.
    Raises LabelsInvalid when the source does not say who is in which picture, or no picture gives a face.
    """
    labelled = read_labelled(source) if isinstance(source, Path) else source
    acquired = acquire(labelled, recognise, workers=workers, progress=progress)
    pairs = compare_all(acquired.templates, acquired.subjects)
    work = _Work(acquired, pairs, seed, draws)
    templates, subjects = acquired.templates, acquired.subjects
    drawn = draw_people(len(acquired.people), np.random.default_rng([seed, 1]), draws)

    one_to_one = work.part("verification", lambda: verification(pairs, np.random.default_rng([seed, 2]), draws))
    searches = work.part(
        "identification",
        lambda: search_rounds(templates, subjects, acquired.qualities, np.random.default_rng([seed, 3])),
    )
    calibration = work.part(
        "calibration",
        lambda: calibrate(
            pairs.mate_scores,
            pairs.non_mates,
            model=model,
            recipe=recipe,
            description=f"{labelled.name}: {len(acquired.people)} people, {len(acquired.pictures)} pictures",
            data=acquired.data_digest,
            pictures=len(acquired.pictures),
            measured_at=measured_at,
            seed=seed,
        ),
    )
    threshold = work.threshold()
    return Evaluation(
        name=labelled.name,
        model=model,
        model_name=model_name,
        recipe=recipe,
        measured_at=measured_at,
        seed=seed,
        data=acquired.data_digest,
        people=len(acquired.people),
        pictures=len(labelled.pictures),
        working_threshold=threshold,
        acquisition=acquisition(acquired, enrolment_minimum, drawn),
        verification=one_to_one,
        identification=None
        if searches is None
        else identification(templates, pairs, searches, np.random.default_rng([seed, 4]), draws),
        protocol=work.part("protocol", lambda: _protocol(acquired)) if labelled.pairs else None,
        calibration=calibration,
        held_out=() if calibration is None else held_out(templates, subjects, pairs, seed),
        quality=None if threshold is None or one_to_one is None else _quality(work, threshold),
        robustness=None
        if threshold is None or robustness_probes < 1
        else robustness(
            acquired,
            recognise,
            threshold=threshold,
            seed=seed,
            workers=workers,
            probes=robustness_probes,
            progress=progress,
        ),
        fairness=()
        if threshold is None
        else differentials(acquired, pairs, threshold, np.random.default_rng([seed, 10])),
        fusion=None if searches is None else fusion_table(templates, subjects, acquired.qualities, seed),
        growth=None
        if calibration is None or searches is None
        else growth(
            templates,
            subjects,
            calibration,
            searches.mate_scores,
            searches.mate_people,
            drawn,
            live=gallery_references,
            seed=seed,
        ),
        findings=look_for(acquired, pairs),
        absent=tuple(work.absent),
        notes=labelled.notes,
    )


class _Work:
    """What the parts share, and the list of those that could not be measured."""

    def __init__(self, acquired: Acquired, pairs: AllPairs, seed: int, draws: int) -> None:
        self.acquired, self.pairs, self.seed, self.draws = acquired, pairs, seed, draws
        self.absent: list[Absent] = []

    def part(self, name: str, measure: Callable[[], Figure]) -> Figure | None:
        try:
            return measure()
        except (SampleTooSmall, CalibrationUnfit) as error:
            self.absent.append(Absent(name, str(error)))
            return None

    def threshold(self) -> float | None:
        """The threshold at the working rate, or at the finest rate that the sample has."""
        sample = self.pairs.non_mates
        for rate in (WORKING_RATE, 1e-2, 1e-1):
            try:
                return threshold_at_fmr(sample.scores, rate, sample.comparisons)
            except SampleTooSmall:
                continue
        return None


def _quality(work: _Work, threshold: float) -> ErrorVersusDiscard:
    pairs, qualities = work.pairs, work.acquired.qualities
    poorer = np.minimum(qualities[pairs.mate_first], qualities[pairs.mate_second])
    rng = np.random.default_rng([work.seed, 12])
    return error_versus_discard(pairs.mate_scores, poorer, pairs.mate_people, threshold, rng)


def _protocol(acquired: Acquired) -> FoldedAccuracy:
    row = {int(picture): k for k, picture in enumerate(acquired.pictures)}
    scores = np.array(
        [
            float(acquired.templates[row[p.first]] @ acquired.templates[row[p.second]])
            if p.first in row and p.second in row
            else np.nan
            for p in acquired.labelled.pairs
        ]
    )
    same = np.array([p.same for p in acquired.labelled.pairs])
    return folded_accuracy(scores, same, np.array([p.fold for p in acquired.labelled.pairs], np.int64))


def _plain(value: object) -> object:
    """Dataclasses, tuples, times and numbers as JSON has them; what is not finite becomes ``None``."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
