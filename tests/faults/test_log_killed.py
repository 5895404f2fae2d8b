"""Killed at any point, the log holds the old tree or the new one, and everything that was acknowledged."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.errors import DiskFull, LogDamaged
from countenance.log import Entry, TamperEvidentLog, merkle

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ORIGIN = "gallery.example/log"
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEFORE, COUNT = 250, 300

# A process of its own that forks a child for every turn. The child kills itself (SIGKILL) at its n-th call that
# changes the disk or makes it lasting; the parent says how each child ended.
STEPWISE = """
    import os, signal, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from countenance.log import Entry, TamperEvidentLog
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def fatal_from_now_on(turn):
        steps = 0
        def counted(call):
            def step(*args, **kwargs):
                nonlocal steps
                steps += 1
                if steps == turn:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **kwargs)
            return step
        for name in ("open", "fsync", "replace", "rename", "mkdir", "unlink", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))

    for line in sys.stdin:
        what, turn, start, stop, folder = line.rstrip().split(" ", 4)
        child = os.fork()
        if child == 0:
            try:
                if what == "append":
                    log = TamperEvidentLog.open(Path(folder), "gallery.example/log", key)
                    fatal_from_now_on(int(turn))
                    log.append([Entry(when, "event", {"number": n}) for n in range(int(start), int(stop))])
                else:
                    fatal_from_now_on(int(turn))
                    TamperEvidentLog.open(Path(folder), "gallery.example/log", key)
                os._exit(0)
            except BaseException:
                os._exit(3)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else f"lived {os.WEXITSTATUS(status)}", flush=True)
"""

# Appends for as long as it lives and says so after each append.
ENDLESS = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from countenance.log import Entry, TamperEvidentLog
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    log = TamperEvidentLog.open(Path(sys.argv[1]), "gallery.example/log", key)
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    while True:
        size = log.size
        log.append([Entry(when, "event", {"number": n}) for n in range(size, size + 1 + size % 97)])
        print(log.size, flush=True)
"""


def entries(start: int, stop: int) -> list[Entry]:
    return [Entry(WHEN, "event", {"number": number}) for number in range(start, stop)]


def root_of(size: int) -> bytes:
    return merkle.root(merkle.LeafHashes(merkle.leaf_hash(e.as_bytes()) for e in entries(0, size)), size)


@pytest.fixture
def executioner() -> Iterator[Callable[[str, int, Path], bool]]:
    """Do ``append`` or ``open`` in a process that dies at a given step; True when it lived to the end."""
    command = [sys.executable, "-c", textwrap.dedent(STEPWISE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answers = process.stdin, process.stdout

        def run(what: str, step: int, folder: Path) -> bool:
            asked.write(f"{what} {step} {BEFORE} {BEFORE + COUNT} {folder}\n")
            asked.flush()
            answer = answers.readline().strip()
            assert answer in ("killed", "lived 0")
            return answer == "lived 0"

        yield run
        asked.close()


def check_after(folder: Path, acknowledged: bool) -> None:
    """The old tree or the new one, nothing between, and it goes on growing."""
    reader = TamperEvidentLog.open(folder, ORIGIN, KEY.public_key())
    seen = reader.head()
    log = TamperEvidentLog.open(folder, ORIGIN, KEY)
    assert log.size in ((BEFORE + COUNT,) if acknowledged else (BEFORE, BEFORE + COUNT))
    assert seen.size <= log.size
    assert merkle.verify_consistency(
        seen.size, log.size, seen.root, log.head().root, log.consistency(seen.size, log.size)
    )
    assert log.head().root == root_of(log.size)
    assert log.fsck().ok
    assert not [p for p in folder.rglob("*") if p.name.endswith((".aside", ".next"))], "a crash leaves no litter"
    assert log.append(entries(log.size, BEFORE + COUNT + 20)).stop == BEFORE + COUNT + 20
    assert log.head().root == root_of(BEFORE + COUNT + 20)
    assert log.fsck().ok


def test_killed_at_every_step_of_an_append_leaves_the_old_tree_or_the_new(
    tmp_path: Path, executioner: Callable[[str, int, Path], bool]
) -> None:
    ended = set()
    for step in range(1, 200):
        folder = tmp_path / str(step)
        TamperEvidentLog.create(folder, ORIGIN, KEY).append(entries(0, BEFORE))
        lived = executioner("append", step, folder)
        ended.add(TamperEvidentLog.open(folder, ORIGIN, KEY.public_key()).size)
        check_after(folder, lived)
        if lived:
            break
    assert lived, "the append has fewer steps than were tried"
    assert step > 25, "every write, flush and rename was a step"
    assert ended == {BEFORE, BEFORE + COUNT}, "both ends were met"


@pytest.mark.parametrize("step", [3, 20, 38, 46], ids=lambda n: f"step {n}")
def test_killed_again_and_again_while_recovering_ends_the_same(
    tmp_path: Path, executioner: Callable[[str, int, Path], bool], step: int
) -> None:
    TamperEvidentLog.create(tmp_path, ORIGIN, KEY).append(entries(0, BEFORE))
    executioner("append", step, tmp_path)
    for turn in range(1, 100):
        if executioner("open", turn, tmp_path):
            break
    check_after(tmp_path, acknowledged=False)


def test_a_checkpoint_that_was_ready_but_not_yet_named_is_never_taken_back(tmp_path: Path) -> None:
    """Somebody may have seen it: a checkpoint that was visible for a moment must survive the power cut after it."""
    log = TamperEvidentLog.create(tmp_path, ORIGIN, KEY)
    log.append(entries(0, 5))
    old = (tmp_path / "checkpoint").read_bytes()
    log.append(entries(5, 9))
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.next")
    (tmp_path / "checkpoint").write_bytes(old)
    again = TamperEvidentLog.open(tmp_path, ORIGIN, KEY)
    assert again.size == 9
    assert again.fsck().ok


def test_a_next_checkpoint_that_does_not_continue_the_present_one_is_damage(tmp_path: Path) -> None:
    log = TamperEvidentLog.create(tmp_path, ORIGIN, KEY)
    log.append(entries(0, 5))
    stale = log.checkpoint()
    log.append(entries(5, 9))
    (tmp_path / "checkpoint.next").write_text(stale, encoding="utf-8")
    with pytest.raises(LogDamaged, match="does not continue"):
        TamperEvidentLog.open(tmp_path, ORIGIN, KEY)
    assert TamperEvidentLog.open(tmp_path, ORIGIN, KEY.public_key()).size == 9


@pytest.mark.parametrize("seed", range(3))
def test_killed_in_the_middle_of_appends_keeps_all_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    TamperEvidentLog.create(tmp_path, ORIGIN, KEY)
    command = [sys.executable, "-c", textwrap.dedent(ENDLESS), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline()]
        time.sleep(random.Random(seed).uniform(0.02, 0.3))
        writer.kill()
        said += writer.stdout.readlines()
    # The last line may itself be cut short by the kill; what was said whole counts.
    acknowledged = max(int(line) for line in said if line.endswith("\n"))
    log = TamperEvidentLog.open(tmp_path, ORIGIN, KEY)
    assert log.size >= acknowledged
    assert log.root(acknowledged) == root_of(acknowledged)
    assert log.head().root == root_of(log.size)
    assert log.fsck().ok


def test_nothing_gets_its_name_before_its_bytes_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut would lose: every rename must follow a flush of the file, the commit one of all folders."""
    log = TamperEvidentLog.create(tmp_path, ORIGIN, KEY)
    log.append(entries(0, 3))
    flushed: set[str] = set()
    renamed_into: set[str] = set()
    faults: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        name = str(Path(f"/proc/self/fd/{handle}").readlink())
        flushed.add(name)
        renamed_into.discard(name)
        fsync(handle)

    def noted_replace(self: Path, target: Path) -> Path:
        if target.name == "checkpoint":
            faults.extend(f"{folder} was not flushed before the checkpoint" for folder in renamed_into)
        elif str(self) not in flushed:
            faults.append(f"{target} got its name before its bytes were flushed")
        renamed_into.add(str(target.parent))
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    log.append(entries(3, 600))
    assert not faults
    assert not renamed_into, "the checkpoint's own name is flushed before the append is acknowledged"
    assert len(flushed) > 8, "the trace saw the flushes"


@pytest.mark.parametrize("survivors", [0, 1, 4, 7], ids=lambda n: f"full after {n} files")
def test_a_full_disk_appends_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survivors: int
) -> None:
    log = TamperEvidentLog.create(tmp_path, ORIGIN, KEY)
    log.append(entries(0, BEFORE))
    fsync, calls = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal calls
        calls += not Path(f"/proc/self/fd/{handle}").readlink().is_dir()
        if calls > survivors:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFull):
            log.append(entries(BEFORE, BEFORE + COUNT))
    assert log.size == BEFORE
    assert log.fsck().ok
    assert log.append(entries(BEFORE, BEFORE + COUNT)).stop == BEFORE + COUNT
    assert log.head().root == root_of(BEFORE + COUNT)
    assert log.fsck().ok
