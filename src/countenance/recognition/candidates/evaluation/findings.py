"""What is odd about the labels themselves: duplicates under two names, likely mislabels, one person twice.

Rules kept here: findings are reported and never acted upon; the labels stay as the user gave them, and the
figures are computed with them. A finding names pictures, says what was seen, and what it may mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from countenance.recognition.candidates.evaluation.acquire import Acquired
from countenance.recognition.candidates.evaluation.scoring import AllPairs

SAME_PICTURE = 0.98
"""Correlation of two 16 x 16 thumbnails above which two aligned faces are taken for one photograph."""
MARGIN = 0.10
"""A picture is a likely mislabel when it is this much closer to somebody else than to its own label."""
MOST = 200
"""Findings of one kind that are listed; the count is always given in full."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``kind``: duplicate, same_person, mislabel, unreadable, no_face."""

    kind: str
    pictures: tuple[str, ...]
    sentence: str

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {"kind": self.kind, "pictures": list(self.pictures), "sentence": self.sentence}


def look_for(acquired: Acquired, pairs: AllPairs) -> tuple[Finding, ...]:
    """All findings."""
    found = _unread(acquired)
    threshold = _halfway(pairs)
    duplicates, twins = _duplicates(acquired, pairs)
    found += duplicates
    couples, members = _one_person_twice(acquired, pairs, threshold)
    found += couples
    found += _mislabels(acquired, pairs, threshold, leave_out=members | twins)
    return tuple(found)


def _halfway(pairs: AllPairs) -> float:
    """The score halfway between one person's pictures and two people's: wrong labels hardly move a median."""
    if len(pairs.mate_scores) == 0 or pairs.non_mates.comparisons == 0:
        return 1.0
    return (float(np.median(pairs.mate_scores)) + pairs.non_mates.mean) / 2


def _unread(acquired: Acquired) -> list[Finding]:
    return [
        Finding(
            "no_face" if failure.code == "no_face" else "unreadable",
            (acquired.picture_name(failure.picture),),
            f"{acquired.picture_name(failure.picture)}: {failure.sentence}",
        )
        for failure in acquired.failures
    ]


def _duplicates(acquired: Acquired, pairs: AllPairs) -> tuple[list[Finding], set[int]]:
    """The same picture under two names, by its bytes or by how the aligned faces look."""
    found: dict[tuple[int, int], str] = {}
    by_bytes: dict[str, list[int]] = {}
    for row, digest in enumerate(acquired.digests):
        by_bytes.setdefault(digest, []).append(row)
    for rows in by_bytes.values():
        for other in rows[1:]:
            if acquired.subjects[rows[0]] != acquired.subjects[other]:
                found[rows[0], other] = "the same file"
    high = np.nonzero(pairs.non_mates.scores > 0.9)[0][:100_000]
    first, second = pairs.non_mate_first[high], pairs.non_mate_second[high]
    alike = (acquired.thumbnails[first] * acquired.thumbnails[second]).sum(axis=1) > SAME_PICTURE
    for a, b in zip(first[alike], second[alike], strict=True):
        found.setdefault((int(min(a, b)), int(max(a, b))), "the same photograph")
    findings = []
    for (a, b), how in sorted(found.items()):
        one, two = (f"{acquired.name(row)} ({acquired.people[acquired.subjects[row]]})" for row in (a, b))
        sentence = f"{one} and {two} are {how} under two names. It counts as a false match, and raises thresholds."
        findings.append(Finding("duplicate", (acquired.name(a), acquired.name(b)), sentence))
    return findings, {row for couple in found for row in couple}


def _one_person_twice(acquired: Acquired, pairs: AllPairs, threshold: float) -> tuple[list[Finding], set[int]]:
    """Two labels whose pictures match each other throughout: one person under two names, or twins."""
    counts = np.bincount(acquired.subjects, minlength=pairs.people)
    sample = pairs.non_mates
    high = sample.scores >= threshold
    low_name = np.minimum(sample.first[high], sample.second[high])
    high_name = np.maximum(sample.first[high], sample.second[high])
    couples, matched = np.unique(low_name * pairs.people + high_name, return_counts=True)
    findings: list[Finding] = []
    members: set[int] = set()
    for couple, count in zip(couples, matched, strict=True):
        a, b = divmod(int(couple), pairs.people)
        if count > 0.5 * counts[a] * counts[b] and min(counts[a], counts[b]) >= 2:
            names = acquired.people[a], acquired.people[b]
            findings.append(
                Finding(
                    "same_person",
                    names,
                    f"{names[0]} and {names[1]} match in {count} of {counts[a] * counts[b]} comparisons:"
                    " one person under two names, or very alike.",
                )
            )
            members |= set(np.nonzero(np.isin(acquired.subjects, [a, b]))[0].tolist())
    return findings, members


def _mislabels(acquired: Acquired, pairs: AllPairs, threshold: float, *, leave_out: set[int]) -> list[Finding]:
    findings: list[Finding] = []
    by_person = {p: np.nonzero(acquired.subjects == p)[0] for p in np.unique(acquired.subjects)}
    for row in np.nonzero(pairs.best_other >= threshold)[0]:
        if int(row) in leave_out:
            continue
        own = int(acquired.subjects[row])
        other = int(acquired.subjects[pairs.best_other_picture[row]])
        mates = by_person[own][by_person[own] != row]
        to_other = float((acquired.templates[by_person[other]] @ acquired.templates[row]).mean())
        to_own = float((acquired.templates[mates] @ acquired.templates[row]).mean()) if len(mates) else -1.0
        if to_other >= threshold and to_other > to_own + MARGIN:
            name, label, better = acquired.name(int(row)), acquired.people[own], acquired.people[other]
            why = f"scores {to_other:.2f} with {better}" + (
                f" and {to_own:.2f} with {label}" if len(mates) else f"; {label} has no other picture"
            )
            findings.append(
                Finding("mislabel", (name,), f"{name} is labelled {label} but {why}: perhaps mislabelled.")
            )
    return findings
