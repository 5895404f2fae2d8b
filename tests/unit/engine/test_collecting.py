"""What collecting remembers between imports."""

from __future__ import annotations

import pytest

from countenance.collection.bystanders import Thresholds
from tests.galleries import Galleries


def test_whom_a_face_is_taken_for_follows_the_calibration_in_use(
    galleries: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = galleries.new()
    first = gallery.collecting._thresholds(3)
    assert gallery.collecting._thresholds(3) is first
    other = gallery._calibrations.find(gallery.model, "mirrored")
    assert other is not None
    monkeypatch.setattr(gallery, "_calibration", lambda model: other)
    assert gallery.collecting._thresholds(3) == Thresholds.of(other, 3) != first
