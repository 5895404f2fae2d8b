"""Duties beside an order: what to keep as evidence, and who has to be told of an erasure: ``gallery.duties``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from countenance import clock
from countenance.clock import Clock
from countenance.custody.erasure.eraser import Eraser
from countenance.custody.orders.conflicts import EvidenceHold
from countenance.custody.orders.desk import Desk
from countenance.custody.permission.ledger import Ledger
from countenance.custody.proof.witness import GalleryWitness
from countenance.errors import InputInvalid
from countenance.store import erasures, notices, orders
from countenance.store.database import Database
from countenance.store.notices import NoticeRow
from countenance.store.orders import HoldRow
from countenance.terms import GALLERYS_OWN, CompartmentId

LONGEST_ANSWER = 400


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody outside who was given a candidate and has to be told of her erasure."""

    row: NoticeRow

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "erasure": self.row.erasure_id,
            "recipient": self.row.recipient,
            "candidates": self.row.candidates,
            "told": self.row.told_utc,
            "answer": self.row.answer,
            "answered": self.row.answered_utc,
        }


class Duties:
    """Evidence holds and notices of one gallery."""

    def __init__(
        self,
        database: Database,
        desk: Desk,
        witness: GalleryWitness,
        ledger: Ledger,
        eraser: Callable[[], Eraser],
        clock: Clock,
    ) -> None:
        self._eraser = eraser
        self._database = database
        self._desk = desk
        self._witness = witness
        self._ledger = ledger
        self._clock = clock

    def hold(
        self,
        hold_id: str,
        ground: str,
        subjects: Sequence[str],
        *,
        compartment: CompartmentId = GALLERYS_OWN,
    ) -> int:
        """Put subjects under a duty to keep evidence; returns how many.

        An order to erase them is then escalated, and a withdrawal takes them out of every search and waits.
        Raises SubjectUnknown, InputInvalid for a hold of that id that stands; then nothing was changed.
        """
        now = self._clock.now()
        numbers = dict.fromkeys(self._ledger.find(name, compartment).subject_id for name in subjects)
        rows = [HoldRow(hold_id, number, ground, clock.to_text(now)) for number in numbers]
        if not 0 < len(hold_id) <= 64 or not 0 < len(ground) <= 200 or not rows:
            raise InputInvalid("A hold has an id of 1 to 64 characters, a ground of 1 to 200, and subjects.")
        with self._database.write() as connection:
            if any(row.hold_id == hold_id for row in orders.holds(connection)):
                raise InputInvalid(f"A hold {hold_id} stands already.", remedy="Lift it first, or give another id.")
            orders.place_hold(connection, rows)
        self._witness.note("hold.placed", now, subjects=len(rows))
        return len(rows)

    def lift_hold(self, hold_id: str) -> int:
        """End a duty to keep; returns how many subjects it was on. Raises InputInvalid when there is none."""
        with self._database.write() as connection:
            count = orders.lift_hold(connection, hold_id)
        if count == 0:
            raise InputInvalid(f"There is no hold {hold_id}.", remedy="See: countenance hold list")
        self._witness.note("hold.lifted", self._clock.now(), subjects=count)
        return count

    def holds(self) -> list[EvidenceHold]:
        """The duties to keep that stand."""
        return self._desk.holds()

    def notices(self, erasure_id: str | None = None) -> tuple[Notice, ...]:
        """Who has to be told of one erasure, or of all of them, and what they answered."""
        with self._database.read() as connection:
            return tuple(Notice(row) for row in notices.listed(connection, erasure_id))

    def told(self, erasure_id: str, recipient: str, answer: str | None = None) -> Notice:
        """Put on record that a recipient was told of an erasure, or what it answered.

        With the last answer the erasure is complete and its certificate is written; then nothing of it changes.
        Raises InputInvalid; ErasureIncomplete when a keeper meanwhile finds something.
        """
        now = clock.to_text(self._clock.now())
        if answer is not None and not (
            0 < len(answer := answer.strip()) <= LONGEST_ANSWER and answer.isprintable()
        ):
            raise InputInvalid(f"An answer is 1 to {LONGEST_ANSWER} printable characters.")
        with self._database.write() as connection:
            erasure = erasures.get(connection, erasure_id)
            if erasure is not None and erasure.state is erasures.ErasureState.CONFIRMED:
                return _as_certified(notices.listed(connection, erasure_id), recipient, answer)
            known = (
                notices.tell(connection, erasure_id, recipient, now)
                if answer is None
                else notices.answered(connection, erasure_id, recipient, answer, now)
            )
            rows = [row for row in notices.listed(connection, erasure_id) if row.recipient == recipient]
        if not known:
            raise InputInvalid(
                f"There is no notice of that erasure to {recipient}.", remedy="See: countenance notice list"
            )
        if answer is not None and self._waits_no_more(erasure_id):
            self._eraser().finish(erasure_id)
        return Notice(rows[0])

    def _waits_no_more(self, erasure_id: str) -> bool:
        with self._database.read() as connection:
            row = erasures.get(connection, erasure_id)
            silent = notices.silent(connection, erasure_id)
        return silent == 0 and row is not None and row.state is not erasures.ErasureState.CONFIRMED


def _as_certified(rows: Sequence[NoticeRow], recipient: str, answer: str | None) -> Notice:
    """What a certificate says already, said again. Raises InputInvalid for anything else."""
    for row in rows:
        if row.recipient == recipient and answer in (None, row.answer):
            return Notice(row)
    raise InputInvalid("This erasure is certified, with what its recipients answered.")
