"""The one EXIF field that is used: which way up the camera was held. Nothing else of EXIF is read or kept."""

from __future__ import annotations

from struct import error, unpack_from

import numpy as np

from countenance.terms import Pixels

_ORIENTATION = 0x0112
_SHORT = 3


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in an EXIF block that begins with its TIFF header (EXIF 2.32, 4.6.4).

    A block that is damaged, or says nothing of use, is 1: the picture is shown as it is stored.
    """
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (at,) = unpack_from(order + "I", exif, 4)
        (entries,) = unpack_from(order + "H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, count, value = unpack_from(order + "HHIH", exif, entry)
            if tag == _ORIENTATION:
                return int(value) if kind == _SHORT and count == 1 and 1 <= value <= 8 else 1
    except error:
        return 1
    return 1


def upright(pixels: Pixels, turned: int) -> Pixels:
    """``pixels`` as stored, turned and mirrored so that orientation ``turned`` (1 to 8) becomes 1."""
    if turned >= 5:
        pixels = pixels.transpose(1, 0, 2)
    # What is left for each orientation is to mirror rows, columns or both.
    if turned in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if turned in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
