"""A found face: where it is, its five landmarks, and how sure the detector is. No pixels are kept here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.terms import Box

Landmarks = npt.NDArray[np.float32]
"""Five points, shape (5, 2), (x, y) in pixels of the upright picture, in this order: the subject's right eye
(left in the image), left eye, nose tip, right mouth corner, left mouth corner. The order is YuNet's."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face found in a picture.

    ``confidence`` is the detector's own score, 0 to 1. Two faces are the same only if they are the same object.
    """

    box: Box
    landmarks: Landmarks
    confidence: float
