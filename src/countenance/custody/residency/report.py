"""Counts for a plan: how many subjects an order takes in, on what grounds, and how many by doubt alone.

Rules kept here: every decision and every tier has a line, also when nobody is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from countenance.custody.residency.decision import Decision, Judgement
from countenance.custody.residency.evidence import Tier


@dataclass(frozen=True, slots=True)
class Counts:
    """How many subjects stand where."""

    by_decision: tuple[tuple[Decision, int], ...]
    by_best_tier: tuple[tuple[Tier | None, int], ...]
    """Subjects inside, by the best tier that their decision rests on; None for no evidence at all."""
    by_doubt_alone: int

    @property
    def total(self) -> int:
        """All subjects that were judged."""
        return sum(count for _, count in self.by_decision)

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "by_decision": {decision.value: count for decision, count in self.by_decision},
            "by_best_tier": {"none" if tier is None else tier.value: n for tier, n in self.by_best_tier},
            "by_doubt_alone": self.by_doubt_alone,
            "total": self.total,
        }


def counts(judgements: Iterable[Judgement]) -> Counts:
    """The counts over ``judgements``, one for each subject."""
    return counted((judgement, 1) for judgement in judgements)


def counted(judgements: Iterable[tuple[Judgement, int]]) -> Counts:
    """The counts over judgements, each with the number of subjects that it is about."""
    decisions = dict.fromkeys(Decision, 0)
    tiers: dict[Tier | None, int] = dict.fromkeys([*Tier, None], 0)
    doubt = 0
    for judgement, number in judgements:
        decisions[judgement.decision] += number
        if judgement.inside:
            tiers[min(judgement.tiers, default=None)] += number
        doubt += number * judgement.by_doubt_alone
    return Counts(tuple(decisions.items()), tuple(tiers.items()), doubt)
