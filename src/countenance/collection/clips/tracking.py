"""Who is who from look to look: each face joins the track that it continues, or begins a new one.

Rules kept here:

* A face that lies where exactly one track was heading, and that no other claims, joins it. Everything else, and
  every two seconds that as well, is decided by what the faces look like: overlap and comparison score together, the
  best total over all pairs (the assignment problem), not the first that fits.
* A track that was not seen for a while is over; one that was seen only once is kept, because a glance may be all
  that there is.
* Of a track a few best faces remain, not the clip: memory does not grow with its length but with who is in it.
* Templates are made where they decide something: for a doubtful join, and of the best faces at the end (fusing).

Why not a package: docs/adr/0016-clips.md.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from countenance.collection.clips.fusing import SAME_NEAR, Extract, Seen, fuse, with_templates
from countenance.recognition.templates.recogniser import JudgedFace
from countenance.terms import Box, Vectors

BEST = 5
"""Faces of a track that are kept."""
LOST_S = 2.5
CHECKED_S = 2.0
"""A track is joined by place alone for no longer than this."""
CLEAR = 0.3
"""Overlap from which a face is where the track was heading."""
TOUCHES = 0.05
"""Overlap from which another face or track has a claim too."""
SAME_ALONE = 0.5
"""Comparison score at which a face continues a track wherever it is."""
JOINED = 0.35
"""The least worth, overlap and likeness together, at which a face continues a track."""
MOST_PLACES = 200
"""Places of a track's path that are kept one by one; after that one in ``PLACE_S`` seconds."""
PLACE_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class TrackEnd:
    """What remains of a track: when and where, its best faces, best first, and their fused template.

    The template is that of ``fusing.fuse``, unit length.
    """

    number: int
    first_s: float
    last_s: float
    looks: int
    path: tuple[tuple[float, Box], ...]
    best: tuple[Seen, ...]
    template: Vectors


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
    _checked_s: float = 0.0
    _best: list[tuple[int, int, Seen]] = field(default_factory=list)
    _path: list[tuple[float, Box]] = field(default_factory=list)

    def expected(self, at_s: float) -> Box:
        """Where the face should be at a time, if it goes on as it did."""
        ahead = min(at_s - self.last_s, 1.0)
        across, down = self._velocity
        return Box(self.box.x + across * ahead, self.box.y + down * ahead, self.box.width, self.box.height)

    def likeness(self, template: Vectors) -> float:
        """Comparison score with what the track looks like so far."""
        return 0.0 if self._mean is None else float(self._mean @ template)

    def is_sure(self, at_s: float) -> bool:
        """Whether a template was compared with the track's recently enough."""
        return at_s - self._checked_s < CHECKED_S

    def add(self, seen: Seen) -> None:
        """Continue the track."""
        passed = seen.at_s - self.last_s
        if self.looks and passed > 0:
            across, down = (seen.box.x - self.box.x) / passed, (seen.box.y - self.box.y) / passed
            self._velocity = ((self._velocity[0] + across) / 2, (self._velocity[1] + down) / 2)
        if seen.template is not None:
            blended = seen.template if self._mean is None else 0.8 * self._mean + 0.2 * seen.template
            self._mean = (blended / np.linalg.norm(blended)).astype(np.float32)
            self._checked_s = seen.at_s
        self.box, self.last_s = seen.box, seen.at_s
        self.looks += 1
        entry = (seen.quality, -self.looks, seen)
        if len(self._best) < BEST:
            heapq.heappush(self._best, entry)
        else:
            heapq.heappushpop(self._best, entry)
        if len(self._path) < MOST_PLACES or seen.at_s - self._path[-1][0] >= PLACE_S:
            self._path.append((seen.at_s, seen.box))

    def end(self, extract: Extract) -> TrackEnd:
        """What remains of it."""
        best = [seen for _, _, seen in sorted(self._best, key=lambda entry: (-entry[0], -entry[1]))]
        kept, template = fuse(best, extract)
        return TrackEnd(self.number, self.first_s, self.last_s, self.looks, tuple(self._path), kept, template)


class Tracker:
    """Joins faces to tracks, look after look."""

    def __init__(self, extract: Extract) -> None:
        self._extract = extract
        self._open: list[Track] = []
        self._count = 0

    def look(self, at_s: float, faces: Sequence[JudgedFace]) -> Iterator[TrackEnd]:
        """Take in what was seen at a time (rising from call to call); gives the tracks that ended before it."""
        ended = [track for track in self._open if at_s - track.last_s > LOST_S]
        self._open = [track for track in self._open if at_s - track.last_s <= LOST_S]
        seen = [Seen(at_s, one) for one in faces]
        near = np.zeros((len(seen), len(self._open)))
        for i, one in enumerate(seen):
            for j, track in enumerate(self._open):
                near[i, j] = overlap(track.expected(at_s), one.box)
        clear = _clear(near, [track.is_sure(at_s) for track in self._open])
        joined = {i: self._open[j] for i, j in clear}
        faces_left = [i for i in range(len(seen)) if i not in joined]
        taken = {j for _, j in clear}
        tracks_left = [j for j in range(len(self._open)) if j not in taken]
        with_templates([seen[i] for i in faces_left], self._extract)
        worth = self._worth(near, seen, faces_left, tracks_left)
        for row, column in assign(worth):
            joined[faces_left[row]] = self._open[tracks_left[column]]
        for i, one in enumerate(seen):
            (joined[i] if i in joined else self._begin(one)).add(one)
        for track in ended:
            yield track.end(self._extract)

    def end(self) -> Iterator[TrackEnd]:
        """The tracks that were still open when the clip ended."""
        for track in self._open:
            yield track.end(self._extract)
        self._open = []

    def _begin(self, seen: Seen) -> Track:
        self._count += 1
        track = Track(self._count, seen.at_s, seen.at_s, seen.box)
        self._open.append(track)
        return track

    def _worth(
        self,
        near: npt.NDArray[np.float64],
        seen: Sequence[Seen],
        faces_left: Sequence[int],
        tracks_left: Sequence[int],
    ) -> npt.NDArray[np.float64]:
        worth = np.zeros((len(faces_left), len(tracks_left)))
        for row, i in enumerate(faces_left):
            template = seen[i].template
            assert template is not None
            for column, j in enumerate(tracks_left):
                alike = self._open[j].likeness(template)
                fits = alike >= SAME_ALONE or (near[i, j] > 0.1 and alike >= SAME_NEAR)
                worth[row, column] = 0.5 * near[i, j] + max(alike, 0.0) if fits else 0.0
        worth[worth < JOINED] = 0.0
        return worth


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(0.0, across) * max(0.0, down)
    whole = one.width * one.height + other.width * other.height - shared
    return shared / whole if whole > 0 else 0.0


def assign(worth: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """The pairs (row, column) of greatest total worth; a pair that is worth nothing is left out."""
    # Imported here: it takes a second, and every process of a gallery would pay for it.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(worth, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if worth[row, column] > 0]


def _clear(near: npt.NDArray[np.float64], sure: Sequence[bool]) -> list[tuple[int, int]]:
    """The pairs of a face and a track that need no template: each has only the other."""
    touching = near > TOUCHES
    rows, columns = np.nonzero(near >= CLEAR)
    return [
        (i, j)
        for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
        if sure[j] and touching[i].sum() == 1 and touching[:, j].sum() == 1
    ]
