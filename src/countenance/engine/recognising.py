"""What looks at pictures in an opened gallery: model packages, recognisers, calibrations.

Rules kept here: a network is loaded when a photograph has to be looked at, once, and not before.
"""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path

from countenance.engine.enrolling import Preparing
from countenance.engine.evaluating import MIRRORED, PLAIN
from countenance.engine.stages import Stages
from countenance.engine.turns import Turns
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.kept import KeptCalibrations
from countenance.recognition.gallery.bulk import Picture, Turn
from countenance.recognition.gallery.enrol import Prepared
from countenance.recognition.images import decode, read_bytes
from countenance.recognition.models.network import available_threads
from countenance.recognition.models.package import ModelPackage
from countenance.recognition.templates import package as packages
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import Settings
from countenance.vault.keys import KeyRing


class Recognising:
    """The recognition side of ``engine.composition.Composition``, which sets what is declared here."""

    _settings: Settings
    _ring: KeyRing
    _mirrored: bool

    @cached_property
    def _recognisers(self) -> dict[str, Recogniser]:
        return {}

    @cached_property
    def _opening(self) -> threading.RLock:
        return threading.RLock()

    @property
    def _models_folder(self) -> Path:
        return self._settings.folder / "models"

    def _package(self, model: str) -> ModelPackage:
        return packages.find(model, self._models_folder)

    def _recogniser(self, model: str) -> Recogniser:
        with self._opening:  # two that need it first must not both prepare it
            if model not in self._recognisers:
                package = self._package(model)
                self._recognisers[model] = Recogniser.open(self._settings.cache, package, mirrored=self._mirrored)
            return self._recognisers[model]

    def _calibration(self, model: str) -> Calibration | None:
        return self._calibrations.find(model, MIRRORED if self._mirrored else PLAIN)

    @cached_property
    def _calibrations(self) -> KeptCalibrations:
        return KeptCalibrations(self._settings.folder, self._ring)

    def _read(self, image: Picture) -> bytes:
        return read_bytes(image, self._settings.limits) if isinstance(image, Path) else image

    @cached_property
    def _stages(self) -> Stages:
        return Stages()

    @cached_property
    def _turns(self) -> Turns:
        return Turns(available_threads())

    def _preparing(self, model: str, turn: Turn | None = None) -> Preparing:
        """What reads and recognises photographs with a model, each in a ``turn``: without one, in that of work that
        somebody waits for."""
        recogniser = self._recogniser(model)
        taken = self._turns.at_once if turn is None else turn

        def prepare(name: str, data: bytes) -> Prepared:
            with taken():
                return self._prepared(recogniser, name, data)

        return prepare

    def _prepared(self, recogniser: Recogniser, name: str, data: bytes) -> Prepared:
        stages = self._stages
        with stages.timed("decode"):
            picture = decode(data, self._settings.limits, name=name)
        with stages.timed("detect"):
            judged = recogniser.judge(picture.pixels)
        with stages.timed("template"):
            return Prepared(name, data, picture, recogniser.described(judged))
