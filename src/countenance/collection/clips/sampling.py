"""Which frames are worth a look: those in which something has moved since the last look, and some in any case.

Rules kept here: at a standstill one look in two seconds; when something moves, up to ``looks`` a second; a new
scene at once. What was measured: docs/adr/0016-clips.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from countenance.collection.clips.reading import Frame

IDLE_S = 2.0
LOOKS_A_SECOND = 5.0
MOVED_LEVELS = 14
"""Grey levels by which a sample must differ to have moved; above the noise of a dark sensor."""
MOVED_SHARE = 0.002
"""Share of the picture that must have moved: at 160 x 90 samples a face of 60 pixels in 1080p is twice that."""
SCENE_SHARE = 0.5


@dataclass(slots=True)
class Sampler:
    """Decides frame after frame; remembers only the last frame that was looked at."""

    looks: float = LOOKS_A_SECOND
    _last: npt.NDArray[np.int16] | None = field(default=None)
    _last_at: float = field(default=-1e9)

    def wants(self, frame: Frame) -> bool:
        """Whether to look at this frame."""
        luma = frame.luma.astype(np.int16)
        since = frame.at_s - self._last_at
        if self._last is None or self._last.shape != luma.shape:
            return self._look(frame, luma)
        # A change of light moves everything by the same amount; what counts is what moves against the rest.
        change = np.abs((luma - self._last) - np.int16(np.median(luma - self._last)))
        share = float(np.mean(change > MOVED_LEVELS))
        if share >= SCENE_SHARE or since >= IDLE_S or (share >= MOVED_SHARE and since >= 0.999 / self.looks):
            return self._look(frame, luma)
        return False

    def _look(self, frame: Frame, luma: npt.NDArray[np.int16]) -> bool:
        self._last, self._last_at = luma, frame.at_s
        return True
