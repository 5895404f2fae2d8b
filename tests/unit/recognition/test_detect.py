"""What detection promises: faces of every size in pictures of every shape, found once, where they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from countenance.recognition.faces.detect import Detector, merge
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.views import LEVEL_PIXELS, TILE_FACE, TILE_OVERLAP, level_scales, views
from countenance.recognition.faces.yunet import Rows, suppress
from countenance.recognition.models.network import Network
from countenance.recognition.models.package import bundled_detector
from countenance.terms import Box, Pixels


def overlap(a: Box, b: Box) -> float:
    wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    high = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    shared = max(wide, 0.0) * max(high, 0.0)
    return shared / (a.width * a.height + b.width * b.height - shared)


def scene(
    portrait: Pixels, width: int, height: int, places: list[tuple[int, int, int]]
) -> tuple[Pixels, list[Box]]:
    """A quiet background with the portrait at each of ``places`` (left, top, side), and where the faces are."""
    coarse = np.random.default_rng(5).integers(90, 150, (6, 8, 3), np.uint8)
    picture = np.array(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    boxes = []
    for left, top, side in places:
        picture[top : top + side, left : left + side] = cv2.resize(
            portrait, (side, side), interpolation=cv2.INTER_AREA if side < 512 else cv2.INTER_CUBIC
        )
        share = side / 512
        boxes.append(Box(left + 178 * share, top + 62.5 * share, 90 * share, 114 * share))
    return picture, boxes


def as_rows(*faces: tuple[float, float, float, float, float]) -> Rows:
    rows = np.zeros((len(faces), 15), np.float32)
    for row, (x, y, width, height, score) in zip(rows, faces, strict=True):
        row[:4], row[14] = (x, y, width, height), score
    return rows


def test_boxes_landmarks_and_scores_are_those_of_opencv(model_cache: Path, portrait: Pixels) -> None:
    package = bundled_detector()
    oracle = cv2.FaceDetectorYN.create(str(package.path), "", (512, 512), 0.6, 0.3, 5000)
    expected = np.asarray(oracle.detect(portrait[:, :, ::-1])[1])
    faces = Detector(package, model_cache, threads=1, precision="f32").detect(portrait)
    assert len(faces) == len(expected) == 1
    assert np.allclose(faces[0].box.as_list(), expected[0, :4], atol=0.1)
    assert np.allclose(faces[0].landmarks.reshape(-1), expected[0, 4:14], atol=0.05)
    assert faces[0].confidence == pytest.approx(expected[0, 14], abs=1e-3)


def test_short_numbers_move_landmarks_by_less_than_a_pixel(model_cache: Path, portrait: Pixels) -> None:
    exact, short = (
        Detector(bundled_detector(), model_cache, threads=1, precision=precision).detect(portrait)[0]
        for precision in ("f32", "bf16")
    )
    assert np.abs(exact.landmarks - short.landmarks).max() < 1.0


def test_an_ordinary_photograph_is_looked_at_once() -> None:
    assert len(list(views(np.zeros((480, 640, 3), np.uint8)))) == 1
    assert len(list(views(np.zeros((640, 427, 3), np.uint8)))) == 1


@pytest.mark.parametrize("side", [180, 320, 640, 1400], ids=lambda side: f"face of {side * 90 // 512} pixels")
def test_faces_of_every_size_are_found_in_a_large_photograph(
    detector: Detector, portrait: Pixels, side: int
) -> None:
    picture, boxes = scene(portrait, 3000, 2000, [(150, 90, side), (1500, 500, side)])
    found = detector.detect(picture)
    assert len(found) == 2
    for box in boxes:
        assert max(overlap(box, face.box) for face in found) > 0.6


def test_a_face_on_the_seam_of_two_tiles_is_found_once_and_whole(detector: Detector, portrait: Pixels) -> None:
    cuts = [view for view in views(np.zeros((1600, 2400, 3), np.uint8)) if view.level > 0]
    seam = int(next(view.left + view.width for view in cuts if view.inner[2]))
    side = 300
    for shift in (-60, -20, 0, 20, 60):
        left = seam - int(side * 223 / 512) + shift
        picture, boxes = scene(portrait, 2400, 1600, [(left, 700, side)])
        found = detector.detect(picture)
        assert [overlap(boxes[0], face.box) > 0.6 for face in found] == [True]


def test_faces_are_numbered_from_the_largest(detector: Detector, portrait: Pixels) -> None:
    picture, boxes = scene(portrait, 1200, 700, [(0, 100, 200), (250, 100, 500), (800, 100, 350)])
    found = detector.detect(picture)
    assert [round(overlap(face.box, box)) for face, box in zip(found, [boxes[i] for i in (1, 2, 0)], strict=True)]
    widths = [face.box.width for face in found]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 2), (20, 20), (2, 3000), (3000, 2), (0, 0), (33, 31), (641, 640)],
    ids=lambda shape: f"{shape[1]}x{shape[0]}",
)
@pytest.mark.parametrize("value", [0, 255])
def test_pictures_too_small_or_too_narrow_for_a_face_have_none(
    detector: Detector, shape: tuple[int, int], value: int
) -> None:
    assert detector.detect(np.full((*shape, 3), value, np.uint8)) == ()


def test_a_tight_crop_is_found_and_its_landmarks_lie_in_the_crop(detector: Detector, portrait: Pixels) -> None:
    crop = np.ascontiguousarray(portrait[62:178, 178:268])
    face = detector.detect(crop)[0]
    whole = detector.detect(portrait)[0]
    corner = np.array([178, 62], np.float32)
    assert np.abs(face.landmarks + corner - whole.landmarks).mean() < 3


def test_every_tightly_cropped_photograph_yields_one_face(detector: Detector, orl: dict[int, list[Pixels]]) -> None:
    counts = [len(detector.detect(picture)) for pictures in orl.values() for picture in pictures]
    assert counts == [1] * 400


@pytest.mark.parametrize("size", [(640, 480), (4000, 3000), (8000, 6000), (40000, 6250), (20000, 500)], ids=str)
def test_the_work_is_bounded_whatever_the_size(size: tuple[int, int]) -> None:
    width, height = size
    scales = level_scales(width, height)
    assert scales[0] * max(size) <= 640.5
    assert scales[-1] <= 1.0
    assert scales[-1] ** 2 * width * height <= LEVEL_PIXELS * 1.001
    # A face too large for the tiles of a level is large enough for the level before.
    for coarse, fine in pairwise(scales):
        assert TILE_FACE * coarse / fine >= 24
    assert TILE_FACE < TILE_OVERLAP


def test_views_cover_every_pixel_of_every_level() -> None:
    picture = np.zeros((2500, 3700, 3), np.uint8)
    for level in range(1, len(level_scales(3700, 2500))):
        shown = [view for view in views(picture) if view.level == level]
        high = round(2500 * shown[0].scale_y)
        wide = round(3700 * shown[0].scale_x)
        seen = np.zeros((high, wide), bool)
        for view in shown:
            seen[int(view.top) : int(view.top) + view.height, int(view.left) : int(view.left) + view.width] = True
        assert seen.all()


def test_overlapping_finds_are_one_face_and_neighbours_are_two() -> None:
    rows = as_rows((0, 0, 100, 100, 0.7), (10, 5, 100, 100, 0.9), (200, 0, 100, 100, 0.8))
    assert suppress(rows, 0.3)[:, 14].tolist() == pytest.approx([0.9, 0.8])


def test_a_closer_look_never_finds_a_face_inside_a_face() -> None:
    face = as_rows((0, 0, 400, 400, 0.9))
    eye, neighbour = as_rows((100, 100, 60, 60, 0.95)), as_rows((500, 100, 60, 60, 0.7))
    assert len(merge([face, eye])) == 1
    assert len(merge([face, np.concatenate([eye, neighbour])])) == 2


def test_threads_that_share_a_detector_get_their_own_faces(detector: Detector, portrait: Pixels) -> None:
    pictures = [scene(portrait, 600, 400, [(20 * shift, 10, 260 + 10 * shift)])[0] for shift in range(12)]
    alone = [detector.detect(picture) for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(detector.detect, pictures))

    def boxes(found: list[tuple[Face, ...]]) -> list[list[list[float]]]:
        return [[face.box.as_list() for face in faces] for faces in found]

    assert boxes(together) == boxes(alone)


def test_a_caller_who_turns_away_leaves_the_network_usable(model_cache: Path, portrait: Pixels) -> None:
    network = Network(bundled_detector(), model_cache, threads=2)
    samples = np.ascontiguousarray(portrait[None])
    for _, outputs in network.run_each((number, samples) for number in range(9)):
        assert outputs[0].shape[0] == 1
        break
    again = network.run(samples)
    assert all(np.array_equal(a, b) for a, b in zip(outputs, again, strict=True))
