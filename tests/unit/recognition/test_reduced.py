"""A photograph is decoded at half its size where its faces are large; no face worth enrolling is lost by it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from countenance.recognition.faces.detect import Detector
from countenance.recognition.faces.quality import ENROLMENT_MINIMUM
from countenance.recognition.gallery.stored_copy import Detail, Keep, stored_copy
from countenance.recognition.images import Picture, decode
from countenance.recognition.templates import reduced
from countenance.recognition.templates.extract import Extractor
from countenance.recognition.templates.recogniser import Recogniser
from countenance.recognition.templates.reduced import SMALL_FACE, Seen, recognise_reduced
from countenance.settings import ImageLimits
from countenance.terms import Pixels

WIDTH, HEIGHT = 3600, 2400
LEFT, TOP = 1700, 900


@pytest.fixture(scope="module")
def recogniser(detector: Detector, extractor: Extractor) -> Recogniser:
    return Recogniser(detector, extractor)


def photograph(portrait: Pixels, side: int) -> Pixels:
    """The portrait, ``side`` pixels of head and shoulders, in a large grainy photograph; the face is 27% of it."""
    grain = np.random.default_rng(side).integers(96, 160, (HEIGHT // 4, WIDTH // 4, 1), np.uint8)
    page = cv2.resize(np.repeat(grain, 3, axis=2), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    page[TOP : TOP + side, LEFT : LEFT + side] = cv2.resize(
        portrait[:320, 60:380], (side, side), interpolation=cv2.INTER_AREA
    )
    return np.asarray(page, np.uint8)


def halved(whole: Pixels) -> Picture:
    small = cv2.resize(whole, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA)
    return Picture(np.asarray(small, np.uint8), "image/jpeg", reduction=2)


def seen(recogniser: Recogniser, whole: Pixels) -> Seen:
    return recognise_reduced(recogniser, halved(whole), lambda: whole)


@pytest.mark.parametrize("side", [104, 111, 128, 160, 200])
def test_a_small_face_is_as_good_as_in_the_whole_photograph(
    recogniser: Recogniser, portrait: Pixels, side: int
) -> None:
    page = photograph(portrait, side)
    (expected,) = recogniser.recognise(page)
    assert expected.quality.score >= ENROLMENT_MINIMUM
    (found,) = seen(recogniser, page).faces
    assert found.quality.score >= expected.quality.score - 5
    assert float(found.template @ expected.template) > 0.85  # of 30 pixels a shift by half of one makes as much
    # It lies where it lies in the halved picture.
    assert found.face.box.x == pytest.approx(expected.face.box.x / 2, abs=3)
    assert found.face.box.width == pytest.approx(expected.face.box.width / 2, abs=3)
    np.testing.assert_allclose(found.face.landmarks, expected.face.landmarks / 2, atol=3)


def test_halving_alone_would_lose_such_faces(recogniser: Recogniser, portrait: Pixels) -> None:
    for side in (104, 111, 128, 160):
        found = recogniser.recognise(halved(photograph(portrait, side)).pixels)
        assert all(one.quality.score < ENROLMENT_MINIMUM for one in found)


def test_a_photograph_of_large_faces_is_not_decoded_whole(recogniser: Recogniser, portrait: Pixels) -> None:
    def never() -> Pixels:
        raise AssertionError("the whole photograph was asked for")

    answer = recognise_reduced(recogniser, halved(photograph(portrait, 600)), never)
    assert [one.face.box.width > SMALL_FACE for one in answer.faces] == [True]
    assert (answer.whole, answer.closer) == (None, frozenset())


def test_a_picture_that_was_not_reduced_is_looked_at_once(recogniser: Recogniser, portrait: Pixels) -> None:
    page = photograph(portrait, 160)[TOP - 200 : TOP + 400, LEFT - 200 : LEFT + 400]

    def never() -> Pixels:
        raise AssertionError("there is no larger one")

    assert len(recognise_reduced(recogniser, Picture(page, "image/jpeg"), never).faces) == 1


def test_a_photograph_too_large_to_be_held_several_times_is_not_decoded_whole(
    recogniser: Recogniser, portrait: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reduced, "LARGE_PIXELS", WIDTH * HEIGHT - 1)
    assert seen(recogniser, photograph(portrait, 160)).whole is None


def test_small_and_large_faces_come_once_each_and_largest_first(recogniser: Recogniser, portrait: Pixels) -> None:
    page = photograph(portrait, 111)
    for left, side in ((200, 700), (2600, 160)):
        shown = photograph(portrait, side)[TOP : TOP + side, LEFT : LEFT + side]
        page[300 : 300 + side, left : left + side] = shown
    answer = seen(recogniser, page)
    widths = [one.face.box.width for one in answer.faces]
    assert len(widths) == 3
    assert widths == sorted(widths, reverse=True)
    assert answer.closer == {1, 2}


def test_what_is_stored_of_a_small_face_has_the_files_own_pixels(recogniser: Recogniser, portrait: Pixels) -> None:
    page = photograph(portrait, 128)
    answer = seen(recogniser, page)
    chosen = answer.faces[0].face
    assert answer.whole is not None
    detail = Detail.around(answer.whole, chosen.box, 2)
    kept = stored_copy(b"", answer.picture, [chosen], chosen, Keep.CROP, detail)
    stored = decode(kept.data, ImageLimits()).pixels
    assert stored.shape[1] == pytest.approx(6 * chosen.box.width, abs=3)  # as wide again on either side, twice
    left, top = round(2 * (chosen.box.x - chosen.box.width)), round(2 * (chosen.box.y - chosen.box.height))
    around = page[top : top + stored.shape[0], left : left + stored.shape[1]]
    assert np.abs(stored.astype(int) - around.astype(int)).mean() < 12
    (again,) = recogniser.recognise(stored)
    assert again.quality.score >= ENROLMENT_MINIMUM
    assert kept.box.x == pytest.approx(again.face.box.x, abs=4)


def test_other_faces_near_a_small_one_are_covered_in_what_is_stored(
    recogniser: Recogniser, portrait: Pixels
) -> None:
    page = photograph(portrait, 128)
    page[TOP : TOP + 128, LEFT + 60 : LEFT + 188] = page[TOP : TOP + 128, LEFT : LEFT + 128]
    page[TOP : TOP + 128, LEFT : LEFT + 60] = photograph(portrait, 129)[TOP : TOP + 128, LEFT + 30 : LEFT + 90]
    answer = seen(recogniser, page)
    assert len(answer.faces) == 2
    assert answer.whole is not None
    chosen = max((one.face for one in answer.faces), key=lambda face: face.box.x)
    detail = Detail.around(answer.whole, chosen.box, 2)
    faces = [one.face for one in answer.faces]
    kept = stored_copy(b"", answer.picture, faces, chosen, Keep.CROP, detail)
    (left,) = recogniser.recognise(decode(kept.data, ImageLimits()).pixels)
    assert left.face.box.x == pytest.approx(kept.box.x, abs=6)
