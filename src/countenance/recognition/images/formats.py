"""Which format the bytes are, by their first bytes alone; and the names of the formats that are refused."""

from __future__ import annotations

from enum import Enum
from pathlib import PurePath

from countenance.errors import ImageFormatUnknown


class Format(Enum):
    """An accepted format: its name, its media type and the endings that its files usually have."""

    JPEG = ("JPEG", "image/jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"))
    PNG = ("PNG", "image/png", (".png", ".apng"))
    WEBP = ("WebP", "image/webp", (".webp",))
    HEIC = ("HEIC", "image/heic", (".heic", ".heif", ".hif"))
    TIFF = ("TIFF", "image/tiff", (".tif", ".tiff"))
    GIF = ("GIF", "image/gif", (".gif",))
    NETPBM = ("netpbm picture", "image/x-portable-anymap", (".pgm", ".ppm", ".pnm"))

    def __init__(self, title: str, media_type: str, endings: tuple[str, ...]) -> None:
        self.title = title
        self.media_type = media_type
        self.endings = endings


_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx"})
_OTHER_ENDINGS = frozenset({".bmp", ".avif", ".svg", ".pdf", ".psd", ".jp2", ".jxl", ".ico", ".txt", ".html"})
_KNOWN_ENDINGS = _OTHER_ENDINGS.union(*(one.endings for one in Format))

_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"BM", "a BMP picture"),
    (b"II+\x00", "a BigTIFF"),
    (b"MM\x00+", "a BigTIFF"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"8BPS", "a Photoshop document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
)


def sniff(data: bytes) -> Format:
    """The format of ``data``. Raises ``ImageFormatUnknown``, which names what it is instead where that is plain."""
    start = data[:16]
    if start.startswith(b"\xff\xd8\xff"):
        return Format.JPEG
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return Format.PNG
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return Format.WEBP
    if start.startswith((b"II*\x00", b"MM\x00*")):
        return Format.TIFF
    if start.startswith((b"GIF87a", b"GIF89a")):
        return Format.GIF
    if start[:2] in {b"P5", b"P6"} and start[2:3].isspace():
        return Format.NETPBM
    if start[4:8] == b"ftyp":
        return _box_format(data)
    raise ImageFormatUnknown(f"the content is {_guess(data)}, not a photograph in an accepted format")


def _box_format(data: bytes) -> Format:
    """ISO/IEC 14496-12 4.3: major brand, minor version, then compatible brands up to the end of the box."""
    end = min(int.from_bytes(data[:4], "big"), 512, len(data))
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & {b"avif", b"avis"}:
        raise ImageFormatUnknown("the content is an AVIF picture, not a photograph in an accepted format")
    if brands & _HEIC_BRANDS:
        return Format.HEIC
    raise ImageFormatUnknown("the content is a video or another media file, not a photograph")


def _guess(data: bytes) -> str:
    for start, what in _REFUSED:
        if data.startswith(start):
            return what
    text = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page"
    if b"<svg" in text:
        return "an SVG drawing"
    if text and all(32 <= byte < 127 or byte in b"\t\n\r\f" for byte in text):
        return "text"
    return "unknown"


def lying_name(name: str, found: Format) -> str | None:
    """A note when the ending of ``name`` promises another picture format than the bytes are, else None."""
    ending = PurePath(name).suffix.lower()
    if ending in _KNOWN_ENDINGS and ending not in found.endings:
        return f"named {ending} but is a {found.title}"
    return None
