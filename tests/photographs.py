"""Photographs for tests, made when they are needed from the public-domain portrait that scikit-image ships."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps


@dataclass(frozen=True)
class Couple:
    """``data`` is a lossless photograph (PNG) of two faces, ``pixels`` what it shows."""

    data: bytes
    pixels: np.ndarray


@cache
def portrait() -> Image.Image:
    """Eileen Collins by NASA, public domain, cropped to head and shoulders, 320 x 320."""
    data = pytest.importorskip("skimage.data", reason="scikit-image, which ships the portrait, is not installed")
    return Image.fromarray(data.astronaut()).crop((60, 0, 380, 320))


@cache
def of_portrait() -> list[bytes]:
    """Six different photographs of the portrait, JPEG."""
    whole = portrait()
    made = [
        whole,
        whole.crop((10, 5, 310, 305)),
        ImageEnhance.Brightness(whole).enhance(0.9),
        ImageEnhance.Contrast(whole).enhance(0.9),
        whole.rotate(4, Image.Resampling.BICUBIC),
        whole.resize((400, 400), Image.Resampling.BICUBIC),
    ]
    return [jpeg(one) for one in made]


@cache
def of_two() -> Couple:
    """The face beside a smaller, mirrored copy of it, so near that a crop of one shows half of the other."""
    face = portrait().crop((70, 20, 250, 220))
    page = Image.new("RGB", (560, 340), (90, 100, 110))
    page.paste(face.resize((270, 300), Image.Resampling.BICUBIC), (20, 20))
    page.paste(ImageOps.mirror(face).resize((216, 240), Image.Resampling.BICUBIC), (235, 50))
    out = BytesIO()
    page.save(out, "PNG")
    return Couple(out.getvalue(), np.asarray(page))


def landscape() -> bytes:
    """A photograph without a face."""
    ramp = np.linspace(0, 255, 320, dtype=np.uint8)
    return jpeg(Image.fromarray(np.dstack([np.tile(ramp, (240, 1))] * 3)))


def jpeg(picture: Image.Image) -> bytes:
    """``picture`` as JPEG bytes."""
    out = BytesIO()
    picture.save(out, "JPEG", quality=95)
    return out.getvalue()


def taken_at(latitude: float, longitude: float) -> bytes:
    """A photograph (JPEG) whose metadata (EXIF) says where it was taken, in degrees."""
    exif = Image.Exif()
    sides = {1: "S" if latitude < 0 else "N", 3: "W" if longitude < 0 else "E"}
    exif[0x8825] = {**sides, 2: (abs(latitude), 0.0, 0.0), 4: (abs(longitude), 0.0, 0.0)}
    out = BytesIO()
    Image.new("RGB", (120, 120), (90, 100, 110)).save(out, "JPEG", exif=exif)
    return out.getvalue()
