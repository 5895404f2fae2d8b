"""How a photograph is shown to the detector: once whole, and if it is large also closer, in overlapping tiles.

Rules kept here: every view remembers exactly how its pixels lie in the photograph; the work is bounded
whatever the photograph's size; a face that one tile cuts is whole in another tile or in a coarser level.

The constants were chosen by the measurement in docs/models.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from countenance.recognition.faces.yunet import SIDE_MULTIPLE
from countenance.terms import Pixels

WHOLE_SIDE = 640
"""Longest side in pixels at which every photograph is looked at whole."""

FOUND_FACE = 20.0
"""Width in pixels from which the network finds a face dependably. No view is enlarged to find smaller ones."""

LEVEL_RATIO = 4.0
"""Each level shows the photograph at most this many times larger than the level before."""

LEVEL_WORTH = 1.25
"""A closer level that would show the photograph less than this much larger is left out."""

LEVEL_PIXELS = 50_000_000
"""No level has more pixels than this: about a second of one processor's time."""

TILE_SIDE = 1536
TILE_OVERLAP = 128
"""Pixels that neighbouring tiles share, at their level: more than ``TILE_FACE``."""
TILE_FACE = 112
"""Longest side in pixels of the faces that a closer level is asked for; the level before shows larger ones."""


FRAME_SHARE = 0.27
"""Width of the frame around a tightly cropped picture, as a share of its longest side."""
FRAME_SIDE = 288
"""Longest side in pixels to which a framed picture is enlarged, by at most ``FRAME_ENLARGEMENT``."""
FRAME_ENLARGEMENT = 4.0


@dataclass(frozen=True, slots=True)
class View:
    """Pixels for the detector, shape (1, h, w, 3), sides multiples of 32, and where they lie in the photograph.

    A point (x, y) of the view is at ``((x + left) / scale_x, (y + top) / scale_y)`` of the photograph.
    ``inner`` says which edges (left, top, right, bottom) are cuts through the photograph and not its ends;
    ``width`` and ``height`` are without the padding. ``level`` is 0 for the whole photograph.
    """

    samples: Pixels
    level: int
    scale_x: float
    scale_y: float
    left: float
    top: float
    width: int
    height: int
    inner: tuple[bool, bool, bool, bool]


def views(picture: Pixels, smallest_face: float = FOUND_FACE) -> Iterator[View]:
    """The views of ``picture`` (shape (h, w, 3)), whole first; only one up to a longest side of 800 pixels.

    ``smallest_face`` is the width in pixels of the photograph from which faces must be found; a larger one
    leaves views out.
    """
    scales = level_scales(picture.shape[1], picture.shape[0], smallest_face)
    for level, scale in enumerate(scales):
        resized = _resized(picture, scale)
        yield from _tiles(resized, level, picture.shape[1], picture.shape[0])


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def view_of(picture: Pixels, part: Part, scale: float, level: int) -> View:
    """One part of ``picture`` at ``scale``. Give parts of one shape: every new one costs the network some time."""
    cut = picture[part.top : part.top + part.height, part.left : part.left + part.width]
    # Between half and full size nothing is lost without the mean over an area, which takes several times as long.
    resized = _resized(cut, scale, cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR)
    scale_x, scale_y = resized.shape[1] / cut.shape[1], resized.shape[0] / cut.shape[0]
    right, bottom = part.left + part.width, part.top + part.height
    return View(
        samples=_padded(resized),
        level=level,
        scale_x=scale_x,
        scale_y=scale_y,
        left=part.left * scale_x,
        top=part.top * scale_y,
        width=resized.shape[1],
        height=resized.shape[0],
        inner=(part.left > 0, part.top > 0, right < picture.shape[1], bottom < picture.shape[0]),
    )


def level_scales(width: int, height: int, smallest_face: float = FOUND_FACE) -> tuple[float, ...]:
    """Scales of the levels, coarsest first."""
    first = min(1.0, WHOLE_SIDE / max(width, height))
    finest = min(1.0, FOUND_FACE / smallest_face, math.sqrt(LEVEL_PIXELS / (width * height)))
    if finest <= first * LEVEL_WORTH:
        return (first,)
    more = math.ceil(math.log(finest / first) / math.log(LEVEL_RATIO))
    return tuple(first * (finest / first) ** (level / more) for level in range(more + 1))


def framed(picture: Pixels) -> View:
    """A small or tightly cropped picture, enlarged, with its edge samples repeated around it.

    The detector was taught on faces with surroundings; a face that fills its picture is found only with some.
    """
    height, width = picture.shape[:2]
    border = max(8, round(max(width, height) * FRAME_SHARE))
    whole = max(width, height) + 2 * border
    scale = min(FRAME_ENLARGEMENT, max(1.0, FRAME_SIDE / whole)) if whole <= WHOLE_SIDE else WHOLE_SIDE / whole
    bordered = cv2.copyMakeBorder(picture, border, border, border, border, cv2.BORDER_REPLICATE)
    wide = np.asarray(bordered, np.uint8)
    resized = _resized(wide, scale)
    scale_x, scale_y = resized.shape[1] / wide.shape[1], resized.shape[0] / wide.shape[0]
    return View(
        samples=_padded(resized),
        level=0,
        scale_x=scale_x,
        scale_y=scale_y,
        left=-border * scale_x,
        top=-border * scale_y,
        width=resized.shape[1],
        height=resized.shape[0],
        inner=(False, False, False, False),
    )


def _resized(picture: Pixels, scale: float, how: int | None = None) -> Pixels:
    height, width = picture.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size == (width, height):
        return picture
    if how is None:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def _padded(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    below, beside = -height % SIDE_MULTIPLE, -width % SIDE_MULTIPLE
    if below or beside:
        filled = cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=(0, 0, 0))
        picture = np.asarray(filled, np.uint8)
    return np.ascontiguousarray(picture)[None]


def _tiles(resized: Pixels, level: int, width: int, height: int) -> Iterator[View]:
    high, wide = resized.shape[:2]
    side = WHOLE_SIDE if level == 0 else TILE_SIDE
    lefts, tile_width = _cuts(wide, side)
    tops, tile_height = _cuts(high, side)
    for top in tops:
        for left in lefts:
            part = resized[top : top + tile_height, left : left + tile_width]
            yield View(
                samples=_padded(part),
                level=level,
                scale_x=wide / width,
                scale_y=high / height,
                left=left,
                top=top,
                width=part.shape[1],
                height=part.shape[0],
                inner=(left > 0, top > 0, left + part.shape[1] < wide, top + part.shape[0] < high),
            )


def _cuts(length: int, side: int) -> tuple[list[int], int]:
    """Starts of equal tiles over ``length`` with at least the overlap, and their length. Equal, so that the
    network meets one shape: every new one costs it some tens of milliseconds."""
    if length <= side:
        return [0], length
    count = math.ceil((length - TILE_OVERLAP) / (side - TILE_OVERLAP))
    tile = math.ceil((length + (count - 1) * TILE_OVERLAP) / count / SIDE_MULTIPLE) * SIDE_MULTIPLE
    tile = min(tile, length)
    return [round(index * (length - tile) / (count - 1)) for index in range(count)], tile
