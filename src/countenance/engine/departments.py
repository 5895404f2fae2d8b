"""The departments of a gallery: orders, duties, residence, the log, evaluation, models; each answers for itself.

Rules kept here: a department is made when it is asked for, from the parts of engine.composition.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from countenance.custody.erasure.errand import Progress
from countenance.engine.duties import Duties
from countenance.engine.evaluating import Evaluating, Standpoint
from countenance.engine.orders import Orders
from countenance.engine.peers import Peers
from countenance.engine.record import Record
from countenance.engine.residency import Residency
from countenance.engine.stock import Stock
from countenance.recognition.gallery.migrate import Migration, Migrator
from countenance.recognition.models.package import ModelPackage
from countenance.recognition.templates import package as packages


class Departments(Peers):
    """Adds to the parts of a gallery what has a name of its own there."""

    # -- orders, residence, log -----------------------------------------------------------------------------

    @cached_property
    def orders(self) -> Orders:
        """Regulators' orders: serve, plan, freeze, execute, certify."""
        parts = (self._database, self._ledger, self._desk, self._execution, self._witness, self._clock)
        return Orders(*parts, self._keep_index)

    @cached_property
    def duties(self) -> Duties:
        """Duties to keep evidence, and recipients who have to be told of an erasure."""
        return Duties(self._database, self._desk, self._witness, self._ledger, lambda: self._eraser, self._clock)

    @cached_property
    def residency(self) -> Residency:
        """Evidence of where subjects live, and what follows from it."""
        return Residency(self._register, self._ledger, self._execution, self._clock)

    @cached_property
    def log(self) -> Record:
        """The tamper-evident log: checkpoint, proofs, check."""
        return Record(self._witness)

    @cached_property
    def evaluating(self) -> Evaluating:
        """How well it works on labelled pictures: evaluate, compare models, calibrate this gallery."""
        standpoint = Standpoint(
            lambda: self._package(self.model),
            lambda: len(self._searchable.current()),
            self._mirrored,
            self._models_folder,
            self._calibrations,
            self._witness,
        )
        return Evaluating(cache=self._settings.cache, clock=self._clock, gallery=standpoint)

    def make_ready(self) -> None:
        """Load what the first search would otherwise wait for: the networks and the index."""
        self._recogniser(self.model)  # one after the other: both at once took longer, on two processors
        self._searchable.current()

    # -- models ---------------------------------------------------------------------------------------------

    def models(self) -> tuple[ModelPackage, ...]:
        """The template models that this gallery can use: the bundled one and those that were added."""
        return packages.available(self._models_folder)

    def add_model(self, file: str | Path, manifest: str | Path) -> ModelPackage:
        """Add a model package a user is licensed for: a 112x112 ONNX face model and its manifest.

        Raises ModelMissing, ModelDigestWrong, ModelUnsuitable; then nothing was added.
        """
        return packages.add(Path(file), Path(manifest), self._models_folder)

    def migrate(self, model: str, *, progress: Progress | None = None) -> Migration:
        """Make every reference again with the model of that name from the sealed images, then switch to it.

        Can be interrupted and repeated; searches use the old model until the switch. Raises ModelMissing and what
        loading a model raises.
        """
        chosen = packages.find(model, self._models_folder)
        recogniser = self._recogniser(chosen.manifest.sha256)
        migrator = Migrator(self._database, self._vault, self._blobs, self._clock)
        before = self.model
        done = migrator.migrate(recogniser.model, self._preparing(recogniser.model), progress)
        if before != recogniser.model:
            self._searching.retire(before)
        self._database.forget_deleted_rows()
        self._eraser.begin_epoch()
        self._searchable.save()
        return done

    @cached_property
    def _stock(self) -> Stock:
        return Stock(
            self._database, self._ring, self._vault, self._ledger, self._settings, self._description, self._clock
        )
