"""The demonstration's photographs, and what a camera under a ceiling would have made of them.

Rules kept here: no photograph is part of this project; both are public domain and come with installed packages.
Everything random is drawn from a generator that is passed in, so that every run shows the same frames.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from countenance.errors import ImageMissing
from countenance.terms import Box


@dataclass(frozen=True, slots=True)
class Portrait:
    """A photograph and whose it is."""

    person: str
    credit: str
    path: Path

    def open(self) -> Image.Image:
        """The photograph, RGB."""
        with Image.open(self.path) as picture:
            return picture.convert("RGB")


def astronaut() -> Portrait:
    """Eileen Collins, by NASA; public domain; shipped by scikit-image. Raises ImageMissing."""
    return Portrait(
        "the astronaut Eileen Collins",
        "NASA, public domain, as shipped by scikit-image",
        _shipped("skimage", "data/astronaut.png", "scikit-image"),
    )


def admiral() -> Portrait:
    """Grace Hopper, by the United States Navy; public domain; shipped by Matplotlib. Raises ImageMissing."""
    return Portrait(
        "Rear Admiral Grace Hopper",
        "United States Navy, public domain, as shipped by Matplotlib",
        _shipped("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", "matplotlib"),
    )


def _shipped(package: str, file: str, distribution: str) -> Path:
    # The package is located, not imported: only its file is wanted.
    found = find_spec(package)
    path = Path(found.origin).parent / file if found is not None and found.origin is not None else None
    if path is None or not path.is_file():
        raise ImageMissing(
            f"The demonstration's portrait is not there: it comes with {distribution}.",
            remedy="Install it with: pip install 'countenance[demo]'",
        )
    return path


@dataclass(frozen=True, slots=True)
class Camera:
    """What a frame does to a portrait. The neutral values change nothing."""

    what: str
    face_pixels: int | None = None
    """Width of the face in the frame, in pixels; None: as in the portrait."""
    light: float = 1.0
    """Factor on every sample: 0.25 is a dim corridor."""
    blur_pixels: float = 0.0
    """Standard deviation of a Gaussian, in pixels of the frame."""
    turn_degrees: float = 0.0
    """Rotation about the face's centre, counter-clockwise."""
    hidden: float = 0.0
    """Share of the face's height that is covered, from the chin upwards."""
    noise: float = 0.0
    """Standard deviation of the sensor's noise, in steps of 255."""
    jpeg_quality: int = 95


CAMERAS = (
    Camera("small: the face 32 pixels wide", face_pixels=32),
    Camera("dark: an eighth of the light, and noise", light=0.125, noise=2.0),
    Camera("blurred: out of focus", blur_pixels=2.5),
    Camera("rotated: the head at 30 degrees", turn_degrees=30.0),
    Camera("half hidden: everything below the eyes covered", hidden=0.5),
)
"""One thing at a time."""

CCTV = Camera(
    "all at once: small, dark, blurred, rotated, half hidden",
    face_pixels=56,
    light=0.35,
    blur_pixels=0.6,
    turn_degrees=8.0,
    hidden=0.45,
    noise=2.0,
    jpeg_quality=80,
)
"""What a camera under a ceiling makes of somebody with a raised collar."""

HOPELESS = replace(CCTV, what="all at once, and much worse", face_pixels=40, blur_pixels=1.2, turn_degrees=12.0)
"""Too little is left to tell anybody by: nobody should be named."""


def frame(portrait: Image.Image, face: Box, camera: Camera, rng: np.random.Generator) -> bytes:
    """``portrait``, whose face is at ``face``, as ``camera`` would see it: the bytes of a JPEG."""
    picture = portrait.copy()
    if camera.hidden > 0:
        top = face.y + face.height * (1 - camera.hidden)
        scarf = (face.x - face.width * 0.4, top, face.x + face.width * 1.4, face.y + face.height * 1.3)
        ImageDraw.Draw(picture).rectangle(scarf, fill=(52, 54, 60))
    if camera.turn_degrees != 0:
        centre = (face.x + face.width / 2, face.y + face.height / 2)
        picture = picture.rotate(
            camera.turn_degrees, Image.Resampling.BICUBIC, center=centre, fillcolor=(70, 70, 70)
        )
    if camera.face_pixels is not None:
        scale = camera.face_pixels / face.width
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    if camera.blur_pixels > 0:
        picture = picture.filter(ImageFilter.GaussianBlur(camera.blur_pixels))
    if camera.light != 1:
        picture = ImageEnhance.Brightness(picture).enhance(camera.light)
    if camera.noise > 0:
        samples = np.asarray(picture, np.float32)
        samples = samples + rng.normal(0, camera.noise, samples.shape).astype(np.float32)
        picture = Image.fromarray(np.clip(np.rint(samples), 0, 255).astype(np.uint8))
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=camera.jpeg_quality)
    return written.getvalue()
