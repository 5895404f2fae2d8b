"""The same probes, degraded, searched for in the same gallery: how fast does a system lose people?

Rules kept here:

* The gallery holds undegraded pictures; only probes are degraded, as it would be.
* A probe in which no face is found any more has failed to be acquired, and counts as missed.
* A video is simulated: its frames are degraded copies of *different* pictures of one person, thinned to a
  lower frame rate; that shows the direction, not the size, of what a real video does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from countenance.recognition.candidates.evaluation.acquire import Acquired, Recognise, in_order
from countenance.recognition.candidates.evaluation.degradations import ALL, Apply, Degradation, as_is, frame
from countenance.recognition.candidates.evaluation.intervals import Rate, draw_mean, draw_people, rate
from countenance.recognition.candidates.impostors import Floats, Integers
from countenance.recognition.images import decode
from countenance.settings import ImageLimits
from countenance.terms import Vectors

PROBES = 40
FRAMES = (1, 2, 4)
FRAME_EYES = 20.0


@dataclass(frozen=True, slots=True)
class Point:
    """One level of one degradation. ``level`` is ``None`` for the pictures as they are."""

    level: float | None
    missed: Rate
    """FNIR(N, 1, T): not found at rank one and above the threshold."""
    not_acquired: int
    mean_score: float | None
    """Mean score with the best reference of the same person, of the probes that were acquired."""
    mean_quality: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The curve of one degradation."""

    name: str
    unit: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Robustness:
    """All curves: ``probes`` pictures, one a person, against a gallery of ``references`` at ``threshold``."""

    threshold: float
    probes: int
    references: int
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Setting:
    acquired: Acquired
    recognise: Recognise
    threshold: float
    workers: int
    seed: int
    gallery: Vectors
    gallery_people: Integers
    drawn: Floats


def robustness(
    acquired: Acquired,
    recognise: Recognise,
    *,
    threshold: float,
    seed: int,
    workers: int,
    probes: int = PROBES,
    degradations: tuple[Degradation, ...] = ALL,
    progress: Callable[[int, int | None, str], None] | None = None,
) -> Robustness | None:
    """Degrade one picture each of up to ``probes`` people, and search the rest of all pictures.

    ``None`` when nobody has two pictures.
    """
    rng = np.random.default_rng([seed, 11])
    counts = np.bincount(acquired.subjects, minlength=len(acquired.people))
    chosen = rng.permutation(np.nonzero(counts >= 2)[0])[:probes]
    if len(chosen) == 0:
        return None
    own = [rng.permutation(np.nonzero(acquired.subjects == person)[0]) for person in np.sort(chosen)]
    # The probe's picture, and for the video as many more as leave one reference.
    bursts = [rows[: min(max(FRAMES), len(rows) - 1)] for rows in own]
    outside = np.ones(len(acquired.subjects), bool)
    outside[np.concatenate(bursts)] = False
    setting = _Setting(
        acquired,
        recognise,
        threshold,
        workers,
        seed,
        acquired.templates[outside],
        acquired.subjects[outside],
        draw_people(len(acquired.people), rng, 300),
    )
    heads = [rows[:1] for rows in bursts]
    total = sum(len(d.levels) for d in degradations) + len(FRAMES) + 1
    done = 0

    def point(level: float | None, rows: list[Integers], apply: Apply, amount: float) -> Point:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, "degrading probes")
        return _point(setting, level, rows, apply, amount)

    plain = point(None, heads, as_is, 0.0)
    curves = [
        Curve(d.name, d.unit, (plain, *(point(level, heads, d.apply, level) for level in d.levels)))
        for d in degradations
    ]
    video = [
        point(frames, [rows[:frames] for rows in bursts], frame, FRAME_EYES)
        for frames in sorted(FRAMES, reverse=True)
    ]
    unit = f"frames of a simulated video, {FRAME_EYES:.0f} pixels between the eyes"
    curves.append(Curve("video frame rate", unit, (plain, *video)))
    return Robustness(threshold, len(heads), len(setting.gallery), tuple(curves))


def _point(setting: _Setting, level: float | None, probes: list[Integers], apply: Apply, amount: float) -> Point:
    """Search every probe (the rows of one person's pictures, one or a burst) after ``apply``."""

    def seen(rows: Integers) -> tuple[Vectors | None, float]:
        return _degraded(setting, rows, apply, amount)

    missed, scores, qualities, lost = [], [], [], 0
    for rows, (template, quality) in zip(probes, in_order(seen, probes, setting.workers), strict=True):
        if template is None:
            missed.append(1.0)
            lost += 1
            continue
        compared = setting.gallery @ template
        own = setting.gallery_people == setting.acquired.subjects[rows[0]]
        mate, other = float(compared[own].max()), float(compared[~own].max(initial=-1.0))
        missed.append(float(mate < setting.threshold or other > mate))
        scores.append(mate)
        qualities.append(quality)
    people = np.array([setting.acquired.subjects[rows[0]] for rows in probes])
    drawn = draw_mean(np.array(missed), people, setting.drawn)
    errors = int(sum(missed))
    return Point(
        level,
        rate(errors, len(missed), len(people), "people", "searches by enrolled people", drawn),
        lost,
        float(np.mean(scores)) if scores else None,
        float(np.mean(qualities)) if qualities else None,
    )


def _degraded(setting: _Setting, rows: Integers, apply: Apply, amount: float) -> tuple[Vectors | None, float]:
    """The template of a probe after degradation, and its quality; several frames are averaged."""
    templates, qualities = [], []
    for row in rows:
        path = setting.acquired.labelled.pictures[int(setting.acquired.pictures[row])].path
        pixels = decode(path.read_bytes(), ImageLimits(), name=path.name).pixels
        worse = apply(pixels, setting.acquired.faces[row], amount, np.random.default_rng([setting.seed, int(row)]))
        faces = setting.recognise(worse)
        if faces:
            templates.append(faces[0].template)
            qualities.append(faces[0].quality.score)
    if not templates:
        return None, 0.0
    mean = np.mean(templates, axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32), float(np.mean(qualities))
