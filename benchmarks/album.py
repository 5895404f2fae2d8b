"""The album of ``benchmarks.imports``: composed 12-megapixel photographs of which it is known who stands where.

The public-domain portrait that scikit-image ships is the subject, people of the ORL set are the bystanders, from
100 pixels on, scikit-image's photographs are the background, with the noise of a sensor. Each photograph is written
many times with another comment in its file, so that no two files have the same bytes.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data

from benchmarks.pipeline import ORL

PLACE = Path(os.environ.get("COUNTENANCE_BENCHMARK_ALBUM") or Path(tempfile.gettempdir()) / "countenance-album")
WIDTH, HEIGHT = 4000, 3000
DISTINCT, PHOTOGRAPHS = 200, 20_000
_PORTRAIT = (320, 320)
_ORL_SIZE = (92, 112)


@dataclass(frozen=True)
class Pasted:
    """A portrait in a photograph: whose (person and shot of ORL, or the subject for None), and where."""

    who: tuple[int, int] | None
    left: int
    top: int
    width: int
    height: int

    def holds(self, x: float, y: float) -> bool:
        """Whether this point of the photograph is in the portrait."""
        return self.left <= x <= self.left + self.width and self.top <= y <= self.top + self.height


def _pasted(number: int, random: np.random.Generator) -> list[Pasted]:
    people: list[tuple[int, int] | None] = [None] if number % 3 else []
    for _ in range(int(random.integers(0, 3))):
        people.append((int(random.integers(1, 41)), int(random.integers(1, 11))))
    cell = WIDTH // max(1, len(people))
    found = []
    for place, who in enumerate(people):
        wide, high = _PORTRAIT if who is None else _ORL_SIZE
        side = int(np.exp(random.uniform(np.log(100), np.log(min(cell, 1_700)))))
        height = min(side * high // wide, HEIGHT)
        top = int(random.integers(0, HEIGHT - height + 1))
        found.append(Pasted(who, place * cell + int(random.integers(0, cell - side + 1)), top, side, height))
    return found


def pasted(number: int) -> list[Pasted]:
    """Who stands where in the photograph of this number."""
    return _pasted(number, np.random.default_rng(number))


def photograph(number: int) -> bytes:
    """One photograph: a background, the subject in two of three, strangers in some."""
    random = np.random.default_rng(number)
    scenes = (data.coffee, data.chelsea, data.rocket, data.retina, data.hubble_deep_field)
    scene = scenes[number % len(scenes)]()
    page = cv2.resize(scene, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    if number % 2:
        page = page[:, ::-1].copy()
    for one in _pasted(number, random):
        if one.who is None:
            person = data.astronaut()[0:320, 60:380]
        else:
            person = np.asarray(cv2.imread(str(ORL / f"s{one.who[0]}" / f"{one.who[1]}.pgm"), cv2.IMREAD_COLOR_RGB))
        size = one.width, one.width * person.shape[0] // person.shape[1]
        shown = cv2.resize(person, size, interpolation=cv2.INTER_CUBIC)[: one.height]
        page[one.top : one.top + one.height, one.left : one.left + one.width] = shown
    grain = random.normal(0, 4, (HEIGHT // 2, WIDTH // 2)).astype(np.float32)
    noise = cv2.resize(grain, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)[:, :, None]
    out = BytesIO()
    Image.fromarray(np.clip(page + noise, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=88)
    return out.getvalue()


def distinct() -> int:
    """How many photographs of the album that was made differ in more than a comment."""
    return int((PLACE / "distinct.txt").read_text().split()[0])


def prepare(count: int, different: int) -> None:
    """Write the album; what is there of it is not made again."""
    PLACE.mkdir(parents=True, exist_ok=True)
    mark = f"{min(different, count)} distinct, from 100 pixels\n"
    made = PLACE / "distinct.txt"
    if not made.exists() or made.read_text() != mark:
        for file in PLACE.glob("*.jpg"):
            file.unlink()
        made.write_text(mark)
    known: dict[int, bytes] = {}
    for number in range(count):
        if (PLACE / f"{number:06d}.jpg").exists():
            continue
        kind = number % min(different, count)
        if kind not in known:
            known[kind] = photograph(kind)
        whole = known[kind]
        comment = b"%012d" % number
        marked = whole[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + whole[2:]
        half = PLACE / "half.tmp"
        half.write_bytes(marked)
        half.rename(PLACE / f"{number:06d}.jpg")
