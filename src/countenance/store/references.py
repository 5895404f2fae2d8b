"""Rows about enrolled images and their templates (references), all of it sealed but the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, delete, func, insert, select

from countenance.store import schema
from countenance.store.among import among
from countenance.store.batches import STATEMENT_ITEMS, pieces
from countenance.store.tuples import tuples
from countenance.terms import CompartmentId, ReferenceId, SubjectId

_i = schema.images
_r = schema.references
_s = schema.subjects


class Source(StrEnum):
    """Where a reference's template came from."""

    IMAGE = "image"
    IMPORTED = "imported"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class ImageRow:
    """An enrolled image; its bytes are in the blob store, its file name and notes in ``sealed_metadata``."""

    image_id: str
    subject_id: SubjectId
    permission_version: int
    digest_tag: bytes
    size_bytes: int
    sealed_metadata: bytes
    created_utc: str
    likeness_tags: bytes | None = None
    """Keyed fingerprints of the parts of its perceptual hash; None where there is none."""


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """An enrolled template. ``model`` is the digest of the model that made it."""

    reference_id: ReferenceId
    subject_id: SubjectId
    image_id: str | None
    model: str
    permission_version: int
    dimensions: int
    sealed_template: bytes
    quality: float | None
    source: Source
    created_utc: str


def add_images(connection: Connection, rows: Sequence[ImageRow]) -> None:
    """Insert images' rows."""
    values = [{name: getattr(row, name) for name in ImageRow.__slots__} for row in rows]
    if values:
        connection.execute(insert(_i), values)


def has_image(connection: Connection, image_id: str) -> bool:
    """Whether an image of this id is on record."""
    return connection.scalar(select(func.count()).select_from(_i).where(_i.c.image_id == image_id)) != 0


def known_digests(connection: Connection, subject_id: SubjectId, tags: Sequence[bytes]) -> set[bytes]:
    """Those of ``tags`` (keyed fingerprints of exact bytes) that the subject's images already have."""
    found: set[bytes] = set()
    for some in pieces(tags):
        query = select(_i.c.digest_tag).where(_i.c.subject_id == subject_id, _i.c.digest_tag.in_(some))
        found.update(bytes(tag) for tag in connection.scalars(query))
    return found


def digests_of(connection: Connection, subject_id: SubjectId) -> set[bytes]:
    """Keyed fingerprints of the exact bytes of all of a subject's images."""
    return {bytes(tag) for tag in connection.scalars(select(_i.c.digest_tag).where(_i.c.subject_id == subject_id))}


def images_of(connection: Connection, subject_ids: Sequence[int]) -> dict[SubjectId, list[ImageRow]]:
    """The images of these subjects, oldest first."""
    found: dict[SubjectId, list[ImageRow]] = {}
    for some in pieces(subject_ids):
        query = select(_i).where(among(connection, _i.c.subject_id, some)).order_by(_i.c.created_utc, _i.c.image_id)
        for row in connection.execute(query):
            found.setdefault(SubjectId(row.subject_id), []).append(_image(row))
    return found


def add(connection: Connection, rows: Sequence[ReferenceRow]) -> None:
    """Insert references; their numbers come from numbering.reserve_references in the same transaction."""
    values = [
        {
            "reference_id": row.reference_id,
            "subject_id": row.subject_id,
            "image_id": row.image_id,
            "model": row.model,
            "permission_version": row.permission_version,
            "dimensions": row.dimensions,
            "sealed_template": row.sealed_template,
            "quality": row.quality,
            "source": row.source,
            "created_utc": row.created_utc,
        }
        for row in rows
    ]
    if values:
        connection.execute(insert(_r), values)


def of_subjects(connection: Connection, subject_ids: Sequence[int]) -> dict[SubjectId, list[ReferenceRow]]:
    """The references of these subjects, of every model, by number."""
    found: dict[SubjectId, list[ReferenceRow]] = {}
    for some in pieces(subject_ids):
        for row in connection.execute(
            select(_r).where(among(connection, _r.c.subject_id, some)).order_by(_r.c.reference_id)
        ):
            found.setdefault(SubjectId(row.subject_id), []).append(_reference(row))
    return found


def holders(connection: Connection, subject_ids: Sequence[int], model: str, *, pictured: bool) -> set[SubjectId]:
    """Those of these subjects who have references of ``model``; with ``pictured``, some that have an image."""
    found: set[SubjectId] = set()
    for some in pieces(subject_ids):
        query = select(_r.c.subject_id).where(among(connection, _r.c.subject_id, some), _r.c.model == model)
        if pictured:
            query = query.where(_r.c.image_id.is_not(None))
        found.update(SubjectId(number) for number in connection.scalars(query.distinct()))
    return found


def by_ids(connection: Connection, reference_ids: Sequence[int]) -> list[ReferenceRow]:
    """The references with these numbers that are on record."""
    found = []
    for some in pieces(reference_ids):
        found += [
            _reference(row)
            for row in connection.execute(select(_r).where(among(connection, _r.c.reference_id, some)))
        ]
    return found


def numbers_of(connection: Connection, subject_ids: Sequence[int]) -> list[ReferenceId]:
    """Only the reference numbers of these subjects."""
    found: list[ReferenceId] = []
    for some in pieces(subject_ids):
        found += [
            ReferenceId(n)
            for n in connection.scalars(select(_r.c.reference_id).where(among(connection, _r.c.subject_id, some)))
        ]
    return found


def of_model(
    connection: Connection, model: str, *, after: int = 0, size: int = STATEMENT_ITEMS
) -> Iterator[list[ReferenceRow]]:
    """All references of one model by number, ``size`` at a time, starting after reference ``after``."""
    while True:
        query = select(_r).where(_r.c.model == model, _r.c.reference_id > after).order_by(_r.c.reference_id)
        rows = [_reference(row) for row in connection.execute(query.limit(size))]
        if not rows:
            return
        yield rows
        after = rows[-1].reference_id


def images_without(connection: Connection, model: str) -> list[ImageRow]:
    """Images that have references, but none of ``model``: what a migration still has to do."""
    made = select(_r.c.image_id).where(_r.c.model == model, _r.c.image_id.is_not(None))
    query = select(_i).where(_i.c.image_id.not_in(made)).order_by(_i.c.image_id)
    return [_image(row) for row in connection.execute(query)]


def drop_other_models(connection: Connection, model: str) -> tuple[list[ReferenceId], list[ReferenceId]]:
    """Delete every reference that is not of ``model``.

    Returns the numbers of those whose image has a reference of ``model``, and of those without one.
    """
    made = select(_r.c.image_id).where(_r.c.model == model, _r.c.image_id.is_not(None))
    others = select(_r.c.reference_id, _r.c.image_id.in_(made)).where(_r.c.model != model)
    replaced: list[ReferenceId] = []
    left_behind: list[ReferenceId] = []
    for number, again in connection.execute(others):
        (replaced if again else left_behind).append(ReferenceId(number))
    connection.execute(delete(_r).where(_r.c.model != model))
    return replaced, left_behind


def count(
    connection: Connection, model: str | None = None, compartments: frozenset[CompartmentId] | None = None
) -> int:
    """How many references there are, of one model or altogether; in all compartments or in these."""
    where: list[ColumnElement[bool]] = [] if model is None else [_r.c.model == model]
    query = select(func.count()).select_from(_r)
    if compartments is not None:
        query = query.join(_s, _s.c.subject_id == _r.c.subject_id)
        where.append(_s.c.compartment_id.in_(sorted(compartments)))
    return connection.scalar(query.where(*where)) or 0


def highest(connection: Connection) -> int:
    """The highest reference number on record; 0 when there is none."""
    return connection.scalar(select(func.max(_r.c.reference_id))) or 0


def count_by_source(connection: Connection) -> dict[str, int]:
    """How many references came from an image, were imported, or are simulated."""
    query = select(_r.c.source, func.count()).group_by(_r.c.source)
    return {row[0]: row[1] for row in connection.execute(query)}


def count_by_subject(connection: Connection) -> dict[int, int]:
    """How many references each subject has."""
    query = select(_r.c.subject_id, func.count()).group_by(_r.c.subject_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def count_images_by_subject(connection: Connection) -> dict[int, int]:
    """How many images each subject has."""
    query = select(_i.c.subject_id, func.count()).group_by(_i.c.subject_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def image_ids_by_subject(
    connection: Connection, subject_ids: Sequence[int] | None = None
) -> dict[SubjectId, tuple[str, ...]]:
    """The ids of every subject's images, or of these subjects', sorted."""
    query = select(_i.c.subject_id, _i.c.image_id)
    found: dict[SubjectId, list[str]] = {}
    for one in _about(connection, query, _i.c.subject_id, subject_ids):
        for number, image_id in tuples(connection, one):
            found.setdefault(SubjectId(number), []).append(image_id)
    return {number: tuple(sorted(ids)) for number, ids in found.items()}


def numbers_by_subject(
    connection: Connection, subject_ids: Sequence[int]
) -> dict[SubjectId, tuple[ReferenceId, ...]]:
    """The reference numbers of these subjects, ascending."""
    found: dict[SubjectId, list[ReferenceId]] = {}
    for one in _about(connection, select(_r.c.subject_id, _r.c.reference_id), _r.c.subject_id, subject_ids):
        for number, reference_id in tuples(connection, one):
            found.setdefault(SubjectId(number), []).append(ReferenceId(reference_id))
    return {number: tuple(sorted(ids)) for number, ids in found.items()}


def _about(
    connection: Connection, query: Select[tuple[Any, Any]], column: Column[int], subject_ids: Sequence[int] | None
) -> Iterator[Select[tuple[Any, Any]]]:
    if subject_ids is None:
        yield query
    else:
        for some in pieces(subject_ids):
            yield query.where(among(connection, column, some))


def count_images(connection: Connection) -> tuple[int, int]:
    """How many images are on record and how many bytes they had before sealing."""
    row = connection.execute(
        select(func.count(), func.coalesce(func.sum(_i.c.size_bytes), 0)).select_from(_i)
    ).one()
    return int(row[0]), int(row[1])


def count_images_in(connection: Connection, compartment: CompartmentId, subject_id: SubjectId | None = None) -> int:
    """How many images a compartment holds, or of one subject in it."""
    query = select(func.count()).select_from(_i).join(_s, _s.c.subject_id == _i.c.subject_id)
    return connection.scalar(query.where(*_in(compartment, subject_id))) or 0


def images_in(
    connection: Connection,
    compartment: CompartmentId,
    subject_id: SubjectId | None = None,
    *,
    after: str,
    limit: int,
) -> list[ImageRow]:
    """Up to ``limit`` images of a compartment, or of one subject in it, with an id above ``after``, by id."""
    query = select(_i).join(_s, _s.c.subject_id == _i.c.subject_id).where(_i.c.image_id > after)
    query = query.where(*_in(compartment, subject_id)).order_by(_i.c.image_id).limit(limit)
    return [_image(row) for row in connection.execute(query)]


def owner_of_image(connection: Connection, image_id: str, compartment: CompartmentId) -> SubjectId | None:
    """The subject of an image, if she is in that compartment."""
    query = select(_i.c.subject_id).join(_s, _s.c.subject_id == _i.c.subject_id).where(_i.c.image_id == image_id)
    number = connection.scalar(query.where(_s.c.compartment_id == compartment))
    return None if number is None else SubjectId(number)


def _in(compartment: CompartmentId, subject_id: SubjectId | None) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [_s.c.compartment_id == compartment]
    return where if subject_id is None else [*where, _s.c.subject_id == subject_id]


def _image(row: Row[tuple[object, ...]]) -> ImageRow:
    return ImageRow(
        row.image_id,
        SubjectId(row.subject_id),
        row.permission_version,
        row.digest_tag,
        row.size_bytes,
        row.sealed_metadata,
        row.created_utc,
        row.likeness_tags,
    )


def _reference(row: Row[tuple[object, ...]]) -> ReferenceRow:
    return ReferenceRow(
        ReferenceId(row.reference_id),
        SubjectId(row.subject_id),
        row.image_id,
        row.model,
        row.permission_version,
        row.dimensions,
        row.sealed_template,
        row.quality,
        Source(row.source),
        row.created_utc,
    )
