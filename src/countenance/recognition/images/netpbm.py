"""Binary PGM (P5) and PPM (P6), the simplest of formats, read without a decoder. Plain-text variants are not.

Source: the format's own manual pages, netpbm project (``pgm``, ``ppm``). A file of several pictures is read up
to the end of its first.
"""

from __future__ import annotations

import re

import numpy as np

from countenance.errors import ImageTruncated
from countenance.recognition.images.headers import Header
from countenance.terms import Pixels

_GAP = rb"(?:\s|#[^\n]{0,999}\n){1,99}?"
_HEADER = re.compile(rb"P([56])" + (_GAP + rb"(\d{1,9})") * 3 + rb"\s")


def _parsed(data: bytes) -> tuple[re.Match[bytes], int, int, int]:
    match = _HEADER.match(data)
    if match is None or not 0 < int(match[4]) < 65536:
        raise ImageTruncated("the header is damaged")
    return match, int(match[2]), int(match[3]), int(match[4])


def netpbm(data: bytes) -> Header:
    """Width, height and bits a sample of a binary PGM or PPM."""
    _, width, height, largest = _parsed(data)
    return Header(data, width, height, bits=largest.bit_length() if largest > 255 else 8)


def netpbm_pixels(data: bytes) -> Pixels:
    """The samples as (height, width, 3) uint8, scaled so that the file's largest value becomes 255."""
    match, width, height, largest = _parsed(data)
    channels = 3 if match[1] == b"6" else 1
    kind = np.dtype(">u2") if largest > 255 else np.dtype(np.uint8)
    count = width * height * channels
    if match.end() + count * kind.itemsize > len(data):
        raise ImageTruncated("the file ends before the picture does")
    samples = np.frombuffer(data, kind, count, match.end())
    if largest != 255:
        scaled = np.minimum(samples, largest).astype(np.float32) * np.float32(255 / largest)
        samples = np.rint(scaled).astype(np.uint8)
    shaped = samples.reshape(height, width, channels)
    return np.array(np.broadcast_to(shaped, (height, width, 3)), np.uint8)
