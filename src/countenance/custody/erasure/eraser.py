"""One engine for every reason to forget: plan, freeze, count, destroy keys, delete, new epoch, confirm.

Rules kept here:

* The freeze comes first and takes the subjects out of every search, before anything is counted or destroyed.
* Each step is written down after it is done and can be repeated: killed anywhere, :meth:`Eraser.resume` goes on
  where it was and ends the same.
* What was destroyed is what was held at the freeze and is confirmed absent at the end; no keeper is believed
  about what it deleted, only about what it finds when it looks again.
* An erasure that some keeper does not confirm stays open and is tried again at every start.
* So does one that some recipient of a released candidate has not answered: the data is gone, and there is no
  certificate until the last answer is on record.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.erasure.errand import Account, Erased, Errand, Ground, Keys, Progress, Witness
from countenance.errors import ErasureIncomplete, KeysForeign
from countenance.holding import Absence, Holder, Holding, Target
from countenance.store import (
    erasures,
    feed,
    notices,
    numbering,
    permissions,
    references,
    requests,
    subjects,
    suppression,
)
from countenance.store.database import Database
from countenance.store.erasures import ErasureRow, ErasureState, Mark
from countenance.store.subjects import SubjectState
from countenance.terms import ALL_ARTEFACTS, ArtefactClass, SubjectId
from countenance.vault.files import locked

_STEPS = tuple(ErasureState)

EPOCH = "index_epoch"
"""The fact in which the store remembers the key ring's epoch; see :meth:`Eraser.erase_again`."""

NEXT_EPOCH = "index_epoch_next"
"""The fact in which an epoch that no erasure begins is announced, so that a crash beside it makes no old copy."""


class Eraser:
    """Carries erasures out over every Holder it was given; keys go first, whatever the order of ``holders``."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        holders: Sequence[Holder],
        clock: Clock,
        lock: Path,
        witness: Witness,
    ) -> None:
        """``lock`` is a file that processes of one machine lock while they destroy, one after the other."""
        self._witness = witness
        self._database = database
        self._lock = lock
        self._keys = keys
        self._holders = tuple(holders)
        self._clock = clock

    def plan(
        self, subject_ids: Sequence[SubjectId], artefacts: frozenset[ArtefactClass] = ALL_ARTEFACTS
    ) -> list[Target]:
        """What would be erased, by number. Changes nothing."""
        with self._database.read() as connection:
            return _targets(connection, subject_ids, artefacts)

    def holdings(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """What every keeper holds of the targets now. Changes nothing."""
        return tuple(holding for holder in self._everyone() for holding in holder.describe(targets))

    def freeze(
        self,
        subject_ids: Sequence[SubjectId],
        errand: Errand,
        artefacts: frozenset[ArtefactClass] = ALL_ARTEFACTS,
    ) -> str:
        """Take subjects out of every search from now on and begin their erasure; returns its id."""
        erasure_id = errand.erasure_id or secrets.token_hex(16)
        before = self._witness.checkpoint()
        with self._database.read() as connection:
            found = subjects.by_ids(connection, subject_ids)
        prepared = {number: self._witness.mark(row) for number, row in found.items()}
        with self._database.write() as connection:
            # The plan is made here, so that nothing is forgotten that was enrolled a moment ago, and nobody goes
            # whose permission was renewed a moment ago.
            if errand.ground is Ground.EXPIRY:
                lapsed = set(permissions.lapsed(connection, clock.to_text(self._clock.now())))
                prepared = {number: mark for number, mark in prepared.items() if number in lapsed}
            targets = [t for t in _targets(connection, subject_ids, artefacts) if t.subject_id in prepared]
            marks = [prepared[target.subject_id] for target in targets]
            subjects.freeze(connection, [t.subject_id for t in targets if t.whole])
            permissions.withdraw(connection, [t.subject_id for t in targets if t.whole])
            if artefacts & {ArtefactClass.TEMPLATE}:
                feed.announce_subjects(connection, feed.Change.REMOVE, [t.subject_id for t in targets])
            now = clock.to_text(self._clock.now())
            row = ErasureRow(
                erasure_id,
                errand.ground,
                ErasureState.FROZEN,
                now,
                None,
                self._keys.epoch,
                None,
                errand.request,
                errand.scope_sha256,
                errand.by_doubt_alone,
                before,
            )
            erasures.begin(connection, row, targets, marks)
            gone = [target.subject_id for target in targets if target.whole]
            pictured = [target.subject_id for target in targets if ArtefactClass.IMAGE in target.artefacts]
            suppression.remember(connection, erasure_id, errand.ground, gone, pictured)
            notices.address(connection, erasure_id, [t.subject_id for t in targets])
            requests.mark(connection, errand.erasure_id, requests.MADE)
        return erasure_id

    def erase(
        self,
        subject_ids: Sequence[SubjectId],
        errand: Errand,
        artefacts: frozenset[ArtefactClass] = ALL_ARTEFACTS,
        progress: Progress | None = None,
    ) -> Erased:
        """Freeze and destroy. Raises ErasureIncomplete when a keeper still finds something."""
        return self.finish(self.freeze(subject_ids, errand, artefacts), progress)

    def again(self, erasure_id: str, progress: Progress | None = None) -> Erased | None:
        """The erasure of that id once more: finished if it was cut off, told from the record if it is confirmed.
        None when it has not begun. Raises ErasureIncomplete.
        """
        with locked(self._lock):
            with self._database.read() as connection:
                row = erasures.get(connection, erasure_id)
                counted = erasures.counts(connection, erasure_id)
            if row is None:
                return None
            if row.state is not ErasureState.CONFIRMED:
                return self._finish(erasure_id, progress)
        return Erased(
            erasure_id,
            row.ground,
            (),  # the numbers are forgotten with the confirmation
            tuple(counted),
            self._witness.certified(erasure_id),
            row.epoch_before or 0,
            row.epoch_after or 0,
            row.finished_utc or "",
        )

    def resume(self, progress: Progress | None = None) -> list[Erased]:
        """Finish what an earlier process began and could not finish."""
        with self._database.read() as connection:
            open_ones = erasures.unfinished(connection)
        finished = []
        for row in open_ones:
            with locked(self._lock):
                with self._database.read() as connection:
                    now = erasures.get(connection, row.erasure_id)
                if now is not None and now.state is not ErasureState.CONFIRMED:  # else another process did it
                    finished.append(self._finish(row.erasure_id, progress))
        return [one for one in finished if not one.recipients_silent]

    @property
    def is_old_copy(self) -> bool:
        """True when the store was restored from a copy that is older than the key ring.

        The ring's epoch grows at every erasure and the store remembers it; an older store remembers a smaller one.
        Asked before :meth:`resume`, which brings the store's memory up to date. Raises KeysForeign when the keys
        are the older ones: with them, what is merely unreadable would be taken for destroyed.
        """
        # Under the lock nobody is between a new epoch and the note of it, except whoever was killed there.
        with locked(self._lock), self._database.read() as connection:
            remembered, epoch = int(numbering.fact(connection, EPOCH) or "1"), self._keys.epoch
            between = any(row.state is ErasureState.DELETED for row in erasures.unfinished(connection))
            between = between or numbering.fact(connection, NEXT_EPOCH) == str(remembered + 1)
        if remembered > epoch:
            raise KeysForeign(
                "The key folder is an older copy than the data.",
                remedy="Name the key folder that was last used with this gallery; nothing was changed.",
            )
        return remembered != (epoch - 1 if between and remembered < epoch else epoch)

    def erase_again(self, progress: Progress | None = None) -> list[Erased]:
        """Delete what an old copy of the data brought back: every row whose keys are destroyed.

        Comes before :meth:`resume`; who is frozen there is resumed.
        """
        with self._database.read() as connection:
            everyone = subjects.numbers(connection, SubjectState.ACTIVE)
        groups: dict[frozenset[ArtefactClass], list[SubjectId]] = {}
        for slot, gone in self._keys.destroyed(everyone).items():
            groups.setdefault(gone, []).append(SubjectId(slot))
        # All are frozen first: the first step that is written down brings the store's memory up to date.
        begun = [self.freeze(ids, Errand(Ground.RESTORED_COPY), gone) for gone, ids in groups.items()]
        erased = [self.finish(one, progress) for one in begun]
        self.begin_epoch()
        return erased

    def look_again(self, request: str) -> tuple[Absence, ...]:
        """Every keeper's answer today about everybody who was ever erased on this request."""
        with self._database.read() as connection:
            rows = erasures.of_request(connection, request)
            targets = [target for row in rows for target in erasures.targets(connection, row.erasure_id)]
        return tuple(holder.confirm_absent(targets) for holder in self._everyone())

    def begin_epoch(self) -> int:
        """Make every index snapshot written so far unreadable, and remember that it was meant."""
        with locked(self._lock):
            present = self._keys.epoch
            with self._database.write() as connection:
                numbering.set_fact(connection, EPOCH, str(present))
                numbering.set_fact(connection, NEXT_EPOCH, str(present + 1))
            epoch = self._keys.advance_epoch()
            with self._database.write() as connection:
                numbering.set_fact(connection, EPOCH, str(epoch))
        return epoch

    def finish(self, erasure_id: str, progress: Progress | None = None) -> Erased:
        """Carry a frozen erasure to its confirmation, from whichever step it is at."""
        with locked(self._lock):
            return self._finish(erasure_id, progress)

    def _finish(self, erasure_id: str, progress: Progress | None) -> Erased:
        with self._database.read() as connection:
            row = erasures.get(connection, erasure_id)
            targets = erasures.targets(connection, erasure_id)
            marks = erasures.marks(connection, erasure_id)
            counted = erasures.counts(connection, erasure_id)
        if row is None:
            raise ErasureIncomplete(f"There is no erasure {erasure_id}.")
        if not counted and row.state is ErasureState.FROZEN:
            counted = list(self.holdings(targets))
            with self._database.write() as connection:
                erasures.write_counts(connection, erasure_id, counted)
        row = self._done(row, ErasureState.FROZEN, marks, progress)
        steps: dict[ErasureState, Callable[[], object]] = {
            ErasureState.KEYS_DESTROYED: lambda: self._keys.erase(targets),
            ErasureState.DELETED: lambda: [holder.erase(targets) for holder in self._holders],
            ErasureState.EPOCH_BEGUN: self._keys.advance_epoch,
        }
        for state, step in steps.items():
            if _STEPS.index(row.state) < _STEPS.index(state):
                step()
                row = self._done(row, state, marks, progress)
        return self._confirm(row, targets, marks, counted, progress)

    def _done(
        self, row: ErasureRow, state: ErasureState, marks: list[Mark], progress: Progress | None
    ) -> ErasureRow:
        """Log and write down that a step is done. After a crash between the two it is found in the log."""
        if state is ErasureState.FROZEN and row.log_steps:
            return row
        number, _ = self._witness.saw(state, self._clock.now(), row.erasure_id, marks, self._since(row))
        epoch = self._keys.epoch
        done = replace(row, state=state, log_steps=(*row.log_steps, number), epoch_after=epoch)
        with self._database.write() as connection:
            erasures.advance(connection, row.erasure_id, state, epoch_after=epoch, log_steps=done.log_steps)
            numbering.set_fact(connection, EPOCH, str(epoch))
        _tell(progress, state)
        return done

    def _confirm(
        self,
        row: ErasureRow,
        targets: list[Target],
        marks: list[Mark],
        counted: list[Holding],
        progress: Progress | None,
    ) -> Erased:
        confirmations = tuple(holder.confirm_absent(targets) for holder in self._everyone())
        missing = [absence for absence in confirmations if not absence.absent]
        if missing:
            with self._database.write() as connection:  # all steps again at the next start
                first = row.log_steps[:1]  # the freeze; a certificate cites one run of the steps, in its order
                erasures.advance(connection, row.erasure_id, ErasureState.FROZEN, log_steps=first)
            who = ", ".join(f"{absence.holder} ({absence.remaining} left)" for absence in missing)
            raise ErasureIncomplete(f"The erasure {row.erasure_id} is not confirmed by: {who}.")
        at = self._clock.now()
        epoch = self._keys.epoch
        ids = tuple(target.subject_id for target in targets)
        before = epoch if row.epoch_before is None else row.epoch_before
        erased = Erased(
            row.erasure_id, row.ground, ids, tuple(counted), confirmations, before, epoch, clock.to_text(at)
        )
        with self._database.read() as connection:
            silent = notices.silent(connection, row.erasure_id)
        if silent:
            return replace(erased, recipients_silent=silent)
        number, at = self._witness.saw(ErasureState.CONFIRMED, at, row.erasure_id, marks, self._since(row))
        erased = replace(erased, finished_utc=clock.to_text(at))
        row = replace(row, log_steps=(*row.log_steps, number))
        with self._database.read() as connection:
            told = tuple(notices.of_erasure(connection, row.erasure_id))
            kept = tuple(suppression.count(connection, row.erasure_id))
        account = Account(row, tuple(marks), tuple(counted), confirmations, epoch, at, told, kept)
        self._witness.certify(account)
        with self._database.write() as connection:
            state = ErasureState.CONFIRMED
            erasures.advance(
                connection,
                row.erasure_id,
                state,
                finished_utc=erased.finished_utc,
                epoch_after=epoch,
                log_steps=row.log_steps,
            )
            if row.request is None:  # an order closes only when the keepers have been asked once more
                erasures.forget_targets(connection, row.erasure_id)
        _tell(progress, ErasureState.CONFIRMED)
        return erased

    def _since(self, row: ErasureRow) -> int:
        """The first entry of the log that may speak of a step which the store does not know yet."""
        return row.log_steps[-1] + 1 if row.log_steps else self._witness.size_of(row.log_before or "")

    def _everyone(self) -> tuple[Holder, ...]:
        return (self._keys, *self._holders)


def _targets(
    connection: Connection, subject_ids: Sequence[SubjectId], artefacts: frozenset[ArtefactClass]
) -> list[Target]:
    on_record = subjects.known(connection, subject_ids)
    held = references.numbers_by_subject(connection, on_record)
    images = references.image_ids_by_subject(connection, on_record)
    return [Target(id_, held.get(id_, ()), images.get(id_, ()), artefacts) for id_ in on_record]


def _tell(progress: Progress | None, state: ErasureState) -> None:
    if progress is not None:
        progress(_STEPS.index(state) + 1, len(_STEPS), state.replace("-", " "))
