"""The answer of a search within one compartment, put together from the engine's own.

Rules kept here: ids that leave are opaque; nothing is told of anybody outside the compartment.
"""

from __future__ import annotations

from countenance.engine.customer_answers import DirectSearch, FaceFound, Match
from countenance.engine.customer_parts import outside_id
from countenance.recognition.candidates.identify import Identification
from countenance.store import references, subjects
from countenance.store.database import Database


def told(database: Database, made: Identification, case_id: str) -> DirectSearch:
    """What a search within a compartment is answered with; who was withdrawn meanwhile is left out."""
    found = [one for face in made.faces for one in face.candidates]
    with database.read() as connection:
        owners = subjects.by_ids(connection, sorted({one.subject_id for one in found}))
        rows = references.by_ids(connection, [one.reference for one in found])
    images = {row.reference_id: row.image_id for row in rows}
    faces = []
    for face in made.faces:
        matches = tuple(
            Match(
                one.rank,
                one.subject,
                outside_id(owners[one.subject_id]),
                images.get(one.reference),
                one.score,
                one.expected_false_positives,
                one.log_likelihood_ratio,
            )
            for one in face.candidates
            if one.subject_id in owners  # withdrawn since the search was written
        )
        faces.append(FaceFound(face.box, face.quality, matches))
    return DirectSearch(
        made.search_id,
        case_id,
        made.purpose,
        made.at_utc,
        tuple(faces),
        made.threshold,
        made.gallery_size,
        made.references,
        made.model,
        made.notes,
    )
