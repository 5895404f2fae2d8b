"""Taking a look: the whole picture at a glance, which finds near faces, and chosen parts closer, for small ones.

Rules kept here: a face of ``SMALLEST_FACE`` pixels and more is found at one of the two distances; parts of one clip
have one shape, so the network meets two shapes and no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from countenance.recognition.faces.views import (
    FOUND_FACE,
    LEVEL_PIXELS,
    LEVEL_RATIO,
    LEVEL_WORTH,
    WHOLE_SIDE,
    Part,
    View,
    view_of,
)
from countenance.recognition.faces.yunet import SIDE_MULTIPLE
from countenance.terms import Pixels

SMALLEST_FACE = 30.0
"""Width in pixels from which faces of a clip are looked for. Smaller ones have fewer than 12 pixels between the
eyes, a quality below 40, at which nobody is enrolled either (docs/quality.md)."""

_PART_SIDE = (352, 288)
"""The most that a part is wide and high, at its own distance; multiples of what the network's strides divide."""
_PART_OVERLAP = (42, 54)
"""What neighbouring parts share across and down, at their distance, at least: a face that the glance at the whole
cannot find, 40 pixels wide there and a third higher."""


@dataclass(frozen=True, slots=True)
class Distances:
    """How pictures of one size are looked at: the scale of the whole, and that of ``parts`` (in picture pixels)."""

    width: int
    height: int
    whole: float
    closer: float
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, width: int, height: int) -> Distances:
        """For pictures of this size. Small ones have no parts: the whole is close enough."""
        longest = max(width, height)
        closer = min(1.0, FOUND_FACE / SMALLEST_FACE, math.sqrt(LEVEL_PIXELS / (width * height)))
        whole = min(1.0, max(WHOLE_SIDE / longest, closer / LEVEL_RATIO))
        if closer <= whole * LEVEL_WORTH:
            return cls(width, height, whole, closer, ())
        across, wide = _cuts(width, closer, _PART_SIDE[0], _PART_OVERLAP[0])
        down, high = _cuts(height, closer, _PART_SIDE[1], _PART_OVERLAP[1])
        parts = tuple(Part(left, top, wide, high) for top in down for left in across)
        return cls(width, height, whole, closer, parts)

    def views(self, picture: Pixels, parts: tuple[int, ...]) -> Iterator[View]:
        """What of a picture of this size is shown to the detector."""
        yield view_of(picture, Part(0, 0, self.width, self.height), self.whole, 0)
        for number in parts:
            yield view_of(picture, self.parts[number], self.closer, 1)


def _cuts(length: int, scale: float, side: int, overlap: int) -> tuple[list[int], int]:
    """Starts of equal parts of ``length`` picture pixels, and their length: at ``scale`` at most ``side``.

    What the network would pad with nothing is filled with picture: then neighbours share more.
    """
    scaled = math.floor(length * scale)
    if scaled <= side:
        return [0], length
    count = math.ceil((scaled - overlap) / (side - overlap))
    least = (scaled + (count - 1) * overlap) / count
    part = min(length, math.floor(math.ceil(least / SIDE_MULTIPLE) * SIDE_MULTIPLE / scale))
    return [round(index * (length - part) / (count - 1)) for index in range(count)], part
