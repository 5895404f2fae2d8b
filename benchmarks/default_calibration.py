"""Measure the calibration that comes with the program, on the ORL face database, and write it into the package.

    COUNTENANCE_ORL=/path/to/orl python benchmarks/default_calibration.py [--out FOLDER]

The photographs are not part of the project. The result holds no score of a person and no template.
"""

from __future__ import annotations

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.evaluation import measure
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import cache_folder

DESCRIPTION = (
    "The ORL face database: 40 people, 10 photographs each, taken from 1992 to 1994 at the Olivetti Research"
    " Laboratory in Cambridge; grey, 92x112 pixels, frontal, studio background, mostly young men. It says little"
    " about other people, other cameras, or children; calibrate on your own labelled pictures."
)
MEASURED_AT = datetime(2026, 11, 23, tzinfo=UTC)
SEED = 19950223
ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "src/countenance/recognition/candidates/calibrations"


def measured(orl: Path, *, mirrored: bool) -> Calibration:
    """The calibration of the bundled template model on the photographs in ``orl``."""
    recogniser = Recogniser.open(cache_folder(), mirrored=mirrored)
    return measure(
        orl,
        recogniser.recognise,
        model=recogniser.model,
        recipe="mirrored" if mirrored else "plain",
        measured_at=MEASURED_AT,
        seed=SEED,
        description=DESCRIPTION,
    ).calibration


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PLACE)
    out = parser.parse_args().out
    orl = Path(os.environ.get("COUNTENANCE_ORL", ROOT.parent / "shared/faces/orl"))
    print(f"{'recipe':10} {'references':>10} {'threshold':>9}  expected false positives (95% interval)")
    for mirrored in (False, True):
        calibration = measured(orl, mirrored=mirrored)
        path = out / f"sface-2021dec-{calibration.recipe}.json"
        path.write_text(json.dumps(calibration.as_document(), sort_keys=True) + "\n", encoding="utf-8")
        for references in (200, 1_000, 10_000, 100_000, 1_000_000, 10_000_000):
            threshold = calibration.default_threshold(references)
            expected = threshold.expected_false_positives
            print(
                f"{calibration.recipe:10} {references:10} {threshold.score:9.3f}  {expected.value:.3g}"
                f" ({expected.low:.1g} to {expected.high:.1g}){' extrapolated' if expected.extrapolated else ''}"
            )


if __name__ == "__main__":
    main()
