"""Rows about collecting: what became of each file, who waits for confirmation, where an image came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, literal, select, union_all

from countenance.store import collection_tables, schema
from countenance.store.batches import pieces
from countenance.terms import SubjectId

_m = collection_tables.imports
_f = collection_tables.import_files
_a = collection_tables.export_accounts
_p = collection_tables.pending_faces
_o = collection_tables.collected_images
_i = schema.images

# Built once, and it ends at the first hit: an album of a million copies asks it a million times about one content.
_SEEN = union_all(
    select(literal(1)).where(_f.c.subject_id == bindparam("subject"), _f.c.digest_tag == bindparam("tag")),
    select(literal(1)).where(_i.c.subject_id == bindparam("subject"), _i.c.digest_tag == bindparam("tag")),
).limit(1)


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One run of an import. What it read from is sealed."""

    import_id: str
    subject_id: SubjectId
    grant_id: str | None
    begun_utc: str
    sealed_about: bytes


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file that an import has finished with. Both tags are keyed fingerprints: of its name, of its bytes."""

    subject_id: SubjectId
    file_tag: bytes
    digest_tag: bytes | None
    import_id: str
    outcome: str
    faces: int
    bystanders: int


@dataclass(frozen=True, slots=True)
class PendingRow:
    """A face that may be the subject's; only she can say. There is no template, only a sealed picture."""

    pending_id: str
    subject_id: SubjectId
    import_id: str
    grant_id: str | None
    permission_version: int
    digest_tag: bytes
    sealed_image: bytes
    sealed_about: bytes
    created_utc: str


@dataclass(frozen=True, slots=True)
class OriginRow:
    """Where a collected image came from, sealed; ``grant_id`` when a site's grant let it in."""

    image_id: str
    subject_id: SubjectId
    grant_id: str | None
    sealed_origin: bytes


def begin(connection: Connection, row: ImportRow) -> None:
    """Insert an import."""
    connection.execute(
        insert(_m).values(
            import_id=row.import_id,
            subject_id=row.subject_id,
            grant_id=row.grant_id,
            begun_utc=row.begun_utc,
            sealed_about=row.sealed_about,
        )
    )


def imports_of(connection: Connection, subject_id: SubjectId) -> list[ImportRow]:
    """A subject's imports, oldest first."""
    query = select(_m).where(_m.c.subject_id == subject_id).order_by(_m.c.begun_utc, _m.c.import_id)
    return [
        ImportRow(r.import_id, SubjectId(r.subject_id), r.grant_id, r.begun_utc, r.sealed_about)
        for r in connection.execute(query)
    ]


def add_accounts(connection: Connection, subject_id: SubjectId, account_tags: Sequence[bytes]) -> None:
    """Remember, as keyed fingerprints, of which accounts a subject's exports are; what is known stays."""
    query = select(_a.c.account_tag).where(_a.c.subject_id == subject_id)
    fresh = set(account_tags) - {bytes(tag) for tag in connection.scalars(query)}
    if fresh:
        values = [{"subject_id": subject_id, "account_tag": tag} for tag in sorted(fresh)]
        connection.execute(insert(_a), values)


def add_files(connection: Connection, rows: Sequence[FileRow]) -> None:
    """Write what became of files; a file that is written again replaces what was said of it."""
    latest = list({(row.subject_id, row.file_tag): row for row in rows}.values())
    for some in pieces(latest):
        for subject_id in {row.subject_id for row in some}:
            tags = [row.file_tag for row in some if row.subject_id == subject_id]
            connection.execute(delete(_f).where(_f.c.subject_id == subject_id, _f.c.file_tag.in_(tags)))
        connection.execute(
            insert(_f),
            [
                {
                    "subject_id": row.subject_id,
                    "file_tag": row.file_tag,
                    "digest_tag": row.digest_tag,
                    "import_id": row.import_id,
                    "outcome": row.outcome,
                    "faces": row.faces,
                    "bystanders": row.bystanders,
                }
                for row in some
            ],
        )


def file_tags(connection: Connection, subject_id: SubjectId) -> Iterator[bytes]:
    """The fingerprints of all files that imports of this subject have finished with."""
    for tag in connection.execution_options(yield_per=10_000).scalars(
        select(_f.c.file_tag).where(_f.c.subject_id == subject_id)
    ):
        yield bytes(tag)


def seen_digest(connection: Connection, subject_id: SubjectId, digest_tag: bytes) -> bool:
    """Whether exactly these bytes were already looked at, or are enrolled, for this subject."""
    return connection.scalar(_SEEN, {"subject": subject_id, "tag": digest_tag}) is not None


def tallies(connection: Connection, subject_id: SubjectId) -> list[tuple[str, int, int, int]]:
    """(outcome, files, faces seen, bystanders dropped) over all imports of a subject."""
    query = (
        select(_f.c.outcome, func.count(), func.sum(_f.c.faces), func.sum(_f.c.bystanders))
        .where(_f.c.subject_id == subject_id)
        .group_by(_f.c.outcome)
        .order_by(_f.c.outcome)
    )
    return [(str(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in connection.execute(query)]


def add_pending(connection: Connection, row: PendingRow) -> None:
    """Insert a face that waits for confirmation."""
    connection.execute(
        insert(_p).values(
            pending_id=row.pending_id,
            subject_id=row.subject_id,
            import_id=row.import_id,
            grant_id=row.grant_id,
            permission_version=row.permission_version,
            digest_tag=row.digest_tag,
            sealed_image=row.sealed_image,
            sealed_about=row.sealed_about,
            created_utc=row.created_utc,
        )
    )


def pending_of(connection: Connection, subject_id: SubjectId) -> list[PendingRow]:
    """What waits for a subject's confirmation, oldest first."""
    query = select(_p).where(_p.c.subject_id == subject_id).order_by(_p.c.created_utc, _p.c.pending_id)
    return [_pending(row) for row in connection.execute(query)]


def drop_pending(connection: Connection, pending_ids: Sequence[str]) -> int:
    """Delete faces that were answered about, or that waited too long; returns how many."""
    return sum(
        connection.execute(delete(_p).where(_p.c.pending_id.in_(some))).rowcount for some in pieces(pending_ids)
    )


def drop_pending_before(connection: Connection, moment_utc: str) -> int:
    """Delete every face that has waited since before ``moment_utc``; returns how many."""
    return connection.execute(delete(_p).where(_p.c.created_utc < moment_utc)).rowcount


def waits_since_before(connection: Connection, moment_utc: str) -> bool:
    """Whether any face has waited since before ``moment_utc``."""
    return bool(connection.scalar(select(func.count()).select_from(_p).where(_p.c.created_utc < moment_utc)))


def add_origin(connection: Connection, row: OriginRow) -> None:
    """Insert where an image came from."""
    connection.execute(
        insert(_o).values(
            image_id=row.image_id,
            subject_id=row.subject_id,
            grant_id=row.grant_id,
            sealed_origin=row.sealed_origin,
        )
    )


def drop_origin(connection: Connection, image_id: str) -> None:
    """Delete where an image came from."""
    connection.execute(delete(_o).where(_o.c.image_id == image_id))


def origins_of(connection: Connection, subject_id: SubjectId) -> dict[str, OriginRow]:
    """Where a subject's collected images came from, by image."""
    query = select(_o).where(_o.c.subject_id == subject_id)
    return {
        row.image_id: OriginRow(row.image_id, SubjectId(row.subject_id), row.grant_id, row.sealed_origin)
        for row in connection.execute(query)
    }


def _pending(row: Row[tuple[object, ...]]) -> PendingRow:
    return PendingRow(
        row.pending_id,
        SubjectId(row.subject_id),
        row.import_id,
        row.grant_id,
        row.permission_version,
        row.digest_tag,
        row.sealed_image,
        row.sealed_about,
        row.created_utc,
    )
