"""Imports, what waits for confirmation, origins of collected images, and grants."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "grants",
        sa.Column("grant_id", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("issued_utc", sa.String(length=32), nullable=False),
        sa.Column("read_utc", sa.String(length=32), nullable=False),
        sa.Column("withdrawn_utc", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_origin"), "grants", ["origin"], unique=False)
    op.create_table(
        "granted_pages",
        sa.Column("page_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("grant_id", sa.String(length=32), nullable=False),
        sa.Column("etag", sa.String(length=400), nullable=False),
        sa.Column("last_modified", sa.String(length=64), nullable=False),
        sa.Column("fetched_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.grant_id"], name=op.f("fk_granted_pages_grant_id")),
        sa.PrimaryKeyConstraint("page_tag", name=op.f("pk_granted_pages")),
    )
    op.create_table(
        "imports",
        sa.Column("import_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", _NUMBER, nullable=False),
        sa.Column("grant_id", sa.String(length=32), nullable=True),
        sa.Column("begun_utc", sa.String(length=32), nullable=False),
        sa.Column("sealed_about", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.grant_id"], name=op.f("fk_imports_grant_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_imports_subject_id")),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_imports")),
    )
    op.create_index(op.f("ix_imports_subject_id"), "imports", ["subject_id"], unique=False)
    op.create_index(op.f("ix_imports_grant_id"), "imports", ["grant_id"], unique=False)
    op.create_table(
        "import_files",
        sa.Column("subject_id", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("file_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digest_tag", sa.LargeBinary(length=32), nullable=True),
        sa.Column("import_id", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("faces", sa.Integer(), nullable=False),
        sa.Column("bystanders", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.import_id"], name=op.f("fk_import_files_import_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_import_files_subject_id")),
        sa.PrimaryKeyConstraint("subject_id", "file_tag", name=op.f("pk_import_files")),
    )
    op.create_index("ix_import_files_digest", "import_files", ["subject_id", "digest_tag"], unique=False)
    op.create_table(
        "pending_faces",
        sa.Column("pending_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", _NUMBER, nullable=False),
        sa.Column("import_id", sa.String(length=32), nullable=False),
        sa.Column("grant_id", sa.String(length=32), nullable=True),
        sa.Column("permission_version", sa.Integer(), nullable=False),
        sa.Column("digest_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_image", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_about", sa.LargeBinary(), nullable=False),
        sa.Column("created_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.grant_id"], name=op.f("fk_pending_faces_grant_id")),
        sa.ForeignKeyConstraint(["import_id"], ["imports.import_id"], name=op.f("fk_pending_faces_import_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_pending_faces_subject_id")),
        sa.PrimaryKeyConstraint("pending_id", name=op.f("pk_pending_faces")),
    )
    op.create_index(op.f("ix_pending_faces_grant_id"), "pending_faces", ["grant_id"], unique=False)
    op.create_index(op.f("ix_pending_faces_subject_id"), "pending_faces", ["subject_id"], unique=False)
    op.create_table(
        "collected_images",
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", _NUMBER, nullable=False),
        sa.Column("grant_id", sa.String(length=32), nullable=True),
        sa.Column("sealed_origin", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.grant_id"], name=op.f("fk_collected_images_grant_id")),
        sa.ForeignKeyConstraint(["image_id"], ["images.image_id"], name=op.f("fk_collected_images_image_id")),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.subject_id"], name=op.f("fk_collected_images_subject_id")
        ),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_collected_images")),
    )
    op.create_index(op.f("ix_collected_images_subject_id"), "collected_images", ["subject_id"], unique=False)
    op.create_index(op.f("ix_collected_images_grant_id"), "collected_images", ["grant_id"], unique=False)
