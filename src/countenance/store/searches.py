"""The ledger of searches: that a search took place, and whom it returned. Never the probe, never its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from countenance.store import numbering, schema
from countenance.terms import ReferenceId, SubjectId

_s = schema.searches
_r = schema.search_results


@dataclass(frozen=True, slots=True)
class SearchRow:
    """One search."""

    search_id: str
    at_utc: str
    purpose: str
    model: str
    threshold: float
    gallery_size: int
    faces: int


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One subject that one face of one search returned."""

    search_id: str
    face: int
    subject_id: SubjectId
    reference_id: ReferenceId
    rank: int
    score: float


def record(connection: Connection, search: SearchRow, results: Sequence[ResultRow]) -> None:
    """Write a search and whom it returned."""
    connection.execute(
        insert(_s).values(
            search_id=search.search_id,
            at_utc=search.at_utc,
            purpose=numbering.number_purpose(connection, search.purpose),
            model=search.model,
            threshold=search.threshold,
            gallery_size=search.gallery_size,
            faces=search.faces,
        )
    )
    values = [
        {
            "search_id": row.search_id,
            "face": row.face,
            "subject_id": row.subject_id,
            "reference_id": row.reference_id,
            "rank": row.rank,
            "score": row.score,
        }
        for row in results
    ]
    if values:
        connection.execute(insert(_r), values)


def get(connection: Connection, search_id: str) -> SearchRow | None:
    """One search."""
    row = connection.execute(select(_s).where(_s.c.search_id == search_id)).one_or_none()
    if row is None:
        return None
    names = {number: purpose for purpose, number in numbering.purposes(connection).items()}
    return SearchRow(
        row.search_id, row.at_utc, names[row.purpose], row.model, row.threshold, row.gallery_size, row.faces
    )


def that_returned(connection: Connection, subject_id: SubjectId) -> list[tuple[SearchRow, ResultRow]]:
    """Every search that returned this subject, oldest first."""
    names = {number: purpose for purpose, number in numbering.purposes(connection).items()}
    query = (
        select(_s, _r.c.face, _r.c.reference_id, _r.c.rank, _r.c.score)
        .join(_r, _r.c.search_id == _s.c.search_id)
        .where(_r.c.subject_id == subject_id)
        .order_by(_s.c.at_utc, _s.c.search_id, _r.c.face)
    )
    return [
        (
            SearchRow(
                row.search_id,
                row.at_utc,
                names[row.purpose],
                row.model,
                row.threshold,
                row.gallery_size,
                row.faces,
            ),
            ResultRow(row.search_id, row.face, subject_id, ReferenceId(row.reference_id), row.rank, row.score),
        )
        for row in connection.execute(query)
    ]


def count(connection: Connection) -> int:
    """How many searches were made."""
    return connection.scalar(select(func.count()).select_from(_s)) or 0
