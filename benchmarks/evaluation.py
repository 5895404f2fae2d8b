"""Time and memory of an evaluation, and the figures that it gives on the ORL face database.

    COUNTENANCE_ORL=/path/to/orl python -m benchmarks.evaluation [--out FOLDER]

Prints one table for 400 photographs (plain and mirrored templates), one for 10,000 simulated pictures compared
with each other, and writes the report into FOLDER if one is given.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from countenance.recognition.candidates.evaluation import Evaluation, evaluate, report
from countenance.recognition.candidates.evaluation.scoring import compare_all
from countenance.recognition.candidates.evaluation.words import comparison_rows
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import cache_folder

MEASURED_AT = datetime(2026, 11, 23, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]


def all_pairs(pictures: int = 10_000, people: int = 2_000, dimensions: int = 128) -> None:
    """Compare simulated pictures with each other, and print time and peak memory."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.standard_normal((people, dimensions)), pictures // people, axis=0)
    rows += 0.6 * rng.standard_normal(rows.shape)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    names = np.repeat(np.arange(people), pictures // people)
    begin = time.perf_counter()
    pairs = compare_all(rows, names)
    seconds = time.perf_counter() - begin
    count = pairs.non_mates.comparisons + len(pairs.mate_scores)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"all pairs of {pictures} pictures: {count} comparisons in {seconds:.1f} s, peak memory {peak:.2f} GB")


def on_orl(orl: Path) -> list[Evaluation]:
    """Evaluate both recipes and print their times."""
    made = []
    for mirrored in (False, True):
        recogniser = Recogniser.open(cache_folder(), mirrored=mirrored)
        recipe = "mirrored" if mirrored else "plain"
        begin, used = time.perf_counter(), time.process_time()
        made.append(
            evaluate(
                orl, recogniser.recognise, model=recogniser.model, recipe=recipe, measured_at=MEASURED_AT,
                gallery_references=100_000,
            )
        )  # fmt: skip
        seconds, busy = time.perf_counter() - begin, time.process_time() - used
        print(f"evaluate, {recipe}: {seconds:.1f} s, {busy:.1f} s of processor time, all parts")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    all_pairs()
    orl = Path(os.environ.get("COUNTENANCE_ORL", ROOT.parent / "shared/faces/orl"))
    if not orl.is_dir():
        print(f"the ORL face database is not at {orl.name}; set COUNTENANCE_ORL to its folder")
        return
    plain, mirrored = on_orl(orl)
    print("templates | equal error | FNMR at FMR 1% | 0.1% | 0.01% | not at rank one | FNIR at FPIR 1%")
    for row in comparison_rows([plain, mirrored]):
        print(" | ".join(row))
    for way in (plain.fusion.references + plain.fusion.frames) if plain.fusion is not None else ():
        print(f"{way.way}: {way.missed.sentence}")
    for held in plain.held_out:
        counts = f"expected {held.expected:.0f}, observed {held.observed}, couples {held.couples}"
        print(f"held out at {held.rate:g}: {counts}")
    for size in plain.growth.projected if plain.growth is not None else ():
        print(f"{size.references} references: threshold {size.threshold:.3f}, missed {size.missed:.4f}")
    if out is not None:
        print(*report(plain, out, others=[mirrored]))


if __name__ == "__main__":
    main()
