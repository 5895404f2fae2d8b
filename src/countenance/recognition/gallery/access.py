"""The answer to an access request: everything held about one subject, as a portable, signed archive.

Rules kept here: the archive holds the subject's own data only; ``access.json`` is signed (Ed25519 over its RFC 8785
canonical form) so that whoever is shown it later can check that this gallery made it. Images are opened and written
one at a time, so an archive may be larger than memory. What is damaged is listed as damaged; the rest is given.
"""

from __future__ import annotations

import base64
import json
import zipfile
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.ledger import Ledger
from countenance.custody.permission.record import describe
from countenance.custody.residency.evidence import Evidence
from countenance.custody.residency.register import Register
from countenance.errors import InputInvalid, SealBroken
from countenance.oversight.ledger import LedgerLine, SearchLedger
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import notices, orders, references
from countenance.store.database import Database
from countenance.store.references import ImageRow, ReferenceRow
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass
from countenance.vault.blob_store import BlobStore
from countenance.vault.files import written_whole
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/tiff": "tiff",
}


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What was written for the subject."""

    subject: str
    out: Path | None
    """The file; None for an archive that went into a stream."""
    images: int
    templates: int
    permissions: int
    searches: int

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "subject": self.subject,
            "out": None if self.out is None else str(self.out),
            "images": self.images,
            "templates": self.templates,
            "permissions": self.permissions,
            "searches": self.searches,
        }


class Access:
    """Writes access archives of one gallery."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        vault: Vault,
        blobs: BlobStore,
        ledger: Ledger,
        register: Register,
        gallery_id: str,
        clock: Clock,
        search_ledger: SearchLedger,
    ) -> None:
        self._search_ledger = search_ledger
        self._database = database
        self._ring = ring
        self._vault = vault
        self._blobs = blobs
        self._ledger = ledger
        self._register = register
        self._gallery_id = gallery_id
        self._clock = clock

    def write(self, subject: SubjectRow, out: Path) -> AccessReport:
        """Write everything held about ``subject`` to the ZIP file ``out``, whole or not at all."""
        if out.exists() or not out.parent.is_dir():
            raise InputInvalid(
                f"{out} exists, or its folder does not.", remedy="Name a new ZIP file in an existing folder."
            )
        with written_whole(out) as file:
            report = self.into(subject, file)
        return replace(report, out=out)

    def into(self, subject: SubjectRow, archive: IO[bytes]) -> AccessReport:
        """The same into a stream that can be sought in; the report then names no file."""
        with self._database.read() as connection:
            images = references.images_of(connection, [subject.subject_id]).get(subject.subject_id, [])
            rows = references.of_subjects(connection, [subject.subject_id]).get(subject.subject_id, [])
            told = notices.recipients(connection, subject.subject_id)
            under = orders.of_subject(connection, subject.subject_id)
        returned = self._search_ledger.of(subject.subject_id)
        records = self._ledger.records(subject)
        name = self._ledger.name(subject)
        document: dict[str, object] = {
            "version": 1,
            "gallery": self._gallery_id,
            "made_utc": clock.to_text(self._clock.now()),
            "subject": name,
            "subject_number": int(subject.subject_id),
            "permissions": [{**describe(record), "state": row.state.value} for row, record in records],
            "templates": self._templates(subject, rows),
            "searches": [_search(line) for line in returned],
            "recipients": [{"recipient": recipient, "at": at_utc} for recipient, at_utc in told],
            "residency": [_evidence(one) for one in self._register.of(subject)],
            "orders": [{"order": order_id, "decision": decision} for order_id, decision in under],
        }
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("README.txt", _README)
            for _, record in records:
                receipt = json.dumps(record.receipt(), indent=2, ensure_ascii=False)
                zipped.writestr(f"receipts/permission-{record.version}.jsonld", receipt)
            document["images"] = self._images(subject, images, zipped)
            zipped.writestr("access.json", json.dumps(self._signed(document), indent=2, ensure_ascii=False))
        return AccessReport(name, None, len(images), len(rows), len(records), len(returned))

    def _images(
        self, subject: SubjectRow, rows: list[ImageRow], zipped: zipfile.ZipFile
    ) -> list[dict[str, object]]:
        """Write the images into the archive, one after the other, and say what they are."""
        if not rows:
            return []
        sealer = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.IMAGE)
        about = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        listed: list[dict[str, object]] = []
        for number, row in enumerate(rows, 1):
            told = json.loads(about.unseal(row.sealed_metadata, f"about:{row.image_id}", row.permission_version))
            path = f"images/{number:04d}.{_ENDINGS.get(told['media_type'], 'bin')}"
            digest = None
            try:
                data = sealer.unseal(
                    self._blobs.read(row.image_id), f"image:{row.image_id}", row.permission_version
                )
            except SealBroken:
                pass
            else:
                zipped.writestr(path, data, zipfile.ZIP_STORED)
                digest = sha256(data).hexdigest()
            listed.append(
                {
                    "file": None if digest is None else path,
                    "sha256": digest,
                    "damaged": digest is None,
                    "given_as": told["name"],
                    "media_type": told["media_type"],
                    "face": told["face"],
                    "notes": told["notes"],
                    "enrolled_utc": row.created_utc,
                    "permission_version": row.permission_version,
                    "source": "enrolled by the operator under the subject's permission",
                }
            )
        return listed

    def _templates(self, subject: SubjectRow, rows: list[ReferenceRow]) -> list[dict[str, object]]:
        reader = TemplateReader(self._vault, {subject.subject_id: subject}, pass_over_damage=True)
        listed: list[dict[str, object]] = []
        for row in rows:
            kept, values = reader.open([row], row.dimensions)
            listed.append(
                {
                    "reference": int(row.reference_id),
                    "model": row.model,
                    "quality": row.quality,
                    "source": row.source.value,
                    "made_utc": row.created_utc,
                    "damaged": not kept,
                    "values": [round(float(value), 6) for value in values.ravel()],
                }
            )
        return listed

    def _signed(self, document: dict[str, object]) -> dict[str, object]:
        key = Ed25519PrivateKey.from_private_bytes(self._ring.derive("access-signature"))
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        signature = key.sign(rfc8785.dumps(document))  # type: ignore[arg-type]  # its JSON type is narrower than ours
        return {
            **document,
            "signature": {
                "algorithm": "Ed25519 over the RFC 8785 form of this document without this member",
                "public_key": base64.b64encode(public).decode(),
                "value": base64.b64encode(signature).decode(),
            },
        }


def _search(line: LedgerLine) -> dict[str, object]:
    """A ledger line with what the search said of her; of a stopped case that is erased, and not said."""
    search, result = line.search, line.result
    if search is None or result is None or line.what == "erased":
        return line.as_dict()
    return {
        **line.as_dict(),
        "rank": result.rank,
        "score": result.score,
        "threshold": search.threshold,
        "reference": int(result.reference_id),
    }


def _evidence(one: Evidence) -> dict[str, object]:
    """Evidence of residence; the numbers of the gallery's own records say nothing to the subject."""
    told = one.to_document()
    return {name: value for name, value in told.items() if name not in ("subject_id", "permission_id")}


_README = """Everything that this gallery holds about you.

access.json   permissions, images, face templates (lists of numbers), every search that returned you, whom you were
              shown to, what is on record of where you live, and orders that protect you; signed
receipts/     the receipt of each permission you gave
images/       your images, as they are stored

You can withdraw at any time; everything is then destroyed before the next search.
"""
