"""How big a gallery can be, measured here and now: needs no gallery. The arithmetic is in index.capacity.

Rules kept here: machines come from constants that are measured on this machine by this call; accuracy comes from
the calibration that is shipped with the bundled model, and where that is extrapolated it says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from countenance.custody.erasure.errand import Progress
from countenance.errors import InputInvalid
from countenance.index.capacity import Assumptions, Constants, Plan, measure, plan, printed
from countenance.recognition.candidates import calibrate
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.models.package import bundled_template_model

_GB = 1e9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A plan, the constants and assumptions that it rests on, and how far its accuracy can be believed."""

    plan: Plan
    constants: Constants
    assumptions: Assumptions
    calibration: str | None
    """On whom the false match rate was measured; None when nothing is known for templates of that length."""
    threshold: float | None
    extrapolated: bool
    """True when the threshold, or the false positives, lie beyond what the calibration's sample shows."""

    def text(self) -> str:
        """Every figure with its formula, one a line."""
        return printed(self.plan.figures)

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        shown = self.plan.as_dict()
        return shown | {
            "constants": self.constants.as_dict(),
            "assumptions": {
                "node_memory_bytes": self.assumptions.node_memory_bytes,
                "node_share": self.assumptions.node_share,
                "node_speed": self.assumptions.node_speed,
                "id_bytes": self.assumptions.id_bytes,
                "label_bytes": self.assumptions.label_bytes,
                "searched_share": self.assumptions.searched_share,
                "concurrency_gain": self.assumptions.concurrency_gain,
                "busiest": self.assumptions.busiest,
                "hop_s": self.assumptions.hop_s,
                "insert_faces_per_s": self.assumptions.insert_faces_per_s,
                "writers": self.assumptions.writers,
            },
            "calibration": self.calibration,
            "threshold": self.threshold,
            "extrapolated": self.extrapolated,
        }


def estimate(
    faces: float,
    *,
    dimensions: int = 128,
    queries_per_s: float = 1.0,
    replicas: int = 1,
    node_memory_gb: float = 256.0,
    node_speed: float = 1.0,
    searched_share: float = 1 / 8,
    writers: int = 1,
    false_positives: float = 0.01,
    folder: Path | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
    measured: Callable[[Path, np.random.Generator], Constants] | None = None,
) -> Estimate:
    """Machines, times and accuracy for ``faces`` references, from constants measured on this machine.

    Takes about ten seconds, 300 MB of memory, and 256 MB in ``folder`` (default: the folder for temporary files).
    ``searched_share`` of the codes is read by one search, above 0 and at most 1. ``measured`` stands in for the
    measurement. Raises InputInvalid for sizes that are not positive and for such a share, DiskFull.
    """
    if not 0 < searched_share <= 1:
        raise InputInvalid("The searched share lies above 0 and is at most 1.")
    if writers < 1:
        raise InputInvalid("There is at least one writer.")
    if progress is not None:
        progress(0, None, "measuring this machine")
    place = Path(tempfile.gettempdir()) if folder is None else folder
    # Templates of any length are measured at their own length, as far as FAISS's codes go by whole bytes.
    at = dimensions if dimensions % 8 == 0 and 32 <= dimensions <= 2048 else 128

    def here(where: Path, random: np.random.Generator) -> Constants:
        return measure(where, random, dimensions=at, codes=max(200_000, 2_000_000 * 128 // at))

    constants = (measured or here)(place, np.random.default_rng(seed))
    assumptions = Assumptions(
        node_memory_bytes=node_memory_gb * _GB,
        node_speed=node_speed,
        searched_share=searched_share,
        writers=writers,
    )
    model = bundled_template_model().manifest
    found = calibrate.shipped(model.sha256, "plain") if model.dimensions == dimensions else None
    threshold, extrapolated = _threshold(found, faces, false_positives)
    made = plan(
        faces,
        dimensions,
        queries_per_s,
        replicas,
        constants,
        false_match_rate=None if found is None else lambda score: found.false_match_rate(score).value,
        threshold=None if found is None else found.default_threshold(1_000_000).score,
        false_positives=false_positives,
        assumptions=assumptions,
    )
    said = None if found is None else found.sample.description
    return Estimate(made, constants, assumptions, said, threshold, extrapolated)


def _threshold(found: Calibration | None, faces: float, expected: float) -> tuple[float | None, bool]:
    if found is None or not (np.isfinite(faces) and faces >= 1 and np.isfinite(expected) and expected > 0):
        return None, False
    chosen = found.threshold_for(expected, int(faces))
    return chosen.score, chosen.extrapolated
