"""The index against an exact float32 search, in one run: ``python -m benchmarks.index [--full] [--out DIR]``.

What is compared: FAISS IndexFlatIP over the same templates, one query at a time, is the exact search. *Subject
recall*: of the probes, the share for which the index ranks the same subject first as the exact search does;
probes are new pictures of enrolled subjects. Times are medians of single calls in this process. Ratios are of
medians measured one after the other. ``--full`` adds 3 and 10 million faces (9 GB of memory, about half an hour).
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.identities import Identities, effective_dimensions
from countenance.index.coarse import Effort
from countenance.index.embedded import EmbeddedIndex
from countenance.index.protocol import Batch, Filter, pack_labels
from countenance.index.tune import tune

PROBES = 1000
TIMED = 100
EVERYBODY = Filter()


def p50(work: Callable[[int], object], times: int = TIMED) -> float:
    """Median milliseconds of ``work(n)``; five calls are made first and not counted."""
    for n in range(5):
        work(n)
    taken = []
    for n in range(times):
        start = time.perf_counter()
        work(n)
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)) * 1000


def seconds(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def read_bandwidth(threads: int = 2) -> float:
    """Bytes a second that ``threads`` threads read from memory (summing 1 GiB of numbers, the best of five)."""
    numbers = np.ones(1 << 27, np.int64)
    parts = np.array_split(numbers, threads)
    with ThreadPoolExecutor(threads) as pool:
        best = min(seconds(lambda: list(pool.map(np.sum, parts))) for _ in range(5))
    return numbers.nbytes / best


def exactly_first(templates: np.ndarray, owners: np.ndarray, probes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Subject and score that an exact search ranks first for each probe."""
    scores, rows = faiss.knn(probes, templates, 1, metric=faiss.METRIC_INNER_PRODUCT)
    return owners[rows[:, 0]], scores[:, 0]


def gallery(people: Identities, bandwidth: float, *, exact_time: bool, lasting: bool) -> dict[str, Any]:
    """Everything that is measured on one gallery."""
    owners, templates = people.all()
    faces = len(owners)
    chosen, probes = people.probes(PROBES)
    truth, best = exactly_first(templates, owners, probes)
    row: dict[str, Any] = {
        "faces": faces,
        "dimensions": people.dimensions,
        "each": people.each,
        "spectrum": "isotropic" if people.effective_dimensions is None else "falling",
        "effective_dimensions": effective_dimensions(templates[:: people.each][:2000]),
        "mate_score": float(np.einsum("ij,ij->i", probes, templates[chosen * people.each]).mean()),
        "truth_is_own_subject": float((truth == chosen).mean()),
    }
    if exact_time:
        flat = faiss.IndexFlatIP(people.dimensions)
        flat.add(templates)
        row["exact_ms"] = p50(lambda n: flat.search(probes[n : n + 1], 10), 30)
        del flat
    index = EmbeddedIndex("0" * 64, people.dimensions)
    batch = Batch(np.arange(faces), owners, templates, pack_labels(faces, purposes=1, jurisdiction=1))
    row["build_s"] = seconds(lambda batch=batch: index.add(batch))
    tuning = tune(index, 0.999, random=np.random.default_rng(5), clock=time.perf_counter)
    row["candidates"], row["tuned_recall"] = tuning.effort.candidates, tuning.subject_recall
    hits = index.search(probes, 10, EVERYBODY)
    row["subject_recall"] = float((hits.subject_ids[:, 0] == truth).mean())
    row["largest_score_error"] = float(np.abs(hits.scores[:, 0] - best)[hits.subject_ids[:, 0] == truth].max())
    row["p50_ms"] = p50(lambda n: index.search(probes[n : n + 1], 10, EVERYBODY))
    if exact_time:
        row["times_faster"] = row["exact_ms"] / row["p50_ms"]
    row["references_p50_ms"] = p50(lambda n: index.subject_references(probes[n : n + 1], people.each, EVERYBODY))
    mates = index.subject_references(probes, people.each, EVERYBODY).subject_ids == chosen[:, None]
    row["mate_recall"] = float(mates.mean())
    for size in (1, 8, 64):
        ms = p50(lambda n, size=size: index.search(probes[n * 7 : n * 7 + size], 10, EVERYBODY), 40)
        row[f"queries_a_second_at_{size}"] = 1000 * size / ms
    codes = index.segments[0].codes
    scan_ms = p50(lambda n: codes.scan(probes[n : n + 1], 32, Effort()))
    scanned = sum(int(shard.ntotal) * int(shard.code_size) for shard in codes.shards)
    row["anchors"] = len(codes)
    row["scan_share_of_bandwidth"] = scanned / scan_ms * 1000 / bandwidth
    memory = index.describe().memory_bytes
    row["bytes_a_face"] = memory / faces
    row["bytes_a_face_refined_on_disk"] = (memory - index.segments[0].refinement.memory_bytes) / faces
    del templates, batch
    if lasting:
        row |= lasting_part(index, people, probes, chosen)
    return row


def lasting_part(
    index: EmbeddedIndex, people: Identities, probes: np.ndarray, chosen: np.ndarray
) -> dict[str, Any]:
    """Deletion, epochs and cold starts."""
    row: dict[str, Any] = {}
    faces, key, context = len(index), secrets.token_bytes(32), b"benchmark"
    times = []
    for n in range(10):
        mine = np.arange(chosen[n] * people.each, (chosen[n] + 1) * people.each)
        times.append(seconds(lambda mine=mine: index.remove(mine)) * 1000)
        assert chosen[n] not in index.search(probes[n : n + 1], 10, EVERYBODY).subject_ids
    row["removal_ms"], row["slowest_removal_ms"] = float(np.median(times)), float(max(times))
    subjects = np.random.default_rng(1).choice(people.subjects, people.subjects // 100, replace=False)
    gone = (subjects[:, None] * people.each + np.arange(people.each)).reshape(-1)
    row["remove_1_percent_s"] = seconds(lambda: index.remove(gone))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot"
        row["epoch_s"] = seconds(lambda: index.write_snapshot(path, key, context))
        assert index.confirm_absent(gone).absent
        row["snapshot_bytes_a_face"] = path.stat().st_size / faces
        for name, home in (("cold_start_s", None), ("cold_start_disk_s", Path(folder))):
            again = EmbeddedIndex("0" * 64, people.dimensions, refinement_folder=home)

            def start(again: EmbeddedIndex = again) -> None:
                again.read_snapshot(path, key, context)
                again.search(probes[:1], 10, EVERYBODY)

            row[name] = seconds(start)
            if home is not None:
                row["bytes_a_face_on_disk_counted"] = again.describe().memory_bytes / len(again)
                row["p50_ms_on_disk"] = p50(lambda n, again=again: again.search(probes[n : n + 1], 10, EVERYBODY))
    return row


def slopes(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Log-log slopes over galleries that differ in size only."""
    sizes = np.log([row["faces"] for row in rows])
    wanted = ("p50_ms", "build_s", "bytes_total")
    for row in rows:
        row["bytes_total"] = row["bytes_a_face"] * row["faces"]
    return {name: float(np.polyfit(sizes, np.log([row[name] for row in rows]), 1)[0]) for name in wanted}


def plotted(rows: list[dict[str, Any]], folder: Path) -> None:
    """Growth of latency, memory and build time as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "countenance"
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    for name, label in (
        ("p50_ms", "one query, p50 (ms)"),
        ("bytes_total", "memory (bytes)"),
        ("build_s", "build (s)"),
    ):
        figure, axes = pyplot.subplots(figsize=(5, 3.4))
        axes.loglog([row["faces"] for row in rows], [row[name] for row in rows], marker="o")
        axes.set_xlabel("faces")
        axes.set_ylabel(label)
        axes.grid(True, which="major", alpha=0.3)
        figure.tight_layout()
        figure.savefig(folder / f"index-growth-{name.replace('_', '-')}.svg", metadata={"Date": None})
        pyplot.close(figure)


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a markdown table, one column a gallery."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| | " + " | ".join(f"{row['faces']:,} x {row['dimensions']}" for row in rows) + " |"]
    lines.append("|---" * (len(rows) + 1) + "|")
    for name in names:
        cells = [row.get(name, "") for row in rows]
        shown = [f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells]
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run and print; write JSON and plots."""
    parser = argparse.ArgumentParser(description="The index against an exact search")
    parser.add_argument("--full", action="store_true", help="also 3 and 10 million faces")
    parser.add_argument("--only", type=int, help="one gallery of so many faces at 128 dimensions")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    chosen = parser.parse_args()
    bandwidth = read_bandwidth()
    print(f"memory read bandwidth, 2 threads: {bandwidth / 1e9:.1f} GB/s", flush=True)
    if chosen.only is not None:
        row = gallery(Identities(subjects=chosen.only // 5), bandwidth, exact_time=False, lasting=True)
        print(table([row]))
        print(json.dumps(row))
        return
    sizes = [100_000, 300_000, 1_000_000] + ([3_000_000, 10_000_000] if chosen.full else [])
    growth = []
    for size in sizes:
        people = Identities(subjects=size // 5)
        growth.append(gallery(people, bandwidth, exact_time=size <= 1_000_000, lasting=True))
        print(json.dumps(growth[-1]), flush=True)
    others = [
        gallery(people, bandwidth, exact_time=True, lasting=False)
        for people in (
            Identities(subjects=200_000, effective_dimensions=None),
            Identities(subjects=1_000_000, each=1),
            Identities(dimensions=512, subjects=200_000, effective_dimensions=424.0),
        )
    ]
    print(table(growth + others))
    print("log-log slopes:", json.dumps(slopes(growth)))
    plotted(growth, chosen.out)
    document = {"bandwidth_bytes_a_second": bandwidth, "growth": growth, "others": others, "slopes": slopes(growth)}
    (chosen.out / "index.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
