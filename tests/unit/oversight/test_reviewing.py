"""Two people must agree; a reviewer who says yes to everything is found out; and the register suppresses."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.galleries import START

from countenance.oversight.register import SMALLEST, drawn_up, suppressed
from countenance.oversight.reviewing import (
    CONTROLS_FORGIVEN,
    Answer,
    ItemState,
    Measured,
    controls_wanted,
    found_out,
    outcome,
)
from countenance.store.reviews import TallyRow

SAME, DIFFERENT, UNSURE = Answer.SAME, Answer.DIFFERENT, Answer.CANNOT_TELL


@pytest.mark.parametrize(
    ("answers", "after"),
    [
        ([], ItemState.OPEN),
        ([SAME], ItemState.OPEN),
        ([SAME, SAME], ItemState.CONFIRMED),
        ([SAME, DIFFERENT], ItemState.DISAGREED),
        ([UNSURE, SAME], ItemState.DISAGREED),
        ([DIFFERENT, DIFFERENT], ItemState.REJECTED),
        ([DIFFERENT, UNSURE], ItemState.REJECTED),
        ([SAME, DIFFERENT, SAME], ItemState.DISAGREED),
    ],
    ids=["nobody", "one", "both", "no", "unsure", "both no", "neither yes", "a third cannot heal it"],
)
def test_only_two_yeses_confirm(answers: list[Answer], after: ItemState) -> None:
    assert outcome(answers) is after


def test_one_confirmed_non_mate_is_forgiven_and_the_next_is_not() -> None:
    assert not found_out(TallyRow("r", controls=9, controls_confirmed=CONTROLS_FORGIVEN))
    assert found_out(TallyRow("r", controls=9, controls_confirmed=CONTROLS_FORGIVEN + 1))


def test_every_face_with_candidates_has_a_non_mate_among_them() -> None:
    assert [controls_wanted(n) for n in (0, 1, 4, 8, 40)] == [0, 1, 1, 2, 10]


def test_agreement_and_speed_are_shares_and_seconds() -> None:
    said = Measured(TallyRow("r", 4, 10_000, agreed=3, disagreed=1, controls=2), True).as_dict()
    assert (said["agreement"], said["mean_seconds"], said["non_mates_shown"]) == (0.75, 2.5, 2)
    nothing = Measured(TallyRow("r"), True)
    assert (nothing.agreement, nothing.seconds) == (None, None)


@pytest.mark.parametrize("count", range(SMALLEST + 2))
def test_no_count_below_five_is_published(count: int) -> None:
    assert suppressed(count) == (count if count >= 5 else None)
    key = ("police", "GB", "law_enforcement")
    made = drawn_up(START, Counter({key: count}), [(*key, "searches", count)], Counter({"complied": 1}))
    line = made.lines[0]
    assert (line.customers, line.searches, line.releases) == (suppressed(count), suppressed(count), None)
    assert made.as_dict()["orders"] == {"complied": 1}
