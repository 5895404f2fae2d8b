"""What goes on in other threads and processes at the worst moment: searches stay whole, the erased stay out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from countenance.custody.permission.ledger import Ledger
from countenance.errors import PermissionRefused
from countenance.oversight.policy import Code
from countenance.oversight.reviewing import Answer, ItemKind, ItemState
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import oversight_tables, reviews, schema
from countenance.store.reviews import ItemRow
from countenance.store.subjects import SubjectRow
from countenance.terms import SubjectId
from countenance.vault.blobs import FolderBlobs
from countenance.vault.keys import KeyRing
from tests.galleries import Galleries, names, permit, row, search, template
from tests.offices import office, protection_officer

ANNA = template(1)


def test_a_search_goes_on_when_a_candidates_keys_are_destroyed_under_it(
    both: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA), row("bob", template(2, near=ANNA))])
    other = both.open()
    opened = TemplateReader.open

    def then_withdrawn(self: TemplateReader, *given: object) -> object:
        answer = opened(self, *given)  # type: ignore[arg-type]
        monkeypatch.undo()
        other.withdraw("anna")
        return answer

    monkeypatch.setattr(TemplateReader, "open", then_withdrawn)
    assert names(search(gallery, ANNA)) == ["bob"]


def test_ranks_have_no_gap_where_somebody_was_withdrawn_during_the_search(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA), row("bob", template(2, near=ANNA))])
    other = galleries.open()
    named = Ledger.name

    def then_withdrawn(self: Ledger, one: SubjectRow) -> str:
        name = named(self, one)
        if name == "bob":  # the last candidate has been named; the search is about to be written down
            monkeypatch.undo()
            other.withdraw("anna")
        return name

    monkeypatch.setattr(Ledger, "name", then_withdrawn)
    answer = search(gallery, ANNA)
    assert [(one.rank, one.subject) for one in answer.faces[0].candidates] == [(1, "bob")]
    gallery.access("bob", galleries.root / "bob.zip")


def test_eight_threads_search_while_people_withdraw_and_every_answer_is_whole(galleries: Galleries) -> None:
    gallery = galleries.new()
    people = {f"person-{n}": template(n) for n in range(12)}
    gallery.enrol_templates([row(name, values) for name, values in people.items()])
    gone: set[str] = set()
    wrong: list[object] = []
    stop = threading.Event()

    def searching(number: int) -> None:
        try:
            turn = 0
            while not stop.is_set():
                name = f"person-{(number + turn) % 12}"
                gone_before = name in gone
                found = names(search(gallery, people[name]))
                if gone_before and found:
                    wrong.append((name, found))
                turn += 1
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=searching, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for number in range(4):
        gallery.withdraw(f"person-{number}")
        gone.add(f"person-{number}")
    stop.set()
    for one in threads:
        one.join()
    assert wrong == []


def test_a_picture_whose_subject_is_erased_before_it_is_in_place_leaves_nothing(
    galleries: Galleries, portrait_photographs: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    other = galleries.open()
    committed = FolderBlobs.commit

    def after_withdrawal(self: FolderBlobs, image_id: str) -> None:
        monkeypatch.undo()
        other.withdraw("anna")
        committed(self, image_id)

    monkeypatch.setattr(FolderBlobs, "commit", after_withdrawal)
    with pytest.raises(PermissionRefused):
        gallery.enrol("anna", portrait_photographs[:1])
    gallery.close()
    assert list((galleries.folder / "blobs").rglob("*.sealed")) == []


@pytest.mark.parametrize("way", ["erasure", "epoch begun for a migration"])
def test_opening_beside_a_running_erasure_is_not_taken_for_a_restored_copy(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA)])
    permit(gallery, "bob")
    log = sorted(path.name for path in galleries.folder.glob("log*"))
    advanced = KeyRing.advance_epoch
    looked = threading.Event()
    verdicts: list[bool] = []
    other = galleries.open()

    def look() -> None:
        verdicts.append(other._eraser.is_old_copy)
        looked.set()

    def then_looked_at(self: KeyRing) -> int:
        epoch = advanced(self)
        if not verdicts:
            threading.Thread(target=look).start()
            looked.wait(0.5)
        return epoch

    monkeypatch.setattr(KeyRing, "advance_epoch", then_looked_at)
    if way == "erasure":
        gallery.withdraw("anna")
    else:
        gallery._eraser.begin_epoch()
    assert looked.wait(30)
    assert verdicts == [False]
    assert sorted(path.name for path in galleries.folder.glob("log*")) == log


def test_an_epoch_begun_and_not_noted_is_no_restored_copy(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA)])
    gallery.withdraw("anna")
    log = sorted(path.name for path in galleries.folder.glob("log*"))

    class PowerCut(BaseException):
        pass

    def cut(self: KeyRing) -> int:
        advanced(self)
        raise PowerCut

    advanced = KeyRing.advance_epoch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeyRing, "advance_epoch", cut)
        with pytest.raises(PowerCut):
            gallery._eraser.begin_epoch()
    gallery.close()
    galleries.open()
    assert sorted(path.name for path in galleries.folder.glob("log*")) == log


def at_once(*acts: Callable[[], object]) -> list[Any]:
    """Let threads do these in the same moment; returns what each gave, or its error."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait(60)
        try:
            return act()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def truly(item: ItemRow, anna: SubjectId) -> Answer:
    """What somebody says who sees well."""
    return Answer.SAME if item.subject_id == anna else Answer.DIFFERENT


def test_two_workers_that_race_for_the_last_review_decide_once_and_release_once(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA), *(row(f"stranger-{n}", template(100 + n)) for n in range(9))])
    police = office(gallery, protection_officer(gallery))
    other = both.open()
    case_id = police.case()
    for seed in range(3):
        police.search(case_id, template(9 + seed, near=ANNA), seed=seed)
    police.review_rightly("first", ["anna"])
    anna = gallery._ledger.find("anna").subject_id
    second, third, contested = police["second"], police["third"], False
    given = at_once(partial(gallery.oversight.reviews.next, second), partial(other.oversight.reviews.next, third))
    shown = gallery.oversight.reviews.shown
    chosen = [shown(who, one.task_id)[1] for who, one in zip((second, third), given, strict=True)]
    assert chosen[0].item_id != chosen[1].item_id, "one place is left on each, and one of the two gets it"
    other.oversight.reviews.answer(third, given[1].task_id, truly(chosen[1], anna))
    while (task := gallery.oversight.reviews.next(second)) is not None:
        _, item = gallery.oversight.reviews.shown(second, task.task_id)
        words = [truly(item, anna)] * 2
        if item.subject_id == anna and not contested:  # once, another word comes from a second window
            words[1], contested = Answer.DIFFERENT, True
        ends = at_once(
            *(
                partial(engine.oversight.reviews.answer, second, task.task_id, word)
                for engine, word in zip((gallery, other), words, strict=True)
            )
        )
        refused = [end for end in ends if end is not None]
        if words[0] == words[1]:
            assert refused == []
        else:
            assert [getattr(end, "reason", end) for end in refused] == [Code.NO_REVIEW]
    assert contested
    with gallery._database.read() as connection:
        tallies = reviews.tallies(connection)
        items = reviews.items(connection, case_id)
        tasks = {item.item_id: reviews.tasks_of_item(connection, item.item_id) for item in items}
    assert {len(looked) for looked in tasks.values()} == {2}
    assert sum(one.answered for one in tallies) == 2 * len(items)
    candidates = [one for one in items if one.kind == ItemKind.CANDIDATE]
    confirmed = [one for one in candidates if one.state == ItemState.CONFIRMED]
    assert sum(one.agreed for one in tallies) == 2 * len(confirmed)
    assert sum(one.disagreed for one in tallies) == 2 * (len(candidates) - len(confirmed))
    assert confirmed, "somebody is there to be released"
    ends = at_once(
        *(
            partial(engine.oversight.reviews.release, police["investigator"], case_id)
            for engine in (gallery, other, gallery, other)
        )
    )
    assert all(end == ends[0] for end in ends), "whoever comes later is told the same"
    with gallery._database.read() as connection:
        released = reviews.releases(connection, case_id)
        recipients = connection.scalar(select(func.count()).select_from(schema.disclosures))
        counts = oversight_tables.customer_counts
        counted = connection.scalar(select(func.sum(counts.c.count)).where(counts.c.what == "releases"))
    assert sorted(one.item_id for one in released) == sorted(one.item_id for one in confirmed)
    assert (recipients, counted) == (len(confirmed), len(confirmed))
    log = other._witness.log
    assert [entry.event for entry in log.entries(0, log.size)].count("candidate.released") == len(confirmed)
    assert other.log.fsck().ok
