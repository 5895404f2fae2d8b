"""Bytes to checked pixels. What comes in is hostile until it has been decoded.

Rules kept here: a format is what its bytes say, never what the file is called. Size, sides and frames are read
from the header and held against the limits before anything is decoded. Only the parts of a file that draw the
picture reach a decoder: comments, colour profiles, previews and further frames are cut out first, so a bomb in
them never goes off. Whatever a decoder raises leaves here as an ``ImageError``, and no module-wide state of a
decoder is read or set, so threads may decode at the same time.
"""

from __future__ import annotations

from countenance.recognition.images.decoding import LARGE_PIXELS, decode, read, read_bytes
from countenance.recognition.images.picture import Picture

__all__ = ["LARGE_PIXELS", "Picture", "decode", "read", "read_bytes"]
