"""Exactly once: a write that is sent again under its key has its effect one time, and is answered again.

Rules kept here:

* A request is on record before anything is done for it, with a random id that becomes the id of what it makes
  (permission, case, search, erasure, ...). A second run finds what the first one made, and makes nothing twice.
* Nobody waits for a lease: a request whose process is dead is handed out again at once (store.owners).
* Answers are kept for a day, sealed: about a subject under her key, so that they go with her; else under the key of
  their day, which is destroyed when the day's answers have expired. Keys and tokens, shown once, are never kept.
* Another request under the same key is refused; neither the key nor what was sent is stored in the clear.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.errors import AnswerNotKept, IdempotencyKeyReused, InputInvalid, KeyDestroyed, RequestUnderWay
from countenance.oversight.parties import Principal
from countenance.oversight.records import GALLERYS_OWN, Seals, new_id
from countenance.store import requests, subjects
from countenance.store.database import Database
from countenance.store.owners import Owners
from countenance.store.requests import AnswerRow, DayKeyRow, RequestRow
from countenance.store.subjects import SubjectState
from countenance.terms import ALL_ARTEFACTS, ArtefactClass, SubjectId
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

KEPT = timedelta(hours=24)
"""How long an answer is kept, and a key remembered."""

LONGEST_KEY = 255
_METADATA = ArtefactClass.METADATA


@dataclass(frozen=True, slots=True)
class Fresh:
    """Go ahead. ``again`` when an earlier run was cut off; it may have done some of it, or all."""

    request_id: str
    """32 hexadecimal digits: give it to the operation, and to :meth:`Once.finish` afterwards."""
    again: bool


@dataclass(frozen=True, slots=True, repr=False)
class Replay:
    """This was answered already, and so."""

    status: int
    body: bytes


class Once:
    """The requests of one gallery. Thread-safe; processes see each other's."""

    def __init__(
        self, database: Database, ring: KeyRing, vault: Vault, seals: Seals, owners: Owners, clock: Clock
    ) -> None:
        self._database = database
        self._ring = ring
        self._vault = vault
        self._seals = seals
        self._owners = owners
        self._clock = clock
        self._running: set[str] = set()
        self._inside = threading.Lock()

    def begin(self, who: Principal, key: str, fingerprint: bytes) -> Fresh | Replay:
        """Begin a request, or say how it was answered. ``fingerprint`` is a digest of all that was sent: verb,
        place and body.

        After Fresh, exactly one of :meth:`finish`, :meth:`forget` and :meth:`leave` follows.
        Raises InputInvalid for a key that is not 1 to 255 printable ASCII characters; IdempotencyKeyReused when
        something else was sent under this key; RequestUnderWay while somebody is at work on it; AnswerNotKept
        when it was carried out and the answer must not be told again.
        """
        if not 0 < len(key) <= LONGEST_KEY or not all(" " <= letter <= "~" for letter in key):
            raise InputInvalid(f"An idempotency key is 1 to {LONGEST_KEY} printable ASCII characters.")
        tag = self._ring.fingerprint("request-key", f"{who.actor}\n{key}".encode())
        content = self._ring.fingerprint("request-content", fingerprint)
        owner = self._owners.number
        started: list[str] = []
        try:
            with self._database.write() as connection:
                outcome = self._decide(connection, tag, content, owner)
                if isinstance(outcome, Fresh):  # before others can see the row
                    started.append(outcome.request_id)
                    self._run(outcome.request_id)
        except BaseException:
            for request_id in started:
                self._stop(request_id)
            raise
        return outcome

    def finish(self, request_id: str, status: int, body: bytes | None, subject_id: SubjectId | None = None) -> None:
        """Keep an answer for a day. ``body`` None when it must not be told again: a key, a token.

        ``subject_id`` is whom the answer is about. When she is being erased, or is gone, it is not kept.
        """
        now = self._clock.now()
        try:
            with self._database.write() as connection:
                kept = None if body is None else self._sealed(connection, request_id, body, subject_id, now)
                requests.answer(connection, request_id, status, clock.to_text(now + KEPT), kept)
        finally:
            self._stop(request_id)

    def forget(self, request_id: str) -> None:
        """The operation was refused before it did anything: the key may be used for something else.

        A request that is known to have done something, or may have, is left as it is.
        """
        try:
            with self._database.write() as connection:
                row = requests.get(connection, request_id)
                if row is None or row.status is not None:
                    return
                if row.mark is None:
                    requests.drop(connection, request_id)
                else:
                    requests.hand_over(connection, request_id, None)
        finally:
            self._stop(request_id)

    def leave(self, request_id: str) -> None:
        """The run ended without an answer, or its answer is better made anew: a retry runs it again."""
        try:
            with self._database.write() as connection:
                requests.hand_over(connection, request_id, None)
        finally:
            self._stop(request_id)

    def sweep(self) -> int:
        """Drop what has expired, and destroy the keys of days that are over; returns how many requests went."""
        now = self._clock.now()
        with self._database.write() as connection:
            rows = requests.expired(connection, clock.to_text(now))
            going = [row for row in rows if row.status is not None or not self._under_way(connection, row)]
            for row in going:
                requests.drop(connection, row.request_id)
            over = requests.days_before(connection, _day(now - timedelta(days=1)))
        if over:
            self._ring.destroy([one.key_slot for one in over], ALL_ARTEFACTS)
            with self._database.write() as connection:
                for one in over:
                    requests.drop_day(connection, one.day)
            self._database.forget_deleted_rows()
        self._owners.sweep()
        return len(going)

    # -- inside ---------------------------------------------------------------------------------------------

    def _decide(self, connection: Connection, tag: bytes, content: bytes, owner: int) -> Fresh | Replay:
        now = self._clock.now()
        row = self._standing(connection, requests.by_tag(connection, tag), now)
        if row is None:
            begun, until = clock.to_text(now), clock.to_text(now + KEPT)
            row = RequestRow(new_id(), tag, content, owner, None, None, begun, until)
            requests.add(connection, row)
            return Fresh(row.request_id, again=False)
        if row.content_tag != content:
            raise IdempotencyKeyReused("Something else was sent under this idempotency key.")
        if row.status is not None:
            return Replay(row.status, self._kept(connection, row))
        if self._under_way(connection, row):
            raise RequestUnderWay("This request is being carried out.")
        requests.hand_over(connection, row.request_id, owner)
        if row.mark is None:
            requests.mark(connection, row.request_id, requests.AGAIN)
        return Fresh(row.request_id, again=True)

    def _standing(self, connection: Connection, row: RequestRow | None, now: datetime) -> RequestRow | None:
        """The request unless its day is over."""
        if row is None or clock.from_text(row.expires_utc) > now:
            return row
        if row.status is None and self._under_way(connection, row):
            return row
        requests.drop(connection, row.request_id)
        return None

    def _under_way(self, connection: Connection, row: RequestRow) -> bool:
        if row.owner is None:
            return False
        with self._inside:
            if row.request_id in self._running:
                return True
        return row.owner != self._owners.number and self._owners.alive(connection, row.owner)

    def _run(self, request_id: str) -> None:
        with self._inside:
            self._running.add(request_id)

    def _stop(self, request_id: str) -> None:
        with self._inside:
            self._running.discard(request_id)

    def _sealed(
        self, connection: Connection, request_id: str, body: bytes, subject_id: SubjectId | None, now: datetime
    ) -> AnswerRow | None:
        record = f"answer:{request_id}"
        if subject_id is None:
            day = _day(now)
            key = requests.day_key(connection, day) or self._new_day(connection, day)
            where = (key.key_slot, GALLERYS_OWN, _METADATA, key.wrapped_key)
            return AnswerRow(request_id, None, day, self._seals.seal(*where, body, record))
        subject = subjects.by_ids(connection, [subject_id]).get(subject_id)
        if subject is None or subject.state is not SubjectState.ACTIVE:
            return None
        try:
            sealer = self._vault.sealer(subject_id, subject.wrapped, _METADATA)
        except KeyDestroyed:
            return None
        return AnswerRow(request_id, subject_id, None, sealer.seal(body, record, 0))

    def _new_day(self, connection: Connection, day: str) -> DayKeyRow:
        slot, keys = self._seals.new_slot(GALLERYS_OWN)
        row = DayKeyRow(day, slot, keys[_METADATA])
        requests.add_day_key(connection, row)
        return row

    def _kept(self, connection: Connection, row: RequestRow) -> bytes:
        kept, record = requests.answered(connection, row.request_id), f"answer:{row.request_id}"
        try:
            if kept is not None and kept.subject_id is not None:
                subject = subjects.by_ids(connection, [kept.subject_id])[kept.subject_id]
                return self._vault.sealer(kept.subject_id, subject.wrapped, _METADATA).unseal(
                    kept.sealed_body, record, 0
                )
            key = None if kept is None or kept.day is None else requests.day_key(connection, kept.day)
            if kept is not None and key is not None:
                where = (key.key_slot, GALLERYS_OWN, _METADATA, key.wrapped_key)
                return self._seals.unseal(*where, kept.sealed_body, record)
        except KeyDestroyed:
            pass
        raise AnswerNotKept(
            "This request was carried out. Its answer held a secret that is shown once, or somebody who is erased."
        )


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()
