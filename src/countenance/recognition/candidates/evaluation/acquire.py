"""Labelled pictures to templates, and a plain account of every picture that did not make it.

Rules kept here:

* A picture without a template stays in the denominators: it failed to acquire, and is counted as such.
* The largest face of a picture is taken for the labelled one; how often there were several is said.
* Of the pictures only templates, qualities, digests and a 16 x 16 thumbnail of the aligned face are kept,
  in memory and as long as the evaluation runs.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from countenance.errors import ImageError, LabelsInvalid
from countenance.recognition.candidates.evaluation.labelled import Labelled, LabelledPicture
from countenance.recognition.candidates.impostors import Integers
from countenance.recognition.faces.face import Face
from countenance.recognition.images import decode
from countenance.settings import ImageLimits
from countenance.terms import Pixels, Vectors

THUMBNAIL = 16
WORKERS = 3
"""Pictures in work at once: one more than two processors, so that decoding overlaps with the networks."""

Given = TypeVar("Given")
Made = TypeVar("Made")


class Judged(Protocol):
    """A face's quality."""

    @property
    def score(self) -> int:
        """0 to 100, higher is better."""
        ...


class Seen(Protocol):
    """What a recogniser says about one face."""

    @property
    def face(self) -> Face:
        """Where it is."""
        ...

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
"""Pixels (h, w, 3) uint8 RGB to the faces in them, largest first. Called from several threads at once."""
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
    faces: tuple[Face, ...]
    """Where each face lies in its picture."""
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


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """What is kept of one picture."""

    picture: int
    faces: int
    template: npt.NDArray[np.float32]
    quality: int
    digest: str
    thumbnail: npt.NDArray[np.float32]
    face: Face


def acquire(
    labelled: Labelled,
    recognise: Recognise,
    *,
    limits: ImageLimits | None = None,
    workers: int = WORKERS,
    progress: Progress | None = None,
) -> Acquired:
    """Read and recognise every labelled picture. Raises LabelsInvalid when not one gives a template."""
    people = labelled.subjects
    number = {name: at for at, name in enumerate(people)}
    bounds = limits if limits is not None else ImageLimits()
    taken: list[_Taken] = []
    failures: list[Failure] = []
    several = 0

    def one(at: int) -> _Taken | Failure:
        return _recognised(labelled.pictures[at], at, recognise, bounds)

    for done, outcome in enumerate(in_order(one, range(len(labelled.pictures)), workers), start=1):
        if progress is not None:
            progress(done, len(labelled.pictures), "reading pictures")
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        several += outcome.faces > 1
        taken.append(outcome)
    if not taken:
        raise LabelsInvalid(f"none of the {len(labelled.pictures)} pictures gave a face")
    return Acquired(
        labelled=labelled,
        people=people,
        templates=np.stack([one.template for one in taken]),
        pictures=np.array([one.picture for one in taken], np.int64),
        subjects=np.array([number[labelled.pictures[one.picture].subject] for one in taken], np.int64),
        qualities=np.array([one.quality for one in taken], np.int64),
        digests=tuple(one.digest for one in taken),
        thumbnails=np.stack([one.thumbnail for one in taken]),
        faces=tuple(one.face for one in taken),
        failures=tuple(failures),
        several_faces=several,
    )


def _recognised(picture: LabelledPicture, at: int, recognise: Recognise, limits: ImageLimits) -> _Taken | Failure:
    try:
        data = picture.path.read_bytes()
        pixels = decode(data, limits, name=picture.path.name).pixels
    except OSError as error:
        return Failure(at, "image_missing", f"cannot be read: {error.strerror}")
    except ImageError as error:
        return Failure(at, error.code, str(error))
    faces = recognise(pixels)
    if not faces:
        return Failure(at, "no_face", "no face was found")
    # The aligned face itself is let go here: ten thousand of them would be 376 MB.
    first = faces[0]
    return _Taken(
        at,
        len(faces),
        np.array(first.template, np.float32),
        int(first.quality.score),
        hashlib.sha256(data).hexdigest(),
        _thumbnail(first.chip),
        first.face,
    )


def in_order(work: Callable[[Given], Made], items: Iterable[Given], workers: int) -> Iterator[Made]:
    """``work`` on every item in ``workers`` threads; answers in the order of the items, few of them waiting."""
    with ThreadPoolExecutor(workers, thread_name_prefix="evaluate") as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _thumbnail(chip: Pixels) -> npt.NDArray[np.float32]:
    grey = cv2.resize(chip, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).mean(axis=2).astype(np.float32)
    flat = grey.ravel() - grey.mean()
    length = float(np.linalg.norm(flat))
    plain: npt.NDArray[np.float32] = flat / length if length > 0 else flat
    return plain
