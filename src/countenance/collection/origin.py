"""Where a collected image came from, sealed beside it; and what that says about where it was made.

Rules kept here: an origin is written in the same transaction as its image and sealed under the subject's own key;
of a picture from somebody else's album it says that, and not whose.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from countenance import clock
from countenance.collection.items import Told
from countenance.custody.residency import extract
from countenance.custody.residency.extract import Finding
from countenance.custody.residency.geography import Geography
from countenance.custody.residency.register import Register
from countenance.store import collecting
from countenance.store.collecting import OriginRow
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass
from countenance.vault.sealing import Vault


@dataclass(frozen=True, slots=True)
class Origin:
    """What is remembered of where an image came from. ``version`` is that of this record."""

    source: str
    """``Instagram export``, ``album``, ``granted page``."""
    file: str
    caption: str = ""
    taken_utc: str | None = None
    url: str = ""
    page: str = ""
    fetched_utc: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    grant_sha256: str = ""
    version: int = 1


class Origins:
    """Writes origins and the evidence that comes with them."""

    def __init__(self, vault: Vault, register: Register, geography: Geography | None) -> None:
        self._vault = vault
        self._register = register
        self._geography = geography

    def findings(self, told: Told) -> list[Finding]:
        """What is said of where a picture was taken."""
        taken_on = None if told.taken_at is None else told.taken_at.date()
        found = []
        if told.latitude is not None and told.longitude is not None and self._geography is not None:
            found.append(extract.from_exif_position(told.latitude, told.longitude, taken_on, self._geography))
        found.append(extract.from_caption(told.caption, taken_on))
        return [finding for finding in found if finding is not None]

    def write(
        self,
        connection: Connection,
        subject: SubjectRow,
        image_id: str,
        version: int,
        origin: Origin,
        findings: list[Finding],
        grant_id: str | None,
    ) -> None:
        """Write the origin of an image, and its evidence."""
        sealer = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        sealed = sealer.seal(json.dumps(asdict(origin), ensure_ascii=False).encode(), f"origin:{image_id}", 0)
        collecting.add_origin(connection, OriginRow(image_id, subject.subject_id, grant_id, sealed))
        for finding in findings:
            self._register.record(connection, subject, finding, source=origin.source, image_id=image_id)

    def read(self, subject: SubjectRow, row: OriginRow) -> Origin:
        """An origin, unsealed. Raises SealBroken."""
        sealer = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        fields = json.loads(sealer.unseal(row.sealed_origin, f"origin:{row.image_id}", 0))
        fields["headers"] = tuple((str(name), str(value)) for name, value in fields["headers"])
        return Origin(**fields)


def described(told: Told, source: str, file: str) -> Origin:
    """The origin of a picture out of an album or export."""
    taken = None if told.taken_at is None else clock.to_text(told.taken_at)
    return Origin(source, file, told.caption, taken)
