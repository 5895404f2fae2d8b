"""Rows about evidence of residence: what an order's scope asks about in the clear, where it came from sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from countenance.store import schema
from countenance.store.batches import pieces
from countenance.store.told import told_mark
from countenance.terms import SubjectId

_t = schema.residency_evidence


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One piece of evidence. ``places`` are ISO 3166 codes; days are ISO dates, None where open."""

    evidence_id: str
    subject_id: SubjectId
    image_id: str | None
    predicate: str
    places: tuple[str, ...]
    tier: str
    signal: str
    observed_utc: str
    valid_from: str | None
    valid_to: str | None
    permission_id: str
    contradicts: tuple[str, ...]
    sealed_origin: bytes


def add(connection: Connection, rows: Sequence[EvidenceRow]) -> None:
    """Insert evidence."""
    values = [
        {
            "evidence_id": row.evidence_id,
            "subject_id": row.subject_id,
            "image_id": row.image_id,
            "predicate": row.predicate,
            "places": " ".join(row.places),
            "tier": row.tier,
            "signal": row.signal,
            "observed_utc": row.observed_utc,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
            "permission_id": row.permission_id,
            "contradicts": " ".join(row.contradicts),
            "told_mark": told_mark(
                row.predicate,
                row.places,
                row.tier,
                row.signal,
                row.valid_from,
                row.valid_to,
                contradicts=bool(row.contradicts),
                about_an_image=row.image_id is not None,
            ),
            "sealed_origin": row.sealed_origin,
        }
        for row in rows
    ]
    if values:
        connection.execute(insert(_t), values)


def forget_image(connection: Connection, image_id: str) -> None:
    """Delete the evidence about one image."""
    connection.execute(delete(_t).where(_t.c.image_id == image_id))


def of_subjects(connection: Connection, subject_ids: Sequence[int]) -> dict[SubjectId, list[EvidenceRow]]:
    """The evidence about these subjects, in the order in which it was recorded."""
    found: dict[SubjectId, list[EvidenceRow]] = {}
    for some in pieces(subject_ids):
        query = select(_t).where(_t.c.subject_id.in_(some)).order_by(_t.c.observed_utc, _t.c.evidence_id)
        for row in connection.execute(query):
            found.setdefault(SubjectId(row.subject_id), []).append(
                EvidenceRow(
                    row.evidence_id,
                    SubjectId(row.subject_id),
                    row.image_id,
                    row.predicate,
                    tuple(row.places.split()),
                    row.tier,
                    row.signal,
                    row.observed_utc,
                    row.valid_from,
                    row.valid_to,
                    row.permission_id,
                    tuple(row.contradicts.split()),
                    row.sealed_origin,
                )
            )
    return found
