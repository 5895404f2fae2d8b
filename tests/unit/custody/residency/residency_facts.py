"""Evidence and facts for the tests of this folder."""

from __future__ import annotations

from datetime import UTC, date, datetime

from countenance.custody.residency.decision import Facts
from countenance.custody.residency.evidence import IMAGE_PREDICATES, SIGNALS, Evidence, Predicate, Signal, Tier
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.places import place
from countenance.terms import SubjectId

ANNA = SubjectId(7)
USUAL = {
    Tier.A: Signal.DECLARATION,
    Tier.B: Signal.EXPORT_ACCOUNT_COUNTRY,
    Tier.C: Signal.STATED_PLACE,
    Tier.D: Signal.SOURCE_URL,
}


def day(text: str | None) -> date | None:
    """The day in ``text``."""
    return None if text is None else date.fromisoformat(text)


def evidence(id_: str, said: str, **changes: object) -> Evidence:
    """Evidence from ``said``: ``"A resident_of GB"``, optionally followed by first and last day."""
    tier, predicate, places, *days = said.split()
    signal = changes.pop("signal", USUAL[Tier(tier)])
    assert isinstance(signal, Signal)
    image = changes.pop("image_id", "i1" if Predicate(predicate) in IMAGE_PREDICATES else None)
    fields: dict[str, object] = {
        "id": id_,
        "subject_id": ANNA,
        "image_id": image,
        "predicate": Predicate(predicate),
        "value": tuple(place(code) for code in places.split("|")),
        "tier": Tier(tier),
        "signal": signal,
        "observed_at": datetime(2024, 1, 2, tzinfo=UTC),
        "valid": Interval(*(None if d == "-" else day(d) for d in days)),
        "source": "declaration.pdf",
        "extractor": "form",
        "extractor_version": "1",
        "permission_id": "p1",
        **changes,
    }
    return Evidence(**fields)  # type: ignore[arg-type]


def facts(*said: str, images: tuple[str, ...] = ("i1",), names: tuple[str, ...] = ("Anna",)) -> Facts:
    """Anna's facts, with evidence e1, e2, ..."""
    found = tuple(evidence(f"e{i}", text) for i, text in enumerate(said, start=1))
    return Facts(ANNA, frozenset(names), images, found)


__all__ = ["ANNA", "SIGNALS", "day", "evidence", "facts"]
