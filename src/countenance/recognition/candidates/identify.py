"""Identification (1:N): every face of a probe, and for each the subjects it resembles, best first.

Rules kept here:

* A candidate is a *subject*: several references of hers are one candidate with her best reference's score.
* The index only suggests. Every suggested subject is scored again on her sealed templates, all of them, in
  float32; a subject whose keys are destroyed cannot appear.
* A Decision is asked for every suggested subject in the same breath; the refused are dropped silently, so an
  answer never tells that somebody is held for another purpose.
* A search sees the compartments it is given, and its figures (threshold, sizes, expected strangers) come from these
  alone: an answer tells nothing about what others hold.
* The search and whom it returned are written to the ledger before the answer is given. The probe and its
  template are not.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC

import numpy as np
from sqlalchemy import Connection

from countenance import clock
from countenance.clock import Clock
from countenance.custody.permission.decide import Granted
from countenance.custody.permission.ledger import EPOCH_DAY, Ledger
from countenance.errors import InputInvalid, KeyDestroyed, PurposeUnknown
from countenance.index.protocol import Filter, Hits, Index
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.kept import Cited
from countenance.recognition.candidates.meaning import Meaning, check_choice
from countenance.recognition.faces.quality import Quality
from countenance.recognition.gallery.current import CurrentIndex
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import references, searches, subjects
from countenance.store.database import Database
from countenance.store.searches import ResultRow, SearchRow
from countenance.terms import (
    GALLERYS_OWN,
    Box,
    CompartmentId,
    ReferenceId,
    SubjectId,
    Vectors,
    comparison_scores,
)
from countenance.vault.sealing import Vault

Recorded = Callable[[Connection, str, Sequence[tuple["Candidate", ...]]], None]
"""Called with the search's id and the candidates of each face."""

MOST_CANDIDATES = 1000
OWN_ONLY = frozenset({GALLERYS_OWN})
"""What a search sees where nothing else is said: the gallery's own compartment."""

_SLACK = 8
"""Subjects asked of the index beyond the limit: some may be refused, and coarse scores may be out of order."""

_COARSE_ERROR = 0.03
"""A coarse score this far below the threshold is not scored again; ten times the greatest error
seen of records of 8 bits (docs/benchmarks/index.md)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One subject a face resembles. ``score`` is the cosine of her best reference, -1 to 1."""

    rank: int
    subject: str
    subject_id: SubjectId
    score: float
    reference: ReferenceId
    references: int
    """How many of her references reach the threshold."""
    expected_false_positives: float | None
    """Strangers expected at this score or more in a search of this size; None without a calibration."""
    extrapolated: bool
    """True when that figure lies beyond what the calibration's sample can show."""
    log_likelihood_ratio: float | None
    """The calibrated score: natural logarithm of how much likelier the score is for one person than for two, never
    stronger than the calibration's sample allows; None without a calibration."""


@dataclass(frozen=True, slots=True)
class ProbeFace:
    """One face of the probe and its candidate list, which is empty when nobody resembles it enough."""

    box: Box
    quality: Quality
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Identification:
    """The answer of one search."""

    search_id: str
    purpose: str
    at_utc: str
    faces: tuple[ProbeFace, ...]
    threshold: float
    threshold_chosen: str
    """``caller``, ``fpir`` or ``calibration``."""
    fpir: float | None
    """The false positive identification rate that was asked for, if one was."""
    strict: bool
    """True when nothing beyond the validated range was allowed."""
    expected_false_positives: float | None
    """Strangers expected among the candidates of one face at this threshold and gallery size."""
    expected_interval: tuple[float, float | None] | None
    """The 95% interval of that figure; an end that the sample does not bound is None."""
    extrapolated: bool
    """True when the expected figure lies beyond what the calibration's sample can show."""
    gallery_size: int
    """Subjects on record in the compartments that the search saw."""
    references: int
    """References that the index holds of them for this model."""
    model: str
    calibration: Cited | None
    """What these figures rest on; None when nothing is known about the model's scores."""
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The JSON answer."""
        return {
            "search": self.search_id,
            "purpose": self.purpose,
            "at": self.at_utc,
            "faces": [
                {
                    "box": face.box.as_list(),
                    "quality": face.quality.as_dict(),
                    "candidates": [
                        {
                            "rank": one.rank,
                            "subject": one.subject,
                            "score": round(one.score, 4),
                            "log_likelihood_ratio": one.log_likelihood_ratio,
                            "reference": one.reference,
                            "references_above_threshold": one.references,
                            "expected_false_positives": one.expected_false_positives,
                            "extrapolated": one.extrapolated,
                        }
                        for one in face.candidates
                    ],
                }
                for face in self.faces
            ],
            "threshold": round(self.threshold, 4),
            "threshold_chosen_by": self.threshold_chosen,
            "fpir": self.fpir,
            "strict": self.strict,
            "expected_false_positives": self.expected_false_positives,
            "expected_false_positives_95": None if self.expected_interval is None else list(self.expected_interval),
            "extrapolated": self.extrapolated,
            "gallery_size": self.gallery_size,
            "references": self.references,
            "model": self.model,
            "calibration": None if self.calibration is None else self.calibration.as_dict(),
            "notes": list(self.notes),
        }


class Identifier:
    """Searches one gallery. Thread-safe."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        ledger: Ledger,
        searchable: CurrentIndex,
        calibration: Calibration | None,
        clock: Clock,
        *,
        at_once: Callable[[], AbstractContextManager[object]] = nullcontext,
        timed: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """``at_once`` is held while a search is at work, so that long work makes room for it; ``timed`` while the
        index is asked."""
        self._at_once = at_once
        self._timed = timed
        self._database = database
        self._vault = vault
        self._ledger = ledger
        self._searchable = searchable
        self._calibration = calibration
        self._clock = clock

    def identify(
        self,
        faces: tuple[RecognisedFace, ...],
        *,
        purpose: str,
        limit: int,
        threshold: float | None,
        fpir: float | None = None,
        strict: bool = False,
        notes: tuple[str, ...] = (),
        recorded: Recorded | None = None,
        compartments: frozenset[CompartmentId] | None = OWN_ONLY,
        purpose_told: bool = True,
        search_id: str | None = None,
    ) -> Identification:
        """Candidate lists for ``faces``, at most ``limit`` candidates each.

        Only subjects of ``compartments`` can be candidates; None means all, and is for evaluating a gallery.

        With ``purpose_told`` false, a purpose that nobody ever permitted is searched like any other and finds
        nobody: who shares a gallery must not learn what others permit.

        ``recorded`` is called in the transaction that writes the search; what it raises undoes the search.
        ``search_id`` is the search's id, which none on record may have; without one it is random.

        Raises PurposeUnknown, InputInvalid, ModelUncalibrated when there is no threshold to be had, or, if
        ``strict``, BeyondValidated when the calibration's sample cannot speak for the threshold.
        """
        if not 1 <= limit <= MOST_CANDIDATES:
            raise InputInvalid(f"The number of candidates is between 1 and {MOST_CANDIDATES}, not {limit}.")
        check_choice(threshold, fpir)
        now = self._clock.now()
        with self._at_once():
            index = self._searchable.current()
            where = self._searchable.filter(purpose, (now.astimezone(UTC).date() - EPOCH_DAY).days, compartments)
            if where is None and purpose_told:
                raise PurposeUnknown(f"No permission on record has ever named the purpose {purpose}.")
            size = self._searchable.size(compartments)
            meaning = Meaning(self._calibration, size, strict=strict)
            score, chosen = meaning.threshold(threshold, fpir)
            lists: list[tuple[Candidate, ...]] = [() for _ in faces]
            if faces and size and where is not None:
                probes = np.stack([face.template for face in faces])
                width = limit + _SLACK
                with self._timed():
                    hits = index.search(probes, width, where)
                for place in range(len(faces)):
                    lists[place] = self._enough(
                        index, where, probes[place], hits, place, purpose, score, limit, meaning, compartments
                    )
            expected = meaning.expected(score)
            search_id = search_id or secrets.token_hex(16)
            at_utc = clock.to_text(now)
            with self._database.write() as connection:
                row = SearchRow(search_id, at_utc, purpose, self._searchable.model, score, size, len(faces))
                lists = self._record(connection, row, lists, purpose)
                if recorded is not None:
                    recorded(connection, search_id, lists)
                active = self._searchable.people(connection, compartments)
        answered = tuple(ProbeFace(f.face.box, f.quality, c) for f, c in zip(faces, lists, strict=True))
        return Identification(
            search_id,
            purpose,
            at_utc,
            answered,
            score,
            chosen,
            fpir,
            strict,
            None if expected is None else expected.value,
            None if expected is None else (expected.low, expected.high if math.isfinite(expected.high) else None),
            expected is not None and expected.extrapolated,
            active,
            size,
            self._searchable.model,
            None if self._calibration is None else Cited.of(self._calibration),
            notes,
        )

    def _enough(
        self,
        index: Index,
        where: Filter,
        probe: Vectors,
        hits: Hits,
        place: int,
        purpose: str,
        threshold: float,
        limit: int,
        meaning: Meaning,
        compartments: frozenset[CompartmentId] | None,
    ) -> tuple[Candidate, ...]:
        """Candidates of one face; asks the index for more while the refused keep places from the permitted."""
        while True:
            found = self._candidates(probe, hits, place, purpose, threshold, limit, meaning, compartments)
            width = hits.subject_ids.shape[1]
            full = bool((hits.subject_ids[place] >= 0).all() and hits.scores[place].min() >= _near(hits, threshold))
            if len(found) >= limit or not full or width >= meaning.size:
                return found
            hits, place = index.search(probe[None, :], min(2 * width, meaning.size), where), 0

    def _candidates(
        self,
        probe: Vectors,
        hits: Hits,
        place: int,
        purpose: str,
        threshold: float,
        limit: int,
        meaning: Meaning,
        compartments: frozenset[CompartmentId] | None,
    ) -> tuple[Candidate, ...]:
        near = hits.scores[place] >= _near(hits, threshold)
        suggested = [SubjectId(int(n)) for n in hits.subject_ids[place][near] if n >= 0]
        if not suggested:
            return ()
        with self._database.read() as connection:
            owners = subjects.by_ids(connection, suggested)
            if compartments is not None:  # the index filtered by it; it is a cache, and the store decides
                suggested = [one for one in suggested if one in owners and owners[one].compartment in compartments]
            decisions = self._ledger.decisions(connection, suggested, purpose)
            allowed = [one for one in suggested if isinstance(decisions[one], Granted)]
            held = references.of_subjects(connection, allowed)
        rows = [row for one in allowed for row in held.get(one, []) if row.model == self._searchable.model]
        kept, templates = TemplateReader(self._vault, owners).open(rows, len(probe))
        scores = comparison_scores(probe[None, :], templates)[0]
        best: dict[SubjectId, tuple[float, ReferenceId, int]] = {}
        for row, score in zip(kept, scores.tolist(), strict=True):
            if score >= threshold:
                top, reference, count = best.get(row.subject_id, (-2.0, row.reference_id, 0))
                if score > top:
                    top, reference = score, row.reference_id
                best[row.subject_id] = (top, reference, count + 1)
        found: list[Candidate] = []
        for one, (top, reference, count) in sorted(best.items(), key=lambda entry: (-entry[1][0], entry[0])):
            try:
                name = self._ledger.name(owners[one])
            except KeyDestroyed:  # withdrawn since her templates were opened: she is no candidate any more
                continue
            found.append(Candidate(len(found) + 1, name, one, top, reference, count, *meaning.of(top)))
            if len(found) == limit:
                break
        return tuple(found)

    def _record(
        self,
        connection: Connection,
        row: SearchRow,
        lists: list[tuple[Candidate, ...]],
        purpose: str,
    ) -> list[tuple[Candidate, ...]]:
        """Write the search down, leaving out whoever was withdrawn since the index was asked."""
        seen = sorted({one.subject_id for candidates in lists for one in candidates})
        decisions = self._ledger.decisions(connection, seen, purpose)
        standing = {one for one in seen if isinstance(decisions[one], Granted)}
        left = [[one for one in candidates if one.subject_id in standing] for candidates in lists]
        # A gap in the ranks would tell that somebody was withdrawn, and where she stood.
        kept = [tuple(replace(one, rank=rank) for rank, one in enumerate(some, 1)) for some in left]
        results = [
            ResultRow(row.search_id, face, one.subject_id, one.reference, one.rank, one.score)
            for face, candidates in enumerate(kept, 1)
            for one in candidates
        ]
        searches.record(connection, row, results)
        return kept


def _near(hits: Hits, threshold: float) -> float:
    """The index's score from which a subject may reach the threshold when she is scored exactly."""
    return threshold if hits.exact else threshold - _COARSE_ERROR
