"""Faces are told apart by two thresholds, and what is nobody's is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from countenance.collection.bystanders import ALIKE, Thresholds, Wanted, tell_apart
from countenance.collection.collector import _forgotten
from countenance.recognition.candidates.calibrate import Calibration, shipped
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.models.package import bundled_template_model
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store.subjects import SubjectRow, SubjectState
from countenance.terms import Box, SubjectId, Vectors
from countenance.vault.sealing import WrappedKeys

HERE = Thresholds(accept=0.6, ask=0.3)


def subject(number: int) -> SubjectRow:
    return SubjectRow(SubjectId(number), b"", b"", WrappedKeys("GB", {}), SubjectState.ACTIVE, "")


def at_score(*scores: float) -> Vectors:
    """Unit vectors whose comparison score with the first axis is as given."""
    rows = np.zeros((len(scores), 8), np.float32)
    for place, score in enumerate(scores):
        rows[place, 0], rows[place, 2 + place] = score, np.sqrt(1 - score * score)
    return rows


def faces(templates: Vectors) -> list[RecognisedFace]:
    blank = np.zeros((112, 112, 3), np.uint8)
    return [
        RecognisedFace(Face(Box(0, 0, 9, 9), np.zeros((5, 2), np.float32), 1.0), blank, Quality(90, ()), row)
        for row in templates
    ]


AXIS = np.eye(8, dtype=np.float32)
ANNA = Wanted(subject(1), AXIS[:1], HERE)


@pytest.mark.parametrize(
    ("scores", "certain", "asked", "bystanders"),
    [
        ((0.9,), [0.9], [], 0),
        ((0.5,), [], [0.5], 0),
        ((0.2,), [], [], 1),
        ((0.9, 0.1, 0.2), [0.9], [], 2),
        ((0.9, 0.5), [0.9], [0.5], 0),
        ((0.9, 0.9 - ALIKE / 2), [], [0.9, 0.9 - ALIKE / 2], 0),
        ((0.6, 0.3), [0.6], [0.3], 0),
        ((0.59999, 0.29999), [], [0.59999], 1),
    ],
    ids=[
        "certain",
        "doubtful",
        "a bystander",
        "among bystanders",
        "certain and doubtful",
        "two nearly alike",
        "on the thresholds",
        "just below them",
    ],
)
def test_a_face_is_hers_or_asked_about_or_a_bystanders(
    scores: tuple[float, ...], certain: list[float], asked: list[float], bystanders: int
) -> None:
    apart = tell_apart(faces(at_score(*scores)), [ANNA])
    assert [round(s.score, 5) for s in apart.sightings if s.certain] == pytest.approx(certain)
    assert [round(s.score, 5) for s in apart.sightings if not s.certain] == pytest.approx(asked)
    assert (apart.faces, apart.bystanders) == (len(scores), bystanders)


def at_second_sight(score: float) -> Callable[[Sequence[RecognisedFace]], Vectors]:
    """A closer look at which every face has this score with the first axis."""
    return lambda doubtful: np.repeat(at_score(score), len(doubtful), axis=0)


TWICE = Wanted(subject(1), AXIS[:1], Thresholds(accept=0.6, ask=0.3, again=0.5))


@pytest.mark.parametrize(
    ("first", "second", "certain"),
    [(0.4, 0.5, True), (0.4, 0.49, False), (0.29, 0.9, False), (0.7, 0.0, True)],
    ids=["made certain", "still doubtful", "never in doubt, a bystander", "certain at once"],
)
def test_only_a_doubtful_face_is_looked_at_again(first: float, second: float, certain: bool) -> None:
    apart = tell_apart(faces(at_score(first)), [TWICE], at_second_sight(second))
    assert [s.certain for s in apart.sightings] == ([certain] if first >= 0.3 else [])
    assert [round(s.score, 5) for s in apart.sightings] == ([first] if first >= 0.3 else [])


def test_the_second_look_compares_with_all_references_together() -> None:
    """Half way between two references: too far from either alone, near to both together."""
    two = np.stack([AXIS[0], AXIS[1]])
    between = np.array([[0.5, 0.5, np.sqrt(0.5), 0, 0, 0, 0, 0]], np.float32)
    anna = Wanted(subject(1), two, Thresholds(accept=0.6, ask=0.3, again=0.7))
    assert not tell_apart(faces(between), [anna]).sightings[0].certain
    assert tell_apart(faces(between), [anna], lambda doubtful: between).sightings[0].certain


def test_two_faces_alike_are_asked_about_after_the_second_look_too() -> None:
    apart = tell_apart(faces(at_score(0.5, 0.5 - ALIKE / 2)), [TWICE], at_second_sight(0.9))
    assert [s.certain for s in apart.sightings] == [False, False]


def test_each_of_two_permitted_people_gets_her_own_face() -> None:
    ben = Wanted(subject(2), AXIS[1:2], HERE, named=False)
    templates = np.stack([AXIS[1], AXIS[0]])
    apart = tell_apart(faces(templates), [ANNA, ben])
    found = {int(s.subject.subject_id): int(np.argmax(s.face.template)) for s in apart.sightings}
    assert found == {1: 0, 2: 1}


def test_nobody_is_asked_about_somebody_elses_album() -> None:
    ben = Wanted(subject(2), AXIS[:1], HERE, named=False)
    apart = tell_apart(faces(at_score(0.5)), [ben])
    assert (apart.sightings, apart.bystanders) == ((), 1)


def test_a_face_goes_to_the_subject_whom_it_resembles_most() -> None:
    sister = np.array([[0.8, 0.6, 0, 0, 0, 0, 0, 0]], np.float32)
    bea = Wanted(subject(2), sister, HERE, named=False)
    apart = tell_apart(faces(sister), [ANNA, bea])
    assert [int(s.subject.subject_id) for s in apart.sightings] == [2]


def test_no_template_of_a_bystander_is_reachable_after_the_comparison() -> None:
    found = faces(at_score(0.9, 0.1, 0.2))
    shared = np.stack([f.template for f in found])
    found = [RecognisedFace(f.face, f.chip, f.quality, shared[i]) for i, f in enumerate(found)]
    apart = tell_apart(found, [ANNA])
    kept = [_forgotten(face, apart.sightings) for face in found]
    assert [face.template.size for face in kept] == [8, 0, 0]
    assert all(face.template.base is None for face in kept)
    assert all(face.chip.size == 0 for face in kept)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    found = shipped(bundled_template_model().manifest.sha256, "plain")
    assert found is not None
    return found


def test_more_references_make_both_thresholds_higher(calibration: Calibration) -> None:
    made = [Thresholds.of(calibration, count) for count in (1, 3, 10, 20)]
    assert [one.accept for one in made] == sorted(one.accept for one in made)
    assert all(0.2 < one.ask < one.accept < 0.75 for one in made)
    both = calibration.false_match_rate(made[2].accept).value * 10
    assert made[2].again is not None
    assert both + calibration.false_match_rate(made[2].again).value <= 1.1e-6
