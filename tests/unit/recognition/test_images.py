"""Bytes become checked pixels, or one of our errors. Every file is made here; none shows a person."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from picture_files import FILES, MAKERS, MODES, heic, noise, saved, scene
from PIL import Image, ImageFile

from countenance.errors import (
    ImageEmpty,
    ImageFormatUnknown,
    ImageMissing,
    ImageTooLarge,
    ImageTruncated,
)
from countenance.recognition.images import Picture, decode, decoding, read
from countenance.settings import ImageLimits
from countenance.terms import Pixels

LIMITS = ImageLimits()


def corners(pixels: Pixels) -> Pixels:
    """The colours of the middle of each quarter: top left, top right, bottom left, bottom right."""
    height, width = pixels.shape[:2]
    rows, columns = [height // 4, 3 * height // 4], [width // 4, 3 * width // 4]
    return pixels[np.ix_(rows, columns)].reshape(4, 3)


def assert_upright_scene(picture: Picture, tolerance: int = 24) -> None:
    expected = corners(np.asarray(scene()))
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert np.abs(corners(picture.pixels).astype(int) - expected.astype(int)).max() <= tolerance


@pytest.mark.parametrize("name", FILES)
def test_every_accepted_format_gives_upright_rgb(name: str) -> None:
    picture = decode(FILES[name], LIMITS)
    assert picture.pixels.shape == (48, 64, 3)
    assert (picture.frames, picture.notes, picture.reduction) == (1, (), 1)
    assert_upright_scene(picture)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WebP", "image/webp"), ("HEIC", "image/heic")],
)
def test_media_type_is_that_of_the_bytes_and_a_lying_name_is_noted(name: str, media_type: str) -> None:
    picture = decode(FILES[name], LIMITS, name="holiday.bmp")
    assert picture.media_type == media_type
    assert picture.notes == (f"named .bmp but is a {name}",)


UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # stored a quarter turn anticlockwise; the reader turns it clockwise
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIC"])
def test_orientation_is_applied_exactly_once(kind: str, turned: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turned
    stored = scene().transpose(UNDO[turned]) if turned != 1 else scene()
    data = heic(stored, exif=exif.tobytes()) if kind == "HEIC" else saved(stored, kind, exif=exif)
    picture = decode(data, LIMITS)
    assert picture.pixels.shape == (48, 64, 3)
    assert_upright_scene(picture)
    # HEIC states the turn in its container, where the decoder of HEIC has already followed it.
    assert picture.notes == (() if turned == 1 or kind == "HEIC" else (f"EXIF orientation {turned} applied",))


@pytest.mark.parametrize("name", MODES)
def test_every_colour_mode_becomes_rgb(name: str) -> None:
    data, notes = MODES[name]
    picture = decode(data, LIMITS)
    assert picture.notes == notes
    grey = picture.pixels.mean(axis=2)
    expected = np.asarray(scene().convert("L"), np.float64)
    # A palette or one bit may be anywhere near; what counts is that light stays light and dark stays dark.
    assert grey.shape == expected.shape
    assert np.corrcoef(grey.ravel(), expected.ravel())[0, 1] > (0.5 if name == "1 bit PNG" else 0.9)
    if "16 bit" in name or name == "PGM":
        assert np.abs(grey - expected).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "palette PNG", "GIF", "HEIC"])
def test_transparent_parts_are_laid_on_white(kind: str) -> None:
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 32, 24))
    if kind == "palette PNG":
        data = saved(image.quantize(32), "PNG")
    else:
        data = heic(image) if kind == "HEIC" else saved(image, kind)
    picture = decode(data, LIMITS)
    assert picture.pixels[12, 16].min() >= 250
    assert "transparent parts are laid on white" in picture.notes


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animated_file_uses_its_first_frame_and_says_so(kind: str) -> None:
    others = [Image.new("RGB", (64, 48), (10 * n, 0, 0)) for n in range(4)]
    picture = decode(saved(scene(), kind, save_all=True, append_images=others), LIMITS)
    assert picture.frames == 5
    assert any(note.endswith("only the first of 5 frames is used") for note in picture.notes)
    assert_upright_scene(picture)


def test_gif_whose_frame_reaches_beyond_its_screen_is_drawn_whole() -> None:
    data = FILES["GIF"]
    assert_upright_scene(decode(data[:6] + b"\x01\x00\x01\x00" + data[10:], LIMITS))


def test_scaled_decoding_keeps_at_least_the_hinted_side() -> None:
    data = saved(noise(1200, 800), "JPEG")
    sides = {hint: decode(data, LIMITS, longest_side_hint=hint) for hint in (1, 150, 151, 300, 640, 1200, 5000)}
    assert {hint: (one.width, one.reduction) for hint, one in sides.items()} == {
        1: (150, 8), 150: (150, 8), 151: (300, 4), 300: (300, 4), 640: (1200, 1), 1200: (1200, 1), 5000: (1200, 1),
    }  # fmt: skip
    assert decode(data, LIMITS).width == 1200
    assert decode(data, LIMITS, longest_side_hint=1, most_reduction=2).reduction == 2


def test_a_photograph_too_large_for_memory_is_reduced_further_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGE_PIXELS", 1200 * 800 - 1)
    data = saved(noise(1200, 800), "JPEG")
    assert decode(data, LIMITS, longest_side_hint=150, most_reduction=2).reduction == 8


REFUSED = {
    "text renamed .jpg": (b"not a photograph at all\n", "text"),
    "SVG": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    "HTML": (b"\n<!DOCTYPE html><html></html>", "a web page"),
    "PDF": (b"%PDF-1.7\n", "a PDF document"),
    "BMP": (saved(scene(), "BMP"), "a BMP picture"),
    "AVIF": (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf", "an AVIF picture"),
    "video": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41", "a video"),
    "plain-text PGM": (b"P2\n1 1\n255\n7\n", "text"),
    "noise": (bytes(range(128, 256)), "unknown"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_content_is_refused_by_what_it_is(name: str) -> None:
    data, what = REFUSED[name]
    with pytest.raises(ImageFormatUnknown, match=what) as refusal:
        decode(data, LIMITS, name="holiday.jpg")
    assert str(refusal.value).startswith("holiday.jpg: ")
    assert refusal.value.remedy


def test_no_bytes_and_no_file_have_their_own_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(ImageEmpty):
        read(tmp_path / "empty.jpg", LIMITS)
    for missing in (
        tmp_path / "none.jpg",
        tmp_path,
        Path("/dev/zero"),
        tmp_path / "a\x00b",
        tmp_path / ("x" * 999),
    ):
        with pytest.raises(ImageMissing):
            read(missing, LIMITS)


def test_read_returns_the_bytes_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(FILES["JPEG"])
    data, picture = read(tmp_path / "a.png", LIMITS)
    assert data == FILES["JPEG"]
    assert picture.notes == ("named .png but is a JPEG",)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_truncated_file_is_refused_and_never_filled_with_grey(name: str, share: float) -> None:
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    whole = MAKERS[name](noise(256, 192))
    with pytest.raises((ImageTruncated, ImageFormatUnknown)) as refusal:
        decode(whole[: int(len(whole) * share)], LIMITS)
    assert share < 0.1 or isinstance(refusal.value, ImageTruncated)


def test_limits_hold_for_bytes_pixels_and_sides(tmp_path: Path) -> None:
    data = FILES["PNG"]
    (tmp_path / "a.png").write_bytes(data)
    assert decode(data, ImageLimits(len(data), 64 * 48, 64)).pixels.shape == (48, 64, 3)
    for tight in (
        ImageLimits(len(data) - 1, 64 * 48, 64),
        ImageLimits(len(data), 64 * 48 - 1, 64),
        ImageLimits(len(data), 64 * 48, 63),
    ):
        with pytest.raises(ImageTooLarge):
            decode(data, tight)
        with pytest.raises(ImageTooLarge):
            read(tmp_path / "a.png", tight)


def test_threads_may_decode_at_the_same_time() -> None:
    jobs = [*FILES.values()] * 8
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode(data, LIMITS).pixels, jobs))
    for data, pixels in zip(jobs, together, strict=True):
        assert np.array_equal(decode(data, LIMITS).pixels, pixels)
