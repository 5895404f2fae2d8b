"""The gallery: one method for each thing a person may ask of a gallery. Composes the parts, decides nothing itself.

Rules kept here:

* A verb checks nothing and computes nothing that a part could; how the parts hang together is in
  engine.composition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from pathlib import Path

from countenance import clock
from countenance.clock import Clock
from countenance.custody.erasure.errand import Ground, Progress
from countenance.custody.permission.record import Asked, subject_name
from countenance.engine import answers
from countenance.engine.admitting import refuse_forbidden
from countenance.engine.backup import Backup, Restored, unpack, write_backup
from countenance.engine.customer_parts import Deeds
from countenance.engine.departments import Departments
from countenance.engine.stages import Took
from countenance.engine.standing import GalleryStanding, take
from countenance.errors import InputInvalid
from countenance.recognition.candidates.identify import OWN_ONLY, Identification
from countenance.recognition.candidates.verify import Side, Verification
from countenance.recognition.candidates.verify import verify as compare
from countenance.recognition.gallery.access import AccessReport
from countenance.recognition.gallery.bulk import Picture, TemplateImport, TemplateRow, picture_name
from countenance.settings import Settings
from countenance.store import description, schema_version
from countenance.store.schema_version import Standing
from countenance.terms import GALLERYS_OWN, CompartmentId
from countenance.vault.transit import Transit


class Countenance(Departments):
    """A gallery that asks first.

    Open one with ``Countenance(folder)`` or make one with :meth:`init`; use it as a context manager or call
    :meth:`close`. All methods may be called from several threads, and several processes may share one folder.

    Raises GalleryMissing, GalleryNewer, KeysMissing, KeysForeign, GalleryError when it cannot be opened.
    """

    @property
    def _deeds(self) -> Deeds:
        return self

    # -- the verbs ------------------------------------------------------------------------------------------

    def permit(
        self,
        subject: str,
        *,
        purposes: Sequence[str],
        residence: str,
        until: date,
        controller: str = "the operator of this gallery",
        notice: str = "",
        language: str = "en",
        release: str = "",
        born: date | None = None,
        guardian: str = "",
        recipients: Sequence[str] = (),
        returning: str = "",
        whole_pictures: bool = False,
        compartment: CompartmentId = GALLERYS_OWN,
        request_id: str | None = None,
    ) -> answers.Receipt:
        """Record a subject's permission and return the receipt that she gets.

        ``residence`` is an ISO 3166 code (``GB``, ``US-IL``), ``until`` the last day of the permission.
        ``returning`` states what shows that a subject who was erased here permits anew herself; it is kept with the
        permission, and the log says that there was one.
        ``whole_pictures`` lets an import keep all of a picture with others in it, their faces blurred.
        ``compartment`` is whose subject she is; a customer's comes from ``oversight.compartments``. Given the same
        ``request_id`` again, it is not recorded twice (AnswerNotKept when it has been erased since).
        Raises PermissionInvalid, SubjectNameInvalid; AccountSuppressed for an erased account without such
        a statement; OrderForbids when an order in force forbids to collect anything of somebody who lives there.
        """
        asked = Asked(
            subject,
            purposes,
            residence,
            until,
            controller,
            notice,
            language,
            release,
            born,
            guardian,
            recipients,
            returning,
            whole_pictures,
        )
        refuse_forbidden(self._execution, self._clock.now(), [asked])
        record, again = self._ledger.give_once(asked, request_id, compartment)
        receipt = answers.Receipt(record)
        number = self._ledger.find(subject, compartment).subject_id
        note, given = self._witness.note_once if again else self._witness.note, clock.from_text(record.given_utc)
        committed = self._witness.commit(number)
        note("permission.given", given, subject=committed)
        if record.returning:
            statement = self._witness.commit(number, "statement", record.returning.encode())
            note("permission.after_erasure", given, subject=committed, statement=statement)
        self._execution.settle_newcomers([number])
        return receipt

    def enrol(
        self,
        subject: str,
        images: Sequence[Picture],
        *,
        face: int | None = None,
        progress: Progress | None = None,
        compartment: CompartmentId = GALLERYS_OWN,
    ) -> answers.Enrolment:
        """Enrol photographs (files or their bytes) of a permitted subject.

        ``face`` chooses one of several faces, numbered from 1, largest first. A photograph that cannot be
        enrolled is reported in the answer with its code and stops nothing; a photograph whose bytes are
        already enrolled is passed over, so the same call may be repeated after an interruption.

        Raises SubjectUnknown, PermissionRefused, DiskFull, GalleryBusy.
        """
        owner = self._ledger.find(subject, compartment)
        with self._database.read() as connection:
            self._ledger.versions(connection, [owner.subject_id])
        return self._enrolling.now(owner, images, face, progress)

    def enrol_templates(
        self,
        rows: Iterable[TemplateRow],
        *,
        progress: Progress | None = None,
        compartment: CompartmentId = GALLERYS_OWN,
    ) -> int:
        """Enrol templates of the gallery's own model that come without images, each with its permission.

        Returns how many were enrolled. Raises VectorsInvalid, PermissionInvalid, SubjectNameInvalid.
        """
        importer = TemplateImport(
            self._database,
            self._vault,
            self._ledger,
            self._clock,
            admit=partial(refuse_forbidden, self._execution, self._clock.now()),
            arrived=self._execution.settle_newcomers,
            compartment=compartment,
        )
        dimensions = self._package(self.model).manifest.dimensions
        count = importer.write(rows, model=self.model, dimensions=dimensions, progress=progress)
        self._searchable.save()
        return count

    def identify(
        self,
        image: Picture,
        *,
        purpose: str,
        limit: int = 10,
        threshold: float | None = None,
        fpir: float | None = None,
        strict: bool = False,
        compartments: frozenset[CompartmentId] | None = OWN_ONLY,
    ) -> Identification:
        """Who is in a photograph? Every face of it, each with its candidate list, best first.

        Only subjects whose permission names ``purpose`` can be candidates. Without ``threshold`` the
        calibration chooses the score at which 0.01 strangers are expected among the candidates of a face at
        this gallery size; ``fpir`` asks for another false positive identification rate. ``strict`` refuses a
        threshold beyond what the calibration's labelled pictures can show. A face that nobody resembles that
        much has an empty list. Only subjects of ``compartments`` are searched, the gallery's own unless others
        are named; None means all, and is for evaluating a gallery only. The photograph and its templates are
        forgotten when this returns; the search itself is on record.

        Raises ImageError and its kinds, PurposeUnknown, InputInvalid, ModelUncalibrated, BeyondValidated,
        CalibrationUnreadable.
        """
        model = self.model
        name = picture_name(image, 1)
        prepared = self._preparing(model)(name, self._read(image))
        notes = prepared.picture.notes + (() if prepared.faces else ("no face was found",))
        return self._identifier(model).identify(
            prepared.faces,
            purpose=purpose,
            limit=limit,
            threshold=threshold,
            fpir=fpir,
            strict=strict,
            notes=notes,
            compartments=compartments,
        )

    def verify(
        self,
        first: Picture,
        second: Picture,
        *,
        threshold: float | None = None,
        fmr: float | None = None,
        strict: bool = False,
    ) -> Verification:
        """Do two photographs show one person? Compares their largest faces; keeps nothing.

        Without ``threshold`` the calibration's score at the false match rate ``fmr`` decides, 1 in 1,000 unless
        another is asked for. ``strict`` refuses a threshold beyond what the calibration's pictures can show.
        Raises ImageError and its kinds, NoFace, InputInvalid, ModelUncalibrated, BeyondValidated,
        CalibrationUnreadable.
        """
        prepare = self._preparing(self.model)
        sides = []
        for number, image in enumerate((first, second), 1):
            prepared = prepare(picture_name(image, number), self._read(image))
            sides.append(Side(prepared.name, prepared.faces, prepared.picture.notes))
        calibration = self._calibration(self.model)
        return compare(
            sides[0],
            sides[1],
            model=self.model,
            calibration=calibration,
            threshold=threshold,
            fmr=fmr,
            strict=strict,
        )

    def access(self, subject: str, out: str | Path, *, compartment: CompartmentId = GALLERYS_OWN) -> AccessReport:
        """Write everything held about a subject, and every search that returned her, to the ZIP file ``out``.

        Raises SubjectUnknown, InputInvalid, SealBroken.
        """
        folder = Path(out).absolute().parent.resolve()
        for own in (self._settings.folder.resolve(), self._settings.keys.resolve()):
            if (
                own == folder or own in folder.parents
            ):  # it is in the clear, and no keeper would ever erase it there
                raise InputInvalid("An access archive must not lie inside the data folder or the key folder.")
        return self._access.write(self._ledger.find(subject, compartment), Path(out).absolute())

    def withdraw(
        self,
        subject: str,
        *,
        progress: Progress | None = None,
        compartment: CompartmentId = GALLERYS_OWN,
        request_id: str | None = None,
    ) -> answers.Withdrawal:
        """Forget a subject: out of every search at once, then destroyed everywhere, then looked for again.

        Given the same ``request_id`` again, it is the same erasure: finished if it was cut off, and answered.
        Raises SubjectUnknown; ErasureIncomplete when a keeper still finds something (it is tried again at the
        next opening; the subject is out of every search all the same); ErasureHeld when a duty to keep evidence
        forbids it (the same, until the hold is lifted).
        """
        erased = self._withdrawing.again(request_id, progress)
        if erased is None:
            number = self._ledger.find(subject, compartment).subject_id
            erased = self._withdrawing.one(number, request_id, progress)
        return answers.Withdrawal(subject_name(subject), erased)  # her sealed name may be damaged or half erased

    def backup(self, out: str | Path) -> Backup:
        """Write sealed data and wrapped keys to the file ``out``; never the key folder, never the index.

        Raises BackupElsewhere (PostgreSQL has its own tools), GalleryExists, InputInvalid, DiskFull.
        """
        return write_backup(self._settings, self._description, self._database, Path(out), self._clock)

    @classmethod
    def restore(
        cls,
        backup: str | Path,
        folder: str | Path,
        *,
        keys: str | Path | None = None,
        cache: str | Path | None = None,
        clock: Clock | None = None,
    ) -> Restored:
        """Make the gallery of a backup again in ``folder``, with the present key folder.

        Whoever was erased since the backup was taken stays erased: the answer says how many of her records could
        not be opened and were deleted again. Raises BackupUnusable, GalleryExists, KeysMissing, KeysForeign,
        DiskFull; then nothing was made.
        """
        settings = Settings.of(folder, keys=keys, cache=cache)
        taken = unpack(Path(backup), settings)
        with cls(folder, keys=keys, cache=cache, clock=clock) as gallery:
            again = [one.erased for one in gallery.kept_promises if one.erased.ground == Ground.RESTORED_COPY]
            status = gallery.status()
        records = sum(h.count for one in again for h in one.destroyed if h.holder in ("store", "blobs"))
        gone = sum(len(one.subject_ids) for one in again)
        elsewhere = gallery._blobs.elsewhere
        return Restored(settings.folder, taken, status.subjects, status.images, gone, records, elsewhere)

    @classmethod
    def migrate_schema(cls, folder: str | Path, *, dry_run: bool = False) -> Standing:
        """Bring the database of the gallery in ``folder`` to this version; returns where it stood before.

        Opens nothing else, and needs no keys. Raises GalleryMissing, GalleryNewer, GalleryBusy.
        """
        place = Settings.of(folder).folder
        database = description.read(place).database(place)
        try:
            before = schema_version.standing(database)
            if before.missing and not dry_run:
                schema_version.migrate(database)
        finally:
            database.close()
        return before

    def rewrap_keys(self, wrapped_by: str | None = None) -> str:
        """Wrap the key ring under the newest version of the service's key, or another key; returns which.

        Raises KeysMissing for a ring that no service wraps, KeyServiceError; then nothing was changed.
        """
        place = wrapped_by or self._ring.wrapped_by or ""
        self._ring.rewrap(Transit(self._settings.key_service), place)
        return place

    def delete_stray_images(self) -> int:
        """Delete sealed images that no record speaks of, as after a restore; returns how many there were.

        Looks at every image. Not for a copy of a gallery whose original still works on the same bucket.
        """
        return self._blobs.delete(self._blobs.strays(self._knows_image))

    def status(self, *, people: bool = False, compartment: CompartmentId = GALLERYS_OWN) -> answers.Status:
        """The whole gallery in numbers; with ``people``, every subject of one compartment by name."""
        package = self._package(self.model)
        return self._stock.take(package, mirrored=self._mirrored, people=people, compartment=compartment)

    def standing(self) -> GalleryStanding:
        """The gallery in a few numbers that are cheap to take, for whoever watches a service."""
        return take(self._database, self._desk, self.oversight.jobs, lambda: self._searchable)

    def listen(self, took: Took) -> None:
        """Tell ``took`` how long each stage of each picture and search takes."""
        self._stages.listener = took
