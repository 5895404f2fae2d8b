"""Clips for the clip benchmark, drawn when needed: people walk through a hall, and it is known who and where.

Rules kept here: nothing of a clip is committed. Faces are those of the AT&T/ORL photographs where they are at hand,
else of the two public-domain portraits that matplotlib and scikit-image ship; all else is drawn. Everything
follows from the seed.

What is drawn: a hall with a lamp that flickers, a plant that sways, a screen that changes, sensor noise; walkers
who enter and leave at the sides, come nearer and go away, stand, cross each other, turn their heads (another
photograph of the same person), lean, and are blurred along their way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

WIDTH, HEIGHT, RATE = 1920, 1080, 25
FACE_SHARE = 0.80
"""Width of the detector's box on an ORL photograph, as a share of the photograph's width."""


@dataclass(frozen=True)
class Scene:
    """A clip to draw. ``visits`` people walk through in ``seconds``; ``widths`` bounds their faces, in pixels."""

    name: str
    seconds: int
    visits: int
    widths: tuple[int, int] = (34, 190)
    light: float = 1.0
    noise: float = 3.0
    seed: int = 1


@dataclass(frozen=True)
class Visit:
    """One person's walk through a scene: where the face is at a time, in pixels; ``person`` is a number."""

    number: int
    person: int
    first_s: float
    last_s: float
    start: tuple[float, float]
    end: tuple[float, float]
    widths: tuple[float, float]
    sway: float
    pause: float
    shots: tuple[int, ...]

    def at(self, at_s: float) -> tuple[float, float, float] | None:
        """Centre and width of the face at a time; None before and after the visit."""
        if not self.first_s <= at_s < self.last_s:
            return None
        share = (at_s - self.first_s) / (self.last_s - self.first_s)
        # Somebody who stands still for a while in the middle covers the way in what is left of the time.
        moving = 1 - self.pause
        if share < moving / 2:
            way = share / moving
        elif share > 1 - moving / 2:
            way = 1 - (1 - share) / moving
        else:
            way = 0.5
        x = self.start[0] + (self.end[0] - self.start[0]) * way
        width = self.widths[0] * (self.widths[1] / self.widths[0]) ** way
        y = self.start[1] + (self.end[1] - self.start[1]) * way + width * self.sway * np.sin(9 * way * 2)
        return float(x), float(y), float(width)

    def box(self, at_s: float) -> tuple[float, float, float, float] | None:
        """The face's (x, y, width, height) at a time, if its centre is in the picture."""
        where = self.at(at_s)
        if where is None or not (0 <= where[0] < WIDTH and 0 <= where[1] < HEIGHT):
            return None
        x, y, width = where
        return x - width / 2, y - 0.62 * width, width, 1.24 * width


def visits_of(scene: Scene, people: int, shots: int) -> list[Visit]:
    """Who walks through a scene. Nobody is twice in the picture at the same time."""
    rng = np.random.default_rng(scene.seed)
    made: list[Visit] = []
    starts = np.sort(rng.uniform(0, scene.seconds - 3, scene.visits))
    for first in starts.tolist():
        small, large = sorted(np.exp(rng.uniform(*np.log(scene.widths), 2)).tolist())
        lasts = float(rng.choice([rng.uniform(1.2, 3), rng.uniform(3, 9)], p=[0.35, 0.65]))
        height = float(rng.uniform(0.18, 0.75)) * HEIGHT
        kind = rng.choice(["across", "nearer", "away", "turns"], p=[0.5, 0.25, 0.15, 0.1])
        left, right = (-large, height), (WIDTH + large, height + float(rng.uniform(-90, 90)))
        middle = (float(rng.uniform(0.2, 0.8)) * WIDTH, height)
        if kind == "across":
            start, end, widths = left, right, (small, min(large, small * 1.6))
        elif kind == "nearer":
            start, end, widths = middle, (float(rng.uniform(0.1, 0.9)) * WIDTH, HEIGHT + large), (small, large)
        elif kind == "away":
            start, end, widths = (float(rng.uniform(0.1, 0.9)) * WIDTH, HEIGHT + large), middle, (large, small)
        else:
            start, end, widths = left, middle, (small, large)
        if kind == "across" and rng.random() < 0.5:
            start, end = end, start
        last = min(first + lasts, float(scene.seconds))
        busy = {one.person for one in made if one.last_s + 4 > first}
        free = [person for person in range(people) if person not in busy]
        if not free:
            continue
        pause = float(rng.choice([0.0, 0.5], p=[0.75, 0.25])) if lasts > 3 else 0.0
        order = tuple(int(n) for n in rng.permutation(shots))
        made.append(Visit(len(made), int(rng.choice(free)), first, last, start, end, widths, 0.05, pause, order))
    return made


def frames(scene: Scene, visits: Sequence[Visit], faces: Sequence[Sequence[Picture]]) -> Iterator[Picture]:
    """The pictures of a scene. ``faces`` are each person's photographs, RGB."""
    rng = np.random.default_rng(scene.seed + 1000)
    hall = _hall(rng)
    grain = rng.normal(0, scene.noise, (HEIGHT + 64, WIDTH + 64, 1)).repeat(3, axis=2)
    lighter, darker = (np.clip(part, 0, 255).astype(np.uint8) for part in (grain, -grain))
    clothes = rng.integers(30, 200, (len(visits), 3))
    for number in range(scene.seconds * RATE):
        at_s = number / RATE
        page = hall.copy()
        _furniture(page, at_s, scene.seed)
        seen = [(where[2], visit, where) for visit in visits if (where := visit.at(at_s)) is not None]
        for width, visit, where in sorted(seen, key=lambda one: one[0]):
            before = visit.at(max(visit.first_s, at_s - 1 / RATE)) or where
            shot = faces[visit.person][visit.shots[int((at_s - visit.first_s) / 1.2) % len(visit.shots)]]
            moved = float(np.hypot(where[0] - before[0], where[1] - before[1]))
            _walker(page, shot, where, width, moved, at_s + visit.number, clothes[visit.number].tolist())
        dy, dx = (int(n) for n in rng.integers(0, 64, 2))
        light = scene.light * (1 + 0.02 * np.sin(at_s * 1.7))
        cut = np.s_[dy : dy + HEIGHT, dx : dx + WIDTH]
        page = cv2.subtract(cv2.add(cv2.convertScaleAbs(page, alpha=light), lighter[cut]), darker[cut])
        yield np.asarray(page, np.uint8)


def write(place: Path, pictures: Iterator[Picture]) -> None:
    """A clip as a camera writes it: H.264, a key frame every two seconds."""
    import av

    with av.open(str(place), "w") as out:
        stream: Any = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "23", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 0
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def people_of(folder: Path | None) -> tuple[list[list[Picture]], str]:
    """Each person's photographs, and where they are from."""
    if folder is not None and folder.is_dir():
        people = sorted(folder.glob("s*"), key=lambda one: int(one.name[1:]))
        return [
            [np.repeat(_read(one / f"{n}.pgm")[:, :, None], 3, axis=2) for n in range(1, 11)] for one in people
        ], "the 400 AT&T/ORL photographs of 40 people"
    return _shipped(), "the two public-domain portraits that matplotlib and scikit-image ship"


def _read(place: Path) -> Picture:
    return np.asarray(cv2.imread(str(place), cv2.IMREAD_GRAYSCALE), np.uint8)


def _shipped() -> list[list[Picture]]:
    import matplotlib.cbook
    from PIL import Image
    from skimage import data

    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"), np.uint8)
    return [[data.astronaut()[60:220, 160:290]], [hopper[40:250, 165:335]]]


def _hall(rng: np.random.Generator) -> Picture:
    down = np.linspace(150, 90, HEIGHT).astype(np.uint8)[:, None, None]
    page = np.broadcast_to(down, (HEIGHT, WIDTH, 3)).copy()
    for _ in range(40):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        w, h = (int(n) for n in rng.integers(40, 320, 2))
        colour = rng.uniform(60, 190, 3).tolist()
        cv2.rectangle(page, (x, y), (x + w, y + h), colour, -1 if rng.random() < 0.5 else 3)
    for x in range(0, WIDTH, 120):
        cv2.line(page, (x, HEIGHT), (WIDTH // 2 + (x - WIDTH // 2) // 3, HEIGHT // 2), (70, 70, 75), 2)
    return page


def _furniture(page: Picture, at_s: float, seed: int) -> None:
    """What moves in an empty hall: a plant that sways and a screen that changes every three seconds."""
    for leaf in range(7):
        lean = 14 * np.sin(at_s * 1.3 + leaf)
        cv2.line(page, (90, 1000), (int(40 + 20 * leaf + lean), 800 - 12 * (leaf % 3)), (60, 130, 60), 6)
    shade = (int(at_s / 3) * 53 + seed * 31) % 160
    cv2.rectangle(page, (1620, 90), (1840, 220), (shade, 200 - shade, 120), -1)


def _walker(
    page: Picture,
    shot: Picture,
    where: tuple[float, float, float],
    width: float,
    moved: float,
    phase: float,
    colour: list[int],
) -> None:
    x, y, _ = where
    crop_width = width / FACE_SHARE
    scale = crop_width / shot.shape[1]
    wide, high = max(8, round(crop_width)), max(8, round(shot.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    face = cv2.resize(shot, (wide, high), interpolation=how).astype(np.float32)
    mask = np.zeros((high, wide), np.float32)
    cv2.ellipse(mask, (wide // 2, high // 2), (round(wide * 0.47), round(high * 0.49)), 0, 0, 360, 1.0, -1)
    soft = max(3, wide // 12) | 1
    mask = cv2.GaussianBlur(mask, (soft, soft), 0)
    lean = cv2.getRotationMatrix2D((wide / 2, high / 2), 6 * np.sin(phase * 2.1), 1.0)
    face = cv2.warpAffine(face, lean, (wide, high), borderMode=cv2.BORDER_REPLICATE)
    smear = round(moved * 0.35)  # an exposure of a third of the frame's time
    if smear >= 2:
        face, mask = cv2.blur(face, (smear, 1)), cv2.blur(mask, (smear, 1))
    body = (int(x), int(y + high * 1.35)), (int(wide * 0.85), int(high * 0.95))
    cv2.ellipse(page, body[0], body[1], 0, 180, 360, colour, -1)
    if body[0][1] < page.shape[0]:
        left = (body[0][0] - body[1][0], body[0][1])
        cv2.rectangle(page, left, (body[0][0] + body[1][0], page.shape[0]), colour, -1)
    cv2.ellipse(page, (int(x), int(y)), (round(wide * 0.5), round(high * 0.53)), 0, 0, 360, (52, 44, 40), -1)
    left, top = round(x - wide / 2), round(y - high / 2)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(page.shape[1], left + wide), min(page.shape[0], top + high)
    if x0 < x1 and y0 < y1:
        cut = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        share = mask[cut][:, :, None]
        under = page[y0:y1, x0:x1]
        under[:] = np.clip(under * (1 - share) + face[cut] * share, 0, 255).astype(np.uint8)
