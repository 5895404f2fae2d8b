"""Customers with their people for tests, and searches under a case by template where no photograph is needed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from countenance import Countenance
from countenance.engine.case_search import SearchMade
from countenance.engine.probing import Probe
from countenance.oversight.parties import MACHINE, CustomerClass, LegalBasis, Principal, Role
from countenance.oversight.reviewing import Answer
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.gallery import crops
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.terms import Box, Vectors

PASSWORD = "a long enough password"
PURPOSE = "event-photos"


def staffed(gallery: Countenance) -> None:
    """What the operator does at the gallery's own command line before there is a service."""
    for name, role in (("operator", Role.OPERATOR), ("officer", Role.DATA_PROTECTION_OFFICER)):
        gallery.oversight.people.add(MACHINE, name, PASSWORD, roles=[role], customer_id=None)


@dataclass
class Office:
    """A customer of a gallery, and somebody of each kind who works for it."""

    gallery: Countenance
    customer_id: str
    people: dict[str, Principal] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Principal:
        return self.people[name]

    def case(self, *, emergency: bool = False, authorised: bool = True, quota: int = 5, days: int = 30) -> str:
        """A case of the investigator, authorised unless asked otherwise."""
        cases = self.gallery.oversight.cases
        made = cases.open(
            self["investigator"],
            purpose=PURPOSE,
            legal_basis=LegalBasis.LAW_ENFORCEMENT,
            reference="2027/117",
            subject_matter="a robbery at the old harbour",
            expires=self.gallery._clock.now() + timedelta(days=days),
            quota=quota,
            emergency=emergency,
        )
        if authorised:
            cases.authorise(self["authoriser"], made.case_id)
        return made.case_id

    def search(
        self,
        case_id: str,
        *probes: Vectors,
        who: str = "investigator",
        seed: int = 1,
        request_id: str | None = None,
    ) -> SearchMade:
        """A search by template through everything that a search of a photograph does after the networks."""
        pixels = np.zeros((120, 120, 3), np.uint8)
        landmarks = np.zeros((5, 2), np.float32)
        chip = np.zeros((112, 112, 3), np.uint8)
        face = Face(Box(10, 10, 80, 80), landmarks, 1.0)
        found = tuple(RecognisedFace(face, chip, Quality(100, ()), probe) for probe in probes)
        probe = Probe(found, tuple(crops.cut_out(pixels, face.box) for _ in found), ())
        search = self.gallery.oversight._search
        search._probe = lambda name, image: probe  # type: ignore[method-assign]
        source = random.Random(seed)
        return self.gallery.oversight.search(
            self[who], case_id, b"", threshold=0.5, source=source, request_id=request_id
        )

    def review_all(self, name: str, answer: Answer | str = Answer.SAME, *, seconds: int = 0) -> int:
        """Let a reviewer give one answer to everything there is; returns how many."""
        reviews, count = self.gallery.oversight.reviews, 0
        while (task := reviews.next(self[name])) is not None:
            if seconds:
                self.gallery._clock.step(timedelta(seconds=seconds))  # type: ignore[attr-defined]
            reviews.answer(self[name], task.task_id, answer)
            count += 1
        return count

    def review_rightly(self, name: str, mates: Sequence[str]) -> int:
        """Let a reviewer say the truth: only these subjects are the same person as the probe."""
        oversight, count = self.gallery.oversight, 0
        while (task := oversight.reviews.next(self[name])) is not None:
            _, item = oversight.reviews.shown(self[name], task.task_id)
            known = {int(self.gallery._ledger.find(mate).subject_id) for mate in mates}
            same = item.subject_id in known
            oversight.reviews.answer(self[name], task.task_id, Answer.SAME if same else Answer.DIFFERENT)
            count += 1
        return count


def hire(gallery: Countenance, name: str, *roles: Role, customer_id: str | None = None) -> Principal:
    """An account, logged in."""
    gallery.oversight.people.add(MACHINE, name, PASSWORD, roles=roles, customer_id=customer_id)
    return gallery.oversight.authenticate(gallery.oversight.login(name, PASSWORD).secret)


def protection_officer(gallery: Countenance) -> Principal:
    """The gallery's data protection officer, logged in."""
    return hire(gallery, "the officer", Role.DATA_PROTECTION_OFFICER)


def office(
    gallery: Countenance,
    officer: Principal,
    name: str = "Harbour Police",
    *,
    kind: CustomerClass = CustomerClass.POLICE,
    jurisdiction: str = "GB",
    basis: LegalBasis = LegalBasis.LAW_ENFORCEMENT,
) -> Office:
    """A customer with an investigator, an authoriser and three certified reviewers."""
    made = gallery.oversight.customers.register(
        MACHINE, name, customer_class=kind, jurisdiction=jurisdiction, legal_basis=basis, purposes=[PURPOSE]
    )
    there = Office(gallery, made.customer_id)
    for one, role in (
        ("investigator", Role.INVESTIGATOR),
        ("authoriser", Role.AUTHORISER),
        ("first", Role.REVIEWER),
        ("second", Role.REVIEWER),
        ("third", Role.REVIEWER),
    ):
        there.people[one] = hire(gallery, f"{one} at {name}", role, customer_id=made.customer_id)
        if role is Role.REVIEWER:
            until = gallery._clock.now() + timedelta(days=365)
            gallery.oversight.people.certify(officer, there.people[one].actor, until)
    return there
