"""What the doors for other products' clients are answered with: faces seen, faces held, likenesses. Frozen."""

from __future__ import annotations

from dataclasses import dataclass

from countenance.recognition.faces.quality import Quality
from countenance.terms import Box


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face found in a picture that was sent."""

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    """Five points in pixels: the eyes, the nose, the mouth's corners, each pair from the image's left."""
    confidence: float
    quality: Quality


@dataclass(frozen=True, slots=True)
class Looked:
    """A picture that was looked at; ``faces`` largest first. ``model`` is the digest of the model in use."""

    width: int
    height: int
    faces: tuple[SeenFace, ...]
    model: str


@dataclass(frozen=True, slots=True)
class HeldFace:
    """An enrolled face, as it is shown to the customer that holds it."""

    face_id: str
    """A UUID in form; the same for as long as the face is held, also when it is given to another subject."""
    image_id: str
    """A UUID in form; the same for all faces that came with the same bytes."""
    subject: str | None
    """Name of its subject; None for a face that is a subject of its own."""
    label: str
    """What the customer called the picture; empty when it had no name."""
    box: tuple[float, float, float, float] | None
    """Left, top, width and height as shares of the picture that was sent; None when that was not noted."""
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Likeness:
    """A held face that resembles one that was sent; see recognition.candidates.similarity."""

    face: HeldFace
    similarity: float
    """0 to 1."""

    @property
    def subject(self) -> str:
        """The subject's name, or the face's id for a face that is a subject of its own."""
        return self.face.subject if self.face.subject is not None else self.face.face_id


@dataclass(frozen=True, slots=True)
class Recognised:
    """For each face of ``looked`` what resembles it, best first; an empty list for a face that nobody resembles."""

    looked: Looked
    likenesses: tuple[tuple[Likeness, ...], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The largest face of the first picture against every face of the second."""

    first: Looked
    second: Looked
    similarities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Unkept:
    """A face that was not enrolled, and why: quality components, ``most``, ``quality``, ``not_permitted``."""

    face: SeenFace
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of every face of a picture."""

    looked: Looked
    kept: tuple[tuple[HeldFace, SeenFace], ...]
    unkept: tuple[Unkept, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of held faces, in the order in which they were enrolled."""

    faces: tuple[HeldFace, ...]
    total: int
    more: bool
    model: str


@dataclass(frozen=True, slots=True)
class Collection:
    """A compartment, as a collection."""

    name: str
    created_utc: str
    faces: int
    users: int
    model: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of faces that were to be erased."""

    removed: tuple[str, ...]
    refused: tuple[tuple[str, str | None], ...]
    """(face id, the user that has it); None for a face that is not held."""


@dataclass(frozen=True, slots=True)
class NotMoved:
    """A face that was not given to a user, or not taken from one."""

    face_id: str
    reason: str
    user: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of faces that were given to a user, or taken from one."""

    moved: tuple[str, ...]
    refused: tuple[NotMoved, ...]
    faces: int
    """Faces that the user has now."""
