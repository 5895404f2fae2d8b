"""Evidence of residence is recorded as it was given, or not at all."""

from __future__ import annotations

import pytest

from countenance.errors import EvidenceInvalid
from tests.galleries import Galleries, permit


def test_evidence_that_is_refused_for_its_tier_is_not_on_record(galleries: Galleries) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    before = gallery.residency.show("anna").evidence
    with pytest.raises(EvidenceInvalid, match="tier A, not C"):
        gallery.residency.add(
            "anna", predicate="resident_of", value=["US-IL"], source="a form", signal="declaration", tier="C"
        )
    assert gallery.residency.show("anna").evidence == before
