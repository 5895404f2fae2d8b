"""Rows about OpenID Connect issuers, and which of their subjects signs in to which account."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, insert, select

from countenance.store import oversight_tables as tables
from countenance.terms import SubjectId

_i = tables.issuers
_l = tables.account_links


@dataclass(frozen=True, slots=True)
class IssuerRow:
    """A registered issuer. ``keys_host`` is where it keeps its keys when that is not its own host."""

    issuer_id: str
    url: str
    audience: str
    keys_host: str | None
    registered_utc: str


@dataclass(frozen=True, slots=True)
class LinkRow:
    """Who signs in to an account: a keyed fingerprint of what the issuer calls her."""

    link_id: str
    issuer_id: str
    sub_tag: bytes
    holder_id: str
    subject_id: SubjectId | None
    """The subject whose own account it is; None for staff."""
    linked_utc: str


def add(connection: Connection, row: IssuerRow) -> None:
    """Insert an issuer."""
    connection.execute(
        insert(_i).values(
            issuer_id=row.issuer_id,
            url=row.url,
            audience=row.audience,
            keys_host=row.keys_host,
            registered_utc=row.registered_utc,
        )
    )


def get(connection: Connection, issuer_id: str) -> IssuerRow | None:
    """One issuer."""
    return _issuer(connection.execute(select(_i).where(_i.c.issuer_id == issuer_id)).one_or_none())


def by_url(connection: Connection, url: str) -> IssuerRow | None:
    """The issuer of exactly this address."""
    return _issuer(connection.execute(select(_i).where(_i.c.url == url)).one_or_none())


def listed(connection: Connection) -> list[IssuerRow]:
    """All issuers, oldest first."""
    rows = connection.execute(select(_i).order_by(_i.c.registered_utc, _i.c.issuer_id)).all()
    return [row for row in map(_issuer, rows) if row is not None]


def remove(connection: Connection, issuer_id: str) -> bool:
    """Delete an issuer and every link to it; False when there is none."""
    connection.execute(delete(_l).where(_l.c.issuer_id == issuer_id))
    return connection.execute(delete(_i).where(_i.c.issuer_id == issuer_id)).rowcount == 1


def link(connection: Connection, row: LinkRow) -> None:
    """Insert a link."""
    connection.execute(
        insert(_l).values(
            link_id=row.link_id,
            issuer_id=row.issuer_id,
            sub_tag=row.sub_tag,
            holder_id=row.holder_id,
            subject_id=row.subject_id,
            linked_utc=row.linked_utc,
        )
    )


def linked(connection: Connection, link_id: str) -> LinkRow | None:
    """One link."""
    return _link(connection.execute(select(_l).where(_l.c.link_id == link_id)).one_or_none())


def by_sub(connection: Connection, issuer_id: str, sub_tag: bytes) -> LinkRow | None:
    """The link of what an issuer calls somebody."""
    where = (_l.c.issuer_id == issuer_id, _l.c.sub_tag == sub_tag)
    return _link(connection.execute(select(_l).where(*where)).one_or_none())


def unlink(connection: Connection, holder_id: str, issuer_id: str | None = None) -> int:
    """Delete an account's links to one issuer, or with None to all; returns how many."""
    where = _l.c.holder_id == holder_id
    if issuer_id is not None:
        where &= _l.c.issuer_id == issuer_id
    return connection.execute(delete(_l).where(where)).rowcount


def unlink_subject(connection: Connection, subject_id: SubjectId) -> None:
    """Delete the links of a subject's account, which is made anew."""
    connection.execute(delete(_l).where(_l.c.subject_id == subject_id))


def _issuer(row: Row[tuple[object, ...]] | None) -> IssuerRow | None:
    if row is None:
        return None
    return IssuerRow(row.issuer_id, row.url, row.audience, row.keys_host, row.registered_utc)


def _link(row: Row[tuple[object, ...]] | None) -> LinkRow | None:
    if row is None:
        return None
    subject = None if row.subject_id is None else SubjectId(row.subject_id)
    return LinkRow(row.link_id, row.issuer_id, bytes(row.sub_tag), row.holder_id, subject, row.linked_utc)
