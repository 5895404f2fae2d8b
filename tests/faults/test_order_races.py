"""Who comes in beside an order at the worst moment: nobody slips through, and nobody waits for the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from countenance.clock import SteppedClock, from_text
from countenance.custody.permission.ledger import Ledger
from countenance.custody.permission.record import Asked
from countenance.custody.residency.register import Register
from countenance.holding import Target
from countenance.store import orders
from countenance.store.subjects import SubjectRow
from tests.galleries import Galleries
from tests.order_gallery import NAMED, PURPOSE, UNTIL, document, people, register, residents, signed


def test_who_is_named_by_an_order_and_comes_while_it_is_settled_is_held_back(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    galleries.clock = SteppedClock(from_text(document("hamburg-2021")["service"]["at"]))
    gallery, beside = galleries.new(), galleries.open()
    people(gallery, {name: home for name, home in residents().items() if name != NAMED})
    register(gallery, "hamburg-2021")
    gallery.orders.serve(signed("hamburg-2021"))
    opened: list[int] = []
    look_up, name = Register.look_up_names, Ledger.name

    def counted(self: Ledger, row: SubjectRow) -> str:
        opened.append(row.subject_id)
        return name(self, row)

    def somebody_comes(self: Register, *given: object) -> object:
        seen = look_up(self, *given)  # type: ignore[arg-type]
        assert len(opened) == len(residents()) - 1
        opened.clear()
        given_by = Asked(NAMED, (PURPOSE,), "DE", UNTIL)
        beside._ledger.give([given_by])  # below the engine, which would ask the orders itself
        return seen

    monkeypatch.setattr(Ledger, "name", counted)
    monkeypatch.setattr(Register, "look_up_names", somebody_comes)
    paper = tmp_path / "paper.txt"
    paper.write_text("now", "utf-8")
    gallery.orders.event("hamburg-2021", "freeze", paper)
    newcomer = gallery._ledger.find(NAMED).subject_id
    assert opened == [newcomer], "no other name was opened while others wait for the database"
    with gallery._database.read() as connection:
        assert orders.held_back(connection, [newcomer]) == {newcomer}


def test_a_name_whose_key_is_destroyed_is_a_doubt_and_stops_no_order(galleries: Galleries) -> None:
    galleries.clock = SteppedClock(from_text(document("hamburg-2021")["service"]["at"]))
    gallery = galleries.new()
    people(gallery, residents())
    register(gallery, "hamburg-2021")
    gallery.orders.serve(signed("hamburg-2021"))
    going = gallery._ledger.find("FR-0").subject_id
    gallery._ring.erase([Target(going)])  # as in the middle of her erasure, when her rows are still there
    plan = gallery.orders.plan("hamburg-2021").as_dict()
    assert isinstance(plan["counts"], dict)
    assert (plan["subjects"], plan["counts"]["by_doubt_alone"]) == (2, 1)
