"""Looking for faces and comparing them, for clients of other engines.

Rules kept here:

* No case, no search: the key or the compartment's terms name the standing case; its purpose filters, its quota
  counts, and the search is in every candidate's ledger.
* Nothing is shown below the calibration's default threshold at the size of the compartment, whatever a client asks
  for: a lower threshold shows strangers.
* A picture that was sent is forgotten when the answer is given.
"""

from __future__ import annotations

import numpy as np

from countenance.engine.legacy.answers import Comparison, Likeness, Looked, Recognised, SeenFace
from countenance.engine.legacy.shelves import NO_LABEL, Shelves
from countenance.errors import AccessRefused, ImageNotHeld, NoFace
from countenance.oversight.compartments import Compartment
from countenance.oversight.parties import Principal
from countenance.oversight.policy import Code, Refused, Verb
from countenance.oversight.standing import standing_case
from countenance.recognition.candidates.identify import MOST_CANDIDATES, Candidate
from countenance.recognition.candidates.similarity import SimilarityScale
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.gallery.enrol import Prepared
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import legacy, references, subjects
from countenance.store.cases import CaseRow
from countenance.store.references import ReferenceRow
from countenance.terms import Box, CompartmentId, ReferenceId, SubjectId, Vectors, comparison_scores

ALL = MOST_CANDIDATES
"""As many subjects as a search can return."""

MOST_PROBES = 100
"""Faces of one subject that are searched with together."""


class Looking(Shelves):
    """What only looks: detection, comparison, search."""

    def look(self, who: Principal, data: bytes) -> Looked:
        """The faces in a picture. Raises ImageError and its kinds."""
        self._parts.gate.require(who, Verb.VERIFY)
        return self._looked(self._parts.prepare(NO_LABEL, data))

    def compare(self, who: Principal, first: bytes, second: bytes) -> Comparison:
        """The largest face of one picture against every face of another. Raises NoFace (the first), ImageError."""
        self._parts.gate.require(who, Verb.VERIFY)
        scale = SimilarityScale.of(self._parts.calibration())
        one, other = self._parts.prepare("the first picture", first), self._parts.prepare("the second", second)
        if not one.faces:
            raise NoFace("No face was found in the first picture.")
        return Comparison(self._looked(one), self._looked(other), _against(one.faces[0].template, other, scale))

    def compare_with(self, who: Principal, name: str | None, face_id: str, data: bytes) -> Comparison:
        """A held face against every face of a picture. Raises ImageNotHeld, PermissionRefused, ImageError."""
        who, held = self._entered(who, Verb.VERIFY, name)
        scale = SimilarityScale.of(self._parts.calibration())
        row = self._row(held.number, face_id)
        template = self._template(row)
        prepared = self._parts.prepare(NO_LABEL, data)
        nothing = Looked(0, 0, (), self._parts.model())
        return Comparison(nothing, self._looked(prepared), _against(template, prepared, scale))

    # -- searching --------------------------------------------------------------------------------------------

    def recognise(
        self,
        who: Principal,
        name: str | None,
        data: bytes,
        *,
        most: int,
        faces: int = 0,
        least_confidence: float = 0.0,
    ) -> Recognised:
        """For each face of a picture the subjects that it resembles, by their most alike face.

        ``faces`` limits how many faces are searched for, largest first; 0 is all. Raises ImageError.
        """
        who, held = self._entered(who, Verb.IDENTIFY, name)
        prepared = self._parts.prepare(NO_LABEL, data)
        sure = [place for place, one in enumerate(prepared.faces) if one.face.confidence >= least_confidence]
        wanted = sure[:faces] if faces else sure
        lists: list[tuple[Likeness, ...]] = [() for _ in prepared.faces]
        if wanted:
            found = self._search(who, held, tuple(prepared.faces[at] for at in wanted), 0.0, min(most, ALL))
            for at, candidates in zip(wanted, found, strict=True):
                lists[at] = self._best(held.number, candidates)
        return Recognised(self._looked(prepared), tuple(lists))

    def search_faces(
        self, who: Principal, name: str | None, data: bytes, *, similarity: float, most: int, quality: int
    ) -> Recognised:
        """The held faces that the largest face of a picture resembles; no list when it shows none that is at least
        of ``quality``. Raises ImageError.
        """
        who, held = self._entered(who, Verb.IDENTIFY, name)
        prepared = self._parts.prepare(NO_LABEL, data)
        looked = self._looked(prepared)
        if not prepared.faces or prepared.faces[0].quality.score < quality:
            return Recognised(looked, ())
        [candidates] = self._search(who, held, prepared.faces[:1], similarity, min(most, ALL))
        likenesses = self._each(held, prepared.faces[0].template, candidates, similarity)
        return Recognised(looked, (likenesses[:most],))

    def search_like(
        self, who: Principal, name: str | None, face_id: str, *, similarity: float, most: int
    ) -> tuple[tuple[Likeness, ...], str]:
        """The held faces that a held face resembles, itself left out; and the model. Raises ImageNotHeld."""
        who, held = self._entered(who, Verb.IDENTIFY, name)
        row = self._row(held.number, face_id)
        template = self._template(row)
        [candidates] = self._search(who, held, (_probe(template),), similarity, min(most + 1, ALL))
        found = self._each(held, template, candidates, similarity)
        others = tuple(one for one in found if one.face.face_id != face_id)
        return others[:most], self._parts.model()

    def search_users(
        self,
        who: Principal,
        name: str | None,
        *,
        face_id: str | None,
        user: str | None,
        similarity: float,
        most: int,
    ) -> tuple[tuple[Likeness, ...], str]:
        """The subjects with a name whom a held face resembles, or a held subject by any of her faces; each by her
        most alike face, she herself left out; and the model. It is one search. Raises ImageNotHeld, SubjectUnknown.
        """
        who, held = self._entered(who, Verb.IDENTIFY, name)
        model = self._parts.model()
        if face_id is not None:
            rows, own = [self._row(held.number, face_id)], None
        else:
            own = self._parts.ledger.find(user or "", held.number).subject_id
            with self._parts.database.read() as connection:
                rows = legacy.page(connection, model, held.number, subject_id=own, most=MOST_PROBES)
        if not rows:
            return (), model
        found = self._search(who, held, tuple(_probe(self._template(row)) for row in rows), similarity, ALL)
        scores: dict[SubjectId, Candidate] = {}
        for one in (candidate for candidates in found for candidate in candidates):
            if one.subject_id != own and (one.subject_id not in scores or one.score > scores[one.subject_id].score):
                scores[one.subject_id] = one
        likenesses = self._best(held.number, tuple(scores.values()))
        return tuple(one for one in likenesses if one.face.subject is not None)[:most], model

    # -- inside -----------------------------------------------------------------------------------------------

    def _search(
        self, who: Principal, held: Compartment, faces: tuple[RecognisedFace, ...], similarity: float, limit: int
    ) -> list[tuple[Candidate, ...]]:
        scale = SimilarityScale.of(self._parts.calibration())
        named = standing_case(who, held.terms)
        if isinstance(named, Refused):
            self._parts.gate.refuse(who, Verb.IDENTIFY, named)
        who, case = self._parts.cases.take_search(who, named)
        try:
            return self._identified(who, held, case, faces, self._threshold(held, scale, similarity), limit)
        except AccessRefused as refused:  # the case ended while the picture was read
            self._parts.cases.give_back(case.case_id)
            self._parts.gate.refuse(who, Verb.IDENTIFY, Refused(Code(refused.reason), str(refused)))
        except BaseException:
            self._parts.cases.give_back(case.case_id)
            raise

    def _identified(
        self,
        who: Principal,
        held: Compartment,
        case: CaseRow,
        faces: tuple[RecognisedFace, ...],
        threshold: float,
        limit: int,
    ) -> list[tuple[Candidate, ...]]:
        made = self._parts.identifier().identify(
            faces,
            purpose=case.purpose,
            limit=limit,
            threshold=threshold,
            recorded=lambda connection, search_id, lists: self._parts.cases.attach(
                connection, case, who, search_id, [b""] * len(lists)
            ),
            compartments=frozenset({held.number}),
            purpose_told=False,
        )
        return [one.candidates for one in made.faces]

    def _threshold(self, held: Compartment, scale: SimilarityScale, similarity: float) -> float:
        with self._parts.database.read() as connection:
            size = references.count(connection, self._parts.model(), frozenset({held.number}))
        floor = scale.calibration.default_threshold(size).score
        return max(floor, scale.score(similarity) if similarity > 0 else floor)

    def _best(self, compartment: CompartmentId, candidates: tuple[Candidate, ...]) -> tuple[Likeness, ...]:
        """Candidates as likenesses, each by its most alike face."""
        scale = SimilarityScale.of(self._parts.calibration())
        scores = {one.reference: one.score for one in candidates}
        return self._likenesses(compartment, scores, scale)

    def _each(
        self, held: Compartment, probe: Vectors, candidates: tuple[Candidate, ...], similarity: float
    ) -> tuple[Likeness, ...]:
        """Every face of the candidates that is alike enough, not only each one's most alike."""
        scale = SimilarityScale.of(self._parts.calibration())
        threshold = self._threshold(held, scale, similarity)
        numbers = [SubjectId(one.subject_id) for one in candidates]
        with self._parts.database.read() as connection:
            owners = subjects.by_ids(connection, numbers)
            held_by = references.of_subjects(connection, numbers)
        model = self._parts.model()
        rows = [row for some in held_by.values() for row in some if row.model == model]
        kept, templates = TemplateReader(self._parts.vault, owners).open(rows, len(probe))
        scores = comparison_scores(probe[None, :], templates)[0].tolist() if kept else []
        alike = {row.reference_id: score for row, score in zip(kept, scores, strict=True) if score >= threshold}
        return self._likenesses(held.number, alike, scale)

    def _likenesses(
        self, compartment: CompartmentId, scores: dict[ReferenceId, float], scale: SimilarityScale
    ) -> tuple[Likeness, ...]:
        with self._parts.database.read() as connection:
            rows = references.by_ids(connection, list(scores))
        rows.sort(key=lambda row: (-scores[row.reference_id], row.reference_id))
        shown = {one.face_id: one for one in self._held(compartment, rows)}
        ids = [(self._ids.face(compartment, row.reference_id), scores[row.reference_id]) for row in rows]
        return tuple(
            Likeness(shown[face_id], scale.similarity(score)) for face_id, score in ids if face_id in shown
        )

    def _template(self, row: ReferenceRow) -> Vectors:
        """The template of a held face. Raises PermissionRefused when no permission in force covers it, ImageNotHeld
        when its subject is being erased."""
        with self._parts.database.read() as connection:
            self._parts.ledger.versions(connection, [row.subject_id])
            owners = subjects.by_ids(connection, [row.subject_id])
        _, templates = TemplateReader(self._parts.vault, owners).open([row], row.dimensions)
        if len(templates) == 0:
            raise ImageNotHeld("There is no face of that id here.")
        template: Vectors = templates[0]
        return template

    def _looked(self, prepared: Prepared) -> Looked:
        height, width = prepared.picture.pixels.shape[:2]
        return Looked(width, height, tuple(seen(one) for one in prepared.faces), self._parts.model())


def seen(one: RecognisedFace) -> SeenFace:
    """A recognised face without its pixels and its template."""
    landmarks = tuple((float(x), float(y)) for x, y in one.face.landmarks)
    return SeenFace(one.face.box, landmarks, min(1.0, float(one.face.confidence)), one.quality)


def _probe(template: Vectors) -> RecognisedFace:
    """A held template as a face to search with."""
    nowhere = Face(Box(0, 0, 0, 0), np.zeros((5, 2), np.float32), 1.0)
    return RecognisedFace(nowhere, np.zeros((112, 112, 3), np.uint8), Quality(100, ()), template)


def _against(template: Vectors, prepared: Prepared, scale: SimilarityScale) -> tuple[float, ...]:
    if not prepared.faces:
        return ()
    others = np.stack([one.template for one in prepared.faces])
    return tuple(scale.similarity(float(score)) for score in comparison_scores(template[None, :], others)[0])
