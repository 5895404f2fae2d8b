"""The consent ledger: gives a subject a number and keys when she first permits, and keeps every permission sealed.

Rules kept here:

* A subject comes into being with her first permission, never otherwise.
* Her name is stored as a keyed fingerprint (to find her) and sealed under her own key (to show her); destroying
  the key unlinks both.
* A name means somebody within one compartment only: two customers' subjects of one name are two subjects.
* What a new permission changes about searching is announced to the index in the same transaction.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.decide import Decision, Granted, Refused, decide, in_force
from countenance.custody.permission.record import Asked, PermissionRecord, check, subject_name
from countenance.errors import (
    AccountSuppressed,
    AnswerNotKept,
    KeyDestroyed,
    PermissionInvalid,
    PermissionRefused,
    SubjectUnknown,
)
from countenance.store import feed, orders, permissions, references, requests, residency, subjects, suppression
from countenance.store.database import Database
from countenance.store.permissions import PermissionRow, PermissionState
from countenance.store.residency import EvidenceRow
from countenance.store.subjects import SubjectRow, SubjectState
from countenance.terms import GALLERYS_OWN, ArtefactClass, CompartmentId, SubjectId
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the index needs to know of a subject's permissions: named purposes and the last day of any of them."""

    purposes: frozenset[str]
    last_day: int
    """Days since 1970-01-01 UTC."""


class Ledger:
    """Every permission of one gallery."""

    def __init__(self, database: Database, ring: KeyRing, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._ring = ring
        self._vault = vault
        self._clock = clock

    # -- giving ---------------------------------------------------------------------------------------------

    def give_once(
        self, asked: Asked, request_id: str | None, compartment: CompartmentId = GALLERYS_OWN
    ) -> tuple[PermissionRecord, bool]:
        """Record one permission, under the id of the request that asks for it; says whether it was there already.

        Raises what :meth:`give` raises; AnswerNotKept when it was recorded and has been erased since: a late
        repetition does not bring anybody back.
        """
        if request_id is None:
            return self.give([asked], compartment)[0], False
        name = subject_name(asked.subject)
        with self._database.read() as connection:
            owner = self._find(connection, [name], compartment).get(name)
            made = requests.marked(connection, request_id) == requests.MADE
        for row, record in [] if owner is None else self.records(owner):
            if row.permission_id == request_id:
                return record, True
        if made:
            raise AnswerNotKept("This permission was recorded, and what it allowed has been erased since.")
        return self.give([asked], compartment, request_id)[0], False

    def give(
        self, asked: Sequence[Asked], compartment: CompartmentId = GALLERYS_OWN, request_id: str | None = None
    ) -> list[PermissionRecord]:
        """Record permissions, all or none; subjects not yet on record get a number and keys.

        All of them are, or come to be, in ``compartment``. A single permission may be given ``request_id`` as its
        id. Raises PermissionInvalid or SubjectNameInvalid (nothing is recorded), PermissionRefused for a subject
        who is just being erased, AccountSuppressed for one who was and does not state that she returns.
        """
        now = self._clock.now()
        names = [subject_name(one.subject) for one in asked]
        for one in asked:  # every rule is checked before a key slot is spent
            check(one, now=now, record_id="", version=1)
        with self._database.write() as connection:
            known = self._find(connection, names, compartment)
            newcomers = [name for name in dict.fromkeys(names) if name not in known]
            self._refuse_erased(connection, asked, names, newcomers, compartment)
            majorities = self._majorities(connection, known)
            for one, name in zip(asked, names, strict=True):
                if one.guardian and one.born is None and name not in majorities:
                    raise PermissionInvalid(
                        "A guardian permits for a minor, and her permission ends at majority.",
                        remedy="Say when she was born with --born.",
                    )
                check(one, now=now, record_id="", version=1, comes_of_age=majorities.get(name))
            residence = {name: one.residence for name, one in zip(names, asked, strict=True)}
            fresh = self._newcomers(newcomers, residence, now, compartment)
            subjects.add(connection, list(fresh.values()))
            rows, records = self._records(connection, asked, names, known | fresh, now, request_id, majorities)
            permissions.add(connection, rows)
            residency.add(connection, [self._declaration(known | fresh, record) for record in records])
            returning = [row.subject_id for row in known.values()]
            feed.announce(connection, feed.Change.RELABEL, references.numbers_of(connection, returning))
            requests.mark(connection, request_id, requests.MADE)
        return records

    def _refuse_erased(
        self,
        connection: Connection,
        asked: Sequence[Asked],
        names: Sequence[str],
        newcomers: Sequence[str],
        compartment: CompartmentId,
    ) -> None:
        """An account that was erased comes back by the subject's own statement, and by nothing else."""
        tags = {name: self.tag(name, compartment) for name in newcomers}
        erased = suppression.accounts(connection, list(tags.values()))
        for place, (one, name) in enumerate(zip(asked, names, strict=True), 1):
            was_erased = tags.get(name) in erased
            if was_erased and not one.returning:
                which = "This account" if len(asked) == 1 else f"Account {place} of these {len(asked)}"
                raise AccountSuppressed(f"{which} was erased here and is not taken in again by itself.")
            if one.returning and not was_erased:
                raise PermissionInvalid(
                    "Nobody of this name was erased here, so there is nothing to return from.",
                    remedy="Leave --returning out.",
                )

    def _majorities(self, connection: Connection, known: dict[str, SubjectRow]) -> dict[str, date]:
        """Of subjects on record, the day on which they come of age, as far as their newest permission tells."""
        held = permissions.of_subjects(connection, [row.subject_id for row in known.values()])
        found = {}
        for name, row in known.items():
            if row.state is not SubjectState.ACTIVE or not held.get(row.subject_id):
                continue
            sealer = self._vault.sealer(row.subject_id, row.wrapped, ArtefactClass.METADATA)
            newest = held[row.subject_id][-1]
            sealed = sealer.unseal(newest.sealed_record, f"permission:{newest.permission_id}", newest.version)
            record = PermissionRecord.from_bytes(sealed)
            if record.comes_of_age:
                found[name] = date.fromisoformat(record.comes_of_age)
        return found

    def _newcomers(
        self, names: Sequence[str], residence: dict[str, str], now: datetime, compartment: CompartmentId
    ) -> dict[str, SubjectRow]:
        if not names:
            return {}
        rows = {}
        for slot, name in zip(self._ring.allot(len(names)), names, strict=True):
            subject_id = SubjectId(slot)
            wrapped = self._vault.new_keys(subject_id, residence[name])
            sealer = self._vault.sealer(subject_id, wrapped, ArtefactClass.METADATA)
            sealed_name = sealer.seal(name.encode(), "name", 0)
            rows[name] = SubjectRow(
                subject_id,
                self.tag(name, compartment),
                sealed_name,
                wrapped,
                SubjectState.ACTIVE,
                clock.to_text(now),
                compartment,
            )
        return rows

    def _records(
        self,
        connection: Connection,
        asked: Sequence[Asked],
        names: Sequence[str],
        rows: dict[str, SubjectRow],
        now: datetime,
        request_id: str | None,
        majorities: dict[str, date],
    ) -> tuple[list[PermissionRow], list[PermissionRecord]]:
        earlier = permissions.of_subjects(connection, [row.subject_id for row in rows.values()])
        versions = {subject_id: held[-1].version for subject_id, held in earlier.items()}
        made, records = [], []
        for one, name in zip(asked, names, strict=True):
            row = rows[name]
            if row.state is not SubjectState.ACTIVE:
                raise PermissionRefused(
                    "This subject is being erased; a new permission can be recorded when that is finished.",
                    remedy="Run: countenance expire",
                )
            version = versions[row.subject_id] = versions.get(row.subject_id, 0) + 1
            record = check(
                one,
                now=now,
                record_id=request_id or secrets.token_hex(16),
                version=version,
                comes_of_age=majorities.get(name),
            )
            if record.comes_of_age:
                majorities[name] = date.fromisoformat(record.comes_of_age)
            sealer = self._vault.sealer(row.subject_id, row.wrapped, ArtefactClass.METADATA)
            sealed = sealer.seal(record.to_bytes(), f"permission:{record.record_id}", version)
            made.append(
                PermissionRow(
                    record.record_id,
                    row.subject_id,
                    version,
                    PermissionState.GIVEN,
                    record.given_utc,
                    record.valid_until_utc,
                    frozenset(record.purposes),
                    sealed,
                )
            )
            records.append(record)
        return made, records

    def _declaration(self, rows: dict[str, SubjectRow], record: PermissionRecord) -> EvidenceRow:
        """The dated declaration of residence that comes with a permission: evidence of tier A."""
        row = rows[record.subject]
        evidence_id = secrets.token_hex(8)
        sealer = self._vault.sealer(row.subject_id, row.wrapped, ArtefactClass.METADATA)
        origin = {"source": f"permission-{record.version}", "extractor": "permit", "extractor_version": "1"}
        return EvidenceRow(
            evidence_id,
            row.subject_id,
            None,
            "resident_of",
            (record.residence,),
            "A",
            "declaration",
            record.given_utc,
            record.given_utc[:10],
            None,
            record.record_id,
            (),
            sealer.seal(json.dumps(origin).encode(), f"evidence:{evidence_id}", 0),
        )

    # -- asking ---------------------------------------------------------------------------------------------

    def tag(self, name: str, compartment: CompartmentId = GALLERYS_OWN) -> bytes:
        """The keyed fingerprint under which a subject's name is stored: another in each compartment."""
        if compartment == GALLERYS_OWN:
            return self._ring.fingerprint("subject-name", name.encode())
        return self._ring.fingerprint("compartment-subject-name", f"{compartment}:{name}".encode())

    def find(self, name: str, compartment: CompartmentId = GALLERYS_OWN) -> SubjectRow:
        """The subject of that name in that compartment. Raises SubjectUnknown."""
        wanted = subject_name(name)
        with self._database.read() as connection:
            row = self._find(connection, [wanted], compartment).get(wanted)
        if row is None:
            raise SubjectUnknown(f"Nobody called {wanted} is on record.")
        return row

    def find_all(self, names: Sequence[str], compartment: CompartmentId = GALLERYS_OWN) -> dict[str, SubjectRow]:
        """The subjects of these names that are on record in a compartment, by the names as given."""
        wanted = {name: subject_name(name) for name in names}
        with self._database.read() as connection:
            found = self._find(connection, list(wanted.values()), compartment)
        return {name: found[plain] for name, plain in wanted.items() if plain in found}

    def versions(self, connection: Connection, subject_ids: Sequence[SubjectId]) -> dict[SubjectId, int]:
        """The newest permission version in force of each subject. Raises PermissionRefused if one has none."""
        granted = {}
        for subject_id, decision in self.decisions(connection, subject_ids, None).items():
            match decision:
                case Refused(reason):
                    raise PermissionRefused(f"Nothing was enrolled: {reason}.")
                case Granted(_, version):
                    granted[subject_id] = version
        return granted

    def name(self, row: SubjectRow) -> str:
        """The subject's name, unsealed. Raises KeyDestroyed or SealBroken."""
        sealer = self._vault.sealer(row.subject_id, row.wrapped, ArtefactClass.METADATA)
        return sealer.unseal(row.sealed_name, "name", 0).decode()

    def names(self, subject_ids: Sequence[SubjectId]) -> dict[SubjectId, str]:
        """The names of these subjects, unsealed; without those who are being erased. Raises SealBroken."""
        with self._database.read() as connection:
            rows = subjects.by_ids(connection, subject_ids)
        found = {}
        for number, row in rows.items():
            with suppress(KeyDestroyed):
                found[number] = self.name(row)
        return found

    def records(self, row: SubjectRow) -> list[tuple[PermissionRow, PermissionRecord]]:
        """Every permission of a subject, unsealed, oldest first."""
        with self._database.read() as connection:
            held = permissions.of_subjects(connection, [row.subject_id]).get(row.subject_id, [])
        sealer = self._vault.sealer(row.subject_id, row.wrapped, ArtefactClass.METADATA)
        return [
            (
                one,
                PermissionRecord.from_bytes(
                    sealer.unseal(one.sealed_record, f"permission:{one.permission_id}", one.version)
                ),
            )
            for one in held
        ]

    def decisions(
        self, connection: Connection, subject_ids: Sequence[SubjectId], purpose: str | None
    ) -> dict[SubjectId, Decision]:
        """A Decision for each of these subjects: may she be held, or returned for ``purpose``, now?"""
        now = self._clock.now()
        rows = subjects.by_ids(connection, subject_ids)
        held = permissions.of_subjects(connection, subject_ids)
        withheld = orders.held_back(connection, subject_ids)
        return {
            one: Refused("an order keeps the subject out of use")
            if one in withheld
            else decide(rows.get(one), held.get(one, []), purpose, at=now)
            for one in subject_ids
        }

    def standing(self, connection: Connection, subject_ids: Sequence[SubjectId]) -> dict[SubjectId, Standing]:
        """For subjects with a permission that was not withdrawn: what the index filters by.

        No clock is asked: an index made while the clock was wrong must not lack anybody when it is right again.
        The filter knows the last day, and a Decision is asked for every candidate.
        """
        held = permissions.of_subjects(connection, subject_ids)
        found = {}
        for subject_id, rows in held.items():
            standing = [row for row in rows if row.state is PermissionState.GIVEN]
            if standing:
                last = max(clock.from_text(row.valid_until_utc) for row in standing)
                day = (last.astimezone(UTC).date() - EPOCH_DAY).days - 1
                found[subject_id] = Standing(frozenset().union(*(row.purposes for row in standing)), day)
        return found

    def in_force(self, connection: Connection, subject_id: SubjectId) -> list[PermissionRow]:
        """The permissions of one subject that are in force now, oldest first."""
        held = permissions.of_subjects(connection, [subject_id]).get(subject_id, [])
        return in_force(held, self._clock.now())

    def lapsed(self) -> list[SubjectId]:
        """Subjects of whom nothing may be kept any longer."""
        with self._database.read() as connection:
            return permissions.lapsed(connection, clock.to_text(self._clock.now()))

    def withdrawn(self) -> list[SubjectId]:
        """Subjects who withdrew and are still on record."""
        with self._database.read() as connection:
            return permissions.withdrawn(connection, clock.to_text(self._clock.now()))

    def withdraw(self, subject_id: SubjectId) -> None:
        """Take a subject out of every search at once, without erasing anything: a duty to keep forbids that."""
        with self._database.write() as connection:
            permissions.withdraw(connection, [subject_id])
            feed.announce_subjects(connection, feed.Change.REMOVE, [subject_id])

    def _find(
        self, connection: Connection, names: Sequence[str], compartment: CompartmentId
    ) -> dict[str, SubjectRow]:
        tags = {name: self.tag(name, compartment) for name in names}
        found = subjects.by_tags(connection, sorted(set(tags.values())))
        here = {tag: row for tag, row in found.items() if row.compartment == compartment}
        return {name: here[tag] for name, tag in tags.items() if tag in here}
