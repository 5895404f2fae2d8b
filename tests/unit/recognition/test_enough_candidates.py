"""A search asks its index for more while whoever may not be named keeps places from whoever may."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from countenance.index.protocol import Hits
from countenance.recognition.candidates.identify import Identifier


class OnlyTheLast(Identifier):
    """Names nobody but subject 99; what it is about are the questions to the index, so it has no gallery."""

    def __init__(self) -> None:
        pass

    def _candidates(self, probe: Any, hits: Hits, place: int, *_: object) -> Any:
        return tuple(int(n) for n in hits.subject_ids[place] if n == 99)


class Ranked:
    """An index of 40 subjects; number 99 is the fourteenth."""

    def __init__(self, scores: np.ndarray, *, exact: bool) -> None:
        self.ids = np.array([*range(1, 14), 99, *range(14, 40)])
        self.scores, self.exact = scores, exact
        self.asked: list[int] = []

    def search(self, _probes: object, width: int, _where: object) -> Hits:
        self.asked.append(width)
        ids, scores = self.ids[None, :width], self.scores[None, :width].astype(np.float32)
        return Hits(ids, ids, scores, self.exact)


def found(index: Ranked, threshold: float) -> tuple[object, ...]:
    meaning: Any = type("Meaning", (), {"size": 40})()
    anything: Any = None
    first = index.search(None, 10, None)
    return OnlyTheLast()._enough(
        index,
        anything,
        np.zeros(4, np.float32),
        first,
        0,
        "p",
        threshold,
        1,
        meaning,
        None,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(("exact", "names"), [(False, (99,)), (True, ())])
def test_a_coarse_score_just_below_the_threshold_still_counts_as_a_place_taken(
    exact: bool, names: tuple[int, ...]
) -> None:
    index = Ranked(np.linspace(0.70, 0.50, 40), exact=exact)
    assert found(index, float(index.scores[9]) + 0.01) == names
    assert index.asked == ([10] if exact else [10, 20])


def test_it_stops_where_nobody_comes_near_the_threshold() -> None:
    index = Ranked(np.linspace(0.70, 0.10, 40), exact=False)
    assert found(index, 0.70) == ()
    assert index.asked == [10]
