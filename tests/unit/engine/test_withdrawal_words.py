"""What nobody asked for by name is told in one line, however many it concerns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from countenance.engine.answers import Withdrawal


def erased(count: int) -> Any:
    return SimpleNamespace(subject_ids=tuple(range(1, count + 1)))


def test_few_are_listed_and_of_many_the_first_ten() -> None:
    assert Withdrawal.by_number(erased(1)).subject == "number 1"
    assert Withdrawal.by_number(erased(10)).subject.endswith("number 9, number 10")
    assert Withdrawal.by_number(erased(3_333)).subject.endswith("number 9, number 10 and 3,323 more")
