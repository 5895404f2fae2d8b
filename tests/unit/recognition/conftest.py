"""Models prepared once for all tests of recognition, and the photographs that are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from countenance.recognition.faces.detect import Detector
from countenance.recognition.models.package import bundled_detector, bundled_template_model
from countenance.recognition.templates.extract import Extractor
from countenance.terms import Pixels

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def model_cache() -> Path:
    """Kept between runs: what is in it is checked by digest at every load."""
    return REPOSITORY / "build" / "test-cache"


@pytest.fixture(scope="session")
def detector(model_cache: Path) -> Detector:
    return Detector(bundled_detector(), model_cache, threads=2)


@pytest.fixture(scope="session")
def extractor(model_cache: Path) -> Extractor:
    return Extractor(bundled_template_model(), model_cache, threads=2)


@pytest.fixture(scope="session")
def portrait() -> Pixels:
    """The public-domain portrait that scikit-image ships; shape (512, 512, 3)."""
    data = pytest.importorskip("skimage.data", reason="scikit-image, which ships the portrait, is not installed")
    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="session")
def orl() -> dict[int, list[Pixels]]:
    """Forty people, ten photographs each (AT&T/ORL), by number of the person."""
    folder = Path(os.environ.get("COUNTENANCE_ORL", REPOSITORY.parent / "shared" / "faces" / "orl"))
    if not folder.is_dir():
        pytest.skip(f"the AT&T/ORL photographs are not in {folder.name} (set COUNTENANCE_ORL)")
    people: dict[int, list[Pixels]] = {}
    for person in range(1, 41):
        files = [folder / f"s{person}" / f"{number}.pgm" for number in range(1, 11)]
        people[person] = [np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR_RGB), np.uint8) for file in files]
    return people
