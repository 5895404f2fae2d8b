"""What is wrong with a face is named, scored on one scale, and never its colour."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from countenance.recognition.faces.align import ARCFACE_TEMPLATE, align
from countenance.recognition.faces.detect import Detector
from countenance.recognition.faces.face import Face, Landmarks
from countenance.recognition.faces.pose import _HEAD_MM, head_pose
from countenance.recognition.faces.quality import ACCEPTABLE, ENROLMENT_MINIMUM, Component, Quality, assess
from countenance.recognition.images import read
from countenance.recognition.models.package import bundled_detector
from countenance.settings import ImageLimits
from countenance.terms import Box, Pixels

PICTURE = np.zeros((480, 640, 3), np.uint8)


def drawn_chip(seed: int = 3) -> Pixels:
    """A drawing with about the grey levels and the fine detail of a face; it shows nobody."""
    random = np.random.default_rng(seed)
    chip = np.full((112, 112), 140.0)
    for sigma, weight in ((12.0, 30.0), (4.0, 22.0), (1.2, 14.0), (0.6, 5.0)):
        layer = cv2.GaussianBlur(random.normal(0, 1, chip.shape), (0, 0), sigma)
        chip += weight * layer / layer.std()
    return np.repeat(np.clip(chip, 30, 240).astype(np.uint8)[:, :, None], 3, axis=2)


def turned_head(
    yaw: float = 0, pitch: float = 0, roll: float = 0, *, eyes: float = 70, distance: float = 900
) -> Landmarks:
    """Landmarks of the mean head seen by a camera ``distance`` millimetres away, in the middle of PICTURE."""
    y, p, r = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    lean = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = (_HEAD_MM - _HEAD_MM.mean(axis=0)) @ (lean @ turn @ nod).T
    seen = points[:, :2] * distance / (distance + points[:, 2:])
    return (seen * eyes / 64 + (320, 240)).astype(np.float32)


GOOD = Face(Box(230, 130, 180, 220), turned_head(), 0.93)


def judged(face: Face = GOOD, spoil: Callable[[Pixels], Pixels] = lambda chip: chip) -> Quality:
    return assess(PICTURE, face, spoil(drawn_chip()))


def part(quality: Quality, name: str) -> Component:
    return next(one for one in quality.components if one.name == name)


def lit(gain: float) -> Callable[[Pixels], Pixels]:
    return lambda chip: np.clip(np.rint(chip * gain), 0, 255).astype(np.uint8)


def blurred(sigma: float) -> Callable[[Pixels], Pixels]:
    return lambda chip: np.asarray(cv2.GaussianBlur(chip, (0, 0), sigma), np.uint8)


def flattened(gain: float) -> Callable[[Pixels], Pixels]:
    return lambda chip: np.rint(128 + (chip - 128.0) * gain).astype(np.uint8)


def unchanged(chip: Pixels) -> Pixels:
    return chip


def test_good_face_has_every_component_and_no_reason() -> None:
    quality = judged()
    names = [one.name for one in quality.components]
    assert names == [
        "size", "sharpness", "exposure", "contrast", "yaw", "pitch", "roll", "detector_confidence", "completeness",
    ]  # fmt: skip
    assert quality.score >= 90
    assert quality.reasons == ()


SPOILT: dict[str, tuple[Face, Callable[[Pixels], Pixels], str, str]] = {
    "blurred": (GOOD, blurred(3), "sharpness", "the face is blurred"),
    "very dark": (GOOD, lit(0.1), "exposure", "badly exposed"),
    "burnt out": (GOOD, lit(2.5), "exposure", "badly exposed"),
    "flat as fog": (GOOD, flattened(0.06), "contrast", "the face is flat"),
    "tiny": (
        replace(GOOD, landmarks=turned_head(eyes=8)),
        unchanged,
        "size",
        "is 8 pixels between the eyes; 60 are",
    ),
    "turned away": (replace(GOOD, landmarks=turned_head(yaw=60)), unchanged, "yaw", "to the image's right"),
    "turned the other way": (
        replace(GOOD, landmarks=turned_head(yaw=-60)),
        unchanged,
        "yaw",
        "to the image's left",
    ),
    "looking down": (replace(GOOD, landmarks=turned_head(pitch=-55)), unchanged, "pitch", "degrees down"),
    "upside down": (
        replace(GOOD, landmarks=turned_head(roll=175)),
        unchanged,
        "roll",
        "turn the photograph upright",
    ),
    "hardly a face": (replace(GOOD, confidence=0.61), unchanged, "detector_confidence", "only 61% sure"),
    "half outside, left": (
        replace(GOOD, box=Box(-90, 130, 180, 220)),
        unchanged,
        "completeness",
        "50% of the face",
    ),
    "half outside, right": (replace(GOOD, box=Box(550, 130, 180, 220)), unchanged, "completeness", "50% of the"),
    "half outside, top": (replace(GOOD, box=Box(230, -110, 180, 220)), unchanged, "completeness", "50% of the"),
    "half outside, bottom": (replace(GOOD, box=Box(230, 370, 180, 220)), unchanged, "completeness", "50% of the"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_face_is_refused_for_the_component_that_is_spoilt(name: str) -> None:
    face, spoil, component, words = SPOILT[name]
    quality = judged(face, spoil)
    assert quality.score < ENROLMENT_MINIMUM
    assert min(quality.components, key=lambda one: one.score).name == component
    assert words in quality.reasons[0]


def test_whole_is_its_worst_component_and_reasons_come_worst_first() -> None:
    quality = judged(replace(GOOD, landmarks=turned_head(eyes=20), confidence=0.72), blurred(4))
    assert quality.score == min(one.score for one in quality.components)
    poor = sorted((one for one in quality.components if one.score < ACCEPTABLE), key=lambda one: one.score)
    assert [one.name for one in poor] == ["sharpness", "detector_confidence", "size"]
    assert quality.reasons == tuple(one.reason for one in poor)
    assert all((one.reason is None) == (one.score >= ACCEPTABLE) for one in quality.components)


@pytest.mark.parametrize("gain", [0.8, 0.6, 0.45])
def test_darker_skin_in_the_same_light_loses_nothing_in_exposure_and_sharpness(gain: float) -> None:
    light, dark = judged(), judged(GOOD, lit(gain))
    assert part(dark, "exposure").score >= 99
    assert abs(part(dark, "sharpness").value - part(light, "sharpness").value) < 3
    assert dark.score >= ACCEPTABLE


@pytest.mark.parametrize(
    ("component", "series"),
    [
        ("sharpness", [judged(GOOD, blurred(sigma)) for sigma in (0.3, 0.8, 1.2, 1.8, 2.5)]),
        ("exposure", [judged(GOOD, lit(gain)) for gain in (1.0, 0.3, 0.2, 0.15, 0.1)]),
        ("contrast", [judged(GOOD, flattened(gain)) for gain in (1.0, 0.5, 0.3, 0.15, 0.05)]),
        ("size", [judged(replace(GOOD, landmarks=turned_head(eyes=eyes))) for eyes in (80, 50, 30, 15, 6)]),
        ("yaw", [judged(replace(GOOD, landmarks=turned_head(yaw=yaw))) for yaw in (0, 20, 35, 50, 70)]),
    ],
)
def test_worse_never_scores_better(component: str, series: list[Quality]) -> None:
    scores = [part(quality, component).score for quality in series]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] >= 95
    assert scores[-1] < ENROLMENT_MINIMUM


def test_turned_head_is_not_called_small_as_well() -> None:
    straight = part(judged(), "size").value
    turned = part(judged(replace(GOOD, landmarks=turned_head(yaw=45))), "size").value
    assert turned == pytest.approx(straight, rel=0.05)


@pytest.mark.parametrize("distance", [500, 900, 5000])
@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"),
    [
        (0, 0, 0),
        (20, 0, 0),
        (-40, 0, 0),
        (0, 20, 0),
        (0, -25, 0),
        (0, 0, 30),
        (0, 0, -70),
        (20, -10, 15),
        (60, 0, 0),
    ],
)
def test_head_pose_of_exact_landmarks_is_within_seven_degrees(
    yaw: float, pitch: float, roll: float, distance: float
) -> None:
    pose = head_pose(turned_head(yaw, pitch, roll, distance=distance))
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx((yaw, pitch, roll), abs=7 if yaw and pitch else 4)


@settings(max_examples=150, deadline=None, database=None)
@given(
    landmarks=arrays(np.float32, (5, 2), elements=st.floats(-2000, 2000, width=32)),
    numbers=st.tuples(*[st.floats(-1000, 2000)] * 2, *[st.floats(0, 3000)] * 2),
    confidence=st.floats(0, 1),
    chip=st.sampled_from([np.zeros((112, 112, 3), np.uint8), np.full((112, 112, 3), 255, np.uint8), drawn_chip()]),
)
def test_no_landmarks_box_or_chip_is_without_a_score(
    landmarks: Landmarks, numbers: tuple[float, float, float, float], confidence: float, chip: Pixels
) -> None:
    quality = assess(PICTURE, Face(Box(*numbers), landmarks, confidence), chip)
    for one in quality.components:
        assert 0 <= one.score <= 100
        assert np.isfinite(one.value)
    assert (quality.score >= ACCEPTABLE) == (quality.reasons == ())


def test_aligned_face_has_the_pose_of_a_frontal_face() -> None:
    pose = head_pose(ARCFACE_TEMPLATE)
    assert max(abs(pose.yaw), abs(pose.pitch), abs(pose.roll)) < 15


ORL = Path(os.environ.get("COUNTENANCE_ORL") or Path(__file__).parents[4] / "shared" / "faces" / "orl")


def orl_photograph(subject: int, image: int) -> Pixels:
    """Cropped tightly, so with a border of its own edge, at twice its size."""
    _, picture = read(ORL / f"s{subject}" / f"{image}.pgm", ImageLimits())
    framed = cv2.copyMakeBorder(picture.pixels, 30, 30, 30, 30, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(framed, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)


ORL_SPOILT: dict[str, tuple[Callable[[Pixels], Pixels], float, set[str], float]] = {
    "blurred": (blurred(6), 1.0, {"sharpness", "detector_confidence"}, 0.95),
    "very dark": (lit(0.1), 1.0, {"exposure"}, 0.99),
    "tiny": (
        lambda picture: np.asarray(
            cv2.resize(picture, None, fx=0.12, fy=0.12, interpolation=cv2.INTER_AREA), np.uint8
        ),
        0.12,
        {"size"},
        0.99,
    ),
}


@pytest.mark.skipif(not ORL.is_dir(), reason=f"the ORL photographs are not at {ORL} (set COUNTENANCE_ORL)")
def test_photographs_of_faces_enrol_and_their_spoilt_copies_do_not(tmp_path: Path) -> None:
    detector = Detector(bundled_detector(), tmp_path)
    passed, refused = 0, dict.fromkeys(ORL_SPOILT, 0)
    named: dict[str, set[str]] = {name: set() for name in ORL_SPOILT}
    for subject in range(1, 41):
        for image in range(1, 11):
            picture = orl_photograph(subject, image)
            face = detector.detect(picture)[0]
            quality = assess(picture, face, align(picture, face.landmarks))
            passed += quality.score >= ENROLMENT_MINIMUM
            for name, (spoil, scale, _, _) in ORL_SPOILT.items() if image == 1 else ():
                worse = spoil(picture)
                moved = replace(face, landmarks=face.landmarks * np.float32(scale))
                spoilt = assess(picture, moved, align(worse, moved.landmarks))
                refused[name] += spoilt.score < ENROLMENT_MINIMUM
                named[name].add(min(spoilt.components, key=lambda one: one.score).name)
    assert passed / 400 >= 0.99
    for name, (_, _, components, share) in ORL_SPOILT.items():
        assert refused[name] / 40 >= share, name
        assert named[name] <= components, name
