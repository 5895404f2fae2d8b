"""What each degradation does to the quality score and to the comparison score: the table of docs/quality.md.

Run as ``python -m benchmarks.quality`` where the ORL photographs are (COUNTENANCE_ORL, or ../shared/faces/orl).
Every photograph gets a replicated border of 30 pixels and twice its size first; then two photographs of each of
the 40 subjects are degraded. The landmarks are those of the photograph before it was degraded; the detector's
confidence is measured on the degraded one. The genuine score of a photograph is the mean of its comparison
scores with the subject's other photographs as they are.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from countenance.recognition.faces.align import align
from countenance.recognition.faces.detect import Detector
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import ACCEPTABLE, ENROLMENT_MINIMUM, Quality, assess
from countenance.recognition.images import read
from countenance.recognition.models.package import bundled_detector, bundled_template_model
from countenance.recognition.templates.extract import Extractor
from countenance.settings import ImageLimits, cache_folder
from countenance.terms import Box, Pixels, Vectors

ORL = Path(os.environ.get("COUNTENANCE_ORL") or Path(__file__).parents[2] / "shared" / "faces" / "orl")
SUBJECTS, IMAGES, DEGRADED = range(1, 41), range(1, 11), (1, 6)


@dataclass(frozen=True)
class Degradation:
    """A way to spoil a photograph; ``scale`` is how much smaller it makes it."""

    name: str
    strength: str
    apply: Callable[[Pixels], Pixels]
    scale: float = 1.0


def _clipped(values: np.ndarray) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def degradations(random: np.random.Generator) -> Iterator[Degradation]:
    """The rows of the table."""
    yield Degradation("none", "", lambda picture: picture)
    for sigma in (1, 2, 3, 4, 6, 8):
        yield Degradation("blur", f"sigma {sigma} px", lambda p, s=sigma: cv2.GaussianBlur(p, (0, 0), s))
    for gain in (0.5, 0.25, 0.15, 0.1, 0.05):
        yield Degradation("dark", f"light x {gain}", lambda p, g=gain: _clipped(p * g))
    for gain in (1.5, 2, 3):
        yield Degradation("burnt out", f"light x {gain}", lambda p, g=gain: _clipped(p * float(g)))
    for gain in (0.5, 0.3, 0.2, 0.1):
        yield Degradation("flat", f"contrast x {gain}", lambda p, g=gain: _clipped(128 + (p - 128.0) * g))
    for factor in (0.7, 0.5, 0.35, 0.25, 0.18, 0.12):
        yield Degradation("small", f"size x {factor}", lambda p, f=factor: _resized(p, f), factor)
    for sigma in (10, 20, 40):
        yield Degradation(
            "noise", f"sigma {sigma}", lambda p, s=sigma: _clipped(p + random.normal(0, s, (*p.shape[:2], 1)))
        )


def _resized(picture: Pixels, factor: float) -> Pixels:
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def prepared(path: Path) -> Pixels:
    """One ORL photograph as the module docstring says."""
    _, picture = read(path, ImageLimits())
    framed = cv2.copyMakeBorder(picture.pixels, 30, 30, 30, 30, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(framed, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)


def _moved(face: Face, factor: float, confidence: float) -> Face:
    box = Box(face.box.x * factor, face.box.y * factor, face.box.width * factor, face.box.height * factor)
    return replace(
        face, box=box, landmarks=((face.landmarks + 0.5) * factor - 0.5).astype(np.float32), confidence=confidence
    )


@dataclass(frozen=True)
class Seen:
    """One degraded photograph: whose, its quality and its template."""

    subject: int
    image: int
    quality: Quality
    template: Vectors


def main() -> None:
    """Prints the table."""
    detector = Detector(bundled_detector(), cache_folder(), threads=2)
    extractor = Extractor(bundled_template_model(), cache_folder(), threads=2)
    pictures = {(s, k): prepared(ORL / f"s{s}" / f"{k}.pgm") for s in SUBJECTS for k in IMAGES}
    faces = {which: found[0] for which, picture in pictures.items() if (found := detector.detect(picture))}
    print(f"{len(faces)} of {len(pictures)} photographs have a face")
    spent, judged = 0.0, 0
    originals: dict[tuple[int, int], Vectors] = {}
    scores: list[np.ndarray] = []
    parts: list[list[int]] = []
    print("| degradation | | genuine score | quality p1 / p50 / p99 | warned | refused | for |")
    print("|---|---|---|---|---|---|---|")
    for how in degradations(np.random.default_rng(0)):
        chips, qualities, whose = [], [], []
        for which, face in faces.items():
            if how.name != "none" and which[1] not in DEGRADED:
                continue
            picture = how.apply(pictures[which])
            confidence = face.confidence
            if how.name != "none":
                confidence = max((one.confidence for one in detector.detect(picture)), default=0.0)
            moved = _moved(face, how.scale, confidence)
            chip = align(picture, moved.landmarks)
            start = time.perf_counter()
            qualities.append(assess(picture, moved, chip))
            spent, judged = spent + time.perf_counter() - start, judged + 1
            chips.append(chip)
            whose.append(which)
        templates = extractor.extract(np.stack(chips))
        if how.name == "none":
            originals = dict(zip(whose, templates, strict=True))
        genuine = _genuine(whose, templates, originals)
        print(_row(how, whose, qualities, float(genuine.mean())))
        scores.append(genuine)
        parts += [[part.score for part in one.components] for one in qualities]
    _print_rules(np.concatenate(scores), np.array(parts, np.float64))
    print(f"{1000 * spent / judged:.3f} ms a face to assess")


def _genuine(
    whose: list[tuple[int, int]], templates: Vectors, originals: dict[tuple[int, int], Vectors]
) -> np.ndarray:
    means = [
        np.mean([template @ originals[s, k] for k in IMAGES if k != image and (s, k) in originals])
        for (s, image), template in zip(whose, templates, strict=True)
    ]
    return np.array(means)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return shared


def _print_rules(genuine: np.ndarray, parts: np.ndarray) -> None:
    """How well each way to make one score of the components orders faces by their genuine score."""
    rules = {
        "worst component": parts.min(axis=1),
        "geometric mean": np.exp(np.log(np.maximum(parts, 1)).mean(axis=1)),
        "mean": parts.mean(axis=1),
    }
    bad = genuine < 0.6
    for name, score in rules.items():
        ranks = _ranks(score)
        below = (ranks[~bad].mean() - (np.sum(~bad) + 1) / 2) / bad.sum()
        print(f"{name}: rank correlation {np.corrcoef(ranks, _ranks(genuine))[0, 1]:.3f}, tells <0.6: {below:.3f}")


def _row(how: Degradation, whose: list[tuple[int, int]], qualities: list[Quality], genuine: float) -> str:
    scores = np.array([one.score for one in qualities])
    refused = scores < ENROLMENT_MINIMUM
    named = Counter(
        min(one.components, key=lambda part: part.score).name
        for one, out in zip(qualities, refused, strict=True)
        if out
    )
    low, middle, high = np.percentile(scores, [1, 50, 99]).astype(int)
    why = ", ".join(f"{name} {count}" for name, count in named.most_common(3))
    return (
        f"| {how.name} | {how.strength} | {genuine:.3f} | {low} / {middle} / {high} "
        f"| {np.mean(scores < ACCEPTABLE):.1%} | {np.mean(refused):.1%} of {len(whose)} | {why} |"
    )


if __name__ == "__main__":
    main()
