"""Aligned faces to templates.

Rules kept here: a template is a float32 row of unit length; the same face gives the same template whatever
faces it came with; a template's model is known by the digest of the file that made it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from countenance.errors import ModelUnsuitable
from countenance.recognition.models.manifest import TEMPLATE_SIDE
from countenance.recognition.models.network import Network
from countenance.recognition.models.package import ModelPackage
from countenance.terms import Vectors

BATCH = 8
"""Faces given to the network at once. Larger batches were measured to be no faster (docs/models.md)."""

Chips = npt.NDArray[np.uint8]
"""Aligned faces, shape (n, 112, 112, 3), RGB."""


class Extractor:
    """Makes templates with the model of ``package``. Safe from many threads.

    ``cache_folder`` is where the prepared model is kept; ``threads`` defaults to the processors available.
    Raises what ``Network`` raises, and ``ModelUnsuitable`` for a detector's package.
    """

    def __init__(
        self,
        package: ModelPackage,
        cache_folder: Path,
        *,
        threads: int | None = None,
        precision: str | None = None,
    ) -> None:
        if package.manifest.kind != "template":
            raise ModelUnsuitable(f"{package.manifest.label} is a {package.manifest.kind}, not a template model.")
        self.model: str = package.manifest.sha256
        self.dimensions: int = package.manifest.dimensions
        self._network = Network(package, cache_folder, threads=threads, precision=precision)

    def extract(self, chips: Chips, *, mirrored: bool = False) -> Vectors:
        """Templates of ``chips``, shape (n, dimensions), float32, each of unit length.

        ``mirrored`` averages each face with its mirror image: a little more accurate, twice the work.
        Raises ``ValueError`` when ``chips`` has another shape or type, and ``ModelUnsuitable`` when the model
        gives numbers that are no template (zero, infinite or of another length).
        """
        if chips.ndim != 4 or chips.shape[1:] != (TEMPLATE_SIDE, TEMPLATE_SIDE, 3) or chips.dtype != np.uint8:
            raise ValueError(f"aligned faces are (n, 112, 112, 3) uint8, not {chips.shape} {chips.dtype}")
        templates = self._unit(self._raw(chips))
        if mirrored:
            templates = self._unit(templates + self._unit(self._raw(chips[:, :, ::-1])))
        return templates

    def _raw(self, chips: Chips) -> Vectors:
        # Whole batches, then one by one: each new batch size would cost the network tens of milliseconds once.
        whole = len(chips) - len(chips) % BATCH if self._network.takes_batches else 0
        starts = [(start, BATCH) for start in range(0, whole, BATCH)] + [(at, 1) for at in range(whole, len(chips))]
        parts = self._network.run_each(((start, count), chips[start : start + count]) for start, count in starts)
        rows = np.empty((len(chips), self.dimensions), np.float32)
        for (start, count), outputs in parts:
            if outputs[0].shape != (count, self.dimensions):
                raise ModelUnsuitable(
                    f"The model gave templates of shape {outputs[0].shape}; "
                    f"its manifest states {self.dimensions} dimensions."
                )
            rows[start : start + count] = outputs[0]
        return rows

    def _unit(self, rows: Vectors) -> Vectors:
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths)) or np.any(lengths == 0):
            raise ModelUnsuitable("The model gave a template that is zero or not finite.")
        unit: Vectors = (rows / lengths).astype(np.float32)
        return unit
