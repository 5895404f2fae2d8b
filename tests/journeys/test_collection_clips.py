"""A recorded clip becomes tracks with candidates; a stream, a bomb or a damaged file becomes a clear sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from countenance import Countenance
from countenance.cli.main import run
from countenance.collection.clips.expectation import MEASURED, expected
from countenance.collection.clips.fusing import FUSED
from countenance.collection.clips.looking import Distances
from countenance.collection.clips.reading import Clip, Frame, is_clip, looks_like_clip
from countenance.collection.clips.sampling import Sampler
from countenance.collection.clips.search import tracks_of
from countenance.collection.clips.tracking import Tracker, assign
from countenance.collection.clips.walkers import walkers
from countenance.errors import CaseMissing, ClipTooLarge, ClipUnreadable, InputInvalid, LiveInputRefused
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.templates.recogniser import JudgedFace, Recogniser
from countenance.settings import ImageLimits
from countenance.terms import Box, Pixels, Vectors
from tests.galleries import Galleries, permit
from tests.offices import office, protection_officer
from tests.unit.collection.pictures import orl

av = pytest.importorskip("av", reason="the extra 'clips' is not installed")
LIMITS = ImageLimits()


def write(
    place: Path, frames: list[np.ndarray], *, codec: str = "h264", rate: int = 10, times: list[float] | None = None
) -> Path:
    with av.open(str(place), "w") as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = {"mjpeg": "yuvj420p", "ffv1": "bgr0", "rawvideo": "bgr24"}.get(codec, "yuv420p")
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = int(times[number] * 1000), Fraction(1, 1000)
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


def test_a_clip_becomes_tracks_with_candidates(gallery: Countenance, orl_folder: Path, tmp_path: Path) -> None:
    frames = walking([(orl(orl_folder, 5, 5), 0), (orl(orl_folder, 20, 1), 12)])
    clip = write(tmp_path / "lobby.mp4", frames)
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
    assert page.count("data:image/jpeg") == sum(len(track.faces) for track in answer.tracks) > 2
    assert "<script" not in page
    document = answer.as_dict()
    assert document["tracks"][0]["best"]["box"]
    assert [face["at"] for face in document["tracks"][0]["faces"]]
    assert gallery.status().searches == 1


CONTAINERS = {
    "H.264 in MP4": ("h264", "mp4"),
    "HEVC in Matroska": ("hevc", "mkv"),
    "MJPEG in AVI": ("mjpeg", "avi"),
    "MPEG-4 part 2 in AVI": ("mpeg4", "avi"),
    "H.264 in a transport stream": ("h264", "ts"),
    "H.264 alone, without a container": ("h264", "h264"),
    "H.264 in QuickTime": ("h264", "mov"),
    "VP9 in WebM": ("vp9", "webm"),
    "WMV in ASF": ("wmv2", "wmv"),
    "FLV": ("flv", "flv"),
    "MPEG-2 in a program stream": ("mpeg2video", "mpg"),
    "lossless, of a format without a grey plane": ("ffv1", "mkv"),
}


@pytest.fixture(scope="module")
def recogniser(model_cache: Path) -> Recogniser:
    return Recogniser.open(model_cache)


@pytest.mark.parametrize(("codec", "ending"), CONTAINERS.values(), ids=CONTAINERS)
def test_however_it_is_packed_a_face_becomes_one_track(
    recogniser: Recogniser, orl_folder: Path, tmp_path: Path, codec: str, ending: str
) -> None:
    rate = 25 if ending in {"mpg", "h264"} else 10  # MPEG-2 knows no rate of 10; bare H.264 says none
    clip = write(tmp_path / f"lobby.{ending}", walking([(orl(orl_folder, 5, 5), 0)], 20), codec=codec, rate=rate)
    with Clip(clip, LIMITS) as opened:
        tracks = list(tracks_of(opened, recogniser))
    assert len(tracks) == 1
    assert tracks[0].first_s == pytest.approx(0, abs=0.25), "times count from the clip's beginning"
    assert tracks[0].last_s == pytest.approx(20 / rate, abs=0.5)
    assert 0 <= tracks[0].best[0].box.x < 250


def test_a_clip_of_a_telephone_held_upright_is_turned(
    recogniser: Recogniser, orl_folder: Path, tmp_path: Path
) -> None:
    lying = [np.rot90(pixels).copy() for pixels in walking([(orl(orl_folder, 5, 5), 0)], 10)]
    clip = write(tmp_path / "phone.mp4", lying)
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the display matrix: here a quarter to the right
    one, minus_one = (0x10000).to_bytes(4, "big"), (0xFFFF0000).to_bytes(4, "big")
    data[at : at + 20] = bytes(4) + one + bytes(4) + minus_one + bytes(4)
    clip.write_bytes(data)
    with Clip(clip, LIMITS) as opened:
        tracks = list(tracks_of(opened, recogniser))
    assert len(tracks) == 1
    assert abs(tracks[0].best[0].judged.quality.components[6].value) < 20, "the head is upright"
    with Clip(clip, LIMITS) as opened:
        assert {(frame.width, frame.height) for frame in opened.frames()} == {(640, 360)}


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


def test_half_a_file_whose_index_was_at_its_end_says_so(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mp4", walking([], 40))
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    with pytest.raises(ClipUnreadable, match="no video that can be decoded"):
        Clip(clip, LIMITS)


@pytest.mark.parametrize(("codec", "ending"), [("h264", "ts"), ("hevc", "mkv"), ("mpeg4", "avi")])
def test_half_a_file_of_another_kind_gives_its_first_half(tmp_path: Path, codec: str, ending: str) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (60, 90, 160, 3), np.uint8)
    clip = write(tmp_path / f"a.{ending}", list(noise), codec=codec)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    with Clip(clip, LIMITS) as opened:
        times = [frame.at_s for frame in opened.frames()]
    assert 1.5 < times[-1] < 4.5


def test_damage_in_the_middle_costs_the_middle_and_is_said(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (40, 90, 160, 3), np.uint8)
    clip = write(tmp_path / "a.ts", list(noise))
    data = bytearray(clip.read_bytes())
    third = len(data) // 3
    data[third : third + 20_000] = bytes(20_000)
    clip.write_bytes(data)
    with Clip(clip, LIMITS) as opened:
        times = [frame.at_s for frame in opened.frames()]
        assert opened.notes == ["the clip is damaged or ends early; what could be decoded was searched"]
    assert times[-1] > 3
    assert times == sorted(times)


def test_times_of_a_variable_rate_are_the_clips_own(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.5, 0.6, 2.0, 4.5]
    clip = write(tmp_path / "a.mkv", walking([], 6), times=times)
    with Clip(clip, LIMITS) as opened:
        assert [frame.at_s for frame in opened.frames()] == pytest.approx(times, abs=0.01)


@pytest.mark.parametrize(
    "name",
    [
        "rtsp://camera/1",
        "rtmp://camera/1",
        "http://example.org/a.mp4",
        "https://example.org/a.mp4",
        "udp://@:1234",
        "srt://camera:1",
        "file:///a.mp4",
        "/dev/video0",
        "/dev/stdin",
    ],
)
def test_there_is_no_live_input(name: str) -> None:
    assert is_clip(name)
    with pytest.raises(LiveInputRefused):
        Clip(name, LIMITS)


def test_pipes_devices_and_playlists_are_no_recordings_whatever_they_are_called(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "device.mp4").symlink_to("/dev/zero")
    (tmp_path / "list.mp4").write_text("#EXTM3U\nhttp://camera/live.ts\n")
    (tmp_path / "concat.mp4").write_text("ffconcat version 1.0\nfile rtsp://camera/1\n")
    (tmp_path / "session.mp4").write_text("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n")
    for name in ("pipe.mp4", "device.mp4", "list.mp4", "concat.mp4", "session.mp4", "."):
        with pytest.raises(LiveInputRefused):
            Clip(tmp_path / name, LIMITS)
    for name in ("-", "pipe:0"):
        with pytest.raises(LiveInputRefused):
            Clip(name, LIMITS)


def test_a_clip_of_a_million_by_two_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.avi", walking([], 2), codec="rawvideo")
    data = bytearray(clip.read_bytes())
    at = data.index(b"strf") + 8  # BITMAPINFOHEADER: size, width, height
    data[at + 4 : at + 12] = (1_000_000).to_bytes(4, "little") + (2).to_bytes(4, "little")
    clip.write_bytes(data)
    with pytest.raises(ClipTooLarge, match="1,000,000 x 2 pixels"):
        Clip(clip, LIMITS)


def test_a_frame_larger_than_announced_is_refused_too(tmp_path: Path) -> None:
    with (tmp_path / "a.h264").open("wb") as both:
        for name, size in (("s.h264", (320, 180)), ("l.h264", (640, 360))):
            both.write(write(tmp_path / name, walking([], 5, size)).read_bytes())
    with Clip(tmp_path / "a.h264", ImageLimits(side_pixels=400)) as opened, pytest.raises(ClipTooLarge):
        list(opened.frames())
    with Clip(tmp_path / "a.h264", LIMITS) as opened:
        assert {frame.width for frame in opened.frames()} == {320, 640}


@pytest.mark.parametrize("data", [b"", b"hello", bytes(1000), b"\0\0\0\x18ftypmp42"])
def test_what_is_no_video_is_said_to_be_none(data: bytes, tmp_path: Path) -> None:
    place = tmp_path / "a.mp4"
    place.write_bytes(data)
    with pytest.raises(ClipUnreadable):
        Clip(place, LIMITS)


class Still(Frame):
    """A frame of which only the small grey copy is known."""

    def __init__(self, at_s: float, grey: np.ndarray) -> None:
        self.at_s, self.grey = at_s, grey

    def luma(self) -> np.ndarray:
        return self.grey


def looks(sampler: Sampler, frames: Iterator[Still]) -> dict[float, tuple[int, ...]]:
    taken = {frame.at_s: sampler.wants(frame) for frame in frames}
    return {at_s: look.parts for at_s, look in taken.items() if look is not None}


STILL = np.full((90, 160), 80, np.uint8)


def test_a_standstill_is_looked_at_every_two_seconds_and_everywhere() -> None:
    distances = Distances.of(1920, 1080)
    taken = looks(Sampler(distances.parts, (1920, 1080)), (Still(n * 0.04, STILL) for n in range(250)))
    assert len(taken) == 5
    assert set(taken.values()) == {tuple(range(len(distances.parts)))}


def test_movement_is_looked_at_four_times_a_second_and_closer_only_where_it_is() -> None:
    distances = Distances.of(1920, 1080)

    def moving() -> Iterator[Still]:
        for step in range(100):
            luma = STILL.copy()
            luma[10:20, step // 4 : step // 4 + 8] = 200
            yield Still(step * 0.04, luma)

    taken = looks(Sampler(distances.parts, (1920, 1080)), moving())
    assert 14 <= len(taken) <= 17
    closer = [at_s for at_s, parts in taken.items() if 0 in parts]
    assert 5 <= len(closer) <= 6
    between = [parts for at_s, parts in taken.items() if 0.1 < at_s < 1.9]
    assert {number for parts in between for number in parts} == {0}


def test_a_change_of_light_is_no_movement_and_a_new_scene_is_seen_when_a_look_is_due() -> None:
    dimmed = looks(Sampler(), (Still(0.04 * n, STILL - np.uint8(n)) for n in range(20)))
    assert len(dimmed) == 1
    other = np.tile(np.arange(160, dtype=np.uint8), (90, 1))
    cut = looks(Sampler(), (Still(0.04 * n, STILL if n < 3 else other) for n in range(9)))
    assert list(cut) == pytest.approx([0, 0.28])


def test_every_face_of_thirty_pixels_is_whole_in_some_part_or_large_enough_for_the_glance() -> None:
    for width, height in ((1920, 1080), (1080, 1920), (3840, 2160), (1280, 720), (7680, 4320)):
        distances = Distances.of(width, height)
        for side in (30.0, 45.0, 57.0, 60.0):
            for x in np.linspace(0, width - side, 60):
                for y in np.linspace(0, height - side, 40):
                    inside = any(
                        p.left <= x and x + side <= p.left + p.width and p.top <= y and y + side <= p.top + p.height
                        for p in distances.parts
                    )
                    assert inside or side * distances.whole >= 20
            assert side * distances.closer >= 19.9


def face(x: float, chip: int, quality: int = 80) -> JudgedFace:
    """A face whose template is decided by the number that its chip is filled with."""
    landmarks = np.zeros((5, 2), np.float32)
    return JudgedFace(
        Face(Box(x, 100, 100, 120), landmarks, 0.9), np.full((112, 112, 3), chip, np.uint8), Quality(quality, ())
    )


class Templates:
    """Makes a template per chip, and counts how many it made."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, chips: list[Pixels]) -> Vectors:
        self.made += len(chips)
        rows = np.stack([np.random.default_rng(int(chip[0, 0, 0])).standard_normal(128) for chip in chips])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_two_who_cross_stay_two() -> None:
    tracker = Tracker(Templates())
    ended = []
    for step in range(11):
        ended += tracker.look(step * 0.2, [face(100 + 60 * step, 1), face(700 - 60 * step, 2)])
    ended += tracker.end()
    assert [track.looks for track in ended] == [11, 11]
    for track in ended:
        assert len({int(seen.judged.chip[0, 0, 0]) for seen in track.best}) == 1


def test_whoever_steps_into_another_ones_place_is_another_track_within_a_second() -> None:
    tracker = Tracker(Templates())
    ended = []
    for step in range(20):
        ended += tracker.look(step * 0.2, [face(300, 1 if step < 8 else 2)])
    ended += tracker.end()
    assert len(ended) == 2
    assert ended[0].looks <= 8 + 5
    assert {int(seen.judged.chip[0, 0, 0]) for seen in ended[0].best} == {1}, "a stranger's face is not kept"


def test_templates_are_made_only_where_they_decide() -> None:
    templates = Templates()
    tracker = Tracker(templates)
    for step in range(50):
        list(tracker.look(step * 0.2, [face(300 + 4 * step, 1, quality=50 + step)]))
    (track,) = tracker.end()
    assert (track.looks, len(track.best)) == (50, FUSED)
    assert track.best[0].quality == 99
    assert min(seen.quality for seen in track.best) >= 95
    assert templates.made < 15


def test_the_best_pairing_wins_not_the_first() -> None:
    assert assign(np.array([[0.9, 0.8], [0.8, 0.0]])) == [(0, 1), (1, 0)]
    assert assign(np.array([[0.9, 0.0], [0.8, 0.0]])) == [(0, 0)]
    assert assign(np.zeros((2, 3))) == []
    assert assign(np.zeros((0, 3))) == []


SPOILT = {
    "dark": lambda one: one.point(lambda value: value * 0.12),
    "small": lambda one: one.resize((15, 18)).resize((110, 134), Image.Resampling.BICUBIC),
    "blurred": lambda one: one.resize((110, 134)).filter(ImageFilter.GaussianBlur(5)),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_what_quality_does_to_the_score_is_shown(
    gallery: Countenance, orl_folder: Path, tmp_path: Path, spoil: object
) -> None:
    portrait = orl(orl_folder, 5, 5)
    answers = []
    for name, picture in (("good.mkv", portrait), ("poor.mkv", spoil(portrait))):
        clip = write(tmp_path / name, walking([(picture, 0)], 12), codec="ffv1")
        answers.append(
            gallery.collecting.search_clip(
                clip, purpose="event-photos", case="1", threshold=0, sheet=tmp_path / f"{name}.html"
            )
        )
    good, poor = (answer.tracks[0] for answer in answers)
    scores = [track.candidates[0]["score"] if track.candidates else 0.0 for track in (good, poor)]
    assert scores[1] < scores[0]
    assert poor.faces[0].quality.score < 60 <= good.faces[0].quality.score
    assert poor.faces[0].quality.reasons
    assert poor.expected.lowest < good.expected.lowest
    page = (tmp_path / "poor.mkv.html").read_text("utf-8")
    assert poor.faces[0].quality.reasons[0] in page
    assert f"{poor.expected.lowest:.2f} to {poor.expected.highest:.2f}" in page


def test_what_is_expected_of_a_quality_is_what_was_measured() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "quality.md").read_text("utf-8")
    row = re.compile(r"^\| (?:none|blur|dark|small) \| [^|]*\| ([0-9.]+) \| \d+ / (\d+) / \d+ \|", re.MULTILINE)
    scores: dict[int, list[float]] = {}
    for score, quality in row.findall(page):
        scores.setdefault(expected(int(quality)).quality_from, []).append(float(score))
    assert [(one.quality_from, one.lowest, one.highest) for one in MEASURED] == [
        (band, min(found), max(found)) for band, found in sorted(scores.items())
    ]
    assert [expected(quality).quality_from for quality in (0, 39, 40, 100)] == [0, 0, 40, 80]


@pytest.mark.slow
def test_ten_hours_take_no_more_memory_than_one(recogniser: Recogniser, orl_folder: Path, tmp_path: Path) -> None:
    """36,000 seconds at one frame a minute: a new visitor every ten frames."""
    scene = walking([(orl(orl_folder, 5, 5), 0)], 8, (320, 180))
    empty = walking([], 2, (320, 180))
    frames = [(scene + empty)[number % 10] for number in range(600)]
    clip = write(tmp_path / "night.mkv", frames, codec="mjpeg", times=[60.0 * number for number in range(600)])
    resident: list[int] = []

    def watch(at_s: float, _frames: int, _looks: int) -> None:
        if at_s % 3600 == 0:
            resident.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    with Clip(clip, LIMITS) as opened:
        assert opened.facts.duration_s == pytest.approx(36_000, abs=120)
        tracks = sum(1 for _ in tracks_of(opened, recogniser, watch=watch))
    assert len(resident) == 10
    assert max(resident) - resident[1] < 24 * 2**20
    assert tracks > 250


@pytest.mark.parametrize("name", ["rtsp://camera/1", "/dev/video0"])
def test_the_command_line_refuses_a_stream_in_words(
    gallery: Countenance, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    door = ["--gallery", str(tmp_path / "gallery")]
    assert run(["identify", name, "--purpose", "event-photos", "--case", "1", *door]) == 87
    assert "Only a recorded file is searched" in " ".join(capsys.readouterr().err.split())


def test_a_case_on_record_says_the_purpose_and_must_allow_the_search(
    gallery: Countenance, galleries: Galleries, orl_folder: Path, tmp_path: Path
) -> None:
    case = office(gallery, protection_officer(gallery)).case(days=5)
    clip = write(tmp_path / "lobby.mp4", walking([(orl(orl_folder, 5, 5), 0)], 10))
    for named in ("2027/117", case):
        answer = gallery.collecting.search_clip(clip, case=named)
        assert (answer.purpose, answer.tracks[0].candidates[0]["subject"]) == ("event-photos", "anna")
    with pytest.raises(InputInvalid):
        gallery.collecting.search_clip(clip, case="2027/117", purpose="alumni")
    with pytest.raises(CaseMissing):
        gallery.collecting.search_clip(clip, case="2027/118")
    galleries.clock.step(timedelta(days=6))
    with pytest.raises(CaseMissing):
        gallery.collecting.search_clip(clip, case="2027/117")


@pytest.mark.parametrize("given", ["a file", "its bytes"])
def test_a_clip_searched_under_a_case_goes_to_two_reviewers_like_a_photograph(
    gallery: Countenance, orl_folder: Path, tmp_path: Path, given: str
) -> None:
    police = office(gallery, protection_officer(gallery))
    case = police.case()
    faces = [(orl(orl_folder, 5, 5), 0), (orl(orl_folder, 20, 1), 12)]
    clip = write(tmp_path / "lobby.mp4", walking(faces, 24))
    made = gallery.oversight.search(
        police["investigator"], case, clip if given == "a file" else clip.read_bytes(), threshold=0.5
    )
    document = made.as_dict()
    assert (document["faces"], document["searches_left"]) == (2, 4)
    assert "anna" not in str(document)
    assert [one.face for one in made.seen] == [1, 2]
    assert made.seen[0].first_s < made.seen[1].first_s
    task = gallery.oversight.reviews.next(police["first"])
    assert task is not None
    pair = gallery.oversight.side_by_side(police["first"], task.task_id)
    assert pair.probe is not None
    assert Image.open(BytesIO(pair.probe)).size == (224, 224)
    for reviewer in ("first", "second"):
        assert gallery.oversight.reviews.release(police["investigator"], case) == ()
        police.review_rightly(reviewer, ["anna"])
    released = gallery.oversight.reviews.release(police["investigator"], case)
    assert [(one.subject, one.row.face) for one in released] == [("anna", 1)]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x00\x00\x00\x18ftypisom" + bytes(40), ClipUnreadable),
        (b"#EXTM3U\nfile:///etc/passwd\n", LiveInputRefused),
        (b"<!-- --><?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'/>", ClipUnreadable),
    ],
    ids=["half a box", "a playlist", "a playlist in other clothes"],
)
def test_bytes_that_are_no_recording_are_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        Clip(data, LIMITS)


def test_a_sent_clip_that_is_too_long_is_refused(recogniser: Recogniser, tmp_path: Path) -> None:
    frames = walking([], 3, (320, 180))
    clip = write(tmp_path / "long.mkv", frames, codec="mjpeg", times=[0, 599, 601])
    assert walkers(clip, recogniser, LIMITS).notes == ("no face was found in the clip",)
    with pytest.raises(ClipTooLarge, match="10 minutes"):
        walkers(clip.read_bytes(), recogniser, LIMITS)


def test_a_clip_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    page = walking([], 2, (320, 180))
    known = [("h264", "mp4"), ("h264", "mkv"), ("h264", "ts"), ("mjpeg", "avi"), ("flv1", "flv")]
    known += [("mpeg2video", "mpg"), ("wmv2", "asf"), ("h264", "mov")]
    for codec, ending in known:
        clip = write(tmp_path / f"a.{ending}", page, codec=codec, rate=25)
        assert looks_like_clip(clip.read_bytes()[:512]), ending
    for picture in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "PPM"):
        out = BytesIO()
        Image.fromarray(page[0]).save(out, picture)
        assert not looks_like_clip(out.getvalue()), picture
