"""Other permitted subjects in the same picture: each gets her own.

Rules kept here: a Decision is asked about everyone who is suggested; the score that counts is that with her
  anchors; the threshold is that of the whole gallery, because everyone in it could be mistaken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC

import numpy as np

from countenance.clock import Clock
from countenance.collection.anchors import Anchors
from countenance.collection.bystanders import Thresholds, Wanted
from countenance.custody.permission.decide import Granted
from countenance.custody.permission.ledger import EPOCH_DAY, Ledger
from countenance.errors import ReferenceMissing
from countenance.index.protocol import Filter
from countenance.recognition.gallery.current import CurrentIndex
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import subjects
from countenance.store.database import Database
from countenance.terms import SubjectId

_SUGGESTED = 3
_FAR = 0.3
"""A coarse score below this cannot become an accepted one."""


class GalleryCompany:
    """Looks for the faces of a picture among everyone whom the gallery may hold."""

    def __init__(
        self,
        database: Database,
        anchors: Anchors,
        ledger: Ledger,
        searchable: CurrentIndex,
        thresholds: Callable[[int], Thresholds],
        clock: Clock,
    ) -> None:
        self._database = database
        self._anchors = anchors
        self._ledger = ledger
        self._searchable = searchable
        self._thresholds = thresholds
        self._clock = clock

    def among(self, faces: Sequence[RecognisedFace]) -> list[Wanted]:
        """Those of the gallery whom a face resembles, to be compared like everybody else."""
        index = self._searchable.current()
        size = len(index)
        if not size or not faces:
            return []
        today = (self._clock.now().astimezone(UTC).date() - EPOCH_DAY).days
        probes = np.stack([face.template for face in faces])
        hits = index.search(probes, _SUGGESTED, Filter(today=today))
        near = hits.subject_ids[(hits.scores >= _FAR) & (hits.subject_ids >= 0)]
        suggested = [SubjectId(int(number)) for number in np.unique(near)]
        if not suggested:
            return []
        with self._database.read() as connection:
            decisions = self._ledger.decisions(connection, suggested, None)
            allowed = [one for one in suggested if isinstance(decisions[one], Granted)]
            owners = subjects.by_ids(connection, allowed)
        thresholds = self._thresholds(_rounded(size))
        thresholds = replace(thresholds, again=thresholds.accept)  # fused or not, it could be any of them
        found = []
        for owner in owners.values():
            try:
                templates = self._anchors.of(owner, self._searchable.model, index.dimensions)
            except ReferenceMissing:  # erased since the index was asked
                continue
            found.append(Wanted(owner, templates, thresholds, named=False))
        return found


def _rounded(size: int) -> int:
    """Up to a power of two, so that thresholds are worked out a few times and not at every change."""
    return 1 << max(0, size - 1).bit_length()
