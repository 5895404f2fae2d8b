"""Keyed fingerprints of the accounts whose exports were imported, and of those that were erased."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "export_accounts",
        sa.Column("subject_id", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("account_tag", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.subject_id"], name=op.f("fk_export_accounts_subject_id")
        ),
        sa.PrimaryKeyConstraint("subject_id", "account_tag", name=op.f("pk_export_accounts")),
    )
    op.create_table(
        "suppressed_exports",
        sa.Column("account_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("account_tag", "name_tag", name=op.f("pk_suppressed_exports")),
    )
