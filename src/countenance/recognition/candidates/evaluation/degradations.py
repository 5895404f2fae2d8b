"""Ways a photograph gets worse, each with its levels: what stands between a studio picture and a frame at night.

Rules kept here: a degradation changes pixels only, is the same for the same seed, and its unit is in its name.
Everything here is simulated on the user's own pictures, and the report says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from countenance.recognition.faces.face import Face
from countenance.terms import Pixels

Apply = Callable[[Pixels, Face, float, np.random.Generator], Pixels]


@dataclass(frozen=True, slots=True)
class Degradation:
    """``levels`` from mild to severe; ``apply`` takes the picture, the face in it, a level and a generator."""

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Apply


def as_is(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """The picture unchanged."""
    del face, level, rng
    return pixels


def shrink(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """Scale the whole picture so that the eyes are ``level`` pixels apart; never enlarges."""
    del rng
    eyes = float(np.linalg.norm(face.landmarks[0] - face.landmarks[1]))
    scale = min(1.0, level / max(eyes, 1e-6))
    size = max(8, round(pixels.shape[1] * scale)), max(8, round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def blur(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """Gaussian blur of standard deviation ``level`` percent of the distance between the eyes."""
    del rng
    sigma = max(0.3, level / 100 * float(np.linalg.norm(face.landmarks[0] - face.landmarks[1])))
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)


def noise(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """Normal noise of standard deviation ``level`` grey levels, on each channel."""
    del face
    return np.clip(pixels + rng.normal(0.0, level, pixels.shape), 0, 255).astype(np.uint8)


def compress(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """JPEG at quality ``level`` and back."""
    del face, rng
    _, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(level)])
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(back[:, :, ::-1])


def darken(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """``level`` percent of the light, with the noise that a sensor has in the dark (2 grey levels)."""
    del face
    return np.clip(pixels * (level / 100) + rng.normal(0.0, 2.0, pixels.shape), 0, 255).astype(np.uint8)


def rotate(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """Turn the picture in its plane by ``level`` degrees about the face, either way."""
    across, down = (float(v) for v in face.landmarks.mean(axis=0))
    matrix = cv2.getRotationMatrix2D((across, down), float(level if rng.random() < 0.5 else -level), 1.0)
    turned = cv2.warpAffine(pixels, matrix, (pixels.shape[1], pixels.shape[0]), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def hide(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """Cover ``level`` percent of the face's box with grey, from below (a mask, a scarf)."""
    del rng
    covered = pixels.copy()
    top = max(0, round(face.box.y + face.box.height * (1 - level / 100)))
    left, right = max(0, round(face.box.x)), max(0, round(face.box.x + face.box.width))
    covered[top : max(0, round(face.box.y + face.box.height)), left:right] = 128
    return covered


def grey(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """Remove ``level`` percent of the colour."""
    del face, rng
    flat = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None].astype(np.float32)
    return np.clip(pixels + (flat - pixels) * (level / 100), 0, 255).astype(np.uint8)


def frame(pixels: Pixels, face: Face, level: float, rng: np.random.Generator) -> Pixels:
    """One frame of a poor video, ``level`` pixels between the eyes: small, moving (blurred one way), JPEG 30."""
    small = shrink(pixels, face, level, rng)
    length = int(rng.integers(1, 4))
    kernel = np.zeros((3, 3), np.float32)
    kernel[1, :] = [0.0, 1.0, 0.0] if length == 1 else [1 / 3] * 3
    moved = np.asarray(cv2.filter2D(small, -1, kernel if rng.random() < 0.5 else kernel.T), np.uint8)
    return compress(noise(moved, face, 6.0, rng), face, 30.0, rng)


ALL = (
    Degradation("size", "pixels between the eyes", (32, 24, 16), shrink),
    Degradation("blur", "standard deviation in % of the distance between the eyes", (3, 6, 10), blur),
    Degradation("noise", "standard deviation in grey levels", (10, 20, 35), noise),
    Degradation("compression", "JPEG quality", (50, 20, 10), compress),
    Degradation("darkness", "% of the light", (50, 25, 10), darken),
    Degradation("rotation", "degrees in the picture's plane", (15, 30, 45), rotate),
    Degradation("cover", "% of the face's height hidden from below", (25, 40, 50), hide),
    Degradation("greyscale", "% of the colour removed", (100,), grey),
)
