"""Collecting: the verbs that take images in by permission, and search clips. Composes the parts, decides nothing.

Rules kept here: nothing is looked at for a subject without a permission in force and a reference to know her by.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from countenance import clock as clocks
from countenance.clock import Clock
from countenance.collection.accounts import Accounts
from countenance.collection.anchors import Anchors
from countenance.collection.answers import Bystanders, Confirmed, Pending
from countenance.collection.bystanders import Thresholds, Wanted
from countenance.collection.clips.answers import ClipIdentification
from countenance.collection.clips.search import search_clip
from countenance.collection.clips.sheet import contact_sheet
from countenance.collection.collector import Collector, Plan
from countenance.collection.company import GalleryCompany
from countenance.collection.confirming import Confirming
from countenance.collection.exports.album import Album, source_of
from countenance.collection.grants.address import PUBLIC, Reach
from countenance.collection.grants.audience import Audience
from countenance.collection.grants.fetching import PAUSE_SECONDS, Fetcher
from countenance.collection.grants.importing import PageImport
from countenance.collection.grants.register import GrantRegister, Grants, GrantWithdrawn
from countenance.collection.grants.site import Site
from countenance.collection.origin import Origins
from countenance.collection.outcomes import Became, FileOutcome, Imported, Report, Tally
from countenance.collection.ownership import check_owner
from countenance.collection.pending import Waiting
from countenance.collection.permitted_copy import permitted_copy
from countenance.collection.progressed import Progressed
from countenance.custody.erasure.errand import Progress
from countenance.custody.permission.ledger import Ledger
from countenance.custody.residency.geography import Geography, ZoneGeography
from countenance.custody.residency.register import Register
from countenance.errors import CaseMissing, GeographyMissing, InputInvalid, ModelUncalibrated
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.identify import Identification, Identifier
from countenance.recognition.gallery.current import CurrentIndex
from countenance.recognition.gallery.enrol import Enroller
from countenance.recognition.gallery.stored_copy import Keep
from countenance.recognition.templates.recogniser import RecognisedFace, Recogniser
from countenance.settings import ImageLimits, ObjectStorage
from countenance.store import collecting
from countenance.store.collecting import ImportRow
from countenance.store.database import Database
from countenance.store.subjects import SubjectRow
from countenance.terms import ArtefactClass
from countenance.vault.blob_store import BlobStore
from countenance.vault.files import write_whole
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

_SAVE_AFTER_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Parts:
    """What collecting needs of a gallery. The functions are called when their part is needed."""

    database: Database
    ring: KeyRing
    vault: Vault
    ledger: Ledger
    clock: Clock
    limits: ImageLimits
    object_storage: ObjectStorage
    blobs: BlobStore
    begin_epoch: Callable[[], int]
    enroller: Callable[[], Enroller]
    recogniser: Callable[[], Recogniser]
    searchable: Callable[[], CurrentIndex]
    calibration: Callable[[], Calibration | None]
    case_purpose: Callable[[str], str | None]


class Collecting:
    """The collecting verbs of one gallery."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known_thresholds: tuple[Calibration, dict[int, Thresholds]] | None = None

    def import_album(
        self,
        subject: str,
        sources: Sequence[str | Path],
        *,
        hers: bool = False,
        only: bool = False,
        keep: Keep | str | None = None,
        report: Report | None = None,
        progress: Progress | None = None,
    ) -> Imported:
        """Take the subject's pictures out of her export or album: archives, folders and ``s3://bucket/prefix``.

        Several sources are parts of one whole.

        ``hers`` says that somebody has asked whose export it is; ``only`` leaves other permitted subjects in the
        same pictures out; ``keep`` is ``crop`` or ``covered``, by default what her permission says, and never
        more than that. The same call goes on where it was interrupted.

        Raises SubjectUnknown, PermissionRefused, ReferenceMissing, SourceMissing, ArchiveUnreadable,
        ArchiveBomb, BucketClientMissing, BucketUnreachable, AccountSuppressed, ExportForeign, DiskFull,
        GalleryBusy.
        """
        begun = time.monotonic()
        owner = self._owner(subject)
        kept = permitted_copy(self._parts.ledger, [owner], keep)
        wanted = self._wanted(owner)
        places = [source_of(source, self._parts.object_storage) for source in sources]
        album = Album(places, picture_bytes=self._parts.limits.size_bytes)
        accounts = self._accounts.tags(album.accounts)
        self._accounts.refuse_erased(owner, accounts)
        collector = self._collector(company=not only)
        notes = []
        if not hers and album.platform != "album":
            notes.append(check_owner(album.own_pictures(), lambda d, n: collector.look(d, n, [wanted])[0]))
        source = album.platform if album.platform == "album" else f"{album.platform} export"
        import_id = self._begin(owner, source, accounts=accounts)
        plan = Plan(import_id, wanted, source, kept)
        tally = Tally()
        for one in album.refused:
            refused = FileOutcome(
                one.name, Became.REFUSED, code=one.code, message=one.message, remedy=one.remedy or None
            )
            tally.add(refused)
            if report is not None:
                report(refused)
        today = self._parts.clock.now().date()
        evidence = self._accounts.evidence(self._register, owner, album.facts, today, source)
        before = len(self._register.of(owner))
        tally += collector.collect(plan, album.pictures(), album.count, report, progress)
        if self._geography is None:
            notes.append("positions were not turned into countries: the package timezonefinder is not installed")
        self._parts.searchable().save(at_least=_SAVE_AFTER_CHANGES)
        return Imported(
            self._parts.ledger.name(owner),
            source,
            dict(tally.outcomes),
            dict(tally.refusals),
            tally.faces,
            tally.bystanders,
            tally.references,
            tally.others,
            self._waiting.count(owner),
            album.videos,
            album.passed_over,
            time.monotonic() - begun,
            evidence + len(self._register.of(owner)) - before,
            tuple(notes),
        )

    def import_pages(
        self,
        url: str,
        *,
        subjects: Sequence[str] = (),
        keep: Keep | str | None = None,
        report: Report | None = None,
        progress: Progress | None = None,
        reach: Reach = PUBLIC,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> Imported:
        """Take pictures from the pages at ``url`` and below it that the site's grant lists.

        For ``subjects``, or everyone of the gallery, whose permission names one of the grant's purposes.
        ``reach`` says what may be asked at all; only tests pass another than the public internet.

        Raises GrantMissing, GrantInvalid, GrantEnded, PageNotGranted, PageReserved, AddressForbidden,
        PageUnreadable, SubjectUnknown, PermissionRefused, ReferenceMissing.
        """
        parts = self._parts
        place = reach.place(url)
        named = [self._wanted(self._owner(name)) for name in subjects]
        kept = permitted_copy(parts.ledger, [one.subject for one in named], keep)
        audience = Audience(parts.database, parts.ledger, named, self._company())
        fetcher = Fetcher(reach, pause=pause_seconds)
        done = PageImport(
            Site(place, fetcher, parts.clock.now, parts.limits.size_bytes),
            self._grants,
            self._collector(company=False),
            ",".join(str(one.subject.subject_id) for one in named),
            audience.near,
            lambda owner, grant_id: self._begin(owner, f"granted pages of {place.host}", grant_id),
            kept,
            report,
            progress,
            place.host,
        ).run()
        parts.searchable().save(at_least=_SAVE_AFTER_CHANGES)
        return done

    def grants(self) -> Grants:
        """The sites whose grants were used."""
        return self._grants.all()

    def withdraw_grant(
        self, url: str, *, progress: Progress | None = None, reach: Reach = PUBLIC
    ) -> GrantWithdrawn:
        """Erase everything that came through the grants of the site at ``url``; refuse them from now on.

        Raises GrantUnknown, AddressForbidden; ErasureIncomplete when something is left (say it again).
        """
        parts = self._parts
        origin = reach.place(url).origin
        return self._grants.withdraw(origin, parts.blobs, parts.searchable(), parts.begin_epoch, progress)

    def search_clip(
        self,
        clip: str | Path,
        *,
        case: str,
        purpose: str | None = None,
        limit: int = 10,
        threshold: float | None = None,
        sheet: str | Path | None = None,
        progress: Progress | None = None,
    ) -> ClipIdentification:
        """Who is in a recorded clip? Every track of it, each with its candidate list; ``sheet`` is a page to write.

        ``case`` is the id or reference of a case on record, which then allows the search and says its ``purpose``,
        or a file number of the operator's own, for which the purpose has to be named.

        Raises CaseMissing, AccessRefused (the case allows no search), LiveInputRefused, ClipUnreadable,
        ClipTooLarge, ClipDecoderMissing, PurposeUnknown, InputInvalid, ModelUncalibrated.
        """
        parts = self._parts
        purpose = self._purpose(case.strip(), purpose)
        identifier = Identifier(
            parts.database, parts.vault, parts.ledger, parts.searchable(), parts.calibration(), parts.clock
        )

        def identify(faces: tuple[RecognisedFace, ...], notes: tuple[str, ...]) -> Identification:
            return identifier.identify(faces, purpose=purpose, limit=limit, threshold=threshold, notes=notes)

        recogniser = parts.recogniser()
        answer = search_clip(
            clip, recogniser, identify, parts.limits, case=case, purpose=purpose, progress=progress
        )
        if sheet is not None:
            write_whole(Path(sheet).absolute(), contact_sheet(answer).encode())
        return answer

    def _purpose(self, case: str, purpose: str | None) -> str:
        if not case:
            raise CaseMissing("No case was named.")
        on_record = self._parts.case_purpose(case)
        if on_record is None and purpose is None:
            raise CaseMissing(
                f"No case that runs is called {case[:200]}.", remedy="Name a case on record, or the purpose too."
            )
        if on_record is not None and purpose not in (None, on_record):
            raise InputInvalid(f"The case {case[:200]} is about {on_record}, not {purpose}.")
        return on_record or str(purpose)

    # -- what waits, and what was seen ----------------------------------------------------------------------

    def pending(self, subject: str) -> Pending:
        """The faces that wait for the subject's confirmation. Raises SubjectUnknown, SealBroken."""
        owner = self._parts.ledger.find(subject)
        self._waiting.expire()
        return Pending(self._parts.ledger.name(owner), tuple(self._waiting.of(owner)))

    def confirm(self, subject: str, *, yes: Sequence[str] = (), no: Sequence[str] = ()) -> Confirmed:
        """The subject's answers: ``yes`` become references, ``no`` are destroyed.

        Raises SubjectUnknown, PermissionRefused, PendingUnknown (then nothing was changed).
        """
        owner = self._owner(subject)
        confirming = Confirming(
            self._waiting, self._parts.enroller(), self._parts.recogniser(), self._origins, self._parts.limits
        )
        done = confirming.answer(owner, self._parts.ledger.name(owner), yes, no)
        self._parts.searchable().save(at_least=_SAVE_AFTER_CHANGES)
        return done

    def bystanders(self, subject: str) -> Bystanders:
        """How many faces were seen in the subject's imports, and what became of them. Raises SubjectUnknown."""
        owner = self._parts.ledger.find(subject)
        with self._parts.database.read() as connection:
            rows = collecting.tallies(connection, owner.subject_id)
            imports = len(collecting.imports_of(connection, owner.subject_id))
            kept = len(collecting.origins_of(connection, owner.subject_id))
        return Bystanders(
            self._parts.ledger.name(owner),
            imports,
            sum(row[1] for row in rows),
            sum(row[2] for row in rows),
            kept,
            self._waiting.count(owner),
            sum(row[3] for row in rows),
            {row[0]: row[1] for row in rows},
        )

    def expire(self) -> int:
        """Destroy what has waited too long for an answer; returns how many faces."""
        return self._waiting.expire()

    # -- parts ----------------------------------------------------------------------------------------------

    def _owner(self, subject: str) -> SubjectRow:
        owner = self._parts.ledger.find(subject)
        with self._parts.database.read() as connection:
            self._parts.ledger.versions(connection, [owner.subject_id])
        return owner

    def _wanted(self, owner: SubjectRow) -> Wanted:
        recogniser = self._parts.recogniser()
        templates = self._anchors.of(owner, recogniser.model, recogniser.dimensions)
        return Wanted(owner, templates, self._thresholds(len(templates)))

    def _thresholds(self, references: int) -> Thresholds:
        calibration = self._parts.calibration()
        if calibration is None:
            raise ModelUncalibrated("Nothing is known about the scores of this model, so nobody can be told apart.")
        known = self._known_thresholds
        if known is None or known[0] is not calibration:  # another model is in use, or it was calibrated anew
            known = self._known_thresholds = (calibration, {})
        if references not in known[1]:
            known[1][references] = Thresholds.of(calibration, references)
        return known[1][references]

    def _collector(self, *, company: bool) -> Collector:
        parts = self._parts
        return Collector(
            parts.enroller(),
            parts.recogniser(),
            self._waiting,
            Progressed(parts.database, parts.ring),
            self._origins,
            self._company() if company else None,
            parts.limits,
        )

    def _company(self) -> GalleryCompany:
        parts = self._parts
        return GalleryCompany(
            parts.database, self._anchors, parts.ledger, parts.searchable(), self._thresholds, parts.clock
        )

    def _begin(
        self, owner: SubjectRow, source: str, grant_id: str | None = None, accounts: Sequence[bytes] = ()
    ) -> str:
        import_id = secrets.token_hex(16)
        sealer = self._parts.vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.METADATA)
        about = json.dumps({"version": 1, "source": source}).encode()
        sealed = sealer.seal(about, f"import:{import_id}", 0)
        now = clocks.to_text(self._parts.clock.now())
        with self._parts.database.write() as connection:
            self._accounts.remember(connection, owner, accounts)
            collecting.begin(connection, ImportRow(import_id, owner.subject_id, grant_id, now, sealed))
        return import_id

    @cached_property
    def _accounts(self) -> Accounts:
        return Accounts(self._parts.database, self._parts.ring)

    @cached_property
    def _anchors(self) -> Anchors:
        return Anchors(self._parts.database, self._parts.vault)

    @cached_property
    def _grants(self) -> GrantRegister:
        return GrantRegister(self._parts.database, self._parts.ring, self._parts.clock)

    @cached_property
    def _waiting(self) -> Waiting:
        return Waiting(self._parts.database, self._parts.vault, self._parts.ledger, self._parts.clock)

    @cached_property
    def _register(self) -> Register:
        return Register(self._parts.database, self._parts.vault, self._parts.ledger, self._parts.clock)

    @cached_property
    def _geography(self) -> Geography | None:
        try:
            return ZoneGeography()
        except GeographyMissing:
            return None

    @cached_property
    def _origins(self) -> Origins:
        return Origins(self._parts.vault, self._register, self._geography)
