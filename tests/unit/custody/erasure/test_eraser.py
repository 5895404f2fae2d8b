"""An erasure freezes first, takes keys before anything else, and believes a keeper only when it looks again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import text

from countenance.custody.erasure.errand import Errand, Ground
from countenance.errors import ErasureIncomplete, PermissionRefused
from countenance.holding import Absence, Holding, Target
from countenance.terms import ArtefactClass
from tests.galleries import Galleries, names, permit, row, search, template

ANNA = template(1)


class Stubborn:
    """A keeper that says it deleted everything and has not, ``lies`` times."""

    name = "stubborn"

    def __init__(self, lies: int) -> None:
        self.lies = lies
        self.erased = 0

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        return (Holding(self.name, "copies", 1),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        self.erased += 1
        return (Holding(self.name, "copies", 1),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        left = int(self.erased <= self.lies)
        return Absence(self.name, left == 0, "looked", left)


def test_a_keeper_is_believed_only_about_what_it_finds(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA)])
    eraser = gallery._eraser
    stubborn = Stubborn(lies=2)
    eraser._holders = (*eraser._holders, stubborn)
    owner = gallery._ledger.find("anna").subject_id
    with pytest.raises(ErasureIncomplete, match=r"stubborn \(1 left\)"):
        eraser.erase([owner], Errand(Ground.WITHDRAWAL))
    with pytest.raises(ErasureIncomplete):
        eraser.resume()
    (done,) = eraser.resume()
    assert all(one.absent for one in done.confirmations)
    counted = {held.what: held.count for held in done.destroyed}
    assert (counted["keys"], counted["sealed templates"], counted["copies"]) == (3, 1, 1)
    assert eraser.resume() == []
    assert gallery.log.fsck().ok


def test_the_freeze_takes_effect_before_anything_is_destroyed(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA)])
    owner = gallery._ledger.find("anna").subject_id
    other = both.open()
    assert len(other._searchable.current()) == 1
    gallery._eraser.freeze([owner], Errand(Ground.WITHDRAWAL))
    assert names(search(gallery, ANNA)) == []
    assert len(other._searchable.current()) == 0  # out of the index itself, not only refused
    assert names(search(both.open(), ANNA)) == []


def test_a_subject_being_erased_gets_no_new_permission_and_no_new_reference(
    galleries: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    owner = gallery._ledger.find("anna").subject_id
    gallery._eraser.freeze([owner], Errand(Ground.WITHDRAWAL))
    with pytest.raises(PermissionRefused):
        permit(gallery, "anna")
    with pytest.raises(PermissionRefused):
        gallery.enrol("anna", portrait_photographs[:1])
    gallery.expire()
    permit(gallery, "anna", returning="her letter")


def test_keys_go_before_anything_else(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA)])
    owner = gallery._ledger.find("anna").subject_id
    told = []

    def watch(done: int, total: int | None, what: str) -> None:
        with gallery._database.read() as connection:
            rows = connection.scalar(text("SELECT count(*) FROM template_references"))
        told.append((what, gallery._ring.alive(owner, ArtefactClass.TEMPLATE), rows))

    gallery.withdraw("anna", progress=watch)
    assert told == [
        ("frozen", True, 1),
        ("keys destroyed", False, 1),
        ("deleted", False, 0),
        ("epoch begun", False, 0),
        ("confirmed", False, 0),
    ]


def test_a_plan_changes_nothing(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA)])
    owner = gallery._ledger.find("anna").subject_id
    before = gallery.status()
    targets = gallery._eraser.plan([owner])
    held = {one.what: one.count for one in gallery._eraser.holdings(targets)}
    assert (held["keys"], held["sealed templates"], held["index entries"]) == (3, 1, 1)
    assert gallery.status() == before
    assert names(search(gallery, ANNA)) == ["anna"]


def test_erasing_nobody_confirms_nothing_left(both: Galleries) -> None:
    gallery = both.new()
    done = gallery._eraser.erase([], Errand(Ground.WITHDRAWAL))
    assert all(one.absent for one in done.confirmations)
    assert gallery.status().erasures_open == 0


def test_a_finished_erasure_keeps_counts_and_forgets_numbers_of_images(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA)])
    gallery.withdraw("anna")
    with gallery._database.read() as connection:
        assert connection.scalar(text("SELECT count(*) FROM erasure_targets")) == 0
        assert connection.scalar(text("SELECT count(*) FROM erasure_counts")) > 0
