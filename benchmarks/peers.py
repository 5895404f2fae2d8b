"""The index beside other engines on the same templates: ``python -m benchmarks.peers [--faces N]``.

Peers are installed from the package index into ``build/peers`` for this run only. Each is asked for 50 references
of a new picture; it has found the subject when a reference of the subject that an exact search ranks first is among
them. Then one subject in a hundred is forgotten: the time is until the bytes are gone from memory.

FAISS HNSW cannot delete, so its time to forget is the time to build it again. usearch marks entries and keeps their
bytes until their places are used again, so its time is that of building from what is left.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np

from benchmarks.identities import Identities
from countenance.index.coarse import Effort
from countenance.index.embedded import EmbeddedIndex
from countenance.index.protocol import Batch, Filter, pack_labels

HOME = Path("build/peers")
PACKAGES = ("usearch==2.*", "numpy>=2")
PROBES = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """One engine at one setting."""

    engine: str
    setting: str
    build_s: float
    bytes_a_face: float
    p50_ms: float
    subject_recall: float
    forget_1_percent_s: float


def p50(work: Callable[[int], object]) -> float:
    """Median milliseconds of one call."""
    taken = []
    for n in range(60):
        start = time.perf_counter()
        work(n)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[5:])) * 1000


def seconds(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ours(owners: np.ndarray, templates: np.ndarray, probes: np.ndarray, truth: np.ndarray) -> list[Measured]:
    """The embedded index at several efforts."""
    faces = len(owners)
    index = EmbeddedIndex("0" * 64, templates.shape[1])
    batch = Batch(np.arange(faces), owners, templates, pack_labels(faces))
    build = seconds(lambda: index.add(batch))
    memory = index.describe().memory_bytes / faces
    found = []
    for candidates in (4, 16, 64, 256):
        index.effort = Effort(candidates)
        recall = float((index.search(probes, 1, Filter()).subject_ids[:, 0] == truth).mean())
        ms = p50(lambda n: index.search(probes[n : n + 1], 1, Filter()))
        found.append((candidates, ms, recall))
    gone = np.flatnonzero(owners % 100 == 0)

    def forget() -> None:
        index.remove(gone)
        index.compact()

    purge = seconds(forget)
    return [Measured("countenance", f"candidates {c}", build, memory, ms, recall, purge) for c, ms, recall in found]


def hnsw(owners: np.ndarray, templates: np.ndarray, probes: np.ndarray, truth: np.ndarray) -> list[Measured]:
    """FAISS HNSW over 8-bit vectors, 32 links."""
    index = faiss.index_factory(templates.shape[1], "HNSW32,SQ8", faiss.METRIC_INNER_PRODUCT)
    index.train(templates[:50_000])
    build = seconds(lambda: index.add(templates))
    memory = len(faiss.serialize_index(index)) / len(owners)
    rows = []
    for ef in (16, 64, 256):
        index.hnsw.efSearch = ef
        _, found = index.search(probes, 50)
        recall = float((owners[found] == truth[:, None]).any(axis=1).mean())
        ms = p50(lambda n: index.search(probes[n : n + 1], 50))
        rows.append(Measured("FAISS HNSW32,SQ8", f"efSearch {ef}", build, memory, ms, recall, build))
    return rows


def in_its_own_environment(script: str, folder: Path) -> list[Measured]:
    """Run a peer's part with the peers' interpreter; it prints JSON."""
    python = HOME / "bin" / "python"
    if not python.exists():
        venv.create(HOME, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    done = subprocess.run([python, "-c", script, folder], check=True, capture_output=True, text=True)
    return [Measured(**row) for row in json.loads(done.stdout.splitlines()[-1])]


USEARCH = """
import json, sys, time
import numpy as np
from pathlib import Path
from usearch.index import Index
folder = Path(sys.argv[1])
names = ("owners", "templates", "probes", "truth")
owners, templates, probes, truth = (np.load(folder / f"{name}.npy") for name in names)
def build(rows):
    index = Index(ndim=templates.shape[1], metric="ip", dtype="i8")
    start = time.perf_counter()
    index.add(rows, templates[rows], threads=2)
    return index, time.perf_counter() - start
index, built = build(np.arange(len(owners)))
memory, out = index.memory_usage / len(owners), []
kept = np.flatnonzero(owners % 100 != 0)
for ef in (16, 64, 256):
    index.expansion_search = ef
    hit, times = 0, []
    for probe, right in zip(probes, truth):
        start = time.perf_counter()
        keys = index.search(probe, 50).keys
        times.append(time.perf_counter() - start)
        hit += bool((owners[keys] == right).any())
    ms = float(np.median(times)) * 1000
    out.append(dict(engine="usearch i8", setting=f"expansion {ef}", build_s=built, bytes_a_face=memory,
                    p50_ms=ms, subject_recall=hit / len(probes), forget_1_percent_s=0.0))
_, again = build(kept)
for row in out:
    row["forget_1_percent_s"] = again
print(json.dumps(out))
"""


def plotted(rows: list[Measured], path: Path) -> None:
    """Query time against recall."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "countenance"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5.5, 3.6))
    for engine in dict.fromkeys(row.engine for row in rows):
        mine = [row for row in rows if row.engine == engine]
        axes.plot([row.subject_recall for row in mine], [row.p50_ms for row in mine], marker="o", label=engine)
    axes.set_xlabel("subject recall")
    axes.set_ylabel("one query, p50 (ms)")
    axes.set_yscale("log")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run all and print a markdown table."""
    parser = argparse.ArgumentParser(description="The index beside its peers")
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    asked = parser.parse_args()
    people = Identities(subjects=asked.faces // 5)
    owners, templates = people.all()
    _, probes = people.probes(PROBES)
    _, first = faiss.knn(probes, templates, 1, metric=faiss.METRIC_INNER_PRODUCT)
    truth = owners[first[:, 0]]
    folder = Path("build/peers-data")
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in (("owners", owners), ("templates", templates), ("probes", probes), ("truth", truth)):
        np.save(folder / f"{name}.npy", array)
    rows = ours(owners, templates, probes, truth)
    rows += hnsw(owners, templates, probes, truth)
    rows += in_its_own_environment(USEARCH, folder)
    for path in folder.iterdir():
        path.unlink()
    print(f"{asked.faces:,} x {people.dimensions}", file=sys.stderr)
    print("| engine | setting | build s | bytes a face | query p50 ms | subject recall | 1% forgotten s |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.engine} | {row.setting} | {row.build_s:.1f} | {row.bytes_a_face:.0f} | {row.p50_ms:.2f} "
            f"| {row.subject_recall:.4f} | {row.forget_1_percent_s:.1f} |"
        )
    plotted(rows, asked.out / "index-peers.svg")
    (asked.out / "index-peers.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
