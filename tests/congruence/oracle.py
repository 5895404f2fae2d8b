"""What an index should answer, worked out row by row with no cleverness at all."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from countenance.index.protocol import LABELS, Batch, Filter
from countenance.terms import Vectors


@dataclass
class Row:
    """One reference."""

    subject: int
    template: Vectors
    label: npt.NDArray[np.void]


@dataclass
class Oracle:
    """A dictionary of references."""

    rows: dict[int, Row] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)

    def add(self, batch: Batch) -> None:
        for reference, subject, template, label in zip(
            batch.reference_ids.tolist(), batch.subject_ids.tolist(), batch.templates, batch.labels, strict=True
        ):
            self.rows[reference] = Row(subject, template, label.copy())
            self.gone.discard(reference)

    def remove(self, ids: list[int]) -> int:
        present = [i for i in set(ids) if i in self.rows]
        for i in present:
            del self.rows[i]
            self.gone.add(i)
        return len(present)

    def relabel(self, ids: list[int], labels: npt.NDArray[np.void]) -> None:
        for i, label in zip(ids, labels, strict=True):
            if i in self.rows:
                self.rows[i].label = label.copy()

    def scores(self, probe: Vectors, where: Filter) -> dict[int, float]:
        """Exact score of every admitted reference."""
        return {i: float(row.template @ probe) for i, row in self.rows.items() if admitted(row.label, where)}

    def best_subjects(self, probe: Vectors, where: Filter) -> dict[int, float]:
        """Exact score of every subject with an admitted reference."""
        best: dict[int, float] = {}
        for i, score in self.scores(probe, where).items():
            subject = self.rows[i].subject
            best[subject] = max(best.get(subject, -2.0), score)
        return best


def admitted(label: npt.NDArray[np.void], where: Filter) -> bool:
    """The filter as the Protocol words it."""
    if int(label["restricted"]):
        return False
    if where.purpose is not None and not int(label["purposes"]) >> where.purpose & 1:
        return False
    if where.customer_class is not None and int(label["barred_customers"]) >> where.customer_class & 1:
        return False
    if where.jurisdictions is not None and int(label["jurisdiction"]) not in where.jurisdictions:
        return False
    if where.compartments is not None and int(label["compartment"]) not in where.compartments:
        return False
    return where.today is None or int(label["expires_day"]) >= where.today


def unit_rows(random: np.random.Generator, n: int, dimensions: int) -> Vectors:
    """Random rows of unit length."""
    rows = random.standard_normal((n, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def random_labels(random: np.random.Generator, n: int) -> npt.NDArray[np.void]:
    """Labels with few values each, so that every filter finds some and not all."""
    labels = np.zeros(n, LABELS)
    labels["purposes"] = random.choice(np.array([1, 2, 3, 1 << 63], np.uint64), n)
    labels["barred_customers"] = random.choice(np.array([0, 1, 1 << 63], np.uint64), n)
    labels["jurisdiction"] = random.choice(np.array([0, 1, 65535], np.uint16), n)
    labels["expires_day"] = random.choice(np.array([-5, 100, 200, 2**31 - 1], np.int32), n)
    labels["restricted"] = random.random(n) < 0.1
    # No independent choice, which would make more combinations than a byte can number.
    place = (labels["jurisdiction"].astype(np.int64) + (labels["barred_customers"] > 1)) % 3
    labels["compartment"] = np.array([0, 7, 2**32 - 1], np.uint32)[place]
    return labels


FILTERS = (
    Filter(),
    Filter(purpose=0),
    Filter(purpose=63),
    Filter(customer_class=0),
    Filter(customer_class=63),
    Filter(jurisdictions=frozenset({0, 65535})),
    Filter(jurisdictions=frozenset()),
    Filter(today=100),
    Filter(compartments=frozenset()),
    Filter(compartments=frozenset({0})),
    Filter(compartments=frozenset({7, 2**32 - 1})),
    Filter(compartments=frozenset({1})),
    Filter(purpose=0, compartments=frozenset({0, 7}), today=100),
    Filter(today=101),
    Filter(purpose=1, customer_class=0, jurisdictions=frozenset({1}), today=150),
)
