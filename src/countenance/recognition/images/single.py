"""A JPEG without the other pictures that it may carry.

Rules kept here: a preview (EXIF), further pictures (MPF, "motion photos") and whatever is appended after the end of
the picture are never looked at, so nobody knows who is in them; a preview often shows what was cropped away. What
draws the picture stays as it is, byte for byte, and so does the way up it was held.
"""

from __future__ import annotations

from struct import pack

from countenance.recognition.images.headers import jpeg

_START = b"\xff\xd8\xff"


def single_picture(data: bytes) -> bytes | None:
    """``data``, a JPEG that was decoded before, without further pictures; None when it carries none."""
    end = _end(data, _scan(data))
    if _START not in data[2:end] and not data[end:].strip(b"\x00\xff\r\n "):
        return None
    header = jpeg(data[:end])
    return header.drawing[:2] + _held(header.orientation) + header.drawing[2:]


def _scan(data: bytes) -> int:
    """Where the first scan begins: segments are passed over by their lengths, as in ``headers.jpeg``."""
    at = 2
    while data[at + 1] != 0xDA:
        if data[at] != 0xFF or data[at + 1] in (0xFF, 0x00, 0x01) or 0xD0 <= data[at + 1] <= 0xD8:
            at += 1
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def _end(data: bytes, at: int) -> int:
    """Just after the end-of-image marker behind the scan at ``at``; the end of the data when there is none."""
    while at + 1 < len(data):
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            break
        marker = data[at + 1]
        if marker == 0xD9:
            return at + 2
        if marker == 0xFF:
            at += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return len(data)


def _held(orientation: int) -> bytes:
    """An APP1 segment that says nothing but the orientation (EXIF 2.32, 4.6.4)."""
    if orientation == 1:
        return b""
    entry = pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    block = b"Exif\x00\x00II*\x00" + pack("<IH", 8, 1) + entry + pack("<I", 0)
    return b"\xff\xe1" + pack(">H", len(block) + 2) + block
