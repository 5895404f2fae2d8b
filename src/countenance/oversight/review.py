"""Reviews: items handed to two reviewers each, blind, their answers, and the release of what both confirmed.

Rules kept here: a reviewer gets two faces and an id, never a score, a name, a case or another's answer; every
answer and every outcome is decided in one transaction, so two at once cannot both be the second; a release asks
for the subject's permission once more, puts the recipient on record, and is made once however often it is
asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission import decide as permission
from countenance.custody.permission.ledger import Ledger
from countenance.errors import InputInvalid, ReviewUnknown
from countenance.oversight.case_states import SEARCHABLE, may_release
from countenance.oversight.cases import Cases, facts_of
from countenance.oversight.gate import RELEASES, Gate
from countenance.oversight.parties import Principal, Role
from countenance.oversight.policy import Code, Granted, Refused, Verb
from countenance.oversight.records import Recorder, new_id
from countenance.oversight.reviewing import (
    LONGEST_LOOK,
    REVIEWERS,
    TASK_TIME,
    Answer,
    ItemKind,
    ItemState,
    Measured,
    found_out,
    may_review,
    outcome,
)
from countenance.store import cases as case_rows
from countenance.store import customers, notices, people, requests, reviews, subjects
from countenance.store.cases import CaseRow
from countenance.store.database import Database
from countenance.store.reviews import ItemRow, ReleaseRow, TaskRow
from countenance.terms import ReferenceId, SubjectId


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing to be looked at, before it has an id: a face of the probe and a subject's reference."""

    face: int
    subject_id: SubjectId
    reference_id: ReferenceId
    kind: ItemKind = ItemKind.CANDIDATE


@dataclass(frozen=True, slots=True)
class Task:
    """What a reviewer is given: an id and since when. The two faces are asked for with it."""

    task_id: str
    shown_utc: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {"review": self.task_id, "shown": self.shown_utc}


@dataclass(frozen=True, slots=True)
class Released:
    """A candidate that was released to the customer."""

    row: ReleaseRow
    subject: str

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "release": self.row.release_id,
            "case": self.row.case_id,
            "search": self.row.search_id,
            "face": self.row.face,
            "subject": self.subject,
            "released_to": self.row.released_to,
            "at": self.row.at_utc,
            "reviewers": REVIEWERS,
        }


class Reviews:
    """The reviews of one gallery. Methods that take ``who`` raise AccessRefused and CredentialInvalid."""

    def __init__(
        self, database: Database, ledger: Ledger, cases: Cases, gate: Gate, recorder: Recorder, clock: Clock
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._cases = cases
        self._gate = gate
        self._recorder = recorder
        self._clock = clock

    def put(self, connection: Connection, case_id: str, search_id: str, pairs: Sequence[Pair]) -> None:
        """Put a search's candidates, and the non-mates among them, before reviewers."""
        now = clock.to_text(self._clock.now())
        rows = [
            ItemRow(
                new_id(), pair.subject_id, case_id, search_id, pair.face, pair.reference_id, pair.kind.value,
                ItemState.OPEN.value, now,
            )
            for pair in pairs
        ]  # fmt: skip
        reviews.add_items(connection, rows)

    # -- reviewers ------------------------------------------------------------------------------------------

    def next(self, who: Principal) -> Task | None:
        """What to look at next, or None. Asked again before an answer, it is the same."""
        who = self._gate.require(who, Verb.REVIEW_ANSWER)
        if not who.competent:
            self._gate.pass_on(who, Verb.REVIEW_ANSWER, may_review(who, "", None))
        self._move_cases(who)
        now = self._clock.now()
        with self._database.write() as connection:
            reviews.drop_unanswered(connection, clock.to_text(now - TASK_TIME))
            for mine in reviews.tasks_of_person(connection, who.actor):
                if mine.answer is None:
                    return Task(mine.task_id, mine.shown_utc)
            item_id = self._waiting(connection, who)
            item = None if item_id is None else reviews.item(connection, item_id)
            if item is None:
                return None
            shown = clock.to_text(now)
            task = TaskRow(new_id(), item.item_id, item.subject_id, who.actor, shown, None, None)
            reviews.add_task(connection, task)
        self._recorder.note("review.shown", now, review=task.task_id, actor=who.actor)
        return Task(task.task_id, task.shown_utc)

    def shown(self, who: Principal, task_id: str) -> tuple[CaseRow, ItemRow]:
        """What a task of the asker's is about, for whoever makes the two pictures. Raises ReviewUnknown."""
        who = self._gate.require(who, Verb.REVIEW_ANSWER)
        with self._database.read() as connection:
            task = _own(reviews.task(connection, task_id), who)
            item = reviews.item(connection, task.item_id)
            case = None if item is None else case_rows.get(connection, item.case_id)
        if item is None or case is None or task.answer is not None:
            raise ReviewUnknown("There is no review of that id for this person.")
        return case, item

    def answer(self, who: Principal, task_id: str, answer: Answer | str) -> None:
        """Answer a task; the same answer may be sent again. Raises ReviewUnknown, InputInvalid."""
        who = self._gate.require(who, Verb.REVIEW_ANSWER)
        try:
            said = Answer(answer)
        except ValueError as error:
            raise InputInvalid(f"The answers are: {', '.join(Answer)}.") from error
        self._move_cases(who)
        now = self._clock.now()
        refused: Refused | None = None
        withdrawn, before = False, None
        with self._database.write() as connection:
            task = _own(reviews.task(connection, task_id), who)
            item = reviews.item(connection, task.item_id)
            case = None if item is None else case_rows.get(connection, item.case_id)
            if item is None or case is None:
                raise ReviewUnknown("There is no review of that id for this person.")
            decision, before = may_review(who, case.asked_by, case.decided_by), task.answered_utc
            if isinstance(decision, Refused):
                refused = decision
            elif task.answer is not None and task.answer != said:
                refused = Refused(Code.NO_REVIEW, "This was answered already; an answer is not changed.")
            elif task.answer is None:
                withdrawn = self._answered(connection, item, task, said)
        if refused is not None:
            self._gate.refuse(who, Verb.REVIEW_ANSWER, refused)
        if before is None:
            self._recorder.note("review.answered", now, review=task_id, actor=who.actor)
        else:  # the run that answered may have been cut off before it logged that
            self._recorder.note_once("review.answered", clock.from_text(before), review=task_id, actor=who.actor)
        if withdrawn:
            self._recorder.note("reviewer.found_out", now, actor=who.actor)

    def measure(self, who: Principal) -> tuple[Measured, ...]:
        """How every reviewer answers: agreement, speed, and known non-mates confirmed."""
        self._gate.require(who, Verb.REVIEW_MEASURE)
        now = clock.to_text(self._clock.now())
        with self._database.read() as connection:
            rows = [(row, people.get(connection, row.person_id)) for row in reviews.tallies(connection)]
        return tuple(
            Measured(row, person is not None and (person.competent_until_utc or "") > now) for row, person in rows
        )

    # -- release --------------------------------------------------------------------------------------------

    def release(self, who: Principal, case_id: str, *, request_id: str | None = None) -> tuple[Released, ...]:
        """Release what two reviewers have confirmed for a case; returns all that was ever released for it.

        The recipient is on record before anything is returned. Whoever has no permission any more for the case's
        purpose is left out. Raises CaseUnknown.
        """
        who = self._gate.require(who, Verb.RELEASE, case_id=case_id)
        case = self._cases.moved(self._cases.row_for(who, case_id))
        who = self._gate.require(who, Verb.RELEASE, case_id=case_id, purpose=case.purpose)
        now = self._clock.now()
        fresh: list[ReleaseRow] = []
        with self._database.write() as connection:
            again = requests.marked(connection, request_id) is not None
            standing = case_rows.get(connection, case_id) or case
            decision = may_release(facts_of(standing), now)
            if not isinstance(decision, Refused):
                decision, fresh = self._release(connection, standing, who)
                requests.mark(connection, request_id, requests.MADE)
        self._gate.pass_on(who, Verb.RELEASE, decision)
        self._noted(case, fresh, self._recorder.note)
        if again:
            with self._database.read() as connection:
                made = reviews.releases(connection, case_id)
            self._noted(case, [row for row in made if row.released_to == who.actor], self._recorder.note_once)
        return self._released(case)

    def _noted(self, case: CaseRow, rows: Sequence[ReleaseRow], note: Callable[..., int]) -> None:
        for row in rows:
            body = {"release": row.release_id, "case": row.case_id, "customer": case.customer_id}
            note("candidate.released", clock.from_text(row.at_utc), **body, actor=row.released_to)

    def _release(
        self, connection: Connection, case: CaseRow, who: Principal
    ) -> tuple[Granted | Refused, list[ReleaseRow]]:
        items = [
            item
            for item in reviews.items(connection, case.case_id, ItemState.CONFIRMED)
            if item.kind == ItemKind.CANDIDATE
        ]
        looked = {task.person_id for item in items for task in reviews.tasks_of_item(connection, item.item_id)}
        if who.actor in looked:
            return Refused(Code.SAME_PERSON, "Who has reviewed a candidate does not receive it."), []
        permitted = self._ledger.decisions(connection, [item.subject_id for item in items], case.purpose)
        at_utc, rows = clock.to_text(self._clock.now()), []
        for item in items:
            if not isinstance(permitted[item.subject_id], permission.Granted):
                continue
            row = ReleaseRow(
                new_id(), item.item_id, item.subject_id, case.case_id, item.search_id, item.face, who.actor, at_utc
            )
            reviews.release(connection, row)
            reviews.set_state(connection, item.item_id, ItemState.RELEASED)
            notices.disclose(connection, row.release_id, item.subject_id, f"customer:{case.customer_id}", at_utc)
            customers.count(connection, case.customer_id, RELEASES)
            rows.append(row)
        if items and not rows:
            return Refused(Code.PERMISSION, "No permission in force allows to release what was confirmed."), []
        return Granted(), rows

    def _released(self, case: CaseRow) -> tuple[Released, ...]:
        with self._database.read() as connection:
            rows = reviews.releases(connection, case.case_id)
            owners = subjects.by_ids(connection, [row.subject_id for row in rows])
            allowed = self._ledger.decisions(connection, [row.subject_id for row in rows], case.purpose)
        return tuple(
            Released(row, self._ledger.name(owners[row.subject_id]))
            for row in rows
            if row.subject_id in owners and isinstance(allowed[row.subject_id], permission.Granted)
        )

    # -- inside ---------------------------------------------------------------------------------------------

    def _move_cases(self, who: Principal) -> None:
        with self._database.read() as connection:
            rows = case_rows.of_customer(connection, str(who.customer_id))
        for row in rows:
            if not row.swept:
                self._cases.moved(row)

    def _waiting(self, connection: Connection, who: Principal) -> str | None:
        open_to = [
            row.case_id
            for row in case_rows.of_customer(connection, str(who.customer_id))
            if row.state in SEARCHABLE and not isinstance(may_review(who, row.asked_by, row.decided_by), Refused)
        ]
        return reviews.waiting(connection, open_to, who.actor, ItemState.OPEN, REVIEWERS)

    def _answered(self, connection: Connection, item: ItemRow, task: TaskRow, said: Answer) -> bool:
        """Write an answer and what follows; True when it shows that the reviewer confirms anything."""
        now = self._clock.now()
        reviews.answer(connection, task.task_id, said, clock.to_text(now))
        took = min(max(now - clock.from_text(task.shown_utc), LONGEST_LOOK * 0), LONGEST_LOOK)
        more = {"answered": 1, "milliseconds": round(took.total_seconds() * 1000)}
        if item.kind == ItemKind.CONTROL:
            more |= {"controls": 1, "controls_confirmed": int(said is Answer.SAME)}
        tally = reviews.add_to_tally(connection, task.person_id, **more)
        given = [one for one in reviews.tasks_of_item(connection, item.item_id) if one.answer is not None]
        after = outcome([Answer(str(one.answer)) for one in given])
        reviews.set_state(connection, item.item_id, after)
        if len(given) >= REVIEWERS and item.kind == ItemKind.CANDIDATE:
            word = "agreed" if len({one.answer for one in given}) == 1 else "disagreed"
            for one in given:
                reviews.add_to_tally(connection, one.person_id, **{word: 1})
        if found_out(tally):
            people.change(connection, task.person_id, competent_until_utc=None)
            self._reopen(connection, task.person_id)
            return True
        return False

    def _reopen(self, connection: Connection, person_id: str) -> None:
        """Let somebody else look at what a reviewer has answered and nobody was given yet."""
        for task in reviews.tasks_of_person(connection, person_id):
            item = reviews.item(connection, task.item_id)
            if item is not None and item.state != ItemState.RELEASED:
                reviews.drop_task(connection, task.task_id)
                reviews.set_state(connection, item.item_id, ItemState.OPEN)


def _own(task: TaskRow | None, who: Principal) -> TaskRow:
    if task is None or task.person_id != who.actor or Role.REVIEWER not in who.roles:
        raise ReviewUnknown("There is no review of that id for this person.")
    return task
