"""How good a face is for comparison: named components after ISO/IEC 29794-5, each 0 to 100, with a reason.

Rules kept here: a component is a measured value and a score on one scale, on which 100 is what is recommended,
``ACCEPTABLE`` is where comparison scores begin to suffer, and ``ENROLMENT_MINIMUM`` is where enrolment ends. The
whole is as good as its worst component, so the reason for a refusal is always one of those given. Nothing is
judged by mean brightness, which depends on the colour of the skin: what counts is the share of the face that
is neither black nor burnt out, and the range between its dark and light parts. Every threshold was measured;
docs/quality.md has the tables and says what they do not cover.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, hypot, radians

import cv2
import numpy as np

from countenance.recognition.faces.face import Face, Landmarks
from countenance.recognition.faces.pose import head_pose
from countenance.terms import Box, Pixels

ENROLMENT_MINIMUM = 40
"""The lowest score of the whole that is enrolled.

Source: the error-versus-discard curve in docs/quality.md (``python -m benchmarks.enrolment``, SFace templates). At
40 the curve bends: errors have fallen from 6.3% to 2.9% on degraded photographs, and from 0.7% to 0.2% on ORL as
it is; a higher minimum refuses more people and hardly lowers them. ``countenance evaluate`` draws the curve of a
user's own pictures and model.
"""

ACCEPTABLE = 60
"""A component below this is explained to the person."""


@dataclass(frozen=True, slots=True)
class Component:
    """One property of a face: ``score`` 0 to 100, the measured ``value`` in ``unit``.

    ``reason`` is a plain sentence when the score is below ``ACCEPTABLE``, else None.
    """

    name: str
    score: int
    value: float
    unit: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Quality:
    """A face's quality: ``score`` 0 to 100 is that of the worst of its ``components``."""

    score: int
    components: tuple[Component, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON form: ``score``, ``components`` by name, ``reasons``."""
        components = {
            one.name: {"score": one.score, "value": round(one.value, 2), "unit": one.unit}
            for one in self.components
        }
        return {"score": self.score, "components": components, "reasons": list(self.reasons)}

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is wrong, worst first; empty when every component is acceptable."""
        worst_first = sorted(self.components, key=lambda one: one.score)
        return tuple(one.reason for one in worst_first if one.reason is not None)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How a value becomes a score: linear between the knots (value, score), flat beyond them."""

    name: str
    unit: str
    knots: tuple[tuple[float, float], ...]
    reason: Callable[[float], str]

    def component(self, value: float) -> Component:
        values, scores = zip(*self.knots, strict=True)
        score = int(np.interp(abs(value), values, scores))
        return Component(
            self.name, score, round(value, 1), self.unit, self.reason(value) if score < ACCEPTABLE else None
        )


_SIZE = _Scale(
    "size",
    "pixels between the eyes",
    ((4, 0), (12, 40), (24, 60), (60, 100)),  # 60 is recommended by ISO/IEC 19794-5 for comparison by machine
    lambda value: f"the face is {value:.0f} pixels between the eyes; 60 are recommended",
)
_SHARPNESS = _Scale(
    "sharpness",
    "% of local detail that a slight blur removes",
    ((8, 0), (19, 40), (25, 60), (45, 100)),
    lambda value: f"the face is blurred ({value:.0f}% fine detail; sharp faces have 25% or more)",
)
_EXPOSURE = _Scale(
    "exposure",
    "% of the face neither black nor burnt out",
    ((0, 0), (30, 40), (60, 60), (90, 100)),
    lambda value: f"the face is badly exposed: {100 - value:.0f}% of it is black or burnt out",
)
_CONTRAST = _Scale(
    "contrast",
    "grey levels between the dark and the light parts",
    ((4, 0), (16, 40), (30, 60), (80, 100)),
    lambda value: f"the face is flat: only {value:.0f} of 255 grey levels lie between its dark and light parts",
)
_YAW = _Scale(
    "yaw",
    "degrees",
    ((15, 100), (30, 60), (45, 40), (75, 0)),
    lambda value: (
        f"the head is turned about {abs(value):.0f} degrees to the image's {'right' if value > 0 else 'left'}"
    ),
)
_PITCH = _Scale(
    "pitch",
    "degrees",
    ((15, 100), (30, 60), (45, 40), (75, 0)),
    lambda value: f"the head is tilted about {abs(value):.0f} degrees {'up' if value > 0 else 'down'}",
)
_ROLL = _Scale(
    "roll",
    "degrees",
    ((30, 100), (60, 60), (120, 40), (180, 20)),  # alignment turns the face upright, so little is lost
    lambda value: f"the head leans about {abs(value):.0f} degrees; turn the photograph upright",
)
_CONFIDENCE = _Scale(
    "detector_confidence",
    "% sure that this is a face",
    ((50, 0), (70, 40), (80, 60), (90, 100)),
    lambda value: f"the detector is only {value:.0f}% sure that this is a face; it may be covered or very unclear",
)
_COMPLETENESS = _Scale(
    "completeness",
    "% of the face inside the picture",
    ((30, 0), (60, 40), (80, 60), (98, 100)),
    lambda value: f"{100 - value:.0f}% of the face is outside the picture",
)

_INNER_FACE = np.s_[28:104, 24:88]
"""Brows to chin and cheek to cheek on a 112x112 chip; hair, background and collar mostly lie outside."""


def assess(pixels: Pixels, face: Face, chip: Pixels) -> Quality:
    """The quality of one ``face`` found in ``pixels`` (upright RGB, (h, w, 3) uint8).

    ``chip`` is the same face aligned to (112, 112, 3): what the template is made of, so sharpness, exposure and
    contrast are those of the chip. ISO/IEC 29794-5 names more components (occlusion, expression, background);
    those need models of their own and are not judged.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(chip[_INNER_FACE]), cv2.COLOR_RGB2GRAY)
    pose = head_pose(face.landmarks)
    low, high, usable = _light(np.asarray(grey, np.uint8))
    components = (
        _SIZE.component(_eye_distance(face.landmarks, pose.yaw)),
        _SHARPNESS.component(100 * _sharpness(np.asarray(grey, np.uint8))),
        _EXPOSURE.component(100 * usable),
        _CONTRAST.component(high - low),
        _YAW.component(pose.yaw),
        _PITCH.component(pose.pitch),
        _ROLL.component(pose.roll),
        _CONFIDENCE.component(100 * face.confidence),
        _COMPLETENESS.component(100 * _inside(face.box, pixels.shape[1], pixels.shape[0])),
    )
    return Quality(min(one.score for one in components), components)


def _eye_distance(landmarks: Landmarks, yaw: float) -> float:
    """Pixels between the eyes as if the head faced the camera (ISO/IEC 29794-5), so that a turned head is not
    called small as well; the correction ends at 60 degrees, where one eye is hidden."""
    (right_x, right_y), (left_x, left_y) = landmarks[:2].tolist()
    return hypot(left_x - right_x, left_y - right_y) / max(cos(radians(yaw)), 0.5)


def _sharpness(grey: Pixels) -> float:
    """The share of the differences between neighbours that a 5-pixel mean removes, along the blurrier axis.

    Source: Crete, Dolmiere, Ladret, Nicolas, "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric", 2007; window 5 instead of 9 because a chip is small. Contrast does not change it.
    """
    samples = grey.astype(np.float32)
    shares = []
    for axis, window in ((0, (1, 5)), (1, (5, 1))):
        before = np.abs(np.diff(samples, axis=axis))
        after = np.abs(np.diff(cv2.blur(samples, window), axis=axis))
        total = float(before.sum())
        shares.append(float(np.maximum(before - after, 0).sum()) / total if total > 0 else 0.0)
    return min(shares)


def _light(grey: Pixels) -> tuple[int, int, float]:
    """The 5th and 95th percentile of the grey levels, and the share that is neither black nor burnt out.

    Black is 0 to 25 and burnt out 247 to 255, the bins of ISO/IEC 29794-5 for under- and over-exposure.
    """
    counts = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    total = int(counts[-1])
    low, high = np.searchsorted(counts, (0.05 * total, 0.95 * total)).tolist()
    return low, high, float(counts[246] - counts[25]) / total


def _inside(box: Box, width: int, height: int) -> float:
    """The share of the box's area that lies inside a picture of ``width`` x ``height``."""
    across = min(box.x + box.width, width) - max(box.x, 0.0)
    down = min(box.y + box.height, height) - max(box.y, 0.0)
    area = box.width * box.height
    return max(across, 0.0) * max(down, 0.0) / area if area > 0 else 0.0
