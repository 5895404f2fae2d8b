"""Reads what a JPEG, PNG, WebP or GIF file announces, and cuts out everything that does not draw it.

Rules kept here: nothing is decompressed and nothing is believed beyond the end of the bytes. A walk ends by
itself on any input, in time proportional to the number of bytes. ``struct.error`` and ``IndexError`` mean that
the bytes ended too early; the caller translates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import unpack_from

from countenance.errors import ImageTooLarge, ImageTruncated
from countenance.recognition.images.exif import orientation


@dataclass(frozen=True, slots=True)
class Header:
    """What a file announces. ``drawing`` are the bytes for the decoder, without metadata and further frames.

    ``width`` and ``height`` are in pixels as stored, before ``orientation`` (1 to 8, EXIF 2.32 tag 0x0112).
    ``bits`` are the bits of one sample.
    """

    drawing: bytes
    width: int
    height: int
    frames: int = 1
    orientation: int = 1
    bits: int = 8


_JPEG_BARE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
"""Markers without a length: TEM, SOI and the restart markers (ITU-T T.81, table B.1)."""

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_DRAWING = _JPEG_FRAMES | {0xC4, 0xCC, 0xDB, 0xDD, 0xE0, 0xEE}
"""Kept: frames, Huffman and arithmetic tables, quantisation, restart interval, and the JFIF and Adobe markers,
which say how the colours are stored."""

_JPEG_SCANS = 500
"""Each scan of a progressive file is a pass over all pixels; the bound that libjpeg-turbo's own fuzzers use."""


def jpeg(data: bytes) -> Header:
    """The header of a JPEG (ITU-T T.81, annex B)."""
    view = memoryview(data)
    kept: list[memoryview | bytes] = [b"\xff\xd8"]
    at, turned, size = 2, 1, None
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise ImageTruncated("the file ends before the picture begins")
        marker = data[at + 1]
        if marker in _JPEG_BARE or marker == 0:
            at += 2
        elif marker == 0xFF:
            at += 1
        elif marker == 0xD9:
            raise ImageTruncated("the file ends before the picture begins")
        elif marker == 0xDA:
            break
        else:
            (length,) = unpack_from(">H", data, at + 2)
            segment = view[at : at + 2 + length]
            if length < 2 or len(segment) != 2 + length:
                raise ImageTruncated("the file ends in the middle of its header")
            if marker in _JPEG_FRAMES:
                if size is not None:
                    raise ImageTruncated("the header describes two pictures at once")
                bits, height, width = unpack_from(">BHH", segment, 4)
                size = width, height, bits
            if marker == 0xE1 and turned == 1 and data[at + 4 : at + 10] == b"Exif\x00\x00":
                turned = orientation(bytes(segment[10:]))
            if marker in _JPEG_DRAWING:
                kept.append(segment)
            at += 2 + length
    if size is None:
        raise ImageTruncated("the header does not describe a picture")
    if data.count(b"\xff\xda", at) > _JPEG_SCANS:
        raise ImageTooLarge(f"the picture is drawn in more than {_JPEG_SCANS} passes")
    kept.append(view[at:])
    return Header(b"".join(kept), size[0], size[1], orientation=turned, bits=size[2])


_PNG_DRAWING = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_CHUNKS = 200_000
"""A 100 MiB photograph in the usual 8 KiB pieces has 13,000."""


def png(data: bytes) -> Header:
    """The header of a PNG (W3C PNG, third edition, 5.3). Of an animation the default picture is kept."""
    view = memoryview(data)
    kept: list[memoryview | bytes] = [view[:8]]
    at, turned, frames, drawn = 8, 1, 1, False
    width, height, bits = unpack_from(">IIB", data, 16)
    if data[8:16] != b"\x00\x00\x00\x0dIHDR":
        raise ImageTruncated("the file does not begin with its header")
    for _ in range(_PNG_CHUNKS):
        length, kind = unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if kind in _PNG_DRAWING:
            kept.append(view[at:end])
            drawn = drawn or kind == b"IDAT"
        elif kind == b"eXIf":
            turned = orientation(data[at + 8 : end - 4])
        elif kind == b"acTL" and length == 8:
            frames = max(1, unpack_from(">I", data, at + 8)[0])
        if kind == b"IEND" and drawn:
            return Header(b"".join(kept), width, height, frames, turned, bits)
        at = end
    raise ImageTruncated("the file ends before the picture does")


def webp(data: bytes) -> Header:
    """The header of a WebP (RFC 9649, 2.3 to 2.7)."""
    (size,) = unpack_from("<I", data, 4)
    end = size + 8
    if end > len(data):
        raise ImageTruncated("the file ends before the picture does")
    at, turned, frames, canvas = 12, 1, 0, None
    while at + 8 <= end:
        kind, length = unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + min(length, 10)]
        if kind == b"VP8X":
            canvas = 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        elif kind == b"VP8 " and canvas is None:
            width, height = unpack_from("<HH", body, 6)
            canvas = width & 0x3FFF, height & 0x3FFF
        elif kind == b"VP8L" and canvas is None:
            (packed,) = unpack_from("<I", body, 1)
            canvas = 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
        elif kind == b"ANMF":
            frames += 1
        elif kind == b"EXIF":
            turned = orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\x00\x00"))
        at += 8 + length + (length & 1)
    if canvas is None:
        raise ImageTruncated("the header does not describe a picture")
    return Header(data[:end], canvas[0], canvas[1], max(1, frames), turned)


def gif(data: bytes) -> Header:
    """The header of a GIF (GIF89a specification, 17 to 26), its frames counted and all but the first cut out."""
    width, height, flags = unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    screen, control, first, frames = data[:at], b"", b"", 0
    while data[at] != 0x3B:
        if data[at] == 0x21:
            end = _gif_blocks(data, at + 2)
            if data[at + 1] == 0xF9 and frames == 0:
                control = data[at:end]
        elif data[at] == 0x2C:
            left, top, wide, high, local = unpack_from("<HHHHB", data, at + 1)
            end = _gif_blocks(data, at + 11 + (3 << (local & 7) + 1 if local & 0x80 else 0))
            if frames == 0:
                first = data[at:end]
                width, height = max(width, left + wide), max(height, top + high)
            frames += 1
        else:
            raise ImageTruncated("the file is damaged between its pictures")
        at = end
    if frames == 0:
        raise ImageTruncated("the file holds no picture")
    return Header(b"".join((screen, control, first, b";")), width, height, frames)


def _gif_blocks(data: bytes, at: int) -> int:
    """Where a chain of data blocks ends: each begins with its length, a length of 0 is the last."""
    while data[at]:
        at += data[at] + 1
    return at + 1
