"""Enrolment of photographs: for somebody who waits, and as long work between searches.

Rules kept here: whoever calls has looked at the permission, and it is looked at again with every group that is
written; the index is saved when enough has changed, not after every photograph.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from countenance.custody.erasure.errand import Progress
from countenance.custody.permission.ledger import Ledger
from countenance.engine import answers
from countenance.engine.turns import Turns
from countenance.recognition.gallery import bulk
from countenance.recognition.gallery.bulk import Picture, Turn, enrol_all
from countenance.recognition.gallery.current import CurrentIndex
from countenance.recognition.gallery.enrol import Enroller, Item, Prepared
from countenance.store.subjects import SubjectRow

_SAVE_AFTER_CHANGES = 200
"""Changes after which an enrolment writes a new index snapshot; fewer are quicker to follow than to write."""

_SAVE_AFTER_PART = 200
"""The same as a part of the index, one in so many: a large snapshot is slow to write, and changes are quick."""

Preparing = Callable[[str, bytes], Prepared]
"""Reads and recognises a photograph: given its name and its bytes."""


class Enrolling:
    """Enrols photographs of one gallery's subjects."""

    def __init__(
        self,
        ledger: Ledger,
        enroller: Enroller,
        turns: Turns,
        preparing: Callable[[str, Turn], Preparing],
        read: Callable[[Picture], bytes],
        model: Callable[[], str],
        searchable: Callable[[], CurrentIndex],
    ) -> None:
        """``preparing`` is given a model and the turn that each photograph takes; ``model`` and ``searchable`` are
        those in use now."""
        self._ledger = ledger
        self._enroller = enroller
        self._turns = turns
        self._preparing = preparing
        self._read = read
        self._model = model
        self._searchable = searchable

    def now(
        self, owner: SubjectRow, images: Sequence[Picture], face: int | None, progress: Progress | None = None
    ) -> answers.Enrolment:
        """Enrol photographs of a subject while somebody waits."""
        model, turn = self._model(), self._turns.at_once
        prepare = self._preparing(model, turn)
        groups = enrol_all(
            self._enroller, prepare, self._read, owner, images,
            model=model, face=face, progress=progress, turn=turn,
        )  # fmt: skip
        done = answers.Enrolment(self._ledger.name(owner), tuple(chain.from_iterable(groups)), model)
        self._save()
        return done

    def between(
        self,
        owner: SubjectRow,
        images: Sequence[Picture],
        face: int | None,
        read: Callable[[Picture], bytes],
        still: Callable[[], None],
    ) -> Generator[Sequence[Item], None, None]:
        """The same as long work; ``read`` is given each of ``images`` once. Yields what became of each.

        ``still`` is asked before each is recognised and before a group is written; what it raises ends the work.
        """

        @contextmanager
        def turn() -> Iterator[None]:
            with self._turns.between():
                still()
                yield

        model = self._model()
        prepare = self._preparing(model, turn)
        try:
            yield from enrol_all(
                self._enroller, prepare, read, owner, images,
                model=model, face=face, turn=turn, together=bulk.TOGETHER,
            )  # fmt: skip
        finally:
            self._save()

    def _save(self) -> None:
        index = self._searchable()
        index.save(at_least=max(_SAVE_AFTER_CHANGES, index.size() // _SAVE_AFTER_PART))
