"""References from and to their sealed form. A template is stored as little-endian float32 in a sealed record.

Rules kept here: nothing of a reference leaves this module unsealed except a template, in memory, for a comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from countenance.errors import KeyDestroyed, SealBroken
from countenance.store.references import ReferenceRow
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass, ReferenceId, SubjectId, Vectors
from countenance.vault.sealing import Sealer, Vault

_STORED = np.dtype("<f4")


def template_record(reference_id: ReferenceId) -> str:
    """The name that a sealed template is bound to."""
    return f"template:{reference_id}"


def seal_template(sealer: Sealer, template: Vectors, reference_id: ReferenceId, permission_version: int) -> bytes:
    """One template, shape (dimensions,), sealed."""
    return sealer.seal(template.astype(_STORED).tobytes(), template_record(reference_id), permission_version)


class TemplateReader:
    """Opens sealed templates, one sealer a subject for as long as the reader lives; make one for each task."""

    def __init__(
        self, vault: Vault, subjects: dict[SubjectId, SubjectRow], *, pass_over_damage: bool = False
    ) -> None:
        """With ``pass_over_damage``, what does not open is left out and listed in ``damaged``."""
        self._pass_over = pass_over_damage
        self.damaged: list[ReferenceId] = []
        self._vault = vault
        self._subjects = subjects
        self._sealers: dict[SubjectId, Sealer | None] = {}

    def open(self, rows: Sequence[ReferenceRow], dimensions: int) -> tuple[list[ReferenceRow], Vectors]:
        """Those of ``rows`` whose key still exists, and their templates, shape (n, dimensions).

        Raises SealBroken when a sealed template was altered, unless damage is passed over.
        """
        kept, parts = [], []
        for row in rows:
            try:
                sealer = self._sealer(row.subject_id)
                if sealer is None:
                    continue
                record = template_record(row.reference_id)
                parts.append(sealer.unseal(row.sealed_template, record, row.permission_version))
            except SealBroken:
                if not self._pass_over:
                    raise
                self.damaged.append(row.reference_id)
            else:
                kept.append(row)
        if not kept:
            return [], np.empty((0, dimensions), np.float32)
        templates = np.frombuffer(b"".join(parts), _STORED).reshape(len(kept), dimensions)
        return kept, templates.astype(np.float32)

    def _sealer(self, subject_id: SubjectId) -> Sealer | None:
        if subject_id not in self._sealers:
            row = self._subjects.get(subject_id)
            try:
                sealer = None
                if row is not None:
                    sealer = self._vault.sealer(subject_id, row.wrapped, ArtefactClass.TEMPLATE)
            except KeyDestroyed:  # an erasure is under way: for a reader the template is already gone
                sealer = None
            self._sealers[subject_id] = sealer
        return self._sealers[subject_id]
