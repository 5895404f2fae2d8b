"""A clip to tracks, and tracks to candidate lists.

Rules kept here:

* Memory is bounded by who is in the clip, not by how long it is: one frame at a time, a few faces a track, and at
  most so many tracks; beyond that the answer says how many were left out.
* A track is searched once, by its fused template, under the purpose and the case that were named.
* The clip, its frames and the templates are forgotten when the answer is given; the search is on record.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Protocol

from PIL import Image

from countenance.collection.clips.reading import Clip, ClipFacts
from countenance.collection.clips.sampling import Sampler
from countenance.collection.clips.tracking import Seen, Track, Tracker
from countenance.custody.erasure.errand import Progress
from countenance.errors import CaseMissing
from countenance.recognition.candidates.identify import Identification
from countenance.recognition.templates.recogniser import RecognisedFace, Recogniser
from countenance.settings import ImageLimits
from countenance.terms import Box, Pixels

MOST_TRACKS = 5_000
SEARCHED_AT_ONCE = 200


class Identify(Protocol):
    """Searches the gallery for faces, each with its template."""

    def __call__(self, faces: tuple[RecognisedFace, ...], notes: tuple[str, ...]) -> Identification:
        """One candidate list for each face."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TrackAnswer:
    """One track: when and where it was seen, its best faces, and its candidates."""

    number: int
    first_s: float
    last_s: float
    looks: int
    box: Box
    """Where its best face was."""
    best_at_s: float
    quality: int
    reasons: tuple[str, ...]
    candidates: tuple[dict[str, object], ...]
    path: tuple[tuple[float, Box], ...]
    chips: tuple[bytes, ...]
    """Its best faces as JPEG, best first, for the contact sheet; not part of the JSON answer."""

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "track": self.number,
            "from": round(self.first_s, 3),
            "to": round(self.last_s, 3),
            "looks": self.looks,
            "best": {"at": round(self.best_at_s, 3), "box": self.box.as_list()},
            "quality": {"score": self.quality, "reasons": list(self.reasons)},
            "candidates": list(self.candidates),
            "boxes": [{"at": round(at, 3), "box": box.as_list()} for at, box in self.path],
        }


@dataclass(frozen=True, slots=True, eq=False)
class ClipIdentification:
    """The answer about a clip."""

    clip: str
    case: str
    purpose: str
    facts: ClipFacts
    seconds_of_clip: float
    frames: int
    looked_at: int
    searches: tuple[str, ...]
    threshold: float
    gallery_size: int
    model: str
    tracks: tuple[TrackAnswer, ...]
    left_out: int
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        facts = self.facts
        return {
            "clip": self.clip,
            "case": self.case,
            "purpose": self.purpose,
            "video": {"width": facts.width, "height": facts.height, "codec": facts.codec},
            "seconds": round(self.seconds_of_clip, 3),
            "frames": self.frames,
            "frames_looked_at": self.looked_at,
            "searches": list(self.searches),
            "threshold": round(self.threshold, 4),
            "gallery_size": self.gallery_size,
            "model": self.model,
            "tracks": [track.as_dict() for track in self.tracks],
            "tracks_left_out": self.left_out,
            "notes": list(self.notes),
        }


def tracks_of(
    clip: Clip,
    recogniser: Recogniser,
    sampler: Sampler | None = None,
    watch: Callable[[float, int, int], None] | None = None,
) -> Iterator[Track]:
    """The tracks of a clip, each when it ends. ``watch`` is told (seconds, frames, looks) after every frame.

    Raises ClipUnreadable, ClipTooLarge.
    """
    sampler, tracker, looks = sampler or Sampler(), Tracker(), 0
    for frame in clip.frames():
        if sampler.wants(frame):
            looks += 1
            pixels = frame.pixels()
            found = recogniser.recognise(pixels)
            yield from tracker.look(frame.at_s, [_seen(frame.at_s, one) for one in found])
        if watch is not None:
            watch(frame.at_s, frame.number + 1, looks)
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

        kept: list[Track] = []
        left_out = 0
        for track in tracks_of(clip, recogniser, watch=watch):
            if len(kept) < MOST_TRACKS:
                kept.append(track)
            else:
                left_out += 1
        notes = tuple(clip.notes)
    answers, searches, last = _identified(sorted(kept, key=lambda t: (t.first_s, t.number)), identify, notes)
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


def _identified(
    tracks: list[Track], identify: Identify, notes: tuple[str, ...]
) -> tuple[list[TrackAnswer], list[str], Identification]:
    answers: list[TrackAnswer] = []
    searches: list[str] = []
    last: Identification | None = None
    for start in range(0, len(tracks), SEARCHED_AT_ONCE):
        some = tracks[start : start + SEARCHED_AT_ONCE]
        probes = tuple(replace(track.best[0].found, template=track.template) for track in some)
        last = identify(probes, notes)
        searches.append(last.search_id)
        listed = last.as_dict()["faces"]
        assert isinstance(listed, list)
        for track, face in zip(some, listed, strict=True):
            answers.append(_answer(len(answers) + 1, track, tuple(face["candidates"])))
    return answers, searches, identify((), notes) if last is None else last


def _answer(number: int, track: Track, candidates: tuple[dict[str, object], ...]) -> TrackAnswer:
    best = track.best[0]
    return TrackAnswer(
        number,
        track.first_s,
        track.last_s,
        track.looks,
        best.box,
        best.at_s,
        best.quality,
        best.reasons,
        candidates,
        tuple(track.path),
        tuple(_jpeg(seen.chip) for seen in track.best),
    )


def _seen(at_s: float, found: RecognisedFace) -> Seen:
    quality = found.quality
    template = found.template.copy()  # a row of one array would keep every face of the frame alive
    return Seen(
        at_s,
        found.face.box,
        quality.score,
        quality.reasons,
        template,
        found.chip,
        replace(found, template=template),
    )


def _jpeg(chip: Pixels) -> bytes:
    out = BytesIO()
    Image.fromarray(chip).save(out, "JPEG", quality=90)
    return out.getvalue()


def data_address(jpeg: bytes) -> str:
    """A picture as an address that holds it, for a page without other files."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
