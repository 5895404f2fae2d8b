"""A decoded picture, and what a person should know about how it was decoded."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.terms import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Upright RGB pixels of one photograph.

    ``pixels`` is (height, width, 3) uint8. ``media_type`` is that of the bytes, for example ``image/jpeg``.
    ``frames`` counts the frames or pages of the file, of which only the first is in ``pixels``. ``notes`` are
    plain sentences about what was done on the way, for example "EXIF orientation 6 applied".
    ``reduction`` is how many pixels of the file's side became one of this picture's: 1 unless a smaller
    decoding was asked for, then 2, 4 or 8.
    """

    pixels: Pixels
    media_type: str
    frames: int = 1
    notes: tuple[str, ...] = ()
    reduction: int = 1

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])
