"""Orders, appeals, permissions, withdrawals, holds and the clock, driven at random and checked after every step."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from countenance import Countenance, TemplateRow
from countenance.clock import SteppedClock, from_text
from countenance.errors import (
    AccountSuppressed,
    ErasureHeld,
    ErasureIncomplete,
    OrderForbids,
    OrderServed,
    OrderTransitionRefused,
    PermissionRefused,
    SubjectUnknown,
)
from countenance.holding import Absence
from countenance.store.holder import StoreHolder
from countenance.vault.blobs import FolderBlobs
from tests.order_gallery import PURPOSE, UNTIL, document, face, found, register, signed, verdict

CACHE = Path(__file__).resolve().parents[2] / "build" / "test-cache"
SERVED = from_text(document("ico-2022")["service"]["at"])
PLACES = ("GB", "FR", "DE")
ORDERS = {"ico-2022": "GB", "ico-fr": "FR"}
PAUSING = {"suspend", "stay", "set_aside", "remit", "appeal"}
FREEZING = {"freeze", "suspend", "stay", "remit", "reinstate", "appeal"}
EVENTS = sorted(FREEZING | {"lift", "set_aside", "release", "dismiss_appeal"})


class Life(RuleBasedStateMachine):
    """The engine beside a model of it that knows only homes, papers and the calendar."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = SteppedClock(SERVED)
        self.home: dict[str, str] = {}
        self.gone: set[str] = set()
        """Who withdrew, or was erased by an order that reaches her."""
        self.sealed: set[str] = set()
        """Who withdrew while a hold keeps her."""
        self.frozen: set[str] = set()
        self.paused: set[str] = set()
        self.held: dict[str, set[str]] = {}
        self.once_held: set[str] = set()
        self.ends: dict[str, datetime] = {}
        """When the last permission ends, of those whose does so within a walk."""
        self.reaches = {order_id: {place} for order_id, place in ORDERS.items()}
        self.revision = dict.fromkeys(ORDERS, 1)
        self.numbers = itertools.count()

    @initialize(held=st.booleans(), in_force=st.booleans())
    def found_gallery(self, held: bool, in_force: bool) -> None:
        self.gallery = Countenance.init(self.folder / "gallery", cache=CACHE, clock=self.clock)
        register(self.gallery, "ico-2022")
        for place in PLACES:
            for _ in range(2):
                self._enrol(f"subject-{next(self.numbers)}", place)
        # So that rare meetings (an order in force, a hold on somebody inside it) are not left to chance alone.
        if in_force:
            self.serve("ico-2022")
            self.wait(40)
        if held:
            self._hold("subject-0")

    def teardown(self) -> None:
        if hasattr(self, "gallery"):
            self.gallery.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _enrol(self, name: str, place: str, until: date = UNTIL) -> None:
        if until != UNTIL:
            self.ends[name] = datetime.combine(until + timedelta(days=1), time(), UTC)
        self.gallery.enrol_templates([TemplateRow(name, face(name), (PURPOSE,), place, until)])
        self.home[name] = place

    def _places(self, orders: Iterable[str]) -> set[str]:
        """Whoever lives in one of these is reached by one of ``orders``."""
        return set().union(*(self.reaches[order_id] for order_id in orders))

    def _lapsed(self) -> set[str]:
        """Whose last permission has ended."""
        return {name for name, end in self.ends.items() if end <= self.clock.now()}

    def _expired(self) -> None:
        """Those whose permission has ended are erased, but whoever a hold keeps."""
        self.gone |= (self._lapsed() & self.home.keys()) - set().union(*self.held.values())

    def _served(self) -> dict[str, Any]:
        return {str(one["order"]): one for one in self.gallery.orders.docket()}

    def _hold(self, name: str) -> None:
        self.gallery.duties.hold("court", "a court", [name])
        self.held["court"] = {name}
        self.once_held.add(name)

    @property
    def _paper(self) -> Path:
        paper = self.folder / "paper.txt"
        paper.write_text("a paper", "utf-8")
        return paper

    # -- what can happen ------------------------------------------------------------------------------------

    @rule(order_id=st.sampled_from(sorted(ORDERS)))
    def serve(self, order_id: str) -> None:
        def change(papers: dict[str, Any]) -> None:
            papers["id"] = order_id
            papers["scope"]["value"] = ORDERS[order_id]

        known = order_id in self._served()
        try:
            self.gallery.orders.serve(signed("ico-2022", change))
            assert not known
        except OrderServed:
            assert known

    @rule(order_id=st.sampled_from(sorted(ORDERS)), event=st.sampled_from(EVENTS))
    def happen(self, order_id: str, event: str) -> None:
        if order_id not in self._served():
            return
        try:
            self.gallery.orders.event(order_id, event, self._paper)
        except OrderTransitionRefused:
            return
        if event in FREEZING:
            self.frozen.add(order_id)
        if event in PAUSING:
            self.paused.add(order_id)
        if event == "release":
            self.frozen.discard(order_id)

    @rule(order_id=st.sampled_from(sorted(ORDERS)), papers=st.booleans())
    def execute(self, order_id: str, papers: bool) -> None:
        if order_id not in self._served():
            return
        try:
            answer: Any = self.gallery.orders.execute(order_id).as_dict()
        except OrderTransitionRefused:
            return
        self.frozen.add(order_id)
        if answer["erasures"]:
            kept = set().union(*self.held.values()) if self.held else set()
            reached = self.reaches[order_id]
            self.gone |= {n for n, place in self.home.items() if place in reached and n not in kept}
        for obligation, reason in answer["waiting"].items() if papers else ():
            if reason.startswith("a person brings: "):
                kinds = reason.removeprefix("a person brings: ").split(", ")
                self.gallery.orders.show(order_id, obligation, [(kind, self._paper) for kind in kinds])

    @rule(order_id=st.sampled_from(sorted(ORDERS)), keeper=st.sampled_from(["blobs", "store"]))
    def execute_while_a_keeper_still_finds_something(self, order_id: str, keeper: str) -> None:
        if order_id not in self._served():
            return
        kinds: dict[str, type] = {"blobs": FolderBlobs, "store": StoreHolder}
        found_some = Absence(keeper, False, "it looked", 1)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(kinds[keeper], "confirm_absent", lambda self, targets: found_some)
            before = self._served()[order_id]["state"]
            with suppress(OrderTransitionRefused, ErasureIncomplete):
                self.gallery.orders.execute(order_id)
            order = self._served()[order_id]
            assert before == "complied" or order["state"] != "complied"
        if order["frozen_since"] is None:  # it was not in force, and nothing was begun
            return
        self.frozen.add(order_id)
        self.execute(order_id, papers=False)  # it looks again, and ends like any other

    @precondition(lambda self: bool(self.gone))
    @rule(data=st.data(), place=st.sampled_from(PLACES))
    def come_back(self, data: Any, place: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.gone)))
        terms: dict[str, Any] = {"purposes": [PURPOSE], "residence": place, "until": UNTIL}
        forbidden = self._places(order for order, one in self._served().items() if one["state"] != "set_aside")
        with pytest.raises((AccountSuppressed, OrderForbids)):
            self.gallery.permit(name, **terms)
        try:
            self.gallery.permit(name, **terms, returning="her own letter")
        except OrderForbids:
            assert place in forbidden
            return
        self.gone.discard(name)
        self.sealed.discard(name)
        self.ends.pop(name, None)
        self.home[name] = place

    @rule(days=st.sampled_from([0.01, 1, 20, 40, 200]))
    def wait(self, days: float) -> None:
        self.clock.step(timedelta(days=days))

    @rule(place=st.sampled_from(PLACES), days=st.sampled_from([None, 30]))
    def arrive(self, place: str, days: int | None) -> None:
        name = f"subject-{next(self.numbers)}"
        standing = {order for order, one in self._served().items() if one["state"] != "set_aside"}
        until = UNTIL if days is None else self.clock.now().date() + timedelta(days=days)
        try:
            self._enrol(name, place, until)
        except OrderForbids:
            assert place in self._places(standing)
            self.ends.pop(name, None)
        except PermissionRefused:
            self.home[name] = place
            assert place in self._places(self.frozen)

    @precondition(lambda self: any(name not in self.gone | self.sealed for name in self.ends))
    @rule(data=st.data())
    def renew(self, data: Any) -> None:
        """A permission that ends, or has ended and was not erased yet, is given anew."""
        name = data.draw(st.sampled_from(sorted(set(self.ends) - self.gone - self.sealed)))
        standing = {order for order, one in self._served().items() if one["state"] != "set_aside"}
        try:
            self.gallery.permit(name, purposes=[PURPOSE], residence=self.home[name], until=UNTIL)
        except OrderForbids:
            assert self.home[name] in self._places(standing)
            return
        del self.ends[name]

    @rule()
    def expire(self) -> None:
        self.gallery.expire()
        self._expired()

    @rule(order_id=st.sampled_from(sorted(ORDERS)), places=st.sampled_from([("GB",), ("FR",), ("FR", "GB")]))
    def vary(self, order_id: str, places: tuple[str, ...]) -> None:
        """The next revision, signed by the same authority, reaches others."""
        if order_id not in self._served():
            return

        def change(papers: dict[str, Any]) -> None:
            leaves = [{**papers["scope"], "value": place} for place in places]
            papers.update(id=order_id, revision=self.revision[order_id] + 1, scope={"any": leaves})

        revision = self.folder / "revision.json"
        revision.write_bytes(signed("ico-2022", change))
        with suppress(OrderTransitionRefused):
            self.gallery.orders.event(order_id, "vary", revision)
            self.revision[order_id] += 1
            self.reaches[order_id] = set(places)

    @precondition(lambda self: any(name not in self.gone for name in self.home))
    @rule(data=st.data())
    def withdraw(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(set(self.home) - self.gone)))
        try:
            self.gallery.withdraw(name)
        except ErasureHeld:
            assert any(name in some for some in self.held.values())
            self.sealed.add(name)
            return
        assert not any(name in some for some in self.held.values())
        self.gone.add(name)

    @precondition(lambda self: not self.held and any(name not in self.gone for name in self.home))
    @rule(data=st.data())
    def hold(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(set(self.home) - self.gone)))
        self._hold(name)

    @precondition(lambda self: "court" in self.held)
    @rule()
    def lift_hold(self) -> None:
        self.gallery.duties.lift_hold("court")
        released = self.held.pop("court")
        for order_id in self._served():
            with suppress(OrderTransitionRefused):  # where no conflict was open
                self.gallery.orders.event(order_id, "resolve", self._paper, hold_id="court")
        self.gallery.expire()
        self.gone |= released & self.sealed
        self._expired()

    @rule()
    def open_again(self) -> None:
        self.gallery.close()
        self.gallery = Countenance(self.folder / "gallery", cache=CACHE, clock=self.clock)
        self._expired()

    # -- what must be true after every step -----------------------------------------------------------------

    @invariant()
    def nobody_in_scope_is_returned_after_the_freeze(self) -> None:
        barred, out = self._places(self.frozen), self.gone | self.sealed | self._lapsed()
        expected = {name for name, place in self.home.items() if place not in barred and name not in out}
        in_search = found(self.gallery, sorted(self.home))
        assert in_search.isdisjoint({name for name, place in self.home.items() if place in barred})
        assert in_search <= expected
        # Who was refused a template under a freeze has none to be found by; everybody else is found.
        # Whoever a variation would let go stays sealed while an order and a hold are undecided about her.
        assert expected - in_search <= self._without_template() | self.once_held

    def _without_template(self) -> set[str]:
        people = {one.subject: one.references for one in self.gallery.status(people=True).people or ()}
        return {name for name, references in people.items() if references == 0}

    @invariant()
    def nobody_outside_is_ever_erased(self) -> None:
        for name in self.home:
            if name in self.gone:
                with pytest.raises(SubjectUnknown):
                    self.gallery.residency.show(name)
            else:
                assert self.gallery.residency.show(name).evidence

    @invariant()
    def every_deadline_is_what_the_calendar_says(self) -> None:
        by_hand = {"stop-using": date(2022, 9, 15), "erase": date(2022, 12, 15), "dpia": None}
        for order_id, order in self._served().items():
            days = {due["obligation"]: due["last_day"] for due in order["obligations"]}
            for obligation, day in by_hand.items():
                said = None if days[obligation] is None else date.fromisoformat(days[obligation])
                if order_id not in self.paused or day is None:
                    assert said == day
                elif said is not None:
                    assert said >= day

    @invariant()
    def an_order_is_complied_with_only_when_everybody_is_confirmed_gone(self) -> None:
        for order_id, order in self._served().items():
            if order["state"] != "complied":
                continue
            certificates = self.gallery.orders.certificate(order_id)
            assert certificates
            assert all(verdict(self.gallery, one).ok for one in certificates)
            for one in certificates:
                keepers = json.loads(one)["statement"]["holders"]
                assert {"keyring", "blobs", "staged", "store", "index"} == {keeper["holder"] for keeper in keepers}
                assert all(keeper["absent"] for keeper in keepers)
            assert {due["standing"] for due in order["obligations"]} <= {"met", "met_late"}

    @invariant()
    def the_log_is_whole(self) -> None:
        assert self.gallery.log.fsck().ok


assert isinstance(SERVED, datetime)
TestLife = pytest.mark.slow(Life.TestCase)
TestLife.settings = settings(
    max_examples=12,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
