"""A mark of what each piece of evidence says, so that a whole gallery is judged quickly; an index of holds."""

import sqlalchemy as sa
from alembic import op

from countenance.store.told import told_mark

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    with op.batch_alter_table("residency_evidence") as batch_op:
        batch_op.add_column(sa.Column("told_mark", number, nullable=False, server_default="0"))
    _mark()
    with op.batch_alter_table("residency_evidence") as batch_op:
        batch_op.alter_column("told_mark", server_default=None)
        batch_op.drop_index("ix_residency_evidence_subject_id")
        batch_op.create_index("ix_residency_evidence_told", ["subject_id", "told_mark"])
    with op.batch_alter_table("holds") as batch_op:
        batch_op.create_index(batch_op.f("ix_holds_subject_id"), ["subject_id"], unique=False)


def _mark() -> None:
    """Mark the evidence that is on record."""
    connection = op.get_bind()
    texts = ("image_id", "predicate", "places", "tier", "signal", "valid_from", "valid_to", "contradicts")
    table = sa.table("residency_evidence", *map(sa.column, ("evidence_id", "told_mark", *texts)))
    rows = connection.execute(sa.select(table.c.evidence_id, *(table.c[name] for name in texts))).all()
    change = sa.update(table).where(table.c.evidence_id == sa.bindparam("id"))
    change = change.values(told_mark=sa.bindparam("mark"))
    marked = [
        {
            "id": row.evidence_id,
            "mark": told_mark(
                row.predicate,
                row.places.split(),
                row.tier,
                row.signal,
                row.valid_from,
                row.valid_to,
                contradicts=bool(row.contradicts),
                about_an_image=row.image_id is not None,
            ),
        }
        for row in rows
    ]
    if marked:
        connection.execute(change, marked)
