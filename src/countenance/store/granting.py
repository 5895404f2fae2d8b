"""Rows about grants of sites, the pages read by them, and what came through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from countenance.store import collection_tables, schema
from countenance.store.batches import pieces
from countenance.terms import ReferenceId

_g = collection_tables.grants
_p = collection_tables.granted_pages
_o = collection_tables.collected_images
_r = schema.references
_i = schema.images
_w = collection_tables.pending_faces
_m = collection_tables.imports
_f = collection_tables.import_files
_e = schema.residency_evidence


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One grant that was used. ``origin`` is scheme and host; ``withdrawn_utc`` is None while it is in use."""

    grant_id: str
    origin: str
    sha256: str
    key_id: str
    issued_utc: str
    read_utc: str
    withdrawn_utc: str | None


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page that was read to its end, and what identifies its state."""

    page_tag: bytes
    grant_id: str
    etag: str
    last_modified: str
    fetched_utc: str


def add(connection: Connection, row: GrantRow) -> None:
    """Insert a grant."""
    connection.execute(
        insert(_g).values(
            grant_id=row.grant_id,
            origin=row.origin,
            sha256=row.sha256,
            key_id=row.key_id,
            issued_utc=row.issued_utc,
            read_utc=row.read_utc,
            withdrawn_utc=row.withdrawn_utc,
        )
    )


def of_origin(connection: Connection, origin: str) -> list[GrantRow]:
    """The grants of a site, oldest first."""
    query = select(_g).where(_g.c.origin == origin).order_by(_g.c.read_utc, _g.c.grant_id)
    return [_grant(row) for row in connection.execute(query)]


def everything(connection: Connection) -> list[tuple[GrantRow, int]]:
    """Every grant, and how many images came through it."""
    counted = select(_o.c.grant_id, func.count()).where(_o.c.grant_id.is_not(None)).group_by(_o.c.grant_id)
    images = {row[0]: int(row[1]) for row in connection.execute(counted)}
    rows = [_grant(row) for row in connection.execute(select(_g).order_by(_g.c.origin, _g.c.read_utc))]
    return [(row, images.get(row.grant_id, 0)) for row in rows]


def withdraw(connection: Connection, grant_ids: Sequence[str], now_utc: str) -> None:
    """Mark grants as withdrawn; those that were keep their day. What was known of their pages is forgotten."""
    connection.execute(
        update(_g).where(_g.c.grant_id.in_(grant_ids), _g.c.withdrawn_utc.is_(None)).values(withdrawn_utc=now_utc)
    )
    connection.execute(delete(_p).where(_p.c.grant_id.in_(grant_ids)))


def image_ids(connection: Connection, grant_ids: Sequence[str]) -> list[str]:
    """The images that came through these grants."""
    return [str(one) for one in connection.scalars(select(_o.c.image_id).where(_o.c.grant_id.in_(grant_ids)))]


def reference_ids(connection: Connection, images: Sequence[str]) -> list[ReferenceId]:
    """The references that were made of these images."""
    found: list[ReferenceId] = []
    for some in pieces(images):
        query = select(_r.c.reference_id).where(_r.c.image_id.in_(some))
        found += [ReferenceId(number) for number in connection.scalars(query)]
    return found


def drop_references(connection: Connection, images: Sequence[str]) -> None:
    """Delete the references that were made of these images."""
    for some in pieces(images):
        connection.execute(delete(_r).where(_r.c.image_id.in_(some)))


def drop_images(connection: Connection, images: Sequence[str]) -> None:
    """Delete the rows of these images, of where they came from, and of what they told of residence."""
    for some in pieces(images):
        connection.execute(delete(_e).where(_e.c.image_id.in_(some)))
        connection.execute(delete(_o).where(_o.c.image_id.in_(some)))
        connection.execute(delete(_i).where(_i.c.image_id.in_(some)))


def evidence_left(connection: Connection, images: Sequence[str]) -> int:
    """How much evidence of residence these images still give."""
    return sum(
        int(connection.scalar(select(func.count()).where(_e.c.image_id.in_(some))) or 0) for some in pieces(images)
    )


def drop_pending(connection: Connection, grant_ids: Sequence[str]) -> int:
    """Delete the faces that came through these grants and wait for confirmation; returns how many."""
    return connection.execute(delete(_w).where(_w.c.grant_id.in_(grant_ids))).rowcount


def drop_files(connection: Connection, grant_ids: Sequence[str]) -> None:
    """Forget which files were looked at by these grants."""
    imports = select(_m.c.import_id).where(_m.c.grant_id.in_(grant_ids))
    connection.execute(delete(_f).where(_f.c.import_id.in_(imports)))


def page(connection: Connection, page_tag: bytes) -> PageRow | None:
    """What is known of a page, if it was read."""
    row = connection.execute(select(_p).where(_p.c.page_tag == page_tag)).one_or_none()
    return (
        None if row is None else PageRow(row.page_tag, row.grant_id, row.etag, row.last_modified, row.fetched_utc)
    )


def set_page(connection: Connection, row: PageRow) -> None:
    """Remember, or renew, what is known of a page."""
    connection.execute(delete(_p).where(_p.c.page_tag == row.page_tag))
    connection.execute(
        insert(_p).values(
            page_tag=row.page_tag,
            grant_id=row.grant_id,
            etag=row.etag,
            last_modified=row.last_modified,
            fetched_utc=row.fetched_utc,
        )
    )


def _grant(row: Row[tuple[object, ...]]) -> GrantRow:
    return GrantRow(
        row.grant_id, row.origin, row.sha256, row.key_id, row.issued_utc, row.read_utc, row.withdrawn_utc
    )
