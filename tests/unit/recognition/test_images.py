"""Bytes become checked pixels, or one of our errors. Every file is made here; none shows a person."""

from __future__ import annotations

import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from countenance.errors import (
    ImageEmpty,
    ImageError,
    ImageFormatUnknown,
    ImageMissing,
    ImageTooLarge,
    ImageTruncated,
)
from countenance.recognition.images import Picture, decode, read
from countenance.settings import ImageLimits
from countenance.terms import Pixels

LIMITS = ImageLimits()


def scene(width: int = 64, height: int = 48) -> Image.Image:
    """Four plain corners, each of another colour, so that a turn or a swapped channel shows."""
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((30, 180, 40), (width // 2, 0, width, height // 2))
    image.paste((40, 50, 210), (0, height // 2, width // 2, height))
    image.paste((240, 230, 220), (width // 2, height // 2, width, height))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def heic(image: Image.Image, **options: object) -> bytes:
    stream = BytesIO()
    pillow_heif.from_pillow(image).save(stream, quality=90, **options)
    return stream.getvalue()


def noise(width: int, height: int) -> Image.Image:
    """Blocks of random colour: compresses badly, so that cutting the file cuts the picture."""
    blocks = np.random.default_rng(7).integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


MAKERS: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG": lambda image: saved(image, "JPEG", quality=95, subsampling=0),
    "progressive JPEG": lambda image: saved(image, "JPEG", quality=95, subsampling=0, progressive=True),
    "PNG": lambda image: saved(image, "PNG"),
    "WebP": lambda image: saved(image, "WEBP", quality=95),
    "lossless WebP": lambda image: saved(image, "WEBP", lossless=True),
    "HEIC": heic,
    "TIFF": lambda image: saved(image, "TIFF"),
    "TIFF, LZW": lambda image: saved(image, "TIFF", compression="tiff_lzw"),
    "TIFF, JPEG": lambda image: saved(image, "TIFF", compression="jpeg", quality=95),
    "GIF": lambda image: saved(image, "GIF"),
    "PPM": lambda image: saved(image, "PPM"),
}
FILES = {name: make(scene()) for name, make in MAKERS.items()}


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


MODES = {
    "grey JPEG": (saved(scene().convert("L"), "JPEG"), ()),
    "1 bit PNG": (saved(scene().convert("1"), "PNG"), ()),
    "palette PNG": (saved(scene().quantize(16), "PNG"), ()),
    "16 bit grey PNG": (
        saved(Image.fromarray(np.asarray(scene().convert("L"), np.uint16) * 257), "PNG"),
        ("16 bits a sample reduced to 8",),
    ),
    "16 bit grey TIFF": (
        saved(Image.fromarray(np.asarray(scene().convert("L"), np.uint16) * 257), "TIFF"),
        ("16 bits a sample reduced to 8",),
    ),
    "CMYK JPEG": (
        saved(scene().convert("CMYK"), "JPEG"),
        ("CMYK inks turned into RGB without a colour profile",),
    ),
    "CMYK TIFF": (
        saved(scene().convert("CMYK"), "TIFF"),
        ("CMYK inks turned into RGB without a colour profile",),
    ),
    "PGM": (saved(scene().convert("L"), "PPM"), ()),
    "16 bit PGM with a comment": (
        b"P5 # made here\n64 48 1023\n"
        + (np.asarray(scene().convert("L"), np.float64) * 1023 / 255).round().astype(">u2").tobytes(),
        ("10 bits a sample reduced to 8",),
    ),
}


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


def test_scaled_decoding_keeps_at_least_the_hinted_side() -> None:
    data = saved(noise(1200, 800), "JPEG")
    sides = {hint: decode(data, LIMITS, longest_side_hint=hint) for hint in (1, 150, 151, 300, 640, 1200, 5000)}
    assert {hint: (one.width, one.reduction) for hint, one in sides.items()} == {
        1: (150, 8), 150: (150, 8), 151: (300, 4), 300: (300, 4), 640: (1200, 1), 1200: (1200, 1), 5000: (1200, 1),
    }  # fmt: skip
    assert decode(data, LIMITS).width == 1200


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


def bombs() -> dict[str, tuple[bytes, str]]:
    """Small files that want much memory or time, and what must come of each: refused, or drawn without harm."""
    far = 50_000
    jpeg = bytearray(FILES["JPEG"])
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", far, far)
    webp = bytearray(saved(scene().convert("RGBA"), "WEBP", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00"))
    webp[24:30] = b"\xff\x3f\x00\xff\x3f\x00"
    box = bytearray(FILES["HEIC"])
    extent = box.index(b"ispe") + 8
    box[extent : extent + 8] = struct.pack(">II", far, far)
    png, zeros = FILES["PNG"], zlib.compress(bytes(300_000_000), 9)
    start = png[:33]
    header = struct.pack(">IIBBBBB", far, far, 8, 2, 0, 0, 0)
    small = struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 0)
    end = chunk(b"IEND", b"")
    directory = b"".join(
        struct.pack("<HHII", tag, kind, 1, value)
        for tag, kind, value in ((256, 4, far), (257, 4, far), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8))
    )
    many = 20_000
    shared = b"".join(struct.pack("<HHII", 40_000 + n % 20_000, 7, 10_000_000, 8) for n in range(many))
    blob = bytes(10_000_000)
    scans = FILES["progressive JPEG"]
    scan = scans.index(b"\xff\xda")
    return {
        "PNG of 50,000 x 50,000": (png[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", zeros[:999]) + end, "refused"),
        "PNG text that inflates to 300 MB": (start + chunk(b"zTXt", b"a\0\0" + zeros) + png[33:], "drawn"),
        "PNG profile that inflates to 300 MB": (start + chunk(b"iCCP", b"a\0\0" + zeros) + png[33:], "drawn"),
        "PNG data that inflate to 300 MB": (
            png[:8] + chunk(b"IHDR", small) + chunk(b"IDAT", zeros) + end,
            "drawn",
        ),
        "JPEG of 50,000 x 50,000": (bytes(jpeg), "refused"),
        "JPEG of 600 scans": (scans[:scan] + scans[scan:-2] * 600 + b"\xff\xd9", "refused"),
        "WebP of 16,384 x 16,384": (bytes(webp), "refused"),
        "HEIC of 50,000 x 50,000": (bytes(box), "refused"),
        "GIF of 65,535 x 65,535": (b"GIF89a\xff\xff\xff\xff\x00\x00\x00" + FILES["GIF"][13:], "refused"),
        "GIF whose frame is larger than its screen": (
            b"GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x00;",
            "refused",
        ),
        "TIFF of 50,000 x 50,000": (b"II*\x00\x08\x00\x00\x00\x06\x00" + directory + bytes(4), "refused"),
        "TIFF of 20,000 entries over the same 10 MB": (
            b"II*\x00" + struct.pack("<I", 8 + len(blob)) + blob + struct.pack("<H", many) + shared + bytes(4),
            "refused",
        ),
        "PGM of 50,000 x 50,000": (b"P5 50000 50000 255\n", "refused"),
    }


SCRIPT = """
import sys
from pathlib import Path
from countenance.errors import ImageError
from countenance.recognition.images import read
from countenance.settings import ImageLimits

def peak_kib():
    # Not ru_maxrss: a child inherits that of its parent.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

read(Path(sys.argv[1]) / "warm.png", ImageLimits())
for path in sorted(Path(sys.argv[1]).glob("*.bin")):
    before = peak_kib()
    try:
        read(path, ImageLimits())
        end = "drawn"
    except ImageError:
        end = "refused"
    print(path.stem, end, (peak_kib() - before) // 1024, sep=";")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_bombs_are_refused_or_drawn_with_little_memory(tmp_path: Path) -> None:
    honest = "~ an honest 20 megapixels, last, to show that the measurement sees memory"
    files = bombs() | {honest: (saved(Image.new("RGB", (5000, 4000)), "PNG"), "drawn")}
    (tmp_path / "warm.png").write_bytes(FILES["PNG"])
    for name, (data, _) in files.items():
        (tmp_path / f"{name}.bin").write_bytes(data)
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    seen = {line.split(";")[0]: line.split(";")[1:] for line in ended.stdout.splitlines()}
    assert {name: end for name, (end, _) in seen.items()} == {name: end for name, (_, end) in files.items()}
    assert ended.stderr == ""
    assert int(seen.pop(honest)[1]) > 100
    assert max(int(grown_mib) for _, grown_mib in seen.values()) < 64, seen


def assert_only_our_errors(data: bytes) -> None:
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        try:
            picture = decode(data, ImageLimits(1 << 20, 1 << 20, 4096))
        except ImageError as error:
            assert str(error).startswith("image")  # noqa: PT017 - success is as good as an error here
        else:
            assert picture.pixels.ndim == 3
            assert picture.pixels.size <= 3 << 20
    assert [str(one.message) for one in leaked] == []


RELAXED = settings(
    max_examples=300, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STARTS = [data[:size] for data in FILES.values() for size in (0, 4, 12, 40)]
SEEDS = [
    *FILES.values(),
    *(data for data, _ in MODES.values()),
    saved(scene(), "PNG", save_all=True, append_images=[scene(), noise(64, 48)]),
]


@RELAXED
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=400))
def test_random_bytes_never_raise_anything_but_our_errors(start: bytes, rest: bytes) -> None:
    assert_only_our_errors(start + rest)


@RELAXED
@given(
    data=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    near_start=st.booleans(),
    cut=st.floats(0, 1),
    splice=st.one_of(st.none(), st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))),
)
def test_damaged_files_never_raise_anything_but_our_errors(
    data: bytes,
    changes: list[tuple[float, int]],
    near_start: bool,
    cut: float,
    splice: tuple[float, float, float] | None,
) -> None:
    damaged = bytearray(data)
    reach = min(len(data), 400) if near_start else len(data)
    for place, value in changes:
        damaged[int(place * reach)] = value
    if splice is not None:
        first, second, onto = (int(part * len(data)) for part in splice)
        damaged[onto:onto] = damaged[min(first, second) : max(first, second)]
    assert_only_our_errors(bytes(damaged[: int(cut * len(damaged))] if cut < 0.3 else damaged))


def test_threads_may_decode_at_the_same_time() -> None:
    jobs = [*FILES.values()] * 8
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: decode(data, LIMITS).pixels, jobs))
    for data, pixels in zip(jobs, together, strict=True):
        assert np.array_equal(decode(data, LIMITS).pixels, pixels)
