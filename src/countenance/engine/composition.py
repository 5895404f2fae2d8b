"""How a gallery is put together, opened and closed, and the promises that opening it keeps.

Rules kept here:

* Opening a gallery first keeps its promises: what a crash interrupted is finished, what has expired is erased.
* The networks are loaded when a photograph has to be looked at, not before: withdrawing needs none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Self

from countenance.clock import Clock, SystemClock
from countenance.custody.erasure.eraser import Eraser
from countenance.custody.erasure.errand import Errand, Ground, Progress
from countenance.custody.erasure.execution import Execution
from countenance.custody.orders.desk import Desk
from countenance.custody.permission.ledger import Ledger
from countenance.custody.proof.witness import GalleryWitness
from countenance.custody.residency.geography import ZoneGeography
from countenance.custody.residency.register import Register
from countenance.engine import answers, founding
from countenance.engine.case_search import CaseSearch
from countenance.engine.collecting import Collecting, Parts
from countenance.engine.customer_parts import Deeds, SubjectParts
from countenance.engine.enrolling import Enrolling
from countenance.engine.index import GalleryIndex
from countenance.engine.long_work import LongWork
from countenance.engine.oversight import Foundations, Oversight
from countenance.engine.part_erasure import PartErasure
from countenance.engine.probing import probe_of
from countenance.engine.recognising import Recognising
from countenance.engine.searching import Searching
from countenance.engine.withdrawing import Withdrawing
from countenance.errors import BlobsError, CountenanceError, GalleryError, KeysForeign
from countenance.oversight.ledger import SearchLedger
from countenance.oversight.records import Seals
from countenance.recognition.candidates.identify import Identifier
from countenance.recognition.gallery.access import Access
from countenance.recognition.gallery.bulk import Picture
from countenance.recognition.gallery.current import CurrentIndex
from countenance.recognition.gallery.enrol import Enroller, Prepared
from countenance.recognition.gallery.migrate import ACTIVE_MODEL
from countenance.recognition.gallery.placing import Placing
from countenance.recognition.models.package import bundled_template_model
from countenance.settings import Settings
from countenance.store import description, erasures, numbering, references, schema_version
from countenance.store.holder import StoreHolder
from countenance.store.owners import Owners
from countenance.vault.sealing import Vault
from countenance.vault.staged import StagedImages

_LAST_ITEM_S = 30.0
"""How long closing waits for the items that jobs are at."""


class Composition(Recognising, ABC):
    """The parts of one opened gallery; ``engine.gallery.Countenance`` adds what may be asked of it."""

    def __init__(
        self,
        folder: str | Path,
        *,
        keys: str | Path | None = None,
        cache: str | Path | None = None,
        clock: Clock | None = None,
        progress: Progress | None = None,
        migrate: bool | None = None,
    ) -> None:
        """Open the gallery in ``folder``.

        ``migrate`` says whether a database of an older version may be brought up to this one; None: if it is
        SQLite in the folder, not if it is on a server. Raises SchemaOlder where it may not.
        """
        self._settings = Settings.of(folder, keys=keys, cache=cache)
        self._clock = clock or SystemClock()
        place = self._settings.folder
        self._description = description.read(place)
        self._ring = self._description.ring(self._settings)
        self._database = self._description.database(place)
        self._blobs = self._description.blobs(place, self._settings.object_storage)
        self._vault = Vault(self._ring, self._description.gallery_id)
        self._owners = Owners(self._database, place)
        self._staged = StagedImages(place)
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
            self._open(migrate)
            unless_opened.pop_all()

    def _open(self, migrate: bool | None) -> None:
        schema_version.check(self._database, may_migrate=migrate)
        with self._database.read() as connection:
            if numbering.fact(connection, founding.GALLERY_ID) != self._description.gallery_id:
                raise GalleryError("The database belongs to another gallery.", remedy="Check database_url.")
            self._mirrored = numbering.fact(connection, founding.MIRRORED) == "yes"
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
        blobs_url: str | None = None,
        keys_wrapped_by: str | None = None,
        mirrored: bool = False,
        clock: Clock | None = None,
    ) -> Self:
        """Make an empty gallery in ``folder`` and its key ring in ``keys`` (default ``<folder>.keys``).

        ``database_url`` names a PostgreSQL database (``postgresql+psycopg://...``); without it SQLite in the
        folder is used. ``blobs_url`` (``s3://bucket/prefix``) keeps the sealed images in object storage, reached
        as the environment says. ``keys_wrapped_by`` (``transit://mount/key``) has a key service wrap the key ring.
        ``mirrored`` averages each template with that of the mirrored face: slightly more accurate, twice the work;
        it cannot be changed later without re-enrolling.

        Raises GalleryExists when a folder or the place in the bucket is not empty, GalleryBusy while another
        process makes a gallery there, DiskFull, BlobsError, KeyServiceError; then nothing was made.
        """
        settings = Settings.of(folder, keys=keys, cache=cache)
        kept = founding.Kept(database_url, blobs_url, keys_wrapped_by)
        founding.found(settings, kept, mirrored, clock or SystemClock())
        return cls(folder, keys=keys, cache=cache, clock=clock)

    def close(self) -> None:
        """Let go of files and connections, after what works in the background has come to a stop."""
        if "oversight" in self.__dict__:  # else no job was ever started
            self.oversight.jobs.drain(_LAST_ITEM_S)
        self._searching.close()
        self._owners.close()
        self._blobs.close()
        self._ring.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- what other parts rely on ---------------------------------------------------------------------------

    @cached_property
    def oversight(self) -> Oversight:
        """Customers, people and keys, cases, reviews, the subject's ledger and the public register."""
        parts = Foundations(
            self._database,
            self._ring,
            self._vault,
            self._ledger,
            self._desk,
            self._witness,
            self._clock,
            self._owners,
        )

        def prepare(name: str, image: Picture) -> Prepared:
            return self._preparing(self.model)(name, self._read(image))

        search = partial(
            CaseSearch,
            database=self._database,
            vault=self._vault,
            ledger=self._ledger,
            blobs=self._blobs,
            limits=self._settings.limits,
            probe=partial(probe_of, prepare, lambda: self._recogniser(self.model), self._settings.limits),
            identifier=lambda: self._identifier(self.model),
            model=lambda: self.model,
        )
        subjects = SubjectParts(
            *(self._database, self._vault, self._ledger, self._clock, self._deeds),
            self._part_erasure,
            prepare,
            lambda: self._identifier(self.model),
            lambda: self._calibration(self.model),
            lambda: self.model,
        )
        one, many = self._withdrawing.one, self._withdrawing.all
        return Oversight(parts, search, one, many, subjects, lambda: self._access)

    @property
    @abstractmethod
    def _deeds(self) -> Deeds:
        """The verbs that are done for customers too."""

    @cached_property
    def long_work(self) -> LongWork:
        """Work that takes long, started here and asked about in ``oversight.jobs``."""
        return LongWork(
            self._database,
            self._owners,
            self._staged,
            self._ledger,
            lambda: self.oversight.jobs,
            self._enrolling.between,
        )

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

    @property
    def model(self) -> str:
        """Digest of the model that searches use now."""
        with self._database.read() as connection:
            return numbering.fact(connection, ACTIVE_MODEL) or bundled_template_model().manifest.sha256

    # -- promises ---------------------------------------------------------------------------------------------

    def expire(self, *, progress: Progress | None = None) -> tuple[answers.Withdrawal, ...]:
        """Finish interrupted erasures, delete again what an old copy of the data brought back, and erase every
        subject whose last permission has ended.

        This happens at every opening; a service that stays open calls it once a day.
        """
        self._settle_images()
        self.collecting.expire()
        self.long_work.sweep()
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
        self._execution.settle_daily()
        if finished:
            self._save_if_possible()
        self.oversight.compartments.finish_closing()
        self.oversight.sweep()  # last: nothing about a case may keep a subject from being erased
        return tuple(answers.Withdrawal.by_number(erased) for erased in finished)

    # -- parts ----------------------------------------------------------------------------------------------

    @property
    def kept_promises(self) -> tuple[answers.Withdrawal, ...]:
        """What opening this gallery finished or erased because it was due."""
        return self._kept

    @property
    def broken_promise(self) -> str | None:
        """Why something that was due at opening could not be finished, or None. It is tried again each time."""
        return self._broken or self._unsettled

    def _settle_images(self) -> None:
        """Finish or undo what an interrupted enrolment left. Erasing does not wait for a service that is down."""
        try:
            self._blobs.recover(self._knows_image)
            self._unsettled: str | None = None
        except BlobsError as error:
            self._unsettled = str(error)

    def _keep_promises(self) -> tuple[tuple[answers.Withdrawal, ...], str | None]:
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
        holders = (self._searching, self._blobs, StoreHolder(self._database), self._staged)
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
        return Identifier(
            *(self._database, self._vault, self._ledger, self._searchable, calibration, self._clock),
            at_once=self._turns.at_once,
            timed=partial(self._stages.timed, "index"),
        )

    @cached_property
    def _part_erasure(self) -> PartErasure:
        return PartErasure(
            self._database, self._blobs, lambda: self._searchable, lambda: self._eraser.begin_epoch()
        )

    @cached_property
    def _withdrawing(self) -> Withdrawing:
        return Withdrawing(self._desk, self._ledger, lambda: self._eraser, self._save_if_possible)

    @cached_property
    def _enroller(self) -> Enroller:
        placing = Placing(self._register, ZoneGeography, self._execution.settle_newcomers)
        return Enroller(self._database, self._ring, self._vault, self._blobs, self._ledger, self._clock, placing)

    @cached_property
    def _enrolling(self) -> Enrolling:
        parts = (self._ledger, self._enroller, self._turns, self._preparing, self._read)
        return Enrolling(*parts, lambda: self.model, lambda: self._searchable)

    @cached_property
    def _access(self) -> Access:
        told = SearchLedger(self._database, Seals(self._ring, self._vault), self._clock)
        return Access(
            self._database, self._ring, self._vault, self._blobs, self._ledger, self._register,
            self._description.gallery_id, self._clock, told,
        )  # fmt: skip

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
                self._settings.object_storage,
                self._blobs,
                begin_epoch=lambda: self._eraser.begin_epoch(),
                enroller=lambda: self._enroller,
                recogniser=lambda: self._recogniser(self.model),
                searchable=lambda: self._searchable,
                calibration=lambda: self._calibration(self.model),
                case_purpose=lambda named: self.oversight.cases.purpose_at_the_console(named),
            )
        )
