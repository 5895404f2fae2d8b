"""Whose account an export is of: remembered under the subject as keyed fingerprints, refused once it was erased.

Rules kept here:

* An account's own name or number is in memory only while its export is read; what is stored is a fingerprint that
  says nothing without the key ring.
* The fingerprints are rows about the subject and go with her; what stays of them is a list of the erased.
* An erased account is taken in again for nobody but the subject it was erased with, and she is on record again
  only by her own statement (the ledger of permissions sees to that).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import Connection

from countenance.collection.exports.account import account_findings
from countenance.collection.exports.layouts import Fact
from countenance.custody.residency.register import Register
from countenance.errors import AccountSuppressed
from countenance.store import collecting, suppression
from countenance.store.database import Database
from countenance.store.subjects import SubjectRow
from countenance.vault.keys import KeyRing


class Accounts:
    """The accounts behind the exports of one gallery."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring

    def tags(self, identifiers: Iterable[str]) -> tuple[bytes, ...]:
        """The keyed fingerprints of what an export says its account is called."""
        return tuple(self._ring.fingerprint("export-account", one.encode()) for one in sorted(identifiers))

    def refuse_erased(self, owner: SubjectRow, tags: Iterable[bytes], connection: Connection | None = None) -> None:
        """Raises AccountSuppressed for an account that was erased with somebody else than ``owner`` now is."""
        if connection is None:
            with self._database.read() as connection:
                return self.refuse_erased(owner, tags, connection)
        if suppression.refuses_export(connection, owner.name_tag, list(tags)):
            raise AccountSuppressed(
                "The account that this export is of was erased here and is not taken in again by itself.",
                remedy="If whom it was erased with returns, record that with: countenance permit --returning",
            )
        return None

    def remember(self, connection: Connection, owner: SubjectRow, tags: Iterable[bytes]) -> None:
        """Put the accounts on record as the subject's. Raises AccountSuppressed, and then nothing is."""
        known = list(tags)
        self.refuse_erased(owner, known, connection)
        collecting.add_accounts(connection, owner.subject_id, known)

    def evidence(
        self, register: Register, owner: SubjectRow, facts: Mapping[Fact, str], on: date, source: str
    ) -> int:
        """Record what an account says of its owner's residence, unless the same is on record from there."""
        findings = account_findings(facts, on)
        known = {(e.signal, e.value) for e in register.of(owner) if e.source == source} if findings else set()
        fresh = [finding for finding in findings if (finding.signal, finding.value) not in known]
        if fresh:
            with self._database.write() as connection:
                for finding in fresh:
                    register.record(connection, owner, finding, source=source)
        return len(fresh)
