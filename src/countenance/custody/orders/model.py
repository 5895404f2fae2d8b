"""An order as its authority wrote it: frozen, free of any state, the same today and in ten years.

Rules kept here: an order says nothing about how far it has been carried out (see states.py); amounts are exact
decimals; every list that could hold an order of things is a tuple in the authority's own order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from countenance.custody.orders.periods import LastDay, Offset
from countenance.custody.residency.decision import Decision
from countenance.custody.residency.places import Place
from countenance.custody.residency.scope import Scope, is_about_customers


class Verb(StrEnum):
    """What an order can demand."""

    ERASE = "erase"
    CEASE_COLLECT = "cease_collect"
    CEASE_PROCESS = "cease_process"
    CEASE_OFFER = "cease_offer"
    BLOCK_CUSTOMER_CLASS = "block_customer_class"
    ANSWER_ACCESS = "answer_access"
    INFORM = "inform"
    RECTIFY = "rectify"
    RESTRICT = "restrict"
    PROVE_COMPLIANCE = "prove_compliance"
    DPIA_BEFORE_RESUME = "dpia_before_resume"


CUSTOMER_VERBS = frozenset({Verb.CEASE_OFFER, Verb.BLOCK_CUSTOMER_CLASS})
NEUTRAL_VERBS = frozenset({Verb.INFORM, Verb.PROVE_COMPLIANCE, Verb.DPIA_BEFORE_RESUME})
"""Verbs that may be about customers or subjects."""
DISCLOSING_VERBS = frozenset({Verb.ANSWER_ACCESS, Verb.INFORM})


class Reached(StrEnum):
    """The artefacts that an order can reach."""

    IMAGE = "image"
    TEMPLATE = "template"
    METADATA = "metadata"
    PROBE = "probe"
    RESULT = "result"
    INDEX = "index"
    BACKUP = "backup"


class Anchor(StrEnum):
    """The event that a period is counted from."""

    SERVED = "served"
    APPEAL_EXPIRY = "appeal_expiry"
    """The last day on which an appeal may be lodged, whether or not one is."""
    FINAL = "final"
    """The day an appeal was disposed of; without an appeal, the last day on which one could be lodged."""
    DATE = "date"
    """A fixed day that the instrument names."""


class Doubt(StrEnum):
    """Who is inside when the evidence does not settle it."""

    WIDENS = "widens"
    """Everybody who is not shown to be out. The rule unless the instrument itself says less."""
    EVIDENCED = "evidenced"
    """Those for whom some signal speaks. Needs the words of the instrument as its ground."""


class EvidenceKind(StrEnum):
    """What can show that an obligation was met."""

    HOLDER_CONFIRMATIONS = "holder_confirmations"
    CERTIFICATE = "certificate"
    STATEMENT = "statement"
    LOG_EXTRACT = "log_extract"
    NOTICE_RECORD = "notice_record"
    ASSESSMENT = "assessment"
    APPOINTMENT = "appointment"


class Per(StrEnum):
    """The period for which a penalty's rate is due. A period that has begun counts whole."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class FixedDue(StrEnum):
    """When a fixed penalty falls due."""

    ON_SERVICE = "on_service"
    ON_BREACH = "on_breach"


class Ground(StrEnum):
    """What a statement in the order file rests on."""

    SOURCE = "source"
    ASSUMPTION = "assumption"


@dataclass(frozen=True, slots=True)
class Authority:
    """Who ordered it. ``key_id`` is the SHA-256 of its raw Ed25519 public key, hex."""

    name: str
    jurisdiction: Place
    key_id: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """A paper: the order itself, a judgment, a notice of appeal. ``sha256`` is hex, of the file as received."""

    title: str
    reference: str
    issued: date
    sha256: str


@dataclass(frozen=True, slots=True)
class Service:
    """How and when the respondent received the order."""

    at: datetime
    how: str


@dataclass(frozen=True, slots=True)
class Standard:
    """The standard of proof that the instrument sets, in its words, and what doubt means."""

    text: str
    doubt: Doubt
    ground: str | None
    """The instrument's words that limit it to ``evidenced``; None for ``widens``."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day on which an obligation can be met in time."""

    anchor: Anchor
    fixed_day: date | None
    """Only with the anchor ``date``."""
    offset: Offset | None
    """Only with the other anchors."""
    time_zone: str
    last_day: LastDay
    holidays: frozenset[date]


@dataclass(frozen=True, slots=True)
class EvidenceNeed:
    """One thing to show for an obligation."""

    kind: EvidenceKind
    what: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """One duty."""

    id: str
    verb: Verb
    text: str
    depends_on: tuple[str, ...]
    """Obligations to be met first."""
    deadline: Deadline | None
    """None for a standing duty or a condition."""
    evidence: tuple[EvidenceNeed, ...]
    scope: Scope | None
    """None for the order's own scope; needed when the verb is about customers and the order's scope is not."""


@dataclass(frozen=True, slots=True)
class Appeal:
    """The right to appeal: where, how long from service, and whether lodging one suspends the order."""

    body: str
    period: Offset
    time_zone: str
    last_day: LastDay
    holidays: frozenset[date]
    suspensive: bool


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount, never negative, in an ISO 4217 currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Penalty:
    """What it costs not to comply with ``secures``; everything in one currency."""

    secures: tuple[str, ...]
    """Obligation ids."""
    fixed: Money | None
    fixed_due: FixedDue
    rate: Money | None
    per: Per
    grace: Offset | None
    """Time after the deadline in which no rate is due."""
    cap: Money | None
    """The most that fixed and rate can come to together; None for no limit."""

    @property
    def currency(self) -> str:
        """The one currency of this penalty."""
        money = self.fixed if self.fixed is not None else self.rate
        return "XXX" if money is None else money.currency


@dataclass(frozen=True, slots=True)
class Note:
    """What one statement of the file rests on: a source, or an assumption marked as such."""

    about: str
    ground: Ground
    text: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order, as its authority wrote and signed it."""

    id: str
    revision: int
    """1 for the first; a variation by the same authority has the next number."""
    title: str
    authority: Authority
    respondent: str
    legal_basis: str
    instrument: Instrument
    service: Service
    scope: Scope
    artefacts: tuple[Reached, ...]
    standard: Standard
    obligations: tuple[Obligation, ...]
    appeal: Appeal | None
    penalties: tuple[Penalty, ...]
    ends: Deadline | None
    """When the order itself runs out; None for never."""
    notes: tuple[Note, ...]

    def obligation(self, id_: str) -> Obligation | None:
        """The obligation with that id, or None."""
        return next((o for o in self.obligations if o.id == id_), None)

    def scope_of(self, obligation: Obligation) -> Scope:
        """Whom ``obligation`` is about."""
        return self.scope if obligation.scope is None else obligation.scope

    @property
    def protective_scopes(self) -> tuple[Scope, ...]:
        """The scopes of subjects whom an obligation of this order protects; empty when all are about customers."""
        scopes = [self.scope_of(o) for o in self.obligations if o.verb not in DISCLOSING_VERBS]
        return tuple(dict.fromkeys(scope for scope in scopes if not is_about_customers(scope)))

    def protects(self, decision: Decision) -> bool:
        """True when a subject with this ``decision`` is inside for what protects it. Doubt widens."""
        if self.standard.doubt is Doubt.EVIDENCED:
            return decision in (Decision.IN, Decision.POSSIBLE)
        return decision is not Decision.OUT

    def reaches(self, decision: Decision, verb: Verb) -> bool:
        """True when a subject with this ``decision`` is inside for an obligation with this ``verb``.

        Doubt widens protection and narrows disclosure: only ``in`` is inside for a verb that discloses.
        """
        return decision is Decision.IN if verb in DISCLOSING_VERBS else self.protects(decision)
