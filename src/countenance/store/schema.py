"""The tables. What is personal is sealed before it comes here; the rest is numbers, codes and dates.

Rules kept here:

* A subject is a number (her slot in the key ring). Her name is a keyed fingerprint, for looking up, and a sealed
  text, for showing; no column holds it in the clear. Neither does any column hold a file name.
* Every table that says anything about a subject has a column ``subject_id``, or is listed in
  ``HARMLESS`` with the reason; tests/architecture checks it against the Holder in store.holder.
* Numbers of references are never given twice (store.numbering), so a late message about an erased one hits nobody.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from countenance.store import collection_tables, oversight_tables, request_tables
from countenance.store.columns import Moment as Moment
from countenance.store.columns import Number as Number
from countenance.store.columns import metadata as metadata

facts = Table(
    "facts", metadata, Column("name", String(64), primary_key=True), Column("value", String(400), nullable=False)
)

purposes = Table(
    "purposes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("purpose", String(64), nullable=False, unique=True),
)

jurisdictions = Table(
    "jurisdictions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("code", String(8), nullable=False, unique=True),
)

subjects = Table(
    "subjects",
    metadata,
    Column("subject_id", Number, primary_key=True, autoincrement=False),
    Column("name_tag", LargeBinary(32), nullable=False, unique=True),
    Column("sealed_name", LargeBinary, nullable=False),
    Column("jurisdiction", String(8), nullable=False),
    Column("wrapped_image_key", LargeBinary, nullable=False),
    Column("wrapped_template_key", LargeBinary, nullable=False),
    Column("wrapped_metadata_key", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_utc", Moment, nullable=False),
    Column("compartment_id", Number, nullable=False, server_default="0"),
    Index("ix_subjects_compartment_id", "compartment_id", "name_tag"),
)

permissions = Table(
    "permissions",
    metadata,
    Column("permission_id", String(32), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("valid_from_utc", Moment, nullable=False),
    Column("valid_until_utc", Moment, nullable=False, index=True),
    Column("sealed_record", LargeBinary, nullable=False),
    UniqueConstraint("subject_id", "version"),
)

permission_purposes = Table(
    "permission_purposes",
    metadata,
    Column("permission_id", String(32), ForeignKey("permissions.permission_id"), primary_key=True),
    Column("purpose", Integer, ForeignKey("purposes.number"), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
)

images = Table(
    "images",
    metadata,
    Column("image_id", String(32), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False),
    Column("permission_version", Integer, nullable=False),
    Column("digest_tag", LargeBinary(32), nullable=False),
    Column("size_bytes", Number, nullable=False),
    Column("likeness_tags", LargeBinary, nullable=True),
    Column("sealed_metadata", LargeBinary, nullable=False),
    Column("created_utc", Moment, nullable=False),
    UniqueConstraint("subject_id", "digest_tag"),
)

references = Table(
    "template_references",
    metadata,
    Column("reference_id", Number, primary_key=True, autoincrement=False),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("image_id", String(32), ForeignKey("images.image_id"), nullable=True, index=True),
    Column("model", String(64), nullable=False),
    Column("permission_version", Integer, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("sealed_template", LargeBinary, nullable=False),
    Column("quality", Float, nullable=True),
    Column("source", String(16), nullable=False),
    Column("created_utc", Moment, nullable=False),
)

searches = Table(
    "searches",
    metadata,
    Column("search_id", String(32), primary_key=True),
    Column("at_utc", Moment, nullable=False, index=True),
    Column("purpose", Integer, ForeignKey("purposes.number"), nullable=False),
    Column("model", String(64), nullable=False),
    Column("threshold", Float, nullable=False),
    Column("gallery_size", Number, nullable=False),
    Column("faces", Integer, nullable=False),
)

search_results = Table(
    "search_results",
    metadata,
    Column("search_id", String(32), ForeignKey("searches.search_id"), primary_key=True),
    Column("face", Integer, primary_key=True, autoincrement=False),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), primary_key=True, autoincrement=False),
    Column("reference_id", Number, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("score", Float, nullable=False),
    Index("ix_search_results_subject_id", "subject_id"),
)

index_changes = Table(
    "index_changes",
    metadata,
    Column("change_id", Number, primary_key=True, autoincrement=True),
    Column("kind", String(8), nullable=False),
    Column("reference_id", Number, nullable=False),
    sqlite_autoincrement=True,
)

erasures = Table(
    "erasures",
    metadata,
    Column("erasure_id", String(32), primary_key=True),
    Column("ground", String(32), nullable=False),
    Column("request", String(200), nullable=True),
    Column("scope_sha256", String(64), nullable=True),
    Column("by_doubt_alone", Number, nullable=True),
    Column("log_before", String, nullable=True),
    Column("log_steps", String(400), nullable=True),
    Column("state", String(16), nullable=False, index=True),
    Column("begun_utc", Moment, nullable=False),
    Column("finished_utc", Moment, nullable=True),
    Column("epoch_before", Integer, nullable=True),
    Column("epoch_after", Integer, nullable=True),
)

erasure_targets = Table(
    "erasure_targets",
    metadata,
    Column("erasure_id", String(32), ForeignKey("erasures.erasure_id"), primary_key=True),
    Column("subject_id", Number, primary_key=True, autoincrement=False),
    Column("artefacts", String(64), nullable=False),
    Column("reference_ids", String, nullable=False),
    Column("image_ids", String, nullable=False),
    Column("commitment", String(64), nullable=False),
    Column("key_ids", String, nullable=False),
)

erasure_counts = Table(
    "erasure_counts",
    metadata,
    Column("erasure_id", String(32), ForeignKey("erasures.erasure_id"), primary_key=True),
    Column("holder", String(32), primary_key=True),
    Column("what", String(64), primary_key=True),
    Column("count", Number, nullable=False),
)

residency_evidence = Table(
    "residency_evidence",
    metadata,
    Column("evidence_id", String(64), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False),
    Column("image_id", String(32), nullable=True),
    Column("predicate", String(32), nullable=False),
    Column("places", String(200), nullable=False),
    Column("tier", String(1), nullable=False),
    Column("signal", String(32), nullable=False),
    Column("observed_utc", Moment, nullable=False),
    Column("valid_from", String(10), nullable=True),
    Column("valid_to", String(10), nullable=True),
    Column("permission_id", String(32), nullable=False),
    Column("contradicts", String, nullable=False),
    Column("told_mark", Number, nullable=False),
    Column("sealed_origin", LargeBinary, nullable=False),
    Index("ix_residency_evidence_told", "subject_id", "told_mark"),
)

authority_keys = Table(
    "authority_keys",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("authority", String(200), nullable=False),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("registered_utc", Moment, nullable=False),
    Column("revoked_utc", Moment, nullable=True),
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", String(200), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("served_utc", Moment, nullable=False),
    Column("sealed_document", LargeBinary, nullable=False),
    Column("sealed_state", LargeBinary, nullable=False),
)

order_members = Table(
    "order_members",
    metadata,
    Column("order_id", String(200), ForeignKey("orders.order_id"), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), primary_key=True, autoincrement=False),
    Column("decision", String(16), nullable=False),
    Column("released", Integer, nullable=False),
    Index("ix_order_members_subject_id", "subject_id"),
)

holds = Table(
    "holds",
    metadata,
    Column("hold_id", String(64), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), primary_key=True, autoincrement=False),
    Column("ground", String(200), nullable=False),
    Column("placed_utc", Moment, nullable=False),
    Index("ix_holds_subject_id", "subject_id"),
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("disclosure_id", String(32), primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("recipient", String(200), nullable=False),
    Column("at_utc", Moment, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("erasure_id", String(32), ForeignKey("erasures.erasure_id"), primary_key=True),
    Column("recipient", String(200), primary_key=True),
    Column("candidates", Number, nullable=False),
    Column("told_utc", Moment, nullable=True),
    Column("answer", String(400), nullable=True),
    Column("answered_utc", Moment, nullable=True),
)

suppressed_accounts = Table(
    "suppressed_accounts",
    metadata,
    Column("name_tag", LargeBinary(32), primary_key=True),
    Column("erasure_id", String(32), nullable=False),
    Column("ground", String(32), nullable=False),
    Column("compartment_id", Number, nullable=False, server_default="0"),
)

suppressed_exports = Table(
    "suppressed_exports",
    metadata,
    Column("account_tag", LargeBinary(32), primary_key=True),
    Column("name_tag", LargeBinary(32), primary_key=True),
    Column("erasure_id", String(32), nullable=False),
)

suppressed_images = Table(
    "suppressed_images",
    metadata,
    Column("digest_tag", LargeBinary(32), primary_key=True),
    Column("name_tag", LargeBinary(32), primary_key=True),
    Column("likeness_tags", LargeBinary, nullable=True),
    Column("ground", String(32), nullable=False),
    Column("erasure_id", String(32), nullable=False),
    Column("compartment_id", Number, nullable=False, server_default="0"),
)

suppressed_likenesses = Table(
    "suppressed_likenesses",
    metadata,
    Column("band_tag", LargeBinary(16), primary_key=True),
    Column("digest_tag", LargeBinary(32), primary_key=True),
)

PERSONAL = {
    subjects: "subject records",
    permissions: "permissions",
    permission_purposes: "permitted purposes",
    images: "image records",
    references: "sealed templates",
    search_results: "search results",
    residency_evidence: "residency evidence",
    order_members: "places under orders",
    holds: "evidence holds",
    disclosures: "releases to recipients",
    **collection_tables.PERSONAL,
    **oversight_tables.PERSONAL,
    **request_tables.PERSONAL,
}
"""Tables whose rows are about one subject and go with her, each with what its rows are called."""

HARMLESS = {
    facts: "the gallery's own settings",
    purposes: "names of purposes, given by the operator",
    jurisdictions: "codes of jurisdictions",
    searches: "that a search took place; what it returned is in search_results",
    index_changes: "numbers of references, never given twice",
    erasures: "when and why something was erased",
    erasure_targets: "numbers only, kept while an erasure runs so that a crash cannot lose its way",
    erasure_counts: "how many things of each kind were destroyed",
    authority_keys: "public keys of authorities",
    orders: "an order may name a subject, so its document and state are sealed; kept as the record of the duty",
    notices: "organisations that were told of an erasure, and what they answered",
    suppressed_accounts: "keyed fingerprints of erased names, to refuse them; useless without the key ring",
    suppressed_exports: "keyed fingerprints of the accounts of erased exports, to refuse them",
    suppressed_images: "keyed fingerprints of erased images, to refuse them; useless without the key ring",
    suppressed_likenesses: "keyed fingerprints of parts of perceptual hashes, to refuse near copies",
    **collection_tables.HARMLESS,
    **oversight_tables.HARMLESS,
    **request_tables.HARMLESS,
}
"""Tables without personal data in the clear, each with the reason."""
