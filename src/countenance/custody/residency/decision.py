"""The decision rule: is this subject inside a scope? Doubt widens (docs/adr/0008-doubt.md).

Rules kept here:

* ``in`` > ``possible`` > ``unknown`` > ``out``. *Any* takes the highest of its parts, *all* the lowest, and only
  ``out`` is outside a protective order; so widening the evidence of one part never moves a subject outside.
* ``out`` needs tier A for every day that the scope asks about, and no signal to the contrary.
* One image in scope brings in the subject. Predicates about images must hold of the *same* image.
* Every decision names the evidence it rests on and what would change it. No new data is gathered for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

from countenance.custody.residency.evidence import (
    IMAGE_PREDICATES,
    SUBJECT_PREDICATES,
    Evidence,
    Predicate,
    Tier,
)
from countenance.custody.residency.intervals import Interval, covers
from countenance.custody.residency.places import Overlap, Place, overlap
from countenance.custody.residency.scope import (
    AllOf,
    AnyOf,
    Customers,
    InPlace,
    Named,
    Scope,
    comparable_name,
    leaves,
)
from countenance.errors import ScopeMixed
from countenance.terms import SubjectId


class Decision(StrEnum):
    """Where a subject stands to a scope."""

    IN = "in"
    POSSIBLE = "possible"
    UNKNOWN = "unknown"
    OUT = "out"


_HEIGHT = {Decision.OUT: 0, Decision.UNKNOWN: 1, Decision.POSSIBLE: 2, Decision.IN: 3}


class _Weight(IntEnum):
    NOTHING = 0
    HINT = 1
    PROOF = 2


@dataclass(frozen=True, slots=True)
class Facts:
    """What is on record about one subject. ``image_ids`` lists every image held, with evidence or without."""

    subject_id: SubjectId
    names: frozenset[str]
    """Every name by which the gallery knows the subject; empty when unknown."""
    image_ids: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision with its grounds."""

    decision: Decision
    tiers: frozenset[Tier]
    evidence_ids: tuple[str, ...]
    """What the decision rests on, sorted; empty when it rests on a lack of evidence."""
    would_change: tuple[str, ...]
    """Plain sentences: what would move the subject in or out. They name no evidence, so that subjects of whom the
    same is known can share them."""

    @property
    def inside(self) -> bool:
        """True when a protective order reaches the subject."""
        return self.decision is not Decision.OUT

    @property
    def by_doubt_alone(self) -> bool:
        """True when only doubt brings the subject in."""
        return self.decision in (Decision.POSSIBLE, Decision.UNKNOWN)


def evaluate(scope: Scope, facts: Facts, *, on: date) -> Judgement:
    """Where the subject of ``facts`` stands to ``scope`` on the day ``on``.

    Raises ScopeMixed when ``scope`` is about customers.
    """
    by_image = any(isinstance(leaf, InPlace) and leaf.predicate in IMAGE_PREDICATES for leaf in leaves(scope))
    if not by_image:
        return _tree(scope, facts, None, on)
    if not facts.image_ids:
        return _tree(scope, facts, "", on)
    return either([_tree(scope, facts, image_id, on) for image_id in facts.image_ids])


def both(judgements: Sequence[Judgement]) -> Judgement:
    """*All* of several judgements: the lowest decision."""
    lowest = min(_HEIGHT[j.decision] for j in judgements)
    if lowest == _HEIGHT[Decision.OUT]:
        return _joined([j for j in judgements if j.decision is Decision.OUT], Decision.OUT)
    return _joined(judgements, next(d for d, height in _HEIGHT.items() if height == lowest))


def either(judgements: Sequence[Judgement]) -> Judgement:
    """*Any* of several judgements: the highest decision."""
    highest = max(_HEIGHT[j.decision] for j in judgements)
    bearing = [j for j in judgements if _HEIGHT[j.decision] == highest]
    return _joined(bearing, bearing[0].decision)


def _joined(judgements: Sequence[Judgement], decision: Decision) -> Judgement:
    return Judgement(
        decision,
        frozenset(tier for j in judgements for tier in j.tiers),
        tuple(sorted({id_ for j in judgements for id_ in j.evidence_ids})),
        tuple(dict.fromkeys(text for j in judgements for text in j.would_change)),
    )


def _tree(scope: Scope, facts: Facts, image_id: str | None, on: date) -> Judgement:
    match scope:
        case AllOf(parts):
            return both([_tree(part, facts, image_id, on) for part in parts])
        case AnyOf(parts):
            return either([_tree(part, facts, image_id, on) for part in parts])
        case Named():
            return _named(scope, facts)
        case InPlace(predicate=predicate, place=place, when=when):
            about = [e for e in facts.evidence if _speaks_of(e, facts, predicate, image_id)]
            contradicted = frozenset(id_ for e in facts.evidence for id_ in e.contradicts)
            return decide(predicate, place, when.resolve(on), about, contradicted)
        case Customers():
            raise ScopeMixed("A scope of customers cannot be evaluated on a subject.")


def _speaks_of(evidence: Evidence, facts: Facts, predicate: Predicate, image_id: str | None) -> bool:
    if evidence.subject_id != facts.subject_id:
        return False
    if predicate in IMAGE_PREDICATES:
        return evidence.image_id == image_id
    return True


def _named(leaf: Named, facts: Facts) -> Judgement:
    if not facts.names:
        return Judgement(Decision.UNKNOWN, frozenset(), (), ("A name on record for this subject.",))
    same = leaf.key in {comparable_name(name) for name in facts.names}
    return Judgement(Decision.IN if same else Decision.OUT, frozenset(), (), ())


def decide(
    predicate: Predicate,
    place: Place,
    during: Interval,
    evidence: Sequence[Evidence],
    contradicted: frozenset[str] = frozenset(),
) -> Judgement:
    """Whether ``predicate`` holds in ``place`` on any day of ``during``, going by ``evidence`` about one bearer.

    ``contradicted`` holds the ids of evidence that other evidence says cannot be true; it denies nothing.

    A proof makes ``in``; else a hint makes ``possible``; else denials of tier A on every day make ``out``;
    else nobody knows.
    """
    if place.is_world:
        return Judgement(Decision.IN, frozenset(), (), ())
    timely = [e for e in evidence if e.valid.overlaps(during)]
    weights = [(e, _weight(e, predicate, place)) for e in timely]
    best = max((weight for _, weight in weights), default=_Weight.NOTHING)
    what = f"{predicate.value} {place.code} {_days(during)}"
    if best is not _Weight.NOTHING:
        bearing = [e for e, weight in weights if weight is best]
        if best is _Weight.PROOF:
            return _rests_on(bearing, Decision.IN, f"Showing that what says {what} is wrong.")
        return _rests_on(
            bearing,
            Decision.POSSIBLE,
            f"Tier A or B evidence for {what} would make it in.",
            "It stays inside as long as what hints at it stands: a hint is enough to protect, not to exclude.",
        )
    denials = [e for e in timely if _denies(e, predicate, place)]
    standing = [e for e in denials if e.id not in contradicted]
    if covers((e.valid for e in standing), during):
        return _rests_on(standing, Decision.OUT, f"Any signal for {what} would bring the subject in.")
    why = (
        "is contradicted"
        if denials and not standing
        else "is missing for some of these days"
        if denials
        else "is missing"
    )
    return _rests_on((), Decision.UNKNOWN, f"Tier A evidence against {what} {why}; it would make it out.")


def _rests_on(evidence: Sequence[Evidence], decision: Decision, *would_change: str) -> Judgement:
    return Judgement(
        decision, frozenset(e.tier for e in evidence), tuple(sorted(e.id for e in evidence)), would_change
    )


_CARRIES: dict[Predicate, frozenset[Predicate]] = {
    # Evidence of these other predicates counts too. A residence or a dated position is proof of presence; each
    # of the others is only a hint.
    Predicate.RESIDENT_OF: frozenset({Predicate.PRESENT_IN, *IMAGE_PREDICATES}),
    Predicate.PRESENT_IN: frozenset({Predicate.RESIDENT_OF, *IMAGE_PREDICATES}),
    Predicate.IMAGE_LOCATED_IN: frozenset({Predicate.PRESENT_IN, Predicate.IMAGE_UPLOADED_IN}),
    Predicate.IMAGE_UPLOADED_IN: frozenset({Predicate.IMAGE_LOCATED_IN}),
    Predicate.COLLECTED_FROM_SERVER_IN: frozenset(),
}
_PROOF_OF_PRESENCE = {
    Predicate.RESIDENT_OF: frozenset({Tier.A, Tier.B}),
    Predicate.IMAGE_LOCATED_IN: frozenset({Tier.A, Tier.B, Tier.C}),
}


def _weight(evidence: Evidence, predicate: Predicate, place: Place) -> _Weight:
    lies = overlap(evidence.value, place)
    if lies is Overlap.APART:
        return _Weight.NOTHING
    if evidence.predicate is predicate:
        # Tier C is weak for residence (a holiday), tier D is a hint for everything.
        weak = evidence.tier is Tier.D or (evidence.tier is Tier.C and predicate is Predicate.RESIDENT_OF)
    elif evidence.predicate in _CARRIES[predicate]:
        proof = _PROOF_OF_PRESENCE.get(evidence.predicate, frozenset())
        weak = predicate is not Predicate.PRESENT_IN or evidence.tier not in proof
    else:
        return _Weight.NOTHING
    return _Weight.HINT if weak or lies is Overlap.PARTLY else _Weight.PROOF


def _denies(evidence: Evidence, predicate: Predicate, place: Place) -> bool:
    if evidence.tier is not Tier.A or overlap(evidence.value, place) is not Overlap.APART:
        return False
    if predicate is Predicate.PRESENT_IN:
        return evidence.predicate in SUBJECT_PREDICATES
    return evidence.predicate is predicate


def _days(interval: Interval) -> str:
    if interval.start is not None and interval.start == interval.end:
        return f"on {interval.start}"
    start = "ever" if interval.start is None else f"from {interval.start}"
    return start if interval.end is None else f"{start} to {interval.end}"
