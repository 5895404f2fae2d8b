"""Which way a head is turned, estimated from five landmarks alone.

Method: five points of a mean head are fitted to the landmarks by least squares under scaled orthographic
projection (a face far away compared with its depth), and the fitted matrix is replaced by the nearest rotation.
It is coarse: only the nose tip stands out of the plane of the other four. On exact landmarks of the mean head
the angles are within 4 degrees, within 7 when it is turned and tilted at once before a near camera; landmarks
that are off by 2% of the eye distance scatter them by 3 degrees; and a person whose nose is longer, or set
higher, than the mean is a few degrees off throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, atan2, degrees

import numpy as np
import numpy.typing as npt

from countenance.recognition.faces.face import Landmarks

_HEAD_MM = np.array(
    [[-32.0, 0.0, 0.0], [32.0, 0.0, 0.0], [0.0, 36.5, -32.0], [-26.5, 62.0, -5.0], [26.5, 62.0, -5.0]]
)
"""Right eye, left eye, nose tip, right and left mouth corner in millimetres: x to the image's right, y down,
z away from the camera. Across and down are the medians of what the detector finds on 257 near-frontal ORL
photographs, scaled to an eye distance of 64 mm; depths are rounded adult means."""

_FIT = np.linalg.pinv(_HEAD_MM - _HEAD_MM.mean(axis=0)).T


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Angles of the head in degrees, 0 when it faces the camera.

    ``yaw`` is positive when the face looks to the image's right (the subject's left), ``pitch`` when it looks
    up, ``roll`` when it leans clockwise in the image.
    """

    yaw: float
    pitch: float
    roll: float


def head_pose(landmarks: Landmarks) -> HeadPose:
    """The pose of the head with these ``landmarks``, shape (5, 2). Landmarks on one spot give a frontal pose."""
    points: npt.NDArray[np.float64] = np.asarray(landmarks, np.float64)
    affine = (points - points.mean(axis=0)).T @ _FIT
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    (across, down) = (left @ right).tolist()
    looks_x, looks_y = -across[2], -down[2]
    towards = across[0] * down[1] - across[1] * down[0]
    return HeadPose(
        yaw=degrees(atan2(looks_x, towards)),
        pitch=degrees(asin(min(1.0, max(-1.0, -looks_y)))),
        roll=degrees(atan2(down[0], across[0])),
    )
