"""Labelled pictures to templates, and a plain account of every picture that did not make it.

Rules kept here:

* A picture without a template stays in the denominators: it failed to acquire, and is counted as such.
* The largest face of a picture is taken for the labelled one; how often there were several is said.
* Of the pictures only templates, qualities, digests and a 16 x 16 thumbnail of the aligned face are kept,
  in memory and as long as the evaluation runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from countenance.errors import ImageError, LabelsInvalid
from countenance.recognition.candidates.evaluation.labelled import Labelled
from countenance.recognition.candidates.impostors import Integers
from countenance.recognition.images import decode
from countenance.settings import ImageLimits
from countenance.terms import Pixels, Vectors

THUMBNAIL = 16


class Judged(Protocol):
    """A face's quality."""

    @property
    def score(self) -> int:
        """0 to 100, higher is better."""
        ...


class Seen(Protocol):
    """What a recogniser says about one face."""

    @property
    def chip(self) -> Pixels:
        """The aligned face, (112, 112, 3)."""
        ...

    @property
    def quality(self) -> Judged:
        """Its quality."""
        ...

    @property
    def template(self) -> npt.NDArray[np.float32]:
        """Its template, shape (d,), unit length."""
        ...


Recognise = Callable[[Pixels], Sequence[Seen]]
"""Pixels (h, w, 3) uint8 RGB to the faces in them, largest first."""
Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that gave no template."""

    picture: int
    code: str
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Acquired:
    """Templates of the pictures that gave one; row k is picture ``pictures[k]`` of the labelled ones."""

    labelled: Labelled
    people: tuple[str, ...]
    """Labels of all people, sorted; numbers below are positions in it."""
    templates: Vectors
    pictures: Integers
    subjects: Integers
    qualities: Integers
    digests: tuple[str, ...]
    thumbnails: npt.NDArray[np.float32]
    """(n, 256) grey thumbnails of the aligned faces, zero mean and unit length each."""
    failures: tuple[Failure, ...]
    several_faces: int
    """Pictures with more than one face."""

    @property
    def data_digest(self) -> str:
        """SHA-256 over the pictures' digests and labels: the same pictures give the same digest."""
        total = hashlib.sha256()
        for digest, subject in sorted(zip(self.digests, self.subjects, strict=True)):
            total.update(f"{digest} {self.people[subject]}\n".encode())
        return total.hexdigest()

    def name(self, row: int) -> str:
        """The picture of a row for people: its folder and file."""
        return self.picture_name(int(self.pictures[row]))

    def picture_name(self, picture: int) -> str:
        """A labelled picture for people: its folder and file."""
        path = self.labelled.pictures[picture].path
        return f"{path.parent.name}/{path.name}"


def acquire(
    labelled: Labelled,
    recognise: Recognise,
    *,
    limits: ImageLimits | None = None,
    progress: Progress | None = None,
) -> Acquired:
    """Read and recognise every labelled picture. Raises LabelsInvalid when not one gives a template."""
    people = labelled.subjects
    number = {name: at for at, name in enumerate(people)}
    rows: list[npt.NDArray[np.float32]] = []
    kept: list[int] = []
    qualities: list[int] = []
    digests: list[str] = []
    thumbnails: list[npt.NDArray[np.float32]] = []
    failures: list[Failure] = []
    several = 0
    for at, picture in enumerate(labelled.pictures):
        if progress is not None:
            progress(at, len(labelled.pictures), "reading pictures")
        try:
            data = picture.path.read_bytes()
            pixels = decode(data, limits if limits is not None else ImageLimits(), name=picture.path.name).pixels
        except OSError as error:
            failures.append(Failure(at, "image_missing", f"cannot be read: {error.strerror}"))
            continue
        except ImageError as error:
            failures.append(Failure(at, error.code, str(error)))
            continue
        faces = recognise(pixels)
        if not faces:
            failures.append(Failure(at, "no_face", "no face was found"))
            continue
        several += len(faces) > 1
        face = faces[0]
        rows.append(np.asarray(face.template, np.float32))
        kept.append(at)
        qualities.append(int(face.quality.score))
        digests.append(hashlib.sha256(data).hexdigest())
        thumbnails.append(_thumbnail(face.chip))
    if not rows:
        raise LabelsInvalid(f"none of the {len(labelled.pictures)} pictures gave a face")
    pictures = np.array(kept, np.int64)
    return Acquired(
        labelled=labelled,
        people=people,
        templates=np.stack(rows),
        pictures=pictures,
        subjects=np.array([number[labelled.pictures[k].subject] for k in kept], np.int64),
        qualities=np.array(qualities, np.int64),
        digests=tuple(digests),
        thumbnails=np.stack(thumbnails),
        failures=tuple(failures),
        several_faces=several,
    )


def _thumbnail(chip: Pixels) -> npt.NDArray[np.float32]:
    grey = cv2.resize(chip, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).mean(axis=2).astype(np.float32)
    flat = grey.ravel() - grey.mean()
    length = float(np.linalg.norm(flat))
    plain: npt.NDArray[np.float32] = flat / length if length > 0 else flat
    return plain
