"""What YuNet's numbers mean: from twelve output planes to boxes, landmarks and scores.

Rules kept here: numbers in, numbers out; no picture, no network. Source of the decoding: Wu, Peng, Yu,
"YuNet: A Tiny Millisecond-level Face Detector" (Machine Intelligence Research 20, 2023), and its anchor-free
priors of strides 8, 16 and 32.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

STRIDES = (8, 16, 32)
SIDE_MULTIPLE = STRIDES[-1]
"""The network's picture must have sides that are multiples of this, in pixels."""

Planes = Mapping[str, npt.NDArray[np.float32]]
"""Outputs by name, each (1, priors, n): n is 1 for ``cls_8`` and ``obj_8``, 4 for ``bbox_8``, 10 for ``kps_8``…."""

Rows = npt.NDArray[np.float32]
"""Found faces, shape (n, 15): x, y, width, height, five landmarks as x, y, and the score. In pixels."""

ROW_LENGTH = 15


def decode(planes: Planes, width: int, minimum_score: float) -> Rows:
    """Every prior whose score reaches ``minimum_score``, undecided between neighbours (see ``suppress``).

    ``width`` is that of the network's picture. The score is the geometric mean of class and objectness.
    """
    found: list[Rows] = []
    for stride in STRIDES:
        classes, objects = planes[f"cls_{stride}"].reshape(-1), planes[f"obj_{stride}"].reshape(-1)
        scores = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))
        chosen = np.flatnonzero(scores >= minimum_score)
        if chosen.size == 0:
            continue
        row, column = np.divmod(chosen, width // stride)
        prior = np.stack([column, row], axis=1).astype(np.float32)
        boxes = planes[f"bbox_{stride}"].reshape(-1, 4)[chosen]
        points = planes[f"kps_{stride}"].reshape(-1, 5, 2)[chosen]
        rows = np.empty((chosen.size, ROW_LENGTH), np.float32)
        rows[:, 2:4] = np.exp(np.minimum(boxes[:, 2:], 10)) * stride
        rows[:, 0:2] = (prior + boxes[:, :2]) * stride - rows[:, 2:4] / 2
        rows[:, 4:14] = ((points + prior[:, None, :]) * stride).reshape(-1, 10)
        rows[:, 14] = scores[chosen]
        found.append(rows[np.all(np.isfinite(rows), axis=1)])
    return np.concatenate(found) if found else np.empty((0, ROW_LENGTH), np.float32)


def suppress(rows: Rows, overlap: float) -> Rows:
    """The best of every group of ``rows`` that overlap (intersection over union above ``overlap``), best first.

    Greedy non-maximum suppression; ties keep the order given.
    """
    ordered = rows[np.argsort(-rows[:, 14], kind="stable")]
    kept: list[int] = []
    alive = np.ones(len(ordered), bool)
    for index in range(len(ordered)):
        if alive[index]:
            kept.append(index)
            shared, mine, theirs = intersections(ordered[index], ordered)
            alive &= shared <= overlap * (mine + theirs - shared)
    return ordered[kept]


def intersections(row: Rows, rows: Rows) -> tuple[npt.NDArray[np.float32], float, npt.NDArray[np.float32]]:
    """Areas in square pixels: shared by ``row`` and each of ``rows``, of ``row``, and of each of ``rows``."""
    sides = np.minimum(row[:2] + row[2:4], rows[:, :2] + rows[:, 2:4]) - np.maximum(row[:2], rows[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    return shared, float(row[2] * row[3]), rows[:, 2] * rows[:, 3]
