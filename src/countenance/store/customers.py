"""Rows about customers: who they are, what they may name, whom a bar keeps out, and what the register counts."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, insert, select, update

from countenance.store import oversight_tables as tables

_c = tables.customers
_p = tables.customer_purposes
_b = tables.customer_blocks
_n = tables.customer_counts


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One customer. ``wrapped_key`` opens ``sealed_name`` together with the key slot."""

    customer_id: str
    customer_class: str
    jurisdiction: str
    legal_basis: str
    state: str
    registered_utc: str
    name_tag: bytes
    key_slot: int
    wrapped_key: bytes
    sealed_name: bytes
    purposes: frozenset[str]


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A class of customers, or all, private or public ones, that are kept out in a place."""

    block_id: str
    customers: str
    jurisdiction: str
    ground: str
    placed_utc: str
    lifted_utc: str | None


def add(connection: Connection, row: CustomerRow) -> None:
    """Insert a customer and its purposes."""
    connection.execute(
        insert(_c).values(
            {
                "customer_id": row.customer_id,
                "class": row.customer_class,
                "jurisdiction": row.jurisdiction,
                "legal_basis": row.legal_basis,
                "state": row.state,
                "registered_utc": row.registered_utc,
                "name_tag": row.name_tag,
                "key_slot": row.key_slot,
                "wrapped_key": row.wrapped_key,
                "sealed_name": row.sealed_name,
            }
        )
    )
    purposes = [{"customer_id": row.customer_id, "purpose": one} for one in sorted(row.purposes)]
    if purposes:
        connection.execute(insert(_p), purposes)


def get(connection: Connection, customer_id: str) -> CustomerRow | None:
    """One customer."""
    row = connection.execute(select(_c).where(_c.c.customer_id == customer_id)).one_or_none()
    if row is None:
        return None
    named = connection.scalars(select(_p.c.purpose).where(_p.c.customer_id == customer_id))
    return _row(row, frozenset(named))


def by_tag(connection: Connection, name_tag: bytes) -> str | None:
    """The id of the customer whose name has this keyed fingerprint."""
    return connection.scalar(select(_c.c.customer_id).where(_c.c.name_tag == name_tag))


def everyone(connection: Connection) -> list[CustomerRow]:
    """All customers, oldest first."""
    named: dict[str, set[str]] = {}
    for customer_id, purpose in connection.execute(select(_p.c.customer_id, _p.c.purpose)):
        named.setdefault(customer_id, set()).add(purpose)
    query = select(_c).order_by(_c.c.registered_utc, _c.c.customer_id)
    return [_row(row, frozenset(named.get(row.customer_id, ()))) for row in connection.execute(query)]


def set_state(connection: Connection, customer_id: str, state: str) -> bool:
    """Suspend a customer or let it go on; False when there is none."""
    query = update(_c).where(_c.c.customer_id == customer_id).values(state=state)
    return connection.execute(query).rowcount == 1


def block(connection: Connection, row: BlockRow) -> None:
    """Insert a block."""
    connection.execute(
        insert(_b).values(
            block_id=row.block_id,
            customers=row.customers,
            jurisdiction=row.jurisdiction,
            ground=row.ground,
            placed_utc=row.placed_utc,
            lifted_utc=row.lifted_utc,
        )
    )


def blocked(connection: Connection, block_id: str) -> BlockRow | None:
    """One block, standing or lifted."""
    row = connection.execute(select(_b).where(_b.c.block_id == block_id)).one_or_none()
    return None if row is None else BlockRow(*row)


def lift(connection: Connection, block_id: str, at_utc: str) -> bool:
    """End a block; False when none of that id stands."""
    where = (_b.c.block_id == block_id, _b.c.lifted_utc.is_(None))
    return connection.execute(update(_b).where(*where).values(lifted_utc=at_utc)).rowcount == 1


def blocks(connection: Connection) -> list[BlockRow]:
    """The blocks that stand, oldest first."""
    query = select(_b).where(_b.c.lifted_utc.is_(None)).order_by(_b.c.placed_utc, _b.c.block_id)
    return [BlockRow(*row) for row in connection.execute(query)]


def count(connection: Connection, customer_id: str, what: str) -> None:
    """One more of ``what`` for a customer."""
    where = (_n.c.customer_id == customer_id, _n.c.what == what)
    if connection.execute(update(_n).where(*where).values(count=_n.c.count + 1)).rowcount == 0:
        connection.execute(insert(_n).values(customer_id=customer_id, what=what, count=1))


def counted(connection: Connection) -> list[tuple[str, str, str, str, int]]:
    """Class, jurisdiction, legal basis, what and how many, summed over customers alike."""
    alike = (_c.c["class"], _c.c.jurisdiction, _c.c.legal_basis)
    query = (
        select(*alike, _n.c.what, func.sum(_n.c.count))
        .join(_n, _n.c.customer_id == _c.c.customer_id)
        .group_by(*alike, _n.c.what)
    )
    return [(row[0], row[1], row[2], row[3], int(row[4])) for row in connection.execute(query)]


def _row(row: Row[tuple[object, ...]], purposes: frozenset[str]) -> CustomerRow:
    return CustomerRow(
        row.customer_id,
        row._mapping["class"],
        row.jurisdiction,
        row.legal_basis,
        row.state,
        row.registered_utc,
        bytes(row.name_tag),
        row.key_slot,
        bytes(row.wrapped_key),
        bytes(row.sealed_name),
        purposes,
    )
