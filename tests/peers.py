"""A gallery that legacy clients are served from: customers with compartments, cases, standing terms and keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from starlette.applications import Starlette

from countenance import Countenance
from countenance.http import compat
from countenance.http.admission import Meters
from countenance.oversight.credentials import Issued, KeyKind
from countenance.oversight.parties import MACHINE, Role
from countenance.oversight.standing import StandingTerms
from countenance.settings import ServiceSettings
from tests.galleries import Galleries
from tests.offices import PURPOSE, Office, office, protection_officer
from tests.servers.http import served

WORK = (Role.ENROLLER, Role.INVESTIGATOR)


@dataclass
class MovedClock:
    """The machine's clock, moved; signatures are checked by the machine's own."""

    away: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The time, UTC."""
        return datetime.now(UTC) + self.away


@dataclass
class Firm:
    """A customer with a case that is authorised, and terms that stand."""

    gallery: Countenance
    office: Office
    terms: StandingTerms
    keys: list[Issued] = field(default_factory=list)

    def compartment(self, name: str, terms: StandingTerms | None = None) -> None:
        """Open a compartment."""
        self.gallery.oversight.compartments.open(
            MACHINE, name, customer_id=self.office.customer_id, terms=terms or self.terms
        )

    def key(
        self,
        kind: KeyKind,
        *,
        collection: str | None = None,
        roles: tuple[Role, ...] = WORK,
        verbs: tuple[str, ...] | None = None,
    ) -> Issued:
        """A key for a program."""
        return self.gallery.oversight.keys.issue(
            MACHINE,
            self.office.customer_id,
            roles=roles,
            expires=self.gallery._clock.now() + timedelta(days=30),
            kind=kind,
            collection=collection,
            verbs=verbs,
            purpose=PURPOSE,
        )


def firm(gallery: Countenance, name: str = "Harbour Police", *, quota: int = 500) -> Firm:
    """A customer; the first brings the gallery's data protection officer with it."""
    if not hasattr(gallery, "_test_officer"):
        gallery._test_officer = protection_officer(gallery)  # type: ignore[attr-defined]
    there = office(gallery, gallery._test_officer, name)  # type: ignore[attr-defined]
    until = gallery._clock.now().date() + timedelta(days=200)
    case_id = there.case(quota=quota)
    return Firm(gallery, there, StandingTerms((PURPOSE,), "GB", until, case_id=case_id))


def without(terms: StandingTerms, **changed: object) -> StandingTerms:
    """``terms`` with something else, or nothing, in it."""
    return replace(terms, **changed)  # type: ignore[arg-type]


@contextmanager
def doors(gallery: Countenance, settings: ServiceSettings | None = None) -> Iterator[int]:
    """The port on which both doors of ``gallery`` answer."""
    chosen = settings or ServiceSettings()
    application = Starlette(routes=compat.routes(lambda: gallery, chosen, Meters(chosen)))
    with served(application) as port:
        yield port


def new_gallery(galleries: Galleries) -> tuple[Countenance, MovedClock]:
    """A gallery whose clock goes with the machine's until it is moved."""
    clock = MovedClock()
    return galleries.new(clock), clock


def everything_on_disk(folder: Path) -> bytes:
    """Every byte that a gallery's folder holds, to look for what must not be in it."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def day(away: int) -> date:
    """A day from today."""
    return datetime.now(UTC).date() + timedelta(days=away)
