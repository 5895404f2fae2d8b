"""What a search under a case is made with: the faces of a photograph, or one of each person in a recorded clip.

Rules kept here: what it is, a file's name says at the console and the bytes say where there is no file; a clip is
no photograph, and is never looked at as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from countenance.collection.clips.reading import is_clip, looks_like_clip
from countenance.collection.clips.walkers import walkers
from countenance.recognition.gallery import crops
from countenance.recognition.gallery.bulk import Picture
from countenance.recognition.gallery.enrol import Prepared
from countenance.recognition.templates.recogniser import RecognisedFace, Recogniser
from countenance.settings import ImageLimits


@dataclass(frozen=True, slots=True)
class Seen:
    """When a face of a clip was seen, in seconds from its beginning; ``face`` counts from 1."""

    face: int
    first_s: float
    last_s: float

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"face": self.face, "from": round(self.first_s, 3), "to": round(self.last_s, 3)}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Probe:
    """Faces to search for, the picture of each that reviewers are shown (PNG), and of a clip when each was seen."""

    faces: tuple[RecognisedFace, ...]
    shown: tuple[bytes, ...]
    notes: tuple[str, ...]
    seen: tuple[Seen, ...] = ()


def probe_of(
    prepare: Callable[[str, Picture], Prepared],
    recogniser: Callable[[], Recogniser],
    limits: ImageLimits,
    name: str,
    given: Picture,
) -> Probe:
    """The probe in a photograph or clip. Raises ImageError, and what :func:`walkers` raises."""
    if is_clip(str(given)) if isinstance(given, Path) else looks_like_clip(given):
        found = walkers(given, recogniser(), limits)
        return Probe(
            tuple(one.probe for one in found.people),
            tuple(crops.shown(one.chip) for one in found.people),
            found.notes,
            tuple(Seen(n, one.first_s, one.last_s) for n, one in enumerate(found.people, 1)),
        )
    prepared = prepare(name, given)
    return Probe(
        prepared.faces,
        tuple(crops.cut_out(prepared.picture.pixels, one.face.box) for one in prepared.faces),
        prepared.picture.notes + (() if prepared.faces else ("no face was found",)),
    )
