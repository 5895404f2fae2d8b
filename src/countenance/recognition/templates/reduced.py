"""Faces of a photograph that was decoded at a fraction of its size, the small ones looked at in the whole one.

Rules kept here: the whole photograph is decoded only when a face, or what may be one, is small in the reduced
picture, and is looked at only there; one too large for several threads to hold is not decoded whole. Where a face
lies is always said in pixels of the reduced picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from countenance.recognition.faces.face import Face
from countenance.recognition.faces.views import Part, view_of
from countenance.recognition.images import LARGE_PIXELS, Picture
from countenance.recognition.templates.recogniser import JudgedFace, RecognisedFace, Recogniser
from countenance.terms import Box, Pixels

SMALL_FACE = 56.0
"""Width in pixels of the reduced picture below which a face is looked at in the whole one. Its eyes are then fewer
than about 24 pixels apart, from where comparison scores begin to suffer (docs/quality.md)."""

_LOOK_SIDE = 288
"""Pixels of the whole photograph, across and down, that one closer look takes in: twice the largest small face."""

_MOST_LOOKS = 200
"""Faces first, then what may be one; a large crowd's smallest faces are left as they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The faces of a reduced picture, largest first, in its pixels.

    ``whole`` is the photograph in all its pixels if it was needed; the faces whose places are in ``closer`` were
    looked at there.
    """

    picture: Picture
    faces: tuple[RecognisedFace, ...]
    closer: frozenset[int] = frozenset()
    whole: Pixels | None = None


def recognise_reduced(recogniser: Recogniser, picture: Picture, whole: Callable[[], Pixels]) -> Seen:
    """The faces in ``picture``; ``whole`` gives the upright photograph that it is a reduction of."""
    judged, glimpses = recogniser.glimpse(picture.pixels)
    small = [one for one in judged if one.face.box.width < SMALL_FACE]
    pixels_of_whole = picture.width * picture.height * picture.reduction**2
    if picture.reduction == 1 or not (small or glimpses) or pixels_of_whole > LARGE_PIXELS:
        return Seen(picture, recogniser.described(judged))
    pixels = whole()
    found: list[tuple[JudgedFace, bool]] = [(one, False) for one in judged if one.face.box.width >= SMALL_FACE]
    for place, known in enumerate(_places(small, glimpses)):
        before = small[place] if place < len(small) else None
        near = None if place >= _MOST_LOOKS else _nearest(recogniser, pixels, known, picture.reduction)
        if near is not None and not any(_same(near.face.box, one.face.box) for one, _ in found):
            found.append((near, True))
        elif near is None and before is not None:
            found.append((before, False))
    found.sort(key=lambda one: -one[0].face.box.width * one[0].face.box.height)
    faces = recogniser.described([one for one, _ in found])
    return Seen(picture, faces, frozenset(i for i, (_, closer) in enumerate(found) if closer), pixels)


def _places(small: Sequence[JudgedFace], glimpses: Sequence[Face]) -> Iterator[Box]:
    yield from (one.face.box for one in small)
    yield from (one.box for one in glimpses)


def _nearest(recogniser: Recogniser, whole: Pixels, box: Box, scale: int) -> JudgedFace | None:
    """The face of the whole photograph that lies where ``box`` of the reduced one is, in the latter's pixels."""
    height, width = whole.shape[:2]
    centre_x, centre_y = (box.x + box.width / 2) * scale, (box.y + box.height / 2) * scale
    across, down = min(_LOOK_SIDE, width), min(_LOOK_SIDE, height)
    left = min(max(0, round(centre_x - across / 2)), width - across)
    top = min(max(0, round(centre_y - down / 2)), height - down)
    view = view_of(whole, Part(left, top, across, down), 1.0, 0)
    near = [one for one in recogniser.judge_in(whole, [view]) if _same(box, _reduced(one.face, scale).box)]
    best = max(near, key=lambda one: one.face.confidence, default=None)
    return None if best is None else replace(best, face=_reduced(best.face, scale))


def _reduced(face: Face, scale: int) -> Face:
    box = face.box
    smaller = Box(box.x / scale, box.y / scale, box.width / scale, box.height / scale)
    return Face(smaller, (face.landmarks / scale).astype(np.float32), face.confidence)


def _same(one: Box, other: Box) -> bool:
    """Whether the centre of either lies in the other."""
    return _holds(one, other) or _holds(other, one)


def _holds(outer: Box, inner: Box) -> bool:
    x, y = inner.x + inner.width / 2, inner.y + inner.height / 2
    return outer.x <= x <= outer.x + outer.width and outer.y <= y <= outer.y + outer.height
