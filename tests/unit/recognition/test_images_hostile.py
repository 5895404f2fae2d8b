"""Bombs, damage and random bytes: one of our errors, or a picture, and never much memory."""

from __future__ import annotations

import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import FILES, MODES, noise, saved, scene
from PIL import Image

from countenance.errors import ImageError, ImageTruncated
from countenance.recognition.images import decode
from countenance.settings import ImageLimits


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


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
from countenance.errors import ImageError, ImageTruncated
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


def test_tiff_entries_may_not_all_copy_the_same_bytes() -> None:
    tags = (273, 279, 320, 324, 325, 338)
    shared = b"".join(struct.pack("<HHII", tag, 4, 200, 8) for tag in tags)
    sides = b"".join(struct.pack("<HHII", tag, 4, 1, 16) for tag in (256, 257))
    data = b"II*\x00" + struct.pack("<I", 808) + bytes(800) + struct.pack("<H", 8) + sides + shared + bytes(4)
    with pytest.raises(ImageTruncated, match="in the middle of its header"):
        decode(data, ImageLimits())
    assert_only_our_errors(data)


def test_tiff_with_two_values_where_there_is_one_is_refused_in_silence() -> None:
    data = bytearray(FILES["TIFF"])
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    places = range(start + 2, start + 2 + 12 * entries, 12)
    rows = next(at for at in places if struct.unpack_from("<H", data, at) == (278,))
    struct.pack_into("<HIHH", data, rows + 2, 3, 2, 48, 48)
    with pytest.raises(ImageTruncated, match="several values"):
        decode(bytes(data), ImageLimits())
    assert_only_our_errors(bytes(data))


RELAXED = settings(max_examples=300, deadline=None, database=None)
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
