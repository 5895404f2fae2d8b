"""The tables of collecting with permission: imports, what waits for a subject's word, and sites' grants.

Rules kept here: what an import or a grant has brought in names its subject and goes with her; a page's address and
an export's account are kept as keyed fingerprints only.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from countenance.store.columns import Moment, Number, metadata

imports = Table(
    "imports",
    metadata,
    Column("import_id", String(32), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("grant_id", String(32), ForeignKey("grants.grant_id"), nullable=True, index=True),
    Column("begun_utc", Moment, nullable=False),
    Column("sealed_about", LargeBinary, nullable=False),
)

import_files = Table(
    "import_files",
    metadata,
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), primary_key=True, autoincrement=False),
    Column("file_tag", LargeBinary(32), primary_key=True),
    Column("digest_tag", LargeBinary(32), nullable=True),
    Column("import_id", String(32), ForeignKey("imports.import_id"), nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("faces", Integer, nullable=False),
    Column("bystanders", Integer, nullable=False),
    Index("ix_import_files_digest", "subject_id", "digest_tag"),
)

export_accounts = Table(
    "export_accounts",
    metadata,
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), primary_key=True, autoincrement=False),
    Column("account_tag", LargeBinary(32), primary_key=True),
)

pending_faces = Table(
    "pending_faces",
    metadata,
    Column("pending_id", String(32), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("import_id", String(32), ForeignKey("imports.import_id"), nullable=False),
    Column("grant_id", String(32), ForeignKey("grants.grant_id"), nullable=True, index=True),
    Column("permission_version", Integer, nullable=False),
    Column("digest_tag", LargeBinary(32), nullable=False),
    Column("sealed_image", LargeBinary, nullable=False),
    Column("sealed_about", LargeBinary, nullable=False),
    Column("created_utc", Moment, nullable=False),
)

collected_images = Table(
    "collected_images",
    metadata,
    Column("image_id", String(32), ForeignKey("images.image_id"), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("grant_id", String(32), ForeignKey("grants.grant_id"), nullable=True, index=True),
    Column("sealed_origin", LargeBinary, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", String(32), primary_key=True),
    Column("origin", String(400), nullable=False, index=True),
    Column("sha256", String(64), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("issued_utc", Moment, nullable=False),
    Column("read_utc", Moment, nullable=False),
    Column("withdrawn_utc", Moment, nullable=True),
)

granted_pages = Table(
    "granted_pages",
    metadata,
    Column("page_tag", LargeBinary(32), primary_key=True),
    Column("grant_id", String(32), ForeignKey("grants.grant_id"), nullable=False),
    Column("etag", String(400), nullable=False),
    Column("last_modified", String(64), nullable=False),
    Column("fetched_utc", Moment, nullable=False),
)

PERSONAL = {
    imports: "imports",
    import_files: "files looked at in imports",
    export_accounts: "accounts whose exports were imported",
    pending_faces: "faces waiting for the subject's confirmation",
    collected_images: "origins of collected images",
}

HARMLESS = {
    grants: "which sites published a grant, by scheme and host",
    granted_pages: "keyed fingerprints of page addresses, to ask a site only for what has changed",
}
