"""What a photograph's own metadata says about where it was taken, as evidence of residence, before it is enrolled.

Rules kept here: evidence is on record, and whoever comes under a freezing order by it is held back, before there is
a reference; without the geography extra nothing is recorded and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from countenance.custody.residency.extract import VERSION, from_exif_position
from countenance.custody.residency.geography import Geography
from countenance.custody.residency.register import Register
from countenance.errors import GeographyMissing
from countenance.recognition.images.position import position
from countenance.store.subjects import SubjectRow
from countenance.terms import SubjectId

WITHOUT_GEOGRAPHY = "the position in the metadata was not turned into evidence: the geography extra is missing"


class Placing:
    """Records where photographs were taken."""

    def __init__(
        self,
        register: Register,
        geography: Callable[[], Geography],
        arrived: Callable[[Sequence[SubjectId]], object],
    ) -> None:
        """``geography`` raises GeographyMissing; ``arrived`` is told of subjects about whom there is news."""
        self._register = register
        self._open_geography = geography
        self._arrived = arrived

    @cached_property
    def _geography(self) -> Geography:
        return self._open_geography()

    def place(self, subject: SubjectRow, image_id: str, data: bytes) -> str:
        """Record what the metadata in ``data`` says; returns a note, empty when it says nothing."""
        where = position(data)
        if where is None:
            return ""
        try:
            geography = self._geography
        except GeographyMissing:
            return WITHOUT_GEOGRAPHY
        finding = from_exif_position(where.latitude, where.longitude, where.taken_on, geography)
        if finding is None:
            return ""
        self._register.add(
            subject,
            predicate=finding.predicate,
            value=[one.code for one in finding.value],
            signal=finding.signal,
            valid=finding.valid,
            source=f"image:{image_id}",
            extractor=finding.extractor,
            extractor_version=VERSION,
            image_id=image_id,
        )
        self._arrived([subject.subject_id])
        return f"its metadata says that it was taken in {' or '.join(one.code for one in finding.value)}"

    def forget(self, image_id: str) -> None:
        """Take back what was recorded of an image that was not enrolled after all."""
        self._register.forget_image(image_id)
