"""What is remembered of the erased so that it is not taken in again: keyed fingerprints, never a template.

Rules kept here: an account that was erased is refused unless the subject states that she returns (the ledger of
permissions asks), and so is every export of a platform's account that was erased with her; an erased photograph, or
a near copy of it, is refused in the compartment in which it was erased, unless the very subject it was erased for
has since given a new permission; what an order erased is refused to everybody, in every compartment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, Table, func, insert, select, update

from countenance.holding import Holding
from countenance.store import collection_tables, schema
from countenance.store.batches import pieces
from countenance.store.tuples import tuples
from countenance.terms import CompartmentId, SubjectId

_a = schema.suppressed_accounts
_e = schema.suppressed_exports
_i = schema.suppressed_images
_l = schema.suppressed_likenesses

BAND_BYTES = 8
ORDER = "order"
HOLDER = "suppression"
"""Under this name an erasure's counts tell what is kept of it, beside what each Holder held."""

_WHAT: dict[Table, str] = {
    _a: "keyed fingerprints of names",
    _e: "keyed fingerprints of exports' accounts",
    _i: "keyed fingerprints of images",
}


def remember(
    connection: Connection,
    erasure_id: str,
    ground: str,
    subject_ids: Sequence[SubjectId],
    images_of: Sequence[SubjectId],
) -> None:
    """Remember whose erasure begins, as the keyed fingerprints already stored.

    Names and accounts of ``subject_ids``, who go as a whole, and images of ``images_of``. What is remembered
    already counts for this erasure too, and what an order erases becomes refused to everybody.
    """
    s = schema.subjects
    counted = dict.fromkeys(_WHAT, 0)
    whole, pictured = set(subject_ids), set(images_of)
    for some in pieces(sorted(whole | pictured)):
        query = select(s.c.subject_id, s.c.name_tag, s.c.compartment_id).where(s.c.subject_id.in_(some))
        owners = {row[0]: (bytes(row[1]), row[2]) for row in connection.execute(query)}
        going = {number: owners[number] for number in owners if number in whole}
        counted[_a] += _remember_names(connection, erasure_id, ground, list(going.values()))
        counted[_e] += _remember_exports(
            connection, erasure_id, {number: tag for number, (tag, _) in going.items()}
        )
        shown = {number: owners[number] for number in owners if number in pictured}
        counted[_i] += _remember_images(connection, erasure_id, ground, shown)
    rows = [
        {"erasure_id": erasure_id, "holder": HOLDER, "what": _WHAT[table], "count": number}
        for table, number in counted.items()
        if number
    ]
    if rows:
        connection.execute(insert(schema.erasure_counts), rows)


def _remember_names(connection: Connection, erasure_id: str, ground: str, owners: list[tuple[bytes, int]]) -> int:
    tags = [tag for tag, _ in owners]
    known = {bytes(tag) for tag in connection.scalars(select(_a.c.name_tag).where(_a.c.name_tag.in_(tags)))}
    values = [
        {"name_tag": tag, "erasure_id": erasure_id, "ground": ground, "compartment_id": compartment}
        for tag, compartment in owners
        if tag not in known
    ]
    if values:
        connection.execute(insert(_a), values)
    return len(tags)


def _remember_exports(connection: Connection, erasure_id: str, names: dict[int, bytes]) -> int:
    a = collection_tables.export_accounts
    query = select(a.c.subject_id, a.c.account_tag).where(a.c.subject_id.in_(list(names)))
    wanted = {(bytes(row[1]), names[row[0]]) for row in connection.execute(query)}
    fresh = set(wanted)
    for some in pieces(sorted({account for account, _ in wanted})):
        held = select(_e.c.account_tag, _e.c.name_tag).where(_e.c.account_tag.in_(some))
        fresh -= {(bytes(row[0]), bytes(row[1])) for row in connection.execute(held)}
    if fresh:
        values = [
            {"account_tag": account, "name_tag": name, "erasure_id": erasure_id} for account, name in sorted(fresh)
        ]
        connection.execute(insert(_e), values)
    return len(wanted)


def _remember_images(
    connection: Connection, erasure_id: str, ground: str, owners: dict[int, tuple[bytes, int]]
) -> int:
    images = schema.images
    query = select(images.c.subject_id, images.c.digest_tag, images.c.likeness_tags)
    rows = connection.execute(query.where(images.c.subject_id.in_(list(owners)))).all()
    wanted = {(bytes(row.digest_tag), owners[row.subject_id]): row.likeness_tags for row in rows}
    held: set[tuple[bytes, bytes]] = set()
    for some in pieces([digest for digest, _ in wanted]):
        here = _i.c.digest_tag.in_(some)
        held |= {
            (bytes(r[0]), bytes(r[1]))
            for r in connection.execute(select(_i.c.digest_tag, _i.c.name_tag).where(here))
        }
    values = [
        {
            "digest_tag": digest,
            "name_tag": name,
            "likeness_tags": likeness,
            "ground": ground,
            "erasure_id": erasure_id,
            "compartment_id": compartment,
        }
        for (digest, (name, compartment)), likeness in wanted.items()
        if (digest, name) not in held
    ]
    if values:
        connection.execute(insert(_i), values)
        _remember_likenesses(connection, {digest: likeness for (digest, _), likeness in wanted.items()})
    if ground == ORDER:
        for digest, (name, _) in wanted:
            if (digest, name) in held:
                the_one = (_i.c.digest_tag == digest) & (_i.c.name_tag == name)
                connection.execute(update(_i).where(the_one).values(ground=ground))
    return len(wanted)


def _remember_likenesses(connection: Connection, likenesses: dict[bytes, bytes | None]) -> None:
    wanted = {(band, digest) for digest, tags in likenesses.items() for band in _bands(tags)}
    for some in pieces(sorted({digest for _, digest in wanted})):
        query = select(_l.c.band_tag, _l.c.digest_tag).where(_l.c.digest_tag.in_(some))
        wanted -= {(row[0], row[1]) for row in connection.execute(query)}
    if wanted:
        connection.execute(
            insert(_l), [{"band_tag": band, "digest_tag": digest} for band, digest in sorted(wanted)]
        )


def accounts(connection: Connection, name_tags: Sequence[bytes]) -> set[bytes]:
    """Those of these keyed fingerprints of names whose bearers were erased."""
    found: set[bytes] = set()
    for some in pieces(name_tags):
        found.update(bytes(tag) for tag in connection.scalars(select(_a.c.name_tag).where(_a.c.name_tag.in_(some))))
    return found


def refuses_export(connection: Connection, name_tag: bytes, account_tags: Sequence[bytes]) -> bool:
    """Whether one of these keyed fingerprints is of an account that was erased, and not with the subject of this
    name.
    """
    owners: dict[bytes, set[bytes]] = {}
    for some in pieces(account_tags):
        for row in connection.execute(select(_e.c.account_tag, _e.c.name_tag).where(_e.c.account_tag.in_(some))):
            owners.setdefault(bytes(row[0]), set()).add(bytes(row[1]))
    return any(name_tag not in names for names in owners.values())


def refused(
    connection: Connection,
    name_tag: bytes,
    images: Sequence[tuple[bytes, bytes | None]],
    *,
    bands_alike: int,
    compartment: CompartmentId,
) -> set[bytes]:
    """Fingerprints of those images that may not be taken in for the subject with this name in this compartment.

    ``images`` are fingerprints of bytes and of likeness. An image is refused that was erased (same bytes, or at
    least ``bands_alike`` equal parts of its perceptual hash) for somebody else in the same compartment, or by an
    order.
    """
    alike: dict[bytes, set[bytes]] = {digest: {digest} for digest, _ in images}
    having: dict[bytes, list[bytes]] = {}
    for digest, likeness in dict(images).items():  # the same bytes twice are counted once
        for band in _bands(likeness):
            having.setdefault(band, []).append(digest)
    shared: Counter[tuple[bytes, bytes]] = Counter()
    for some in pieces(list(having)):
        query = select(_l.c.band_tag, _l.c.digest_tag).where(_l.c.band_tag.in_(some))
        for band, erased in tuples(connection, query):
            shared.update((bytes(erased), digest) for digest in having[bytes(band)])
    for (erased, digest), parts in shared.items():
        if parts >= bands_alike:
            alike.setdefault(erased, set()).add(digest)
    others = (_i.c.name_tag != name_tag) & (_i.c.compartment_id == compartment)
    found: set[bytes] = set()
    for some in pieces(list(alike)):
        query_i = select(_i.c.digest_tag).where(_i.c.digest_tag.in_(some), (_i.c.ground == ORDER) | others)
        for digest in connection.scalars(query_i):
            found |= alike[bytes(digest)]
    return found


def count(connection: Connection, erasure_id: str) -> list[Holding]:
    """What is kept of an erasure, for its certificate."""
    c = schema.erasure_counts
    query = select(c.c.what, c.c.count).where(c.c.erasure_id == erasure_id, c.c.holder == HOLDER).order_by(c.c.what)
    kept = [Holding(HOLDER, row[0], row[1]) for row in connection.execute(query)]
    return kept or _first_remembered(connection, erasure_id)


def _first_remembered(connection: Connection, erasure_id: str) -> list[Holding]:
    """As erasures were counted that had begun under version 0010 of the schema, or before."""
    found = []
    for table, what in _WHAT.items():
        query = select(func.count()).select_from(table).where(table.c.erasure_id == erasure_id)
        found.append(Holding(HOLDER, what, connection.scalar(query) or 0))
    return [holding for holding in found if holding.count]


def _bands(tags: bytes | None) -> list[bytes]:
    """The parts of a stored likeness, each with its place, so that only the same parts are compared."""
    if not tags:
        return []
    parts = [tags[at : at + BAND_BYTES] for at in range(0, len(tags), BAND_BYTES)]
    return [place.to_bytes(1, "big") + part for place, part in enumerate(parts)]
