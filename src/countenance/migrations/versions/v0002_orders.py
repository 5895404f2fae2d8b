"""Residency, orders, holds, notices and suppression."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authority_keys",
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("registered_utc", sa.String(length=32), nullable=False),
        sa.Column("revoked_utc", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_authority_keys")),
    )
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("served_utc", sa.String(length=32), nullable=False),
        sa.Column("sealed_document", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
    )
    op.create_table(
        "suppressed_accounts",
        sa.Column("name_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("ground", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name_tag", name=op.f("pk_suppressed_accounts")),
    )
    op.create_table(
        "suppressed_images",
        sa.Column("digest_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("likeness_tags", sa.LargeBinary(), nullable=True),
        sa.Column("ground", sa.String(length=32), nullable=False),
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest_tag", "name_tag", name=op.f("pk_suppressed_images")),
    )
    op.create_table(
        "suppressed_likenesses",
        sa.Column("band_tag", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest_tag", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("band_tag", "digest_tag", name=op.f("pk_suppressed_likenesses")),
    )
    op.create_table(
        "disclosures",
        sa.Column("disclosure_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient", sa.String(length=200), nullable=False),
        sa.Column("at_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_disclosures_subject_id")),
        sa.PrimaryKeyConstraint("disclosure_id", name=op.f("pk_disclosures")),
    )
    with op.batch_alter_table("disclosures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_disclosures_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "holds",
        sa.Column("hold_id", sa.String(length=64), nullable=False),
        sa.Column(
            "subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("ground", sa.String(length=200), nullable=False),
        sa.Column("placed_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_holds_subject_id")),
        sa.PrimaryKeyConstraint("hold_id", "subject_id", name=op.f("pk_holds")),
    )
    op.create_table(
        "notices",
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=200), nullable=False),
        sa.Column("candidates", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("told_utc", sa.String(length=32), nullable=True),
        sa.Column("answer", sa.String(length=400), nullable=True),
        sa.Column("answered_utc", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.erasure_id"], name=op.f("fk_notices_erasure_id")),
        sa.PrimaryKeyConstraint("erasure_id", "recipient", name=op.f("pk_notices")),
    )
    op.create_table(
        "order_members",
        sa.Column("order_id", sa.String(length=200), nullable=False),
        sa.Column(
            "subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], name=op.f("fk_order_members_order_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_order_members_subject_id")),
        sa.PrimaryKeyConstraint("order_id", "subject_id", name=op.f("pk_order_members")),
    )
    with op.batch_alter_table("order_members", schema=None) as batch_op:
        batch_op.create_index("ix_order_members_subject_id", ["subject_id"], unique=False)

    op.create_table(
        "residency_evidence",
        sa.Column("evidence_id", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("image_id", sa.String(length=32), nullable=True),
        sa.Column("predicate", sa.String(length=32), nullable=False),
        sa.Column("places", sa.String(length=200), nullable=False),
        sa.Column("tier", sa.String(length=1), nullable=False),
        sa.Column("signal", sa.String(length=32), nullable=False),
        sa.Column("observed_utc", sa.String(length=32), nullable=False),
        sa.Column("valid_from", sa.String(length=10), nullable=True),
        sa.Column("valid_to", sa.String(length=10), nullable=True),
        sa.Column("permission_id", sa.String(length=32), nullable=False),
        sa.Column("contradicts", sa.String(), nullable=False),
        sa.Column("sealed_origin", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.subject_id"], name=op.f("fk_residency_evidence_subject_id")
        ),
        sa.PrimaryKeyConstraint("evidence_id", name=op.f("pk_residency_evidence")),
    )
    with op.batch_alter_table("residency_evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_residency_evidence_subject_id"), ["subject_id"], unique=False)

    with op.batch_alter_table("erasure_targets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("commitment", sa.String(length=64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("key_ids", sa.String(), nullable=False, server_default=""))

    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.add_column(sa.Column("request", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("scope_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(
            sa.Column("by_doubt_alone", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(sa.Column("log_before", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("log_steps", sa.String(length=400), nullable=True))

    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("likeness_tags", sa.LargeBinary(), nullable=True))
