"""A clip to tracks, and tracks to candidate lists.

Rules kept here:

* Memory is bounded by who is in the clip, not by how long it is: one frame at a time, a few faces a track, and at
  most so many tracks; beyond that the answer says how many were left out.
* A track is searched once, by its fused template, under the purpose and the case that were named.
* The clip, its frames and the templates are forgotten when the answer is given; the search is on record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from countenance.collection.clips.answers import BestFace, ClipIdentification, TrackAnswer
from countenance.collection.clips.fusing import Seen
from countenance.collection.clips.looking import Distances
from countenance.collection.clips.reading import Clip, Frame
from countenance.collection.clips.sampling import Look, Sampler
from countenance.collection.clips.tracking import TrackEnd, Tracker
from countenance.collection.flow import in_background
from countenance.custody.erasure.errand import Progress
from countenance.errors import CaseMissing
from countenance.recognition.candidates.identify import Identification
from countenance.recognition.templates.recogniser import JudgedFace, RecognisedFace, Recogniser, in_order
from countenance.settings import ImageLimits
from countenance.terms import Pixels

MOST_TRACKS = 5_000
SEARCHED_AT_ONCE = 200
_NO_PIXELS: Pixels = np.empty((0, 0, 3), np.uint8)


class Identify(Protocol):
    """Searches the gallery for faces, each with its template."""

    def __call__(self, faces: tuple[RecognisedFace, ...], notes: tuple[str, ...]) -> Identification:
        """One candidate list for each face."""
        ...


def tracks_of(
    clip: Clip,
    recogniser: Recogniser,
    watch: Callable[[float, int, int], None] | None = None,
) -> Iterator[TrackEnd]:
    """The tracks of a clip, each when it ends, with every processor busy.

    One thread decodes, others look for faces, the caller's joins them to tracks. ``watch`` is told (seconds,
    frames, looks) after every decoded frame, by the thread that decodes. Raises ClipUnreadable, ClipTooLarge.
    """
    tracker = Tracker(recogniser.templates)

    def wanted() -> Iterator[tuple[Frame, Distances, Look]]:
        looks, distances, sampler = 0, Distances.of(1, 1), Sampler()
        for frame in clip.frames():
            if (frame.width, frame.height) != (distances.width, distances.height):
                distances = Distances.of(frame.width, frame.height)
                sampler = Sampler(distances.parts, (frame.width, frame.height))
            look = sampler.wants(frame)
            if look is not None:
                looks += 1
                yield frame, distances, look
            if watch is not None:
                watch(frame.at_s, clip.frames_passed, looks)

    def seen(one: tuple[Frame, Distances, Look]) -> tuple[float, tuple[JudgedFace, ...]]:
        frame, distances, look = one
        pixels = frame.pixels()
        return frame.at_s, recogniser.judge_in(pixels, distances.views(pixels, look.parts))

    for at_s, faces in in_background(in_order(seen, wanted(), recogniser.workers), most=recogniser.workers):
        yield from tracker.look(at_s, faces)
    yield from tracker.end()


def search_clip(
    path: Path | str,
    recogniser: Recogniser,
    identify: Identify,
    limits: ImageLimits,
    *,
    case: str,
    purpose: str,
    progress: Progress | None = None,
) -> ClipIdentification:
    """Search a clip. Raises CaseMissing, LiveInputRefused, ClipUnreadable, ClipTooLarge, and what a search does."""
    if not case.strip():
        raise CaseMissing("No case was named.")
    seen = [0.0, 0, 0]

    with Clip(path, limits) as clip:
        facts = clip.facts
        total = None if facts.duration_s is None else max(1, int(facts.duration_s))

        def watch(at_s: float, frames: int, looks: int) -> None:
            seen[:] = [at_s, frames, looks]
            if progress is not None:
                done = int(at_s) if total is None else min(int(at_s), total)
                progress(done, total, f"seconds of the clip, {looks:,} of {frames:,} frames looked at")

        kept: list[_Kept] = []
        left_out = 0
        for track in tracks_of(clip, recogniser, watch=watch):
            if len(kept) < MOST_TRACKS:
                kept.append(_Kept.of(track))
            else:
                left_out += 1
        notes = tuple(clip.notes)
    answers, searches, last = _identified(
        sorted(kept, key=lambda one: (one.track.first_s, one.track.number)), identify, notes
    )
    if not kept:
        notes = (*notes, "no face was found in the clip")
    if left_out:
        notes = (*notes, f"{left_out:,} more tracks were found and not searched; search the clip in parts")
    return ClipIdentification(
        Path(path).name,
        case,
        purpose,
        facts,
        float(seen[0]),
        int(seen[1]),
        int(seen[2]),
        tuple(searches),
        last.threshold,
        last.gallery_size,
        last.model,
        tuple(answers),
        left_out,
        notes,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A track until the end of the clip: a template, and its best faces as JPEG, a tenth of their pixels' bytes."""

    track: TrackEnd
    probe: RecognisedFace
    chips: tuple[bytes, ...]

    @classmethod
    def of(cls, track: TrackEnd) -> _Kept:
        first = track.best[0].judged
        probe = RecognisedFace(first.face, _NO_PIXELS, first.quality, track.template)
        chips = tuple(_jpeg(seen.judged.chip) for seen in track.best)
        best = tuple(Seen(one.at_s, replace(one.judged, chip=_NO_PIXELS), one.template) for one in track.best)
        return cls(replace(track, best=best), probe, chips)


def _identified(
    tracks: list[_Kept], identify: Identify, notes: tuple[str, ...]
) -> tuple[list[TrackAnswer], list[str], Identification]:
    answers: list[TrackAnswer] = []
    searches: list[str] = []
    last: Identification | None = None
    for start in range(0, len(tracks), SEARCHED_AT_ONCE):
        some = tracks[start : start + SEARCHED_AT_ONCE]
        last = identify(tuple(one.probe for one in some), notes)
        searches.append(last.search_id)
        listed = last.as_dict()["faces"]
        assert isinstance(listed, list)
        for one, face in zip(some, listed, strict=True):
            answers.append(_answer(len(answers) + 1, one, tuple(face["candidates"])))
    return answers, searches, identify((), notes) if last is None else last


def _answer(number: int, one: _Kept, candidates: tuple[dict[str, object], ...]) -> TrackAnswer:
    track = one.track
    faces = tuple(
        BestFace(seen.at_s, seen.box, seen.judged.quality, chip)
        for seen, chip in zip(track.best, one.chips, strict=True)
    )
    return TrackAnswer(number, track.first_s, track.last_s, track.looks, faces, candidates, track.path)


def _jpeg(chip: Pixels) -> bytes:
    out = BytesIO()
    Image.fromarray(chip).save(out, "JPEG", quality=90)
    return out.getvalue()
