"""Pictures to templates in one call: detect, align, judge, extract; one picture at a time or all processors busy.

Rules kept here: a picture's faces come out in the detector's order, largest first; pictures come out in the
order they went in; an error belongs to its picture and is raised at its turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from countenance.recognition.faces.align import align, nearby
from countenance.recognition.faces.detect import Detector
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality, assess
from countenance.recognition.faces.views import View
from countenance.recognition.models.network import available_threads
from countenance.recognition.models.package import ModelPackage, bundled_detector, bundled_template_model
from countenance.recognition.templates.extract import Extractor
from countenance.terms import Pixels, Vectors


@dataclass(frozen=True, slots=True, eq=False)
class RecognisedFace:
    """One face of a picture: where it is, the aligned face (112, 112, 3), its quality, and its template.

    ``template`` has shape (dimensions,), float32, unit length.
    """

    face: Face
    chip: Pixels
    quality: Quality
    template: Vectors


@dataclass(frozen=True, slots=True, eq=False)
class JudgedFace:
    """A face before its template: where it is, the aligned face (112, 112, 3), its quality."""

    face: Face
    chip: Pixels
    quality: Quality


Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(work: Callable[[Given], Made], things: Iterable[Given], workers: int) -> Iterator[Made]:
    """``work`` on each of ``things``, in order, ``workers`` at once; what one raises is raised at its turn.

    ``things`` is read only a few ahead, in the caller's thread, so a generator of a million pictures is not held
    in memory. The networks, OpenCV and FFmpeg compute without Python's lock, so threads suffice.
    """
    with ThreadPoolExecutor(workers + 1, thread_name_prefix="recognise") as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for one in things:
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(work, one))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class Recogniser:
    """A detector and an extractor as one stage. Safe from many threads.

    ``mirrored`` averages every template with that of the mirrored face. ``workers`` is how many pictures
    ``recognise_many`` works on at once; it defaults to the processors available.
    """

    def __init__(
        self, detector: Detector, extractor: Extractor, *, mirrored: bool = False, workers: int | None = None
    ) -> None:
        self._detector = detector
        self._extractor = extractor
        self._mirrored = mirrored
        self._workers = available_threads() if workers is None else workers

    @classmethod
    def open(
        cls,
        cache_folder: Path,
        model: ModelPackage | None = None,
        *,
        threads: int | None = None,
        mirrored: bool = False,
    ) -> Recogniser:
        """With the bundled detector, and ``model`` or the bundled one. Raises what ``Network`` raises."""
        package = bundled_template_model() if model is None else model
        return cls(
            Detector(bundled_detector(), cache_folder, threads=threads),
            Extractor(package, cache_folder, threads=threads),
            mirrored=mirrored,
            workers=threads,
        )

    @property
    def model(self) -> str:
        """SHA-256 of the template model's file, in hexadecimal digits."""
        return self._extractor.model

    @property
    def dimensions(self) -> int:
        """Length of a template."""
        return self._extractor.dimensions

    @property
    def workers(self) -> int:
        """How many pictures are worked on at once."""
        return self._workers

    def recognise(self, pixels: Pixels) -> tuple[RecognisedFace, ...]:
        """The faces in ``pixels`` (shape (h, w, 3), uint8, RGB), largest first; empty when there is none."""
        return self.described(self.judge(pixels))

    def judge(self, pixels: Pixels) -> tuple[JudgedFace, ...]:
        """The faces in ``pixels``, largest first, without templates: the first half of :meth:`recognise`."""
        return self._judged(pixels, self._detector.detect(pixels))

    def glimpse(self, pixels: Pixels) -> tuple[tuple[JudgedFace, ...], tuple[Face, ...]]:
        """As :meth:`judge`, and what may be a small face; see ``Detector.glimpse``."""
        faces, weak = self._detector.glimpse(pixels)
        return self._judged(pixels, faces), weak

    def described(self, judged: Sequence[JudgedFace]) -> tuple[RecognisedFace, ...]:
        """The same faces with their templates: the second half."""
        if not judged:
            return ()
        templates = self.templates([one.chip for one in judged])
        return tuple(
            RecognisedFace(one.face, one.chip, one.quality, template)
            for one, template in zip(judged, templates, strict=True)
        )

    def closer(self, faces: Sequence[RecognisedFace]) -> Vectors:
        """Templates of ``faces`` from a closer look, shape (n, dimensions), each of unit length.

        The mean over the face as it is, slightly moved, scaled and turned copies of it, and their mirror images:
        seventeen times the work, for faces that the plain template leaves in doubt.
        """
        rows = np.empty((len(faces), self.dimensions), np.float32)
        for place, found in enumerate(faces):
            rows[place] = found.template + self._extractor.extract(nearby(found.chip), mirrored=True).sum(axis=0)
        unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def recognise_many(self, pictures: Iterable[Pixels]) -> Iterator[tuple[RecognisedFace, ...]]:
        """``recognise`` for each of ``pictures``, in order, with every processor busy (see ``in_order``)."""
        return in_order(self.recognise, pictures, self._workers)

    def judge_in(self, pixels: Pixels, shown: Iterable[View]) -> tuple[JudgedFace, ...]:
        """The faces in chosen views of ``pixels``, largest first, without templates."""
        return self._judged(pixels, self._detector.detect_in(shown))

    def templates(self, chips: Sequence[Pixels]) -> Vectors:
        """The templates of aligned faces (112, 112, 3), at least one, as rows."""
        return self._extractor.extract(np.stack(chips), mirrored=self._mirrored)

    def _judged(self, pixels: Pixels, faces: tuple[Face, ...]) -> tuple[JudgedFace, ...]:
        chips = [align(pixels, face.landmarks) for face in faces]
        return tuple(
            JudgedFace(face, chip, assess(pixels, face, chip)) for face, chip in zip(faces, chips, strict=True)
        )
