"""Customers, people, keys, cases, reviews, releases and the register's counts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_blocks",
        sa.Column("block_id", sa.String(length=32), nullable=False),
        sa.Column("customers", sa.String(length=32), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("ground", sa.String(length=200), nullable=False),
        sa.Column("placed_utc", sa.String(length=32), nullable=False),
        sa.Column("lifted_utc", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("block_id", name=op.f("pk_customer_blocks")),
    )
    op.create_table(
        "customers",
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("class", sa.String(length=32), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("legal_basis", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("registered_utc", sa.String(length=32), nullable=False),
        sa.Column("name_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_slot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customers")),
        sa.UniqueConstraint("name_tag", name=op.f("uq_customers_name_tag")),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("secret_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("holder_id", sa.String(length=32), nullable=True),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("verbs", sa.String(length=1000), nullable=True),
        sa.Column("purpose", sa.String(length=64), nullable=True),
        sa.Column("collection", sa.String(length=255), nullable=True),
        sa.Column("case_id", sa.String(length=32), nullable=True),
        sa.Column("issued_utc", sa.String(length=32), nullable=False),
        sa.Column("expires_utc", sa.String(length=32), nullable=False),
        sa.Column("revoked_utc", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.customer_id"], name=op.f("fk_api_keys_customer_id")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_keys_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("legal_basis", sa.String(length=32), nullable=False),
        sa.Column("emergency", sa.Integer(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("asked_utc", sa.String(length=32), nullable=False),
        sa.Column("authorise_by_utc", sa.String(length=32), nullable=True),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_utc", sa.String(length=32), nullable=True),
        sa.Column("expires_utc", sa.String(length=32), nullable=False),
        sa.Column("ended_utc", sa.String(length=32), nullable=True),
        sa.Column("swept", sa.Integer(), nullable=False),
        sa.Column("key_slot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("wrapped_image_key", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_metadata_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_papers", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.customer_id"], name=op.f("fk_cases_customer_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cases_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "customer_counts",
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.customer_id"], name=op.f("fk_customer_counts_customer_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", "what", name=op.f("pk_customer_counts")),
    )
    op.create_table(
        "customer_purposes",
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.customer_id"], name=op.f("fk_customer_purposes_customer_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", "purpose", name=op.f("pk_customer_purposes")),
    )
    op.create_table(
        "people",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_utc", sa.String(length=32), nullable=False),
        sa.Column("competent_until_utc", sa.String(length=32), nullable=True),
        sa.Column("name_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("key_slot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until_utc", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.customer_id"], name=op.f("fk_people_customer_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_people")),
        sa.UniqueConstraint("name_tag", name=op.f("uq_people_name_tag")),
    )
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_people_customer_id"), ["customer_id"], unique=False)

    op.create_table(
        "subject_accounts",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name_tag", sa.LargeBinary(length=32), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until_utc", sa.String(length=32), nullable=True),
        sa.Column("created_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.subject_id"], name=op.f("fk_subject_accounts_subject_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_subject_accounts")),
        sa.UniqueConstraint("name_tag", name=op.f("uq_subject_accounts_name_tag")),
        sa.UniqueConstraint("subject_id", name=op.f("uq_subject_accounts_subject_id")),
    )
    op.create_table(
        "case_probes",
        sa.Column("search_id", sa.String(length=32), nullable=False),
        sa.Column("face", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("sealed_probe", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_case_probes_case_id")),
        sa.ForeignKeyConstraint(["search_id"], ["searches.search_id"], name=op.f("fk_case_probes_search_id")),
        sa.PrimaryKeyConstraint("search_id", "face", name=op.f("pk_case_probes")),
    )
    with op.batch_alter_table("case_probes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_probes_case_id"), ["case_id"], unique=False)

    op.create_table(
        "case_searches",
        sa.Column("search_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_case_searches_case_id")),
        sa.ForeignKeyConstraint(["search_id"], ["searches.search_id"], name=op.f("fk_case_searches_search_id")),
        sa.PrimaryKeyConstraint("search_id", name=op.f("pk_case_searches")),
    )
    with op.batch_alter_table("case_searches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_searches_case_id"), ["case_id"], unique=False)

    op.create_table(
        "ledger_delays",
        sa.Column("delay_id", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("instrument_sha256", sa.String(length=64), nullable=False),
        sa.Column("placed_utc", sa.String(length=32), nullable=False),
        sa.Column("until_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_ledger_delays_case_id")),
        sa.PrimaryKeyConstraint("delay_id", name=op.f("pk_ledger_delays")),
    )
    with op.batch_alter_table("ledger_delays", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_delays_case_id"), ["case_id"], unique=False)

    op.create_table(
        "person_roles",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_person_roles_person_id")),
        sa.PrimaryKeyConstraint("person_id", "role", name=op.f("pk_person_roles")),
    )
    op.create_table(
        "releases",
        sa.Column("release_id", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("search_id", sa.String(length=32), nullable=False),
        sa.Column("face", sa.Integer(), nullable=False),
        sa.Column("released_to", sa.String(length=32), nullable=False),
        sa.Column("at_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_releases_case_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_releases_subject_id")),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_releases")),
        sa.UniqueConstraint("item_id", name=op.f("uq_releases_item_id")),
    )
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_releases_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_releases_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "review_items",
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.String(length=32), nullable=False),
        sa.Column("search_id", sa.String(length=32), nullable=False),
        sa.Column("face", sa.Integer(), nullable=False),
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("made_utc", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_review_items_case_id")),
        sa.ForeignKeyConstraint(["search_id"], ["searches.search_id"], name=op.f("fk_review_items_search_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_review_items_subject_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_review_items")),
    )
    with op.batch_alter_table("review_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_items_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_items_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "reviewer_tallies",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agreed", sa.Integer(), nullable=False),
        sa.Column("disagreed", sa.Integer(), nullable=False),
        sa.Column("controls", sa.Integer(), nullable=False),
        sa.Column("controls_confirmed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_reviewer_tallies_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_reviewer_tallies")),
    )
    op.create_table(
        "review_tasks",
        sa.Column("task_id", sa.String(length=32), nullable=False),
        sa.Column("item_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("shown_utc", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("answered_utc", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["review_items.item_id"], name=op.f("fk_review_tasks_item_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_review_tasks_person_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.subject_id"], name=op.f("fk_review_tasks_subject_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_review_tasks")),
        sa.UniqueConstraint("item_id", "person_id", name=op.f("uq_review_tasks_item_id_person_id")),
    )
    with op.batch_alter_table("review_tasks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_tasks_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_review_tasks_subject_id"), ["subject_id"], unique=False)
