"""Many photographs of one subject, or many templates of many subjects, with progress and without losing the place.

Rules kept here: one bad photograph never stops the others; a full disk or a withdrawn permission does; photographs
are read and recognised ahead by a few threads while this one writes, a group at a time, and memory holds only those
few, fewer where they are large.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

import numpy as np

from countenance import clock
from countenance.clock import Clock
from countenance.custody.erasure.errand import Progress
from countenance.custody.permission.ledger import Ledger
from countenance.custody.permission.record import Asked
from countenance.errors import CountenanceError, FaceError, ImageError, VectorsInvalid
from countenance.recognition.gallery.enrol import Chosen, Enroller, Item, Outcome, Prepared, choose
from countenance.recognition.gallery.sealed import seal_template
from countenance.store import feed, numbering, references
from countenance.store.database import Database
from countenance.store.references import ReferenceRow, Source
from countenance.store.subjects import SubjectRow
from countenance.terms import GALLERYS_OWN, ArtefactClass, CompartmentId, ReferenceId, SubjectId, Vectors
from countenance.vault.sealing import Vault

Picture = Path | bytes
"""A photograph as a caller gives it: a file, or its bytes."""

ROWS_AT_ONCE = 500
"""Templates written in one transaction. A search that wants to be put on record waits for at most one of these."""

TOGETHER = 16
"""Photographs that long work writes in one transaction: its cost, and the waiting for the disk, is then shared."""

_MOST_BYTES = 64 * 1024 * 1024
"""Photographs that are read and not yet written: when these take up so much memory, only ``_FEW`` more are read."""

_FEW = 4

Turn = Callable[[], AbstractContextManager[object]]
"""Held while a photograph is recognised, or a group is written; waits while something more urgent is at work."""


def enrol_all(
    enroller: Enroller,
    prepare: Callable[[str, bytes], Prepared],
    read: Callable[[Picture], bytes],
    subject: SubjectRow,
    pictures: Sequence[Picture],
    *,
    model: str,
    face: int | None,
    progress: Progress | None = None,
    threads: int = 2,
    turn: Turn = nullcontext,
    together: int = 1,
) -> Iterator[list[Item]]:
    """Enrol ``pictures`` in order, ``together`` at a time; yields what became of each group when it is written.

    ``prepare`` takes the turn of a photograph itself, ``turn`` is that of a group.

    ``progress`` is called for each photograph when its group is written; what it raises ends the enrolment there.
    """
    known = enroller.known(subject) if len(pictures) > TOGETHER else None

    def work(number: int, picture: Picture) -> Prepared | Item:
        name = picture_name(picture, number)
        try:
            data = read(picture)
            tag = enroller.digest_tag(data)
            if tag in (enroller.known(subject, [tag]) if known is None else known):
                return Item(name, Outcome.ALREADY)
            return prepare(name, data)
        except ImageError as error:
            return _failed(name, error)

    pool = ThreadPoolExecutor(threads, thread_name_prefix="enrol")
    waiting: deque[Future[Prepared | Item]] = deque()
    rest = iter(enumerate(pictures, 1))

    def read_on() -> None:
        most = max(_FEW, together) if sum(map(_weight, waiting)) < _MOST_BYTES else _FEW
        waiting.extend(pool.submit(work, *one) for one in islice(rest, max(0, most - len(waiting))))

    try:
        read_on()
        done = 0
        while waiting:
            ready: list[Prepared | Item] = []
            weight = 0
            while waiting and len(ready) < together and weight < _MOST_BYTES:
                weight += _weight(waiting[0], wait=True)
                ready.append(waiting.popleft().result())
                read_on()
            with turn():
                items = _write(enroller, subject, ready, model, face)
            for item in items:
                done += 1
                if progress is not None:
                    progress(done, len(pictures), item.image)
            yield items
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _weight(future: Future[Prepared | Item], *, wait: bool = False) -> int:
    """Bytes that a photograph takes up, as far as that is known without waiting for it."""
    if not wait and not future.done():
        return 0
    if future.exception() is not None:
        return 0
    ready = future.result()
    return 0 if isinstance(ready, Item) else len(ready.data) + ready.picture.pixels.nbytes


def picture_name(picture: Picture, number: int) -> str:
    """What messages call a photograph: its file name, or its place in the list.

    A file name may hold bytes that are no text; they become the replacement character, so that the name can be
    sealed and printed.
    """
    if not isinstance(picture, Path):
        return f"image {number}"
    return os.fsencode(picture.name).decode("utf-8", "replace")


def _write(
    enroller: Enroller, subject: SubjectRow, ready: Sequence[Prepared | Item], model: str, face: int | None
) -> list[Item]:
    """Write a group of photographs; what became of each of ``ready``, in order."""
    done: dict[int, Item] = {}
    chosen: dict[int, Chosen] = {}
    for place, one in enumerate(ready):
        if isinstance(one, Item):
            done[place] = one
            continue
        try:
            chosen[place] = Chosen(one, choose(one, face))
        except FaceError as error:
            done[place] = _failed(one.name, error)
    if chosen:
        made = enroller.enrol_together(subject, list(chosen.values()), model)
        for (place, photograph), item in zip(chosen.items(), made, strict=True):
            done[place] = item if isinstance(item, Item) else _failed(photograph.prepared.name, item)
    return [done[place] for place in range(len(ready))]


def _failed(name: str, error: CountenanceError) -> Item:
    return Item(name, Outcome.FAILED, code=error.code, message=str(error), remedy=error.remedy or None)


@dataclass(frozen=True, slots=True, eq=False)
class TemplateRow:
    """A template made elsewhere by the gallery's own model, with the permission it comes under."""

    subject: str
    template: Vectors
    """Shape (dimensions,), float32, unit length."""
    purposes: tuple[str, ...]
    residence: str
    until: date
    source: Source = Source.IMPORTED
    release: str = ""
    """Where the signed written release is kept, for laws that ask for one."""


class TemplateImport:
    """Writes templates that come without images: from another gallery, or simulated."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        ledger: Ledger,
        clock: Clock,
        *,
        admit: Callable[[Sequence[Asked]], object],
        arrived: Callable[[Sequence[SubjectId]], object],
        compartment: CompartmentId = GALLERYS_OWN,
    ) -> None:
        """All subjects are those of ``compartment``.

        ``admit`` raises when an order forbids one; ``arrived`` is told of subjects before their templates."""
        self._admit = admit
        self._arrived = arrived
        self._compartment = compartment
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._clock = clock

    def write(
        self,
        rows: Iterable[TemplateRow],
        *,
        model: str,
        dimensions: int,
        progress: Progress | None = None,
        batch: int = ROWS_AT_ONCE,
    ) -> int:
        """Record each row's permission and reference, ``batch`` rows to a transaction; returns how many.

        Raises VectorsInvalid (a row of the wrong length, not finite, or not of unit length) or
        PermissionInvalid, or OrderForbids, before the batch that holds the row is written.
        """
        source, done = iter(rows), 0
        while some := list(islice(source, batch)):
            for row in some:
                _check(row, dimensions)
            self._write(some, model)
            done += len(some)
            if progress is not None:
                progress(done, None, "templates")
        return done

    def _write(self, rows: Sequence[TemplateRow], model: str) -> None:
        first: dict[str, TemplateRow] = {}
        for row in rows:
            first.setdefault(row.subject, row)
        asked = [Asked(r.subject, r.purposes, r.residence, r.until, release=r.release) for r in first.values()]
        self._admit(asked)
        self._ledger.give(asked, self._compartment)
        owners = self._ledger.find_all([row.subject for row in rows], self._compartment)
        self._arrived([owner.subject_id for owner in owners.values()])
        with self._database.write() as connection:
            numbers = numbering.reserve_references(connection, len(rows))
            versions = self._ledger.versions(connection, [owner.subject_id for owner in owners.values()])
        # Sealing takes longer than writing, so it is done while others may write.
        made = self._sealed(rows, owners, versions, numbers, model)
        with self._database.write() as connection:
            self._ledger.versions(connection, sorted(versions))  # withdrawn meanwhile: refused
            references.add(connection, made)
            feed.announce(connection, feed.Change.ADD, [row.reference_id for row in made])

    def _sealed(
        self,
        rows: Sequence[TemplateRow],
        owners: dict[str, SubjectRow],
        versions: dict[SubjectId, int],
        numbers: range,
        model: str,
    ) -> list[ReferenceRow]:
        now = clock.to_text(self._clock.now())
        sealers = {
            owner.subject_id: self._vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.TEMPLATE)
            for owner in owners.values()
        }
        made = []
        for number, row in zip(numbers, rows, strict=True):
            owner = owners[row.subject].subject_id
            reference_id, version = ReferenceId(number), versions[owner]
            sealed = seal_template(sealers[owner], row.template, reference_id, version)
            made.append(
                ReferenceRow(
                    reference_id, owner, None, model, version, len(row.template), sealed, None, row.source, now
                )
            )
        return made


def _check(row: TemplateRow, dimensions: int) -> None:
    values = np.asarray(row.template)
    if values.shape != (dimensions,):
        raise VectorsInvalid(f"A template of this model has {dimensions} numbers, not {values.shape}.")
    if not np.isfinite(values).all() or abs(float(np.linalg.norm(values)) - 1.0) > 1e-3:
        raise VectorsInvalid("A template is not finite or not of unit length.")
