"""What a person may do with a regulator's order: ``gallery.orders``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from countenance import clock
from countenance.clock import Clock
from countenance.custody.erasure.errand import Progress
from countenance.custody.erasure.execution import LISTED, LOG_ENTRY, Execution
from countenance.custody.orders.desk import Desk, Docket
from countenance.custody.orders.model import EvidenceKind, Verb
from countenance.custody.orders.paper import Paper
from countenance.custody.orders.signing import AuthorityKey, SignedOrder, read_public_key
from countenance.custody.orders.state import Event, EventKind, Shown
from countenance.custody.permission.ledger import Ledger
from countenance.custody.proof import compliance, verifier
from countenance.custody.proof.page import render
from countenance.custody.proof.witness import GalleryWitness
from countenance.custody.residency.scope import means_everyone
from countenance.engine.order_answers import Certificate, Certified, ExecutionAnswer, PlanAnswer, Served, describe
from countenance.errors import CertificateInvalid, InputInvalid, OrderTransitionRefused, ScopeMeansEveryone
from countenance.store import erasures
from countenance.store.database import Database
from countenance.vault.files import write_whole


class Orders:
    """Orders of one gallery: served, planned, carried out, certified. All methods raise OrderUnknown."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        desk: Desk,
        execution: Execution,
        witness: GalleryWitness,
        clock: Clock,
        keep_index: Callable[[], object],
    ) -> None:
        """``keep_index`` writes what is searchable to disk, after much of it has changed."""
        self._keep_index = keep_index
        self._database = database
        self._ledger = ledger
        self._desk = desk
        self._execution = execution
        self._witness = witness
        self._clock = clock

    # -- authorities ----------------------------------------------------------------------------------------

    def register_authority(self, authority: str, public_key: bytes | Path) -> AuthorityKey:
        """Trust an authority's Ed25519 public key: 32 bytes, their base64, or PEM; or a file of one of these.

        Raises AuthorityKeyInvalid, InputInvalid.
        """
        key = self._desk.register_key(authority, read_public_key(_bytes(public_key)))
        self._witness.note("authority.registered", self._clock.now(), key=key.key_id)
        return key

    def revoke_authority(self, key_id: str) -> bool:
        """Trust a key no longer; orders served under it stay. False when it was never registered."""
        known = self._desk.revoke_key(key_id)
        if known:
            self._witness.note("authority.revoked", self._clock.now(), key=key_id)
        return known

    def authorities(self) -> list[AuthorityKey]:
        """The registered keys."""
        return self._desk.keys()

    # -- the life of an order -------------------------------------------------------------------------------

    def serve(self, document: bytes | Path, *, confirm_count: int | None = None) -> Served:
        """Take in an order's file: form, signature and meaning are checked, clocks computed.

        A scope that means everyone is refused unless ``confirm_count`` is the number of subjects on record.
        Raises OrderError and its kinds; then nothing was changed.
        """
        signed = self._read(document, confirm_count)
        state = self._execution.serve(signed)
        return Served(self._desk.get(signed.order.id), self._execution.settle(state))

    def _read(self, document: bytes | Path | Paper, confirm_count: int | None) -> SignedOrder:
        signed = self._desk.read(_bytes(document))
        if any(means_everyone(scope) for scope in signed.order.protective_scopes):
            count = len(self._execution.plan(signed.order, holdings=False).inside)
            if confirm_count != count:
                raise ScopeMeansEveryone(
                    f"The scope of this order means everybody: {count} subjects.",
                    remedy=f"If that is meant, give the order again with --confirm-count {count}.",
                )
        return signed

    def plan(self, order_id: str, *, named: int = 0) -> PlanAnswer:
        """Dry run: who, why, which artefacts, how many by doubt alone.

        The first ``named`` of those inside are told by name, too: their names are unsealed for it, and no others.
        """
        plan = self._execution.plan(self._desk.get(order_id).state.order)
        return PlanAnswer(plan, self._ledger.names([one.subject_id for one in plan.inside[: min(named, LISTED)]]))

    def event(
        self,
        order_id: str,
        kind: EventKind | str,
        instrument: str | Path | Paper,
        *,
        hold_id: str = "",
        confirm_count: int | None = None,
    ) -> Served:
        """Let something happen to an order on the strength of a paper: ``freeze``, ``suspend``, ``set_aside``, ...

        ``instrument`` is the paper, or its file. For ``vary`` it is the signed next revision of the order itself,
        and ``confirm_count`` as in :meth:`serve`.
        Raises InputInvalid for an event that is none, OrderTransitionRefused with the reason, OrderError and its
        kinds; then nothing was changed.
        """
        try:
            chosen = EventKind(kind)
        except ValueError as error:
            raise InputInvalid(f"The events are: {', '.join(EventKind)}.") from error
        if chosen in (EventKind.SERVE, EventKind.FULFIL, EventKind.COMPLY, EventKind.ESCALATE):
            raise OrderTransitionRefused(f"{chosen.value} is not an event that is entered by hand.")
        now = self._clock.now()
        paper = Path(instrument) if isinstance(instrument, str) else instrument
        revision = None
        if chosen is EventKind.VARY:
            revision = self._read(paper, confirm_count)
            event = Event(chosen, now, revision.order.instrument, order=revision.order)
        else:
            event = Event(chosen, now, self._desk.instrument(paper), hold_id=hold_id)
        _, moved = self._execution.happen(order_id, event, revision)
        return Served(self._desk.get(order_id), moved)

    def execute(self, order_id: str, *, progress: Progress | None = None) -> ExecutionAnswer:
        """Carry an order out: everything that can be met now is met. Can be killed and run again.

        Raises OrderTransitionRefused while the order is suspended, stayed, set aside or remitted;
        ErasureIncomplete when a keeper still finds something.
        """
        carried = self._execution.execute(order_id, progress)
        if carried.erased:
            self._keep_index()
        return ExecutionAnswer(order_id, carried)

    def show(self, order_id: str, obligation_id: str, papers: Sequence[tuple[str, Path | Paper]]) -> Served:
        """Meet an obligation by papers: pairs of evidence kind (``statement``, ...) and file.

        Raises OrderTransitionRefused with what is missing.
        """
        shown = []
        for kind, paper in papers:
            try:
                known = EvidenceKind(kind)
            except ValueError as error:
                kinds = ", ".join(one.value for one in EvidenceKind)
                raise InputInvalid(f"{kind!r} is no kind of evidence; the kinds are {kinds}.") from error
            shown.append(Shown(known, paper.name, sha256(_bytes(paper)).hexdigest()))
        self._execution.show(order_id, obligation_id, shown)
        return Served(self._desk.get(order_id))

    def certificate(self, order_id: str) -> list[bytes]:
        """The certificates of the erasures that an order asked for, oldest first."""
        docket = self._desk.get(order_id)
        found = []
        with self._database.read() as connection:
            for obligation in docket.state.order.obligations:
                rows = erasures.of_request(connection, f"{order_id}:{obligation.id}")
                found += [self._witness.certificate(row.erasure_id) for row in rows if row.finished_utc]
        return found

    def certify(self, order_id: str, out: Path, *, page: Path | None = None) -> Certified:
        """Write an order's certificates, and with ``page`` their printable pages.

        An order whose execution took several erasures (somebody came under it later, or a hold was lifted) has
        several: ``certificate.json``, then ``certificate-2.json`` and so on beside it, oldest first.
        For an order that asks for no erasure it is a signed record of compliance, once every obligation is met.
        Raises OrderUnknown, CertificateInvalid when there is nothing to certify yet, DiskFull.
        """
        docket = self._desk.get(order_id)
        if not any(one.verb is Verb.ERASE for one in docket.state.order.obligations):
            return Certified(order_id, (self._comply(docket, out),))
        found = self.certificate(order_id)
        if not found:
            raise CertificateInvalid(
                f"Nothing was erased for the order {order_id} yet, so there is nothing to certify.",
                remedy="Run: countenance order execute",
            )
        keys = verifier.read_keys(self._witness.keys())
        written = []
        for number, data in enumerate(found, 1):
            verdict = verifier.check(data, keys)
            file, sheet = _numbered(out, number), None if page is None else _numbered(page, number)
            write_whole(file.absolute(), data)
            if sheet is not None:
                write_whole(sheet.absolute(), render(data).encode())
            request = verifier.parse(data)["statement"]["request"]
            written.append(Certificate(str(request), file, sheet, verdict.ok))
        return Certified(order_id, tuple(written))

    def _comply(self, docket: Docket, out: Path) -> Certificate:
        state = docket.state
        if state.open_obligations:
            raise CertificateInvalid(
                f"Nothing on record shows: {', '.join(state.open_obligations)}.",
                remedy="Run: countenance order execute, then order show",
            )
        shown = [(met, paper) for met in state.fulfilments for paper in met.shown]
        statement: dict[str, object] = {
            "order": state.order.id,
            "order_sha256": docket.digest,
            "state": state.state.value,
            "obligations": [
                {
                    "obligation": met.obligation_id,
                    "met_utc": clock.to_text(met.at),
                    "shown": [
                        {"kind": one.kind.value, "reference": one.reference, "sha256": one.sha256}
                        for one in met.shown
                    ],
                }
                for met in state.fulfilments
            ],
        }
        marks = [paper.reference for _, paper in shown if paper.reference.startswith(LOG_ENTRY)]
        data = self._witness.comply(statement, [int(mark.removeprefix(LOG_ENTRY)) for mark in marks])
        write_whole(out.absolute(), data)
        verdict = compliance.check(data, verifier.read_keys(self._witness.keys()))
        return Certificate(docket.digest, out, None, verdict.ok)

    def page(self, certificate: bytes) -> str:
        """A certificate as a page (HTML) that a person can read and print."""
        return render(certificate)

    def get(self, order_id: str) -> dict[str, object]:
        """An order as it stands now."""
        return describe(self._desk.get(order_id))

    def docket(self) -> tuple[dict[str, object], ...]:
        """All orders, the next deadline first, with days left and the penalty accrued so far."""
        return tuple(describe(docket) for docket in self._desk.everything())


def _numbered(file: Path, number: int) -> Path:
    return file if number == 1 else file.with_name(f"{file.stem}-{number}{file.suffix}")


def _bytes(given: bytes | Path | Paper) -> bytes:
    if isinstance(given, bytes):
        return given
    if isinstance(given, Paper):
        return given.data
    try:
        return given.read_bytes()
    except OSError as error:
        raise InputInvalid(f"{given} cannot be read.", remedy="Check the path.") from error
