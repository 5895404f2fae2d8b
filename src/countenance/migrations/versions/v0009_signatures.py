"""Signatures of requests that were taken, so that none is taken twice."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_signatures",
        sa.Column("tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at_utc", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_used_signatures")),
    )
    op.create_index(op.f("ix_used_signatures_at_utc"), "used_signatures", ["at_utc"], unique=False)
