"""From which quality on does enrolment pay? The error-versus-discard curve behind ``ENROLMENT_MINIMUM``.

    COUNTENANCE_ORL=/path/to/orl python -m benchmarks.enrolment

Two samples of the ORL face database: the 400 photographs as they are, and the same with one photograph of each
person degraded in every way that an evaluation knows. A comparison is as good as the poorer of its two pictures;
it fails below the threshold at which 0.1% of different people match. Prints what each minimum would discard, what
would still fail, and how often what is discarded would have failed: a minimum takes more than it gives where
most of what it refuses would have matched.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from countenance.recognition.candidates.evaluation.acquire import Acquired, acquire
from countenance.recognition.candidates.evaluation.degradations import ALL
from countenance.recognition.candidates.evaluation.labelled import read_labelled
from countenance.recognition.candidates.evaluation.metrics import threshold_at_fmr
from countenance.recognition.candidates.evaluation.scoring import compare_all
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM
from countenance.recognition.images import decode
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import ImageLimits, cache_folder

ROOT = Path(__file__).resolve().parents[1]
MINIMA = (0, 10, 20, 30, 35, 40, 45, 50, 55, 60, 65, 70)
FALSE_MATCH_RATE = 1e-3


def degraded(acquired: Acquired, recogniser: Recogniser) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Scores of degraded pictures with their person's others, the poorer qualities, the people; and lost faces."""
    scores, qualities, people, lost = [], [], [], 0
    for person in np.unique(acquired.subjects):
        rows = np.nonzero(acquired.subjects == person)[0]
        row, others = rows[0], rows[1:]
        path = acquired.labelled.pictures[int(acquired.pictures[row])].path
        pixels = decode(path.read_bytes(), ImageLimits(), name=path.name).pixels
        for way in ALL:
            for level in way.levels:
                worse = way.apply(pixels, acquired.faces[row], level, np.random.default_rng([1, int(row)]))
                faces = recogniser.recognise(worse)
                if not faces:
                    lost += 1
                    continue
                scores.append(acquired.templates[others] @ faces[0].template)
                qualities.append(np.minimum(acquired.qualities[others], faces[0].quality.score))
                people.append(np.full(len(others), person))
    return np.concatenate(scores), np.concatenate(qualities), np.concatenate(people), lost


def table(title: str, scores: np.ndarray, qualities: np.ndarray, people: np.ndarray, threshold: float) -> None:
    """One row for each minimum."""
    failed = scores < threshold
    print(
        f"\n{title}: {len(scores)} comparisons, {failed.sum()} fail, of {len(np.unique(people[failed]))} people\n"
    )
    print("| minimum | discarded | of those would fail | of the rest fail |")
    print("|---|---|---|---|")
    for minimum in MINIMA:
        out = qualities < minimum
        share = f"{failed[out].mean():.0%}" if out.any() else ""
        mark = " (in force)" if minimum == ENROLMENT_MINIMUM else ""
        print(f"| {minimum}{mark} | {out.mean():.1%} | {share} | {failed[~out].mean():.2%} |")


def main() -> None:
    orl = Path(os.environ.get("COUNTENANCE_ORL", ROOT.parent / "shared/faces/orl"))
    if not orl.is_dir():
        print(f"the ORL face database is not at {orl.name}; set COUNTENANCE_ORL to its folder")
        return
    recogniser = Recogniser.open(cache_folder())
    acquired = acquire(read_labelled(orl), recogniser.recognise)
    pairs = compare_all(acquired.templates, acquired.subjects)
    threshold = threshold_at_fmr(pairs.non_mates.scores, FALSE_MATCH_RATE, pairs.non_mates.comparisons)
    poorer = np.minimum(acquired.qualities[pairs.mate_first], acquired.qualities[pairs.mate_second])
    table("As they are", pairs.mate_scores, poorer, pairs.mate_people, threshold)
    scores, qualities, people, lost = degraded(acquired, recogniser)
    table("One picture a person degraded", scores, qualities, people, threshold)
    print(f"\nIn {lost} degraded pictures no face was found any more; they are in neither column.")


if __name__ == "__main__":
    main()
