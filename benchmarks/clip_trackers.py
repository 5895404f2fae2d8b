"""The tracker of clips beside those of packages, on the very same looks: docs/adr/0016-clips.md.

Two steps, because the packages want another OpenCV than ours and must not come into its environment:

* ``python -m benchmarks.clip_trackers looks.npz`` draws the scenes of ``benchmarks.clips``, looks at them as the
  search does, and writes every face found: time, box, confidence, template, whose it is, our tracker's track;
* ``python benchmarks/clip_trackers.py looks.npz --packages``, in an environment with ``trackers`` (or ``norfair``),
  lets each package join the same faces and prints the table.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

_FRAMES_A_SECOND = 4.0
"""The rate that a package is told, where it wants one: how often the search looks while something moves."""


def look(file: Path) -> None:
    """Write what the search sees in every scene, and how our tracker joins it."""
    from benchmarks.clips import ROOT, SCENES, drawn, mates, people_of, visits_of
    from countenance.collection.clips.looking import Distances
    from countenance.collection.clips.reading import Clip
    from countenance.collection.clips.sampling import Sampler
    from countenance.collection.clips.tracking import Tracker, overlap
    from countenance.recognition.templates.recogniser import Recogniser
    from countenance.settings import ImageLimits, cache_folder
    from countenance.terms import Box

    people, source = people_of(ROOT.parent / "shared/faces/orl")
    recogniser = Recogniser.open(cache_folder())
    worn = people if mates(recogniser, people) is None else [shots[3:] for shots in people]
    rows: list[list[float]] = []
    templates = []
    for number, scene in enumerate(SCENES):
        visits = visits_of(scene, len(worn), min(len(shots) for shots in worn))
        distances = Distances.of(1920, 1080)
        sampler, tracker = Sampler(distances.parts, (1920, 1080)), Tracker(recogniser.templates)
        with Clip(drawn(scene, visits, worn, source), ImageLimits()) as clip:
            for frame in clip.frames():
                taken = sampler.wants(frame)
                if taken is None:
                    continue
                pixels = frame.pixels()
                faces = recogniser.judge_in(pixels, distances.views(pixels, taken.parts))
                list(tracker.look(frame.at_s, faces))
                ours = {track.box: track.number for track in tracker._open if track.last_s == frame.at_s}
                for face in faces:
                    near = {
                        visit.number: overlap(Box(*where), face.face.box)
                        for visit in visits
                        if (where := visit.box(frame.at_s)) is not None
                    }
                    best = max(near, key=lambda one: near[one], default=-1)
                    whose = best if best >= 0 and near[best] >= 0.3 else -1
                    box = face.face.box
                    place = (box.x, box.y, box.width, box.height)
                    rows.append([number, frame.at_s, *place, face.face.confidence, whose, ours[box]])
                if faces:
                    templates.append(recogniser.templates([face.chip for face in faces]))
    np.savez(file, rows=np.asarray(rows), templates=np.concatenate(templates))


def count(rows: np.ndarray, ids: np.ndarray) -> dict[str, int]:
    """What came of one way of joining: ``ids`` is each face's track, -1 for none."""
    found: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for (scene, whose), track in zip(rows[:, [0, 7]].astype(int).tolist(), ids.tolist(), strict=True):
        if track >= 0:
            found[scene, track][whose] += 1
    visits: Counter[tuple[int, int]] = Counter()
    mixed = 0
    for (scene, _), on in found.items():
        whose, most = on.most_common(1)[0]
        if whose >= 0:
            visits[scene, whose] += 1
            mixed += (on.total() - most) * 5 > on.total()
    seen = {(int(scene), int(whose)) for scene, whose in rows[:, [0, 7]] if whose >= 0}
    return {
        "visits": len(seen),
        "without a track": len(seen - set(visits)),
        "pieces": sum(visits.values()) - len(visits),
        "mixed": mixed,
        "faces in no track": int(np.sum(ids < 0)),
    }


def packages(file: Path) -> None:
    """Let the packages that are installed join the same faces."""
    data = np.load(file)
    rows, templates = data["rows"], data["templates"]
    ways: dict[str, Any] = {"ours": lambda: rows[:, 8].astype(int)}
    if importlib.util.find_spec("trackers"):
        import trackers

        for name in ("SORTTracker", "ByteTrackTracker", "OCSORTTracker"):
            kind = getattr(trackers, name)
            ways[f"trackers {name}"] = lambda kind=kind: _by_trackers(rows, kind)
    if importlib.util.find_spec("norfair"):
        ways["norfair, by boxes"] = lambda: _by_norfair(rows, templates, "iou", 0.9)
        ways["norfair, by our templates"] = lambda: _by_norfair(rows, templates, _unlike, 0.65)
    results = {name: count(rows, way()) for name, way in ways.items()}
    columns = list(next(iter(results.values())))
    print(f"| tracker | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, result in results.items():
        print(f"| {name} | {' | '.join(str(result[one]) for one in columns)} |")


def _looks(rows: np.ndarray) -> list[np.ndarray]:
    """The places of each look's faces among the rows."""
    starts = np.flatnonzero(np.any(np.diff(rows[:, :2], axis=0) != 0, axis=1)) + 1
    return np.split(np.arange(len(rows)), starts)


def _by_trackers(rows: np.ndarray, kind: Any) -> np.ndarray:
    import supervision as sv

    ids = np.full(len(rows), -1)
    scene, tracker = -1, None
    for places in _looks(rows):
        if rows[places[0], 0] != scene:
            scene = rows[places[0], 0]
            # A glance is a track here, and 2.5 seconds without a look do not end one.
            tracker = kind(
                lost_track_buffer=75,
                frame_rate=_FRAMES_A_SECOND,
                minimum_consecutive_frames=1,
                minimum_iou_threshold=0.1,
                **(
                    {"track_activation_threshold": 0.5}
                    if "Byte" in kind.__name__ or kind.__name__[0] == "S"
                    else {}
                ),
            )
        x, y, w, h, confidence = rows[places, 2:7].T
        given = sv.Detections(
            xyxy=np.stack([x, y, x + w, y + h], axis=1),
            confidence=confidence,
            data={"place": places.astype(np.int64)},
        )
        told = tracker.update(given, timestamp=float(rows[places[0], 1]))
        ids[np.asarray(told.data["place"], int)] = told.tracker_id
    return ids


def _unlike(detection: Any, tracked: Any) -> float:
    return 1.0 - float(detection.embedding @ tracked.last_detection.embedding)


def _by_norfair(rows: np.ndarray, templates: np.ndarray, distance: Any, most: float) -> np.ndarray:
    import norfair

    ids = np.full(len(rows), -1)
    scene, tracker = -1, None
    for places in _looks(rows):
        if rows[places[0], 0] != scene:
            scene = rows[places[0], 0]
            tracker = norfair.Tracker(
                distance_function=distance, distance_threshold=most, initialization_delay=0, hit_counter_max=10
            )
        given = []
        for place in places:
            x, y, w, h, confidence = rows[place, 2:7]
            given.append(
                norfair.Detection(
                    points=np.array([[x, y], [x + w, y + h]]),
                    scores=np.full(2, confidence),
                    data=int(place),
                    embedding=templates[place],
                )
            )
        for one in tracker.update(given):
            if one.last_detection in given:
                ids[one.last_detection.data] = one.id
    return ids


def main() -> int:
    """Either step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("looks", type=Path)
    parser.add_argument("--packages", action="store_true")
    given = parser.parse_args()
    (packages if given.packages else look)(given.looks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
