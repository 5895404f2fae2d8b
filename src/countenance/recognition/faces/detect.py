"""Finding faces, however large the photograph and however small or tightly cropped the face.

Rules kept here: an ordinary photograph is looked at once; a photograph in which nothing was found, or that one
face fills, is looked at once more with a frame around it, and a tiny one only so; what is found is in pixels
of the photograph as it was given.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np

from countenance.recognition.faces.face import Face
from countenance.recognition.faces.views import FOUND_FACE, TILE_FACE, View, framed, views
from countenance.recognition.faces.yunet import ROW_LENGTH, Rows, decode, intersections, suppress
from countenance.recognition.models.network import Network
from countenance.recognition.models.package import ModelPackage
from countenance.terms import Box, Pixels

MINIMUM_CONFIDENCE = 0.6
"""Chosen by the measurement in docs/models.md."""

GLIMPSE_CONFIDENCE = 0.2
"""From here on a find of at most ``GLIMPSE_SIDE`` pixels may be a small face, blurred by decoding the picture at a
fraction of its size: of 352 portraits pasted into photographs, the one that halving lost still had 0.25."""

GLIMPSE_SIDE = 24.0
"""Width in pixels up to which a find below the minimum is kept as a glimpse; its height may be a third more."""

_MOST_GLIMPSES = 32
"""Best first; a picture of a starry sky must not cost more than a crowd."""

_OVERLAP = 0.3
"""Intersection over union above which two finds are one face; OpenCV's default for this detector."""

_CONTAINED = 0.7
"""Share of a closer level's find that lies inside a larger face already found: then it is a part of that face."""

_FILLING = 0.65
"""Share of the picture's width or height above which a lone face fills the picture. Its landmarks are several
pixels better when it is seen with a frame around it."""

FRAMED_SIDE = 160
"""A picture with no side longer than this is seen enlarged and with a frame, and not without: on 400 tightly
cropped photographs of 92x112 the false non-match rate at a false match rate of 1e-2 fell from 0.010 to 0.004."""

_EDGE = 2.0
"""Pixels from a tile's inner edge within which a find is taken for a cut face."""


class Detector:
    """Finds faces with the YuNet model of ``package``. Safe from many threads.

    ``cache_folder`` is where the prepared model is kept; ``threads`` defaults to the processors available.
    ``smallest_face`` is the width in pixels from which faces are looked for in large photographs.
    Raises what ``Network`` raises.
    """

    def __init__(
        self,
        package: ModelPackage,
        cache_folder: Path,
        *,
        threads: int | None = None,
        precision: str | None = None,
        minimum_confidence: float = MINIMUM_CONFIDENCE,
        smallest_face: float = FOUND_FACE,
    ) -> None:
        self._network = Network(package, cache_folder, threads=threads, precision=precision)
        self._minimum = minimum_confidence
        self._smallest = smallest_face

    def detect(self, picture: Pixels) -> tuple[Face, ...]:
        """The faces in ``picture`` (shape (h, w, 3), uint8, RGB), largest first; empty when there is none."""
        return _faces(self._look(picture))

    def glimpse(self, picture: Pixels) -> tuple[tuple[Face, ...], tuple[Face, ...]]:
        """The faces as :meth:`detect` finds them, and what may be a small one but is below the minimum, best first.

        A glimpse is no face; it says where a sharper copy of the same picture is worth a look.
        """
        weak: list[Rows] = []
        rows = self._look(picture, weak)
        return _faces(rows), tuple(_face(row) for row in _glimpses(weak, rows))

    def detect_in(self, shown: Iterable[View]) -> tuple[Face, ...]:
        """The faces in chosen views of one picture, largest first, in pixels of that picture.

        For a caller who knows where it is worth looking; nothing is looked at a second time with a frame around it.
        """
        return _faces(self._seen_in(shown))

    def _look(self, picture: Pixels, weak: list[Rows] | None = None) -> Rows:
        """The finds in a picture of any size; those below the minimum go to ``weak``, if it is given."""
        if picture.shape[0] == 0 or picture.shape[1] == 0:
            return np.empty((0, ROW_LENGTH), np.float32)
        small = max(picture.shape[:2]) <= FRAMED_SIDE
        rows = self._framed(picture) if small else self._seen_in(views(picture, self._smallest), weak)
        if not small and (len(rows) == 0 or _fills(rows, picture)):
            again = self._framed(picture)
            rows = again if len(again) > 0 else rows
        return rows

    def _seen_in(self, shown: Iterable[View], weak: list[Rows] | None = None) -> Rows:
        """The finds in ``shown``; those below the minimum go to ``weak``, if it is given."""
        levels: dict[int, list[Rows]] = {}
        least = self._minimum if weak is None else min(self._minimum, GLIMPSE_CONFIDENCE)
        for view, outputs in self._network.run_each((view, view.samples) for view in shown):
            rows = self._found(view, outputs, least)
            sure = rows[:, 14] >= self._minimum
            levels.setdefault(view.level, []).append(rows[sure])
            if weak is not None:
                weak.append(rows[~sure])
        return merge([suppress(np.concatenate(levels[level]), _OVERLAP) for level in sorted(levels)])

    def _framed(self, picture: Pixels) -> Rows:
        view = framed(picture)
        rows = suppress(self._found(view, self._network.run(view.samples), self._minimum), _OVERLAP)
        return rows[_inside(rows, picture)]

    def _found(self, view: View, outputs: tuple[Rows, ...], least: float) -> Rows:
        planes = dict(zip(self._network.outputs, outputs, strict=True))
        rows = decode(planes, view.samples.shape[2], least)
        return in_photograph(rows[_whole(rows, view)], view)


def in_photograph(rows: Rows, view: View) -> Rows:
    """``rows`` in pixels of the photograph that ``view`` was taken from."""
    moved = rows.copy()
    moved[:, [0, 4, 6, 8, 10, 12]] = (rows[:, [0, 4, 6, 8, 10, 12]] + view.left) / view.scale_x
    moved[:, [1, 5, 7, 9, 11, 13]] = (rows[:, [1, 5, 7, 9, 11, 13]] + view.top) / view.scale_y
    moved[:, 2] = rows[:, 2] / view.scale_x
    moved[:, 3] = rows[:, 3] / view.scale_y
    return moved


def merge(levels: list[Rows]) -> Rows:
    """One row for every face found at any of ``levels`` (coarsest first), in pixels of the photograph.

    Between levels the better score wins, and what a closer level finds inside a larger face is dropped:
    an ear or a printed shirt may look like a face when nothing else is seen.
    """
    kept = levels[0] if levels else np.empty((0, ROW_LENGTH), np.float32)
    for closer in levels[1:]:
        free = [row for row in closer if not _part_of(row, kept)]
        if free:
            kept = suppress(np.concatenate([kept, np.stack(free)]), _OVERLAP)
    return kept


def _part_of(row: Rows, larger: Rows) -> bool:
    shared, mine, theirs = intersections(row, larger)
    return bool(np.any((shared > _CONTAINED * mine) & (theirs > 4 * mine)))


def _whole(rows: Rows, view: View) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of ``rows`` (pixels of the view) no inner edge cuts, and are no larger than the level is asked for."""
    left, top, right, bottom = view.inner
    whole = np.ones(len(rows), bool)
    if left:
        whole &= rows[:, 0] >= _EDGE
    if top:
        whole &= rows[:, 1] >= _EDGE
    if right:
        whole &= rows[:, 0] + rows[:, 2] <= view.width - _EDGE
    if bottom:
        whole &= rows[:, 1] + rows[:, 3] <= view.height - _EDGE
    if view.level > 0:
        whole &= np.max(rows[:, 2:4], axis=1) <= TILE_FACE
    return whole


def _glimpses(weak: list[Rows], faces: Rows) -> Rows:
    """The best of ``weak`` that are small and lie over none of ``faces``."""
    small = [rows[np.max(rows[:, 2:4], axis=1) <= 1.3 * GLIMPSE_SIDE] for rows in weak]
    rows = suppress(np.concatenate(small), _OVERLAP) if small else np.empty((0, ROW_LENGTH), np.float32)
    free = [row for row in rows if not np.any(intersections(row, faces)[0] > 0)]
    return np.stack(free[:_MOST_GLIMPSES]) if free else np.empty((0, ROW_LENGTH), np.float32)


def _fills(rows: Rows, picture: Pixels) -> bool:
    share = rows[:, 2:4] / [picture.shape[1], picture.shape[0]]
    return len(rows) == 1 and bool(np.max(share) > _FILLING)


def _inside(rows: Rows, picture: Pixels) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which of ``rows`` have their centre in the picture, not in the frame that was put around it."""
    centres = rows[:, :2] + rows[:, 2:4] / 2
    inside: np.ndarray[tuple[int], np.dtype[np.bool_]] = np.all(
        (centres >= 0) & (centres < [picture.shape[1], picture.shape[0]]), axis=1
    )
    return inside


def _faces(rows: Rows) -> tuple[Face, ...]:
    rows = rows[np.argsort(-rows[:, 2] * rows[:, 3], kind="stable")]
    return tuple(_face(row) for row in rows)


def _face(row: Rows) -> Face:
    x, y, width, height = (float(value) for value in row[:4])
    return Face(Box(x, y, width, height), row[4:14].reshape(5, 2).astype(np.float32), float(row[14]))


class RememberingDetector(Detector):
    """A detector that looks at each picture once, so that several template models judge the very same faces.

    It remembers where the faces are (about 1 kB a picture), not the picture: a digest of at most 65,536 of its
    pixels, spread evenly, and its shape. For labelled pictures that are read several times in one run.
    """

    _SIDE = 256

    def detect(self, picture: Pixels) -> tuple[Face, ...]:
        """See :meth:`Detector.detect`."""
        height, width = picture.shape[:2]
        spread = picture[:: -(-height // self._SIDE), :: -(-width // self._SIDE)]
        key = (height, width, blake2b(np.ascontiguousarray(spread).data, digest_size=16).digest())
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = super().detect(picture)
        return found

    @cached_property
    def _seen(self) -> dict[tuple[int, int, bytes], tuple[Face, ...]]:
        return {}
