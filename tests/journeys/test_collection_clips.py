"""A recorded clip becomes tracks with candidates; a stream, a bomb or a damaged file becomes a clear sentence."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from countenance import Countenance
from countenance.collection.clips.reading import Clip, Frame, is_clip
from countenance.collection.clips.sampling import Sampler
from countenance.collection.clips.tracking import assign
from countenance.errors import CaseMissing, ClipTooLarge, ClipUnreadable, LiveInputRefused
from countenance.settings import ImageLimits
from tests.galleries import Galleries, permit
from tests.unit.collection.pictures import orl

av = pytest.importorskip("av", reason="the extra 'clips' is not installed")
LIMITS = ImageLimits()


def write(
    place: Path, frames: list[np.ndarray], *, codec: str = "h264", rate: int = 10, times: list[float] | None = None
) -> Path:
    with av.open(str(place), "w") as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = int(times[number] * 1000), __import__("fractions").Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return place


def walking(
    faces: list[tuple[Image.Image, int]], count: int = 40, size: tuple[int, int] = (640, 360)
) -> list[np.ndarray]:
    """Faces that move from left to right, each in a row of its own; the number says when it enters."""
    wall = np.random.default_rng(1).integers(100, 120, (size[1], size[0], 1), dtype=np.uint8).repeat(3, axis=2)
    frames = []
    for step in range(count):
        page = Image.fromarray(wall)
        for row, (face, enters) in enumerate(faces):
            if step >= enters:
                page.paste(face.resize((110, 134)), (20 + (step - enters) * 10, 20 + row * 170))
        frames.append(np.asarray(page))
    return frames


@pytest.fixture
def gallery(galleries: Galleries, orl_folder: Path) -> Countenance:
    made = galleries.new()
    for who, name in ((5, "anna"), (3, "ben")):
        permit(made, name)
        made.enrol(name, [orl_folder / f"s{who}" / f"{n}.pgm" for n in (1, 2, 3)])
    return made


@pytest.mark.parametrize(("codec", "ending"), [("h264", "mp4"), ("hevc", "mkv"), ("mjpeg", "avi")])
def test_a_clip_becomes_tracks_with_candidates(
    gallery: Countenance, orl_folder: Path, tmp_path: Path, codec: str, ending: str
) -> None:
    frames = walking([(orl(orl_folder, 5, 5), 0), (orl(orl_folder, 20, 1), 12)])
    clip = write(tmp_path / f"lobby.{ending}", frames, codec=codec)
    answer = gallery.collecting.search_clip(
        clip, purpose="event-photos", case="2026-0142", sheet=tmp_path / "sheet.html"
    )
    found = [[one["subject"] for one in track.candidates] for track in answer.tracks]
    assert found == [["anna"], []]
    first, second = answer.tracks
    assert first.first_s == 0
    assert second.first_s == pytest.approx(1.2, abs=0.6)
    assert first.last_s == pytest.approx(3.9, abs=0.6)
    assert first.path[0][1].x < first.path[-1][1].x
    assert (answer.frames, answer.case) == (40, "2026-0142")
    assert answer.looked_at < 30
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert "anna" in page
    assert page.count("data:image/jpeg") >= 2
    assert "<script" not in page
    document = answer.as_dict()
    assert document["tracks"][0]["best"]["box"]
    assert gallery.status().searches == 1


def test_a_clip_needs_a_case(gallery: Countenance, orl_folder: Path, tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mp4", walking([], 2))
    with pytest.raises(CaseMissing):
        gallery.collecting.search_clip(clip, purpose="event-photos", case=" ")


def test_a_clip_without_faces_says_so(gallery: Countenance, tmp_path: Path) -> None:
    answer = gallery.collecting.search_clip(
        write(tmp_path / "a.mp4", walking([], 10)), purpose="event-photos", case="1"
    )
    assert (answer.tracks, answer.notes) == ((), ("no face was found in the clip",))


def test_what_comes_before_the_damage_is_searched(gallery: Countenance, orl_folder: Path, tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mkv", walking([(orl(orl_folder, 5, 5), 0)]), codec="mjpeg")
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 6 // 10])
    answer = gallery.collecting.search_clip(clip, purpose="event-photos", case="1")
    assert 5 < answer.frames < 40
    assert [one["subject"] for one in answer.tracks[0].candidates] == ["anna"]


def test_times_of_a_variable_rate_are_the_clips_own(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.5, 0.6, 2.0, 4.5]
    clip = write(tmp_path / "a.mkv", walking([], 6), times=times)
    with Clip(clip, LIMITS) as opened:
        assert [frame.at_s for frame in opened.frames()] == pytest.approx(times, abs=0.01)


@pytest.mark.parametrize(
    "name",
    ["rtsp://camera/1", "http://example.org/a.mp4", "/dev/video0", "/dev/stdin", "udp://@:1234", "file:///a.mp4"],
)
def test_there_is_no_live_input(name: str) -> None:
    assert is_clip(name)
    with pytest.raises(LiveInputRefused):
        Clip(name, LIMITS)


def test_pipes_and_playlists_are_no_recordings(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "list.mp4").write_text("#EXTM3U\nhttp://camera/live.ts\n")
    for name in ("pipe.mp4", "list.mp4"):
        with pytest.raises(LiveInputRefused):
            Clip(tmp_path / name, LIMITS)


def test_a_clip_of_a_million_by_two_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.avi", walking([], 2), codec="mjpeg")
    data = bytearray(clip.read_bytes())
    at = data.index(b"strf") + 8  # BITMAPINFOHEADER: size, width, height
    data[at + 4 : at + 12] = (1_000_000).to_bytes(4, "little") + (2).to_bytes(4, "little")
    clip.write_bytes(data)
    try:
        with Clip(clip, LIMITS) as opened:  # the pictures inside say otherwise, and they are believed
            assert (opened.facts.width, opened.facts.height) == (640, 360)
    except (ClipTooLarge, ClipUnreadable):
        pass
    small = ImageLimits(side_pixels=100)
    with pytest.raises(ClipTooLarge):
        Clip(write(tmp_path / "b.mp4", walking([], 2)), small)


@pytest.mark.parametrize("data", [b"", b"hello", bytes(1000), b"\0\0\0\x18ftypmp42"])
def test_what_is_no_video_is_said_to_be_none(data: bytes, tmp_path: Path) -> None:
    place = tmp_path / "a.mp4"
    place.write_bytes(data)
    with pytest.raises(ClipUnreadable):
        Clip(place, LIMITS)


def test_a_standstill_is_looked_at_every_two_seconds_and_movement_five_times_a_second() -> None:
    still, sampler = np.full((90, 160), 80, np.uint8), Sampler()
    looks = [at for at in np.arange(0, 10, 0.04) if sampler.wants(Frame(0, float(at), still, None))]
    assert len(looks) == 5
    sampler, looks = Sampler(), []
    for step, at in enumerate(np.arange(0, 4, 0.04)):
        luma = still.copy()
        luma[20:40, step : step + 15] = 200
        if sampler.wants(Frame(0, float(at), luma, None)):
            looks.append(at)
    assert 18 <= len(looks) <= 21
    sampler = Sampler()
    dimmed = [sampler.wants(Frame(0, 0.04 * n, still - np.uint8(n), None)) for n in range(20)]
    assert sum(dimmed) == 1, "a change of light is no movement"


def test_the_best_pairing_wins_not_the_first() -> None:
    assert assign(np.array([[0.9, 0.8], [0.8, 0.0]])) == [1, 0]
    assert assign(np.array([[0.9, 0.0], [0.8, 0.0]])) == [0, -1]
    assert assign(np.zeros((2, 3))) == [-1, -1]
    assert assign(np.zeros((0, 3))) == []
    rng = np.random.default_rng(5)
    for _ in range(50):
        worth = rng.random((4, 3)) * (rng.random((4, 3)) > 0.3)
        got = assign(worth)
        assert sum(worth[i, j] for i, j in enumerate(got) if j >= 0) == pytest.approx(_best(worth))


def _best(worth: np.ndarray, row: int = 0, used: frozenset[int] = frozenset()) -> float:
    if row == len(worth):
        return 0.0
    options = [worth[row, j] + _best(worth, row + 1, used | {j}) for j in range(worth.shape[1]) if j not in used]
    return max([_best(worth, row + 1, used), *options])
