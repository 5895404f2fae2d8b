"""The people of a clip as a probe: of each track one face and its fused template, for a search under a case.

Rules kept here: so many tracks and no more, which the answer says; of a clip that was uploaded, whose bytes say
little about its length, only a bounded length is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from countenance.collection.clips.reading import Clip
from countenance.collection.clips.search import tracks_of
from countenance.errors import ClipTooLarge
from countenance.recognition.templates.recogniser import RecognisedFace, Recogniser
from countenance.settings import ImageLimits
from countenance.terms import Pixels

MOST_WALKERS = 200
"""Tracks that one search puts before reviewers."""
MOST_UPLOADED_S = 600.0
MOST_UPLOADED_FRAMES = 36_000
"""Ten minutes, at most 60 frames a second: somebody waits for the answer of a request."""

_NO_PIXELS: Pixels = np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Walker:
    """One person of a clip: when she was seen, her best face (112, 112, 3), and what is searched."""

    first_s: float
    last_s: float
    chip: Pixels
    probe: RecognisedFace


@dataclass(frozen=True, slots=True, eq=False)
class Walkers:
    """Those of a clip in the order of their entering, and what there is to say."""

    people: tuple[Walker, ...]
    notes: tuple[str, ...]


def walkers(clip: Path | bytes, recogniser: Recogniser, limits: ImageLimits) -> Walkers:
    """The people of a recorded clip. Raises LiveInputRefused, ClipUnreadable, ClipTooLarge, ClipDecoderMissing."""

    def watch(at_s: float, frames: int, _looks: int) -> None:
        if isinstance(clip, bytes) and (at_s > MOST_UPLOADED_S or frames > MOST_UPLOADED_FRAMES):
            raise ClipTooLarge(
                f"An uploaded clip is searched for {MOST_UPLOADED_S / 60:.0f} minutes at most.",
                remedy="Cut it, or search it at the console.",
            )

    found: list[Walker] = []
    left_out = 0
    with Clip(clip, limits) as opened:
        for track in tracks_of(opened, recogniser, watch=watch):
            best = track.best[0].judged
            probe = RecognisedFace(best.face, _NO_PIXELS, best.quality, track.template)
            if len(found) < MOST_WALKERS:
                found.append(Walker(track.first_s, track.last_s, best.chip.copy(), probe))
            else:
                left_out += 1
        notes = list(opened.notes)
    if not found:
        notes.append("no face was found in the clip")
    if left_out:
        notes.append(f"{left_out:,} more tracks were found and not searched; search the clip in parts")
    return Walkers(tuple(sorted(found, key=lambda one: one.first_s)), tuple(notes))
