"""Error rates per group of the user's labels, in the words of NIST's reports on demographic effects.

Sources: Grother, Ngan and Hanaoka 2019, NISTIR 8280 ("false positive differentials", "false negative
differentials"); Grother 2022, NISTIR 8429 (summary measures over groups).

Rules kept here:

* Groups come from the labels alone. Nothing is ever inferred from a face.
* All groups are judged at one threshold, as one system would.
* Within-group FMR compares different people of the same group: strangers who look alike are the hard case.
* A ratio of rates is given only where the best rate is supported; its interval comes from drawing people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from countenance.recognition.candidates.evaluation.acquire import Acquired
from countenance.recognition.candidates.evaluation.intervals import MARGIN, Rate, draw_mean, draw_people, rate
from countenance.recognition.candidates.evaluation.scoring import AllPairs
from countenance.recognition.candidates.impostors import Floats, Integers


@dataclass(frozen=True, slots=True)
class Group:
    """One group's figures at the common threshold."""

    value: str
    people: int
    pictures: int
    fmr: Rate
    fnmr: Rate
    mean_quality: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """Worst over best group. ``None`` where a group's rate is not supported."""

    value: float | None
    low: float | None
    high: float | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Differentials:
    """One attribute: its groups, and the false positive and false negative differentials."""

    attribute: str
    threshold: float
    groups: tuple[Group, ...]
    false_positive: Ratio
    false_negative: Ratio
    people_without_group: int


def differentials(
    acquired: Acquired, pairs: AllPairs, threshold: float, rng: np.random.Generator
) -> tuple[Differentials, ...]:
    """One for every attribute in the labels; empty when the labels have no groups."""
    stated = [dict(acquired.labelled.pictures[int(k)].groups) for k in acquired.pictures]
    attributes = sorted({name for groups in stated for name in groups})
    drawn = draw_people(pairs.people, rng)
    return tuple(_one(attribute, stated, acquired, pairs, threshold, drawn) for attribute in attributes)


def _one(
    attribute: str,
    stated: list[dict[str, str]],
    acquired: Acquired,
    pairs: AllPairs,
    threshold: float,
    drawn: Floats,
) -> Differentials:
    # A person's group is the one stated for most of its pictures; ties take the first in the alphabet.
    votes: dict[int, dict[str, int]] = {}
    for row, labels in enumerate(stated):
        if attribute in labels:
            count = votes.setdefault(int(acquired.subjects[row]), {})
            count[labels[attribute]] = count.get(labels[attribute], 0) + 1
    group_of = {person: min(count, key=lambda v: (-count[v], v)) for person, count in votes.items()}
    values = sorted(set(group_of.values()))
    number = np.full(pairs.people, -1, np.int64)
    for person, value in group_of.items():
        number[person] = values.index(value)
    groups: list[Group] = []
    fmr_drawn: list[Floats] = []
    fnmr_drawn: list[Floats] = []
    for k, value in enumerate(values):
        members = number == k
        false_matches, of_fmr = _fmr(pairs, members, threshold, drawn)
        false_non_matches, of_fnmr = _fnmr(pairs, members, threshold, drawn)
        fmr_drawn.append(of_fmr)
        fnmr_drawn.append(of_fnmr)
        mine = members[acquired.subjects]
        quality = float(acquired.qualities[mine].mean())
        groups.append(Group(value, int(members.sum()), int(mine.sum()), false_matches, false_non_matches, quality))
    present = np.unique(acquired.subjects)
    return Differentials(
        attribute,
        threshold,
        tuple(groups),
        _ratio([g.fmr for g in groups], fmr_drawn, "false positive"),
        _ratio([g.fnmr for g in groups], fnmr_drawn, "false negative"),
        int((number[present] < 0).sum()),
    )


def _fmr(
    pairs: AllPairs, members: np.ndarray[tuple[int], np.dtype[np.bool_]], threshold: float, drawn: Floats
) -> tuple[Rate, Floats]:
    sample = pairs.non_mates
    pictures = np.bincount(pairs.subjects, minlength=pairs.people).astype(np.float64) * members
    both = members[sample.first] & members[sample.second] & (sample.scores >= threshold)
    first, second = sample.first[both], sample.second[both]
    trials = int((pictures.sum() ** 2 - (pictures**2).sum()) / 2)
    people = int((pictures > 0).sum())
    # d_i + d_j - 1 of every comparison, summed person by person.
    errors_of = np.bincount(first, minlength=pairs.people) + np.bincount(second, minlength=pairs.people)
    trials_of = pictures * (pictures.sum() - pictures)
    weight = np.maximum(drawn @ trials_of - trials, 1.0)
    values: Floats = np.clip((drawn @ errors_of - len(first)) / weight, 0.0, 1.0)
    couples = people * (people - 1) // 2
    what = "comparisons of different people of the group"
    return rate(len(first), trials, couples, "couples of people", what, values), values


def _fnmr(
    pairs: AllPairs, members: np.ndarray[tuple[int], np.dtype[np.bool_]], threshold: float, drawn: Floats
) -> tuple[Rate, Floats]:
    people: Integers = pairs.mate_people
    mine = members[people]
    failed = (pairs.mate_scores[mine] < threshold).astype(np.float64)
    units = len(np.unique(people[mine]))
    values = draw_mean(failed, people[mine], drawn) if units else np.zeros(0)
    what = "comparisons of one person of the group"
    return rate(int(failed.sum()), len(failed), units, "people", what, values), values


def _ratio(rates: list[Rate], drawn: list[Floats], kind: str) -> Ratio:
    values = [r.value for r in rates]
    known = [v for v in values if v is not None]
    if len(known) < 2 or len(known) < len(rates):
        sentence = f"The {kind} differential is not printed: not every group's rate is supported by its sample."
        return Ratio(None, None, None, sentence)
    worst, best = int(np.argmax(known)), int(np.argmin(known))
    length = min(len(drawn[worst]), len(drawn[best]))
    low_rate = drawn[best][:length]
    ratios = np.where(low_rate > 0, drawn[worst][:length] / np.maximum(low_rate, 1e-15), np.inf)
    low, high = (float(q) for q in np.quantile(ratios, [MARGIN, 1 - MARGIN], method="nearest"))
    value = known[worst] / known[best]
    top = f"{high:.1f}" if np.isfinite(high) else "no upper bound"
    verdict = "may be chance" if low <= 1 else "is more than chance"
    sentence = f"Worst over best group: {value:.1f} (95% interval {low:.1f} to {top}); the difference {verdict}."
    return Ratio(value, low, high if np.isfinite(high) else None, sentence)
