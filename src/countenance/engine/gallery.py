"""The gallery: one method for each thing a person may ask of a gallery. Composes the parts, decides nothing itself.

Rules kept here:

* Opening a gallery first keeps its promises: what a crash interrupted is finished, what has expired is erased.
* The networks are loaded when a photograph has to be looked at, not before: withdrawing needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from countenance.clock import Clock, SystemClock
from countenance.custody.erasure.eraser import Eraser
from countenance.custody.erasure.errand import Erased, Errand, Ground, Progress
from countenance.custody.erasure.execution import Execution
from countenance.custody.orders.desk import Desk
from countenance.custody.permission.ledger import Ledger
from countenance.custody.permission.record import Asked, check, subject_name
from countenance.custody.proof.witness import GalleryWitness
from countenance.custody.residency.geography import ZoneGeography
from countenance.custody.residency.register import Register, declared
from countenance.engine import answers, founding
from countenance.engine.backup import Backup, Restored, unpack, write_backup
from countenance.engine.case_search import CaseSearch
from countenance.engine.collecting import Collecting, Parts
from countenance.engine.duties import Duties
from countenance.engine.evaluating import MIRRORED, PLAIN, Evaluating, Standpoint
from countenance.engine.index import GalleryIndex
from countenance.engine.orders import Orders
from countenance.engine.oversight import Foundations, Oversight
from countenance.engine.record import Record
from countenance.engine.residency import Residency
from countenance.engine.searching import Searching
from countenance.engine.stock import Stock
from countenance.errors import CountenanceError, ErasureHeld, GalleryError, InputInvalid, KeysForeign, OrderForbids
from countenance.oversight.ledger import SearchLedger
from countenance.oversight.records import Seals
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.identify import Identification, Identifier
from countenance.recognition.candidates.kept import KeptCalibrations
from countenance.recognition.candidates.verify import Side, Verification
from countenance.recognition.candidates.verify import verify as compare
from countenance.recognition.gallery.access import Access, AccessReport
from countenance.recognition.gallery.bulk import Picture, TemplateImport, TemplateRow, enrol_all, picture_name
from countenance.recognition.gallery.current import CurrentIndex
from countenance.recognition.gallery.enrol import Enroller, Prepared
from countenance.recognition.gallery.migrate import ACTIVE_MODEL, Migration, Migrator
from countenance.recognition.gallery.placing import Placing
from countenance.recognition.images import decode, read_bytes
from countenance.recognition.models.package import ModelPackage, bundled_template_model
from countenance.recognition.templates import package as packages
from countenance.recognition.templates.recogniser import Recogniser
from countenance.settings import Settings
from countenance.store import description, erasures, numbering, references
from countenance.store.holder import StoreHolder
from countenance.terms import SubjectId
from countenance.vault.blobs import FolderBlobs
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

SAVE_AFTER_CHANGES = 200
"""Changes after which an enrolment writes a new index snapshot; fewer are quicker to follow than to write."""


class Countenance:
    """A gallery that asks first.

    Open one with ``Countenance(folder)`` or make one with :meth:`init`; use it as a context manager or call
    :meth:`close`. All methods may be called from several threads, and several processes may share one folder.

    Raises GalleryMissing, GalleryNewer, KeysMissing, KeysForeign, GalleryError when it cannot be opened.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        keys: str | Path | None = None,
        cache: str | Path | None = None,
        clock: Clock | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._settings = Settings.of(folder, keys=keys, cache=cache)
        self._clock = clock or SystemClock()
        place = self._settings.folder
        self._description = description.read(place)
        self._ring = KeyRing.open(self._settings.keys, self._description.gallery_id)
        self._database = self._description.database(place)
        self._blobs = FolderBlobs(place / "blobs")
        self._vault = Vault(self._ring, self._description.gallery_id)
        self._ledger = Ledger(self._database, self._ring, self._vault, self._clock)
        self._searching = Searching(
            self._database,
            self._ring,
            self._vault,
            self._ledger,
            self._settings,
            self._description.gallery_id,
            bundled_template_model().manifest.sha256,
            lambda model: self._package(model).manifest.dimensions,
            progress,
        )
        with ExitStack() as unless_opened:
            unless_opened.callback(self.close)
            self._open()
            unless_opened.pop_all()

    def _open(self) -> None:
        self._database.check_version()
        with self._database.read() as connection:
            if numbering.fact(connection, founding.GALLERY_ID) != self._description.gallery_id:
                raise GalleryError("The database belongs to another gallery.", remedy="Check database_url.")
            self._mirrored = numbering.fact(connection, founding.MIRRORED) == "yes"
        self._recognisers: dict[str, Recogniser] = {}
        self._kept, self._broken = self._keep_promises()

    # -- making and closing ---------------------------------------------------------------------------------

    @classmethod
    def init(
        cls,
        folder: str | Path,
        *,
        keys: str | Path | None = None,
        cache: str | Path | None = None,
        database_url: str | None = None,
        mirrored: bool = False,
        clock: Clock | None = None,
    ) -> Self:
        """Make an empty gallery in ``folder`` and its key ring in ``keys`` (default ``<folder>.keys``).

        ``database_url`` names a PostgreSQL database (``postgresql+psycopg://...``); without it SQLite in the
        folder is used. ``mirrored`` averages each template with that of the mirrored face: slightly more
        accurate, twice the work; it cannot be changed later without re-enrolling.

        Raises GalleryExists when a folder is not empty, DiskFull; then nothing was made.
        """
        settings = Settings.of(folder, keys=keys, cache=cache)
        founding.found(settings, database_url, mirrored, clock or SystemClock())
        return cls(folder, keys=keys, cache=cache, clock=clock)

    def close(self) -> None:
        """Let go of files and connections, after what works in the background has come to a stop."""
        self._searching.close()
        self._blobs.close()
        self._ring.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
    ) -> answers.Receipt:
        """Record a subject's permission and return the receipt that she gets.

        ``residence`` is an ISO 3166 code (``GB``, ``US-IL``), ``until`` the last day of the permission.
        Raises PermissionInvalid, SubjectNameInvalid; OrderForbids when an order in force forbids to collect
        anything of somebody who lives there.
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
        )
        self._refuse_forbidden([asked])
        receipt = answers.Receipt(self._ledger.give([asked])[0])
        number = self._ledger.find(subject).subject_id
        self._witness.note("permission.given", self._clock.now(), subject=self._witness.commit(number))
        self._execution.settle_newcomers([number])
        return receipt

    def enrol(
        self,
        subject: str,
        images: Sequence[Picture],
        *,
        face: int | None = None,
        progress: Progress | None = None,
    ) -> answers.Enrolment:
        """Enrol photographs (files or their bytes) of a permitted subject.

        ``face`` chooses one of several faces, numbered from 1, largest first. A photograph that cannot be
        enrolled is reported in the answer with its code and stops nothing; a photograph whose bytes are
        already enrolled is passed over, so the same call may be repeated after an interruption.

        Raises SubjectUnknown, PermissionRefused, DiskFull, GalleryBusy.
        """
        owner = self._ledger.find(subject)
        with self._database.read() as connection:
            self._ledger.versions(connection, [owner.subject_id])
        model = self.model
        items = enrol_all(
            self._enroller,
            partial(self._prepare, self._recogniser(model)),
            self._read,
            owner,
            images,
            model=model,
            face=face,
            progress=progress,
        )
        done = answers.Enrolment(self._ledger.name(owner), tuple(items), model)
        self._searchable.save(at_least=SAVE_AFTER_CHANGES)
        return done

    def enrol_templates(self, rows: Iterable[TemplateRow], *, progress: Progress | None = None) -> int:
        """Enrol templates of the gallery's own model that come without images, each with its permission.

        Returns how many were enrolled. Raises VectorsInvalid, PermissionInvalid, SubjectNameInvalid.
        """
        importer = TemplateImport(
            self._database,
            self._vault,
            self._ledger,
            self._clock,
            admit=self._refuse_forbidden,
            arrived=self._execution.settle_newcomers,
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
    ) -> Identification:
        """Who is in a photograph? Every face of it, each with its candidate list, best first.

        Only subjects whose permission names ``purpose`` can be candidates. Without ``threshold`` the
        calibration chooses the score at which 0.01 strangers are expected among the candidates of a face at
        this gallery size; ``fpir`` asks for another false positive identification rate. ``strict`` refuses a
        threshold beyond what the calibration's labelled pictures can show. A face that nobody resembles that
        much has an empty list. The photograph and its templates are forgotten when this returns; the search
        itself is on record.

        Raises ImageError and its kinds, PurposeUnknown, InputInvalid, ModelUncalibrated, BeyondValidated,
        CalibrationUnreadable.
        """
        model = self.model
        name = picture_name(image, 1)
        prepared = self._prepare(self._recogniser(model), name, self._read(image))
        notes = prepared.picture.notes + (() if prepared.faces else ("no face was found",))
        return self._identifier(model).identify(
            prepared.faces,
            purpose=purpose,
            limit=limit,
            threshold=threshold,
            fpir=fpir,
            strict=strict,
            notes=notes,
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
        recogniser = self._recogniser(self.model)
        sides = []
        for number, image in enumerate((first, second), 1):
            prepared = self._prepare(recogniser, picture_name(image, number), self._read(image))
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

    def access(self, subject: str, out: str | Path) -> AccessReport:
        """Write everything held about a subject, and every search that returned her, to the ZIP file ``out``.

        Raises SubjectUnknown, InputInvalid, SealBroken.
        """
        folder = Path(out).absolute().parent.resolve()
        for own in (self._settings.folder.resolve(), self._settings.keys.resolve()):
            if (
                own == folder or own in folder.parents
            ):  # it is in the clear, and no keeper would ever erase it there
                raise InputInvalid("An access archive must not lie inside the data folder or the key folder.")
        access = Access(
            self._database,
            self._ring,
            self._vault,
            self._blobs,
            self._ledger,
            self._register,
            self._description.gallery_id,
            self._clock,
            SearchLedger(self._database, Seals(self._ring, self._vault), self._clock),
        )
        return access.write(self._ledger.find(subject), Path(out).absolute())

    def withdraw(self, subject: str, *, progress: Progress | None = None) -> answers.Withdrawal:
        """Forget a subject: out of every search at once, then destroyed everywhere, then looked for again.

        Raises SubjectUnknown; ErasureIncomplete when a keeper still finds something (it is tried again at the
        next opening; the subject is out of every search all the same); ErasureHeld when a duty to keep evidence
        forbids it (the same, until the hold is lifted).
        """
        erased = self._withdraw_number(self._ledger.find(subject).subject_id, progress)
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
        return Restored(settings.folder, taken, status.subjects, status.images, gone, records)

    def expire(self, *, progress: Progress | None = None) -> tuple[answers.Withdrawal, ...]:
        """Finish interrupted erasures, delete again what an old copy of the data brought back, and erase every
        subject whose last permission has ended.

        This happens at every opening; a service that stays open calls it once a day.
        """
        self.collecting.expire()
        old_copy = self._eraser.is_old_copy
        if old_copy and not self._witness.begun_anew:
            self._witness.leave_old_log()
        if self._witness.begun_anew:
            checkpoint = self._witness.begin_anew(self._clock.now())
            with self._database.write() as connection:
                erasures.log_anew(connection, checkpoint)
        finished = self._eraser.erase_again(progress) if old_copy else []
        finished += self._eraser.resume(progress)
        kept = {number for hold in self._desk.holds() for number in hold.subject_ids}
        due = {Ground.WITHDRAWAL: self._ledger.withdrawn(), Ground.EXPIRY: self._ledger.lapsed()}
        for ground, numbers in due.items():
            going = [number for number in numbers if number not in kept]
            kept.update(going)
            if going:
                finished.append(self._eraser.erase(going, Errand(ground), progress=progress))
        if finished:
            self._save_if_possible()
        self.oversight.sweep()  # last: nothing about a case may keep a subject from being erased
        return tuple(_unnamed(erased) for erased in finished)

    def status(self, *, people: bool = False) -> answers.Status:
        """The gallery in numbers; with ``people``, every subject by name."""
        package = self._package(self.model)
        return self._stock.take(package, mirrored=self._mirrored, people=people)

    # -- orders, residence, log -----------------------------------------------------------------------------

    @cached_property
    def orders(self) -> Orders:
        """Regulators' orders: serve, plan, freeze, execute, certify."""
        return Orders(self._database, self._desk, self._execution, self._witness, self._clock, self._keep_index)

    @cached_property
    def duties(self) -> Duties:
        """Duties to keep evidence, and recipients who have to be told of an erasure."""
        return Duties(self._database, self._desk, self._witness, self._ledger, lambda: self._eraser, self._clock)

    @cached_property
    def residency(self) -> Residency:
        """Evidence of where subjects live, and what follows from it."""
        return Residency(self._register, self._ledger, self._execution, self._clock)

    @cached_property
    def index(self) -> GalleryIndex:
        """The index: its status, how far a search goes, and moving it to a server and back."""
        return GalleryIndex(
            self._database,
            self._ring,
            self._settings,
            self._description.gallery_id,
            self._searching,
            self._clock,
        )

    @cached_property
    def log(self) -> Record:
        """The tamper-evident log: checkpoint, proofs, check."""
        return Record(self._witness)

    @cached_property
    def oversight(self) -> Oversight:
        """Customers, people and keys, cases, reviews, the subject's ledger and the public register."""
        parts = Foundations(
            self._database, self._ring, self._vault, self._ledger, self._desk, self._witness, self._clock
        )
        search = partial(
            CaseSearch,
            database=self._database,
            vault=self._vault,
            ledger=self._ledger,
            blobs=self._blobs,
            limits=self._settings.limits,
            prepare=lambda name, image: self._prepare(self._recogniser(self.model), name, self._read(image)),
            identifier=lambda: self._identifier(self.model),
            model=lambda: self.model,
        )
        return Oversight(parts, search, self._withdraw_number)

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

    # -- models ---------------------------------------------------------------------------------------------

    @property
    def model(self) -> str:
        """Digest of the model that searches use now."""
        with self._database.read() as connection:
            return numbering.fact(connection, ACTIVE_MODEL) or bundled_template_model().manifest.sha256

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

        Can be interrupted and repeated; searches use the old model until the switch.
        Raises ModelMissing and what loading a model raises.
        """
        chosen = packages.find(model, self._models_folder)
        recogniser = self._recogniser(chosen.manifest.sha256)
        migrator = Migrator(self._database, self._vault, self._blobs, self._clock)
        before = self.model
        done = migrator.migrate(recogniser.model, partial(self._prepare, recogniser), progress)
        if before != recogniser.model:
            self._searching.retire(before)
        self._database.forget_deleted_rows()
        self._eraser.begin_epoch()
        self._searchable.save()
        return done

    # -- parts ----------------------------------------------------------------------------------------------

    @property
    def kept_promises(self) -> tuple[answers.Withdrawal, ...]:
        """What opening this gallery finished or erased because it was due."""
        return self._kept

    @property
    def broken_promise(self) -> str | None:
        """Why something that was due at opening could not be finished, or None. It is tried again each time."""
        return self._broken

    def _keep_promises(self) -> tuple[tuple[answers.Withdrawal, ...], str | None]:
        self._blobs.recover(self._knows_image)
        try:
            self.index.leave()
            return self.expire(), None
        except KeysForeign:
            raise
        except CountenanceError as error:  # a gallery that cannot be opened could not be put right either
            return (), str(error)

    def _save_if_possible(self) -> None:
        """Write the index anew after an erasure. A cache that cannot be written must not hide the erasure."""
        with suppress(CountenanceError):
            self._searchable.save()

    def _knows_image(self, image_id: str) -> bool:
        with self._database.read() as connection:
            return references.has_image(connection, image_id)

    @property
    def _searchable(self) -> CurrentIndex:
        return self._searching.now()

    def _keep_index(self) -> None:
        self._searchable.save()

    @property
    def _eraser(self) -> Eraser:
        holders = (self._searching, self._blobs, StoreHolder(self._database))
        lock = self._settings.folder / ".erasing"
        return Eraser(self._database, self._ring, holders, self._clock, lock, self._witness)

    @cached_property
    def _witness(self) -> GalleryWitness:
        return GalleryWitness(self._settings.folder, self._description.gallery_id, self._ring)

    @cached_property
    def _desk(self) -> Desk:
        return Desk(self._database, self._ring, self._clock)

    @cached_property
    def _register(self) -> Register:
        return Register(self._database, self._vault, self._ledger, self._clock)

    @cached_property
    def _execution(self) -> Execution:
        return Execution(
            self._database, self._desk, self._register, lambda: self._eraser, self._witness, self._clock
        )

    def _identifier(self, model: str) -> Identifier:
        calibration = self._calibration(model)
        return Identifier(self._database, self._vault, self._ledger, self._searchable, calibration, self._clock)

    def _withdraw_number(self, subject_id: SubjectId, progress: Progress | None = None) -> Erased:
        held = [hold.id for hold in self._desk.holds() if subject_id in hold.subject_ids]
        if held:
            self._ledger.withdraw(subject_id)
            raise ErasureHeld(f"Withdrawn and out of every search; kept as evidence under {', '.join(held)}.")
        erased = self._eraser.erase([subject_id], Errand(Ground.WITHDRAWAL), progress=progress)
        self._save_if_possible()
        return erased

    def _refuse_forbidden(self, asked: Sequence[Asked]) -> None:
        now = self._clock.now()
        checked = [check(one, now=now, record_id="", version=1) for one in asked]
        told = [(one.subject, [declared(one.residence, now.date())]) for one in checked]
        forbidding = self._execution.forbidding(told)
        if forbidding is not None:
            raise OrderForbids(f"Order {forbidding} forbids to collect anything of people there.")

    @cached_property
    def _enroller(self) -> Enroller:
        placing = Placing(self._register, ZoneGeography, self._execution.settle_newcomers)
        return Enroller(self._database, self._ring, self._vault, self._blobs, self._ledger, self._clock, placing)

    @cached_property
    def collecting(self) -> Collecting:
        """The verbs that take images in by permission: exports, albums, granted pages; and search clips."""
        return Collecting(
            Parts(
                self._database,
                self._ring,
                self._vault,
                self._ledger,
                self._clock,
                self._settings.limits,
                self._blobs,
                begin_epoch=lambda: self._eraser.begin_epoch(),
                enroller=lambda: self._enroller,
                recogniser=lambda: self._recogniser(self.model),
                searchable=lambda: self._searchable,
                calibration=lambda: self._calibration(self.model),
            )
        )

    @cached_property
    def _stock(self) -> Stock:
        return Stock(self._database, self._ring, self._ledger, self._settings, self._description, self._clock)

    @property
    def _models_folder(self) -> Path:
        return self._settings.folder / "models"

    def _package(self, model: str) -> ModelPackage:
        return packages.find(model, self._models_folder)

    def _recogniser(self, model: str) -> Recogniser:
        if model not in self._recognisers:
            package = self._package(model)
            self._recognisers[model] = Recogniser.open(self._settings.cache, package, mirrored=self._mirrored)
        return self._recognisers[model]

    def _calibration(self, model: str) -> Calibration | None:
        return self._calibrations.find(model, MIRRORED if self._mirrored else PLAIN)

    @cached_property
    def _calibrations(self) -> KeptCalibrations:
        return KeptCalibrations(self._settings.folder, self._ring)

    def _read(self, image: Picture) -> bytes:
        return read_bytes(image, self._settings.limits) if isinstance(image, Path) else image

    def _prepare(self, recogniser: Recogniser, name: str, data: bytes) -> Prepared:
        picture = decode(data, self._settings.limits, name=name)
        return Prepared(name, data, picture, recogniser.recognise(picture.pixels))


def _unnamed(erased: Erased) -> answers.Withdrawal:
    return answers.Withdrawal(", ".join(f"number {n}" for n in erased.subject_ids), erased)
