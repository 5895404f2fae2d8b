"""Long work for somebody who asks later: ``gallery.long_work`` starts it, ``gallery.oversight.jobs`` answers.

Rules kept here: what a job needs is staged before it is accepted, sealed under a key that dies with the process;
what a job does is what the plain verb does, so that one that is sent again passes over what is done. It gives way
to searches.
Whoever calls has asked the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from countenance.custody.permission.ledger import Ledger
from countenance.engine.answers import item_as_dict
from countenance.errors import SubjectUnknown
from countenance.oversight.job_states import Job, JobKind
from countenance.oversight.jobs import JobReport, Jobs
from countenance.oversight.parties import Principal
from countenance.recognition.gallery.bulk import Picture
from countenance.recognition.gallery.enrol import Item, Outcome
from countenance.store.database import Database
from countenance.store.owners import Owners
from countenance.store.subjects import SubjectRow
from countenance.terms import GALLERYS_OWN, CompartmentId
from countenance.vault.staged import StagedImages

Enrol = Callable[
    [SubjectRow, Sequence[Picture], int | None, Callable[[Picture], bytes], Callable[[], None]],
    Generator[Sequence[Item], None, None],
]
"""Enrols images of a permitted subject: given her, the images, which face, what reads each image once, and what is
asked whether it may go on. Yields what became of them, group by group."""


class LongWork:
    """The long work of one gallery."""

    def __init__(
        self,
        database: Database,
        owners: Owners,
        staged: StagedImages,
        ledger: Ledger,
        jobs: Callable[[], Jobs],
        enrol: Enrol,
    ) -> None:
        self._database = database
        self._owners = owners
        self._staged = staged
        self._ledger = ledger
        self._jobs = jobs
        self._enrol = enrol

    def enrol(
        self,
        who: Principal,
        subject: str,
        images: Iterable[tuple[str, bytes]],
        *,
        face: int | None = None,
        compartment: CompartmentId = GALLERYS_OWN,
        request_id: str | None = None,
        still: Callable[[], None] = lambda: None,
    ) -> Job:
        """Enrol many photographs of a permitted subject, given as names and bytes, read one at a time.

        ``still`` is asked before each is recognised and before some are written, and ends the job by raising
        AccessRefused. Each item's result is in ``oversight.jobs.items``. Raises SubjectUnknown, PermissionRefused,
        DiskFull, JobsFull; then nothing is staged.
        """
        owner = self._ledger.find(subject, compartment)
        with self._database.read() as connection:
            self._ledger.versions(connection, [owner.subject_id])
        waiting: list[tuple[str, Path]] = []

        def release() -> None:
            for _, path in waiting:
                self._staged.drop(path)

        def run(report: JobReport) -> Mapping[str, object]:
            report.expect(len(waiting))
            counts = dict.fromkeys((outcome.value for outcome in Outcome), 0)
            names = iter([name for name, _ in waiting])
            paths = [path for _, path in waiting]
            with closing(self._enrol(owner, paths, face, self._take, still)) as groups:
                for group in groups:
                    for one in group:
                        counts[one.outcome.value] += 1
                    report.items([_told(one, next(names)) for one in group], owner.subject_id)
            return counts

        try:
            for name, data in images:
                waiting.append((name, self._staged.put(self._owners.number, owner.subject_id, data)))
        except BaseException:
            release()
            raise
        return self._jobs().start(
            who, JobKind.ENROLMENT, run, subject_id=owner.subject_id, request_id=request_id, release=release
        )

    def _take(self, path: Picture) -> bytes:
        data = self._staged.take(path) if isinstance(path, Path) else path
        if data is None:
            raise SubjectUnknown("The subject was erased while her photographs waited.")
        return data

    def sweep(self) -> None:
        """Remove what processes have staged that are gone; nobody can open it."""
        for owner in self._staged.owners():
            with self._database.read() as connection:
                gone = not self._owners.alive(connection, owner)
            if gone:
                self._staged.remove(owner)


def _told(item: Item, name: str) -> dict[str, object]:
    told = item_as_dict(item)
    told.pop("reference", None)  # numbers of references tell how much others enrol
    return told | {"image": name}
