"""What a person reads, command by command."""

from __future__ import annotations

import copy
import io
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scripted_engine import CommandLine, Said, ScriptedEngine

from countenance.cli.meter import Meter
from countenance.cli.searches import pictures_in
from countenance.errors import ImageMissing

FACE = {
    "box": [100.0, 50.5, 80.2, 90.9],
    "quality": {"score": 41, "components": [], "reasons": ["the face is dark"]},
    "candidates": [
        {
            "rank": 1,
            "subject": "anna [bold]",
            "score": 0.7312,
            "reference": 17,
            "expected_false_positives": 0.00021,
        }
    ],
}
FOUND: dict[str, Any] = {
    "purpose": "p",
    "faces": [FACE],
    "threshold": 0.52,
    "gallery_size": 100001,
    "references": 100002,
    "expected_false_positives": 0.01,
    "extrapolated": False,
    "notes": ["EXIF orientation 6 applied"],
}


def test_permit_passes_every_term_on_and_gives_the_receipt(
    countenance: CommandLine, engine: ScriptedEngine
) -> None:
    engine.script["permit"] = Said({"subject": "anna"})
    said = countenance(
        *("permit", "anna", "--purpose", "event-photos", "--purpose", "alumni", "--residence", "GB"),
        *("--until", "2027-05-01", "--notice", "n", "--controller", "c", "--gallery", "g", "--json"),
    )
    assert said.document == {"@context": "https://w3id.org/dpv", "subject": "anna"}
    _, args, options = engine.calls[0]
    assert args == ("anna",)
    assert options["purposes"] == ("event-photos", "alumni")
    assert options["until"] == date(2027, 5, 1)
    assert (options["residence"], options["notice"], options["controller"]) == ("GB", "n", "c")


def test_permit_leaves_what_was_not_said_to_the_engine(countenance: CommandLine, engine: ScriptedEngine) -> None:
    engine.script["permit"] = Said({})
    countenance(
        "permit", "a", "--purpose", "p", "--residence", "GB", "--until", "2027-05-01", "--gallery", "g", "--json"
    )
    assert set(engine.calls[0][2]) == {"purposes", "residence", "until"}


def test_a_day_that_is_none_is_refused_with_the_form_to_write_it_in(countenance: CommandLine) -> None:
    said = countenance(
        "permit", "a", "--purpose", "p", "--residence", "GB", "--until", "1.5.2027", "--gallery", "g"
    )
    assert said.status == 2
    assert "2027-05-01" in said.err


def test_identify_shows_candidates_with_everything_needed_to_doubt_them(
    countenance: CommandLine, engine: ScriptedEngine
) -> None:
    engine.script["identify"] = Said(FOUND)
    said = countenance("identify", "x.jpg", "--purpose", "p", "--gallery", "g")
    assert said.status == 0
    for text in ("anna [bold]", "0.731", "0.52", "0.00021", "17", "the face is dark", "100,001", "80 x 91", "EXIF"):
        assert text in said.out
    for text in ("100,002", "return 0.010 people"):
        assert text in said.out


def test_identify_says_in_words_that_nobody_was_found(countenance: CommandLine, engine: ScriptedEngine) -> None:
    nobody = copy.deepcopy(FOUND)
    nobody["faces"][0]["candidates"] = []
    engine.script["identify"] = Said(nobody)
    said = countenance("identify", "x.jpg", "--purpose", "p", "--gallery", "g")
    assert "nobody on record resembles this face above the threshold 0.52" in said.out


def test_a_threshold_of_zero_is_a_threshold(countenance: CommandLine, engine: ScriptedEngine) -> None:
    engine.script["identify"] = Said(FOUND)
    countenance("identify", "x.jpg", "--purpose", "p", "--gallery", "g", "--threshold", "0", "--limit", "3")
    assert engine.calls[0][2] == {"purpose": "p", "limit": 3, "threshold": 0.0, "fpir": None, "strict": False}


def test_enrol_names_every_file_and_fails_if_one_failed(countenance: CommandLine, engine: ScriptedEngine) -> None:
    error = {"code": "no_face", "message": "no face was found.", "remedy": "Use another."}
    engine.script["enrol"] = Said(
        {
            "subject": "anna",
            "items": [
                {"image": "1.jpg", "outcome": "enrolled", "quality": {"reasons": ["the face is dark"]}},
                {"image": "2.jpg", "outcome": "already enrolled"},
                {"image": "3.jpg", "outcome": "failed", "error": error},
            ],
            "enrolled": 1,
            "already_enrolled": 1,
            "failed": 1,
        }
    )
    said = countenance("enrol", "anna", "1.jpg", "2.jpg", "3.jpg", "--gallery", "g")
    assert said.status == 1
    assert "1 enrolled, 1 already enrolled, 1 failed" in said.out
    for text in ("3.jpg\n", "[no_face] no face was found. Use another.", "the face is dark"):
        assert text in said.out


STATUS: dict[str, Any] = {
    "folder": "/data/g",
    "keys": "/keys/g",
    "database": "sqlite",
    "database_bytes": 2_500_000,
    "subjects": 1001,
    "being_erased": 1,
    "purposes": {"event-photos": 1001},
    "images": 2,
    "image_bytes": 1_000_000,
    "references": 1002,
    "references_by_source": {"image": 2, "simulated": 1000},
    "searches": 3,
    "erasures": 4,
    "erasures_open": 1,
    "references_damaged": [7, 8],
    "model": {"name": "SFace", "digest": "fb14", "mirrored": False},
    "index_epoch": 5,
}
ANNA = {
    "subject": "anna",
    "residence": "GB",
    "images": 2,
    "references": 2,
    "purposes": ["p"],
    "until": "2027-05-01",
}


def test_status_marks_what_is_simulated_and_says_what_is_due(
    countenance: CommandLine, engine: ScriptedEngine
) -> None:
    engine.script["status"] = Said(STATUS)
    said = countenance("status", "--gallery", "g")
    for text in (
        "/data/g",
        "1,001",
        "[simulated]: 1,000",
        "1 not finished",
        "1 subjects are being erased",
        "2.5 MB",
    ):
        assert text in said.out
    assert engine.calls[0][2] == {"people": False}


def test_status_lists_people_only_when_asked(countenance: CommandLine, engine: ScriptedEngine) -> None:
    engine.script["status"] = Said({**STATUS, "people": [ANNA]})
    said = countenance("status", "--subjects", "--gallery", "g")
    assert engine.calls[0][2] == {"people": True}
    assert "anna: 2 references, 2 images, for p until 2027-05-01, lives in GB" in said.out


def test_init_says_where_the_keys_are_and_to_keep_them_apart(
    countenance: CommandLine, engine: ScriptedEngine
) -> None:
    engine.script["status"] = Said(STATUS)
    said = countenance("init", "/data/g", "--keys", "/keys/g")
    assert engine.calls[0] == (
        "init",
        (Path("/data/g"),),
        {"keys": "/keys/g", "database_url": None, "blobs_url": None, "keys_wrapped_by": None, "mirrored": False},
    )
    for text in ("/data/g", "/keys/g", "apart"):
        assert text in said.out


def test_models_are_listed_with_licence_and_what_is_known_of_their_training(
    countenance: CommandLine, engine: ScriptedEngine
) -> None:
    manifest = SimpleNamespace(
        name="arc",
        version="1",
        dimensions=512,
        licence="research only",
        source="s",
        training_data="unknown",
        sha256="aa",
    )
    engine.script["models"] = [SimpleNamespace(manifest=manifest)]
    said = countenance("model", "list", "--gallery", "g")
    for text in ("arc 1", "research only", "unknown", "512"):
        assert text in said.out
    engine.script["add_model"] = SimpleNamespace(manifest=manifest)
    added = countenance("model", "add", "arc.onnx", "--manifest", "arc.json", "--gallery", "g", "--json")
    assert added.document["digest"] == "aa"


def test_migrate_says_what_could_not_be_made_again(countenance: CommandLine, engine: ScriptedEngine) -> None:
    engine.script["migrate"] = Said({"model": "arc", "made": 5, "removed": 5, "left_behind": 1, "problems": ["x"]})
    said = countenance("model", "migrate", "arc", "--gallery", "g")
    assert "1 could not be made again" in said.out


def test_access_counts_what_the_subject_was_given(countenance: CommandLine, engine: ScriptedEngine) -> None:
    counts = {"images": 2, "templates": 3, "permissions": 1, "searches": 7}
    engine.script["access"] = Said({"subject": "anna", "out": "anna.zip", **counts})
    said = countenance("access", "anna", "--out", "anna.zip", "--gallery", "g")
    assert engine.calls[0][1] == ("anna", Path("anna.zip"))
    assert all(str(count) in said.out for count in counts.values())


def test_expire_says_when_nothing_had_ended(countenance: CommandLine, engine: ScriptedEngine) -> None:
    engine.script["expire"] = ()
    assert "nothing was erased" in countenance("expire", "--gallery", "g").out
    assert countenance("expire", "--gallery", "g", "--json").document == {"expired": [], "count": 0}


def test_what_opening_erased_is_told_beside_every_answer_and_is_part_of_expires(
    countenance: CommandLine, engine: ScriptedEngine
) -> None:
    document = {"subject": "number 7", "destroyed": {"images": 1}, "absent": True, "confirmations": []}
    kept = SimpleNamespace(subject="number 7", erased=SimpleNamespace(ground="expiry"), as_dict=lambda: document)
    engine.kept_promises, engine.broken_promise = (kept,), "blobs still holds 1"
    engine.script |= {"expire": (), "status": Said(STATUS)}
    beside = countenance("status", "--gallery", "g", "--json")
    assert beside.document["subjects"] == 1001
    assert "number 7 erased (expiry)" in beside.err
    assert "blobs still holds 1" in beside.err
    assert countenance("expire", "--gallery", "g", "--json").document["count"] == 1


@pytest.mark.parametrize(("same", "words"), [(True, "the same person"), (False, "not shown to be the same person")])
def test_verify_gives_the_score_the_threshold_and_a_verdict(
    countenance: CommandLine, engine: ScriptedEngine, same: bool, words: str
) -> None:
    image = {"image": "a.jpg", "quality": {"reasons": ["blurred"]}, "notes": ["3 faces were found"]}
    engine.script["verify"] = Said(
        {
            "score": 0.4,
            "threshold": 0.363,
            "same": same,
            "false_match_rate": 0.00012,
            "extrapolated": True,
            "images": [image, image],
        }
    )
    said = countenance("verify", "a.jpg", "b.jpg", "--gallery", "g")
    assert said.status == 0
    assert f": {words}\n" in said.out
    for text in ("0.400", "0.36", "0.00012", "extrapolated", "a.jpg: blurred", "3 faces"):
        assert text in said.out


def test_withdraw_prints_what_was_destroyed_and_each_keepers_word(
    countenance: CommandLine, engine: ScriptedEngine
) -> None:
    engine.script["withdraw"] = Said(
        {
            "subject": "anna",
            "destroyed": {"template keys": 3, "images": 3, "index entries": 0},
            "absent": True,
            "confirmations": [
                {"holder": "keyring", "absent": True, "checked": "slot read back", "remaining": 0},
                {
                    "holder": "blobs",
                    "absent": True,
                    "checked": "folder listed",
                    "remaining": 0,
                    "unconfirmed": "SSD",
                },
            ],
        }
    )
    said = countenance("withdraw", "anna", "--gallery", "g")
    assert "index entries" not in said.out  # nothing of the kind was there to destroy
    for text in ("3  template keys", "3  images", "keyring", "slot read back", "SSD", "Nothing is left."):
        assert text in said.out


def test_a_folder_stands_for_the_pictures_in_it(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt", "deep/c.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "b.JPG")
    named = tmp_path / "notes.txt"
    found = pictures_in((tmp_path, named, tmp_path / "a.png"))
    assert [p.name for p in found] == ["a.png", "b.JPG", "c.heic", "notes.txt"]


def test_a_folder_without_a_picture_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageMissing):
        pictures_in((tmp_path,))


def test_progress_into_a_log_is_a_line_now_and_then() -> None:
    log, now = io.StringIO(), iter(range(1000))
    meter = Meter(quiet=False, stream=log, seconds=lambda: float(next(now)))
    for done in range(1, 13):
        meter(done, 12, "images")
    assert log.getvalue().splitlines() == [f"{n} of 12  images" for n in (3, 8, 12)]


def test_work_that_is_done_at_once_leaves_no_line_in_a_log() -> None:
    log = io.StringIO()
    meter = Meter(quiet=False, stream=log, seconds=lambda: 7.0)
    meter(0, 1, "images")
    meter(1, 1, "images")
    assert log.getvalue() == ""


def test_quiet_reports_no_progress_and_still_knows_it() -> None:
    log = io.StringIO()
    meter = Meter(quiet=True, stream=log)
    meter(3, None, "images")
    assert (log.getvalue(), meter.finished) == ("", "3 finished")


def test_progress_on_a_terminal_is_one_bar_whatever_the_work_is_called() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with Meter(quiet=False, stream=terminal) as meter:
        for done in range(1, 4):
            meter(done, 3, f"\x1b[31m{done}.jpg")
    assert "3/3" in terminal.getvalue()
    assert "\x1b[31m1.jpg" not in terminal.getvalue()
