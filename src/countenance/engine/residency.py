"""What a person may do with evidence of residence: ``gallery.residency``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from countenance.clock import Clock
from countenance.custody.erasure.execution import Execution
from countenance.custody.permission.ledger import Ledger
from countenance.custody.residency.decision import Judgement
from countenance.custody.residency.evidence import EVIDENCED_PREDICATES, SIGNALS, Evidence, Predicate
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.register import Register, parse_signal
from countenance.errors import EvidenceInvalid
from countenance.terms import GALLERYS_OWN, CompartmentId, SubjectId


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a subject stands to one place, and what would change it."""

    predicate: Predicate
    place: str
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class ResidencyReport:
    """What is told of a subject's residence, and what follows from it on a day."""

    subject: str
    on: date
    evidence: tuple[Evidence, ...]
    stands: tuple[Stand, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "subject": self.subject,
            "on": self.on.isoformat(),
            "evidence": [one.to_document() for one in self.evidence],
            "decisions": [
                {
                    "predicate": one.predicate.value,
                    "place": one.place,
                    "decision": one.judgement.decision.value,
                    "tiers": sorted(tier.value for tier in one.judgement.tiers),
                    "evidence": list(one.judgement.evidence_ids),
                    "would_change": list(one.judgement.would_change),
                }
                for one in self.stands
            ],
        }


class Residency:
    """Evidence about where the subjects of one gallery live."""

    def __init__(self, register: Register, ledger: Ledger, execution: Execution, clock: Clock) -> None:
        self._register = register
        self._ledger = ledger
        self._execution = execution
        self._clock = clock

    def show(
        self, subject: str, *, places: Sequence[str] = (), compartment: CompartmentId = GALLERYS_OWN
    ) -> ResidencyReport:
        """Evidence, tiers, decision for every place told (and ``places``), and what would change it.

        Raises SubjectUnknown, PlaceUnknown.
        """
        row = self._ledger.find(subject, compartment)
        evidence = tuple(self._register.of(row))
        on = self._clock.now().date()
        told = {(one.predicate, place.code) for one in evidence for place in one.value}
        told |= {(Predicate.RESIDENT_OF, code) for code in places}
        stands = tuple(
            Stand(predicate, code, self._register.decide(evidence, predicate, code, on))
            for predicate, code in sorted(told)
        )
        return ResidencyReport(self._ledger.name(row), on, evidence, stands)

    def number(self, subject: str, compartment: CompartmentId = GALLERYS_OWN) -> SubjectId:
        """A subject's number, for whoever keeps something about her that has to go with her. It is not told.

        Raises SubjectUnknown.
        """
        return self._ledger.find(subject, compartment).subject_id

    def add(
        self,
        subject: str,
        *,
        predicate: str,
        value: Sequence[str],
        source: str,
        tier: str | None = None,
        signal: str = "",
        since: date | None = None,
        until: date | None = None,
        image_id: str | None = None,
        contradicts: Sequence[str] = (),
        compartment: CompartmentId = GALLERYS_OWN,
    ) -> Evidence:
        """Record evidence. ``signal`` says what it is (``declaration``, ...), or ``tier`` how strong it is.

        Whoever comes under a freezing order by it is held back at once.
        Raises SubjectUnknown, EvidenceInvalid, PlaceUnknown, PermissionRefused; then nothing was recorded.
        """
        known = {one.value for one in EVIDENCED_PREDICATES}
        if predicate not in known:
            raise EvidenceInvalid(f"Evidence speaks of one of {', '.join(sorted(known))}, not of {predicate!r}.")
        if since is not None and until is not None and until < since:
            raise EvidenceInvalid("The evidence would end before it begins.")
        named = parse_signal(signal, tier)
        strength = SIGNALS[named].tier.value
        if tier is not None and strength != tier.upper():
            raise EvidenceInvalid(f"Evidence by {named.value} has tier {strength}, not {tier}.")
        owner = self._ledger.find(subject, compartment)
        evidence = self._register.add(
            owner,
            predicate=Predicate(predicate),
            value=value,
            signal=named,
            valid=Interval(since, until),
            source=source,
            extractor="operator",
            extractor_version="1",
            image_id=image_id,
            contradicts=contradicts,
        )
        self._execution.settle_newcomers([owner.subject_id])
        return evidence
