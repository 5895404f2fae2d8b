"""What is kept of a photograph: the file, the subject's part of it, or all of it but the other faces.

Rules kept here: nobody's face but the subject's is in what is kept, as far as the detector found it; a crop also
leaves out whoever stood too far away to be found. What is kept of the photograph is a new picture, without the
file's metadata, unless the file is kept as it was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from countenance.recognition.faces.face import Face
from countenance.recognition.images import Picture
from countenance.recognition.images.single import single_picture
from countenance.terms import Box, Pixels

_MARGIN = 1.0
"""Of the chosen face's size, kept around it on every side of a crop."""
_GROWN = 0.25
"""Of a face's size, covered around it: hair, ears and neck say who somebody is, too."""
_JPEG_QUALITY = 95
"""At this quality, without colour subsampling, templates of ORL faces change by less than 0.01 of cosine."""


class Keep(StrEnum):
    """What is stored of a photograph."""

    AS_GIVEN = "as-given"
    """The file as it is when the subject is alone in it, else a crop."""
    CROP = "crop"
    """The subject's face and as much again around it, other faces covered."""
    COVERED = "covered"
    """The whole picture, every other face blurred beyond recognition."""


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """The bytes to seal, what they are, where the face is in them, and a note when they are not the file's own."""

    data: bytes
    media_type: str
    box: Box
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Detail:
    """A part of a photograph with more pixels than its reduced picture has: (h, w, 3), uint8, RGB.

    A point (x, y) of the picture is at ``(x * scale - left, y * scale - top)`` of the part.
    """

    pixels: Pixels
    left: int
    top: int
    scale: int

    @classmethod
    def around(cls, whole: Pixels, box: Box, scale: int) -> Detail:
        """What a crop of ``box`` (of the reduced picture) needs of the ``whole`` one, copied out of it."""
        left, top = box.x - _MARGIN * box.width, box.y - _MARGIN * box.height
        wide, high = box.width * (1 + 2 * _MARGIN), box.height * (1 + 2 * _MARGIN)
        rows, columns = _slices(Box(left * scale, top * scale, wide * scale, high * scale), whole)
        return cls(np.array(whole[rows, columns]), columns.start, rows.start, scale)

    def placed(self, box: Box) -> Box:
        """A box of the picture in pixels of the part."""
        x, y = box.x * self.scale - self.left, box.y * self.scale - self.top
        return Box(x, y, box.width * self.scale, box.height * self.scale)


def stored_copy(
    data: bytes, picture: Picture, faces: Sequence[Face], chosen: Face, keep: Keep, detail: Detail | None = None
) -> StoredCopy:
    """What to keep of the photograph ``data``, decoded as ``picture``, in which ``faces`` were found.

    ``detail`` is the surroundings of the chosen face as a crop needs them, if there are sharper ones.
    """
    others = [face.box for face in faces if face is not chosen]
    own = chosen.box
    if keep is Keep.AS_GIVEN and not others and picture.reduction == 1:
        return _alone(data, picture, own)
    if detail is not None and keep is Keep.CROP:
        others, own = [detail.placed(box) for box in others], detail.placed(own)
        pixels = np.array(detail.pixels)
    else:
        pixels = np.array(picture.pixels)
    for box in others:
        _cover(pixels, box, own, blurred=keep is Keep.COVERED)
    said = f"{len(others)} other face(s) were covered"
    if keep is Keep.COVERED:
        return StoredCopy(_jpeg(pixels), "image/jpeg", own, said)
    left, top = own.x - _MARGIN * own.width, own.y - _MARGIN * own.height
    area = Box(left, top, own.width * (1 + 2 * _MARGIN), own.height * (1 + 2 * _MARGIN))
    rows, columns = _slices(area, pixels)
    part = np.ascontiguousarray(pixels[rows, columns])
    note = (said + " and the " if others else "the ") + "stored copy was cropped to the subject"
    box = Box(own.x - columns.start, own.y - rows.start, own.width, own.height)
    if keep is Keep.CROP:
        return StoredCopy(_jpeg(part), "image/jpeg", box, note)
    return StoredCopy(_png(part), "image/png", box, note)


def _alone(data: bytes, picture: Picture, own: Box) -> StoredCopy:
    """The file itself, without what nobody looked at: further frames, previews, appended pictures."""
    if picture.frames > 1:
        note = f"only the first of {picture.frames} frames was stored"
        return StoredCopy(_png(picture.pixels), "image/png", own, note)
    alone = single_picture(data) if picture.media_type == "image/jpeg" else None
    if alone is not None:
        return StoredCopy(alone, "image/jpeg", own, "previews and appended pictures in the file were not stored")
    return StoredCopy(data, picture.media_type, own, "")


def _cover(pixels: Pixels, box: Box, own: Box, *, blurred: bool) -> None:
    """Paint over a face and what is close around it, except where that is the subject's own face."""
    grown = Box(
        box.x - _GROWN * box.width,
        box.y - _GROWN * box.height,
        (1 + 2 * _GROWN) * box.width,
        (1 + 2 * _GROWN) * box.height,
    )
    rows, columns = _slices(grown, pixels)
    if rows.start == rows.stop or columns.start == columns.stop:
        return
    mine = _slices(own, pixels)
    kept = pixels[mine].copy() if _apart(own, box) else None
    # One grey, or the mean of four by four parts: both lose everything that a template could be made of.
    pixels[rows, columns] = _coarse(pixels[rows, columns]) if blurred else 128
    if kept is not None:
        pixels[mine] = kept


def _coarse(part: Pixels) -> Pixels:
    small = cv2.resize(part, (4, 4), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (part.shape[1], part.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)


def _apart(own: Box, box: Box) -> bool:
    """Whether the two faces themselves do not overlap, so that giving back the one gives nothing of the other."""
    return (
        own.x + own.width <= box.x
        or box.x + box.width <= own.x
        or own.y + own.height <= box.y
        or box.y + box.height <= own.y
    )


def _slices(box: Box, pixels: Pixels) -> tuple[slice, slice]:
    height, width = pixels.shape[:2]
    rows = slice(min(max(int(box.y), 0), height), min(max(int(box.y + box.height) + 1, 0), height))
    return rows, slice(min(max(int(box.x), 0), width), min(max(int(box.x + box.width) + 1, 0), width))


def _png(pixels: Pixels) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def _jpeg(pixels: Pixels) -> bytes:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return out.getvalue()
