"""What a compartment holds, as clients of other engines see it: collections, subjects by name, faces by id.

Rules kept here:

* Every call asks the policy for what it does and finds its compartment through ``oversight.compartments`` only.
* A face that belongs to nobody by name is a subject of its own, with a name that no client can give or see.
* Listing opens the metadata of the faces on the page and nothing else.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from countenance.clock import Clock
from countenance.custody.permission.ledger import Ledger
from countenance.custody.permission.record import Asked
from countenance.custody.proof.witness import GalleryWitness
from countenance.engine.legacy.answers import Collection, HeldFace, Listed
from countenance.engine.legacy.ids import OpaqueIds
from countenance.errors import ImageNotHeld, InputInvalid, KeyDestroyed, PermissionRefused, SubjectNameInvalid
from countenance.oversight.cases import Cases
from countenance.oversight.compartments import Compartment, Compartments
from countenance.oversight.gate import Gate
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Verb
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.identify import Identifier
from countenance.recognition.gallery.enrol import Enroller, Prepared
from countenance.recognition.gallery.regroup import Regrouping
from countenance.store import legacy, references, subjects
from countenance.store.database import Database
from countenance.store.references import ReferenceRow
from countenance.store.subjects import SubjectRow, SubjectState
from countenance.terms import ArtefactClass, CompartmentId, SubjectId
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

DEFAULT_TERMS = "default"
"""Name of the compartment whose standing terms a collection gets that a client creates."""

_UNNAMED = re.compile(r"face [0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LegacyParts:
    """The parts of a gallery that legacy clients are served with."""

    database: Database
    ring: KeyRing
    vault: Vault
    ledger: Ledger
    clock: Clock
    witness: GalleryWitness
    gate: Gate
    compartments: Compartments
    cases: Cases
    regrouping: Regrouping
    permit: Callable[[Asked, CompartmentId], object]
    """Records a permission; raises OrderForbids when an order in force forbids it."""
    enroller: Callable[[], Enroller]
    prepare: Callable[[str, bytes], Prepared]
    identifier: Callable[[], Identifier]
    calibration: Callable[[], Calibration | None]
    model: Callable[[], str]
    withdraw: Callable[[Sequence[SubjectId]], int]
    """Erases subjects together; returns how many are kept as evidence, out of every search."""
    kept: Callable[[], frozenset[SubjectId]]
    """Subjects whom a duty to keep evidence forbids to erase."""
    remove: Callable[[Sequence[str]], object]
    """Erases images and what was made of them, while their subjects stay."""


class Shelves:
    """What is held, read only. Methods raise AccessRefused, CredentialInvalid and CompartmentUnknown."""

    def __init__(self, parts: LegacyParts) -> None:
        self._parts = parts
        self._ids = OpaqueIds(parts.ring)

    # -- collections ------------------------------------------------------------------------------------------

    def create_collection(self, who: Principal, name: str) -> Collection:
        """A compartment with the standing terms of the customer's compartment ``default``, or with none.

        Raises PartyExists.
        """
        terms = next((one.terms for one in self._parts.compartments.listed(who) if one.name == DEFAULT_TERMS), None)
        return self._collection(self._parts.compartments.open(who, name, terms=terms))

    def collection(self, who: Principal, name: str) -> Collection:
        """One collection."""
        return self._collection(self._parts.compartments.find(who, name))

    def collections(self, who: Principal) -> tuple[Collection, ...]:
        """The customer's collections that the key reaches, oldest first."""
        listed = self._parts.compartments.listed(who)
        return tuple(
            Collection(one.name, one.created_utc, 0, 0, self._parts.model()) for one in listed if not one.closing
        )

    def delete_collection(self, who: Principal, name: str) -> None:
        """Erase everybody in a collection, then the collection. Raises ErasureHeld."""
        self._parts.compartments.close(who, name)

    def _collection(self, held: Compartment) -> Collection:
        model = self._parts.model()
        with self._parts.database.read() as connection:
            faces = legacy.count(connection, model, held.number)
        users = len(self._named(held.number))
        return Collection(held.name, held.created_utc, faces, users, model)

    # -- subjects and faces -----------------------------------------------------------------------------------

    def subjects(self, who: Principal, name: str | None) -> tuple[str, ...]:
        """The names of a compartment's subjects, in order."""
        _, held = self._entered(who, Verb.SUBJECT_LIST, name)
        return tuple(sorted(self._named(held.number).values()))

    def users(self, who: Principal, name: str | None) -> tuple[tuple[str, int], ...]:
        """The same, each with how many faces it has."""
        _, held = self._entered(who, Verb.SUBJECT_LIST, name)
        named, model = self._named(held.number), self._parts.model()
        with self._parts.database.read() as connection:
            rows = [(user, legacy.count(connection, model, held.number, number)) for number, user in named.items()]
        return tuple(sorted(rows))

    def faces(
        self,
        who: Principal,
        name: str | None,
        *,
        subject: str | None = None,
        only: Sequence[str] | None = None,
        after: str | None = None,
        skip: int = 0,
        most: int,
    ) -> Listed:
        """A page of held faces: a subject's, or these, or all; ``after`` is the last face of the page before.

        Raises SubjectUnknown, ImageNotHeld for an ``after`` that is no face here.
        """
        _, held = self._entered(who, Verb.SUBJECT_LIST, name)
        owner = None if subject is None else self._parts.ledger.find(subject, held.number).subject_id
        model, start = self._parts.model(), 0
        if after is not None:
            start = self._ids.reference(held.number, after) or -1
        if start < 0:
            raise ImageNotHeld("There is no face of that id here.")
        with self._parts.database.read() as connection:
            total = legacy.count(connection, model, held.number, owner)
            if only is not None:
                rows = [row for row in self._rows(held.number, only).values() if owner in (None, row.subject_id)]
                rows = sorted((row for row in rows if row.reference_id > start), key=lambda row: row.reference_id)
            else:
                rows = legacy.page(
                    connection, model, held.number, subject_id=owner, after=start, skip=skip, most=most + 1
                )
        return Listed(self._held(held.number, rows[:most]), total, len(rows) > most, model)

    # -- inside -----------------------------------------------------------------------------------------------

    def _entered(self, who: Principal, verb: Verb, name: str | None) -> tuple[Principal, Compartment]:
        return self._parts.compartments.entered(who, verb, name)

    def _permission(self, held: Compartment, subject: str) -> Asked:
        """The standing permission of a compartment for a subject. Raises PermissionRefused when there is none."""
        if held.terms is None:
            raise PermissionRefused("The collection has no standing permission.", remedy="Set its standing terms.")
        try:
            return held.terms.permission(subject, self._parts.clock.now().date())
        except InputInvalid as error:
            raise PermissionRefused(str(error), remedy=error.remedy) from error

    def _rows(self, compartment: CompartmentId, face_ids: Sequence[str]) -> dict[str, ReferenceRow]:
        """The references of these faces that the compartment holds, by face id."""
        wanted = {face_id: self._ids.reference(compartment, face_id) for face_id in face_ids}
        numbers = [number for number in wanted.values() if number is not None]
        model = self._parts.model()
        with self._parts.database.read() as connection:
            rows = references.by_ids(connection, numbers)
            owners = subjects.by_ids(connection, sorted({row.subject_id for row in rows}))
        found = {
            row.reference_id: row
            for row in rows
            if row.image_id is not None
            and row.model == model
            and self._active(owners.get(row.subject_id), compartment)
        }
        return {
            face_id: found[number] for face_id, number in wanted.items() if number is not None and number in found
        }

    @staticmethod
    def _active(owner: SubjectRow | None, compartment: CompartmentId) -> bool:
        return owner is not None and owner.compartment == compartment and owner.state is SubjectState.ACTIVE

    def _row(self, compartment: CompartmentId, face_id: str) -> ReferenceRow:
        row = self._rows(compartment, [face_id]).get(face_id)
        if row is None:
            raise ImageNotHeld("There is no face of that id here.")
        return row

    def _held(self, compartment: CompartmentId, rows: Sequence[ReferenceRow]) -> tuple[HeldFace, ...]:
        """Rows as their customer sees them; a face that is being erased is left out."""
        with self._parts.database.read() as connection:
            owners = subjects.by_ids(connection, sorted({row.subject_id for row in rows}))
            images = legacy.images(connection, [row.image_id for row in rows if row.image_id is not None])
        shown = []
        for row in rows:
            owner, image = owners.get(row.subject_id), images.get(str(row.image_id))
            if owner is None or (image is None and row.image_id is not None):
                continue
            try:
                name = self._parts.ledger.name(owner)
                sealer = self._parts.vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.METADATA)
            except KeyDestroyed:
                continue
            about: dict[str, object] = {"name": NO_LABEL}
            tag = row.reference_id.to_bytes(8, "big")  # a template that came without a picture
            if image is not None:
                record = f"about:{image.image_id}"
                about = json.loads(sealer.unseal(image.sealed_metadata, record, image.permission_version))
                tag = image.digest_tag
            sure = about.get("confidence")
            shown.append(
                HeldFace(
                    self._ids.face(compartment, row.reference_id),
                    self._ids.picture(compartment, tag),
                    None if _UNNAMED.fullmatch(name) else name,
                    "" if about["name"] == NO_LABEL else str(about["name"]),
                    _shares(about),
                    sure if isinstance(sure, float) else None,
                )
            )
        return tuple(shown)

    def _named(self, compartment: CompartmentId) -> dict[SubjectId, str]:
        """The subjects with a name of the customer's."""
        with self._parts.database.read() as connection:
            everyone = subjects.everyone(connection, compartment)
        return self._names(everyone)

    def _names(self, rows: Sequence[SubjectRow]) -> dict[SubjectId, str]:
        """Those of these subjects with a name of the customer's."""
        found = {}
        for row in rows:
            if row.state is not SubjectState.ACTIVE:
                continue
            try:
                name = self._parts.ledger.name(row)
            except KeyDestroyed:
                continue
            if _UNNAMED.fullmatch(name) is None:
                found[row.subject_id] = name
        return found


NO_LABEL = "a picture without a name"
"""What a picture is called on record whose sender did not name it."""


def unnamed() -> str:
    """A fresh name for a face that is a subject of its own."""
    return f"face {secrets.token_hex(16)}"


def checked_name(name: str) -> str:
    """A name that a client gives. Raises SubjectNameInvalid for one that looks like those of unnamed faces."""
    if _UNNAMED.fullmatch(name):
        raise SubjectNameInvalid("A subject cannot be called that.")
    return name


def _shares(told: dict[str, object]) -> tuple[float, float, float, float] | None:
    size, box = told.get("picture"), told.get("face")
    if not isinstance(size, list) or not isinstance(box, list):
        return None
    (width, height), (x, y, wide, high) = size, box
    return float(x) / width, float(y) / height, float(wide) / width, float(high) / height
