"""What alignment promises: the same place, size and angle for every face, and no false texture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from countenance.recognition.faces.align import ARCFACE_TEMPLATE, CHIP_SIDE, align, similarity
from countenance.terms import Pixels


def smooth_picture(side: int, seed: int = 0) -> Pixels:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)


def moved(scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (ARCFACE_TEMPLATE @ turn.T + shift).astype(np.float32)


def test_a_face_already_in_place_is_copied_unchanged() -> None:
    picture = smooth_picture(CHIP_SIDE)
    assert np.array_equal(align(picture, ARCFACE_TEMPLATE), picture)


@pytest.mark.parametrize("scale", [0.2, 1.0, 7.5], ids=["small", "as large", "large"])
@pytest.mark.parametrize("degrees", [0.0, 30.0, -90.0, 180.0], ids=lambda angle: f"turned by {angle:.0f}")
def test_a_turned_scaled_and_shifted_face_comes_back_to_the_template(scale: float, degrees: float) -> None:
    landmarks = moved(scale, degrees, (400.0, 250.0))
    transform = similarity(landmarks)
    back = landmarks @ transform[:, :2].T + transform[:, 2]
    assert np.allclose(back, ARCFACE_TEMPLATE, atol=1e-3)


def test_noisy_landmarks_give_the_least_squares_similarity() -> None:
    landmarks = moved(2.0, 10.0, (50.0, 60.0)) + np.random.default_rng(3).normal(0, 3, (5, 2)).astype(np.float32)
    # The same problem as a linear system in (a, b, shift x, shift y), solved by numpy.
    rows = [[x, -y, 1, 0] for x, y in landmarks] + [[y, x, 0, 1] for x, y in landmarks]
    goals = np.concatenate([ARCFACE_TEMPLATE[:, 0], ARCFACE_TEMPLATE[:, 1]])
    a, b, right, down = np.linalg.lstsq(np.array(rows, np.float64), goals, rcond=None)[0]
    assert np.allclose(similarity(landmarks), [[a, -b, right], [b, a, down]], atol=1e-4)


def test_a_mirrored_face_is_never_mirrored_back() -> None:
    mirrored = ARCFACE_TEMPLATE * np.array([-1, 1], np.float32)
    assert np.linalg.det(similarity(mirrored)[:, :2]) > 0


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((5, 2), 20.0, np.float32),
        np.full((5, 2), np.nan, np.float32),
        np.full((5, 2), np.inf, np.float32),
        np.array([[0, 0], [0, 0], [0, 0], [0, 0], [1e-5, 0]], np.float32),
        np.array([[-1e6, -1e6], [1e6, -1e6], [0, 0], [-1e6, 1e6], [1e6, 1e6]], np.float32),
        ARCFACE_TEMPLATE + np.float32(1e5),
        ARCFACE_TEMPLATE * np.float32(5) - np.float32(5000),
    ],
    ids=["one point", "not a number", "infinite", "almost one point", "far larger", "far outside", "large outside"],
)
def test_landmarks_that_make_no_sense_still_give_a_chip(landmarks: np.ndarray) -> None:
    chip = align(smooth_picture(64), landmarks)
    assert chip.shape == (CHIP_SIDE, CHIP_SIDE, 3)
    assert chip.dtype == np.uint8


@pytest.mark.parametrize("factor", [3, 8, 20])
def test_a_very_large_face_gives_the_chip_of_its_average_not_of_skipped_samples(factor: int) -> None:
    small = smooth_picture(CHIP_SIDE, seed=1)
    large = np.kron(small, np.ones((factor, factor, 1), np.uint8))
    texture = np.random.default_rng(2).integers(-40, 41, large.shape[:2])[:, :, None]
    noisy = np.clip(large.astype(int) + texture, 0, 255).astype(np.uint8)
    landmarks = (ARCFACE_TEMPLATE + 0.5) * factor - 0.5
    chip = align(noisy, landmarks.astype(np.float32))
    averaged = noisy.reshape(CHIP_SIDE, factor, CHIP_SIDE, factor, 3).mean(axis=(1, 3))
    assert np.abs(chip[2:-2, 2:-2] - averaged[2:-2, 2:-2]).mean() < 1.5
