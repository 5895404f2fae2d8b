"""Compartments: sets of subjects that one customer holds."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "compartments",
        sa.Column("number", _NUMBER, autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_utc", sa.String(length=32), nullable=False),
        sa.Column("name_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_slot", _NUMBER, nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_terms", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.customer_id"], name=op.f("fk_compartments_customer_id")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_compartments")),
        sa.UniqueConstraint("name_tag", name=op.f("uq_compartments_name_tag")),
    )
    op.create_index(op.f("ix_compartments_customer_id"), "compartments", ["customer_id"], unique=False)
    for table in ("subjects", "suppressed_accounts", "suppressed_images"):
        op.add_column(table, sa.Column("compartment_id", _NUMBER, server_default="0", nullable=False))
    op.create_index("ix_subjects_compartment_id", "subjects", ["compartment_id", "name_tag"], unique=False)
    op.add_column("api_keys", sa.Column("compartment_id", _NUMBER, nullable=True))
