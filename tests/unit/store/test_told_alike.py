"""Who is told alike is judged once: nobody is put among people of whom something else is said."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from countenance.store.told import alike

People = dict[int, tuple[int, list[int]]]


@given(st.dictionaries(st.integers(1, 400), st.tuples(st.integers(0, 2), st.lists(st.integers(0, 3), max_size=4))))
def test_two_subjects_are_together_exactly_when_the_same_is_said_of_them(people: People) -> None:
    everyone = np.array(sorted(people), np.int64)
    pairs = sorted((number, mark) for number, (_, marks) in people.items() for mark in marks)
    lines = np.array([*pairs, (401, 1), (402, 2)], np.int64).reshape(-1, 2)  # and of people nobody asked about
    apart = np.array([people[number][0] for number in everyone.tolist()], np.int64)
    groups = [group.tolist() for group in alike(everyone, lines[:, 0], lines[:, 1], apart)]
    assert sorted(number for group in groups for number in group) == everyone.tolist()
    said = {number: (other, frozenset(Counter(marks).items())) for number, (other, marks) in people.items()}
    assert all(len({said[number] for number in group}) == 1 for group in groups)
    assert len(groups) == len(set(said.values()))
