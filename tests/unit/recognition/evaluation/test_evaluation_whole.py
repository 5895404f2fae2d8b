"""A whole evaluation on pictures drawn for the test: what it reports, what it refuses, what the page holds."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from countenance.errors import LabelsInvalid, ReportUnavailable
from countenance.recognition.candidates.evaluation import Evaluation, evaluate, measure, report
from countenance.recognition.faces.face import Face
from countenance.terms import Box

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
SIDE = 48
LANDMARKS = np.array([[16, 18], [32, 18], [24, 26], [18, 34], [30, 34]], np.float32)


@dataclass(frozen=True)
class Drawn:
    """A face as the stand-in recogniser sees it."""

    face: Face
    chip: np.ndarray
    quality: SimpleNamespace
    template: np.ndarray


def recognise(pixels: np.ndarray) -> Sequence[Drawn]:
    """A stand-in: the picture's coarse pattern is its template; a black picture has no face."""
    if pixels.max() < 20:
        return ()
    coarse = cv2.resize(pixels, (8, 8), interpolation=cv2.INTER_AREA).mean(axis=2).ravel().astype(np.float32)
    coarse -= coarse.mean()
    template = coarse / max(float(np.linalg.norm(coarse)), 1e-6)
    scale = pixels.shape[1] / SIDE
    face = Face(Box(0, 0, pixels.shape[1], pixels.shape[0]), LANDMARKS * scale, 0.9)
    quality = SimpleNamespace(score=int(np.clip(pixels.std(), 0, 100)))
    return (Drawn(face, cv2.resize(pixels, (112, 112)), quality, template),)


def draw(path: Path, person: int, picture: int, *, noise: float = 60.0) -> None:
    """A pattern for each person, with coarse noise for each picture."""
    pattern = np.random.default_rng(person).integers(0, 256, (8, 8, 3))
    own = np.random.default_rng([person, picture]).normal(0, noise, (16, 16, 3))
    pixels = np.kron(pattern, np.ones((6, 6, 1))) + np.kron(own, np.ones((3, 3, 1)))
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.clip(pixels, 0, 255).astype(np.uint8))


def made(source: Path, **choices: object) -> Evaluation:
    options: dict[str, object] = {"seed": 1, "robustness_probes": 0, "draws": 50, **choices}
    return evaluate(source, recognise, model="stand-in", recipe="plain", measured_at=WHEN, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("labelled")
    for person in range(16):
        for picture in range(5):
            draw(place / f"person{person:02d}" / f"{picture}.png", person, picture)
    return place


@pytest.fixture(scope="module")
def evaluation(folder: Path) -> Evaluation:
    return made(folder, gallery_references=5000, robustness_probes=6)


def test_every_part_is_measured_on_an_ordinary_sample(evaluation: Evaluation) -> None:
    assert evaluation.absent == ()
    assert evaluation.people == 16
    assert evaluation.verification is not None
    assert evaluation.verification.mates == 16 * 10
    assert evaluation.verification.non_mates == 80 * 79 // 2 - 160
    assert evaluation.identification is not None
    assert evaluation.identification.leave_one_out.errors == 0
    assert evaluation.calibration is not None
    assert evaluation.calibration.sample.data == evaluation.data
    assert evaluation.growth is not None
    assert 5000 in [p.references for p in evaluation.growth.projected]
    assert evaluation.robustness is not None
    assert evaluation.fusion is not None
    assert evaluation.findings == ()


def test_same_pictures_and_seed_give_the_same_figures(folder: Path, evaluation: Evaluation) -> None:
    again = made(folder, gallery_references=5000, robustness_probes=6)
    assert json.dumps(again.as_dict(), sort_keys=True) == json.dumps(evaluation.as_dict(), sort_keys=True)


def test_degrading_probes_never_touches_the_level_as_is(evaluation: Evaluation) -> None:
    assert evaluation.robustness is not None
    for curve in evaluation.robustness.curves:
        assert curve.points[0].level is None
        assert curve.points[0].missed.errors == 0
    names = {curve.name for curve in evaluation.robustness.curves}
    assert {"size", "blur", "noise", "compression", "darkness", "rotation", "cover", "greyscale"} < names


def test_report_is_one_page_that_loads_nothing_and_its_json_reads_back(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    page, data = report(evaluation, tmp_path / "out", others=[evaluation])
    text = page.read_text("utf-8")
    assert "<script" not in text
    outside = [u for u in re.findall(r"""(?:src|href)=["']([^"']+)""", text) if not u.startswith("#")]
    assert outside == []
    assert text.count("<svg") >= 6
    ids = re.findall(r'<(?:clipPath|path) id="([^"]+)"', text)
    for heading in (
        "What was measured",
        "same person",
        "stranger stay unknown",
        "When the gallery grows",
        "not say",
    ):
        assert heading in text
    assert ids
    document = json.loads(data.read_text("utf-8"))
    assert document["schema_version"] == 1
    assert document["verification"]["mates"] == 160
    assert len(document["others"]) == 1
    assert not list((tmp_path / "out").glob("*.part"))


def test_labels_cannot_write_into_the_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    rows = ["path,subject,group"]
    for person in range(6):
        for picture in range(3):
            draw(tmp_path / f"{person}-{picture}.png", person, picture)
            rows.append(f"{person}-{picture}.png,p{person},<script>alert({person % 2})</script>$x")
    (tmp_path / "labels.csv").write_text("\n".join(rows), "utf-8")
    page, _ = report(made(tmp_path / "labels.csv"), tmp_path / "out")
    assert "<script" not in page.read_text("utf-8")


def test_report_without_matplotlib_says_how_to_get_it(
    tmp_path: Path, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ReportUnavailable) as caught:
        report(evaluation, tmp_path / "out")
    assert "countenance[report]" in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_one_person_only_is_told_what_cannot_be_known(tmp_path: Path) -> None:
    for picture in range(4):
        draw(tmp_path / "anna" / f"{picture}.png", 1, picture)
    evaluation = made(tmp_path)
    assert evaluation.verification is None
    assert evaluation.identification is None
    assert evaluation.calibration is None
    assert {a.part: a.reason for a in evaluation.absent}["verification"] == "there is only one person"


def test_one_picture_each_is_told_what_cannot_be_known(tmp_path: Path) -> None:
    for person in range(8):
        draw(tmp_path / f"p{person}" / "1.png", person, 0)
    evaluation = made(tmp_path)
    assert {a.part for a in evaluation.absent} == {"verification", "identification", "calibration"}
    assert "two pictures" in evaluation.absent[0].reason


def test_page_of_a_sample_that_supports_nothing_still_says_why(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    draw(tmp_path / "in" / "anna" / "1.png", 1, 1)
    page, _ = report(made(tmp_path / "in"), tmp_path / "out")
    assert page.read_text("utf-8").count("Not measured") >= 3


@pytest.fixture
def spoiled(tmp_path: Path) -> Path:
    for person in range(14):
        for picture in range(4):
            draw(tmp_path / f"p{person:02d}" / f"{picture}.png", person, picture)
    return tmp_path


def test_the_same_file_under_two_names_is_found(spoiled: Path) -> None:
    (spoiled / "p03" / "copy.png").write_bytes((spoiled / "p07" / "2.png").read_bytes())
    findings = [f for f in made(spoiled).findings if f.kind == "duplicate"]
    assert [set(f.pictures) for f in findings] == [{"p03/copy.png", "p07/2.png"}]


def test_the_same_photograph_saved_again_under_two_names_is_found(spoiled: Path) -> None:
    again = cv2.imread(str(spoiled / "p07" / "2.png"))
    cv2.imwrite(str(spoiled / "p03" / "copy.jpg"), again, [cv2.IMWRITE_JPEG_QUALITY, 80])
    found = {p for f in made(spoiled).findings if f.kind == "duplicate" for p in f.pictures}
    assert {"p03/copy.jpg", "p07/2.png"} <= found


def test_likely_mislabel_is_reported_and_the_label_stays(spoiled: Path) -> None:
    draw(spoiled / "p03" / "9.png", 7, 9)
    evaluation = made(spoiled)
    assert [f.pictures for f in evaluation.findings if f.kind == "mislabel"] == [("p03/9.png",)]
    assert evaluation.verification is not None
    assert evaluation.verification.mates == 13 * 6 + 10, "the mislabelled picture still counts under its label"


def test_one_person_under_two_names_is_reported_once(spoiled: Path) -> None:
    for picture in range(20, 24):
        draw(spoiled / "zoe" / f"{picture}.png", 5, picture)
    same = [f for f in made(spoiled).findings if f.kind in ("same_person", "mislabel")]
    assert [(f.kind, f.pictures) for f in same] == [("same_person", ("p05", "zoe"))]


def test_unreadable_missing_and_faceless_files_are_reported_and_counted(spoiled: Path) -> None:
    (spoiled / "p00" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (spoiled / "p00" / "empty.png").write_bytes(b"")
    cv2.imwrite(str(spoiled / "p01" / "black.png"), np.zeros((48, 48, 3), np.uint8))
    evaluation = made(spoiled)
    kinds = sorted((f.kind, f.pictures[0]) for f in evaluation.findings)
    assert kinds == [
        ("no_face", "p01/black.png"),
        ("unreadable", "p00/broken.jpg"),
        ("unreadable", "p00/empty.png"),
    ]
    assert evaluation.acquisition.failure_to_acquire.errors == 3
    assert evaluation.acquisition.failure_to_acquire.trials == 59


def test_source_without_a_single_face_is_refused(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    cv2.imwrite(str(tmp_path / "anna" / "1.png"), np.zeros((48, 48, 3), np.uint8))
    with pytest.raises(LabelsInvalid, match="none of the 1 pictures"):
        made(tmp_path)


def test_group_differences_come_from_labels_with_their_intervals(tmp_path: Path) -> None:
    rows = ["path,subject,site"]
    for person in range(20):
        for picture in range(4):
            name = f"{person}-{picture}.png"
            draw(tmp_path / name, person, picture, noise=60 if person < 10 else 250)
            rows.append(f"{name},p{person},{'north' if person < 10 else 'south'}")
    (tmp_path / "labels.csv").write_text("\n".join(rows), "utf-8")
    (site,) = made(tmp_path / "labels.csv").fairness
    north, south = site.groups
    assert (north.value, north.people, south.value, south.people) == ("north", 10, "south", 10)
    assert north.fnmr.trials == south.fnmr.trials == 60
    assert north.fmr.trials == 40 * 39 // 2 - 60
    assert site.people_without_group == 0
    if site.false_negative.value is None:
        assert "not printed" in site.false_negative.sentence


def test_calibration_from_pictures_is_that_of_the_evaluation(folder: Path, evaluation: Evaluation) -> None:
    measured = measure(folder, recognise, model="stand-in", recipe="plain", measured_at=WHEN, seed=1)
    assert measured.calibration == evaluation.calibration
    assert measured.held_out == evaluation.held_out
    assert measured.findings == ()
    assert json.loads(json.dumps(measured.as_dict()))["calibration"]["recipe"] == "plain"


def test_no_group_in_the_labels_means_no_word_about_groups(evaluation: Evaluation) -> None:
    assert evaluation.fairness == ()


def test_prescribed_pairs_run_the_folded_protocol(tmp_path: Path) -> None:
    lines = ["4\t2"]
    for fold in range(4):
        a, b = 2 * fold, 2 * fold + 1
        for person in (a, b):
            for picture in (1, 2, 3):
                draw(tmp_path / f"P{person}" / f"P{person}_{picture:04d}.png", person, picture)
        lines += [f"P{a}\t1\t2", f"P{b}\t1\t3", f"P{a}\t1\tP{b}\t1", f"P{a}\t3\tP{b}\t2"]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n", "utf-8")
    evaluation = made(tmp_path / "pairs.txt")
    assert evaluation.protocol is not None
    assert evaluation.protocol.pairs == 16
    assert evaluation.protocol.mean == 1.0
