"""A plan is arithmetic that can be checked by hand, from constants that were measured."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from countenance.errors import InputInvalid
from countenance.index import capacity
from countenance.index.capacity import Assumptions, Constants, measure, plan, printed, threshold_for

CONSTANTS = Constants(
    cores=2,
    memory_read_bytes_per_s=10e9,
    scan_bytes_per_s=5e9,
    code_bytes=24,
    dimensions=128,
    build_faces_per_s=250e3,
    disk_write_bytes_per_s=500e6,
    disk_read_bytes_per_s=1e9,
    seal_bytes_per_s=1e9,
)
EXHAUSTIVE = Assumptions(searched_share=1.0)


def gaussian(score: float) -> float:
    """Strangers' scores: mean 0.1, standard deviation 0.1."""
    return 0.5 * math.erfc((score - 0.1) / 0.1 / math.sqrt(2))


def test_the_figures_of_a_plan_are_those_of_paper_and_pencil() -> None:
    made = plan(20e9, 128, 0.01, 2, CONSTANTS, assumptions=EXHAUSTIVE)
    assert made["memory a replica"] == pytest.approx(20e9 * 48 / 1e9)
    assert made["nodes for memory"] == math.ceil(960e9 / (256e9 * 0.7)) == 6
    assert made["one search on one node"] == pytest.approx(20e9 * 24 / 5e9)
    assert made["nodes a replica"] == 6
    assert made["nodes"] == 12
    assert made["latency"] == pytest.approx(1000 * (96 / 6 + 0.002))
    assert made["build"] == pytest.approx(20e9 / 250e3 / 6 / 3600)
    assert made["loading into a server"] == pytest.approx(20e9 / 5000 / 3600)
    assert made["refinement on disk"] == pytest.approx(20e9 * 128 * 2 / 1e9)


def test_more_searches_a_second_need_more_nodes_and_keep_them_below_the_busiest() -> None:
    made = plan(20e9, 128, 50, 2, CONSTANTS)
    assert made["nodes for speed"] > made["nodes for memory"]
    assert made["load"] <= Assumptions().busiest
    assert any("speed" in warning for warning in made.warnings)
    assert plan(1e6, 128, 1, 1, CONSTANTS)["nodes"] == 1


def test_a_server_is_loaded_by_its_writers_and_not_by_the_nodes() -> None:
    four = plan(20e9, 128, 50, 2, CONSTANTS, assumptions=Assumptions(writers=4, insert_faces_per_s=3900))
    assert four["loading into a server"] == pytest.approx(20e9 / (4 * 3900) / 3600)
    assert four["loading into a server"] > four["build"]


def test_longer_templates_need_an_eighth_of_a_byte_more_for_each_dimension() -> None:
    made = plan(1e9, 512, 1, 1, CONSTANTS)
    assert made["code"] == 24 + 48
    assert any("measured at 128" in warning for warning in made.warnings)


def test_the_threshold_keeps_false_positives_at_the_stated_level() -> None:
    made = plan(1e6, 128, 1, 1, CONSTANTS, false_match_rate=gaussian, threshold=0.4, false_positives=0.01)
    assert made["false match rate needed"] == pytest.approx(1e-8)
    assert made["false positives"] == pytest.approx(1e6 * gaussian(0.4))
    assert 1e6 * gaussian(made["threshold"]) <= 0.01 < 1e6 * gaussian(made["threshold"] - 2e-4)


def test_a_rate_that_the_statistics_do_not_resolve_is_not_taken_for_zero() -> None:
    def counted(score: float) -> float:
        return max(0.0, round(gaussian(score) * 1e6) / 1e6)

    assert threshold_for(counted, 1e-3) == pytest.approx(0.409, abs=2e-3)
    assert threshold_for(counted, 1e-9) is None
    made = plan(1e6, 128, 1, 1, CONSTANTS, false_match_rate=counted, threshold=0.9)
    assert "threshold" not in [figure.name for figure in made.figures]
    assert len(made.warnings) == 2


@pytest.mark.parametrize("field", ["faces", "dimensions", "queries_per_s", "replicas", "false_positives"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_sizes_that_are_not_positive_are_refused(field: str, value: float) -> None:
    sizes = {"faces": 1e6, "dimensions": 128, "queries_per_s": 1, "replicas": 1, "false_positives": 0.01}
    sizes[field] = value
    level = sizes.pop("false_positives")
    with pytest.raises(InputInvalid):
        plan(**sizes, constants=CONSTANTS, false_positives=level)  # type: ignore[arg-type]


def test_every_figure_is_printed_with_its_formula() -> None:
    made = plan(1e9, 128, 5, 2, CONSTANTS, false_match_rate=gaussian, threshold=0.4)
    text = printed(made.figures)
    assert text.count("\n") + 1 == len(made.figures)
    assert all(figure.formula in text for figure in made.figures)
    assert {figure["name"] for figure in made.as_dict()["figures"]} >= {"nodes", "latency", "threshold"}  # type: ignore[attr-defined, index]


def test_the_constants_are_measured_here(tmp_path: Path) -> None:
    found = measure(
        tmp_path, np.random.default_rng(0), dimensions=64, faces=12_000, codes=24_000, size_bytes=1 << 22
    )
    rates = replace(found, cores=1, code_bytes=1, dimensions=1).as_dict().values()
    assert all(math.isfinite(float(rate)) and float(rate) > 0 for rate in rates)  # type: ignore[arg-type]
    assert found.code_bytes == 64 / 8, "one bit a dimension"
    assert list(tmp_path.iterdir()) == [], "nothing is left on the disk"


def test_two_that_measure_in_one_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    other: list[tuple[float, float]] = []

    def timer() -> float:
        if not other:
            other.append((0.0, 0.0))
            other.append(capacity._disk(tmp_path, bytes(1 << 12), time.perf_counter))
        return time.perf_counter()

    assert min(*capacity._disk(tmp_path, bytes(1 << 16), timer), *other[1]) > 0
    assert list(tmp_path.iterdir()) == []
