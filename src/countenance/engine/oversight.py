"""What the service asks of a gallery on behalf of its customers: ``gallery.oversight``.

Rules kept here: whoever asks is a Principal, from :meth:`Oversight.authenticate` or, at the
operator's own command line, ``MACHINE``; every method asks the policy itself, so a door cannot forget to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

from countenance.clock import Clock
from countenance.custody.erasure.errand import Erased
from countenance.custody.orders.desk import Desk
from countenance.custody.permission.ledger import Ledger
from countenance.engine.case_search import CaseSearch, SearchMade, SideBySide
from countenance.engine.customer_answers import PermissionHeld
from countenance.engine.customer_parts import SubjectParts
from countenance.engine.customer_subjects import CustomerSubjects
from countenance.errors import SubjectUnknown
from countenance.oversight.bars import Bars
from countenance.oversight.cases import Cases
from countenance.oversight.compartments import Compartments
from countenance.oversight.credentials import Credentials, Issued
from countenance.oversight.customers import Customers
from countenance.oversight.gate import Gate
from countenance.oversight.issuers import Issuers
from countenance.oversight.jobs import Jobs
from countenance.oversight.keys import ApiKeys
from countenance.oversight.ledger import Delays, LedgerLine, SearchLedger
from countenance.oversight.once import Once
from countenance.oversight.parties import MACHINE, Principal
from countenance.oversight.people import People
from countenance.oversight.policy import Code, Decision, Refused, Verb
from countenance.oversight.records import Recorder, Seals
from countenance.oversight.register import PublicRegister, Registrar
from countenance.oversight.review import Reviews
from countenance.recognition.gallery.access import Access
from countenance.recognition.gallery.bulk import Picture
from countenance.store import subjects
from countenance.store.database import Database
from countenance.store.owners import Owners
from countenance.store.subjects import SubjectRow
from countenance.terms import SubjectId
from countenance.vault.keys import KeyRing
from countenance.vault.sealing import Vault

__all__ = ["MACHINE", "Foundations", "Oversight", "SearchMade", "SideBySide"]


@dataclass(frozen=True, slots=True)
class Foundations:
    """The parts of a gallery that oversight stands on."""

    database: Database
    ring: KeyRing
    vault: Vault
    ledger: Ledger
    desk: Desk
    recorder: Recorder
    clock: Clock
    owners: Owners


class Oversight:
    """Customers, people, keys, cases, reviews, ledger and register of one gallery. Thread-safe.

    All methods that take ``who`` raise AccessRefused (its ``reason`` is a policy.Code) and CredentialInvalid.
    """

    def __init__(
        self,
        parts: Foundations,
        make_search: Callable[[Gate, Cases, Reviews, Compartments], CaseSearch],
        withdraw: Callable[[SubjectId, str | None], Erased],
        withdraw_all: Callable[[Sequence[SubjectId]], int],
        subject_parts: SubjectParts,
        access: Callable[[], Access],
    ) -> None:
        """``make_search`` joins the recognition side; ``withdraw`` erases one subject, once for one request;
        ``withdraw_all`` many, and says how many of them it may not; ``access`` writes access archives."""
        database, recorder, clock = parts.database, parts.recorder, parts.clock
        seals = Seals(parts.ring, parts.vault)
        self._credentials = Credentials(database, parts.ring, seals, recorder, clock)
        self._gate = Gate(database, self._credentials, Bars(database, parts.desk, clock), recorder, clock)
        self.customers = Customers(database, seals, self._gate, recorder, clock)
        """Registered customers, and the classes of them that are blocked."""
        self.people = People(database, seals, parts.ledger, self._gate, recorder, clock)
        """Accounts, roles, reviewers' certificates."""
        self.issuers = Issuers(database, seals, self._gate, recorder, clock)
        """Issuers that people sign in at (OIDC), and whose account is whose."""
        self.compartments = Compartments(database, seals, self._gate, recorder, clock, withdraw_all)
        """Which customer holds which set of subjects."""
        self.keys = ApiKeys(database, self._credentials, self._gate, self.compartments, recorder, clock)
        """API keys."""
        self.cases = Cases(database, seals, self._gate, recorder, clock)
        """Cases, from asking to their end."""
        self.reviews = Reviews(database, parts.ledger, self.cases, self._gate, recorder, clock)
        """Reviews and releases."""
        self.once = Once(database, parts.ring, parts.vault, seals, parts.owners, clock)
        """Requests by their idempotency keys: what is sent again has its effect once."""
        self.jobs = Jobs(database, parts.vault, seals, self._credentials, parts.owners, clock)
        """Long work: start, ask, cancel."""
        self.delays = Delays(database, self._gate, recorder, clock)
        """Authorities that delay ledger entries."""
        self._database = database
        self._search_ledger = SearchLedger(database, seals, clock)
        self._registrar = Registrar(database, parts.desk, clock)
        self._search = make_search(self._gate, self.cases, self.reviews, self.compartments)
        self.subjects = CustomerSubjects(subject_parts, self.compartments, self.cases, self._gate)
        """What customers do with the subjects in their own compartments."""
        self._permissions = parts.ledger
        self._clock = clock
        self._withdraw = withdraw
        self._access = access

    @property
    def gate(self) -> Gate:
        """The gate, for the parts of the engine that do something on a customer's behalf."""
        return self._gate

    # -- who asks -------------------------------------------------------------------------------------------

    def login(self, name: str, password: str) -> Issued:
        """A session of eight hours for an account. Raises CredentialInvalid."""
        return self._credentials.login(name, password)

    def authenticate(self, token: str) -> Principal:
        """Who shows this key or session token. Raises CredentialInvalid."""
        return self._credentials.authenticate(token)

    def authenticate_linked(self, issuer_id: str, sub: str) -> Principal:
        """Who is linked to the ``sub`` of an issuer's token that the door checked. Raises CredentialInvalid."""
        return self._credentials.authenticate_linked(issuer_id, sub)

    def signing_secret(self, key_id: str) -> str:
        """The secret that requests of a signing key are checked with. Raises CredentialInvalid."""
        return self._credentials.signing_secret(key_id)

    def principal(self, key_id: str) -> Principal:
        """Who stands behind a key whose signature was checked. Raises CredentialInvalid."""
        return self._credentials.principal(key_id)

    def require(self, who: Principal, verb: Verb | str, *, purpose: str | None = None) -> Principal:
        """Ask the policy, for what a door does through the rest of the engine (enrol, orders, metrics, ...)."""
        return self._gate.require(who, Verb(verb), purpose=purpose)

    # -- searching ------------------------------------------------------------------------------------------

    def search(
        self,
        who: Principal,
        case_id: str,
        image: Picture,
        *,
        limit: int = 10,
        threshold: float | None = None,
        source: random.Random | None = None,
        request_id: str | None = None,
    ) -> SearchMade:
        """Search for the faces of a probe under a case. The answer says that the search was made, never whom it
        found: candidates go to two reviewers, and what they confirm comes out of ``reviews.release``.

        ``source`` chooses the known non-mates; without one, the operating system's randomness does. For one
        ``request_id`` it is made once and takes one search from the quota; again, it answers that it was made.
        Raises CaseUnknown, and what ``identify`` raises; then nothing was taken from the quota.
        """
        return self._search.make(
            who, case_id, image, limit=limit, threshold=threshold, source=source, request_id=request_id
        )

    def side_by_side(self, who: Principal, task_id: str) -> SideBySide:
        """The two faces of a reviewer's task. Raises ReviewUnknown."""
        return self._search.side_by_side(who, task_id)

    # -- the subject herself --------------------------------------------------------------------------------

    def own_ledger(self, who: Principal) -> tuple[LedgerLine, ...]:
        """Every search that returned the subject who asks."""
        return self._search_ledger.of(self._herself(who, Verb.LEDGER_READ))

    def own_subject(self, who: Principal, verb: Verb = Verb.ACCESS_OWN) -> SubjectId:
        """The number of the subject who asks, for what concerns her own data."""
        return self._herself(who, verb)

    def own_permissions(self, who: Principal) -> tuple[PermissionHeld, ...]:
        """Every permission of the subject who asks, oldest first."""
        return PermissionHeld.all_of(self._permissions, self._own_row(who), self._clock.now())

    def own_permission(self, who: Principal, permission_id: str) -> PermissionHeld:
        """One of them, for its receipt. Raises PermissionUnknown."""
        return PermissionHeld.one_of(self._permissions, self._own_row(who), self._clock.now(), permission_id)

    def own_archive(self, who: Principal) -> bytes:
        """Everything held about the subject who asks, as a ZIP file. Raises SealBroken."""
        archive = BytesIO()
        self._access().into(self._own_row(who), archive)
        return archive.getvalue()

    def withdraw_own(self, who: Principal, *, request_id: str | None = None) -> Erased:
        """Withdraw the permission of the subject who asks; everything of hers is destroyed, her account too, so
        that nobody can ask a second time.
        """
        return self._withdraw(self._herself(who, Verb.WITHDRAW_OWN), request_id)

    # -- the public, and time -------------------------------------------------------------------------------

    def register(self) -> PublicRegister:
        """The public register; anybody may read it."""
        return self._registrar.register()

    def sweep(self) -> int:
        """Let time move every case, and drop answers whose day is over; returns how many cases ended.

        At every opening; a service calls it once a minute.
        """
        self.once.sweep()
        self.jobs.sweep()
        return self.cases.sweep()

    def _own_row(self, who: Principal) -> SubjectRow:
        number = self._herself(who, Verb.ACCESS_OWN)
        with self._database.read() as connection:
            row = subjects.by_ids(connection, [number]).get(number)
        if row is None:
            raise SubjectUnknown("Nobody of that account is on record any more.")
        return row

    def _herself(self, who: Principal, verb: Verb) -> SubjectId:
        fresh = self._gate.require(who, verb)
        decision: Decision = Refused(Code.NOT_HERSELF, "Only a subject's own account may do this.")
        if fresh.subject_id is None:
            self._gate.pass_on(fresh, verb, decision)
        return SubjectId(fresh.subject_id or 0)
