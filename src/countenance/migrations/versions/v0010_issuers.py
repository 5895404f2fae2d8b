"""OpenID Connect: issuers, and who of theirs signs in to which account."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "issuers",
        sa.Column("issuer_id", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("audience", sa.String(length=200), nullable=False),
        sa.Column("keys_host", sa.String(length=255), nullable=True),
        sa.Column("registered_utc", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("issuer_id", name=op.f("pk_issuers")),
        sa.UniqueConstraint("url", name=op.f("uq_issuers_url")),
    )
    op.create_table(
        "account_links",
        sa.Column("link_id", sa.String(length=32), nullable=False),
        sa.Column("issuer_id", sa.String(length=32), nullable=False),
        sa.Column("sub_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("holder_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", _NUMBER, nullable=True),
        sa.Column("linked_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuers.issuer_id"], name=op.f("fk_account_links_issuer_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_account_links_subject_id")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_account_links")),
        sa.UniqueConstraint("issuer_id", "sub_tag", name=op.f("uq_account_links_issuer_id_sub_tag")),
    )
    op.create_index(op.f("ix_account_links_holder_id"), "account_links", ["holder_id"], unique=False)
    op.create_index(op.f("ix_account_links_subject_id"), "account_links", ["subject_id"], unique=False)
