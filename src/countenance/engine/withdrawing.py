"""Withdrawals: one subject or many, unless a duty to keep evidence holds them; and the same request a second time.

Rules kept here: whoever is held is out of every search all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from countenance.custody.erasure.eraser import Eraser
from countenance.custody.erasure.errand import Erased, Errand, Ground, Progress
from countenance.custody.orders.desk import Desk
from countenance.custody.permission.ledger import Ledger
from countenance.errors import ErasureHeld
from countenance.terms import SubjectId


class Withdrawing:
    """Withdraws subjects of one gallery."""

    def __init__(
        self, desk: Desk, ledger: Ledger, eraser: Callable[[], Eraser], afterwards: Callable[[], None]
    ) -> None:
        """``afterwards`` is called when somebody was erased."""
        self._desk = desk
        self._ledger = ledger
        self._eraser = eraser
        self._afterwards = afterwards

    def one(self, subject_id: SubjectId, request_id: str | None = None, progress: Progress | None = None) -> Erased:
        """Erase one subject, under the id of the request for it. Raises ErasureHeld, ErasureIncomplete."""
        held = [hold.id for hold in self._desk.holds() if subject_id in hold.subject_ids]
        if held:
            self._ledger.withdraw(subject_id)
            raise ErasureHeld(f"Withdrawn and out of every search; kept as evidence under {', '.join(held)}.")
        errand = Errand(Ground.WITHDRAWAL, erasure_id=request_id)
        erased = self._eraser().erase([subject_id], errand, progress=progress)
        self._afterwards()
        return erased

    def again(self, request_id: str | None, progress: Progress | None = None) -> Erased | None:
        """The erasure that a request has begun, finished; None when it has begun none."""
        return None if request_id is None else self._eraser().again(request_id, progress)

    def all(self, subject_ids: Sequence[SubjectId]) -> int:
        """Erase subjects together; returns how many are kept as evidence, out of every search."""
        kept = {number for hold in self._desk.holds() for number in hold.subject_ids}
        held = [number for number in subject_ids if number in kept]
        for number in held:
            self._ledger.withdraw(number)
        going = [number for number in subject_ids if number not in kept]
        if going:
            self._eraser().erase(going, Errand(Ground.WITHDRAWAL))
            self._afterwards()
        return len(held)
