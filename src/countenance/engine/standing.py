"""How a gallery stands, in a few numbers that are cheap to take: for whoever watches a service.

Rules kept here: counts only, over all customers together; nothing is counted one by one that is large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from countenance.custody.orders.clocks import Standing
from countenance.custody.orders.desk import Desk, Docket
from countenance.custody.orders.state import State
from countenance.oversight.jobs import Jobs
from countenance.recognition.gallery.current import CurrentIndex
from countenance.store import erasures
from countenance.store.database import Database

_CLOSED = frozenset({State.COMPLIED, State.EXPIRED, State.SET_ASIDE, State.DRAFT})


@dataclass(frozen=True, slots=True)
class GalleryStanding:
    """The gallery now."""

    jobs: Mapping[str, int]
    """Long work that is ``queued`` or ``running``, in all processes."""
    erasures_open: int
    """Erasures that have begun and that not every keeper has confirmed."""
    orders_open: int
    """Orders with an obligation that is not met."""
    orders_past_deadline: int
    """Orders of which a deadline has passed unmet."""
    subjects: int
    """Subjects on record who are not being erased."""
    index_references: int
    """References that a search in this process sees."""


def take(database: Database, desk: Desk, jobs: Jobs, searchable: Callable[[], CurrentIndex]) -> GalleryStanding:
    """Look now."""
    dockets, index = desk.everything(), searchable()
    with database.read() as connection:
        return GalleryStanding(
            jobs.standing(connection),
            len(erasures.unfinished(connection)),
            sum(_is_open(one) for one in dockets),
            sum(_is_late(one) for one in dockets),
            index.people(connection),
            index.size(),
        )


def _is_open(docket: Docket) -> bool:
    return docket.state.state not in _CLOSED and bool(docket.state.open_obligations)


def _is_late(docket: Docket) -> bool:
    return docket.state.state not in _CLOSED and any(due.standing is Standing.PASSED for due in docket.due)
