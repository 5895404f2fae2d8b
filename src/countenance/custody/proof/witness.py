"""The gallery's own witness: every step of an erasure into the log, and a certificate at the end of it.

Rules kept here: log and certificate hold commitments, counts and ids only; certificates lie in ``certificates/`` of
the data folder, one file an erasure, and can be handed to anybody. A data folder that was restored from a copy has
an old log; it is only read, and the present one (proof.logbook) begins by naming its last state.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance import clock
from countenance.custody.erasure.errand import Account, Ground
from countenance.custody.proof import compliance, logbook
from countenance.custody.proof.certificate import (
    Cause,
    Epoch,
    Evidence,
    Retained,
    Signer,
    Statement,
    Step,
    Told,
    closing_entry,
    confirmed_in,
    issue_written,
    key_file,
    step_entry,
    written,
)
from countenance.errors import CertificateInvalid, KeyDestroyed
from countenance.holding import Absence
from countenance.log import Entry, TamperEvidentLog, commitment
from countenance.log.entry import Value
from countenance.log.note import VerifierKey, open_checkpoint
from countenance.store.erasures import ErasureState, Mark
from countenance.store.subjects import SubjectRow
from countenance.vault.files import write_whole
from countenance.vault.keys import KeyRing

_STEPS = {
    ErasureState.FROZEN: Step.FROZEN,
    ErasureState.KEYS_DESTROYED: Step.KEYS_DESTROYED,
    ErasureState.DELETED: Step.DELETED,
    ErasureState.EPOCH_BEGUN: Step.INDEX_EPOCH,
    ErasureState.CONFIRMED: Step.CONFIRMED,
}
_CAUSES = {
    Ground.WITHDRAWAL: Cause.WITHDRAWAL,
    Ground.EXPIRY: Cause.EXPIRY,
    Ground.ORDER: Cause.ORDER,
    Ground.RESTORED_COPY: Cause.RETENTION,
}
_LOOKED_AT_ONCE = 256
_OUT_OF_ORDER = timedelta(hours=1)
"""Writers queue for the log after they have read the clock; nobody queues that long."""

METHOD = (
    "The subjects' keys were overwritten in the key ring, then the sealed images, sealed templates, index entries "
    "and database rows were deleted, then the index epoch's key was destroyed."
)


class GalleryWitness:
    """The tamper-evident log of one gallery, as the eraser and the engine use it."""

    def __init__(self, folder: Path, gallery_id: str, ring: KeyRing) -> None:
        """``folder`` is the data folder; the log in it is made at its first use."""
        self._folder = folder
        self._certificates = folder / "certificates"
        self._ring = ring
        self._gallery_id = gallery_id
        self._book = logbook.read(folder)
        self._signer = Signer(f"countenance-gallery/{gallery_id}", _signing_key(ring, "certificate-signature"))
        self._log: TamperEvidentLog | None = None

    @property
    def log(self) -> TamperEvidentLog:
        """The log, opened or made now."""
        if self._log is None:
            key = _signing_key(self._ring, "log-signature")
            place, origin = self._folder / self._book.present, self._origin(self._book.present)
            make = TamperEvidentLog.open if _is_log(place) else TamperEvidentLog.create
            self._log = make(place, origin, key)
        return self._log

    @property
    def begun_anew(self) -> bool:
        """True when the present log is still to be made because the data folder was restored from a copy."""
        return bool(self._book.older) and not _is_log(self._folder / self._book.present)

    def leave_old_log(self) -> None:
        """Write no more into the log of a data folder that turns out to be an old copy."""
        self._book = logbook.begin_anew(self._folder)
        self._log = None

    def begin_anew(self, at: datetime) -> str:
        """Begin the present log by naming the last state of the older one; returns the new one's checkpoint."""
        name = self._book.older[0]
        public = _signing_key(self._ring, "log-signature").public_key()
        head = TamperEvidentLog.open(self._folder / name, self._origin(name), public).head()
        self.note("log.begun_anew", at, older=head.origin.replace("/", ":"), size=head.size, root=head.root.hex())
        return self.checkpoint()

    def keys(self) -> str:
        """The public keys that check this gallery's certificates; to be handed over on another way."""
        key = _signing_key(self._ring, "log-signature")
        older = [("log", VerifierKey.of(self._origin(name), key)) for name in self._book.older]
        return key_file(gallery=self._signer.verifier_key, log=self.log.verifier_key, others=older)

    def _origin(self, name: str) -> str:
        return self._book.origin(self._gallery_id, name)

    def note(self, event: str, at: datetime, **body: Value) -> int:
        """Log that something happened; ``body`` holds ids, counts and commitments only."""
        return self.log.append([Entry(at, event, body)])[0]

    def note_once(self, event: str, at: datetime, **body: Value) -> int:
        """Log what a run that was cut off may have logged already: the very same entry is not written twice."""
        wanted, log = Entry(at, event, body).as_bytes(), self.log
        stop = log.size
        while stop > 0:
            start = max(0, stop - _LOOKED_AT_ONCE)
            raw = log.raw_entries(start, stop)
            if wanted in raw:
                return start + raw.index(wanted)
            if Entry.from_bytes(raw[0]).at < at - _OUT_OF_ORDER:
                break
            stop = start
        return self.note(event, at, **body)

    def commit(self, subject_id: int, kind: str = "subject", value: bytes | None = None) -> str:
        """The commitment that stands for a subject, or for a ``value`` of hers. Raises KeyDestroyed."""
        told = str(subject_id).encode() if value is None else value
        return commitment(self._ring.commitment_key(subject_id), kind, told)

    def mark(self, subject: SubjectRow) -> Mark:
        """See :class:`countenance.custody.erasure.errand.Witness`."""
        try:
            committed = self.commit(subject.subject_id)
        except KeyDestroyed:  # an old copy brought back a row whose keys are long gone
            committed = self._ring.fingerprint("restored-subject", str(subject.subject_id).encode()).hex()
        ids = (f"{artefact}:{sha256(key).hexdigest()[:32]}" for artefact, key in subject.wrapped.keys.items())
        return Mark(subject.subject_id, committed, tuple(ids))

    def checkpoint(self) -> str:
        """The log's checkpoint now."""
        return self.log.checkpoint()

    def size_of(self, checkpoint: str) -> int:
        """See :class:`countenance.custody.erasure.errand.Witness`."""
        return open_checkpoint(checkpoint, self.log.verifier_key).size if checkpoint else 0

    def saw(
        self, step: ErasureState, at: datetime, erasure_id: str, marks: Sequence[Mark], since: int
    ) -> tuple[int, datetime]:
        """See :class:`countenance.custody.erasure.errand.Witness`."""
        entry = step_entry(_STEPS[step], at, erasure_id, [mark.commitment for mark in marks])
        said = self._said(erasure_id, since)
        while said and said[0][1].event == f"erasure.{Step.CERTIFIED}":  # killed after a closing entry
            said = said[1:]  # what it closes stands before it
        if said and (said[0][1].event, said[0][1].body) == (entry.event, entry.body):
            return said[0][0], said[0][1].at
        return self.log.append([entry])[0], at

    def _said(self, erasure_id: str, since: int) -> list[tuple[int, Entry]]:
        """What the log says of an erasure from entry ``since`` on, the newest first: number and entry."""
        raw = self.log.raw_entries(min(since, size := self.log.size), size)
        found = (
            (since + place, Entry.from_bytes(one)) for place, one in enumerate(raw) if erasure_id.encode() in one
        )
        return [one for one in found if one[1].body.get("request") == erasure_id][::-1]

    def certify(self, account: Account) -> None:
        """Log the closing entry and write ``certificates/<erasure id>.json``."""
        row = account.row
        before = account.epoch_after if row.epoch_before is None else row.epoch_before
        statement = Statement(
            cause=_CAUSES[Ground(row.ground)],
            request=row.erasure_id,
            issued_at=account.finished_at,
            subjects=tuple(mark.commitment for mark in account.marks),
            artefacts=account.destroyed,
            keys_destroyed=tuple(id_ for mark in account.marks for id_ in mark.key_ids),
            method=METHOD,
            holders=account.confirmations,
            scope_sha256=row.scope_sha256,
            by_doubt_alone=row.by_doubt_alone,
            epochs=(Epoch("index", before, account.epoch_after),),
            recipients=tuple(
                Told(one.recipient, _moment(one.told_utc), one.answer, _moment(one.answered_utc))
                for one in account.notices
            ),
            retained=tuple(
                Retained(held.what, "to refuse what was erased if it is offered again", held.count)
                for held in account.retained
            ),
        )
        self._certificates.mkdir(parents=True, exist_ok=True, mode=0o700)
        said, closing = self._closed(row.erasure_id, row.log_steps[-1])
        if said is None:
            said = written(statement, self._signer.name, self.log.origin)
            write_whole(self._draft(row.erasure_id), rfc8785.dumps(said))
            closing = self.log.append([closing_entry(said)])[0]
        evidence = Evidence(row.log_before or "", (*row.log_steps, closing))
        certificate = issue_written(said, self.log, evidence, self._signer)
        write_whole(self._certificates / f"{row.erasure_id}.json", certificate)
        self._draft(row.erasure_id).unlink(missing_ok=True)
        for cut_short in self._certificates.glob(f".{row.erasure_id}.*"):  # by a crash of an earlier attempt
            cut_short.unlink(missing_ok=True)

    def _draft(self, erasure_id: str) -> Path:
        """Where a statement lies from before it is logged until its certificate is written: two statements of one
        erasure are never logged, because the second would look like a change of mind.
        """
        return self._certificates / f"{erasure_id}.statement"

    def _closed(self, erasure_id: str, since: int) -> tuple[dict[str, Any] | None, int]:
        """The statement that a run which was cut off has logged after entry ``since``, and the closing entry."""
        logged = {one.as_bytes(): number for number, one in self._said(erasure_id, since)}
        for file in (self._draft(erasure_id), self._certificates / f"{erasure_id}.json"):
            with suppress(FileNotFoundError, ValueError):
                document = json.loads(file.read_bytes())
                said = document.get("statement", document)
                number = logged.get(closing_entry(said).as_bytes())
                if number is not None:
                    return said, number
        return None, 0

    def comply(self, statement: dict[str, object], entries: Sequence[int]) -> bytes:
        """The signed record of an order that destroyed nothing, with the log's entries that show it."""
        key = _signing_key(self._ring, "certificate-signature")
        return compliance.issue(statement, entries, self.log, key)

    def certified(self, erasure_id: str) -> tuple[Absence, ...]:
        """See :class:`countenance.custody.erasure.errand.Witness`. Raises CertificateInvalid."""
        return confirmed_in(self.certificate(erasure_id))

    def certificate(self, erasure_id: str) -> bytes:
        """The certificate of a confirmed erasure. Raises CertificateInvalid when there is none."""
        try:
            return (self._certificates / f"{erasure_id}.json").read_bytes()
        except OSError as error:
            raise CertificateInvalid(f"There is no certificate of the erasure {erasure_id}.") from error


def _is_log(place: Path) -> bool:
    return (place / "checkpoint").exists() or (place / "checkpoint.next").exists()


def _signing_key(ring: KeyRing, use: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(ring.derive(use))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else clock.from_text(text)
