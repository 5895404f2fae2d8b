"""What clients of other engines are served with, put together from the parts of an opened gallery.

Rules kept here: nothing is decided; ciphertext that an interrupted move left behind is deleted at every opening.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from functools import cached_property

from countenance.custody.permission.record import Asked
from countenance.engine.composition import Composition
from countenance.engine.legacy import Legacy, LegacyParts
from countenance.engine.part_erasure import PartErasure
from countenance.errors import CountenanceError
from countenance.recognition.gallery.regroup import Regrouping
from countenance.terms import CompartmentId


class Peers(Composition):
    """Adds :attr:`legacy` to the parts of a gallery."""

    @cached_property
    def legacy(self) -> Legacy:
        """What clients of other engines ask, on behalf of the customer whose key they show."""
        oversight = self.oversight
        part = PartErasure(
            self._database, self._blobs, lambda: self._searchable, lambda: self._eraser.begin_epoch()
        )
        return Legacy(
            LegacyParts(
                *(self._database, self._ring, self._vault, self._ledger, self._clock, self._witness),
                *(oversight.gate, oversight.compartments, oversight.cases, self._regrouping),
                permit=self._permit_asked,
                enroller=lambda: self._enroller,
                prepare=lambda name, data: self._preparing(self.model)(name, data),
                identifier=lambda: self._identifier(self.model),
                calibration=lambda: self._calibration(self.model),
                model=lambda: self.model,
                withdraw=self._withdrawing.all,
                kept=lambda: frozenset(number for hold in self._desk.holds() for number in hold.subject_ids),
                remove=part.remove,
            )
        )

    @cached_property
    def _regrouping(self) -> Regrouping:
        arrived = self._execution.settle_newcomers
        return Regrouping(self._database, self._vault, self._blobs, self._ledger, self._register, arrived)

    def _permit_asked(self, asked: Asked, compartment: CompartmentId) -> object:
        return self._deeds.permit(**asdict(asked), compartment=compartment)

    def _open(self, migrate: bool | None) -> None:
        super()._open(migrate)
        with suppress(CountenanceError):  # a blob service that is down; it is tried again at the next opening
            self._regrouping.tidy()
