"""Evaluate, calibrate, then search: from Python and through the command line, on people who do not exist."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from countenance import Countenance, Evaluating
from countenance.cli import measure_words
from countenance.cli.door import console
from countenance.cli.main import run
from countenance.clock import SteppedClock, to_text
from countenance.engine.evaluating import SOURCE_FILE
from countenance.errors import (
    BeyondValidated,
    CalibrationUnfit,
    CalibrationUnreadable,
    GalleryMissing,
    InputInvalid,
    LabelsInvalid,
    ModelMissing,
    ModelUncalibrated,
    ReportUnavailable,
)
from countenance.recognition.candidates.calibrate import Calibration
from countenance.recognition.candidates.kept import FOLDER
from countenance.recognition.candidates.meaning import Meaning
from tests import fabricated
from tests.galleries import START, Galleries, fill, permit, search, template
from tests.small_model import write_small_model

PURPOSE = "event-photos"


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fabricated.write(tmp_path_factory.mktemp("labelled") / "people", 13, 5)


@pytest.fixture(scope="module")
def calibration(labelled: Path, model_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """What ``calibrate`` fits to the pictures, fitted once."""
    place = tmp_path_factory.mktemp("first") / "gallery"
    with Countenance.init(place, cache=model_cache, clock=SteppedClock(START)) as gallery:
        done = gallery.evaluating.calibrate(labelled, description="thirteen who do not exist")
        return done.measurement.calibration


@pytest.fixture
def calibrated(galleries: Galleries, calibration: Calibration) -> Countenance:
    gallery = galleries.new()
    gallery._calibrations.keep(calibration)
    return gallery


def encoded(person: int, number: int) -> bytes:
    return cv2.imencode(".png", fabricated.picture(person, number))[1].tobytes()


def only_file(gallery: Countenance) -> Path:
    (file,) = (gallery._settings.folder / FOLDER).iterdir()
    return file


# -- calibrate, and what answers then rest on ---------------------------------------------------------------------


def test_answers_rest_on_the_gallerys_own_calibration_once_there_is_one(
    galleries: Galleries, labelled: Path
) -> None:
    gallery = galleries.new()
    fill(gallery, 20)
    before = search(gallery, template(1), threshold=None)
    galleries.clock.step(timedelta(days=3))
    done = gallery.evaluating.calibrate(labelled, description="thirteen who do not exist").as_dict()
    assert done["replaced"] == before.calibration.digest
    assert done["references"] == 20
    after = search(gallery, template(1), threshold=None)
    assert after.calibration.digest == done["calibration"]["digest"] != before.calibration.digest
    assert after.calibration.measured_utc == to_text(START + timedelta(days=3))
    assert after.calibration.description == "thirteen who do not exist"
    assert (after.calibration.people, after.calibration.pictures) == (13, 65)
    assert after.threshold != before.threshold


def test_the_calibration_is_the_same_after_the_gallery_was_opened_again(
    galleries: Galleries, calibrated: Countenance
) -> None:
    fill(calibrated, 5)
    kept = search(calibrated, template(1), threshold=None)
    again = search(galleries.open(), template(1), threshold=None)
    assert again.calibration == kept.calibration
    assert again.threshold == kept.threshold


def test_calibrating_the_same_pictures_again_gives_the_same_figures_and_is_on_the_log(
    galleries: Galleries, calibration: Calibration, labelled: Path
) -> None:
    gallery = galleries.new()
    gallery.evaluating.calibrate(labelled, description="thirteen who do not exist")
    assert gallery._calibration(gallery.model) == calibration
    log = gallery._witness.log
    (kept,) = [entry for entry in log.entries(0, log.size) if entry.event == "calibration.kept"]
    assert kept.body["calibration"] == calibration.digest


def test_nothing_of_the_labelled_pictures_stays_in_the_gallery(galleries: Galleries, labelled: Path) -> None:
    gallery = galleries.new()
    before = {p for p in galleries.folder.rglob("*") if p.is_file() and "log" not in p.parts}
    gallery.evaluating.calibrate(labelled)
    new = {p for p in galleries.folder.rglob("*") if p.is_file() and "log" not in p.parts} - before
    assert new == {only_file(gallery)}
    text = only_file(gallery).read_text("utf-8")
    assert "p00" not in text
    assert "0.png" not in text
    assert gallery.status().references == 0


def test_identify_answers_raw_and_calibrated_scores_with_what_they_rest_on(
    calibrated: Countenance, calibration: Calibration
) -> None:
    permit(calibrated, "zoe")
    calibrated.enrol("zoe", [encoded(40, 0)])
    answer = calibrated.identify(encoded(40, 1), purpose=PURPOSE, threshold=0.3).as_dict()
    candidate = answer["faces"][0]["candidates"][0]
    assert candidate["subject"] == "zoe"
    assert candidate["log_likelihood_ratio"] == pytest.approx(
        calibration.log_likelihood_ratio(candidate["score"]), abs=0.01
    )
    assert 0 < candidate["log_likelihood_ratio"] <= answer["calibration"]["log_likelihood_ratio_limit"] + 0.01
    assert candidate["expected_false_positives"] <= answer["expected_false_positives"]
    assert answer["calibration"]["digest"] == calibration.digest
    assert answer["calibration"]["data"] == calibration.sample.data
    low, high = answer["expected_false_positives_95"]
    assert low <= answer["expected_false_positives"] <= high


def test_verify_answers_with_the_likelihood_ratio_and_its_grounds(calibrated: Countenance) -> None:
    alike = calibrated.verify(encoded(40, 0), encoded(40, 1))
    unlike = calibrated.verify(encoded(40, 0), encoded(3, 1))
    assert alike.log_likelihood_ratio > 0 > unlike.log_likelihood_ratio
    assert alike.calibration.description == "thirteen who do not exist"
    strictest = calibrated.verify(encoded(40, 0), encoded(40, 1), fmr=1e-6)
    assert strictest.threshold > alike.threshold
    with pytest.raises(BeyondValidated):
        calibrated.verify(encoded(40, 0), encoded(40, 1), fmr=1e-6, strict=True)
    with pytest.raises(InputInvalid):
        calibrated.verify(encoded(40, 0), encoded(40, 1), fmr=1e-3, threshold=0.4)


# -- --fpir and --strict ------------------------------------------------------------------------------------------


def searched(gallery: Countenance, **choices: Any) -> Any:
    return gallery.identify(encoded(40, 1), purpose=PURPOSE, **choices)


def test_fpir_chooses_the_threshold_at_the_live_size_of_the_gallery(
    calibrated: Countenance, calibration: Calibration
) -> None:
    fill(calibrated, 10)
    small = searched(calibrated, fpir=0.01)
    assert small.threshold == calibration.threshold_for(0.01, 10).score
    assert small.threshold_chosen == "fpir"
    assert small.expected_false_positives <= 0.01
    assert searched(calibrated, fpir=0.001).threshold > small.threshold
    fill(calibrated, 90, first_seed=5000)
    assert searched(calibrated, fpir=0.01).threshold > small.threshold


@pytest.mark.parametrize(
    "choices",
    [{"fpir": 0.0}, {"fpir": -0.1}, {"fpir": 1.5}, {"fpir": float("nan")}, {"fpir": 0.1, "threshold": 0.0}],
    ids=["zero", "negative", "above one", "not a number", "with a threshold"],
)
def test_an_fpir_that_is_no_rate_or_comes_with_a_threshold_is_refused(
    calibrated: Countenance, choices: dict[str, float]
) -> None:
    fill(calibrated, 3)
    with pytest.raises(InputInvalid):
        searched(calibrated, **choices)


def test_strict_refuses_what_the_pictures_cannot_show_and_otherwise_says_so(calibrated: Countenance) -> None:
    fill(calibrated, 10)
    assert searched(calibrated, fpir=1e-6).extrapolated
    with pytest.raises(BeyondValidated, match="13 people"):
        searched(calibrated, fpir=1e-6, strict=True)
    with pytest.raises(BeyondValidated, match="13 people"):
        searched(calibrated, threshold=0.99, strict=True)
    assert not searched(calibrated, fpir=0.5, strict=True).extrapolated


def test_a_refused_search_leaves_no_record(calibrated: Countenance) -> None:
    fill(calibrated, 10)
    with pytest.raises(BeyondValidated):
        searched(calibrated, fpir=1e-6, strict=True)
    assert calibrated.status().searches == 0


def test_strict_bounds_a_candidates_figure_instead_of_extrapolating_it(calibrated: Countenance) -> None:
    permit(calibrated, "zoe")
    calibrated.enrol("zoe", [encoded(40, 1)])
    fill(calibrated, 4)
    (loose,) = searched(calibrated, fpir=0.5).faces[0].candidates
    (strict,) = searched(calibrated, fpir=0.5, strict=True).faces[0].candidates
    assert loose.extrapolated
    assert not strict.extrapolated
    assert strict.expected_false_positives > loose.expected_false_positives
    assert strict.score == loose.score


def test_a_model_of_which_nothing_is_known_gets_no_threshold() -> None:
    meaning = Meaning(None, 100, strict=False)
    assert meaning.threshold(0.0, None) == (0.0, "caller")
    assert meaning.of(0.5) == (None, False, None)
    for choices in ((None, None), (None, 0.01)):
        with pytest.raises(ModelUncalibrated):
            meaning.threshold(*choices)
    with pytest.raises(ModelUncalibrated):
        Meaning(None, 100, strict=True).threshold(0.5, None)


# -- a calibration that is not to be believed ---------------------------------------------------------------------


def rewrite(file: Path, change: Callable[[dict[str, Any]], None], *, digest: bool) -> None:
    record = json.loads(file.read_text("utf-8"))
    change(record)
    if digest:
        text = json.dumps(record["calibration"], sort_keys=True, separators=(",", ":")).encode()
        record["sha256"] = sha256(text).hexdigest()
    file.write_text(json.dumps(record), "utf-8")


def lower_the_tail(record: dict[str, Any]) -> None:
    record["calibration"]["tail"]["share"] /= 100


@pytest.mark.parametrize("digest", [False, True], ids=["digest left", "digest made to fit"])
def test_an_altered_calibration_is_refused_and_not_passed_over(calibrated: Countenance, digest: bool) -> None:
    fill(calibrated, 3)
    rewrite(only_file(calibrated), lower_the_tail, digest=digest)
    with pytest.raises(CalibrationUnreadable):
        searched(calibrated)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"schema_version": 9}', b"[" * 100_000], ids=repr
)
def test_a_damaged_calibration_is_refused(calibrated: Countenance, content: bytes) -> None:
    only_file(calibrated).write_bytes(content)
    with pytest.raises(CalibrationUnreadable):
        calibrated._calibration(calibrated.model)


def test_a_calibration_of_a_newer_version_is_refused(calibrated: Countenance) -> None:
    rewrite(only_file(calibrated), lambda record: record.update(schema_version=2), digest=False)
    with pytest.raises(CalibrationUnreadable, match="version 2"):
        calibrated._calibration(calibrated.model)


def test_the_calibration_of_another_model_is_refused_under_this_models_name(calibrated: Countenance) -> None:
    file, other = only_file(calibrated), "ab" * 32
    shutil.copy(file, file.with_name(f"{other[:16]}-plain.json"))
    with pytest.raises(CalibrationUnreadable, match="not of abab"):
        calibrated._calibrations.find(other, "plain")
    shutil.copy(file, file.with_name(f"{calibrated.model[:16]}-mirrored.json"))
    with pytest.raises(CalibrationUnreadable, match="mirrored"):
        calibrated._calibrations.find(calibrated.model, "mirrored")


def test_the_calibration_of_another_gallery_is_refused(
    calibrated: Countenance, tmp_path: Path, model_cache: Path
) -> None:
    with Countenance.init(tmp_path / "other", cache=model_cache) as other:
        (tmp_path / "other" / FOLDER).mkdir()
        shutil.copy(only_file(calibrated), tmp_path / "other" / FOLDER)
        with pytest.raises(CalibrationUnreadable, match="not written by this gallery"):
            other._calibration(other.model)


def test_a_backup_brings_the_calibration_back(
    calibrated: Countenance, calibration: Calibration, galleries: Galleries, tmp_path: Path
) -> None:
    calibrated.backup(tmp_path / "backup.tar")
    calibrated.close()
    Countenance.restore(tmp_path / "backup.tar", tmp_path / "again", keys=galleries.keys, clock=galleries.clock)
    with Countenance(
        tmp_path / "again", keys=galleries.keys, cache=galleries.cache, clock=galleries.clock
    ) as again:
        assert again._calibration(again.model) == calibration


def test_calibrating_again_replaces_a_damaged_calibration(calibrated: Countenance, labelled: Path) -> None:
    only_file(calibrated).write_bytes(b"damaged")
    assert calibrated.evaluating.calibrate(labelled).replaced is None
    assert calibrated._calibration(calibrated.model) is not None


# -- through the command line -------------------------------------------------------------------------------------

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(
    tmp_path: Path, model_cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Ask:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNTENANCE_CACHE", str(model_cache))

    def asked(*line: str | Path) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        status = run([*map(str, line), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return asked


@pytest.mark.slow
def test_the_issues_story_runs_as_it_is_typed(
    ask: Ask, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    shutil.copytree(labelled, tmp_path / "labelled")
    write_small_model(tmp_path, "arcface")
    (tmp_path / "probe.png").write_bytes(encoded(40, 1))

    status, measured = ask("evaluate", "./labelled", "--out", "report/", "--no-robustness")
    assert (status, measured["people"], measured["pictures"]) == (0, 13, 65)
    assert [row["templates"] for row in measured["rows"]] == ["sface-2021dec, plain", "sface-2021dec, mirrored"]
    assert "<svg" in (tmp_path / "report/evaluation.html").read_text("utf-8")
    assert json.loads((tmp_path / "report/evaluation.json").read_text("utf-8"))["schema_version"] == 1

    monkeypatch.setenv("COUNTENANCE_GALLERY", str(tmp_path / "gallery"))
    assert ask("init", "gallery")[0] == 0
    in_a_year = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
    assert ask("permit", "zoe", "--purpose", "p", "--residence", "GB", "--until", in_a_year)[0] == 0
    (tmp_path / "zoe.png").write_bytes(encoded(40, 0))
    assert ask("enrol", "zoe", "zoe.png")[0] == 0

    status, calibrated = ask("calibrate", "./labelled")
    assert status == 0
    status, found = ask("identify", "probe.png", "--purpose", "p", "--fpir", "0.001")
    assert (status, found["threshold_chosen_by"], found["fpir"]) == (0, "fpir", 0.001)
    assert found["calibration"]["digest"] == calibrated["calibration"]["digest"]
    status, refused = ask("identify", "probe.png", "--purpose", "p", "--fpir", "1e-9", "--strict")
    assert (status, refused["error"]["code"]) == (65, "beyond_validated")
    status, refused = ask("identify", "probe.png", "--purpose", "p", "--fpir", "0.1", "--threshold", "0")
    assert (status, refused["error"]["code"]) == (64, "input_invalid")

    status, compared = ask("evaluate", "--compare", "arcface.onnx", "sface", "--no-robustness")
    assert status == 0
    assert [row["templates"] for row in compared["rows"]] == [
        "arcface-1, plain",
        "arcface-1, mirrored",
        "sface-2021dec, plain",
    ]
    assert Path(compared["report"]) == tmp_path / "report/compared/evaluation.html"
    assert compared["pictures_digest"] == measured["pictures_digest"]
    again, before = compared["rows"][2], measured["rows"][0]
    assert again["equal_error"] == before["equal_error"], "the same model on the same faces gives the same figures"
    assert (
        json.loads((tmp_path / "report/evaluation.json").read_text("utf-8"))["model"]
        == measured["rows"][0]["model"]
    )

    # What a person reads says the same.
    for line, words in (
        (
            ("identify", "probe.png", "--purpose", "p", "--fpir", "0.01"),
            ("likelihood ratio", "rest on calibration"),
        ),
        (("verify", "probe.png", "zoe.png"), ("likelihood ratio", "13 people")),
        (("calibrate", "labelled"), ("strangers expected", "Calibrated sface-2021dec", "kept in")),
    ):
        assert run([*line]) == 0
        said = capsys.readouterr().out
        for word in words:
            assert word in said


@pytest.mark.slow
def test_odd_labels_are_reported_by_both_commands_and_stop_neither(
    ask: Ask, labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    place = tmp_path / "odd"
    shutil.copytree(labelled, place)
    shutil.copy(place / "p02/0.png", place / "p05/copy.png")
    (place / "p01/9.png").write_bytes(encoded(7, 9))
    (place / "p04/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (place / "p04/black.png").write_bytes(cv2.imencode(".png", np.zeros((90, 90, 3), np.uint8))[1].tobytes())
    status, measured = ask("evaluate", place, "--no-robustness")
    assert status == 0
    seen = {(finding["kind"], finding["pictures"][0]) for finding in measured["findings"]}
    assert {("mislabel", "p01/9.png"), ("unreadable", "p04/broken.jpg"), ("no_face", "p04/black.png")} <= seen
    assert any({"p02/0.png", "p05/copy.png"} == set(f["pictures"]) for f in measured["findings"])
    assert measured["failure_to_acquire"]["errors"] == 2
    assert run(["init", "gallery"]) == 0
    assert ask("calibrate", place, "--gallery", "gallery")[1]["findings"] == measured["findings"]
    measure_words.evaluation(console(), measured)
    assert "mislabel: p01/9.png" in capsys.readouterr().out


def test_one_person_only_is_told_what_cannot_be_known(ask: Ask, labelled: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    shutil.copytree(labelled / "p00", tmp_path / "one/p00")
    status, measured = ask("evaluate", "one")
    assert status == 1
    assert {one["part"]: one["reason"] for one in measured["absent"]}["verification"] == "there is only one person"
    assert ask("init", "gallery")[0] == 0
    status, refused = ask("calibrate", "one", "--gallery", "gallery")
    assert (status, refused["error"]["code"]) == (65, "calibration_unfit")
    assert "only one person" in refused["error"]["message"]


def test_one_picture_each_is_told_what_cannot_be_known(ask: Ask, labelled: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    for person in range(6):
        (tmp_path / f"each/p{person}").mkdir(parents=True)
        shutil.copy(labelled / f"p{person:02d}/0.png", tmp_path / f"each/p{person}")
    status, measured = ask("evaluate", "each", "--no-robustness")
    assert status == 1
    assert "two pictures" in measured["absent"][0]["reason"]
    assert ask("init", "gallery")[0] == 0
    status, refused = ask("calibrate", "each", "--gallery", "gallery")
    assert (status, refused["error"]["code"]) == (65, "calibration_unfit")


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        (("evaluate", "nowhere"), 65, "labels_invalid"),
        (("evaluate", "empty"), 65, "labels_invalid"),
        (("evaluate",), 65, "labels_invalid"),
        (("evaluate", "empty", "--out", "a-file"), 64, "input_invalid"),
        (("calibrate", "people"), 50, "gallery_missing"),
    ],
    ids=["nowhere", "empty folder", "nothing named", "report is a file", "no gallery"],
)
def test_bad_lines_end_with_one_document_and_their_status(
    ask: Ask, tmp_path: Path, line: tuple[str, ...], status: int, code: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a-file").write_text("", "utf-8")
    said, document = ask(*line)
    assert (said, document["error"]["code"]) == (status, code)


# -- from Python, what is refused before the pictures are read ----------------------------------------------------


def test_what_cannot_work_is_refused_before_a_picture_is_read(
    labelled: Path, tmp_path: Path, model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, the extra report, is not installed")
    without = Evaluating(cache=model_cache)

    def read(*_: object, **__: object) -> None:
        raise AssertionError("pictures were read")

    monkeypatch.setattr("countenance.engine.evaluating.evaluate", read)
    monkeypatch.setattr("countenance.engine.evaluating.measure", read)
    out = tmp_path / "out"
    with pytest.raises(ModelMissing):
        without.evaluate(labelled, out, models=["sface", "nobodys-model"])
    with pytest.raises(ModelMissing):
        without.evaluate(labelled, out, models=["sface", tmp_path / "missing.onnx"])
    with pytest.raises(InputInvalid, match="twice"):
        without.evaluate(labelled, out, models=["sface", "sface-2021dec"])
    with pytest.raises(InputInvalid):
        without.evaluate(labelled, out, references=0)
    with pytest.raises(GalleryMissing):
        without.calibrate(labelled)
    (tmp_path / SOURCE_FILE).write_text('{"schema_version": 1}', "utf-8")
    with pytest.raises(LabelsInvalid):
        without.evaluate(None, out)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ReportUnavailable):
        without.evaluate(labelled, out)


def test_too_few_people_are_refused_before_a_picture_is_read(
    galleries: Galleries, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countenance.engine.evaluating.measure", lambda *_, **__: pytest.fail("pictures were read"))
    for person in range(4):
        shutil.copytree(labelled / f"p{person:02d}", tmp_path / f"few/p{person:02d}")
    gallery = galleries.new()
    with pytest.raises(CalibrationUnfit, match="at least 5 people"):
        gallery.evaluating.calibrate(tmp_path / "few")
    assert not (galleries.folder / FOLDER).exists()


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Evaluations without their page, which takes longer to draw than these few pictures to measure."""
    monkeypatch.setattr("countenance.engine.evaluating.report", lambda *_, **__: (tmp_path / "a", tmp_path / "b"))
    monkeypatch.setattr("countenance.engine.evaluating._check_report", lambda folder: folder.mkdir(parents=True))


def test_figures_are_carried_over_to_the_live_size_of_the_gallery(
    galleries: Galleries, labelled: Path, tmp_path: Path, undrawn: None
) -> None:
    gallery = galleries.new()
    fill(gallery, 37)
    done = gallery.evaluating.evaluate(labelled, tmp_path / "out", robustness=False)
    assert done.evaluation.growth.live == 37
    assert "At this gallery of 37 references" in " ".join(done.as_dict()["in_short"])
    assert gallery.status().references == 37


def test_groups_of_a_table_and_pairs_of_lfw_reach_the_measurement(
    labelled: Path, tmp_path: Path, model_cache: Path, undrawn: None
) -> None:
    people = [labelled / f"p{person:02d}" for person in range(12)]
    rows = [
        f"{place.name}/{number}.png,{place.name},{'ab'[at % 2]}"
        for at, place in enumerate(people)
        for number in range(3)
    ]
    (tmp_path / "table.csv").write_text("\n".join(["path,subject,site", *rows]), "utf-8")
    without = Evaluating(cache=model_cache)
    done = without.evaluate(tmp_path / "table.csv", tmp_path / "out", pictures=labelled, robustness=False)
    (site,) = done.evaluation.fairness
    assert [(group.value, group.people) for group in site.groups] == [("a", 6), ("b", 6)]

    lines = ["2\t3"]
    for fold in range(2):
        mine = people[6 * fold : 6 * fold + 6]
        lines += [f"{place.name}\t1\t2" for place in mine[:3]]
        lines += [f"{a.name}\t1\t{b.name}\t2" for a, b in zip(mine[:3], mine[3:], strict=True)]
    for place in people:
        (tmp_path / "lfw" / place.name).mkdir(parents=True)
        for number in (1, 2):
            shutil.copy(place / f"{number}.png", tmp_path / "lfw" / place.name / f"{place.name}_{number:04d}.png")
    (tmp_path / "pairs.txt").write_text("\n".join(lines), "utf-8")
    done = without.evaluate(tmp_path / "pairs.txt", tmp_path / "out2", pictures=tmp_path / "lfw", robustness=False)
    assert (done.evaluation.protocol.pairs, len(done.evaluation.protocol.accuracies)) == (12, 2)
    # The pictures of the last report are found again, with the folder that they start from.
    again = without.evaluate(None, tmp_path / "out2/compared", robustness=False)
    assert again.evaluation.data == done.evaluation.data


def test_progress_names_the_templates_it_belongs_to(
    labelled: Path, tmp_path: Path, model_cache: Path, undrawn: None
) -> None:
    told: list[tuple[int, int | None, str]] = []
    Evaluating(cache=model_cache).evaluate(
        labelled, tmp_path / "out", robustness=False, progress=lambda *said: told.append(said)
    )
    assert (65, 65, "reading pictures (sface-2021dec, plain)") in told
    assert (65, 65, "reading pictures (sface-2021dec, mirrored)") in told
