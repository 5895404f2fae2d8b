"""Long work: seen by those who may, stopped between items, gone on with; nothing left of the erased."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import wait
from datetime import timedelta

import pytest
from PIL.Image import Transpose
from sqlalchemy import func, select

from countenance import Countenance
from countenance.errors import JobsFull, JobUnknown, SubjectUnknown
from countenance.oversight.job_states import Job, JobKind, JobState
from countenance.oversight.jobs import AT_ONCE, KEPT, MOST_WAITING, JobReport
from countenance.oversight.parties import MACHINE, Principal, Role
from countenance.recognition.gallery import bulk
from countenance.recognition.gallery.enrol import Outcome
from countenance.store import request_tables
from countenance.vault.blobs import FolderBlobs
from tests import photographs
from tests.galleries import Galleries, permit
from tests.offices import office, protection_officer

pytestmark = pytest.mark.usefixtures("quick_passwords")


class Gate:
    """Work that says when it is at an item, and waits there until it is let on."""

    def __init__(self, items: int = 3) -> None:
        self.items = items
        self.reached = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.runs = 0

    def __call__(self, report: JobReport) -> Mapping[str, object]:
        self.runs += 1
        report.expect(self.items)
        for number in range(self.items):
            self.reached.release()
            assert self.go_on.acquire(timeout=30)
            report.item({"number_of_item": number})
        return {"items": self.items}

    def open(self) -> None:
        for _ in range(self.items):
            self.go_on.release()


def ended(gallery: Countenance, job: Job, who: Principal = MACHINE) -> Job:
    running = gallery.oversight.jobs._running.get(job.job_id)
    if running is not None:
        wait([running[0]], 30)
    return gallery.oversight.jobs.get(who, job.job_id)


def rows(gallery: Countenance, table: object) -> int:
    with gallery._database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def test_a_job_says_how_far_it_is_to_every_process_and_what_became_of_each_item(both: Galleries) -> None:
    gallery, work = both.new(), Gate()
    jobs = gallery.oversight.jobs
    job = jobs.start(MACHINE, JobKind.MIGRATION, work)
    assert work.reached.acquire(timeout=30)
    other = both.open().oversight.jobs
    assert other.get(MACHINE, job.job_id).state is JobState.RUNNING
    work.open()
    done = ended(gallery, job)
    assert (done.state, done.done, done.total, done.answer) == (JobState.DONE, 3, 3, {"items": 3})
    assert other.get(MACHINE, job.job_id) == done
    assert [one.number for one in other.items(MACHINE, job.job_id, after=1)] == [2, 3]
    assert other.items(MACHINE, job.job_id, limit=1)[0].result == {"number_of_item": 0}
    assert [one.job_id for one in other.listed(MACHINE)] == [job.job_id]


def test_a_job_stops_after_the_item_it_is_at_also_when_another_process_asks(both: Galleries) -> None:
    gallery, work = both.new(), Gate(100)
    job = gallery.oversight.jobs.start(MACHINE, JobKind.MIGRATION, work)
    assert work.reached.acquire(timeout=30)
    both.open().oversight.jobs.cancel(MACHINE, job.job_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("countenance.oversight.jobs._TOLD_EVERY_S", 0.0)
        work.open()
        stopped = ended(gallery, job)
    assert stopped.state is JobState.CANCELLED
    assert stopped.done == 1


def test_a_job_that_had_not_begun_is_cancelled_at_once_and_lets_go_of_what_was_laid_ready(
    galleries: Galleries,
) -> None:
    gallery, work = galleries.new(), Gate(1)
    jobs = gallery.oversight.jobs
    running = [jobs.start(MACHINE, JobKind.MIGRATION, work) for _ in range(AT_ONCE)]
    released: list[bool] = []
    waiting = jobs.start(MACHINE, JobKind.MIGRATION, work, release=lambda: released.append(True))
    assert jobs.get(MACHINE, waiting.job_id).state is JobState.QUEUED
    assert jobs.cancel(MACHINE, waiting.job_id).state is JobState.CANCELLED
    assert released == [True]
    for _ in running:
        work.open()
    assert {ended(gallery, job).state for job in running} == {JobState.DONE}


def test_more_work_than_may_wait_is_refused(galleries: Galleries) -> None:
    gallery, work = galleries.new(), Gate(1)
    for _ in range(AT_ONCE + MOST_WAITING):
        gallery.oversight.jobs.start(MACHINE, JobKind.MIGRATION, work)
    with pytest.raises(JobsFull):
        gallery.oversight.jobs.start(MACHINE, JobKind.MIGRATION, work)
    assert rows(gallery, request_tables.jobs) == AT_ONCE + MOST_WAITING
    for _ in range(AT_ONCE + MOST_WAITING):  # those that wait may begin before the gallery is closed
        work.open()


def test_a_failure_is_told_by_its_code_and_nothing_else_of_it(galleries: Galleries) -> None:
    gallery = galleries.new()

    def fails(report: JobReport) -> Mapping[str, object]:
        raise SubjectUnknown("Nobody called anna is on record.")

    def breaks(report: JobReport) -> Mapping[str, object]:
        raise ZeroDivisionError("anna")

    first = ended(gallery, gallery.oversight.jobs.start(MACHINE, JobKind.ENROLMENT, fails))
    second = ended(gallery, gallery.oversight.jobs.start(MACHINE, JobKind.ENROLMENT, breaks))
    assert (first.state, first.code) == (JobState.FAILED, "subject_unknown")
    assert (second.state, second.code, second.message) == (JobState.FAILED, "internal", None)


def test_one_request_starts_one_job_and_goes_on_with_one_that_was_interrupted(both: Galleries) -> None:
    gallery, work = both.new(), Gate(2)
    fresh = gallery.oversight.once.begin(MACHINE, "k", b"a job")
    job = gallery.oversight.jobs.start(MACHINE, JobKind.MIGRATION, work, request_id=fresh.request_id)  # type: ignore[union-attr]
    gallery.oversight.once.leave(job.job_id)
    assert work.reached.acquire(timeout=30)
    assert (
        gallery.oversight.jobs.start(MACHINE, JobKind.MIGRATION, work, request_id=job.job_id).job_id == job.job_id
    )
    assert work.runs == 1
    draining = threading.Thread(target=gallery.close)
    draining.start()
    work.open()
    draining.join(30)
    again = both.open()
    assert again.oversight.jobs.get(MACHINE, job.job_id).state is JobState.INTERRUPTED
    assert again.oversight.once.begin(MACHINE, "k", b"a job") == type(fresh)(job.job_id, again=True)  # type: ignore[call-arg]
    work.open()
    once_more = again.oversight.jobs.start(MACHINE, JobKind.MIGRATION, work, request_id=job.job_id)
    assert ended(again, once_more).state is JobState.DONE
    assert (
        again.oversight.jobs.start(MACHINE, JobKind.MIGRATION, work, request_id=job.job_id).state is JobState.DONE
    )
    assert work.runs == 2


def test_a_job_is_seen_by_those_alone_who_may(galleries: Galleries) -> None:
    gallery = galleries.new()
    officer = protection_officer(gallery)
    mine, other = office(gallery, officer), office(gallery, officer, "Another Force")
    jobs = gallery.oversight.jobs
    theirs = jobs.start(mine["investigator"], JobKind.ENROLMENT, lambda report: {})
    own = jobs.start(MACHINE, JobKind.ORDER, lambda report: {})
    assert jobs.get(mine["authoriser"], theirs.job_id).job_id == theirs.job_id
    assert jobs.get(officer, own.job_id).job_id == own.job_id
    permit(gallery, "anna")
    gallery.oversight.people.give_subject_account(MACHINE, "anna", "anna herself", "a long enough password")
    anna = gallery.oversight.authenticate(gallery.oversight.login("anna herself", "a long enough password").secret)
    for who, job in (
        (other["investigator"], theirs),
        (MACHINE, theirs),
        (mine["investigator"], own),
        (anna, own),
        (anna, theirs),
    ):
        for ask in (jobs.get, jobs.cancel, jobs.items):
            with pytest.raises(JobUnknown):
                ask(who, job.job_id)
    assert [one.job_id for one in jobs.listed(mine["investigator"])] == [theirs.job_id]
    assert jobs.listed(other["investigator"]) == jobs.listed(anna) == ()
    until = gallery._clock.now() + timedelta(days=1)
    key = gallery.oversight.keys.issue(
        MACHINE, mine.customer_id, roles=[Role.ENROLLER], expires=until, verbs=["subject.enrol"]
    )
    limited = gallery.oversight.authenticate(key.secret)
    with pytest.raises(JobUnknown):
        jobs.get(limited, theirs.job_id)
    assert jobs.listed(limited) == ()


def test_a_bulk_enrolment_runs_beside_searches_and_leaves_nothing_staged(
    both: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = both.new()
    permit(gallery, "anna")
    images = [(f"{n}.jpg", data) for n, data in enumerate(portrait_photographs[:3])]
    job = gallery.long_work.enrol(MACHINE, "anna", [*images, ("none.jpg", b"no picture")])
    done = ended(gallery, job)
    assert done.state is JobState.DONE
    assert done.answer is not None
    assert (done.answer["enrolled"], done.answer["failed"]) == (3, 1)
    items = [one.as_dict() for one in gallery.oversight.jobs.items(MACHINE, job.job_id)]
    assert [one["image"] for one in items] == ["0.jpg", "1.jpg", "2.jpg", "none.jpg"]
    assert gallery.status().images == 3
    assert [path for path in (both.folder / "staged").rglob("*") if path.is_file()] == []
    again = ended(gallery, gallery.long_work.enrol(MACHINE, "anna", images))
    assert again.answer is not None
    assert again.answer[Outcome.ALREADY.value] == 3


def test_photographs_that_are_written_together_have_each_its_own_fate(
    both: Galleries, portrait_photographs: list[bytes], couple: photographs.Couple
) -> None:
    gallery = both.new()
    erased = photographs.jpeg(photographs.portrait().transpose(Transpose.FLIP_LEFT_RIGHT))
    permit(gallery, "berta")
    assert gallery.enrol("berta", [erased]).count(Outcome.ENROLLED) == 1
    gallery.withdraw("berta")
    permit(gallery, "anna")
    images = [
        *((f"{n}.jpg", data) for n, data in enumerate(portrait_photographs[:2])),
        ("again.jpg", portrait_photographs[0]),
        ("two faces.jpg", couple.data),
        ("berta's.jpg", erased),
        ("none.jpg", b"no picture"),
    ]
    job = ended(gallery, gallery.long_work.enrol(MACHINE, "anna", images))
    items = [one.as_dict() for one in gallery.oversight.jobs.items(MACHINE, job.job_id)]
    errors = [one.get("error") for one in items]
    codes = [error["code"] if isinstance(error, dict) else None for error in errors]
    assert [(one["image"], one["outcome"], code) for one, code in zip(items, codes, strict=True)] == [
        ("0.jpg", "enrolled", None),
        ("1.jpg", "enrolled", None),
        ("again.jpg", "already enrolled", None),
        ("two faces.jpg", "failed", "several_faces"),
        ("berta's.jpg", "failed", "image_suppressed"),
        ("none.jpg", "failed", "image_format"),
    ]
    assert gallery.status().images == 2
    assert len(list((both.folder / "blobs").rglob("*.sealed"))) == 2, "nothing is left of what was not enrolled"


def test_a_cancelled_enrolment_says_of_each_photograph_that_is_enrolled_that_it_is(
    galleries: Galleries, portrait_photographs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    monkeypatch.setattr(bulk, "TOGETHER", 2)
    place, job_id = FolderBlobs.commit, "0" * 32

    def cancel_meanwhile(self: FolderBlobs, image_id: str) -> None:
        place(self, image_id)
        gallery.oversight.jobs.cancel(MACHINE, job_id)

    monkeypatch.setattr(FolderBlobs, "commit", cancel_meanwhile)
    images = [(f"{n}.jpg", data) for n, data in enumerate(portrait_photographs)]
    done = ended(gallery, gallery.long_work.enrol(MACHINE, "anna", images, request_id=job_id))
    assert (done.state, done.done) == (JobState.CANCELLED, 2)
    assert gallery.status().images == 2
    monkeypatch.setattr(FolderBlobs, "commit", place)
    again = ended(gallery, gallery.long_work.enrol(MACHINE, "anna", images))
    assert again.answer == {"enrolled": 4, "already enrolled": 2, "failed": 0}


def test_what_waits_and_what_was_said_of_a_subject_go_with_her(
    both: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery, work = both.new(), Gate(1)
    permit(gallery, "anna")
    job = ended(gallery, gallery.long_work.enrol(MACHINE, "anna", [("anna.jpg", portrait_photographs[0])]))
    blocking = [gallery.oversight.jobs.start(MACHINE, JobKind.MIGRATION, work) for _ in range(AT_ONCE)]
    waiting = gallery.long_work.enrol(MACHINE, "anna", [("anna.jpg", data) for data in portrait_photographs[1:3]])
    with gallery._database.read() as connection:
        sealed = list(connection.scalars(select(request_tables.job_results.c.sealed_result)))
    assert not any(b"anna" in one for one in sealed)
    staged = list((both.folder / "staged").rglob("*.sealed"))
    assert len(staged) == 2
    assert all(data[20:60] not in path.read_bytes() for path in staged for data in portrait_photographs[1:3])
    erased = both.open().withdraw("anna").erased
    held = {one.what: one.count for one in erased.destroyed}
    assert (held["waiting images"], held["results of long work"]) == (2, 2)
    assert list((both.folder / "staged").rglob("*.sealed")) == []
    for _ in blocking:
        work.open()
    assert ended(gallery, waiting).code == "subject_unknown"
    assert gallery.oversight.jobs.get(MACHINE, job.job_id).answer is None
    assert gallery.oversight.jobs.items(MACHINE, job.job_id) == ()
    assert gallery.status().images == 0


def test_a_job_is_forgotten_a_week_after_its_end(galleries: Galleries) -> None:
    gallery = galleries.new()
    job = ended(gallery, gallery.oversight.jobs.start(MACHINE, JobKind.MIGRATION, lambda report: {"n": 1}))
    with gallery._database.read() as connection:
        slot = connection.execute(select(request_tables.jobs.c.key_slot)).scalar_one()
    galleries.clock.step(KEPT)
    gallery.oversight.sweep()
    assert gallery.oversight.jobs.get(MACHINE, job.job_id).answer == {"n": 1}
    galleries.clock.step(timedelta(seconds=1))
    gallery.oversight.sweep()
    with pytest.raises(JobUnknown):
        gallery.oversight.jobs.get(MACHINE, job.job_id)
    assert slot in gallery._ring.destroyed([slot])
    assert rows(gallery, request_tables.job_results) == 0


def test_draining_takes_no_more_work_and_marks_what_waits_as_interrupted(galleries: Galleries) -> None:
    gallery, work = galleries.new(), Gate(2)
    jobs = gallery.oversight.jobs
    started = [jobs.start(MACHINE, JobKind.MIGRATION, work) for _ in range(AT_ONCE + 1)]
    for _ in range(AT_ONCE):
        assert work.reached.acquire(timeout=30)
    assert not jobs.drain(0)
    with pytest.raises(JobsFull):
        jobs.start(MACHINE, JobKind.MIGRATION, work)
    for _ in range(AT_ONCE):
        work.open()
    assert {ended(gallery, job).state for job in started} == {JobState.INTERRUPTED}
    assert jobs.drain(30)
