"""The simulated gallery is what its description says, and the frames are the same in every run."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from countenance.cli.demo.frames import CAMERAS, CCTV, Camera, frame
from countenance.cli.demo.simulated import simulated_templates
from countenance.terms import Box

FACE = Box(40, 30, 40, 50)


def _drawn() -> Image.Image:
    """A picture of nobody: a gradient with an ellipse."""
    rows = np.linspace(40, 220, 120, dtype=np.uint8)
    picture = np.repeat(np.repeat(rows[:, None, None], 120, 1), 3, 2)
    picture[30:80, 40:80] = (220, 180, 150)
    return Image.fromarray(picture)


def test_simulated_templates_have_unit_length_and_the_stated_number() -> None:
    pieces = list(simulated_templates(25_000, 64, np.random.default_rng(1)))
    rows = np.concatenate(pieces)
    assert (rows.shape, rows.dtype) == ((25_000, 64), np.float32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_simulated_strangers_score_as_spread_as_the_description_says() -> None:
    rows = np.concatenate(list(simulated_templates(4_000, 128, np.random.default_rng(2))))
    scores = (rows[:2000] @ rows[2000:].T).ravel()
    assert abs(scores.mean()) < 0.002
    assert 1 / scores.var() == pytest.approx(106, rel=0.03)


def test_the_same_seed_draws_the_same_gallery_and_the_same_frame() -> None:
    one, two = (next(iter(simulated_templates(10, 128, np.random.default_rng(3)))) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert frame(_drawn(), FACE, CCTV, np.random.default_rng(4)) == frame(
        _drawn(), FACE, CCTV, np.random.default_rng(4)
    )


@pytest.mark.parametrize("camera", [*CAMERAS, CCTV], ids=lambda camera: camera.what.split(":")[0])
def test_every_camera_changes_the_picture(camera: Camera) -> None:
    neutral = Camera("nothing", jpeg_quality=camera.jpeg_quality)
    seen = [frame(_drawn(), FACE, each, np.random.default_rng(5)) for each in (neutral, camera)]
    assert seen[0] != seen[1]


def test_a_frame_has_the_size_light_and_cover_that_the_camera_states() -> None:
    small = Image.open(io.BytesIO(frame(_drawn(), FACE, Camera("", face_pixels=20), np.random.default_rng(6))))
    assert small.size == (60, 60)
    neutral, dark, hidden = (
        np.asarray(Image.open(io.BytesIO(frame(_drawn(), FACE, camera, np.random.default_rng(6)))), float)
        for camera in (Camera(""), Camera("", light=0.25), Camera("", hidden=0.5))
    )
    assert dark.mean() == pytest.approx(neutral.mean() / 4, rel=0.02)
    np.testing.assert_allclose(hidden[58:78, 42:78].mean((0, 1)), (52, 54, 60), atol=3)
    np.testing.assert_allclose(hidden[32:50, 42:78], neutral[32:50, 42:78], atol=8)
