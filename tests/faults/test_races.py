"""What goes on in other threads and processes at the worst moment: searches stay whole, the erased stay out."""

from __future__ import annotations

import threading

import pytest

from countenance.custody.permission.ledger import Ledger
from countenance.errors import PermissionRefused
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store.subjects import SubjectRow
from countenance.vault.blobs import FolderBlobs
from countenance.vault.keys import KeyRing
from tests.galleries import Galleries, names, permit, row, search, template

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
