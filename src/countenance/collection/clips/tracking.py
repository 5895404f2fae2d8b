"""Who is who from look to look: each face joins the track that it continues, or begins a new one.

Rules kept here:

* A face and a track belong together by where the track was heading and by what its template looks like; the best
  total over all pairs is taken (the assignment problem), not the first that fits.
* A track that was not seen for a while is over; one that was seen only once is kept, because a glance may be all
  that there is.
* Of a track a few best faces remain, not the clip: memory does not grow with its length but with who is in it.

Why not a package: docs/adr/0016-clips.md.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.terms import Box, Pixels, Vectors

BEST = 5
"""Faces of a track that are kept."""
LOST_S = 2.5
SAME_ALONE = 0.5
"""Comparison score at which a face continues a track wherever it is."""
SAME_NEAR = 0.1
"""Comparison score below which a face is not the same even in the same place: somebody stepped in front."""
JOINED = 0.35
"""The least worth, overlap and likeness together, at which a face continues a track."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A face at a time. ``chip`` is the aligned face, (112, 112, 3)."""

    at_s: float
    box: Box
    quality: int
    reasons: tuple[str, ...]
    template: Vectors
    chip: Pixels
    found: RecognisedFace


@dataclass(slots=True, eq=False)
class Track:
    """One person from entering to leaving, as far as she was seen."""

    number: int
    first_s: float
    last_s: float
    box: Box
    looks: int = 0
    _velocity: tuple[float, float] = (0.0, 0.0)
    _mean: Vectors | None = None
    _best: list[tuple[int, int, Seen]] = field(default_factory=list)
    path: list[tuple[float, Box]] = field(default_factory=list)

    @property
    def best(self) -> tuple[Seen, ...]:
        """Its best faces, best first."""
        return tuple(seen for _, _, seen in sorted(self._best, key=lambda entry: (-entry[0], entry[1])))

    @property
    def template(self) -> Vectors:
        """Its template, shape (dimensions,), unit length: the best faces' mean, each weighed by its quality."""
        rows = np.stack([seen.template for seen in self.best])
        weights = np.array([max(seen.quality, 1) for seen in self.best], np.float32)
        fused = (rows * weights[:, None]).sum(axis=0)
        unit: Vectors = (fused / np.linalg.norm(fused)).astype(np.float32)
        return unit

    def expected(self, at_s: float) -> Box:
        """Where the face should be at a time, if it goes on as it did."""
        ahead = min(at_s - self.last_s, 1.0)
        across, down = self._velocity
        return Box(self.box.x + across * ahead, self.box.y + down * ahead, self.box.width, self.box.height)

    def likeness(self, template: Vectors) -> float:
        """Comparison score with what the track looks like so far."""
        return 0.0 if self._mean is None else float(self._mean @ template)

    def add(self, seen: Seen) -> None:
        """Continue the track."""
        passed = seen.at_s - self.last_s
        if self.looks and passed > 0:
            across, down = (seen.box.x - self.box.x) / passed, (seen.box.y - self.box.y) / passed
            self._velocity = ((self._velocity[0] + across) / 2, (self._velocity[1] + down) / 2)
        blended = seen.template if self._mean is None else 0.8 * self._mean + 0.2 * seen.template
        self._mean = (blended / np.linalg.norm(blended)).astype(np.float32)
        self.box, self.last_s = seen.box, seen.at_s
        self.looks += 1
        entry = (seen.quality, -self.looks, seen)
        if len(self._best) < BEST:
            heapq.heappush(self._best, entry)
        else:
            heapq.heappushpop(self._best, entry)
        if len(self.path) < 200 or seen.at_s - self.path[-1][0] >= 5.0:
            self.path.append((seen.at_s, seen.box))


class Tracker:
    """Joins faces to tracks, look after look."""

    def __init__(self) -> None:
        self._open: list[Track] = []
        self._count = 0

    def look(self, at_s: float, faces: Sequence[Seen]) -> Iterator[Track]:
        """Take in what was seen at a time (rising from call to call); gives the tracks that ended before it."""
        ended = [track for track in self._open if at_s - track.last_s > LOST_S]
        self._open = [track for track in self._open if at_s - track.last_s <= LOST_S]
        joined = assign(self._worth(at_s, faces))
        for place, seen in enumerate(faces):
            track = self._open[joined[place]] if joined[place] >= 0 else self._begin(seen)
            track.add(seen)
        yield from ended

    def end(self) -> Iterator[Track]:
        """The tracks that were still open when the clip ended."""
        yield from self._open
        self._open = []

    def _begin(self, seen: Seen) -> Track:
        self._count += 1
        track = Track(self._count, seen.at_s, seen.at_s, seen.box)
        self._open.append(track)
        return track

    def _worth(self, at_s: float, faces: Sequence[Seen]) -> npt.NDArray[np.float64]:
        worth = np.zeros((len(faces), len(self._open)))
        for i, seen in enumerate(faces):
            for j, track in enumerate(self._open):
                near, alike = overlap(track.expected(at_s), seen.box), track.likeness(seen.template)
                fits = alike >= SAME_ALONE or (near > 0.1 and alike >= SAME_NEAR)
                worth[i, j] = 0.5 * near + max(alike, 0.0) if fits else 0.0
        worth[worth < JOINED] = 0.0
        return worth


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(0.0, across) * max(0.0, down)
    whole = one.width * one.height + other.width * other.height - shared
    return shared / whole if whole > 0 else 0.0


def assign(worth: npt.NDArray[np.float64]) -> list[int]:
    """For each row its column in the pairing of greatest total worth, or -1; pairs worth nothing are left out.

    The Hungarian method in the form of shortest augmenting paths (Jonker and Volgenant, Computing 38, 1987).
    """
    rows, columns = worth.shape
    if not rows or not columns:
        return [-1] * rows
    # Square, with a place for "nobody" for each row, so that nobody is forced into a pair worth nothing.
    size = rows + columns
    cost = np.zeros((rows + 1, size + 1))
    cost[1:, 1 : columns + 1] = np.where(worth > 0, -worth, 1e6)
    u, v = np.zeros(rows + 1), np.zeros(size + 1)
    owner = np.zeros(size + 1, np.int64)
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        least = np.full(size + 1, np.inf)
        way = np.zeros(size + 1, np.int64)
        used = np.zeros(size + 1, bool)
        while True:
            used[column] = True
            here = owner[column]
            reduced = cost[here] - u[here] - v
            better = ~used & (reduced < least)
            better[0] = False
            least[better], way[better] = reduced[better], column
            free = np.where(used, np.inf, least)
            free[0] = np.inf
            following = int(np.argmin(free))
            step = free[following]
            u[owner[used]] += step
            v[used] -= step
            least[~used] -= step
            column = following
            if owner[column] == 0:
                break
        while column:
            before = int(way[column])
            owner[column] = owner[before]
            column = before
    found = [-1] * rows
    for column in range(1, columns + 1):
        if owner[column] and worth[owner[column] - 1, column - 1] > 0:
            found[int(owner[column]) - 1] = column - 1
    return found
