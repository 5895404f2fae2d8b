"""A track's best faces, and the one template that is searched for them.

Rules kept here:

* A template that the tracking has made already is used again; so many are made anew as are needed for
  ``FUSED`` of them, the best faces first, and that of the best face in any case.
* A face that is unlike the others does not count: it is somebody else's. One that has no template, and so cannot be
  compared, is not kept either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from countenance.recognition.templates.recogniser import JudgedFace
from countenance.terms import Box, Pixels, Vectors

FUSED = 3
"""Templates that a track's is made of, at least, where it has as many faces (docs/adr/0016-clips.md)."""
SAME_NEAR = 0.25
"""Comparison score below which a face is not the same even in the same place: somebody stepped in front. Different
people score 0.10 +- 0.10 (docs/quality.md), one person from look to look far more."""

Extract = Callable[[Sequence[Pixels]], Vectors]
"""Makes templates of aligned faces."""


@dataclass(slots=True, eq=False)
class Seen:
    """A face at a time. Its template, unit length, is None until it is needed."""

    at_s: float
    judged: JudgedFace
    template: Vectors | None = None

    @property
    def box(self) -> Box:
        """Where it was."""
        return self.judged.face.box

    @property
    def quality(self) -> int:
        """How good it is, 0 to 100."""
        return self.judged.quality.score


def fuse(best: Sequence[Seen], extract: Extract) -> tuple[tuple[Seen, ...], Vectors]:
    """Those of the ``best`` faces, best first, that are one person's, and the mean of their templates.

    Each is weighed by its quality; the mean has unit length.
    """
    wanted = FUSED - sum(seen.template is not None for seen in best[1:])
    bare = [seen for seen in best[1:] if seen.template is None]
    with_templates([seen for seen in [best[0]] if seen.template is None] + bare[: max(0, wanted - 1)], extract)
    known = [seen for seen in best if seen.template is not None]
    rows = np.stack([seen.template for seen in known if seen.template is not None])
    weights = np.array([max(seen.quality, 1) for seen in known], np.float32)
    like = _like_the_rest(rows, weights)
    fused = (rows[like] * weights[like, None]).sum(axis=0)
    unit: Vectors = (fused / np.linalg.norm(fused)).astype(np.float32)
    return tuple(seen for seen, one in zip(known, like.tolist(), strict=True) if one), unit


def with_templates(seen: Sequence[Seen], extract: Extract) -> None:
    """Make the templates of ``seen``, together."""
    if seen:
        for one, template in zip(seen, extract([one.judged.chip for one in seen]), strict=True):
            one.template = template.copy()  # a row of one array would keep every template of the look alive


def _like_the_rest(rows: Vectors, weights: Vectors) -> npt.NDArray[np.bool_]:
    """Which of the templates resemble the one that resembles the others most; all, when there are two or fewer."""
    if len(rows) < 3:
        return np.ones(len(rows), bool)
    scores = rows @ rows.T
    middle = int(np.argmax(scores @ weights))
    like: npt.NDArray[np.bool_] = scores[middle] >= SAME_NEAR
    return like
