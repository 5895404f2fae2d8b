"""How small a face the detector finds in how large a photograph, and at what cost: the table of docs/models.md.

Run as ``python -m benchmarks.detection``. Heads without shoulders (the portrait of scikit-image and, where they
are, 20 photographs of AT&T/ORL) are scaled to a known face width and laid on a noisy background, apart from each
other. That is harder than photographs, in which a body says where to look; read it as a lower bound.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from countenance.recognition.faces.detect import Detector
from countenance.recognition.models.package import bundled_detector
from countenance.settings import cache_folder
from countenance.terms import Box, Pixels

ORL = Path(os.environ.get("COUNTENANCE_ORL") or Path(__file__).parents[2] / "shared" / "faces" / "orl")
CANVASES = (640, 1280, 2560, 4000, 8000)
WIDTHS = (12, 16, 20, 24, 30, 48, 80, 120, 200, 300, 450, 600)
GAP = 8


@dataclass(frozen=True)
class Head:
    """A picture of one head and where the face is in it."""

    pixels: Pixels
    face: Box

    def scaled(self, width: float) -> Head:
        """With a face ``width`` pixels wide."""
        scale = width / self.face.width
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        face = Box(*(value * scale for value in (self.face.x, self.face.y, self.face.width, self.face.height)))
        return Head(
            np.asarray(cv2.resize(self.pixels, None, fx=scale, fy=scale, interpolation=how), np.uint8), face
        )


def heads(detector: Detector) -> list[Head]:
    """The heads that are laid out."""
    portrait = data.astronaut()[:250, 110:320].copy()
    files = [ORL / f"s{person}" / "1.pgm" for person in range(1, 21)] if ORL.is_dir() else []
    pictures = [portrait, *(np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR_RGB), np.uint8) for file in files)]
    return [Head(picture, detector.detect(picture)[0].box) for picture in pictures]


def background(width: int, height: int, random: np.random.Generator) -> Pixels:
    coarse = random.integers(60, 180, (height // 64 + 2, width // 64 + 2, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + random.integers(-6, 7, smooth.shape, dtype=np.int16), 0, 255).astype(np.uint8)


def lay(canvas: Pixels, waiting: list[Head], random: np.random.Generator) -> tuple[Pixels, list[Box], list[Head]]:
    """As many of ``waiting`` as fit apart; the picture, their faces, and those that did not fit."""
    picture, places, faces, left_over = canvas.copy(), [], [], []
    height, width = canvas.shape[:2]
    for head in waiting:
        high, wide = head.pixels.shape[:2]
        for _ in range(60 if high <= height and wide <= width else 0):
            x, y = int(random.integers(0, width - wide + 1)), int(random.integers(0, height - high + 1))
            if all(
                x + wide + GAP < a or a + w + GAP < x or y + high + GAP < b or b + h + GAP < y
                for a, b, w, h in places
            ):
                picture[y : y + high, x : x + wide] = head.pixels
                places.append((x, y, wide, high))
                faces.append(Box(head.face.x + x, head.face.y + y, head.face.width, head.face.height))
                break
        else:
            left_over.append(head)
    return picture, faces, left_over


def alike(a: Box, b: Box) -> bool:
    """Whether two boxes share more than 0.4 of their union."""
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(wide, 0) * max(high, 0)
    return shared > 0.4 * (a.width * a.height + b.width * b.height - shared)


def measure(detector: Detector, everybody: list[Head], side: int, width: int) -> tuple[int, int, int, float]:
    """Faces found, faces there, finds that are no face, and milliseconds a photograph."""
    random = np.random.default_rng(side * 1000 + width)
    canvas = background(side, side * 3 // 4, random)
    waiting = [head.scaled(width) for head in everybody]
    found = there = false = 0
    times: list[float] = []
    for _ in range(5):
        picture, faces, waiting = lay(canvas, waiting, random)
        if not faces:
            break
        began = time.perf_counter()
        answers = [face.box for face in detector.detect(picture)]
        times.append(time.perf_counter() - began)
        hits = sum(any(alike(face, box) for box in answers) for face in faces)
        found, there, false = found + hits, there + len(faces), false + len(answers) - hits
    return found, there, false, 1000 * min(times, default=float("nan"))


def main() -> None:
    detector = Detector(bundled_detector(), cache_folder())
    everybody = heads(detector)
    print("| face width, pixels | " + " | ".join(f"{side} px" for side in CANVASES) + " |")
    print("|---|" + "---|" * len(CANVASES))
    costs: dict[int, list[float]] = {side: [] for side in CANVASES}
    false = 0
    for width in WIDTHS:
        cells = []
        for side in CANVASES:
            if 3 * width > side:
                cells.append("")
                continue
            found, there, wrong, cost = measure(detector, everybody, side, width)
            false += wrong
            costs[side].append(cost)
            cells.append(f"{found}/{there}")
        print(f"| {width} | " + " | ".join(cells) + " |", flush=True)
    print("| ms a photograph (median) | " + " | ".join(f"{np.median(costs[side]):.0f}" for side in CANVASES) + " |")
    print(f"\nFinds that were no face: {false}.")


if __name__ == "__main__":
    main()
