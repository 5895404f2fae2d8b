"""An order on a disk that is really full, and on one that is really read-only: small file systems in memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from countenance.clock import SteppedClock, from_text
from tests.galleries import Galleries
from tests.order_gallery import document, people, register, residents, signed

ORDER = "garante-2022"
ROOT = Path(__file__).resolve().parents[2]

# A process in a mount namespace of its own, in which the data folder lies on a file system of 24 MB in memory.
CHILD = """
    import ctypes, json, os, shutil, subprocess, sys
    from datetime import timedelta
    from pathlib import Path

    folder, what = Path(sys.argv[1]), sys.argv[2]
    disk = folder.with_name("disk")
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(disk)], check=True)
    place = disk / "gallery"
    shutil.copytree(folder, place)

    from countenance import Countenance, CountenanceError
    from countenance.clock import SteppedClock, from_text
    from tests.order_gallery import document, found, residents, verdict

    clock = SteppedClock(from_text(document("garante-2022")["service"]["at"]) + timedelta(hours=1))
    keys = folder.with_name(folder.name + ".keys")

    def attempt():
        try:
            with Countenance(place, keys=keys, clock=clock) as gallery:
                gallery.orders.execute("garante-2022")
        except CountenanceError as error:
            return error.code
        return None

    answer = {"codes": []}
    if what == "full":
        # Fuller at every attempt: no room at all, then a little more each time, until it is enough.
        ballast = disk / "ballast"
        for left in range(0, 400, 8):
            free = shutil.disk_usage(disk).free
            size = (ballast.stat().st_size if ballast.exists() else 0) + free - left * 1024
            with ballast.open("ab") as file:
                os.truncate(ballast, 0)
                os.posix_fallocate(file.fileno(), 0, max(1, size))
            code = attempt()
            answer["codes"].append(code)
            ballast.unlink()
            if code is None:
                break
    else:
        with Countenance(place, keys=keys, clock=clock) as gallery:
            before = gallery.orders.get("garante-2022")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        answer["codes"].append(attempt())
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        with Countenance(place, keys=keys, clock=clock) as gallery:
            answer["unchanged"] = gallery.orders.get("garante-2022") == before
            answer["untouched"] = sorted(found(gallery, sorted(residents()))) == sorted(residents())
    with Countenance(place, keys=keys, clock=clock) as gallery:
        gallery.orders.execute("garante-2022")
        answer["found"] = sorted(found(gallery, sorted(residents())))
        answer["stands"] = [verdict(gallery, one).ok for one in gallery.orders.certificate("garante-2022")]
        answer["fsck"] = gallery.log.fsck().ok
        answer["met"] = [one["standing"] for one in gallery.orders.get("garante-2022")["obligations"]][:3]
    print(json.dumps(answer))
"""


def _may_mount() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode == 0
    )


pytestmark = [
    pytest.mark.skipif(not _may_mount(), reason="this machine lets nobody mount a file system of their own"),
    pytest.mark.slow,
]


def in_a_disk_of_its_own(galleries: Galleries, what: str) -> dict[str, Any]:
    galleries.clock = SteppedClock(from_text(document(ORDER)["service"]["at"]))
    gallery = galleries.new()
    people(gallery, residents())
    register(gallery, ORDER)
    gallery.orders.serve(signed(ORDER))
    galleries.close()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, "-c", textwrap.dedent(CHILD), str(galleries.folder), what],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def ended(answer: dict[str, Any]) -> None:
    assert answer["found"] == sorted(name for name, home in residents().items() if home != "IT")
    assert answer["stands"] == [True]
    assert answer["fsck"]


def test_a_disk_that_is_full_at_whichever_step_is_named_and_the_order_ends_when_there_is_room(
    galleries: Galleries,
) -> None:
    answer = in_a_disk_of_its_own(galleries, "full")
    assert answer["codes"][0] == "disk_full", "with no room at all it is said"
    assert set(answer["codes"]) <= {"disk_full", None}, "and never anything else is the matter"
    ended(answer)


def test_a_read_only_disk_changes_nothing_and_the_order_ends_when_it_can_be_written(galleries: Galleries) -> None:
    answer = in_a_disk_of_its_own(galleries, "read-only")
    assert answer["codes"] == ["gallery"]
    assert answer["unchanged"]
    assert answer["untouched"]
    ended(answer)
