"""What is remembered of the erased so that it is not taken in again: keyed fingerprints, never a template.

Rules kept here: an account that was erased is refused unless the subject states that she returns (the ledger of
permissions asks); an erased photograph, or a near copy of it, is refused in the compartment in which it was erased,
unless the very subject it was erased for has since given a new permission; what an order erased is refused to
everybody, in every compartment.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from countenance.holding import Holding
from countenance.store import schema
from countenance.store.batches import pieces
from countenance.terms import CompartmentId, SubjectId

_a = schema.suppressed_accounts
_i = schema.suppressed_images
_l = schema.suppressed_likenesses

BAND_BYTES = 8
ORDER = "order"


def remember(connection: Connection, erasure_id: str, ground: str, subject_ids: Sequence[SubjectId]) -> None:
    """Remember the names and images of subjects whose erasure begins, as the keyed fingerprints already stored."""
    s, images = schema.subjects, schema.images
    for some in pieces(subject_ids):
        query = select(s.c.subject_id, s.c.name_tag, s.c.compartment_id).where(s.c.subject_id.in_(some))
        found = connection.execute(query).all()
        names = {row[0]: row[1] for row in found}
        compartments = {row[1]: row[2] for row in found}
        known = set(connection.scalars(select(_a.c.name_tag).where(_a.c.name_tag.in_(list(names.values())))))
        accounts = [
            {
                "name_tag": tag,
                "erasure_id": erasure_id,
                "ground": ground,
                "compartment_id": compartments[tag],
            }
            for tag in names.values()
            if tag not in known
        ]
        if accounts:
            connection.execute(insert(_a), accounts)
        held_images = select(images.c.subject_id, images.c.digest_tag, images.c.likeness_tags)
        rows = connection.execute(held_images.where(images.c.subject_id.in_(some))).all()
        held = {
            (row[0], row[1])
            for part in pieces([row.digest_tag for row in rows])
            for row in connection.execute(select(_i.c.digest_tag, _i.c.name_tag).where(_i.c.digest_tag.in_(part)))
        }
        fresh = {(row.digest_tag, names[row.subject_id]): row.likeness_tags for row in rows}
        values = [
            {
                "digest_tag": digest,
                "name_tag": name,
                "likeness_tags": likeness,
                "ground": ground,
                "erasure_id": erasure_id,
                "compartment_id": compartments[name],
            }
            for (digest, name), likeness in fresh.items()
            if (digest, name) not in held
        ]
        if values:
            connection.execute(insert(_i), values)
            _remember_likenesses(connection, {digest: likeness for (digest, _), likeness in fresh.items()})


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


def refuses(
    connection: Connection,
    name_tag: bytes,
    digest_tag: bytes,
    likeness_tags: bytes | None,
    *,
    bands_alike: int,
    compartment: CompartmentId,
) -> bool:
    """Whether an image may not be taken in for the subject with this name in this compartment.

    It is one that was erased (same bytes, or at least ``bands_alike`` equal parts of its perceptual hash) for
    somebody else in the same compartment, or by an order.
    """
    alike = {digest_tag}
    bands = _bands(likeness_tags)
    if bands:
        query = select(_l.c.digest_tag).where(_l.c.band_tag.in_(bands))
        query = query.group_by(_l.c.digest_tag).having(func.count() >= bands_alike)
        alike.update(connection.scalars(query))
    query_i = select(func.count()).select_from(_i).where(_i.c.digest_tag.in_(alike))
    others = (_i.c.name_tag != name_tag) & (_i.c.compartment_id == compartment)
    return (connection.scalar(query_i.where((_i.c.ground == ORDER) | others)) or 0) > 0


def count(connection: Connection, erasure_id: str) -> list[Holding]:
    """What is kept of an erasure, for its certificate."""
    kept = []
    for table, what in ((_a, "keyed fingerprints of names"), (_i, "keyed fingerprints of images")):
        query = select(func.count()).select_from(table).where(table.c.erasure_id == erasure_id)
        kept.append(Holding("suppression", what, connection.scalar(query) or 0))
    return [holding for holding in kept if holding.count]


def _bands(tags: bytes | None) -> list[bytes]:
    """The parts of a stored likeness, each with its place, so that only the same parts are compared."""
    if not tags:
        return []
    parts = [tags[at : at + BAND_BYTES] for at in range(0, len(tags), BAND_BYTES)]
    return [place.to_bytes(1, "big") + part for place, part in enumerate(parts)]
