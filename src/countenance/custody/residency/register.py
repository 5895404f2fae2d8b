"""The register of residence: evidence about subjects, kept with its origin sealed, and what follows from it.

Rules kept here: evidence is recorded under a permission in force and goes with the subject; an order is judged on
everything that is told, and nothing new is gathered to settle a doubt.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.ledger import Ledger
from countenance.custody.residency.decision import Decision, Facts, Judgement, decide, either, evaluate
from countenance.custody.residency.evidence import (
    IMAGE_PREDICATES,
    SIGNALS,
    Evidence,
    Predicate,
    Signal,
    Tier,
)
from countenance.custody.residency.extract import VERSION as EXTRACTOR_VERSION
from countenance.custody.residency.extract import Finding
from countenance.custody.residency.intervals import Interval
from countenance.custody.residency.names import Names, names_in
from countenance.custody.residency.places import Place, place
from countenance.custody.residency.report import Counts, counted
from countenance.custody.residency.scope import InPlace, Scope, leaves
from countenance.errors import EvidenceInvalid, PermissionRefused
from countenance.store import references, residency, subjects, told
from countenance.store.database import Database
from countenance.store.residency import EvidenceRow
from countenance.store.subjects import SubjectRow
from countenance.store.told import Told
from countenance.terms import ArtefactClass, SubjectId
from countenance.vault.sealing import Vault

_REPRESENTATIVE = SubjectId(0)
"""Subjects of whom the same is told are judged once, as this one."""

_NOBODY = "\0"
"""A name that nobody has: of whoever is not named in a scope, her name does not matter."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Where one subject stands to a scope."""

    subject_id: SubjectId
    alike: Judgement
    """The judgement of everybody of whom the same is told; its evidence is named by place: e0, e1, ..."""
    told: tuple[str, ...] | None = None
    """Ids of all evidence about the subject, in order of place; None where nobody has looked them up."""

    @property
    def judgement(self) -> Judgement:
        """The judgement with the subject's own evidence, after :meth:`Register.explain`."""
        told = () if self.told is None else self.told
        return replace(self.alike, evidence_ids=tuple(told[int(place_[1:])] for place_ in self.alike.evidence_ids))


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a scope reaches, and how everybody stands to it."""

    inside: tuple[Judged, ...]
    """By number."""
    counts: Counts


class Register:
    """The residence of one gallery's subjects."""

    def __init__(self, database: Database, vault: Vault, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._clock = clock

    def add(
        self,
        subject: SubjectRow,
        *,
        predicate: Predicate,
        value: Sequence[str],
        signal: Signal,
        valid: Interval,
        source: str,
        extractor: str,
        extractor_version: str,
        image_id: str | None = None,
        contradicts: Sequence[str] = (),
    ) -> Evidence:
        """Record evidence about a subject. Raises EvidenceInvalid, PlaceUnknown, PermissionRefused."""
        with self._database.write() as connection:
            return self._add(
                connection,
                subject,
                predicate=predicate,
                value=tuple(place(code) for code in value),
                signal=signal,
                valid=valid,
                source=source,
                extractor=extractor,
                extractor_version=extractor_version,
                image_id=image_id,
                contradicts=tuple(contradicts),
            )

    def record(
        self,
        connection: Connection,
        subject: SubjectRow,
        finding: Finding,
        *,
        source: str,
        image_id: str | None = None,
    ) -> Evidence:
        """Record what an extractor found, in a transaction that is under way. Raises as :meth:`add`."""
        return self._add(
            connection,
            subject,
            predicate=finding.predicate,
            value=finding.value,
            signal=finding.signal,
            valid=finding.valid,
            source=source,
            extractor=finding.extractor,
            extractor_version=EXTRACTOR_VERSION,
            image_id=image_id,
            contradicts=(),
        )

    def _add(
        self,
        connection: Connection,
        subject: SubjectRow,
        *,
        predicate: Predicate,
        value: tuple[Place, ...],
        signal: Signal,
        valid: Interval,
        source: str,
        extractor: str,
        extractor_version: str,
        image_id: str | None,
        contradicts: tuple[str, ...],
    ) -> Evidence:
        permissions = self._ledger.in_force(connection, subject.subject_id)
        if not permissions:
            raise PermissionRefused("Nothing was recorded: no permission of this subject is in force.")
        evidence = Evidence(
            id=secrets.token_hex(8),
            subject_id=subject.subject_id,
            image_id=image_id,
            predicate=predicate,
            value=value,
            tier=SIGNALS[signal].tier,
            signal=signal,
            observed_at=self._clock.now(),
            valid=valid,
            source=source,
            extractor=extractor,
            extractor_version=extractor_version,
            permission_id=permissions[-1].permission_id,
            contradicts=contradicts,
        )
        residency.add(connection, [self._row(subject, evidence)])
        return evidence

    def forget_image(self, image_id: str) -> None:
        """Drop the evidence about an image that was not kept."""
        with self._database.write() as connection:
            residency.forget_image(connection, image_id)

    def of(self, subject: SubjectRow) -> list[Evidence]:
        """All evidence about a subject, oldest first. Raises SealBroken."""
        with self._database.read() as connection:
            rows = residency.of_subjects(connection, [subject.subject_id]).get(subject.subject_id, [])
        sealer = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        found = []
        for row in rows:
            origin = json.loads(sealer.unseal(row.sealed_origin, f"evidence:{row.evidence_id}", 0))
            found.append(
                Evidence(
                    id=row.evidence_id,
                    subject_id=row.subject_id,
                    image_id=row.image_id,
                    predicate=Predicate(row.predicate),
                    value=tuple(place(code) for code in row.places),
                    tier=Tier(row.tier),
                    signal=Signal(row.signal),
                    observed_at=clock.from_text(row.observed_utc),
                    valid=Interval(_day(row.valid_from), _day(row.valid_to)),
                    source=origin["source"],
                    extractor=origin["extractor"],
                    extractor_version=origin["extractor_version"],
                    permission_id=row.permission_id,
                    contradicts=row.contradicts,
                )
            )
        return found

    def decide(self, evidence: Sequence[Evidence], predicate: Predicate, code: str, on: date) -> Judgement:
        """Where a subject of whom ``evidence`` is told stands to one place on one day."""
        about = [e for e in evidence if e.image_id is None or predicate not in IMAGE_PREDICATES]
        contradicted = frozenset(id_ for e in evidence for id_ in e.contradicts)
        return decide(predicate, place(code), Interval.day(on), about, contradicted)

    # -- whole galleries ------------------------------------------------------------------------------------

    def look_up_names(self, scopes: Sequence[Scope], only: Sequence[SubjectId] | None = None) -> Names | None:
        """Whom ``scopes`` name, for a judgement that is about to be written down; None when they name nobody.

        Every name has to be unsealed for it, so it is done before the transaction that writes and not inside.
        """
        named = names_in(scopes)
        if not named:
            return None
        with self._database.read() as connection:
            everyone = subjects.numbers(connection) if only is None else only
            return Names(named).and_of(connection, self._ledger, everyone)

    def judge_everyone(
        self,
        connection: Connection,
        scopes: Sequence[Scope],
        on: date,
        protects: Callable[[Decision], bool],
        only: Sequence[SubjectId] | None = None,
        names: Names | None = None,
    ) -> Reach:
        """Where every subject (or ``only`` these) stands to the widest of ``scopes`` on the day ``on``.

        Subjects of whom the same is told, at the same places and days, are judged once. With ``names``, which were
        looked up before for the same names and ``only``, no name is unsealed but of who has come since.
        """
        everyone = subjects.numbers(connection) if only is None else only
        looked_at = [leaf for scope in scopes for leaf in leaves(scope)]
        by_image = any(isinstance(leaf, InPlace) and leaf.predicate in IMAGE_PREDICATES for leaf in looked_at)
        named = names_in(scopes)
        if names is None or names.keys != named:
            names = Names(named)
        called = names.and_of(connection, self._ledger, everyone).named if named else {}
        # What else a judgement looks at: whether she is named, and whether there is an image at all.
        with_image = set(references.count_images_by_subject(connection)) if by_image else set[int]()
        apart = dict.fromkeys(with_image, len(named) + 2)
        for number, key in called.items():
            place_ = len(named) if key is None else named.index(key)
            apart[number] = apart.get(number, 0) + 1 + place_
        groups = list(told.groups(connection, everyone, apart, by_image=by_image))
        firsts = [SubjectId(group[0]) for group in groups]
        said = told.told(connection, firsts)
        alone = [group[0] for group in groups if len(group) == 1]
        images = references.image_ids_by_subject(connection, alone) if by_image else {}
        judgements = []
        inside: list[Judged] = []
        for number, group in zip(firsts, groups, strict=True):
            some = images.get(number, ("any",) if number in with_image else ())
            name = called.get(number, _NOBODY) if named else None
            facts = _facts(said.get(number, ()), some, name)
            judgement = either([evaluate(scope, facts, on=on) for scope in scopes])
            judgements.append((judgement, len(group)))
            if protects(judgement.decision):
                inside += [Judged(SubjectId(one), judgement) for one in group]
        return Reach(tuple(sorted(inside, key=lambda one: one.subject_id)), counted(judgements))

    def explain(self, judged: Sequence[Judged]) -> tuple[Judged, ...]:
        """The same, each with the ids of the evidence that it rests on."""
        with self._database.read() as connection:
            said = told.told(connection, [one.subject_id for one in judged])
        return tuple(replace(j, told=tuple(line[1] for line in said.get(j.subject_id, ()))) for j in judged)

    def judge(self, scope: Scope, evidence: Sequence[Evidence], name: str, on: date) -> Judgement:
        """Where a subject would stand of whom just this is told."""
        facts = Facts(_REPRESENTATIVE, frozenset({name}), (), tuple(evidence))
        return evaluate(scope, facts, on=on)

    def _row(self, subject: SubjectRow, evidence: Evidence) -> EvidenceRow:
        sealer = self._vault.sealer(subject.subject_id, subject.wrapped, ArtefactClass.METADATA)
        origin = {
            "source": evidence.source,
            "extractor": evidence.extractor,
            "extractor_version": evidence.extractor_version,
        }
        sealed = sealer.seal(json.dumps(origin).encode(), f"evidence:{evidence.id}", 0)
        return EvidenceRow(
            evidence.id,
            evidence.subject_id,
            evidence.image_id,
            evidence.predicate,
            tuple(one.code for one in evidence.value),
            evidence.tier,
            evidence.signal,
            clock.to_text(evidence.observed_at),
            None if evidence.valid.start is None else evidence.valid.start.isoformat(),
            None if evidence.valid.end is None else evidence.valid.end.isoformat(),
            evidence.permission_id,
            evidence.contradicts,
            sealed,
        )


def declared(residence: str, since: date) -> Evidence:
    """The declaration of residence that a permission given on the day ``since`` carries."""
    return Evidence(
        id="declared",
        subject_id=_REPRESENTATIVE,
        image_id=None,
        predicate=Predicate.RESIDENT_OF,
        value=(place(residence),),
        tier=Tier.A,
        signal=Signal.DECLARATION,
        observed_at=clock.from_text(f"{since.isoformat()}T00:00:00Z"),
        valid=Interval(since, None),
        source="permission",
        extractor="permit",
        extractor_version="1",
        permission_id="asked",
    )


def parse_signal(text: str, tier: str | None) -> Signal:
    """The signal of that name. With only a tier given: A is a declaration, C a stated place.

    Raises EvidenceInvalid; tiers B and D have several origins, so the signal must be named.
    """
    plain = {"A": Signal.DECLARATION, "C": Signal.STATED_PLACE}
    try:
        return Signal(text) if text else plain[(tier or "").upper()]
    except (ValueError, KeyError) as error:
        known = ", ".join(signal.value for signal in Signal)
        raise EvidenceInvalid(f"Say what the evidence is with --signal, one of: {known}.") from error


def _facts(lines: tuple[Told, ...], images: tuple[str, ...], name: str | None) -> Facts:
    places = {line[1]: f"e{number}" for number, line in enumerate(lines)}
    shown = {image_id: f"i{number}" for number, image_id in enumerate(images)}
    evidence = tuple(
        Evidence(
            id=places[line[1]],
            subject_id=_REPRESENTATIVE,
            image_id=None if line[2] is None else shown.get(line[2], "gone"),
            predicate=Predicate(line[3]),
            value=tuple(place(code) for code in line[4].split()),
            tier=Tier(line[5]),
            signal=Signal(line[6]),
            observed_at=clock.from_text("1970-01-01T00:00:00Z"),
            valid=Interval(_day(line[7]), _day(line[8])),
            source="sealed",
            extractor="sealed",
            extractor_version="1",
            permission_id="sealed",
            contradicts=tuple(places[i] for i in line[9].split() if i in places),
        )
        for line in lines
    )
    names = frozenset() if name is None else frozenset({name})
    return Facts(_REPRESENTATIVE, names, tuple(shown.values()), evidence)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
