"""Pictures to templates in one call: detect, align, judge, extract; one picture at a time or all processors busy.

Rules kept here: a picture's faces come out in the detector's order, largest first; pictures come out in the
order they went in; an error belongs to its picture and is raised at its turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from countenance.recognition.faces.align import align
from countenance.recognition.faces.detect import Detector
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality, assess
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

    def recognise(self, pixels: Pixels) -> tuple[RecognisedFace, ...]:
        """The faces in ``pixels`` (shape (h, w, 3), uint8, RGB), largest first; empty when there is none."""
        faces = self._detector.detect(pixels)
        if not faces:
            return ()
        chips = [align(pixels, face.landmarks) for face in faces]
        templates = self._extractor.extract(np.stack(chips), mirrored=self._mirrored)
        return tuple(
            RecognisedFace(face, chip, assess(pixels, face, chip), template)
            for face, chip, template in zip(faces, chips, templates, strict=True)
        )

    def recognise_many(self, pictures: Iterable[Pixels]) -> Iterator[tuple[RecognisedFace, ...]]:
        """``recognise`` for each of ``pictures``, in order, with every processor busy.

        ``pictures`` is read only a few ahead, in the caller's thread, so a generator of a million pictures
        is not held in memory. The networks and OpenCV compute without Python's lock, so threads suffice.
        """
        with ThreadPoolExecutor(self._workers + 1, thread_name_prefix="recognise") as pool:
            waiting: deque[Future[tuple[RecognisedFace, ...]]] = deque()
            try:
                for pixels in pictures:
                    if len(waiting) > 2 * self._workers:
                        yield waiting.popleft().result()
                    waiting.append(pool.submit(self.recognise, pixels))
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
