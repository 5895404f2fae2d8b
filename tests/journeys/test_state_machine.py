"""Any sequence of permits, enrolments, searches, withdrawals and clock steps agrees with a plain model."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from countenance.clock import SteppedClock
from countenance.errors import AccountSuppressed, PermissionInvalid, PurposeUnknown, SubjectUnknown
from tests.conftest import REPOSITORY
from tests.galleries import START, Galleries, names, permit, row, search, template

PEOPLE = ["anna", "bob", "carla", "dora"]
PURPOSES = ["event-photos", "lost-and-found"]
FACES = {name: template(number) for number, name in enumerate(PEOPLE)}
DAYS = st.integers(1, 12)


@dataclass
class Person:
    """What the plain model knows of one person on record."""

    permissions: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    """Purpose, beginning, end."""
    templates: int = 0

    def allows(self, purpose: str, now: datetime) -> bool:
        return any(named == purpose and begun <= now < ended for named, begun, ended in self.permissions)

    def lapsed(self, now: datetime) -> bool:
        return all(ended <= now for _, _, ended in self.permissions)


class Story(RuleBasedStateMachine):
    """Two processes' worth of one gallery, and a dictionary that says what they must answer."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="countenance-story-"))
        self.clock = SteppedClock(START)
        self.makers = Galleries(self.root, REPOSITORY / "build" / "test-cache", clock=self.clock)
        self.first = self.makers.new()
        self.second = self.makers.open()
        self.people: dict[str, Person] = {}
        self.named: set[str] = set()
        self.erased: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "makers"):
            self.makers.close()
            shutil.rmtree(self.root)

    def until(self, days: int) -> tuple[date, datetime]:
        last = self.clock.now().date() + timedelta(days=days)
        return last, datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)

    def forget_lapsed(self) -> None:
        now = self.clock.now()
        left = {name: person for name, person in self.people.items() if not person.lapsed(now)}
        self.erased |= self.people.keys() - left.keys()
        self.people = left

    @rule(name=st.sampled_from(PEOPLE), purpose=st.sampled_from(PURPOSES), days=DAYS)
    def permit(self, name: str, purpose: str, days: int) -> None:
        last, ended = self.until(days)
        if name in self.erased:
            with pytest.raises(AccountSuppressed):
                permit(self.first, name, purpose, until=last)
        permit(self.first, name, purpose, until=last, returning="herself" if name in self.erased else "")
        self.erased.discard(name)
        self.named.add(purpose)
        self.people.setdefault(name, Person()).permissions.append((purpose, self.clock.now(), ended))

    @rule(name=st.sampled_from(PEOPLE), purpose=st.sampled_from(PURPOSES), days=DAYS)
    def enrol(self, name: str, purpose: str, days: int) -> None:
        last, ended = self.until(days)
        again = [row(name, FACES[name], purposes=[purpose], until=last)]
        if name in self.erased:
            with pytest.raises(AccountSuppressed):
                self.second.enrol_templates(again)
            return
        self.second.enrol_templates(again)
        self.named.add(purpose)
        person = self.people.setdefault(name, Person())
        person.permissions.append((purpose, self.clock.now(), ended))
        person.templates += 1

    @rule(name=st.sampled_from(PEOPLE))
    def withdraw(self, name: str) -> None:
        if name in self.people:
            assert self.first.withdraw(name).absent
            del self.people[name]
            self.erased.add(name)
        else:
            with pytest.raises(SubjectUnknown):
                self.first.withdraw(name)

    @rule(hours=st.integers(1, 200))
    def time_passes(self, hours: int) -> None:
        self.clock.step(timedelta(hours=hours))

    @rule()
    def expire(self) -> None:
        self.second.expire()
        self.forget_lapsed()

    @rule()
    def restart(self) -> None:
        self.first.close()
        self.first = self.makers.open()
        self.forget_lapsed()

    @rule(name=st.sampled_from(PEOPLE), days=st.integers(-20, -1))
    def a_permission_that_has_ended_is_refused(self, name: str, days: int) -> None:
        last, _ = self.until(days)
        with pytest.raises(PermissionInvalid):
            permit(self.first, name, until=last)

    @precondition(lambda self: hasattr(self, "people"))
    @invariant()
    def everybody_permitted_is_found_and_nobody_else(self) -> None:
        now = self.clock.now()
        for purpose in PURPOSES:
            for name, face in FACES.items():
                for gallery in (self.first, self.second):
                    if purpose not in self.named:
                        with pytest.raises(PurposeUnknown):
                            search(gallery, face, purpose)
                        continue
                    person = self.people.get(name)
                    expected = person is not None and person.templates > 0 and person.allows(purpose, now)
                    assert names(search(gallery, face, purpose)) == ([name] if expected else [])

    @precondition(lambda self: hasattr(self, "people"))
    @invariant()
    def counts_agree(self) -> None:
        status = self.first.status(people=True)
        assert [one.subject for one in status.people or ()] == sorted(self.people)
        assert status.references == sum(person.templates for person in self.people.values())
        assert (status.being_erased, status.erasures_open) == (0, 0)


Story.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.slow
class TestAnySequence(Story.TestCase):  # type: ignore[name-defined,misc]  # made by hypothesis at run time
    """Hypothesis writes the sequences."""
