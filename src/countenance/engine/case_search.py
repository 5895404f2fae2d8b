"""A search under a case, from the probe to the reviewers' table; and the two faces that a reviewer is shown.

Rules kept here: the search, whom it returned, its case, its sealed probe and the review are one transaction;
nothing of the candidates is in the answer. A search that fails gives its place in the quota back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from countenance.custody.permission.ledger import Ledger
from countenance.engine.probing import Probe, Seen
from countenance.errors import AccessRefused, KeyDestroyed
from countenance.oversight.cases import Cases
from countenance.oversight.compartments import Compartments
from countenance.oversight.gate import Gate
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Code, Refused, Verb
from countenance.oversight.review import Pair, Reviews
from countenance.oversight.reviewing import ItemKind, controls_wanted
from countenance.recognition.candidates import nonmates
from countenance.recognition.candidates.identify import Candidate, Identifier
from countenance.recognition.gallery import crops
from countenance.recognition.gallery.bulk import Picture, picture_name
from countenance.settings import ImageLimits
from countenance.store import cases, references, searches
from countenance.store.cases import CaseRow
from countenance.store.database import Database
from countenance.terms import CompartmentId
from countenance.vault.blob_store import BlobStore
from countenance.vault.sealing import Vault


@dataclass(frozen=True, slots=True)
class SearchMade:
    """That a search was made. Whom it found is for reviewers first."""

    search_id: str
    case_id: str
    at_utc: str
    faces: int
    left: int
    """Searches that the case still has."""
    notes: tuple[str, ...]
    seen: tuple[Seen, ...] = ()
    """Of a clip: when each face was seen."""

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "search": self.search_id,
            "case": self.case_id,
            "at": self.at_utc,
            "faces": self.faces,
            "seen": [one.as_dict() for one in self.seen],
            "searches_left": self.left,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, repr=False)
class SideBySide:
    """Two faces, each a square PNG; None when there is no picture of it (any more)."""

    probe: bytes | None
    candidate: bytes | None


class CaseSearch:
    """Searches one gallery for its customers' cases."""

    def __init__(
        self,
        gate: Gate,
        cases: Cases,
        reviews: Reviews,
        compartments: Compartments,
        *,
        database: Database,
        vault: Vault,
        ledger: Ledger,
        blobs: BlobStore,
        limits: ImageLimits,
        probe: Callable[[str, Picture], Probe],
        identifier: Callable[[], Identifier],
        model: Callable[[], str],
    ) -> None:
        """``probe`` reads and recognises a picture or clip; ``identifier`` and ``model`` are those in use now."""
        self._gate = gate
        self._cases = cases
        self._reviews = reviews
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._blobs = blobs
        self._limits = limits
        self._probe = probe
        self._identifier = identifier
        self._model = model
        self._compartments = compartments

    def make(
        self,
        who: Principal,
        case_id: str,
        image: Picture,
        *,
        limit: int,
        threshold: float | None,
        source: random.Random | None,
        request_id: str | None = None,
    ) -> SearchMade:
        """See :meth:`countenance.engine.oversight.Oversight.search`."""
        made = None if request_id is None else self._made(who, case_id, request_id)
        if made is not None:
            return made
        who, case = self._cases.take_search(who, case_id, request_id)
        try:
            probe = self._probe(picture_name(image, 1), image)
            choice = source or random.SystemRandom()
            return self._search(who, case, probe, limit, threshold, choice, request_id)
        except AccessRefused as refused:  # the case ended while the picture was read
            self._cases.give_back(case_id, request_id)
            self._gate.refuse(who, Verb.IDENTIFY, Refused(Code(refused.reason), str(refused)))
        except BaseException:
            self._cases.give_back(case_id, request_id)
            raise

    def side_by_side(self, who: Principal, task_id: str) -> SideBySide:
        """See :meth:`countenance.engine.oversight.Oversight.side_by_side`."""
        case, item = self._reviews.shown(who, task_id)
        try:
            probe = self._cases.probe(case, item.search_id, item.face)
        except KeyDestroyed:  # the case ended a moment ago
            probe = None
        with self._database.read() as connection:
            rows = references.by_ids(connection, [item.reference_id])
            candidate = None
            if rows:
                candidate = crops.of_reference(connection, self._vault, self._blobs, rows[0], self._limits)
        return SideBySide(probe, candidate)

    def _made(self, who: Principal, case_id: str, request_id: str) -> SearchMade | None:
        """What an earlier run of the same request has searched; the quota was used once."""
        with self._database.read() as connection:
            search, made_for = searches.get(connection, request_id), cases.searched(connection, request_id)
        if search is None or made_for is None or made_for != (case_id, who.actor):
            return None
        case = self._cases.row_for(self._gate.require(who, Verb.IDENTIFY, case_id=case_id), case_id)
        notes = ("this search had been made before; its own notes were not kept",)
        return SearchMade(search.search_id, case_id, search.at_utc, search.faces, case.quota - case.used, notes)

    def _search(
        self,
        who: Principal,
        case: CaseRow,
        probe: Probe,
        limit: int,
        threshold: float | None,
        source: random.Random,
        request_id: str | None,
    ) -> SearchMade:
        seen = self._compartments.seen_by(who)

        def recorded(connection: Connection, search_id: str, lists: Sequence[tuple[Candidate, ...]]) -> None:
            kept = [face if found else b"" for face, found in zip(probe.shown, lists, strict=True)]
            self._cases.attach(connection, case, who, search_id, kept)
            pairs = self._pairs(connection, case, probe, lists, source, seen)
            self._reviews.put(connection, case.case_id, search_id, pairs)

        made = self._identifier().identify(
            probe.faces,
            purpose=case.purpose,
            limit=limit,
            threshold=threshold,
            notes=probe.notes,
            recorded=recorded,
            compartments=seen,
            purpose_told=False,
            search_id=request_id,
        )
        left = case.quota - case.used
        return SearchMade(made.search_id, case.case_id, made.at_utc, len(probe.faces), left, made.notes, probe.seen)

    def _pairs(
        self,
        connection: Connection,
        case: CaseRow,
        probe: Probe,
        lists: Sequence[tuple[Candidate, ...]],
        source: random.Random,
        seen: frozenset[CompartmentId],
    ) -> list[Pair]:
        pairs = []
        for number, (face, found) in enumerate(zip(probe.faces, lists, strict=True), 1):
            pairs += [Pair(number, one.subject_id, one.reference) for one in found]
            if found:
                shown = references.by_ids(connection, [one.reference for one in found])
                unlike = nonmates.draw(
                    connection,
                    self._vault,
                    self._ledger,
                    model=self._model(),
                    purpose=case.purpose,
                    probe=face.template,
                    count=controls_wanted(len(found)),
                    exclude=[one.subject_id for one in found],
                    pictured=any(row.image_id is not None for row in shown),
                    source=source,
                    compartments=seen,
                )
                pairs += [
                    Pair(number, one.subject_id, one.reference.reference_id, ItemKind.CONTROL) for one in unlike
                ]
        return pairs
