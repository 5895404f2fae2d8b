"""What every command promises: options in both places, one JSON document, errors of one shape."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import Any

import pytest
from scripted_engine import CommandLine, Said, ScriptedEngine

from countenance.cli.door import Door
from countenance.cli.main import commands
from countenance.errors import ErasureIncomplete, GalleryMissing, ImageMissing, PermissionRefused, SubjectUnknown

STATUS = {"gallery": "g", "subjects": 2}


@pytest.mark.parametrize(
    "line",
    [
        ["--gallery", "g", "--keys", "k", "--json", "status"],
        ["status", "--gallery", "g", "--keys", "k", "--json"],
        ["--json", "status", "--gallery", "g", "--keys", "k"],
        ["--gallery", "other", "status", "--gallery", "g", "--keys", "k", "--json"],
    ],
    ids=["before the command", "after the command", "in both places", "the later one wins"],
)
def test_shared_options_are_understood_before_and_after_the_command(
    countenance: CommandLine, engine: ScriptedEngine, line: list[str]
) -> None:
    engine.script["status"] = Said(STATUS)
    said = countenance(*line)
    assert (said.status, said.document, said.err) == (0, STATUS, "")
    assert engine.opened == [("g", "k")]


def test_the_gallery_comes_from_the_environment_when_it_is_not_named(
    countenance: CommandLine, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTENANCE_GALLERY", "from-environment")
    engine.script["status"] = Said(STATUS)
    countenance("status")
    countenance("status", "--gallery", "named")
    assert [folder for folder, _ in engine.opened] == ["from-environment", "named"]


def test_no_gallery_named_is_said_with_how_to_name_one(countenance: CommandLine) -> None:
    said = countenance("status")
    assert said.status == 50
    assert said.out == ""
    assert "[gallery_missing]" in said.err
    assert GalleryMissing.remedy in said.err


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (SubjectUnknown("nobody called anna is on record"), 41, "subject_unknown"),
        (PermissionRefused("expired on 2026-01-01"), 40, "permission_refused"),
        (ErasureIncomplete("blobs"), 55, "erasure_incomplete"),
        (OSError(errno.ENOSPC, "No space left on device"), 54, "disk_full"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 71, "system"),
        (ZeroDivisionError("secret detail"), 70, "internal"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_errors_have_one_shape_in_json_and_in_words(
    countenance: CommandLine, engine: ScriptedEngine, error: BaseException, status: int, code: str
) -> None:
    engine.script["status"] = error
    as_json = countenance("status", "--gallery", "g", "--json")
    assert as_json.status == status
    assert set(as_json.document) == {"error"}
    assert set(as_json.document["error"]) == {"code", "message", "remedy"}
    assert as_json.document["error"]["code"] == code
    in_words = countenance("status", "--gallery", "g")
    assert (in_words.status, in_words.out) == (status, "")
    assert f"error [{code}]: {as_json.document['error']['message']}" in in_words.err
    assert "Traceback" not in as_json.err + in_words.err
    assert "secret detail" not in as_json.out + in_words.err


def test_a_line_that_cannot_be_parsed_is_answered_in_json_when_json_was_asked_for(countenance: CommandLine) -> None:
    said = countenance("identify", "x.jpg", "--json")
    assert said.status == 2
    assert said.document["error"]["code"] == "usage"
    assert "--purpose" in said.document["error"]["message"]
    unknown = countenance("status", "--nonsense", "--json")
    assert (unknown.status, unknown.document["error"]["code"], unknown.err) == (2, "usage", "")
    assert countenance("no-such-command").err.startswith("error [usage]: No such command")


def test_debug_shows_where_a_defect_is(countenance: CommandLine, engine: ScriptedEngine) -> None:
    engine.script["status"] = ZeroDivisionError("detail")
    said = countenance("status", "--gallery", "g", "--debug", "--json")
    assert "Traceback" in said.err
    assert said.document["error"]["code"] == "internal"


def test_control_characters_of_a_file_name_do_not_reach_the_terminal(
    countenance: CommandLine, engine: ScriptedEngine
) -> None:
    engine.script["verify"] = ImageMissing("there is no file \x1b[2Jevil.jpg")
    said = countenance("verify", "a", "b", "--gallery", "g").err
    assert "\x1b" not in said
    assert "\\x1b[2Jevil.jpg" in said


def test_ctrl_c_says_what_was_finished_and_how_to_go_on(countenance: CommandLine, engine: ScriptedEngine) -> None:
    def interrupted(subject: str, images: Any, *, face: Any, progress: Any) -> None:
        progress(312, 1000, "images")
        raise KeyboardInterrupt

    engine.script["enrol"] = interrupted
    said = countenance("enrol", "anna", "a.jpg", "--gallery", "g")
    assert said.status == 130
    assert "312 of 1,000 finished" in said.err
    assert "run the same command again" in said.err


def test_the_engine_is_closed_whatever_happens(countenance: CommandLine, engine: ScriptedEngine) -> None:
    engine.script["status"] = SubjectUnknown("x")
    countenance("status", "--gallery", "g")
    assert engine.calls[-1][0] == "close"


def test_a_reader_that_went_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody_reads:
        program = "from countenance.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, "--help"], stdout=nobody_reads, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_help_loads_neither_models_nor_arrays() -> None:
    program = (
        "import sys; from countenance.cli.main import run; code = run(['--help']);"
        "heavy = {'numpy', 'openvino', 'faiss', 'cv2', 'PIL', 'sqlalchemy', 'onnx', 'rich', 'cryptography'};"
        "print(sorted(heavy & set(sys.modules)), code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_every_command_takes_the_shared_options_and_explains_itself() -> None:
    def walk(command: Any, name: str) -> list[tuple[str, Any]]:
        children = getattr(command, "commands", {})
        return [
            (name, command),
            *(each for key, child in children.items() for each in walk(child, f"{name} {key}")),
        ]

    for name, command in walk(commands, "countenance"):
        flags = {flag for parameter in command.params for flag in parameter.opts}
        assert {"--gallery", "--keys", "--json", "--quiet", "--debug"} <= flags, name
        assert command.help, name
        for parameter in command.params:
            assert parameter.param_type_name == "argument" or parameter.help, f"{name} {parameter.name}"


def test_a_door_of_its_own_for_every_run(countenance: CommandLine, engine: ScriptedEngine) -> None:
    engine.script["status"] = Said(STATUS)
    countenance("status", "--gallery", "g", "--json")
    assert not countenance("status", "--gallery", "g").out.startswith("{")
    assert Door().as_json is False
