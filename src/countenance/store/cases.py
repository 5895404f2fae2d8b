"""Rows about cases, the searches made for them, their probes, and what delays a subject's ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, insert, select, update

from countenance.store import oversight_tables as tables
from countenance.store import schema

_c = tables.cases
_s = tables.case_searches
_p = tables.case_probes
_d = tables.ledger_delays
_i = tables.review_items
_t = tables.review_tasks
_r = schema.search_results


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case. The wrapped keys open its papers and its probes together with the key slot."""

    case_id: str
    customer_id: str
    state: str
    purpose: str
    legal_basis: str
    emergency: int
    quota: int
    used: int
    asked_by: str
    asked_utc: str
    authorise_by_utc: str | None
    decided_by: str | None
    decided_utc: str | None
    expires_utc: str
    ended_utc: str | None
    swept: int
    key_slot: int
    jurisdiction: str
    wrapped_image_key: bytes
    wrapped_metadata_key: bytes
    sealed_papers: bytes


@dataclass(frozen=True, slots=True)
class DelayRow:
    """An authority that keeps a case's searches out of subjects' ledgers until a moment."""

    delay_id: str
    case_id: str
    authority: str
    instrument_sha256: str
    placed_utc: str
    until_utc: str


def add(connection: Connection, row: CaseRow) -> None:
    """Insert a case."""
    connection.execute(insert(_c).values({name: getattr(row, name) for name in _c.c.keys()}))  # noqa: SIM118


def change(connection: Connection, case_id: str, **values: str | int | None) -> None:
    """Change columns of a case."""
    connection.execute(update(_c).where(_c.c.case_id == case_id).values(**values))


def get(connection: Connection, case_id: str) -> CaseRow | None:
    """One case."""
    row = connection.execute(select(_c).where(_c.c.case_id == case_id)).one_or_none()
    return None if row is None else _row(row)


def of_customer(connection: Connection, customer_id: str) -> list[CaseRow]:
    """A customer's cases, oldest first."""
    query = select(_c).where(_c.c.customer_id == customer_id).order_by(_c.c.asked_utc, _c.c.case_id)
    return [_row(row) for row in connection.execute(query)]


def unswept(connection: Connection) -> list[CaseRow]:
    """Cases of which something may still have to go: those that run, and those that ended a moment ago."""
    return [_row(row) for row in connection.execute(select(_c).where(_c.c.swept == 0).order_by(_c.c.asked_utc))]


def add_search(connection: Connection, search_id: str, case_id: str, asked_by: str) -> None:
    """Write down for which case, and by whom, a search was made."""
    connection.execute(insert(_s).values(search_id=search_id, case_id=case_id, asked_by=asked_by))


def of_searches(connection: Connection, search_ids: Sequence[str]) -> dict[str, str]:
    """The cases that these searches were made for; searches without one are absent."""
    query = select(_s.c.search_id, _s.c.case_id).where(_s.c.search_id.in_(search_ids))
    return {row[0]: row[1] for row in connection.execute(query)}


def searches(connection: Connection, case_id: str) -> list[str]:
    """The searches that were made for a case."""
    return list(connection.scalars(select(_s.c.search_id).where(_s.c.case_id == case_id)))


def add_probe(connection: Connection, search_id: str, face: int, case_id: str, sealed_probe: bytes) -> None:
    """Keep a probe's face as long as its case."""
    row = {"search_id": search_id, "face": face, "case_id": case_id, "sealed_probe": sealed_probe}
    connection.execute(insert(_p).values(row))


def probe(connection: Connection, search_id: str, face: int) -> bytes | None:
    """A probe's face, sealed; None when its case has ended."""
    query = select(_p.c.sealed_probe).where(_p.c.search_id == search_id, _p.c.face == face)
    return connection.scalar(query)


def drop_found(connection: Connection, case_id: str) -> None:
    """Delete a case's probes and what is in review."""
    items = select(_i.c.item_id).where(_i.c.case_id == case_id)
    connection.execute(delete(_t).where(_t.c.item_id.in_(items)))
    connection.execute(delete(_i).where(_i.c.case_id == case_id))
    connection.execute(delete(_p).where(_p.c.case_id == case_id))


def empty_results(connection: Connection, case_id: str) -> None:
    """Leave of a case's results only that they were: the subject's own record of having been returned."""
    made = select(_s.c.search_id).where(_s.c.case_id == case_id)
    empty = {"reference_id": 0, "rank": 0, "score": 0.0}
    connection.execute(update(_r).where(_r.c.search_id.in_(made)).values(empty))


def delay(connection: Connection, row: DelayRow) -> None:
    """Insert a delay."""
    connection.execute(insert(_d).values({name: getattr(row, name) for name in _d.c.keys()}))  # noqa: SIM118


def get_delay(connection: Connection, delay_id: str) -> DelayRow | None:
    """One authority's delay."""
    row = connection.execute(select(_d).where(_d.c.delay_id == delay_id)).one_or_none()
    return None if row is None else DelayRow(**row._mapping)


def searched(connection: Connection, search_id: str) -> tuple[str, str] | None:
    """For which case, and by whom, a search was made."""
    query = select(_s.c.case_id, _s.c.asked_by).where(_s.c.search_id == search_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def delayed(connection: Connection, at_utc: str) -> set[str]:
    """The cases whose searches no ledger shows at that moment."""
    return set(connection.scalars(select(_d.c.case_id).where(_d.c.until_utc > at_utc)))


def _row(row: Row[tuple[object, ...]]) -> CaseRow:
    return CaseRow(**row._mapping)
