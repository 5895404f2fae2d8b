"""Clips: how fast they are searched, and which tracks are lost against looking at every frame at full size.

``python -m benchmarks.clips [--people FOLDER]`` prints a table. The clips are drawn by ``benchmarks.clip_scenes``
into ``build/clips`` and stay there, with what the search of every frame found (by the digest of the clip and of the
code that finds and joins faces), so that a second run only searches: about a minute on a quiet machine.
``--prepare`` does what comes before and measures nothing; ``--rate-only`` measures the rate and counts no visits.

Rules kept here: it is known from the drawing who walks where. A visit counts as found when a track lies on it
(half of its places overlap the drawn face by 0.3 or more). Lost is a visit that the search of every frame finds, in
full size and down to faces of 20 pixels, and the search of the clip does not. Rate is the clip's length over the
time from opening it to the last track's template, all processors, in a process that has searched one before: the
first clip of a process pays for imports and for the networks' new shapes, and the table says how much.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.clip_scenes import HEIGHT, RATE, WIDTH, Picture, Scene, Visit, frames, people_of, visits_of, write
from countenance.collection.clips.reading import Clip
from countenance.collection.clips.search import tracks_of
from countenance.collection.clips.tracking import TrackEnd, Tracker, overlap
from countenance.recognition.faces.views import views
from countenance.recognition.templates.recogniser import JudgedFace, Recogniser, in_order
from countenance.settings import ImageLimits, cache_folder
from countenance.terms import Box, Vectors

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "clips"
SCENES = (
    Scene("a hall, many people", 20, 30, seed=1),
    Scene("a hall, another hour", 20, 30, seed=2),
    Scene("far away, faces of 30 to 64 pixels", 20, 30, widths=(30, 64), seed=3),
    Scene("at the door, faces of 90 to 260 pixels", 20, 30, widths=(90, 260), seed=4),
    Scene("in the dark, twice the noise", 20, 30, light=0.3, noise=6.0, seed=5),
    Scene("a corridor, few people", 30, 8, seed=6),
)
REFERENCES = 3
"""Photographs of each person that a gallery would hold; the walkers wear the others."""
TO_REACH, MOST_LOST = 4.0, 0.02
_COLUMNS = (
    "scene", "length", "people pass", "times real time", "processor s a second",
    "looks a second", "every frame finds",
    "found", "lost", "in pieces", "mixed", "on no face", "right at rank 1",
)  # fmt: skip
BANDS = ((0, 40), (40, 60), (60, 80), (80, 101))


@dataclass(frozen=True)
class Sighted:
    """A track, reduced to what is counted: places and templates, no pictures."""

    path: tuple[tuple[float, Box], ...]
    template: Vectors
    quality: int

    @classmethod
    def of(cls, track: TrackEnd) -> Sighted:
        """The part of a track that is counted."""
        return cls(track.path, track.template, track.best[0].quality)


@dataclass(frozen=True)
class Found:
    """What one search of a scene found: the best track of each visit, and what went wrong."""

    visits: dict[int, Sighted]
    tracks: int
    pieces: int
    """Tracks beyond the first of a visit."""
    mixed: int
    """Tracks of which more than a fifth of the places lie on somebody else."""
    nowhere: int
    """Tracks on no drawn face."""


def every_frame(clip: Path, recogniser: Recogniser) -> Iterator[TrackEnd]:
    """Tracks when every frame is looked at in full size, as a photograph is."""
    import av

    tracker = Tracker(recogniser.templates)

    def decoded() -> Iterator[tuple[float, Picture]]:
        with av.open(str(clip)) as container:
            for frame in container.decode(video=0):
                yield float(frame.time or 0.0), frame.to_ndarray(format="rgb24")

    def seen(one: tuple[float, Picture]) -> tuple[float, tuple[JudgedFace, ...]]:
        return one[0], recogniser.judge_in(one[1], views(one[1]))

    for at_s, faces in in_order(seen, decoded(), recogniser.workers):
        yield from tracker.look(at_s, faces)
    yield from tracker.end()


def judge(tracks: Iterable[Sighted], visits: list[Visit]) -> Found:
    """Which visits the tracks lie on."""
    best: dict[int, Sighted] = {}
    count = pieces = mixed = nowhere = 0
    for track in tracks:
        count += 1
        on: Counter[int] = Counter()
        for at_s, box in track.path:
            where = {one.number: drawn for one in visits if (drawn := one.box(at_s)) is not None}
            near = {number: overlap(Box(*drawn), box) for number, drawn in where.items()}
            top = max(near, key=lambda number: near[number], default=None)
            if top is not None and near[top] >= 0.3:
                on[top] += 1
        if not on or on.most_common(1)[0][1] * 2 < len(track.path):
            nowhere += 1
            continue
        number, places = on.most_common(1)[0]
        mixed += (on.total() - places) * 5 > len(track.path)
        pieces += number in best
        if number not in best or len(track.path) > len(best[number].path):
            best[number] = track
    return Found(best, count, pieces, mixed, nowhere)


def drawn(scene: Scene, visits: list[Visit], faces: list[list[Picture]], source: str) -> Path:
    """The clip of a scene, drawn if it is not there yet."""
    key = (scene, source, (ROOT / "benchmarks" / "clip_scenes.py").read_bytes())
    place = BUILD / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.mp4"
    if not place.exists():
        print(f"drawing: {scene.name}", file=sys.stderr, flush=True)
        BUILD.mkdir(parents=True, exist_ok=True)
        half = place.with_suffix(".half.mp4")
        write(half, frames(scene, visits, faces))
        half.rename(place)
    return place


def reference(clip: Path, recogniser: Recogniser) -> list[Sighted]:
    """What the search of every frame finds, computed once for a clip and the code that finds faces."""
    code = hashlib.sha256(clip.stem.encode())
    for folder in ("recognition/faces", "recognition/templates"):
        for module in sorted((ROOT / "src" / "countenance" / folder).glob("*.py")):
            code.update(module.read_bytes())
    code.update((ROOT / "src" / "countenance" / "collection" / "clips" / "tracking.py").read_bytes())
    place = clip.with_name(f"{clip.stem}-{code.hexdigest()[:16]}.json")
    if not place.exists():
        print(f"every frame of: {clip.name}", file=sys.stderr, flush=True)
        rows = [
            {
                "path": [[at, box.x, box.y, box.width, box.height] for at, box in track.path],
                "template": track.template.tolist(),
                "quality": track.best[0].quality,
            }
            for track in every_frame(clip, recogniser)
        ]
        place.write_text(json.dumps(rows), "utf-8")
    return [
        Sighted(
            tuple((one[0], Box(*one[1:])) for one in row["path"]),
            np.asarray(row["template"], np.float32),
            row["quality"],
        )
        for row in json.loads(place.read_text("utf-8"))
    ]


def search(clip: Path, recogniser: Recogniser) -> tuple[list[Sighted], int]:
    """The search that is measured: its tracks, and at how many frames it looked."""
    looks = 0

    def watch(_at_s: float, _frames: int, taken: int) -> None:
        nonlocal looks
        looks = taken

    with Clip(clip, ImageLimits()) as opened:
        tracks = [Sighted.of(track) for track in tracks_of(opened, recogniser, watch=watch)]
    return tracks, looks


def mates(recogniser: Recogniser, people: list[list[Picture]]) -> list[Vectors] | None:
    """Each person's reference templates, or None when there are not photographs enough to keep some apart."""
    if min(len(shots) for shots in people) <= REFERENCES:
        return None
    return [
        np.stack([face[0].template for shot in shots[:REFERENCES] if (face := recogniser.recognise(shot))])
        for shots in people
    ]


def main() -> int:
    """Draw what is not drawn, search, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--people", type=Path, default=Path(os.environ.get("COUNTENANCE_ORL", ROOT.parent / "shared/faces/orl"))
    )
    parser.add_argument("--prepare", action="store_true", help="draw, and search every frame; measure no rate")
    parser.add_argument("--rate-only", action="store_true", help="draw, and measure the rate")
    parser.add_argument("--scene", type=int, action="append", choices=range(1, len(SCENES) + 1), metavar="N")
    given = parser.parse_args()
    people, source = people_of(given.people)
    recogniser = Recogniser.open(cache_folder(os.environ.get("COUNTENANCE_CACHE")))
    references = mates(recogniser, people)
    worn = people if references is None else [shots[REFERENCES:] for shots in people]
    rows: list[str] = []
    bands: list[list[tuple[float, float]]] = [[] for _ in BANDS]
    seconds = spent = 0.0
    lost_all = reference_all = 0
    first: float | None = None
    for scene in SCENES if given.scene is None else [SCENES[number - 1] for number in given.scene]:
        visits = visits_of(scene, len(worn), min(len(shots) for shots in worn))
        clip = drawn(scene, visits, worn, source)
        every = [] if given.rate_only else reference(clip, recogniser)
        whole = judge(every, visits)
        if given.prepare:
            continue
        if first is None:
            began = time.perf_counter()
            search(clip, recogniser)
            first = time.perf_counter() - began
        began, processor = time.perf_counter(), time.process_time()
        tracks, looks = search(clip, recogniser)
        took, used = time.perf_counter() - began, time.process_time() - processor
        mine = judge(tracks, visits)
        lost = sorted(set(whole.visits) - set(mine.visits))
        first = first - took if not rows else first
        seconds, spent = seconds + scene.seconds, spent + took
        lost_all, reference_all = lost_all + len(lost), reference_all + len(whole.visits)
        right = _rank_1(mine, visits, references, bands)
        cells = (
            scene.name, f"{scene.seconds} s", len(visits),
            f"{scene.seconds / took:.1f}", f"{used / scene.seconds:.2f}",
            f"{looks / scene.seconds:.1f}", len(whole.visits), len(mine.visits), len(lost),
            f"{whole.pieces} / {mine.pieces}", f"{whole.mixed} / {mine.mixed}", f"{whole.nowhere} / {mine.nowhere}",
            right,
        )  # fmt: skip
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    if given.prepare:
        return 0
    assert first is not None
    rate, words = seconds / spent, ("**not reached**", "reached")
    if given.rate_only:
        print(f"{rate:.2f} times as fast as real time (to reach: {TO_REACH:.0f}): {words[rate >= TO_REACH]}.")
        print("\n".join(rows))
        return 0
    share = lost_all / reference_all
    print(f"Faces: {source}. {WIDTH} x {HEIGHT}, {RATE} frames a second, H.264; {recogniser.workers} threads.\n")
    print("| " + " | ".join(_COLUMNS) + " |\n|" + "---|" * len(_COLUMNS))
    print("\n".join(rows))
    print(f"\nThe first clip of a process took {first:.1f} s longer than the same again, which is in no row.")
    print(
        f"\nTogether {rate:.2f} times as fast as real time (to reach: {TO_REACH:.0f}): {words[rate >= TO_REACH]}. "
        f"Lost {lost_all} of {reference_all} visits that every frame in full size shows, {100 * share:.1f}% "
        f"(at most {100 * MOST_LOST:.0f}%): {words[share <= MOST_LOST]}. "
        "In pieces, mixed and on no face: every frame / this search."
    )
    if references is not None:
        _print_bands(bands)
    return 0


def _rank_1(
    found: Found, visits: list[Visit], references: list[Vectors] | None, bands: list[list[tuple[float, float]]]
) -> str:
    if references is None:
        return ""
    right = 0
    for number, track in found.visits.items():
        scores = [float(np.max(rows @ track.template)) for rows in references]
        mate = visits[number].person
        right += int(np.argmax(scores)) == mate
        stranger = max(score for person, score in enumerate(scores) if person != mate)
        place = next(i for i, (low, high) in enumerate(BANDS) if low <= track.quality < high)
        bands[place].append((scores[mate], stranger))
    return f"{right} of {len(found.visits)}"


def _print_bands(bands: list[list[tuple[float, float]]]) -> None:
    print("\nWhat quality does to the score (quality of the track's best face; mate: three other photographs):\n")
    print("| quality | tracks | mate's score, middle | lowest tenth | best of 39 strangers, middle | mate first |")
    print("|---|---|---|---|---|---|")
    for (low, high), pairs in zip(BANDS, bands, strict=True):
        if pairs:
            mate, stranger = np.asarray(pairs, np.float64).T
            shares = f"{np.median(mate):.2f} | {np.quantile(mate, 0.1):.2f} | {np.median(stranger):.2f}"
            print(f"| {low} to {high - 1} | {len(mate)} | {shares} | {100 * np.mean(mate > stranger):.0f}% |")


if __name__ == "__main__":
    sys.exit(main())
