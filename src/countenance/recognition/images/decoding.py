"""Checked bytes to upright RGB pixels: sniff, read the header, hold it against the limits, decode, turn.

Rules kept here: the decoders of Pillow and libheif are called by class, on bytes in memory, so neither Pillow's
registry of formats nor its module-wide limits, nor Python's warning filters, take part. Colour profiles are left
alone: samples are taken as sRGB. What is transparent is laid on white.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from struct import error as StructError  # noqa: N812 - a class, whatever the standard library calls it

import numpy as np
from PIL import Image
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import open_heif

from countenance.errors import ImageEmpty, ImageError, ImageMissing, ImageTooLarge, ImageTruncated
from countenance.recognition.images.exif import upright
from countenance.recognition.images.formats import Format, lying_name, sniff
from countenance.recognition.images.headers import Header, gif, jpeg, png, webp
from countenance.recognition.images.netpbm import netpbm, netpbm_pixels
from countenance.recognition.images.picture import Picture
from countenance.recognition.images.tiff import tiff
from countenance.settings import ImageLimits
from countenance.terms import Pixels

_HEADERS: dict[Format, Callable[[bytes], Header]] = {
    Format.JPEG: jpeg,
    Format.PNG: png,
    Format.WEBP: webp,
    Format.GIF: gif,
    Format.TIFF: tiff,
    Format.NETPBM: netpbm,
}
_INDIRECT = frozenset({Format.WEBP, Format.GIF, Format.TIFF})
_INDIRECT_PIXELS = 80_000_000
"""Pillow's own decoders of these warn, or refuse, above 89 million pixels (``Image.MAX_IMAGE_PIXELS``)."""

LARGE_PIXELS = 120_000_000
"""A photograph with more pixels is reduced as far as its hint allows: several of them must fit into memory."""


def read(path: Path, limits: ImageLimits, *, longest_side_hint: int | None = None) -> tuple[bytes, Picture]:
    """The bytes of a file and the picture in them. Raises what ``read_bytes`` and ``decode`` raise."""
    data = read_bytes(path, limits)
    return data, decode(data, limits, name=str(path), longest_side_hint=longest_side_hint)


def read_bytes(path: Path, limits: ImageLimits) -> bytes:
    """The bytes of a file, whatever they are.

    Raises ``ImageMissing`` when there is no such file, it is no file, or may not be read; ``ImageTooLarge``
    when it is longer than ``limits.size_bytes``, without reading it.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageMissing(f"{path} is not a file")
        _check_bytes(status.st_size, limits, str(path))
        with path.open("rb") as file:
            return file.read(limits.size_bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no such file"
        raise ImageMissing(f"{path} cannot be read: {reason}") from error


def decode(
    data: bytes,
    limits: ImageLimits,
    *,
    name: str = "image",
    longest_side_hint: int | None = None,
    most_reduction: int = 8,
) -> Picture:
    """The upright picture in ``data``, which may be anything at all.

    ``name`` is what messages call it, and the name whose ending is compared with the content.
    ``longest_side_hint`` allows a JPEG to be decoded at a half, a quarter or an eighth of its size, as long as
    its longest side keeps at least that many pixels; None decodes it whole. ``most_reduction`` is the smallest
    fraction allowed for one of up to ``LARGE_PIXELS``: 2 for a half.

    Raises ``ImageEmpty``, ``ImageFormatUnknown``, ``ImageTooLarge`` (before a pixel is decoded) and
    ``ImageTruncated`` (the data ends early or is damaged); nothing else.
    """
    if not data:
        raise ImageEmpty(f"{name} is empty")
    _check_bytes(len(data), limits, name)
    try:
        found = sniff(data)
        return _decoded(data, found, limits, name, longest_side_hint, most_reduction)
    except ImageError as error:
        raise type(error)(f"{name}: {error}") from error
    except (StructError, IndexError) as error:
        raise ImageTruncated(f"{name}: the file ends before the picture does") from error
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageTooLarge(f"{name}: the picture does not fit into memory") from error
    except Exception as error:
        # Decoders of damaged data raise whatever their authors did not think of; here it becomes one answer.
        raise ImageTruncated(f"{name}: the {found.title} data is incomplete or damaged") from error


def _decoded(data: bytes, found: Format, limits: ImageLimits, name: str, hint: int | None, most: int) -> Picture:
    notes = [note for note in (lying_name(name, found),) if note is not None]
    if found is Format.HEIC:
        heif = open_heif(BytesIO(data))
        width, height = heif.size
        header = Header(data, width, height, frames=len(heif), bits=int(heif.info["bit_depth"]))
        _check_size(header, found, limits)
        image: Image.Image = heif.to_pillow()
        if image.size != (header.width, header.height):
            raise ImageTruncated("the header and the picture differ in size")
        pixels = _rgb(image, notes)
    else:
        header = _HEADERS[found](data)
        _check_size(header, found, limits)
        if found is Format.NETPBM:
            pixels = netpbm_pixels(data)
        else:
            image = _opened(header, found, hint, most)
            image.load()
            pixels = _rgb(image, notes)
    if header.bits > 8:
        notes.append(f"{header.bits} bits a sample reduced to 8")
    if header.orientation != 1:
        notes.append(f"EXIF orientation {header.orientation} applied")
    if header.frames > 1:
        kind = "several pages" if found in {Format.TIFF, Format.HEIC} else "animated"
        notes.append(f"{kind}: only the first of {header.frames} frames is used")
    reduction = max(1, round(header.width / pixels.shape[1]))
    return Picture(upright(pixels, header.orientation), found.media_type, header.frames, tuple(notes), reduction)


def _check_bytes(size_bytes: int, limits: ImageLimits, name: str) -> None:
    if size_bytes > limits.size_bytes:
        raise ImageTooLarge(f"{name} has {size_bytes:,} bytes; at most {limits.size_bytes:,} are accepted")


def _check_size(header: Header, found: Format, limits: ImageLimits) -> None:
    width, height = header.width, header.height
    if width < 1 or height < 1:
        raise ImageTruncated("the header announces a picture without pixels")
    most = min(limits.pixels, _INDIRECT_PIXELS) if found in _INDIRECT else limits.pixels
    if width * height > most:
        raise ImageTooLarge(f"{width:,} x {height:,} pixels are announced; at most {most:,} pixels are accepted")
    if max(width, height) > limits.side_pixels:
        raise ImageTooLarge(
            f"{width:,} x {height:,} pixels are announced; a side may have at most {limits.side_pixels:,}"
        )


def _opened(header: Header, found: Format, hint: int | None, most: int) -> Image.Image:
    """Pillow's decoder on the cut-down bytes, which must see the size that was checked."""
    stream = BytesIO(header.drawing)
    image: Image.Image
    if found is Format.JPEG:
        image = JpegImageFile(stream)
    elif found is Format.PNG:
        image = PngImageFile(stream)
    elif found is Format.WEBP:
        image = WebPImageFile(stream)
    elif found is Format.GIF:
        image = GifImageFile(stream)
    else:
        image = TiffImageFile(stream)
    if image.size != (header.width, header.height):
        raise ImageTruncated("the header and the picture differ in size")
    if found is Format.JPEG and hint is not None:
        width, height = image.size
        most = most if width * height <= LARGE_PIXELS else 8
        for part in (8, 4, 2):
            if part <= most and max(width, height) // part >= hint:
                image.draft(None, (max(1, width // part), max(1, height // part)))
                break
    return image


def _rgb(image: Image.Image, notes: list[str]) -> Pixels:
    """Samples as (height, width, 3) uint8, whatever the colour mode, noting what was lost."""
    mode = image.mode
    if mode.startswith("I;16"):
        samples = np.asarray(image)
        return np.repeat((samples >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    if mode in {"I", "F"}:
        raise ImageTruncated("the samples are 32 bits wide, which no photograph needs")
    if image.has_transparency_data:
        notes.append("transparent parts are laid on white")
        clear = image if mode in {"RGBA", "RGBa"} else image.convert("RGBA")
        clear = clear.convert("RGBA") if clear.mode == "RGBa" else clear
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return np.array(Image.alpha_composite(white, clear).convert("RGB"), np.uint8)
    if mode == "CMYK":
        notes.append("CMYK inks turned into RGB without a colour profile")
    return np.array(image if mode == "RGB" else image.convert("RGB"), np.uint8)
