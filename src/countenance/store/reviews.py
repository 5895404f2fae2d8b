"""Rows about reviews: what two people have to look at, what each answered, how they answer, what was released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from countenance.store import oversight_tables as tables
from countenance.terms import ReferenceId, SubjectId

_i = tables.review_items
_t = tables.review_tasks
_n = tables.reviewer_tallies
_r = tables.releases


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One pair to be looked at: a probe's face and a subject's reference."""

    item_id: str
    subject_id: SubjectId
    case_id: str
    search_id: str
    face: int
    reference_id: ReferenceId
    kind: str
    state: str
    made_utc: str


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One item as one reviewer has it."""

    task_id: str
    item_id: str
    subject_id: SubjectId
    person_id: str
    shown_utc: str
    answer: str | None
    answered_utc: str | None


@dataclass(frozen=True, slots=True)
class TallyRow:
    """How a reviewer has answered so far."""

    person_id: str
    answered: int = 0
    milliseconds: int = 0
    agreed: int = 0
    disagreed: int = 0
    controls: int = 0
    controls_confirmed: int = 0


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One candidate that was released."""

    release_id: str
    item_id: str
    subject_id: SubjectId
    case_id: str
    search_id: str
    face: int
    released_to: str
    at_utc: str


def add_items(connection: Connection, rows: Sequence[ItemRow]) -> None:
    """Insert items."""
    if rows:
        connection.execute(insert(_i), [{name: getattr(row, name) for name in _i.c.keys()} for row in rows])  # noqa: SIM118


def item(connection: Connection, item_id: str) -> ItemRow | None:
    """One item."""
    row = connection.execute(select(_i).where(_i.c.item_id == item_id)).one_or_none()
    return None if row is None else _item(row)


def items(connection: Connection, case_id: str, state: str | None = None) -> list[ItemRow]:
    """A case's items, all or those in one state."""
    query = select(_i).where(_i.c.case_id == case_id).order_by(_i.c.item_id)
    if state is not None:
        query = query.where(_i.c.state == state)
    return [_item(row) for row in connection.execute(query)]


def waiting(connection: Connection, case_ids: Sequence[str], person_id: str, state: str, most: int) -> str | None:
    """An item in ``state`` of one of these cases that fewer than ``most`` people have, and this one not yet.

    Items come in the order of their random ids, so the order tells nothing.
    """
    had = select(func.count()).select_from(_t).where(_t.c.item_id == _i.c.item_id).scalar_subquery()
    mine = select(_t.c.task_id).where(_t.c.item_id == _i.c.item_id, _t.c.person_id == person_id).exists()
    query = select(_i.c.item_id).where(_i.c.case_id.in_(case_ids), _i.c.state == state, had < most, ~mine)
    return connection.scalar(query.order_by(_i.c.item_id).limit(1))


def set_state(connection: Connection, item_id: str, state: str) -> None:
    """Change an item's state."""
    connection.execute(update(_i).where(_i.c.item_id == item_id).values(state=state))


def add_task(connection: Connection, row: TaskRow) -> None:
    """Insert a task."""
    connection.execute(insert(_t).values({name: getattr(row, name) for name in _t.c.keys()}))  # noqa: SIM118


def task(connection: Connection, task_id: str) -> TaskRow | None:
    """One task."""
    row = connection.execute(select(_t).where(_t.c.task_id == task_id)).one_or_none()
    return None if row is None else _task(row)


def tasks_of_item(connection: Connection, item_id: str) -> list[TaskRow]:
    """Everybody's task of one item."""
    query = select(_t).where(_t.c.item_id == item_id).order_by(_t.c.shown_utc, _t.c.task_id)
    return [_task(row) for row in connection.execute(query)]


def tasks_of_person(connection: Connection, person_id: str) -> list[TaskRow]:
    """One reviewer's tasks, oldest first."""
    query = select(_t).where(_t.c.person_id == person_id).order_by(_t.c.shown_utc, _t.c.task_id)
    return [_task(row) for row in connection.execute(query)]


def answer(connection: Connection, task_id: str, answer: str, at_utc: str) -> None:
    """Write down what was answered."""
    connection.execute(update(_t).where(_t.c.task_id == task_id).values(answer=answer, answered_utc=at_utc))


def drop_task(connection: Connection, task_id: str) -> None:
    """Take a task back."""
    connection.execute(delete(_t).where(_t.c.task_id == task_id))


def drop_unanswered(connection: Connection, before_utc: str) -> None:
    """Take back what was shown before a moment and never answered."""
    connection.execute(delete(_t).where(_t.c.answer.is_(None), _t.c.shown_utc < before_utc))


def tally(connection: Connection, person_id: str) -> TallyRow:
    """How one reviewer has answered so far."""
    row = connection.execute(select(_n).where(_n.c.person_id == person_id)).one_or_none()
    return TallyRow(person_id) if row is None else TallyRow(*row)


def tallies(connection: Connection) -> list[TallyRow]:
    """How every reviewer has answered so far."""
    return [TallyRow(*row) for row in connection.execute(select(_n).order_by(_n.c.person_id))]


def add_to_tally(connection: Connection, person_id: str, **more: int) -> TallyRow:
    """Add to a reviewer's tally; returns it as it is then."""
    if connection.scalar(select(_n.c.person_id).where(_n.c.person_id == person_id)) is None:
        none = dict.fromkeys((name for name in _n.c.keys() if name != "person_id"), 0)  # noqa: SIM118
        connection.execute(insert(_n).values(person_id=person_id, **none))
    values = {name: _n.c[name] + number for name, number in more.items()}
    connection.execute(update(_n).where(_n.c.person_id == person_id).values(values))
    return tally(connection, person_id)


def release(connection: Connection, row: ReleaseRow) -> None:
    """Insert a release."""
    connection.execute(insert(_r).values({name: getattr(row, name) for name in _r.c.keys()}))  # noqa: SIM118


def releases(connection: Connection, case_id: str) -> list[ReleaseRow]:
    """What was released for a case, oldest first."""
    query = select(_r).where(_r.c.case_id == case_id).order_by(_r.c.at_utc, _r.c.release_id)
    return [_release(row) for row in connection.execute(query)]


def releases_of(connection: Connection, subject_id: SubjectId) -> set[str]:
    """The searches after which a subject was released."""
    return set(connection.scalars(select(_r.c.search_id).where(_r.c.subject_id == subject_id)))


def controls_of(connection: Connection, subject_id: SubjectId, kind: str) -> list[tuple[str, str]]:
    """Case and time of every item of ``kind`` that shows a subject."""
    query = select(_i.c.case_id, _i.c.made_utc).where(_i.c.subject_id == subject_id, _i.c.kind == kind)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(_i.c.made_utc))]


def _item(row: Row[tuple[object, ...]]) -> ItemRow:
    return ItemRow(**row._mapping)


def _task(row: Row[tuple[object, ...]]) -> TaskRow:
    return TaskRow(**row._mapping)


def _release(row: Row[tuple[object, ...]]) -> ReleaseRow:
    return ReleaseRow(**row._mapping)
