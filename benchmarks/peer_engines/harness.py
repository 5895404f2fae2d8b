"""What every engine of benchmarks.peers is put through, in a process of its own.

``python ENGINE.py build DATA HOME`` builds from ``DATA`` and leaves the index in ``HOME``. ``python ENGINE.py ask
DATA HOME`` opens it, asks every probe at every setting, and forgets one subject in a hundred. Two calls, so that a
long build and the timed questions need not be one sitting. Both print JSON as their last line. Needs numpy only.

* Build: processor seconds of the process (and its server), so that other work on the machine does not count.
* Memory: growth of resident memory over the bare process, after all questions; mapped files that were read count.
* Forgetting: seconds until the engine says that it is done. Then the exact bytes of forgotten vectors are looked
  for in everything that the engine keeps. Those of kept vectors must be found there, or the look proves nothing.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

WANTED = 50
WARM = 5
LOOKED_FOR = 20


class Engine:
    """One peer. ``references`` are row numbers of the templates."""

    name = ""
    settings: tuple[int, ...] = ()
    setting_name = ""
    rebuilt_to_forget = False
    """Whether forgetting is building again from what is left (not done twice: the build's time is taken)."""

    def build(self, templates: np.ndarray, owners: np.ndarray, home: Path) -> None:
        """Build and save."""
        raise NotImplementedError

    def open(self, home: Path) -> None:
        """Open what was saved."""
        raise NotImplementedError

    def ask(self, probe: np.ndarray, setting: int) -> np.ndarray:
        """Rows of the nearest WANTED references, or for engines that rank subjects: rows of some of theirs."""
        raise NotImplementedError

    def forget(self, rows: np.ndarray) -> None:
        """Remove and drop the bytes."""
        raise NotImplementedError

    def patterns(self, rows: np.ndarray, templates: np.ndarray) -> list[bytes]:
        """What a kept vector looks like in this engine's bytes."""
        return [templates[row].astype(np.float32).tobytes() for row in rows]

    def kept(self) -> Iterable[bytes]:
        """Everything that the engine keeps, after forgetting."""
        raise NotImplementedError

    def elsewhere(self) -> Iterable[bytes]:
        """What keeps forgotten vectors by design, and for how long is its operator's affair: a message queue."""
        return ()

    def server_process(self) -> int | None:
        """The server's process id, where there is one."""
        return None

    def close(self) -> None:
        """Stop a server."""


def files_in(folder: Path) -> Iterable[bytes]:
    """The bytes of every file below ``folder``."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.read_bytes()


def resident(process: int | None) -> int:
    """Bytes of resident memory of this process, or of a server instead."""
    status = Path(f"/proc/{process or os.getpid()}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def _settled(process: int | None) -> int:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return resident(process)


def processor_seconds(process: int | None) -> float:
    """Processor seconds of this process, and of a server."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    total = used.ru_utime + used.ru_stime
    if process is not None:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def run(engine: Engine) -> None:
    """The command line of an engine's script."""
    phase, data, home = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    try:
        print(json.dumps(_build(engine, data, home) if phase == "build" else _ask(engine, data, home)))
    finally:
        engine.close()


def _build(engine: Engine, data: Path, home: Path) -> dict[str, object]:
    templates, owners = np.load(data / "templates.npy"), np.load(data / "owners.npy")
    home.mkdir(parents=True, exist_ok=True)
    begun, used = time.perf_counter(), processor_seconds(engine.server_process())
    engine.build(templates, owners, home)
    return {
        "build_processor_s": processor_seconds(engine.server_process()) - used,
        "build_wall_s": time.perf_counter() - begun,
        "disk_bytes_a_face": sum(p.stat().st_size for p in home.rglob("*") if p.is_file()) / len(owners),
    }


def _ask(engine: Engine, data: Path, home: Path) -> dict[str, object]:
    owners, probes, truth = (np.load(data / f"{name}.npy") for name in ("owners", "probes", "truth"))
    bare = 0 if engine.server_process() is not None else _settled(None)
    engine.open(home)
    points = []
    for setting in engine.settings:
        taken, found = [], 0
        for probe, right in zip(probes, truth, strict=True):
            begun = time.perf_counter()
            rows = engine.ask(probe, setting)
            taken.append(time.perf_counter() - begun)
            found += bool((owners[rows] == right).any())
        points.append(
            {
                "setting": f"{engine.setting_name} {setting}",
                "p50_ms": 1000 * float(np.median(taken[WARM:])),
                "p95_ms": 1000 * float(np.quantile(taken[WARM:], 0.95)),
                "subject_recall": found / len(truth),
            }
        )
    memory = _settled(engine.server_process()) - bare
    answer: dict[str, object] = {
        "points": points,
        "memory_bytes_a_face": memory / len(owners),
        "rebuilt_to_forget": engine.rebuilt_to_forget,
    }
    return answer | ({} if engine.rebuilt_to_forget else _forget(engine, data, owners))


def _forget(engine: Engine, data: Path, owners: np.ndarray) -> dict[str, object]:
    templates = np.load(data / "templates.npy", mmap_mode="r")
    gone = np.flatnonzero(owners % 100 == 0)
    stays = np.flatnonzero(owners % 100 == 1)
    few = np.random.default_rng(0).choice(len(gone), LOOKED_FOR, replace=False)
    forgotten, control = (engine.patterns(rows[few % len(rows)], templates) for rows in (gone, stays))
    begun = time.perf_counter()
    engine.forget(gone)
    took = time.perf_counter() - begun
    left, seen = set(), set()
    for part in engine.kept():
        left |= {n for n, pattern in enumerate(forgotten) if pattern in part}
        seen |= {n for n, pattern in enumerate(control) if pattern in part}
    queued = {n for part in engine.elsewhere() for n, pattern in enumerate(forgotten) if pattern in part}
    return {
        "forget_1_percent_s": took,
        "forgotten_found_in_queue": len(queued),
        "forgotten_still_found": len(left),
        "kept_found": len(seen),
        "looked_for": LOOKED_FOR,
    }
