"""What is worth a look: where something has moved since it was last looked at, and everything now and then.

Rules kept here:

* When something moves the picture is looked at as a whole up to ``LOOKS_A_SECOND`` times a second, which finds near
  faces; parts of it in which something moves are looked at closer every third time, because what is far away
  crosses the picture slowly.
* At a standstill everything is looked at once in two seconds; a new scene at the first look that it is due.

What was measured: docs/adr/0016-clips.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from countenance.collection.clips.reading import Frame, Luma
from countenance.recognition.faces.views import Part

IDLE_S = 2.0
LOOKS_A_SECOND = 4.0
CLOSER_A_SECOND = LOOKS_A_SECOND / 3
MOVED_LEVELS = (5, 14)
"""Grey levels by which a sample must differ to have moved: fewer in the dark, where everything differs less. A
sample is the mean of many pixels, so a sensor's noise stays below the lower one."""
MOVED_CONTRAST = 0.08
"""The same as a share of the scene's range from dark to light."""
MOVED_SAMPLES = 6
"""Samples that must have moved: at 160 x 90 samples that is what a face of 30 pixels covers in 1080p."""
SCENE_SHARE = 0.5

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Look:
    """A look that is to be taken at the whole picture, and closer at some of its parts, by their numbers."""

    parts: tuple[int, ...]


@dataclass(slots=True)
class Sampler:
    """Decides frame after frame. Remembers what was seen at the last looks, small and grey, and nothing else.

    ``parts`` are those that can be looked at closer, in pixels of a picture of ``size`` (width, height).
    """

    parts: Sequence[Part] = ()
    size: tuple[int, int] = (1, 1)
    looks: float = LOOKS_A_SECOND
    closer: float = CLOSER_A_SECOND
    _whole: Samples | None = field(default=None)
    _whole_at: float = field(default=-1e9)
    _near: Samples | None = field(default=None)
    """Each part as it was when it was last looked at closer."""
    _near_at: list[float] = field(default_factory=list)
    _levels: int = field(default=MOVED_LEVELS[0])

    def wants(self, frame: Frame) -> Look | None:
        """The look to take at this frame, or None."""
        if 0 <= frame.at_s - self._whole_at < 0.999 / self.looks:
            return None
        luma = _samples(frame.luma())
        if self._whole is None or self._whole.shape != luma.shape:
            return self._everything(frame.at_s, luma)
        moved = _moved(luma, self._whole, self._levels)
        if float(np.mean(moved)) >= SCENE_SHARE:
            return self._everything(frame.at_s, luma)
        if frame.at_s - self._whole_at < IDLE_S and int(np.count_nonzero(moved)) < MOVED_SAMPLES:
            return None
        self._seen(frame.at_s, luma)
        return Look(self._parts_worth(frame.at_s, luma))

    def _parts_worth(self, at_s: float, luma: Samples) -> tuple[int, ...]:
        if self._near is None:
            return ()
        moved = _moved(luma, self._near, self._levels)
        worth = []
        for number, part in enumerate(self.parts):
            since = at_s - self._near_at[number]
            cut = self._cut(part, luma.shape)
            if since >= IDLE_S or (
                since >= 0.999 / self.closer and int(np.count_nonzero(moved[cut])) >= MOVED_SAMPLES
            ):
                worth.append(number)
                self._near[cut], self._near_at[number] = luma[cut], at_s
        return tuple(worth)

    def _seen(self, at_s: float, luma: Samples) -> None:
        self._whole, self._whole_at = luma, at_s
        dark, light = _levels_at(luma, 0, (0.02, 0.98))
        self._levels = int(np.clip(MOVED_CONTRAST * (light - dark), *MOVED_LEVELS))

    def _everything(self, at_s: float, luma: Samples) -> Look:
        self._seen(at_s, luma)
        self._near, self._near_at = luma.copy(), [at_s] * len(self.parts)
        return Look(tuple(range(len(self.parts))))

    def _cut(self, part: Part, shape: tuple[int, ...]) -> tuple[slice, slice]:
        down, across = shape[0] / self.size[1], shape[1] / self.size[0]
        return (
            slice(int(part.top * down), int(np.ceil((part.top + part.height) * down))),
            slice(int(part.left * across), int(np.ceil((part.left + part.width) * across))),
        )


def _samples(luma: Luma) -> Samples:
    return luma.astype(np.int16)


def _moved(now: Samples, before: Samples, levels: int) -> npt.NDArray[np.bool_]:
    """Where something moved. A change of light moves everything alike; what counts is what moves against it."""
    change = now - before
    (middle,) = _levels_at(change, 255, (0.5,))
    moved: npt.NDArray[np.bool_] = np.abs(change - np.int16(middle)) > levels
    return moved


def _levels_at(samples: Samples, lowest: int, shares: Sequence[float]) -> list[float]:
    """Quantiles of whole numbers from ``-lowest`` on, by counting: a fifth of the time that sorting takes.

    Between two samples they are interpolated, as ``numpy.quantile`` does.
    """
    counted = np.cumsum(np.bincount(samples.ravel() + np.int16(lowest)))
    found = []
    for share in shares:
        place = share * (samples.size - 1)
        below = int(np.searchsorted(counted, int(place), side="right"))
        above = int(np.searchsorted(counted, math.ceil(place), side="right"))
        found.append(below + (above - below) * (place - int(place)) - lowest)
    return found
