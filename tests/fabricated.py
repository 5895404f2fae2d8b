"""Pictures of people who do not exist: the public-domain portrait, bent differently for each of them.

A person is one smooth distortion of the portrait and one colour cast; a picture of a person is a little turned,
shifted, lit and noisy. Networks see faces, and tell these people apart about as well as relatives.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.photographs import portrait

SIDE = 224
BEND = 16.0
"""Largest displacement in pixels, about a third of the distance between the eyes."""


def picture(person: int, number: int) -> np.ndarray:
    """Picture ``number`` of ``person``, shape (224, 224, 3), uint8, BGR as OpenCV writes it."""
    whole = np.asarray(portrait().resize((SIDE, SIDE)))[:, :, ::-1].astype(np.float32)
    own = np.random.default_rng([7, person])
    grid = own.uniform(-BEND, BEND, (5, 5, 2)).astype(np.float32)
    bent = cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    across, down = np.meshgrid(np.arange(SIDE, dtype=np.float32), np.arange(SIDE, dtype=np.float32))
    face = cv2.remap(
        whole, across + bent[..., 0], down + bent[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    face *= own.uniform(0.6, 1.0, 3)
    shot = np.random.default_rng([8, person, number])
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), shot.uniform(-12, 12), shot.uniform(0.9, 1.05))
    turn[:, 2] += shot.uniform(-6, 6, 2)
    turned = cv2.warpAffine(face, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
    lit = turned * shot.uniform(0.7, 1.1) + shot.normal(0, 6, turned.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)


def write(folder: Path, people: int, pictures: int) -> Path:
    """Folders ``p00``, ``p01``... with pictures ``0.png``, ``1.png``... each; returns ``folder``."""
    for person in range(people):
        place = folder / f"p{person:02d}"
        place.mkdir(parents=True)
        for number in range(pictures):
            assert cv2.imwrite(str(place / f"{number}.png"), picture(person, number))
    return folder
