"""Who takes part: classes of customers, roles of people, and the one who asks.

Rules kept here: words only, no rules; what a class or a role may do is said in oversight.policy and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from countenance.custody.residency import scope
from countenance.terms import CompartmentId, SubjectId


class CustomerClass(StrEnum):
    """What kind of organisation, or person, a customer is."""

    FEDERAL_AGENCY = "federal_agency"
    POLICE = "police"
    PUBLIC_BODY = "public_body"
    BUSINESS = "business"
    CHARITY = "charity"
    NEWSROOM = "newsroom"
    SUBJECT = "subject"
    """The subject herself, who looks for her own face."""


PUBLIC_CLASSES = frozenset({CustomerClass.FEDERAL_AGENCY, CustomerClass.POLICE, CustomerClass.PUBLIC_BODY})
PRIVATE_CLASSES = frozenset(CustomerClass) - PUBLIC_CLASSES

ORDERED_CLASSES = {
    scope.CustomerClass.ANY: frozenset(CustomerClass),
    scope.CustomerClass.PRIVATE: PRIVATE_CLASSES,
    scope.CustomerClass.PUBLIC_AUTHORITY: PUBLIC_CLASSES,
}
"""Which customers the three classes that orders tell apart take in."""


class LegalBasis(StrEnum):
    """What a customer, or a case, rests on. A word and not a text: the register publishes it."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"
    LAW_ENFORCEMENT = "law_enforcement"
    JOURNALISM = "journalism"
    OWN_DATA = "own_data"


class Role(StrEnum):
    """What a person does here. One person may have several; the policy keeps apart what must not meet."""

    OPERATOR = "operator"
    ENROLLER = "enroller"
    INVESTIGATOR = "investigator"
    AUTHORISER = "authoriser"
    REVIEWER = "reviewer"
    DATA_PROTECTION_OFFICER = "data_protection_officer"
    REGULATOR = "regulator"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever asks, as the records say at this moment. Made anew for every question, so that what was revoked,
    blocked or switched off a second ago counts."""

    actor: str
    """Id of the person or account, or of the key when nobody stands behind it; ``machine`` for the operator at
    the gallery's own command line."""
    roles: frozenset[Role]
    credential: str | None = None
    """Id of the key or session that was shown; None for ``machine``."""
    customer_id: str | None = None
    """None for the gallery's own people."""
    customer_class: CustomerClass | None = None
    jurisdiction: str | None = None
    purposes: frozenset[str] = frozenset()
    """Purposes that its customer may name."""
    customer_active: bool = True
    verbs: frozenset[str] | None = None
    """What the key is limited to; None when its roles alone say it."""
    purpose: str | None = None
    """The one purpose that the key is bound to."""
    collection: str | None = None
    """Name of the compartment that the key is bound to; legacy clients call it a collection."""
    compartment: CompartmentId | None = None
    """Number of that compartment; -1 for a binding to one that is no longer there, with which nothing is seen."""
    case_id: str | None = None
    """The one case that the key is bound to."""
    subject_id: SubjectId | None = None
    """The subject whose own account this is."""
    competent: bool = False
    """Whether a certificate of competence as a reviewer is in force."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer: who you are, and what you are bound to."""
        return {
            "actor": self.actor,
            "roles": sorted(self.roles),
            "customer": self.customer_id,
            "class": self.customer_class,
            "jurisdiction": self.jurisdiction,
            "purposes": sorted(self.purposes),
            "verbs": None if self.verbs is None else sorted(self.verbs),
            "purpose": self.purpose,
            "collection": self.collection,
            "case": self.case_id,
        }


MACHINE = Principal("machine", frozenset({Role.OPERATOR}))
"""Whoever can open the key folder at the command line; the operating system says who that is."""
