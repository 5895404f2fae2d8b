"""Rows about erasures: where each one is, so that a crash cannot lose its way, and what it destroyed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from countenance.holding import Holding, Target
from countenance.store import schema, suppression
from countenance.terms import ArtefactClass, ReferenceId, SubjectId

_e = schema.erasures
_g = schema.erasure_targets
_c = schema.erasure_counts


class ErasureState(StrEnum):
    """The steps of an erasure, in order. Each is written after it is done; the next may then be repeated."""

    FROZEN = "frozen"
    KEYS_DESTROYED = "keys-destroyed"
    DELETED = "deleted"
    EPOCH_BEGUN = "epoch-begun"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """One erasure."""

    erasure_id: str
    ground: str
    state: ErasureState
    begun_utc: str
    finished_utc: str | None
    epoch_before: int | None
    epoch_after: int | None
    request: str | None = None
    """The order that asks for it; None for a withdrawal or an expiry."""
    scope_sha256: str | None = None
    by_doubt_alone: int = 0
    log_before: str | None = None
    """The log's checkpoint from before the first step."""
    log_steps: tuple[int, ...] = ()
    """Numbers of the log's entries about this erasure."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What remains of a subject in log and certificate: a commitment nobody can open, and ids of destroyed keys."""

    subject_id: SubjectId
    commitment: str
    key_ids: tuple[str, ...]


def begin(connection: Connection, row: ErasureRow, targets: Sequence[Target], marks: Sequence[Mark]) -> None:
    """Write an erasure, its plan and its marks, before anything is destroyed."""
    connection.execute(
        insert(_e).values(
            erasure_id=row.erasure_id,
            ground=row.ground,
            state=row.state,
            begun_utc=row.begun_utc,
            finished_utc=row.finished_utc,
            epoch_before=row.epoch_before,
            epoch_after=row.epoch_after,
            request=row.request,
            scope_sha256=row.scope_sha256,
            by_doubt_alone=row.by_doubt_alone,
            log_before=row.log_before,
            log_steps=json.dumps(list(row.log_steps)),
        )
    )
    values = [
        {
            "erasure_id": row.erasure_id,
            "subject_id": target.subject_id,
            "artefacts": ",".join(sorted(target.artefacts)),
            "reference_ids": json.dumps(list(target.reference_ids)),
            "image_ids": json.dumps(list(target.image_ids)),
            "commitment": mark.commitment,
            "key_ids": ",".join(mark.key_ids),
        }
        for target, mark in zip(targets, marks, strict=True)
    ]
    if values:
        connection.execute(insert(_g), values)


def advance(
    connection: Connection,
    erasure_id: str,
    state: ErasureState,
    *,
    finished_utc: str | None = None,
    epoch_after: int | None = None,
    log_steps: Sequence[int] | None = None,
) -> None:
    """Write that a step is done."""
    values: dict[str, str | int] = {"state": state}
    if log_steps is not None:
        values["log_steps"] = json.dumps(list(log_steps))
    if finished_utc is not None:
        values["finished_utc"] = finished_utc
    if epoch_after is not None:
        values["epoch_after"] = epoch_after
    connection.execute(update(_e).where(_e.c.erasure_id == erasure_id).values(values))


def log_anew(connection: Connection, checkpoint: str) -> None:
    """Let every unfinished erasure tell its steps again, after ``checkpoint`` of a log that was begun anew."""
    query = update(_e).where(_e.c.state != ErasureState.CONFIRMED)
    connection.execute(query.values(state=ErasureState.FROZEN, log_before=checkpoint, log_steps="[]"))


def write_counts(connection: Connection, erasure_id: str, holdings: Sequence[Holding]) -> None:
    """Write what is held of the targets, after the freeze and before anything is destroyed."""
    if holdings:
        rows = [{"erasure_id": erasure_id, "holder": h.holder, "what": h.what, "count": h.count} for h in holdings]
        connection.execute(insert(_c), rows)


def counts(connection: Connection, erasure_id: str) -> list[Holding]:
    """What was held of the targets when they were frozen; all of it is gone when the erasure is confirmed."""
    query = select(_c).where(_c.c.erasure_id == erasure_id, _c.c.holder != suppression.HOLDER)
    query = query.order_by(_c.c.holder, _c.c.what)
    return [Holding(row.holder, row.what, row[3]) for row in connection.execute(query)]


def targets(connection: Connection, erasure_id: str) -> list[Target]:
    """The plan as it was written before anything was destroyed."""
    return [
        Target(
            SubjectId(row.subject_id),
            tuple(ReferenceId(n) for n in json.loads(row.reference_ids)),
            tuple(json.loads(row.image_ids)),
            frozenset(ArtefactClass(a) for a in row.artefacts.split(",")),
        )
        for row in connection.execute(select(_g).where(_g.c.erasure_id == erasure_id).order_by(_g.c.subject_id))
    ]


def marks(connection: Connection, erasure_id: str) -> list[Mark]:
    """The marks of an erasure's subjects."""
    query = select(_g.c.subject_id, _g.c.commitment, _g.c.key_ids).where(_g.c.erasure_id == erasure_id)
    return [
        Mark(SubjectId(row[0]), row[1], tuple(id_ for id_ in row[2].split(",") if id_))
        for row in connection.execute(query.order_by(_g.c.subject_id))
    ]


def forget_targets(connection: Connection, erasure_id: str) -> None:
    """Drop a finished erasure's plan; the counts stay."""
    connection.execute(delete(_g).where(_g.c.erasure_id == erasure_id))


def get(connection: Connection, erasure_id: str) -> ErasureRow | None:
    """One erasure."""
    row = connection.execute(select(_e).where(_e.c.erasure_id == erasure_id)).one_or_none()
    return None if row is None else _row(row)


def of_request(connection: Connection, request: str) -> list[ErasureRow]:
    """The erasures that an order asked for, oldest first."""
    query = select(_e).where(_e.c.request == request).order_by(_e.c.begun_utc)
    return [_row(row) for row in connection.execute(query)]


def unfinished(connection: Connection) -> list[ErasureRow]:
    """Erasures that have begun and are not confirmed, oldest first."""
    query = select(_e).where(_e.c.state != ErasureState.CONFIRMED).order_by(_e.c.begun_utc)
    return [_row(row) for row in connection.execute(query)]


def begun(connection: Connection) -> int:
    """How many erasures there are, finished or not."""
    return connection.scalar(select(func.count()).select_from(_e)) or 0


def count(connection: Connection) -> int:
    """How many erasures were confirmed."""
    query = select(func.count()).select_from(_e).where(_e.c.state == ErasureState.CONFIRMED)
    return connection.scalar(query) or 0


def _row(row: Row[tuple[object, ...]]) -> ErasureRow:
    return ErasureRow(
        row.erasure_id,
        row.ground,
        ErasureState(row.state),
        row.begun_utc,
        row.finished_utc,
        row.epoch_before,
        row.epoch_after,
        row.request,
        row.scope_sha256,
        row.by_doubt_alone or 0,
        row.log_before,
        tuple(json.loads(row.log_steps or "[]")),
    )
