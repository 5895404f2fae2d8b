"""The first schema: subjects, permissions, images, references, searches, erasures."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("ground", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("begun_utc", sa.String(length=32), nullable=False),
        sa.Column("finished_utc", sa.String(length=32), nullable=True),
        sa.Column("epoch_before", sa.Integer(), nullable=True),
        sa.Column("epoch_after", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("erasure_id", name=op.f("pk_erasures")),
    )
    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_erasures_state"), ["state"], unique=False)

    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "index_changes",
        sa.Column(
            "change_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_index_changes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "jurisdictions",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_jurisdictions")),
        sa.UniqueConstraint("code", name=op.f("uq_jurisdictions_code")),
    )
    op.create_table(
        "purposes",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_purposes")),
        sa.UniqueConstraint("purpose", name=op.f("uq_purposes_purpose")),
    )
    op.create_table(
        "subjects",
        sa.Column(
            "subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("name_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("wrapped_image_key", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_template_key", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_metadata_key", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_utc", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_subjects")),
        sa.UniqueConstraint("name_tag", name=op.f("uq_subjects_name_tag")),
    )
    op.create_table(
        "erasure_counts",
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.erasure_id"], name=op.f("fk_erasure_counts_erasure_id")),
        sa.PrimaryKeyConstraint("erasure_id", "holder", "what", name=op.f("pk_erasure_counts")),
    )
    op.create_table(
        "erasure_targets",
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column(
            "subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("artefacts", sa.String(length=64), nullable=False),
        sa.Column("reference_ids", sa.String(), nullable=False),
        sa.Column("image_ids", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasures.erasure_id"], name=op.f("fk_erasure_targets_erasure_id")
        ),
        sa.PrimaryKeyConstraint("erasure_id", "subject_id", name=op.f("pk_erasure_targets")),
    )
    op.create_table(
        "images",
        sa.Column("image_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("permission_version", sa.Integer(), nullable=False),
        sa.Column("digest_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size_bytes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sealed_metadata", sa.LargeBinary(), nullable=False),
        sa.Column("created_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_images_subject_id")),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_images")),
        sa.UniqueConstraint("subject_id", "digest_tag", name=op.f("uq_images_subject_id_digest_tag")),
    )
    op.create_table(
        "permissions",
        sa.Column("permission_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("valid_from_utc", sa.String(length=32), nullable=False),
        sa.Column("valid_until_utc", sa.String(length=32), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_permissions_subject_id")),
        sa.PrimaryKeyConstraint("permission_id", name=op.f("pk_permissions")),
        sa.UniqueConstraint("subject_id", "version", name=op.f("uq_permissions_subject_id_version")),
    )
    with op.batch_alter_table("permissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_permissions_subject_id"), ["subject_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_permissions_valid_until_utc"), ["valid_until_utc"], unique=False)

    op.create_table(
        "searches",
        sa.Column("search_id", sa.String(length=32), nullable=False),
        sa.Column("at_utc", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("gallery_size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("faces", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["purpose"], ["purposes.number"], name=op.f("fk_searches_purpose")),
        sa.PrimaryKeyConstraint("search_id", name=op.f("pk_searches")),
    )
    with op.batch_alter_table("searches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_searches_at_utc"), ["at_utc"], unique=False)

    op.create_table(
        "permission_purposes",
        sa.Column("permission_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["permissions.permission_id"], name=op.f("fk_permission_purposes_permission_id")
        ),
        sa.ForeignKeyConstraint(["purpose"], ["purposes.number"], name=op.f("fk_permission_purposes_purpose")),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.subject_id"], name=op.f("fk_permission_purposes_subject_id")
        ),
        sa.PrimaryKeyConstraint("permission_id", "purpose", name=op.f("pk_permission_purposes")),
    )
    with op.batch_alter_table("permission_purposes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_permission_purposes_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "search_results",
        sa.Column("search_id", sa.String(length=32), nullable=False),
        sa.Column("face", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["search_id"], ["searches.search_id"], name=op.f("fk_search_results_search_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_search_results_subject_id")),
        sa.PrimaryKeyConstraint("search_id", "face", "subject_id", name=op.f("pk_search_results")),
    )
    with op.batch_alter_table("search_results", schema=None) as batch_op:
        batch_op.create_index("ix_search_results_subject_id", ["subject_id"], unique=False)

    op.create_table(
        "template_references",
        sa.Column(
            "reference_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("permission_version", sa.Integer(), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.Column("sealed_template", sa.LargeBinary(), nullable=False),
        sa.Column("quality", sa.Float(), nullable=True),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("created_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.image_id"], name=op.f("fk_template_references_image_id")),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.subject_id"], name=op.f("fk_template_references_subject_id")
        ),
        sa.PrimaryKeyConstraint("reference_id", name=op.f("pk_template_references")),
    )
    with op.batch_alter_table("template_references", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_template_references_image_id"), ["image_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_template_references_subject_id"), ["subject_id"], unique=False)
