"""The tables of oversight: customers, people, keys, cases, reviews, releases, and the counts of the register.

Rules kept here:

* Names of customers and people are a keyed fingerprint, for looking up, and a sealed text, for showing, as a
  subject's is; each has a key slot of its own in the key ring, so that a name can be destroyed.
* What a case found lies in tables that name the subject and go with her. What the register counts is counted apart,
  so that an erasure changes no published figure and a figure keeps nobody.
* Passwords and keys are stored as hashes that cannot be turned back.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table, UniqueConstraint

from countenance.store.columns import Moment, Number, metadata

_Id = String(32)

customers = Table(
    "customers",
    metadata,
    Column("customer_id", _Id, primary_key=True),
    Column("class", String(32), nullable=False),
    Column("jurisdiction", String(8), nullable=False),
    Column("legal_basis", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("registered_utc", Moment, nullable=False),
    Column("name_tag", LargeBinary(32), nullable=False, unique=True),
    Column("key_slot", Number, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
)

compartments = Table(
    "compartments",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("customer_id", _Id, ForeignKey("customers.customer_id"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("created_utc", Moment, nullable=False),
    Column("name_tag", LargeBinary(32), nullable=False, unique=True),
    Column("key_slot", Number, nullable=False),
    Column("jurisdiction", String(8), nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
    Column("sealed_terms", LargeBinary, nullable=True),
)
"""The gallery's own compartment, number 0, has no row."""

customer_purposes = Table(
    "customer_purposes",
    metadata,
    Column("customer_id", _Id, ForeignKey("customers.customer_id"), primary_key=True),
    Column("purpose", String(64), primary_key=True),
)

customer_blocks = Table(
    "customer_blocks",
    metadata,
    Column("block_id", _Id, primary_key=True),
    Column("customers", String(32), nullable=False),
    Column("jurisdiction", String(8), nullable=False),
    Column("ground", String(200), nullable=False),
    Column("placed_utc", Moment, nullable=False),
    Column("lifted_utc", Moment, nullable=True),
)

people = Table(
    "people",
    metadata,
    Column("person_id", _Id, primary_key=True),
    Column("customer_id", _Id, ForeignKey("customers.customer_id"), nullable=True, index=True),
    Column("state", String(16), nullable=False),
    Column("created_utc", Moment, nullable=False),
    Column("competent_until_utc", Moment, nullable=True),
    Column("name_tag", LargeBinary(32), nullable=False, unique=True),
    Column("key_slot", Number, nullable=False),
    Column("jurisdiction", String(8), nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed_name", LargeBinary, nullable=False),
    Column("password", String(200), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until_utc", Moment, nullable=True),
)

person_roles = Table(
    "person_roles",
    metadata,
    Column("person_id", _Id, ForeignKey("people.person_id"), primary_key=True),
    Column("role", String(32), primary_key=True),
)

subject_accounts = Table(
    "subject_accounts",
    metadata,
    Column("account_id", _Id, primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, unique=True),
    Column("name_tag", LargeBinary(32), nullable=False, unique=True),
    Column("password", String(200), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until_utc", Moment, nullable=True),
    Column("created_utc", Moment, nullable=False),
)

issuers = Table(
    "issuers",
    metadata,
    Column("issuer_id", _Id, primary_key=True),
    Column("url", String(500), nullable=False, unique=True),
    Column("audience", String(200), nullable=False),
    Column("keys_host", String(255), nullable=True),
    Column("registered_utc", Moment, nullable=False),
)

account_links = Table(
    "account_links",
    metadata,
    Column("link_id", _Id, primary_key=True),
    Column("issuer_id", _Id, ForeignKey("issuers.issuer_id"), nullable=False),
    Column("sub_tag", LargeBinary(32), nullable=False),
    Column("holder_id", _Id, nullable=False, index=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=True, index=True),
    Column("linked_utc", Moment, nullable=False),
    UniqueConstraint("issuer_id", "sub_tag"),
)
"""What an issuer calls somebody is a keyed fingerprint only; a link of a subject's own account goes with her."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", _Id, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("secret_tag", LargeBinary(32), nullable=False),
    Column("customer_id", _Id, ForeignKey("customers.customer_id"), nullable=True, index=True),
    Column("holder_id", _Id, nullable=True),
    Column("roles", String(200), nullable=False),
    Column("verbs", String(1000), nullable=True),
    Column("purpose", String(64), nullable=True),
    Column("collection", String(255), nullable=True),
    Column("compartment_id", Number, nullable=True),
    Column("case_id", _Id, nullable=True),
    Column("issued_utc", Moment, nullable=False),
    Column("expires_utc", Moment, nullable=False),
    Column("revoked_utc", Moment, nullable=True),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", _Id, primary_key=True),
    Column("customer_id", _Id, ForeignKey("customers.customer_id"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("legal_basis", String(32), nullable=False),
    Column("emergency", Integer, nullable=False),
    Column("quota", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Column("asked_by", _Id, nullable=False),
    Column("asked_utc", Moment, nullable=False),
    Column("authorise_by_utc", Moment, nullable=True),
    Column("decided_by", _Id, nullable=True),
    Column("decided_utc", Moment, nullable=True),
    Column("expires_utc", Moment, nullable=False),
    Column("ended_utc", Moment, nullable=True),
    Column("swept", Integer, nullable=False),
    Column("key_slot", Number, nullable=False),
    Column("jurisdiction", String(8), nullable=False),
    Column("wrapped_image_key", LargeBinary, nullable=False),
    Column("wrapped_metadata_key", LargeBinary, nullable=False),
    Column("sealed_papers", LargeBinary, nullable=False),
)

case_searches = Table(
    "case_searches",
    metadata,
    Column("search_id", _Id, ForeignKey("searches.search_id"), primary_key=True),
    Column("case_id", _Id, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("asked_by", _Id, nullable=False),
)

case_probes = Table(
    "case_probes",
    metadata,
    Column("search_id", _Id, ForeignKey("searches.search_id"), primary_key=True),
    Column("face", Integer, primary_key=True, autoincrement=False),
    Column("case_id", _Id, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("sealed_probe", LargeBinary, nullable=False),
)

review_items = Table(
    "review_items",
    metadata,
    Column("item_id", _Id, primary_key=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("case_id", _Id, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("search_id", _Id, ForeignKey("searches.search_id"), nullable=False),
    Column("face", Integer, nullable=False),
    Column("reference_id", Number, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("made_utc", Moment, nullable=False),
)

review_tasks = Table(
    "review_tasks",
    metadata,
    Column("task_id", _Id, primary_key=True),
    Column("item_id", _Id, ForeignKey("review_items.item_id"), nullable=False),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("person_id", _Id, ForeignKey("people.person_id"), nullable=False, index=True),
    Column("shown_utc", Moment, nullable=False),
    Column("answer", String(16), nullable=True),
    Column("answered_utc", Moment, nullable=True),
    UniqueConstraint("item_id", "person_id"),
)

reviewer_tallies = Table(
    "reviewer_tallies",
    metadata,
    Column("person_id", _Id, ForeignKey("people.person_id"), primary_key=True),
    Column("answered", Integer, nullable=False),
    Column("milliseconds", Number, nullable=False),
    Column("agreed", Integer, nullable=False),
    Column("disagreed", Integer, nullable=False),
    Column("controls", Integer, nullable=False),
    Column("controls_confirmed", Integer, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("release_id", _Id, primary_key=True),
    Column("item_id", _Id, nullable=False, unique=True),
    Column("subject_id", Number, ForeignKey("subjects.subject_id"), nullable=False, index=True),
    Column("case_id", _Id, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("search_id", _Id, nullable=False),
    Column("face", Integer, nullable=False),
    Column("released_to", _Id, nullable=False),
    Column("at_utc", Moment, nullable=False),
)

ledger_delays = Table(
    "ledger_delays",
    metadata,
    Column("delay_id", _Id, primary_key=True),
    Column("case_id", _Id, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("authority", String(200), nullable=False),
    Column("instrument_sha256", String(64), nullable=False),
    Column("placed_utc", Moment, nullable=False),
    Column("until_utc", Moment, nullable=False),
)

customer_counts = Table(
    "customer_counts",
    metadata,
    Column("customer_id", _Id, ForeignKey("customers.customer_id"), primary_key=True),
    Column("what", String(16), primary_key=True),
    Column("count", Number, nullable=False),
)

used_signatures = Table(
    "used_signatures",
    metadata,
    Column("tag", LargeBinary(32), primary_key=True),
    Column("at_utc", Moment, nullable=False, index=True),
)

PERSONAL = {
    subject_accounts: "accounts of subjects",
    account_links: "sign-in of subjects through an issuer",
    review_items: "candidates in review",
    review_tasks: "reviewers' answers",
    releases: "released candidates",
}

HARMLESS = {
    customers: "organisations; a name that could be somebody's is sealed under a key of its own",
    compartments: "which customer holds a set of subjects; its name and its standing terms are sealed",
    customer_purposes: "purposes that a customer may name",
    customer_blocks: "classes of customers and places, on what ground",
    people: "staff of customers and of the gallery: names sealed, passwords hashed, none is a subject",
    person_roles: "which roles a numbered account has",
    issuers: "addresses of organisations that people sign in at",
    api_keys: "keyed fingerprints of secrets, and what each key may do",
    cases: "what a case is about is sealed under the case's own key",
    case_searches: "which case a search was made for",
    case_probes: "faces of nobody on record, sealed under the case's key, which ends with the case",
    reviewer_tallies: "how often and how fast an account answered; of no subject",
    ledger_delays: "authorities that delay a ledger entry, and until when",
    customer_counts: "how many searches, releases and refusals a customer has had",
    used_signatures: "keyed fingerprints of request signatures, for half an hour, so that none is used twice",
}
