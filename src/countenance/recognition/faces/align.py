"""A face brought to the place, size and angle that every template model was taught on.

Rules kept here: only rotation, uniform scale and shift, never a change of a face's proportions; and a large
face is smoothed before it is made small, since samples that are merely skipped turn into false texture.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from countenance.recognition.faces.face import Landmarks
from countenance.terms import Pixels

CHIP_SIDE = 112
"""Width and height in pixels of an aligned face."""

ARCFACE_TEMPLATE: Landmarks = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float32,
)
"""Where the five landmarks lie in an aligned face, in pixels. Deng et al., ArcFace (CVPR 2019), reference code."""

_SHRINK_LIMIT = 0.5
"""Below this scale bilinear sampling skips samples, so the picture is averaged down first."""

_NEARBY = (
    (0.0, 1.0, 2, 0),
    (0.0, 1.0, -2, 0),
    (0.0, 1.0, 0, 2),
    (0.0, 1.0, 0, -2),
    (0.0, 1.04, 0, 0),
    (0.0, 0.96, 0, 0),
    (4.0, 1.0, 0, 0),
    (-4.0, 1.0, 0, 0),
)
"""Degrees, scale, and shift in pixels: about as far as landmarks are off now and then."""

Transform = npt.NDArray[np.float64]
"""Shape (2, 3): the linear part and, in the last column, the shift, in pixels."""


def similarity(source: Landmarks, target: Landmarks = ARCFACE_TEMPLATE) -> Transform:
    """The rotation, scale and shift that bring ``source`` closest to ``target``, in the least-squares sense.

    In two dimensions Umeyama's problem (IEEE PAMI 13(4), 1991) has a closed form: with points as complex
    numbers about their means, the factor is ``<source, target> / <source, source>``. It can never mirror.
    Landmarks that coincide say nothing of size and angle; then the face is only shifted.
    """
    points = source.astype(np.float64)
    goals = target.astype(np.float64)
    centre, goal = points.mean(axis=0), goals.mean(axis=0)
    here = (points - centre) @ np.array([1, 1j])
    there = (goals - goal) @ np.array([1, 1j])
    spread = float(np.sum(np.abs(here) ** 2))
    factor = complex(np.sum(np.conj(here) * there)) / spread if spread > 1e-6 else 1 + 0j
    if abs(factor) < 1e-6 or not np.isfinite(abs(factor)):
        factor = 1 + 0j
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([linear, goal - linear @ centre])


def align(pixels: Pixels, landmarks: Landmarks) -> Pixels:
    """The aligned face, shape (112, 112, 3) uint8 RGB; outside the picture it is black.

    ``landmarks`` has shape (5, 2) in pixels of ``pixels`` (shape (h, w, 3), uint8, RGB). Landmarks that are
    not finite give a black face.
    """
    if not np.all(np.isfinite(landmarks)):
        return np.zeros((CHIP_SIDE, CHIP_SIDE, 3), np.uint8)
    transform = similarity(landmarks)
    scale = float(np.hypot(transform[0, 0], transform[1, 0]))
    if scale < _SHRINK_LIMIT:
        pixels, transform = _shrunk(pixels, transform, scale)
    chip = cv2.warpAffine(
        pixels, transform, (CHIP_SIDE, CHIP_SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return np.asarray(chip, np.uint8)


def nearby(chip: Pixels) -> npt.NDArray[np.uint8]:
    """Eight copies of an aligned face, slightly moved, scaled or turned, shape (8, 112, 112, 3) uint8."""
    copies = []
    for degrees, scale, right, down in _NEARBY:
        transform = cv2.getRotationMatrix2D(((CHIP_SIDE - 1) / 2, (CHIP_SIDE - 1) / 2), degrees, scale)
        transform[:, 2] += (right, down)
        moved = cv2.warpAffine(
            chip, transform, (CHIP_SIDE, CHIP_SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        copies.append(np.asarray(moved, np.uint8))
    return np.stack(copies)


def _shrunk(pixels: Pixels, transform: Transform, scale: float) -> tuple[Pixels, Transform]:
    """What the chip shows of the picture, averaged down by a whole number, and the transform from there."""
    height, width = pixels.shape[:2]
    inverse = cv2.invertAffineTransform(transform)
    corners = np.array([[0, 0], [CHIP_SIDE, 0], [0, CHIP_SIDE], [CHIP_SIDE, CHIP_SIDE]], np.float64)
    seen = corners @ inverse[:, :2].T + inverse[:, 2]
    step = int(1 / scale)
    left, top = (max(0, int(value) - step) for value in np.floor(seen.min(axis=0)))
    right = min(width, int(np.ceil(seen[:, 0].max())) + step)
    bottom = min(height, int(np.ceil(seen[:, 1].max())) + step)
    if right - left < step or bottom - top < step:  # nothing of the face is in the picture
        return pixels, transform
    # Only whole blocks of step x step are averaged, so that the scale is exactly 1 / step on both axes.
    right -= (right - left) % step
    bottom -= (bottom - top) % step
    part = cv2.resize(
        pixels[top:bottom, left:right],
        ((right - left) // step, (bottom - top) // step),
        interpolation=cv2.INTER_AREA,
    )
    # Sample centres: sample i of the part lies at left + step * i + (step - 1) / 2 in the picture.
    back = np.array([[step, 0, left + (step - 1) / 2], [0, step, top + (step - 1) / 2], [0, 0, 1]])
    return np.asarray(part, np.uint8), transform @ back
