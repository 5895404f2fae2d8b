"""What every table is made with: the one MetaData, and the two kinds of column that databases disagree about."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Number = BigInteger().with_variant(Integer, "sqlite")
"""SQLite gives row numbers only to columns declared INTEGER."""

Moment = String(32)
"""RFC 3339 in UTC, as clock.to_text writes it: sorts as it reads, on every database."""
