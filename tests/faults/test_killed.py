"""Killed, starved or interrupted anywhere: the end is the same, and nothing is half written."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from countenance import Countenance
from countenance.errors import SubjectUnknown
from countenance.recognition.gallery.enrol import Outcome
from tests.conftest import REPOSITORY
from tests.galleries import Galleries, fill, names, permit, row, search, template

ANNA = template(1)
STEPS = 5


def child(act: str, galleries: Galleries, number: int = 0) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "tests.faults.driver",
        act,
        str(galleries.root),
        str(galleries.cache),
        str(number),
    ]
    command.append(str(number))
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed(act: str, galleries: Galleries, number: int) -> None:
    process = child(act, galleries, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors


def assert_gone(gallery: Countenance, galleries: Galleries) -> None:
    status = gallery.status(people=True)
    assert [one.subject for one in status.people or ()] == ["bob"]
    assert (status.being_erased, status.erasures_open, status.erasures) == (0, 0, 1)
    assert (status.references, status.images) == (1, 0)
    assert list(galleries.folder.rglob("*.sealed")) == []
    assert names(search(gallery, ANNA)) == []
    assert names(search(gallery, template(2))) == ["bob"]
    assert gallery.log.fsck().ok
    with pytest.raises(SubjectUnknown):
        gallery.withdraw("anna")


def prepared(galleries: Galleries, photographs: list[bytes]) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA), row("bob", template(2))])
    gallery.enrol("anna", photographs[:1])
    gallery.close()


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_an_erasure_killed_at_any_step_ends_the_same(
    galleries: Galleries, portrait_photographs: list[bytes], step: int
) -> None:
    prepared(galleries, portrait_photographs)
    killed("withdraw_and_die", galleries, step)
    if step == 1:
        for _ in range(2):  # killed while recovering, and once more
            killed("recover_and_die", galleries, 1)
    opened = galleries.open()
    assert opened.broken_promise is None
    assert_gone(opened, galleries)
    destroyed = {} if step == STEPS else opened.kept_promises[0].as_dict()["destroyed"]
    assert step == STEPS or (destroyed["keys"], destroyed["images"], destroyed["sealed templates"]) == (3, 1, 2)


@pytest.mark.parametrize("place", range(4), ids=["before staging", "staged", "rows committed", "in place"])
def test_an_enrolment_killed_anywhere_leaves_a_whole_image_or_none(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path, place: int
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    gallery.close()
    killed("enrol_and_die", galleries, place)
    gallery = galleries.open()
    expected = 1 if place >= 2 else 0
    status = gallery.status()
    assert (status.images, status.references) == (expected, expected)
    assert len(list((galleries.folder / "blobs").rglob("*.sealed"))) == expected
    assert gallery.access("anna", tmp_path / "anna.zip").images == expected
    outcome = gallery.enrol("anna", portrait_photographs[:1]).items[0].outcome
    assert outcome is (Outcome.ALREADY if expected else Outcome.ENROLLED)
    assert names(gallery.identify(portrait_photographs[1], purpose="event-photos")) == ["anna"]


@pytest.mark.parametrize("size_bytes", [10_000, 40_000], ids=["image does not fit", "database does not fit"])
def test_a_full_disk_in_the_middle_of_an_enrolment_leaves_the_gallery_whole(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path, size_bytes: int
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    gallery.close()
    process = child("enrol_starved", galleries, size_bytes)
    printed, errors = process.communicate(timeout=60)
    assert printed.strip() == "disk_full", errors
    gallery = galleries.open()
    images = gallery.status().images
    assert images < len(portrait_photographs)
    assert len(list((galleries.folder / "blobs").rglob("*.sealed"))) == images
    assert gallery.access("anna", tmp_path / "anna.zip").images == images
    assert gallery.enrol("anna", portrait_photographs).count(Outcome.FAILED) == 0
    assert gallery.status().images == len(portrait_photographs)


def test_ctrl_c_in_the_middle_of_many_files_keeps_what_was_done_and_resumes(
    galleries: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    gallery.close()
    process = child("enrol_slowly", galleries)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    gallery = galleries.open()
    done = gallery.status().images
    assert 1 <= done <= len(portrait_photographs)
    assert ("interrupted" in rest) or done == len(portrait_photographs)
    assert len(list((galleries.folder / "blobs").rglob("*.sealed"))) == done
    again = gallery.enrol("anna", portrait_photographs)
    assert again.count(Outcome.ALREADY) == done
    assert again.count(Outcome.ENROLLED) == len(portrait_photographs) - done


def test_two_processes_that_write_at_once_both_finish(galleries: Galleries) -> None:
    gallery = galleries.new()
    fill(gallery, 1)
    writers = [child("write_many", galleries, number) for number in (1, 2)]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
    assert gallery.status().references == 25
    for number in (1, 2):
        for one in (0, 11):
            assert names(search(gallery, template(number * 100 + one))) == [f"writer-{number}-{one}"]


def test_what_another_process_withdraws_is_gone_from_this_ones_next_search(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA), row("bob", template(2))])
    assert names(search(gallery, ANNA)) == ["anna"]
    killed("withdraw_and_die", galleries, 1)  # frozen, and nothing more
    assert names(search(gallery, ANNA)) == []
    galleries.open()
    assert names(search(gallery, ANNA)) == []
    assert names(search(gallery, template(2))) == ["bob"]
    assert names(search(galleries.open(), ANNA)) == []
