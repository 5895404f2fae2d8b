"""How many parts of a perceptual hash near copies share, and how many different photographs do.

Run alone: ``python -m benchmarks.likeness FOLDER``, with a folder of photographs of several people, one folder each
(COUNTENANCE_ORL names it otherwise). Prints, for every number of equal parts, the share of near copies of each kind
that reach it and the pairs of different photographs that do: the table of docs/adr/0013-suppression.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from countenance.recognition.gallery.likeness import PARTS, parts

Change = Callable[[Image.Image], Image.Image]


def recompressed(quality: int) -> Change:
    """Saved as JPEG and read again."""

    def change(image: Image.Image) -> Image.Image:
        out = BytesIO()
        image.save(out, "JPEG", quality=quality)
        return Image.open(BytesIO(out.getvalue())).convert("RGB")

    return change


def resized(factor: float) -> Change:
    """Smaller or larger."""
    return lambda image: image.resize(
        (round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC
    )


def cropped(share: float) -> Change:
    """``share`` of every side cut away."""

    def change(image: Image.Image) -> Image.Image:
        x, y = round(image.width * share), round(image.height * share)
        return image.crop((x, y, image.width - x, image.height - y))

    return change


CHANGES: dict[str, Change] = {
    "JPEG 75": recompressed(75),
    "JPEG 40": recompressed(40),
    "half size": resized(0.5),
    "twice the size": resized(2.0),
    "half size, JPEG 60": lambda image: recompressed(60)(resized(0.5)(image)),
    "brighter by 20 %": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "less contrast, 20 %": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "1 % cropped": cropped(0.01),
    "3 % cropped": cropped(0.03),
    "5 % cropped": cropped(0.05),
}


def main() -> None:
    """Print the table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["COUNTENANCE_ORL"])
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".pgm", ".jpg", ".png"})
    images = [Image.open(path).convert("RGB") for path in files]
    hashes = np.array([parts(np.asarray(image)) for image in images])
    same: dict[bool, list[int]] = {True: [], False: []}
    for a, b in combinations(range(len(files)), 2):
        same[files[a].parent == files[b].parent].append(int((hashes[a] == hashes[b]).sum()))
    print(f"{len(files)} photographs, {len(same[True]):,} pairs of one person, {len(same[False]):,} of two")
    copies = {
        name: np.array(
            [(parts(np.asarray(change(image))) == one).sum() for image, one in zip(images, hashes, strict=True)]
        )
        for name, change in CHANGES.items()
    }
    print(f"{'equal parts at least':<24}" + "".join(f"{n:>8}" for n in range(1, PARTS + 1)))
    for name, counts in copies.items():
        print(f"{name:<24}" + "".join(f"{(counts >= n).mean():>8.3f}" for n in range(1, PARTS + 1)))
    for one, name in ((True, "other photo, one person"), (False, "other photo, two people")):
        counted = np.array(same[one])
        print(f"{name:<24}" + "".join(f"{int((counted >= n).sum()):>8}" for n in range(1, PARTS + 1)))


if __name__ == "__main__":
    main()
