"""How well it works, on the user's own labelled pictures: evaluate, compare models, calibrate.

Rules kept here:

* Measuring needs no gallery: without one it is the bundled model. With one it is the gallery's model and way of
  extracting, and figures are carried over to its live size.
* Labelled pictures are looked at and let go: no picture and no template of theirs is kept, with or without a
  gallery. What is kept is figures, names of files with findings in the report, and the calibration.
* Everything that can be refused is refused before the pictures are read, which takes minutes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from countenance.clock import Clock, SystemClock
from countenance.custody.erasure.errand import Progress
from countenance.custody.proof.witness import GalleryWitness
from countenance.engine.evaluation_answers import Calibrated, Evaluated, Row
from countenance.errors import (
    CalibrationUnfit,
    CalibrationUnreadable,
    GalleryMissing,
    InputInvalid,
    LabelsInvalid,
    ReportUnavailable,
)
from countenance.recognition.candidates.evaluation import Evaluation, evaluate, measure, read_labelled, report
from countenance.recognition.candidates.evaluation.labelled import Labelled
from countenance.recognition.candidates.evaluation.robustness import PROBES
from countenance.recognition.candidates.kept import KeptCalibrations
from countenance.recognition.faces.detect import RememberingDetector
from countenance.recognition.models.package import ModelPackage, bundled_detector, bundled_template_model
from countenance.recognition.templates import package as packages
from countenance.recognition.templates.extract import Extractor
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import cache_folder
from countenance.vault.files import disk_errors, write_whole

SOURCE_FILE = "labelled.json"
"""Beside a report: where its pictures were, so that models can be compared on the same pictures afterwards."""
PLAIN, MIRRORED = "plain", "mirrored"
FEWEST_PEOPLE_OF_A_CALIBRATION = 5


@dataclass(frozen=True, slots=True)
class Standpoint:
    """The gallery from which is measured."""

    model: Callable[[], ModelPackage]
    references: Callable[[], int]
    """How many references a search of the live gallery goes through."""
    mirrored: bool
    models_folder: Path
    calibrations: KeptCalibrations
    witness: GalleryWitness


@dataclass(frozen=True, slots=True)
class _Way:
    """One way of making templates: a model and a recipe."""

    package: ModelPackage
    mirrored: bool

    @property
    def recipe(self) -> str:
        return MIRRORED if self.mirrored else PLAIN

    @property
    def label(self) -> str:
        return f"{self.package.manifest.label}, {self.recipe}"


class Evaluating:
    """Measures on labelled pictures; make one for the bundled model, or use ``Countenance(...).evaluating``."""

    def __init__(
        self, *, cache: str | Path | None = None, clock: Clock | None = None, gallery: Standpoint | None = None
    ) -> None:
        self._cache = cache_folder(cache)
        self._clock = clock or SystemClock()
        self._gallery = gallery

    def evaluate(
        self,
        labelled: str | Path | None,
        out: str | Path,
        *,
        models: Sequence[str | Path] = (),
        pictures: str | Path | None = None,
        references: int | None = None,
        robustness: bool = True,
        seed: int = 1,
        progress: Progress | None = None,
    ) -> Evaluated:
        """Measure, and write ``evaluation.html`` and ``evaluation.json`` into the folder ``out``.

        ``labelled`` is a folder with one folder a person, an LFW pairs file (``.txt``) or a CSV table; None takes
        the pictures of the last evaluation in ``out`` or in the folder above it. ``models`` are names of model
        packages, or ONNX files with their manifests beside them; the first is reported in full and each further
        one becomes rows of one table, on the same faces. Without ``models`` it is the gallery's model, or the
        bundled one. ``references`` is the gallery size that figures are carried over to, by default the live
        one. ``robustness`` of False leaves the degraded probes out.

        A part that the sample cannot support is missing from the report with its reason, and named in the
        answer's ``absent``. Raises LabelsInvalid, ModelMissing and what loading a model raises, InputInvalid,
        ReportUnavailable, DiskFull.
        """
        folder = Path(out).absolute()
        _check_report(folder)
        if references is not None and references < 1:
            raise InputInvalid(f"A gallery has at least one reference, not {references}.")
        source, base = _last(folder) if labelled is None else (Path(labelled), pictures)
        people = read_labelled(source, pictures=None if base is None else Path(base))
        ways = self._ways(models)
        size = references if references is not None else self._live()
        detector = RememberingDetector(bundled_detector(), self._cache)
        extractors: dict[str, Extractor] = {}
        made: list[Evaluation] = []
        for way in ways:
            digest = way.package.manifest.sha256
            if digest not in extractors:
                extractors[digest] = Extractor(way.package, self._cache)
            recogniser = Recogniser(detector, extractors[digest], mirrored=way.mirrored)
            told = _told(progress, way.label if len(ways) > 1 else "")
            made.append(
                self._measured(people, recogniser, way, size, seed, PROBES if robustness and not made else 0, told)
            )
        with disk_errors():
            page, data = report(made[0], folder, others=made[1:])
        _remember(folder, source, base)
        return Evaluated(page, data, made[0], tuple(Row(w.label, e) for w, e in zip(ways, made, strict=True)))

    def calibrate(
        self,
        labelled: str | Path,
        *,
        pictures: str | Path | None = None,
        description: str | None = None,
        seed: int = 1,
        progress: Progress | None = None,
    ) -> Calibrated:
        """Fit the calibration of the gallery's model and recipe to labelled pictures, and keep it.

        From then on ``identify`` and ``verify`` rest on it. ``description`` says in plain words whose pictures
        they were; it is shown with every answer, so name no person in it. What is odd about the labels is in the
        answer's ``findings``: mend it and calibrate again, because a picture under two names raises thresholds.

        Raises GalleryMissing without a gallery, LabelsInvalid, CalibrationUnfit when the sample is too small,
        DiskFull.
        """
        if self._gallery is None:
            raise GalleryMissing("A calibration is kept by a gallery, and none was opened.")
        people = read_labelled(Path(labelled), pictures=None if pictures is None else Path(pictures))
        _check_calibratable(people)
        way = _Way(self._gallery.model(), self._gallery.mirrored)
        recogniser = Recogniser.open(self._cache, way.package, mirrored=way.mirrored)
        done = measure(
            people,
            recogniser.recognise,
            model=way.package.manifest.sha256,
            recipe=way.recipe,
            measured_at=self._clock.now(),
            seed=seed,
            description=description,
            progress=progress,
        )
        calibration = done.calibration
        before = self._replaced(way)
        path = self._gallery.calibrations.keep(calibration)
        self._gallery.witness.note(
            "calibration.kept",
            self._clock.now(),
            model=calibration.model,
            recipe=calibration.recipe,
            calibration=calibration.digest,
            data=calibration.sample.data,
        )
        size = self._gallery.references()
        return Calibrated(path, way.package.manifest.label, done, size, before)

    def _measured(
        self,
        people: Labelled,
        recogniser: Recogniser,
        way: _Way,
        size: int | None,
        seed: int,
        probes: int,
        progress: Progress | None,
    ) -> Evaluation:
        return evaluate(
            people,
            recogniser.recognise,
            model=way.package.manifest.sha256,
            recipe=way.recipe,
            measured_at=self._clock.now(),
            model_name=way.package.manifest.label,
            seed=seed,
            gallery_references=size,
            robustness_probes=probes,
            progress=progress,
        )

    def _ways(self, models: Sequence[str | Path]) -> list[_Way]:
        """The ways to measure: the chosen one first, its other recipe second, then every further model."""
        mirrored = self._gallery is not None and self._gallery.mirrored
        chosen = [self._package(model) for model in models] or [self._own_package()]
        digests = [package.manifest.sha256 for package in chosen]
        if len(set(digests)) < len(digests):
            raise InputInvalid("A model was named twice; there is nothing to compare it with.")
        ways = [_Way(package, mirrored) for package in chosen]
        return [ways[0], _Way(chosen[0], not mirrored), *ways[1:]]

    def _own_package(self) -> ModelPackage:
        return bundled_template_model() if self._gallery is None else self._gallery.model()

    def _package(self, named: str | Path) -> ModelPackage:
        file = Path(named)
        if isinstance(named, Path) or file.suffix.lower() == ".onnx" or len(file.parts) > 1:
            return packages.beside(file)
        return packages.find(named, None if self._gallery is None else self._gallery.models_folder)

    def _live(self) -> int | None:
        """References of the live gallery; None without a gallery or with an empty one."""
        return None if self._gallery is None else self._gallery.references() or None

    def _replaced(self, way: _Way) -> str | None:
        """Digest of the calibration that answers rested on until now. One that cannot be read is replaced too."""
        assert self._gallery is not None
        try:
            before = self._gallery.calibrations.find(way.package.manifest.sha256, way.recipe)
        except CalibrationUnreadable:
            return None
        return None if before is None else before.digest


def _check_report(folder: Path) -> None:
    """Raise what would otherwise be raised after minutes of measuring."""
    if "matplotlib" in sys.modules:
        drawn = sys.modules["matplotlib"] is not None
    else:
        drawn = find_spec("matplotlib") is not None
    if not drawn:
        raise ReportUnavailable("The report cannot be drawn: matplotlib is not installed.")
    if folder.exists() and not folder.is_dir():
        raise InputInvalid(f"{folder} is a file; name a folder for the report.")
    with disk_errors():
        folder.mkdir(parents=True, exist_ok=True)


def _check_calibratable(people: Labelled) -> None:
    """Refuse labels that no calibration can come from before a picture is read."""
    names = people.subjects
    if len(names) == 1:
        raise CalibrationUnfit("There is only one person, so it is not known how alike two people are.")
    if len(people.pictures) == len(names):
        raise CalibrationUnfit(
            f"Each of the {len(names)} people has one picture, so it is not known how alike one person's are."
        )
    if len(names) < FEWEST_PEOPLE_OF_A_CALIBRATION:
        raise CalibrationUnfit(
            f"A calibration needs at least {FEWEST_PEOPLE_OF_A_CALIBRATION} people; {len(names)} are labelled."
        )


def _told(progress: Progress | None, label: str) -> Progress | None:
    if progress is None or not label:
        return progress

    def tell(done: int, total: int | None, what: str) -> None:
        progress(done, total, f"{what} ({label})")

    return tell


def _remember(folder: Path, source: Path, pictures: str | Path | None) -> None:
    record = {
        "schema_version": 1,
        "labelled": str(source.absolute()),
        "pictures": None if pictures is None else str(Path(pictures).absolute()),
    }
    write_whole(folder / SOURCE_FILE, json.dumps(record, indent=1).encode(), mode=0o644)


def _last(folder: Path) -> tuple[Path, str | None]:
    """Where the pictures of the last evaluation in ``folder``, or in the folder above, were."""
    for place in (folder, folder.parent):
        try:
            record = json.loads((place / SOURCE_FILE).read_bytes())
            if record["schema_version"] == 1:
                return Path(record["labelled"]), record["pictures"]
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LabelsInvalid(f"{SOURCE_FILE} of the last report cannot be read; name the pictures.") from error
    raise LabelsInvalid("No labelled pictures were named, and there is no earlier report to take them from.")
