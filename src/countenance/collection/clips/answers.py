"""What is answered about a clip: its tracks, with times, boxes, best faces and candidates.

Rules kept here: what quality does to a score is said beside the score; where nobody was found, too, because
silence about a dark face is no proof of absence.
"""

from __future__ import annotations

from dataclasses import dataclass

from countenance.collection.clips.expectation import Expected, expected
from countenance.collection.clips.reading import ClipFacts
from countenance.recognition.faces.quality import Quality
from countenance.terms import Box


@dataclass(frozen=True, slots=True, eq=False)
class BestFace:
    """One of a track's best faces. ``jpeg`` is for the contact sheet and not part of the JSON answer."""

    at_s: float
    box: Box
    quality: Quality
    jpeg: bytes


@dataclass(frozen=True, slots=True, eq=False)
class TrackAnswer:
    """One track: when and where it was seen, its best faces, best first, and its candidates."""

    number: int
    first_s: float
    last_s: float
    looks: int
    faces: tuple[BestFace, ...]
    candidates: tuple[dict[str, object], ...]
    path: tuple[tuple[float, Box], ...]

    @property
    def expected(self) -> Expected:
        """What tracks of this quality score with their own references."""
        return expected(self.faces[0].quality.score)

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        best = self.faces[0]
        return {
            "track": self.number,
            "from": round(self.first_s, 3),
            "to": round(self.last_s, 3),
            "looks": self.looks,
            "best": {"at": round(best.at_s, 3), "box": best.box.as_list()},
            "quality": best.quality.as_dict(),
            "expected_score": self.expected.as_dict(),
            "faces": [
                {
                    "at": round(face.at_s, 3),
                    "box": face.box.as_list(),
                    "quality": face.quality.score,
                    "reasons": list(face.quality.reasons),
                }
                for face in self.faces
            ],
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
