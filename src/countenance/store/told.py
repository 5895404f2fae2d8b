"""What evidence says of whole galleries, quickly: subjects of whom the same is told, found by a mark on each row.

Rules kept here: two subjects are alike only when everything that a judgement looks at is the same; whoever may be
different is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

import numpy as np
from sqlalchemy import Connection, select

from countenance.store import schema
from countenance.store.among import among
from countenance.store.batches import STATEMENT_ITEMS, pieces
from countenance.store.tuples import tuples
from countenance.terms import Ids

_t = schema.residency_evidence

_CONTRADICTS = 1
_ABOUT_AN_IMAGE = 2
_BITS = _CONTRADICTS | _ABOUT_AN_IMAGE


def told_mark(
    predicate: str,
    places: Sequence[str],
    tier: str,
    signal: str,
    valid_from: str | None,
    valid_to: str | None,
    *,
    contradicts: bool,
    about_an_image: bool,
) -> int:
    """A number below 2**63 that is the same for all pieces of evidence that say the same thing.

    Cut from a SHA-256, so that two that say different things share one by no accident. The last two bits are set
    where a piece says that another is wrong, and where it is about one image: for everybody that is something else.
    """
    said = "\x1f".join((predicate, " ".join(places), tier, signal, valid_from or "", valid_to or ""))
    number = int.from_bytes(sha256(said.encode()).digest()[:8], "big") >> 1
    return (number & ~_BITS) | (_CONTRADICTS if contradicts else 0) | (_ABOUT_AN_IMAGE if about_an_image else 0)


def groups(
    connection: Connection, everyone: Sequence[int], apart: Mapping[int, int], *, by_image: bool
) -> Iterator[list[int]]:
    """The subjects ``everyone`` in groups of whom the same is told; the first of each can speak for all.

    Only who has the same number in ``apart`` (0 where there is none) can be alike; where images matter
    (``by_image``), whoever has evidence about one is alone.
    """
    numbers = np.array(sorted(everyone), np.int64)
    told_of, marks = _marks(connection, numbers.tolist())
    alone = _CONTRADICTS | (_ABOUT_AN_IMAGE if by_image else 0)
    closely = np.intersect1d(told_of[(marks & alone) != 0], numbers)
    for number in closely.tolist():
        yield [number]
    rest = np.setdiff1d(numbers, closely, assume_unique=True)
    others = np.array([apart.get(number, 0) for number in rest.tolist()] if apart else 0 * rest, np.int64)
    for group in alike(rest, told_of, marks, others):
        yield group.tolist()


def alike(everyone: Ids, told_of: Ids, marks: Ids, apart: Ids) -> Iterator[Ids]:
    """Groups of the subjects ``everyone`` (ascending) whose evidence has the same marks.

    ``told_of`` and ``marks``, sorted by subject and then mark, say whom each piece of evidence is about and what it
    says. ``apart`` is a number for each of ``everyone``; only who has the same one can be alike.
    """
    known = np.isin(told_of, everyone)
    told_of, marks = told_of[known], marks[known]
    first = np.flatnonzero(np.diff(told_of, prepend=-1))
    pieces_each = np.diff(first, append=len(told_of))
    count = np.zeros(len(everyone), np.int64)
    count[np.searchsorted(everyone, told_of[first])] = pieces_each
    for number in np.unique(count).tolist():
        members = everyone[count == number]
        beginnings = first[pieces_each == number]
        kind = apart[count == number]
        for place in range(number):
            _, said = np.unique(marks[beginnings + place], return_inverse=True)
            _, kind = np.unique(kind * (said.max() + 1) + said, return_inverse=True)
        order = np.argsort(kind, kind="stable")
        yield from np.split(members[order], np.flatnonzero(np.diff(kind[order])) + 1)


def _marks(connection: Connection, subject_ids: Sequence[int]) -> tuple[Ids, Ids]:
    """Subject and mark of each piece of evidence about at least these, by subject, then mark; an index has both."""
    query = select(_t.c.subject_id, _t.c.told_mark).order_by(_t.c.subject_id, _t.c.told_mark)
    if len(subject_ids) <= STATEMENT_ITEMS:
        query = query.where(among(connection, _t.c.subject_id, subject_ids))
    found = tuples(connection, query)
    pairs = np.array(found, np.int64).reshape(len(found), 2)
    return pairs[:, 0], pairs[:, 1]


Told = tuple[int, str, str | None, str, str, str, str, str | None, str | None, str]
"""subject, evidence id, image id, predicate, places, tier, signal, valid from, valid to, contradicts"""


def told(connection: Connection, subject_ids: Sequence[int]) -> dict[int, tuple[Told, ...]]:
    """What evidence says about these subjects, without where it came from; of who is alike in the same order."""
    query = select(
        _t.c.subject_id,
        _t.c.evidence_id,
        _t.c.image_id,
        _t.c.predicate,
        _t.c.places,
        _t.c.tier,
        _t.c.signal,
        _t.c.valid_from,
        _t.c.valid_to,
        _t.c.contradicts,
    ).order_by(_t.c.subject_id, _t.c.told_mark, _t.c.evidence_id)
    found: dict[int, list[Told]] = {}
    for some in pieces(subject_ids):
        for line in tuples(connection, query.where(among(connection, _t.c.subject_id, some))):
            found.setdefault(line[0], []).append(line)
    return {number: tuple(lines) for number, lines in found.items()}
