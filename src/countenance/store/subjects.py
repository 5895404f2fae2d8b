"""Rows about subjects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, func, insert, select, update

from countenance.store import schema
from countenance.store.among import among
from countenance.store.batches import pieces
from countenance.store.tuples import tuples
from countenance.terms import GALLERYS_OWN, ArtefactClass, CompartmentId, SubjectId
from countenance.vault.sealing import WrappedKeys

_t = schema.subjects


class SubjectState(StrEnum):
    """``frozen``: an erasure has begun; in no search, and never again in one."""

    ACTIVE = "active"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """A subject as the store knows her: a number, a fingerprint of a name, and wrapped keys."""

    subject_id: SubjectId
    name_tag: bytes
    sealed_name: bytes
    wrapped: WrappedKeys
    state: SubjectState
    created_utc: str
    compartment: CompartmentId = GALLERYS_OWN


def add(connection: Connection, rows: Sequence[SubjectRow]) -> None:
    """Insert subjects."""
    values = [
        {
            "subject_id": row.subject_id,
            "name_tag": row.name_tag,
            "sealed_name": row.sealed_name,
            "jurisdiction": row.wrapped.jurisdiction,
            "wrapped_image_key": row.wrapped.keys[ArtefactClass.IMAGE],
            "wrapped_template_key": row.wrapped.keys[ArtefactClass.TEMPLATE],
            "wrapped_metadata_key": row.wrapped.keys[ArtefactClass.METADATA],
            "state": row.state,
            "created_utc": row.created_utc,
            "compartment_id": row.compartment,
        }
        for row in rows
    ]
    if values:
        connection.execute(insert(_t), values)


def by_tags(connection: Connection, name_tags: Sequence[bytes]) -> dict[bytes, SubjectRow]:
    """The subjects whose names have these keyed fingerprints; those not on record are absent."""
    found = {}
    for some in pieces(name_tags):
        for row in connection.execute(select(_t).where(_t.c.name_tag.in_(some))):
            found[bytes(row.name_tag)] = _row(row)
    return found


def by_ids(connection: Connection, subject_ids: Sequence[int]) -> dict[SubjectId, SubjectRow]:
    """The subjects with these numbers; those not on record are absent from the answer."""
    found = {}
    for some in pieces(subject_ids):
        for row in connection.execute(select(_t).where(among(connection, _t.c.subject_id, some))):
            found[SubjectId(row.subject_id)] = _row(row)
    return found


def known(connection: Connection, subject_ids: Sequence[int]) -> list[SubjectId]:
    """Those of these subjects who are on record, by number."""
    found: list[SubjectId] = []
    for some in pieces(sorted(subject_ids)):
        query = select(_t.c.subject_id).where(among(connection, _t.c.subject_id, some)).order_by(_t.c.subject_id)
        found += [SubjectId(number) for number in connection.scalars(query)]
    return found


def everyone(connection: Connection, compartment: CompartmentId) -> list[SubjectRow]:
    """All subjects of a compartment, by number."""
    query = select(_t).where(_t.c.compartment_id == compartment).order_by(_t.c.subject_id)
    return [_row(row) for row in connection.execute(query)]


def page(connection: Connection, compartment: CompartmentId, after: bytes, limit: int) -> list[SubjectRow]:
    """Up to ``limit`` subjects of a compartment whose name's keyed fingerprint is above ``after``, in its order.

    An order that says nothing: neither when a subject came nor how many others there are.
    """
    query = select(_t).where(_t.c.compartment_id == compartment, _t.c.name_tag > after)
    return [_row(row) for row in connection.execute(query.order_by(_t.c.name_tag).limit(limit))]


def numbers(
    connection: Connection,
    state: SubjectState | None = None,
    *,
    compartments: frozenset[CompartmentId] | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[SubjectId]:
    """The numbers of subjects above ``after``, ascending: in one state, in some compartments, at most ``limit``."""
    query = select(_t.c.subject_id).where(_t.c.subject_id > after).order_by(_t.c.subject_id).limit(limit)
    if state is not None:
        query = query.where(_t.c.state == state)
    if compartments is not None:
        query = query.where(_t.c.compartment_id.in_(sorted(compartments)))
    return [number for (number,) in tuples(connection, query)]


def round_from(
    connection: Connection, start: bytes, limit: int, compartments: frozenset[CompartmentId] | None
) -> list[SubjectId]:
    """Up to ``limit`` subjects of some compartments, or of all, in the order of their names' keyed fingerprints
    from above ``start`` to the end, then from the beginning. Nobody can tell that order from a random one, and
    whoever begins anywhere in it need not count how many there are.
    """
    found: list[tuple[bool, bytes, SubjectId]] = []
    for place in [None] if compartments is None else sorted(compartments):
        left = limit
        for again, part in ((False, _t.c.name_tag > start), (True, _t.c.name_tag <= start)):
            query = select(_t.c.name_tag, _t.c.subject_id).where(part).order_by(_t.c.name_tag).limit(left)
            if place is not None:
                query = query.where(_t.c.compartment_id == place)
            some = [(again, bytes(tag), SubjectId(number)) for tag, number in tuples(connection, query)]
            found += some
            left -= len(some)
            if not left:
                break
    return [number for _, _, number in sorted(found)[:limit]]


def set_wrapped(connection: Connection, subject_id: SubjectId, wrapped: WrappedKeys) -> None:
    """Keep newly wrapped keys (the subject's jurisdiction has changed)."""
    connection.execute(
        update(_t)
        .where(_t.c.subject_id == subject_id)
        .values(
            jurisdiction=wrapped.jurisdiction,
            wrapped_image_key=wrapped.keys[ArtefactClass.IMAGE],
            wrapped_template_key=wrapped.keys[ArtefactClass.TEMPLATE],
            wrapped_metadata_key=wrapped.keys[ArtefactClass.METADATA],
        )
    )


def freeze(connection: Connection, subject_ids: Sequence[int]) -> None:
    """Mark subjects as frozen. There is no thawing here: an order that only suspends keeps its own record."""
    for some in pieces(subject_ids):
        connection.execute(
            update(_t).where(among(connection, _t.c.subject_id, some)).values(state=SubjectState.FROZEN)
        )


def highest(connection: Connection) -> int:
    """The highest number on record; 0 when nobody is."""
    return connection.scalar(select(func.max(_t.c.subject_id))) or 0


def count(connection: Connection, compartments: frozenset[CompartmentId] | None = None) -> dict[SubjectState, int]:
    """How many subjects there are in each state; in all compartments, or in these."""
    query = select(_t.c.state, func.count()).group_by(_t.c.state)
    if compartments is not None:
        query = query.where(_t.c.compartment_id.in_(sorted(compartments)))
    rows = connection.execute(query)
    return {SubjectState(state): number for state, number in rows}


def _row(row: Row[tuple[object, ...]]) -> SubjectRow:
    keys = {
        ArtefactClass.IMAGE: row.wrapped_image_key,
        ArtefactClass.TEMPLATE: row.wrapped_template_key,
        ArtefactClass.METADATA: row.wrapped_metadata_key,
    }
    return SubjectRow(
        SubjectId(row.subject_id),
        row.name_tag,
        row.sealed_name,
        WrappedKeys(row.jurisdiction, keys),
        SubjectState(row.state),
        row.created_utc,
        CompartmentId(row.compartment_id),
    )
