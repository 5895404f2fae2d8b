"""Picture files of every accepted format, made when they are imported. None shows a person."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pillow_heif
from PIL import Image


def scene(width: int = 64, height: int = 48) -> Image.Image:
    """Four plain corners, each of another colour, so that a turn or a swapped channel shows."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((30, 180, 40), (width // 2, 0, width, height // 2))
    image.paste((40, 50, 210), (0, height // 2, width // 2, height))
    image.paste((240, 230, 220), (width // 2, height // 2, width, height))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def heic(image: Image.Image, **options: object) -> bytes:
    stream = BytesIO()
    pillow_heif.from_pillow(image).save(stream, quality=90, **options)
    return stream.getvalue()


def noise(width: int, height: int) -> Image.Image:
    """Blocks of random colour: compresses badly, so that cutting the file cuts the picture."""
    blocks = np.random.default_rng(7).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)


MAKERS: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG": lambda image: saved(image, "JPEG", quality=95, subsampling=0),
    "progressive JPEG": lambda image: saved(image, "JPEG", quality=95, subsampling=0, progressive=True),
    "PNG": lambda image: saved(image, "PNG"),
    "WebP": lambda image: saved(image, "WEBP", quality=95),
    "lossless WebP": lambda image: saved(image, "WEBP", lossless=True),
    "HEIC": heic,
    "TIFF": lambda image: saved(image, "TIFF"),
    "TIFF, LZW": lambda image: saved(image, "TIFF", compression="tiff_lzw"),
    "TIFF, JPEG": lambda image: saved(image, "TIFF", compression="jpeg", quality=95),
    "GIF": lambda image: saved(image, "GIF"),
    "PPM": lambda image: saved(image, "PPM"),
}
FILES = {name: make(scene()) for name, make in MAKERS.items()}


MODES = {
    "grey JPEG": (saved(scene().convert("L"), "JPEG"), ()),
    "1 bit PNG": (saved(scene().convert("1"), "PNG"), ()),
    "palette PNG": (saved(scene().quantize(16), "PNG"), ()),
    "16 bit grey PNG": (
        saved(Image.fromarray(np.asarray(scene().convert("L"), np.uint16) * 257), "PNG"),
        ("16 bits a sample reduced to 8",),
    ),
    "16 bit grey TIFF": (
        saved(Image.fromarray(np.asarray(scene().convert("L"), np.uint16) * 257), "TIFF"),
        ("16 bits a sample reduced to 8",),
    ),
    "CMYK JPEG": (
        saved(scene().convert("CMYK"), "JPEG"),
        ("CMYK inks turned into RGB without a colour profile",),
    ),
    "CMYK TIFF": (
        saved(scene().convert("CMYK"), "TIFF"),
        ("CMYK inks turned into RGB without a colour profile",),
    ),
    "PGM": (saved(scene().convert("L"), "PPM"), ()),
    "16 bit PGM with a comment": (
        b"P5 # made here\n64 48 1023\n"
        + (np.asarray(scene().convert("L"), np.float64) * 1023 / 255).round().astype(">u2").tobytes(),
        ("10 bits a sample reduced to 8",),
    ),
}
