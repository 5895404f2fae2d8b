"""Long work: jobs that run beside the requests, say how far they are, and can be stopped.

Rules kept here:

* A job runs in the process that was asked; its progress is in the database, a few times a second, so that every
  process can answer for it. A job whose process died is ``interrupted``, known by its lock and not by a clock.
* Stopping takes hold between two items. What was done stays done; a job that is sent again under its key goes on.
* Only those see a job who may: the customer that asked for it, or the gallery's own people for theirs. A key
  that is limited sees its own only.
* What a job says about a subject is sealed under her key; nothing of it is kept of somebody who is erased.
* Few run at once and few wait; more are refused at once and politely.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.errors import CountenanceError, InputInvalid, JobsFull, JobUnknown, KeyDestroyed
from countenance.oversight.credentials import Credentials
from countenance.oversight.job_states import Job, JobItem, JobKind, JobState, Stopped, is_limited, may_ask
from countenance.oversight.parties import Principal
from countenance.oversight.records import GALLERYS_OWN, Seals, new_id
from countenance.store import jobs, subjects
from countenance.store.database import Database
from countenance.store.jobs import JobRow, ResultRow
from countenance.store.owners import Owners
from countenance.store.subjects import SubjectRow, SubjectState
from countenance.terms import ALL_ARTEFACTS, ArtefactClass, SubjectId
from countenance.vault.sealing import Sealer, Vault

AT_ONCE = 2
"""Jobs that run at once in one process; they share its two recognition threads with searches."""
MOST_WAITING = 16
"""Jobs that wait in one process before the next is refused."""
KEPT = timedelta(days=7)
"""How long a job that has ended can be asked about."""
MOST_ON_A_PAGE = 200
_TOLD_EVERY_S = 0.25
_METADATA = ArtefactClass.METADATA


class JobReport:
    """What a running job is handed: it says here how far it is, and is told here to stop."""

    def __init__(self, owner: Jobs, row: JobRow, subject_id: SubjectId | None, stop: threading.Event) -> None:
        self._jobs = owner
        self._row = row
        self._subject_id = subject_id
        self._stop = stop
        self._what = ""
        self._fresh: list[tuple[int, SubjectId | None, Mapping[str, object]]] = []
        self._items = 0
        self._told = float("-inf")

    def expect(self, total: int | None) -> None:
        """How many items there will be; None when it cannot be known."""
        self._row = replace(self._row, total=total)

    def item(self, result: Mapping[str, object], subject_id: SubjectId | None = None) -> None:
        """One more item is done; ``result`` is a JSON object, and ``subject_id`` whom it is about."""
        self.items([result], subject_id)

    def items(self, results: Sequence[Mapping[str, object]], subject_id: SubjectId | None = None) -> None:
        """Several more are done, all at once: the job is not stopped between them."""
        for result in results:
            self._items += 1
            self._fresh.append((self._items, subject_id, dict(result)))
        self._row = replace(self._row, done=self._row.done + len(results))
        self.check()

    def progress(self, done: int, total: int | None, what: str) -> None:
        """The same for work that counts for itself, in the form that every long verb of the engine calls."""
        self._what = what
        self._row = replace(self._row, done=done, total=total)
        self.check()

    def check(self) -> None:
        """Between two items: write down how far it is if that is due, and end the job here if it shall stop."""
        now = time.monotonic()
        if now - self._told >= _TOLD_EVERY_S:
            self._told = now
            if self.tell(None):
                raise Stopped(JobState.CANCELLED)
        if self._stop.is_set():
            raise Stopped(JobState.INTERRUPTED if self._jobs.draining else JobState.CANCELLED)

    def tell(self, answer: Mapping[str, object] | None, message: str | None = None) -> bool:
        """Write down how far it is; True when somebody wants it cancelled."""
        own = {"what": self._what, "answer": answer, "message": message}
        said = [(0, self._subject_id, own), *self._fresh]
        cancelling = self._jobs.write(self._row, said)
        self._fresh.clear()
        return cancelling


Run = Callable[[JobReport], Mapping[str, object]]
"""The work: reports, and returns its answer, a JSON object."""


class Jobs:
    """The long work of one gallery. Thread-safe. Methods that take ``who`` raise CredentialInvalid."""

    def __init__(
        self, database: Database, vault: Vault, seals: Seals, credentials: Credentials, owners: Owners, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._seals = seals
        self._credentials = credentials
        self._owners = owners
        self._clock = clock
        self._inside = threading.RLock()
        self._pool: ThreadPoolExecutor | None = None
        self._running: dict[str, tuple[Future[None], threading.Event]] = {}
        self.draining = False
        """True once no new job is taken, because the process is about to end."""

    # -- asking ---------------------------------------------------------------------------------------------

    def start(
        self,
        who: Principal,
        kind: JobKind | str,
        run: Run,
        *,
        subject_id: SubjectId | None = None,
        request_id: str | None = None,
        release: Callable[[], None] | None = None,
    ) -> Job:
        """Start long work, once for one ``request_id``: again, it answers with the job, and goes on with one that
        was interrupted. Whether ``who`` may do it, whoever calls has asked.

        ``subject_id`` is whom the job as a whole is about; ``release`` lets go of what was laid ready, when it is
        over or does not begin. Whoever starts a job leaves its request (``once.leave``): a retry then comes here.
        Raises JobsFull.
        """
        job_id, release = request_id or new_id(), release or _nothing
        try:
            who = self._credentials.refresh(who)
            with self._inside:
                row = self._begun(who, JobKind(kind), job_id)
                if not isinstance(row, Job):
                    self._submit(row, run, subject_id, release)
                    release = _nothing
        finally:
            release()
        return row if isinstance(row, Job) else self.get(who, job_id)

    def _submit(self, row: JobRow, run: Run, subject_id: SubjectId | None, release: Callable[[], None]) -> None:
        stop = threading.Event()
        report = JobReport(self, row, subject_id, stop)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="job")

        def over(_: Future[None]) -> None:
            self._forget(row.job_id)
            release()

        future = self._pool.submit(self._work, row.job_id, run, report, stop)
        self._running[row.job_id] = (future, stop)
        future.add_done_callback(over)

    def get(self, who: Principal, job_id: str) -> Job:
        """A job as it is now. Raises JobUnknown, for another's in the same words."""
        with self._database.read() as connection:
            return self._opened(connection, self._seen(connection, who, job_id))

    def items(self, who: Principal, job_id: str, *, after: int = 0, limit: int = 100) -> tuple[JobItem, ...]:
        """What became of a job's items, in order, from number ``after + 1`` on. Raises JobUnknown, InputInvalid."""
        _check(limit)
        with self._database.read() as connection:
            row = self._seen(connection, who, job_id)
            said = jobs.said(connection, job_id, max(after, 0) + 1, limit)
            opened = [(one.number, self._unsealed(connection, row, one)) for one in said]
        return tuple(JobItem(number, result) for number, result in opened if result is not None)

    def listed(self, who: Principal, *, after: str | None = None, limit: int = 100) -> tuple[Job, ...]:
        """The asker's jobs, newest first, from below the job ``after`` on. Raises JobUnknown, InputInvalid."""
        _check(limit)
        fresh = self._credentials.refresh(who)
        if not may_ask(fresh):
            return ()
        with self._database.read() as connection:
            last = None if after is None else self._seen(connection, who, after)
            actor = fresh.actor if is_limited(fresh) else None
            rows = jobs.page(connection, fresh.customer_id, actor, last, limit)
            return tuple(self._opened(connection, row) for row in rows)

    def cancel(self, who: Principal, job_id: str) -> Job:
        """Stop a job after the items it is at, up to 16 photographs; may be repeated. Raises JobUnknown."""
        with self._database.write() as connection:
            row = self._seen(connection, who, job_id)
            jobs.change(connection, job_id, cancelling=1)
        with self._inside:
            future, stop = self._running.get(row.job_id, (None, None))
        if stop is not None and future is not None:
            stop.set()
            if future.cancel():  # it had not begun
                self._ended(row.job_id, JobState.CANCELLED)
        return self.get(who, job_id)

    def standing(self, connection: Connection) -> dict[str, int]:
        """How many jobs wait and how many run, of everybody and in every process."""
        living = [row.state for row in jobs.unfinished(connection) if self._lives(connection, row)]
        return {state: living.count(state) for state in (JobState.QUEUED.value, JobState.RUNNING.value)}

    # -- time -----------------------------------------------------------------------------------------------

    def sweep(self) -> int:
        """Write down which jobs were interrupted, and drop what ended long ago; returns how many were dropped."""
        now = self._clock.now()
        with self._database.write() as connection:
            for row in jobs.unfinished(connection):
                if not self._lives(connection, row):
                    state, at = JobState.INTERRUPTED.value, clock.to_text(now)
                    jobs.change(connection, row.job_id, state=state, owner=None, ended_utc=at)
            old = jobs.ended_before(connection, clock.to_text(now - KEPT))
        for row in old:
            for artefact in ALL_ARTEFACTS:
                self._seals.destroy(row.key_slot, artefact)
            with self._database.write() as connection:
                jobs.drop(connection, row.job_id)
        return len(old)

    def drain(self, timeout: float) -> bool:
        """Take no more jobs, stop those that run after the items they are at, up to 16 photographs, and wait.

        Waits ``timeout`` seconds. False when some are still running; they are found to be interrupted when the
        process has ended.
        """
        self.draining = True
        with self._inside:
            standing = dict(self._running)
        for job_id, (future, stop) in standing.items():
            stop.set()
            if future.cancel():
                self._ended(job_id, JobState.INTERRUPTED)
        left = wait([future for future, _ in standing.values()], timeout).not_done
        if self._pool is not None:
            self._pool.shutdown(wait=not left, cancel_futures=True)
        return not left

    # -- inside ---------------------------------------------------------------------------------------------

    def write(self, row: JobRow, said: list[tuple[int, SubjectId | None, Mapping[str, object]]]) -> bool:
        """Write how far a job is and what it says; True when somebody wants it cancelled. For JobReport."""
        with self._database.write() as connection:
            about = sorted({subject_id for _, subject_id, _ in said if subject_id is not None})
            sealers = {one: self._sealer(owner) for one, owner in subjects.by_ids(connection, about).items()}
            sealed = [self._sealed(sealers, row, *one) for one in said]
            jobs.say(connection, [one for one in sealed if one is not None])
            jobs.change(connection, row.job_id, done=row.done, total=row.total)
            standing = jobs.get(connection, row.job_id)
        return standing is not None and bool(standing.cancelling)

    def _begun(self, who: Principal, kind: JobKind, job_id: str) -> JobRow | Job:
        owner = self._owners.number
        now = clock.to_text(self._clock.now())
        with self._database.write() as connection:
            before = jobs.get(connection, job_id)
            if before is not None and self._state(connection, before) is not JobState.INTERRUPTED:
                return self._opened(connection, before)
            if self.draining or len(self._running) >= AT_ONCE + MOST_WAITING:
                raise JobsFull("As much long work is waiting as the service takes.")
            if before is not None:
                jobs.unsay(connection, job_id)
                jobs.change(
                    connection, job_id, state=JobState.QUEUED, owner=owner, done=0, total=None, cancelling=0,
                    code=None, ended_utc=None,
                )  # fmt: skip
                return replace(before, owner=owner, done=0, total=None)
            slot, keys = self._seals.new_slot(GALLERYS_OWN)
            row = JobRow(
                job_id, kind, who.customer_id, who.actor, JobState.QUEUED, owner, 0, None, 0, None, now, None, slot,
                keys[_METADATA],
            )  # fmt: skip
            jobs.add(connection, row)
            return row

    def _work(self, job_id: str, run: Run, report: JobReport, stop: threading.Event) -> None:
        with self._database.write() as connection:
            jobs.change(connection, job_id, state=JobState.RUNNING)
        state, code, answer, message = JobState.DONE, None, None, None
        try:
            if stop.is_set():
                report.check()
            answer = run(report)
        except Stopped as stopped:
            state = stopped.state
        except CountenanceError as error:
            state, code, message = JobState.FAILED, error.code, str(error)
        except Exception:  # noqa: BLE001  # whatever it was, whoever asks is told that it failed, and nothing of it
            state, code = JobState.FAILED, "internal"
        report.tell(answer, message)
        self._ended(job_id, state, code)

    def _ended(self, job_id: str, state: JobState, code: str | None = None) -> None:
        at = clock.to_text(self._clock.now())
        with self._database.write() as connection:
            jobs.change(connection, job_id, state=state.value, code=code, owner=None, ended_utc=at)

    def _forget(self, job_id: str) -> None:
        with self._inside:
            self._running.pop(job_id, None)

    def _lives(self, connection: Connection, row: JobRow) -> bool:
        if row.owner == self._owners.number:
            with self._inside:  # whoever starts one holds it until it is running
                return row.job_id in self._running
        return row.owner is not None and self._owners.alive(connection, row.owner)

    def _state(self, connection: Connection, row: JobRow) -> JobState:
        if row.ended_utc is None and not self._lives(connection, row):
            return JobState.INTERRUPTED
        return JobState(row.state)

    def _seen(self, connection: Connection, who: Principal, job_id: str) -> JobRow:
        fresh, row = self._credentials.refresh(who), jobs.get(connection, job_id)
        seen = row is not None and may_ask(fresh) and row.customer_id == fresh.customer_id
        if row is None or not seen or (is_limited(fresh) and row.actor != fresh.actor):
            raise JobUnknown("There is no job of that id here.")
        return row

    def _opened(self, connection: Connection, row: JobRow) -> Job:
        own = jobs.said(connection, row.job_id, 0, 1)
        said = self._unsealed(connection, row, own[0]) if own and own[0].number == 0 else None
        told = said or {"what": "", "answer": None, "message": None}
        answer, message = told["answer"], told["message"]
        return Job(
            row.job_id,
            row.kind,
            self._state(connection, row),
            row.done,
            row.total,
            str(told["what"]),
            answer if isinstance(answer, dict) else None,
            row.code,
            None if message is None else str(message),
            row.asked_utc,
            row.ended_utc,
        )

    def _sealer(self, owner: SubjectRow) -> Sealer | None:
        """What seals for a subject; None when she is being erased."""
        if owner.state is not SubjectState.ACTIVE:
            return None
        try:
            return self._vault.sealer(owner.subject_id, owner.wrapped, _METADATA)
        except KeyDestroyed:
            return None

    def _sealed(
        self,
        sealers: Mapping[SubjectId, Sealer | None],
        row: JobRow,
        number: int,
        subject_id: SubjectId | None,
        result: Mapping[str, object],
    ) -> ResultRow | None:
        plain, record = json.dumps(result).encode(), f"job:{row.job_id}:{number}"
        if subject_id is None:
            where = (row.key_slot, GALLERYS_OWN, _METADATA, row.wrapped_key)
            return ResultRow(row.job_id, number, None, self._seals.seal(*where, plain, record))
        sealer = sealers.get(subject_id)
        return None if sealer is None else ResultRow(row.job_id, number, subject_id, sealer.seal(plain, record, 0))

    def _unsealed(self, connection: Connection, row: JobRow, said: ResultRow) -> dict[str, object] | None:
        record = f"job:{row.job_id}:{said.number}"
        try:
            if said.subject_id is None:
                where = (row.key_slot, GALLERYS_OWN, _METADATA, row.wrapped_key)
                plain = self._seals.unseal(*where, said.sealed_result, record)
            else:
                subject = subjects.by_ids(connection, [said.subject_id])[said.subject_id]
                sealer = self._vault.sealer(said.subject_id, subject.wrapped, _METADATA)
                plain = sealer.unseal(said.sealed_result, record, 0)
        except KeyDestroyed:
            return None
        opened: dict[str, object] = json.loads(plain)
        return opened


def _nothing() -> None:
    pass


def _check(limit: int) -> None:
    if not 1 <= limit <= MOST_ON_A_PAGE:
        raise InputInvalid(f"A page has 1 to {MOST_ON_A_PAGE} entries.")
