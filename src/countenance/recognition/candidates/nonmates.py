"""Known non-mates for a review: subjects on record who are certainly not the face that is looked for.

Rules kept here:

* They come from the compartments that the search saw.
* Nobody is shown without a permission in force for the purpose, nor anybody who is a candidate already.
* A few are drawn at random, and the one least alike is taken; its score lies below every threshold in use. They
  are drawn where the search is written down, so drawing takes the same few questions however many are on record.
* Randomness is passed in: the same source and gallery give the same draw.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from countenance.custody.permission.decide import Granted
from countenance.custody.permission.ledger import Ledger
from countenance.recognition.gallery.sealed import TemplateReader
from countenance.store import references, subjects
from countenance.store.references import ReferenceRow
from countenance.terms import CompartmentId, SubjectId, Vectors, comparison_scores
from countenance.vault.sealing import Vault

DRAWN = 8
"""Subjects drawn for one non-mate."""

UNLIKE = 0.3
"""A non-mate's score is below this: two standard deviations above impostors' mean (0.10 +- 0.10), five below
mates' (0.80 +- 0.12), as measured on the AT&T/ORL faces with the bundled model."""

_ATTEMPTS = 8
"""Times that so many are looked at before fewer non-mates will do."""
_TAG_BYTES = 32


@dataclass(frozen=True, slots=True)
class NonMate:
    """A subject who is not the probe, with the reference that will be shown."""

    subject_id: SubjectId
    reference: ReferenceRow
    score: float


def draw(
    connection: Connection,
    vault: Vault,
    ledger: Ledger,
    *,
    model: str,
    purpose: str,
    probe: Vectors,
    count: int,
    exclude: Collection[SubjectId],
    pictured: bool,
    source: random.Random,
    compartments: frozenset[CompartmentId] | None,
) -> list[NonMate]:
    """At most ``count`` non-mates of ``probe`` (shape (dimensions,)); fewer, or none, in a small gallery.

    ``pictured`` asks for references with an image, as the candidates' are: a non-mate must look like one.
    """
    most = DRAWN * _ATTEMPTS * count + len(exclude)
    round_ = subjects.round_from(connection, source.randbytes(_TAG_BYTES), most, compartments)
    held = references.holders(connection, round_, model, pictured=pictured)
    drawn = [one for one in round_ if one in held and one not in exclude]
    found: list[NonMate] = []
    unlike: list[NonMate] = []
    for start in range(0, len(drawn), DRAWN * count):
        some = drawn[start : start + DRAWN * count]
        allowed = ledger.decisions(connection, some, purpose)
        permitted = [one for one in some if isinstance(allowed[one], Granted)]
        found += _scored(connection, vault, model, probe, permitted, pictured)
        unlike = sorted((one for one in found if one.score < UNLIKE), key=lambda one: (one.score, one.subject_id))
        if len(unlike) >= count:
            break
    return unlike[:count]


def _scored(
    connection: Connection, vault: Vault, model: str, probe: Vectors, permitted: list[SubjectId], pictured: bool
) -> list[NonMate]:
    """Each subject with her best reference, scored against ``probe``."""
    owners = subjects.by_ids(connection, permitted)
    held = references.of_subjects(connection, permitted)
    rows = [row for one in permitted for row in held.get(one, []) if row.model == model]
    rows = [row for row in rows if row.image_id is not None or not pictured]
    kept, templates = TemplateReader(vault, owners).open(rows, len(probe))
    if not kept:
        return []
    scores = comparison_scores(np.asarray(probe)[None, :], templates)[0].tolist()
    best: dict[SubjectId, NonMate] = {}
    for row, score in zip(kept, scores, strict=True):
        if row.subject_id not in best or score > best[row.subject_id].score:
            best[row.subject_id] = NonMate(row.subject_id, row, score)
    return list(best.values())
