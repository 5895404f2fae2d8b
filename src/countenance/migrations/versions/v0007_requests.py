"""Requests that have their effect once, and the answers kept for a retry."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("key_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("owner", _NUMBER, nullable=True),
        sa.Column("mark", sa.String(length=64), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("begun_utc", sa.String(length=32), nullable=False),
        sa.Column("expires_utc", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_requests")),
        sa.UniqueConstraint("key_tag", name=op.f("uq_requests_key_tag")),
    )
    op.create_index(op.f("ix_requests_expires_utc"), "requests", ["expires_utc"], unique=False)
    op.create_table(
        "request_answers",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", _NUMBER, nullable=True),
        sa.Column("day", sa.String(length=10), nullable=True),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.request_id"], name=op.f("fk_request_answers_request_id")
        ),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.subject_id"], name=op.f("fk_request_answers_subject_id")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_request_answers")),
    )
    op.create_index(op.f("ix_request_answers_subject_id"), "request_answers", ["subject_id"], unique=False)
    op.create_index(op.f("ix_request_answers_day"), "request_answers", ["day"], unique=False)
    op.create_table(
        "answer_keys",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("key_slot", _NUMBER, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_answer_keys")),
    )
