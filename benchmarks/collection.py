"""Bystanders and the rate of imports, on group pictures composed of ORL photographs.

``python -m benchmarks.collection ORL_FOLDER [PICTURES]`` prints one line of JSON. Every subject has references (the
first photographs that may be enrolled); her other photographs stand beside three strangers each. Counted: strangers
accepted and asked about, own faces accepted, asked about, and lost.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from tests.unit.collection.pictures import CELL, group, orl

from countenance.collection.bystanders import Thresholds, Wanted, tell_apart
from countenance.recognition.candidates import calibrate
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM
from countenance.recognition.images import decode
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import ImageLimits, cache_folder
from countenance.store.subjects import SubjectRow, SubjectState
from countenance.terms import SubjectId
from countenance.vault.sealing import WrappedKeys

REFERENCES = 3
STRANGERS = 3


def main(folder: Path, pictures: int = 3_400) -> dict[str, object]:
    """Compose, look, count."""
    recogniser = Recogniser.open(cache_folder())
    calibration = calibrate.shipped(recogniser.model, "plain")
    assert calibration is not None
    wanted: dict[int, Wanted] = {}
    own: dict[int, list[int]] = {}
    for person in range(1, 41):
        templates, numbers = [], []
        for number in range(1, 11):
            found = recogniser.recognise(np.asarray(orl(folder, person, number), np.uint8))
            if found and found[0].quality.score >= ENROLMENT_MINIMUM and len(templates) < REFERENCES:
                templates.append(found[0].template)
            else:
                numbers.append(number)
        row = SubjectRow(SubjectId(person), b"", b"", WrappedKeys("GB", {}), SubjectState.ACTIVE, "")
        wanted[person] = Wanted(row, np.stack(templates), Thresholds.of(calibration, len(templates)))
        own[person] = numbers
    rng = np.random.default_rng(12)
    counts = dict.fromkeys(
        ("own", "own_accepted", "own_asked", "own_poor", "strangers", "strangers_accepted", "strangers_asked"), 0
    )
    begun = time.perf_counter()
    for place in range(pictures):
        person = place % 40 + 1
        number = own[person][(place // 40) % len(own[person])]
        others = rng.choice([p for p in range(1, 41) if p != person], STRANGERS, replace=False)
        faces = [orl(folder, person, number), *(orl(folder, int(p), int(rng.integers(1, 11))) for p in others)]
        data = group(faces, seed=place)
        found = recogniser.recognise(decode(data, ImageLimits()).pixels)
        apart = tell_apart(found, [wanted[person]])
        counts["own"] += 1
        counts["strangers"] += max(0, len(found) - 1)
        for sighting in apart.sightings:
            mine = sighting.face.face.box.x < CELL[0]
            key = ("own" if mine else "strangers") + ("_accepted" if sighting.certain else "_asked")
            counts[key] += 1
            counts["own_poor"] += mine and sighting.certain and sighting.face.quality.score < ENROLMENT_MINIMUM
    seconds = time.perf_counter() - begun
    answer: dict[str, object] = {**counts, "pictures_a_second": round(pictures / seconds, 2)}
    answer["own_accepted_share"] = round(counts["own_accepted"] / counts["own"], 4)
    return answer


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
