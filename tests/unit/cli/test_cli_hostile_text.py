"""Text from outside (file names, places) neither ends a command, nor spoils its answer, nor drives a terminal."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.galleries import Galleries, permit

from countenance import Countenance
from countenance.cli.failure import printable
from countenance.clock import SystemClock
from countenance.errors import GalleryExists, InputInvalid


def _run(galleries: Galleries, *arguments: str | bytes) -> subprocess.CompletedProcess[bytes]:
    program = "import sys; from countenance.cli.main import main; sys.argv[0] = 'countenance'; main()"
    environment = {**os.environ, "COUNTENANCE_CACHE": str(galleries.cache), "PYTHONUTF8": "1"}
    shared = ("--gallery", str(galleries.folder))
    return subprocess.run(
        [sys.executable, "-c", program, *arguments, *shared],
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "words"])
def test_a_file_name_that_is_no_text_stops_neither_the_answer_nor_the_other_files(
    galleries: Galleries, tmp_path: Path, portrait_photographs: list[bytes], as_json: bool
) -> None:
    with galleries.new(SystemClock()) as gallery:
        until = (SystemClock().now()).date().replace(month=1, day=1)
        permit(gallery, "anna", until=until.replace(year=until.year + 2))
    odd = os.fsencode(tmp_path) + b"/odd\xff.jpg"
    try:
        Path(os.fsdecode(odd)).write_bytes(portrait_photographs[0])
    except OSError:
        pytest.skip("the file system takes no such name")
    good = tmp_path / "good.jpg"
    good.write_bytes(portrait_photographs[1])
    ran = _run(galleries, *(["--json"] if as_json else []), "enrol", "anna", odd, str(good))
    assert ran.returncode == 0, ran.stderr
    if as_json:
        document = json.loads(ran.stdout.decode("utf-8"))
        assert document["enrolled"] == 2
    else:
        assert b"2 enrolled" in ran.stdout
    missing = _run(galleries, "--json", "enrol", "anna", os.fsencode(tmp_path) + b"/no\xff.jpg")
    assert json.loads(missing.stdout.decode("utf-8"))["items"][0]["error"]["code"] == "image_missing"


def test_a_file_name_cannot_write_a_line_of_the_answer() -> None:
    assert printable("x.jpg\nanna: 5 enrolled") == "x.jpg\\nanna: 5 enrolled"
    assert printable("\x1b[31m\u202e\udcff") == "\\x1b[31m\\u202e\\udcff"


def test_the_way_to_withdraw_on_a_receipt_can_be_pasted_into_a_shell(galleries: Galleries) -> None:
    name = "anna; rm -rf $HOME"
    receipt = galleries.new().permit(
        name, purposes=["event-photos"], residence="GB", until=galleries.clock.now().date()
    )
    assert shlex.split(str(receipt.as_json_ld()["withdrawal_method"])) == ["countenance", "withdraw", name]


@pytest.mark.parametrize("place", ["gallery", "gallery/blobs", "gallery.keys", "a link to the gallery"])
def test_an_access_archive_is_never_written_where_withdrawal_would_have_to_erase_it(
    galleries: Galleries, tmp_path: Path, place: str
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    folder = tmp_path / place
    if place.startswith("a link"):
        folder.symlink_to(galleries.folder)
    folder.mkdir(exist_ok=True)
    with pytest.raises(InputInvalid):
        gallery.access("anna", folder / "anna.zip")
    assert not (folder / "anna.zip").exists()
    report = gallery.access("anna", tmp_path / "anna.zip")
    assert stat.S_IMODE(report.out.stat().st_mode) == 0o600


def test_keys_are_not_put_into_the_data_folder_by_way_of_a_link(tmp_path: Path, model_cache: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(GalleryExists):
        Countenance.init(real / "gallery", keys=tmp_path / "link" / "gallery" / "keys", cache=model_cache)


def test_nobody_else_on_the_machine_can_read_any_file_of_a_gallery(galleries: Galleries) -> None:
    before = os.umask(0o022)
    try:
        gallery = galleries.new()
        permit(gallery, "anna")
        gallery.withdraw("anna")
        open_to_others = [
            str(path.relative_to(galleries.root))
            for root in (galleries.folder, galleries.keys)
            for path in (root, *(file for file in root.rglob("*") if file.is_file()))
            if stat.S_IMODE(path.stat().st_mode) & 0o077
        ]
    finally:
        os.umask(before)
    assert open_to_others == []
