"""Rows as clients of other engines page through them, and the signatures that they have used."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from countenance.store import oversight_tables, schema
from countenance.store.batches import pieces
from countenance.store.references import ImageRow, ReferenceRow, by_ids
from countenance.store.subjects import SubjectState
from countenance.terms import CompartmentId, SubjectId

_r = schema.references
_s = schema.subjects
_i = schema.images
_e = schema.search_results
_u = oversight_tables.used_signatures


def _held(model: str, compartment: CompartmentId, subject_id: SubjectId | None) -> list[ColumnElement[bool]]:
    where = [
        _r.c.model == model,
        _r.c.image_id.is_not(None),
        _s.c.compartment_id == compartment,
        _s.c.state == SubjectState.ACTIVE,
    ]
    return where if subject_id is None else [*where, _r.c.subject_id == subject_id]


def page(
    connection: Connection,
    model: str,
    compartment: CompartmentId,
    *,
    subject_id: SubjectId | None = None,
    after: int = 0,
    skip: int = 0,
    most: int,
) -> list[ReferenceRow]:
    """References with an image that a compartment holds, by number."""
    query = select(_r.c.reference_id).join(_s, _s.c.subject_id == _r.c.subject_id)
    query = query.where(*_held(model, compartment, subject_id), _r.c.reference_id > after)
    numbers = list(connection.scalars(query.order_by(_r.c.reference_id).offset(skip).limit(most)))
    return sorted(by_ids(connection, numbers), key=lambda row: row.reference_id)


def count(
    connection: Connection, model: str, compartment: CompartmentId, subject_id: SubjectId | None = None
) -> int:
    """How many there are."""
    query = select(func.count()).select_from(_r.join(_s, _s.c.subject_id == _r.c.subject_id))
    return connection.scalar(query.where(*_held(model, compartment, subject_id))) or 0


def images(connection: Connection, image_ids: Sequence[str]) -> dict[str, ImageRow]:
    """The images with these ids."""
    found = {}
    for some in pieces(image_ids):
        for row in connection.execute(select(_i).where(_i.c.image_id.in_(some))):
            found[row.image_id] = ImageRow(
                row.image_id,
                SubjectId(row.subject_id),
                row.permission_version,
                bytes(row.digest_tag),
                row.size_bytes,
                row.sealed_metadata,
                row.created_utc,
                row.likeness_tags,
            )
    return found


def rename(connection: Connection, subject_id: SubjectId, name_tag: bytes, sealed_name: bytes) -> None:
    """Give a subject another name."""
    where = _s.c.subject_id == subject_id
    connection.execute(update(_s).where(where).values(name_tag=name_tag, sealed_name=sealed_name))


def reassign(connection: Connection, row: ReferenceRow, to: ReferenceRow) -> bool:
    """Make reference ``row`` another subject's, as ``to`` says; False when it is not there as ``row`` any more.

    The searches that returned it are the new subject's to know of from now on.
    """
    changed = connection.execute(
        update(_r)
        .where(_r.c.reference_id == row.reference_id, _r.c.subject_id == row.subject_id)
        .values(
            subject_id=to.subject_id,
            image_id=to.image_id,
            permission_version=to.permission_version,
            sealed_template=to.sealed_template,
        )
    ).rowcount
    if not changed:
        return False
    mine = (_e.c.reference_id == row.reference_id, _e.c.subject_id == row.subject_id)
    theirs = {
        (one.search_id, one.face)
        for one in connection.execute(select(_e.c.search_id, _e.c.face).where(_e.c.subject_id == to.subject_id))
    }
    for one in connection.execute(select(_e.c.search_id, _e.c.face).where(*mine)).all():
        where = (*mine, _e.c.search_id == one.search_id, _e.c.face == one.face)
        if (one.search_id, one.face) in theirs:
            connection.execute(delete(_e).where(*where))
        else:
            connection.execute(update(_e).where(*where).values(subject_id=to.subject_id))
    return True


def drop_image(connection: Connection, image_id: str) -> None:
    """Delete an image's row; no reference is made from it any more."""
    connection.execute(delete(_i).where(_i.c.image_id == image_id))


def first_used(connection: Connection, tag: bytes, now_utc: str, forget_before_utc: str) -> str | None:
    """When a signature was first used; None when that is now. Forgets what was used before that moment."""
    connection.execute(delete(_u).where(_u.c.at_utc < forget_before_utc))
    at_utc = connection.scalar(select(_u.c.at_utc).where(_u.c.tag == tag))
    if at_utc is not None:
        return str(at_utc)
    connection.execute(insert(_u).values(tag=tag, at_utc=now_utc))
    return None


def forget_use(connection: Connection, tag: bytes) -> None:
    """Forget a signature: what was asked with it was not done."""
    connection.execute(delete(_u).where(_u.c.tag == tag))
