"""Time and memory of a whole evaluation of 10,000 pictures, without the networks.

    python -m benchmarks.evaluation_at_size [--people 2000] [--pictures 5]

The pictures are files of one pixel that carry a number; a stand-in gives each number a simulated template (128
dimensions, mates score about 0.73). So what is measured is everything that an evaluation does with templates: all
pairs, intervals, calibration, fairness, fusion, growth, findings, and the report.
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from countenance.recognition.candidates.evaluation import evaluate, report
from countenance.recognition.faces.face import Face
from countenance.terms import Box, Pixels

DIMENSIONS = 128
LANDMARKS = np.array([[38, 52], [74, 52], [56, 72], [42, 92], [71, 92]], np.float32)


@dataclass(frozen=True)
class _Quality:
    score: int


@dataclass(frozen=True)
class _Seen:
    face: Face
    chip: Pixels
    quality: _Quality
    template: np.ndarray


def memory_gb() -> float:
    """Peak resident memory of this process until now."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--pictures", type=int, default=5)
    chosen = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.standard_normal((chosen.people, DIMENSIONS)), chosen.pictures, axis=0)
    rows += 0.6 * rng.standard_normal(rows.shape)
    templates = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def recognise(pixels: Pixels) -> tuple[_Seen, ...]:
        number = int(pixels[0, 0, 0]) + 256 * int(pixels[0, 0, 1])
        shot = np.random.default_rng(number)
        chip = shot.integers(0, 256, (112, 112, 3), np.uint8)
        face = Face(Box(0, 0, 112, 112), LANDMARKS, 0.9)
        return (_Seen(face, chip, _Quality(int(shot.integers(40, 100))), templates[number]),)

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["path", "subject", "group"])
            for number in range(len(templates)):
                name = f"{number}.png"
                cv2.imwrite(str(folder / name), np.array([[[0, number // 256, number % 256]]], np.uint8))
                table.writerow([name, f"p{number // chosen.pictures}", "ab"[number // chosen.pictures % 2]])
        before, begin, used = memory_gb(), time.perf_counter(), time.process_time()
        done = evaluate(
            folder / "labels.csv",
            recognise,
            model="stand-in",
            recipe="plain",
            measured_at=datetime(2026, 11, 23, tzinfo=UTC),
            gallery_references=1_000_000,
            robustness_probes=0,
        )
        middle = time.perf_counter()
        report(done, folder / "out")
        seconds, busy = time.perf_counter() - begin, time.process_time() - used
    print("| pictures | people | whole evaluation | of it the page | processor time | memory before | peak |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {len(templates):,} | {chosen.people:,} | {seconds:.0f} s | {begin + seconds - middle:.0f} s |"
        f" {busy:.0f} s | {before:.2f} GB | {memory_gb():.2f} GB |"
    )
    if done.absent:
        print("\nNot measured:", *(f"{one.part}: {one.reason}." for one in done.absent))


if __name__ == "__main__":
    main()
