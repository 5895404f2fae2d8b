"""The policy, whole: a table from role, class of customer, jurisdiction and purpose to verbs, and how it is read.

Rules kept here:

1. What no row allows is refused. Every verb has exactly one row; docs/policy.md is this table, kept true by a test.
2. A decision is a value: Granted, or Refused with a code and a sentence that names nobody. Doubt refuses.
3. Nothing here reads a clock or a database; the facts come in as a Principal and a list of Bars, read anew for
   every question, so a block takes effect on sessions that are running.
4. The gallery's own people administer and supervise; they do not search, and no role of theirs reads a candidate.
5. Doubt narrows disclosure and widens erasure: no suspension and no bar keeps a customer from withdrawing its
   subjects and closing what it has opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from countenance.custody.residency.places import Overlap, overlap, place
from countenance.oversight.parties import PRIVATE_CLASSES, CustomerClass, Principal, Role


class Verb(StrEnum):
    """Everything that can be asked of the service."""

    CUSTOMER_REGISTER = "customer.register"
    CUSTOMER_LIST = "customer.list"
    CUSTOMER_BLOCK = "customer.block"
    PERSON_ADD = "person.add"
    PERSON_CERTIFY = "person.certify"
    KEY_ISSUE = "key.issue"
    KEY_REVOKE = "key.revoke"
    COMPARTMENT_OPEN = "compartment.open"
    COMPARTMENT_LIST = "compartment.list"
    COMPARTMENT_CLOSE = "compartment.close"
    SUBJECT_LIST = "subject.list"
    SUBJECT_PERMIT = "subject.permit"
    SUBJECT_ENROL = "subject.enrol"
    SUBJECT_WITHDRAW = "subject.withdraw"
    VERIFY = "verify"
    CASE_OPEN = "case.open"
    CASE_LIST = "case.list"
    CASE_AUTHORISE = "case.authorise"
    CASE_CLOSE = "case.close"
    IDENTIFY = "identify"
    REVIEW_ANSWER = "review.answer"
    REVIEW_MEASURE = "review.measure"
    RELEASE = "release"
    LEDGER_READ = "ledger.read"
    LEDGER_DELAY = "ledger.delay"
    ACCESS_OWN = "access.own"
    WITHDRAW_OWN = "withdraw.own"
    RESIDENCY_READ = "residency.read"
    RESIDENCY_ADD = "residency.add"
    ORDER_READ = "order.read"
    ORDER_CARRY_OUT = "order.carry_out"
    METRICS_READ = "metrics.read"
    REGISTER_READ = "register.read"
    LOG_READ = "log.read"
    LOG_AUDIT = "log.audit"


class Reach(StrEnum):
    """Whose things a verb reaches."""

    EVERYBODY = "anyone, unasked"
    GALLERY = "the gallery"
    CUSTOMER = "the asker's customer"
    SELF = "the asker"


class Code(StrEnum):
    """Why something is refused. Each has a test."""

    ROLE = "role"
    NOT_THE_GALLERYS_OWN = "not_the_gallerys_own"
    NO_CUSTOMER = "no_customer"
    CUSTOMER_SUSPENDED = "customer_suspended"
    CLASS = "class"
    OTHER_CUSTOMER = "other_customer"
    BARRED = "barred"
    PURPOSE_NOT_ALLOWED = "purpose_not_allowed"
    PURPOSE_RESERVED = "purpose_reserved"
    KEY_LIMITED = "key_limited"
    KEY_BOUND = "key_bound"
    NOT_HERSELF = "not_herself"
    NOT_COMPETENT = "not_competent"
    SAME_PERSON = "same_person"
    NO_CASE = "no_case"
    CASE_STATE = "case_state"
    CASE_QUOTA = "case_quota"
    NO_REVIEW = "no_review"
    PERMISSION = "permission"


@dataclass(frozen=True, slots=True)
class Granted:
    """It may be done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not; ``reason`` is a plain sentence that names nobody."""

    code: Code
    reason: str


Decision = Granted | Refused


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: who may do one thing."""

    verb: Verb
    roles: frozenset[Role]
    reach: Reach
    classes: frozenset[CustomerClass] = frozenset()
    """Classes of customers whose people may; empty for what only the gallery's own people do."""
    looks: bool = False
    """Whether it discloses something of somebody else's face: what a bar or an order's block forbids."""
    own: frozenset[Role] = frozenset()
    """Roles of the gallery's own people who may do for any customer what otherwise a customer does for itself."""
    suspended: bool = False
    """Whether a suspended customer may still do it: see what it holds, let go of it, end what it began."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Customers of these classes in this jurisdiction may not look; with ``purposes``, not for these."""

    classes: frozenset[CustomerClass]
    jurisdiction: str
    ground: str
    purposes: frozenset[str] | None = None


ANY = frozenset(CustomerClass)
ORGANISATIONS = ANY - {CustomerClass.SUBJECT}
_OPERATOR, _DPO, _REGULATOR = Role.OPERATOR, Role.DATA_PROTECTION_OFFICER, Role.REGULATOR


def _row(
    verb: Verb,
    reach: Reach,
    *roles: Role,
    to: frozenset[CustomerClass] = ANY,
    looks: bool = False,
    own: frozenset[Role] = frozenset(),
    suspended: bool = False,
) -> Row:
    classes = to if reach is Reach.CUSTOMER else frozenset()
    return Row(verb, frozenset(roles), reach, classes, looks, own, suspended)


_V, _G, _C, _S, _E = Verb, Reach.GALLERY, Reach.CUSTOMER, Reach.SELF, Reach.EVERYBODY
TABLE: tuple[Row, ...] = (
    _row(_V.CUSTOMER_REGISTER, _G, _OPERATOR),
    _row(_V.CUSTOMER_LIST, _G, _OPERATOR, _DPO, _REGULATOR),
    _row(_V.CUSTOMER_BLOCK, _G, _OPERATOR, _DPO),
    _row(_V.PERSON_ADD, _G, _OPERATOR),
    _row(_V.PERSON_CERTIFY, _G, _DPO),
    _row(_V.KEY_ISSUE, _G, _OPERATOR),
    _row(_V.KEY_REVOKE, _G, _OPERATOR, _DPO),
    _row(_V.COMPARTMENT_OPEN, _C, Role.ENROLLER, own=frozenset({_OPERATOR})),
    _row(_V.COMPARTMENT_LIST, _C, Role.ENROLLER, Role.INVESTIGATOR, own=frozenset({_OPERATOR}), suspended=True),
    _row(_V.COMPARTMENT_CLOSE, _C, Role.ENROLLER, own=frozenset({_OPERATOR}), suspended=True),
    _row(_V.SUBJECT_LIST, _C, Role.ENROLLER, suspended=True),
    _row(_V.SUBJECT_PERMIT, _C, Role.ENROLLER),
    _row(_V.SUBJECT_ENROL, _C, Role.ENROLLER),
    _row(_V.SUBJECT_WITHDRAW, _C, Role.ENROLLER, suspended=True),
    _row(_V.VERIFY, _C, Role.INVESTIGATOR, looks=True),
    _row(_V.CASE_OPEN, _C, Role.INVESTIGATOR, looks=True),
    _row(_V.CASE_LIST, _C, Role.INVESTIGATOR, Role.AUTHORISER, suspended=True),
    _row(_V.CASE_AUTHORISE, _C, Role.AUTHORISER, looks=True),
    _row(_V.CASE_CLOSE, _C, Role.INVESTIGATOR, Role.AUTHORISER, suspended=True),
    _row(_V.IDENTIFY, _C, Role.INVESTIGATOR, looks=True),
    _row(_V.REVIEW_ANSWER, _C, Role.REVIEWER, to=ORGANISATIONS, looks=True),
    _row(_V.REVIEW_MEASURE, _G, _DPO, _REGULATOR),
    _row(_V.RELEASE, _C, Role.INVESTIGATOR, looks=True),
    _row(_V.LEDGER_READ, _S, Role.SUBJECT),
    _row(_V.LEDGER_DELAY, _G, _DPO),
    _row(_V.ACCESS_OWN, _S, Role.SUBJECT),
    _row(_V.WITHDRAW_OWN, _S, Role.SUBJECT),
    _row(_V.RESIDENCY_READ, _G, _OPERATOR, _DPO, _REGULATOR),
    _row(_V.RESIDENCY_ADD, _G, _OPERATOR, _DPO),
    _row(_V.ORDER_READ, _G, _OPERATOR, _DPO, _REGULATOR),
    _row(_V.ORDER_CARRY_OUT, _G, _OPERATOR, _DPO),
    _row(_V.METRICS_READ, _G, _OPERATOR),
    _row(_V.REGISTER_READ, _E),
    _row(_V.LOG_READ, _E),
    _row(_V.LOG_AUDIT, _G, _OPERATOR, _DPO, _REGULATOR),
)
ROWS = {row.verb: row for row in TABLE}

RESERVED: dict[str, frozenset[CustomerClass]] = {
    "law-enforcement": frozenset({CustomerClass.FEDERAL_AGENCY, CustomerClass.POLICE}),
    "border-control": frozenset({CustomerClass.FEDERAL_AGENCY}),
    "missing-person": frozenset(
        {CustomerClass.FEDERAL_AGENCY, CustomerClass.POLICE, CustomerClass.PUBLIC_BODY, CustomerClass.CHARITY}
    ),
    "journalism": frozenset({CustomerClass.NEWSROOM}),
    "find-myself": frozenset({CustomerClass.SUBJECT}),
}
"""Purposes that only some classes may name, whatever their registration says."""

STANDING_BARS: tuple[Bar, ...] = (
    Bar(
        PRIVATE_CLASSES - {CustomerClass.SUBJECT},
        "US-IL",
        "private customers were barred by the consent order of May 2022 (from memory); here by default",
    ),
)
"""Bars that hold in every gallery. Orders and operators add theirs (oversight.customers)."""


def decide(
    who: Principal,
    verb: Verb,
    *,
    bars: Sequence[Bar] = (),
    customer_id: str | None = None,
    purpose: str | None = None,
    case_id: str | None = None,
) -> Decision:
    """Whether ``who`` may do ``verb``.

    ``customer_id`` is whose thing it is about, when it is about a customer's; ``purpose`` and ``case_id`` what is
    named. ``bars`` are those of this gallery; the standing ones are added.
    """
    row = ROWS[verb]
    if row.reach is Reach.EVERYBODY:
        return Granted()
    if who.verbs is not None and verb not in who.verbs:
        return Refused(Code.KEY_LIMITED, f"This key is not issued for “{verb}”.")
    if who.customer_id is None and who.roles & row.own:
        return Granted()
    if not who.roles & row.roles:
        return Refused(Code.ROLE, f"None of the asker's roles may do “{verb}”.")
    if row.reach is Reach.GALLERY:
        if who.customer_id is not None:
            return Refused(Code.NOT_THE_GALLERYS_OWN, f"Only the gallery's own people may do “{verb}”.")
        return Granted()
    if row.reach is Reach.SELF:
        if who.subject_id is None:
            return Refused(Code.NOT_HERSELF, f"Only a subject's own account may do “{verb}”.")
        return Granted()
    return _customers(who, row, [*STANDING_BARS, *bars], customer_id, purpose, case_id)


def _customers(
    who: Principal,
    row: Row,
    bars: Sequence[Bar],
    customer_id: str | None,
    purpose: str | None,
    case_id: str | None,
) -> Decision:
    if who.customer_id is None or who.customer_class is None or who.jurisdiction is None:
        return Refused(Code.NO_CUSTOMER, f"“{row.verb}” is done for a customer, and the asker belongs to none.")
    if not who.customer_active and not row.suspended:
        return Refused(Code.CUSTOMER_SUSPENDED, "The customer is suspended.")
    if who.customer_class not in row.classes:
        return Refused(Code.CLASS, f"Customers of the class {who.customer_class} may not do “{row.verb}”.")
    if customer_id is not None and customer_id != who.customer_id:
        return Refused(Code.OTHER_CUSTOMER, "There is nothing of that id here.")
    if (who.case_id is not None and case_id is not None and case_id != who.case_id) or (
        who.purpose is not None and purpose is not None and purpose != who.purpose
    ):
        return Refused(Code.KEY_BOUND, "This key is bound to another case or purpose.")
    if row.looks:
        bar = barring(who.customer_class, who.jurisdiction, bars, purpose)
        if bar is not None:
            return Refused(Code.BARRED, f"Customers of this class in {who.jurisdiction} are barred: {bar.ground}.")
    if purpose is not None:
        if purpose not in who.purposes:
            return Refused(Code.PURPOSE_NOT_ALLOWED, f"The customer is not registered for the purpose {purpose}.")
        if who.customer_class not in RESERVED.get(purpose, ANY):
            return Refused(Code.PURPOSE_RESERVED, f"The purpose {purpose} is reserved to other classes.")
    return Granted()


def barring(
    customer_class: CustomerClass, jurisdiction: str, bars: Sequence[Bar], purpose: str | None = None
) -> Bar | None:
    """The first bar that a customer comes under. One that may come under it does: doubt narrows disclosure."""
    where = place(jurisdiction)
    for bar in bars:
        named = bar.purposes is None or purpose is None or purpose in bar.purposes
        touches = overlap((where,), place(bar.jurisdiction)) is not Overlap.APART
        if customer_class in bar.classes and named and touches:
            return bar
    return None
