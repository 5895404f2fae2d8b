"""Every index that is to behave like the others, made small so that few references reach every code path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from countenance.index.choice import GrowingIndex
from countenance.index.coarse import Effort
from countenance.index.embedded import EmbeddedIndex
from countenance.index.exact import ExactIndex
from countenance.index.parts import Sizes
from countenance.index.protocol import Index

MODEL = "0" * 64
DIMENSIONS = 32


@dataclass(frozen=True)
class Kind:
    """One kind of index under test. ``tolerance`` is the largest difference of a score from the exact one."""

    name: str
    make: Callable[[Path], Index]
    tolerance: float


SMALL = Sizes(newest=24, score_all_below=8)

KINDS = (
    Kind("exact", lambda folder: ExactIndex(MODEL, DIMENSIONS), 2e-6),
    Kind(
        "embedded-8-bit",
        lambda folder: EmbeddedIndex(MODEL, DIMENSIONS, sizes=SMALL, background=False),
        8e-3,
    ),
    Kind(
        "embedded-float32",
        lambda folder: EmbeddedIndex(MODEL, DIMENSIONS, sizes=SMALL, background=False, exact=True),
        2e-6,
    ),
    Kind(
        "embedded-on-disk",
        lambda folder: EmbeddedIndex(MODEL, DIMENSIONS, sizes=SMALL, background=False, refinement_folder=folder),
        8e-3,
    ),
    Kind(
        "embedded-in-background",
        lambda folder: EmbeddedIndex(MODEL, DIMENSIONS, sizes=SMALL, background=True),
        8e-3,
    ),
    Kind(
        "embedded-in-lists",
        lambda folder: EmbeddedIndex(
            MODEL,
            DIMENSIONS,
            sizes=Sizes(newest=24, score_all_below=8, lists_above=0),
            background=False,
            effort=Effort(candidates=64, lists=1 << 16),
        ),
        8e-3,
    ),
    Kind("growing", lambda folder: GrowingIndex(MODEL, DIMENSIONS, exact_up_to=100), 8e-3),
)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of index in turn."""
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def fresh(kind: Kind, tmp_path: Path) -> Callable[[], Index]:
    """Makes empty indexes of the kind under test."""
    return lambda: kind.make(tmp_path)
