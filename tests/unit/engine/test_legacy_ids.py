"""Ids that say nothing, are always the same, and open only where they were made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.engine.legacy.ids import OpaqueIds
from countenance.terms import CompartmentId, ReferenceId
from countenance.vault.keys import KeyRing

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def ids(tmp_path_factory: pytest.TempPathFactory) -> OpaqueIds:
    return OpaqueIds(_ring(tmp_path_factory.mktemp("ids") / "keys"))


def _ring(place: Path) -> KeyRing:
    KeyRing.create(place, "00" * 16).close()
    return KeyRing.open(place, "00" * 16)


@given(compartment=st.integers(0, 2**31), reference=st.integers(1, 2**62))
def test_an_id_opens_in_its_own_compartment_only(ids: OpaqueIds, compartment: int, reference: int) -> None:
    made = ids.face(CompartmentId(compartment), ReferenceId(reference))
    assert UUID.fullmatch(made)
    assert made == ids.face(CompartmentId(compartment), ReferenceId(reference))
    assert ids.reference(CompartmentId(compartment), made) == reference
    assert ids.reference(CompartmentId(compartment + 1), made) is None


@given(st.text(max_size=40) | st.uuids().map(str))
def test_an_id_that_was_made_up_opens_to_nothing(ids: OpaqueIds, text: str) -> None:
    assert ids.reference(CompartmentId(1), text) is None


def test_an_id_in_another_spelling_is_another_id(ids: OpaqueIds) -> None:
    made = ids.face(CompartmentId(1), ReferenceId(7))
    for other in (made.upper(), made.replace("-", ""), "-" + made):
        assert other == made or ids.reference(CompartmentId(1), other) is None
