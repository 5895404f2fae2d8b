"""Pictures of several people side by side, made from faces that the caller gives."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

CELL = (300, 440)
FACE = (184, 224)


def orl(folder: Path, person: int, number: int) -> Image.Image:
    """One photograph of the AT&T/ORL set."""
    return Image.open(folder / f"s{person}" / f"{number}.pgm").convert("RGB")


def group(faces: Sequence[Image.Image], *, kind: str = "JPEG", seed: int = 0) -> bytes:
    """A picture of these people side by side on a plain wall."""
    grain = np.random.default_rng(seed).integers(120, 136, (CELL[1], CELL[0] * len(faces), 1), dtype=np.uint8)
    page = Image.fromarray(np.repeat(grain, 3, axis=2))
    for place, face in enumerate(faces):
        page.paste(face.resize(FACE, Image.Resampling.BICUBIC), (place * CELL[0] + 58, 110))
    out = BytesIO()
    page.save(out, kind, quality=92)
    return out.getvalue()


def with_position(data: bytes, latitude: tuple[int, int, int], longitude: tuple[int, int, int]) -> bytes:
    """The same JPEG with an EXIF position, north and west."""
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: tuple(map(float, latitude)), 3: "W", 4: tuple(map(float, longitude))}
    exif[0x8769] = {0x9003: "2024:06:01 12:00:00", 0x9011: "+01:00"}
    out = BytesIO()
    Image.open(BytesIO(data)).save(out, "JPEG", quality=92, exif=exif)
    return out.getvalue()
