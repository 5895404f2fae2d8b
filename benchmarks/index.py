"""The index against an exact float32 search: ``python -m benchmarks.index [--full | --kept | --only PART]``.

What is compared: FAISS IndexFlatIP over the same templates, one query at a time, is the exact search. *Subject
recall*: of the probes, the share for which the index ranks the same subject first as the exact search does;
probes are new pictures of enrolled subjects. Times are medians of single calls in this process. Ratios are of
medians measured one after the other. ``--full`` adds 3 and 10 million faces (11 GB of memory, about ten minutes).

``--only`` (again and again) runs parts, ``--kept`` none: every part measures the memory's read bandwidth itself,
so its shares and ratios are of one call. ``index.json`` (in ``--out``) keeps each part with its date and load; the
headline, the tables and the plots are made from what is there, whatever was run now.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.identities import Identities, effective_dimensions
from countenance.index.coarse import Codes, Effort
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


def gallery(people: Identities, *, exact_time: bool, lasting: bool) -> dict[str, Any]:
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
    row["anchors"] = len(index.segments[0].codes)
    memory = index.describe().memory_bytes
    row["bytes_a_face"] = memory / faces
    row["bytes_a_face_refined_on_disk"] = (memory - index.segments[0].refinement.memory_bytes) / faces
    del templates, batch
    if lasting:
        row |= lasting_part(index, people, probes, chosen)
    return row


def scan(dimensions: int, codes: int, bandwidth: float) -> dict[str, Any]:
    """The exhaustive scan alone, one query on all cores, over more codes than the processor's cache holds."""
    vectors = np.random.default_rng(1).standard_normal((50_000, dimensions), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    owners = np.arange(len(vectors), dtype=np.int32)
    parts = ((vectors, owners) for _ in range(codes // len(vectors)))
    built = Codes.of(dimensions, vectors[:10_000], codes, parts, lists_above=2 * codes)
    size = int(built.shards[0].code_size)
    ms = p50(lambda n: built.scan(vectors[n : n + 1], 64, Effort()))
    rate = len(built) * size / ms * 1000
    return {
        "codes": len(built),
        "dimensions": dimensions,
        "code_bytes": size,
        "all_code_bytes": len(built) * size,
        "scan_ms": ms,
        "scan_bytes_a_second": rate,
        "scan_share_of_bandwidth": rate / bandwidth,
    }


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
                os.sync()  # what was just written is written back first; a gallery that has been open for a while
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


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Rows as a markdown table, one column a part."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    lines = ["| | " + " | ".join(rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for name in names:
        cells = [row.get(name, "") for row in rows.values()]
        shown = [f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells]
        lines.append(f"| {name.replace('_', ' ')} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


HEADLINE = {
    "one query, p50": "{p50_ms:.1f} ms",
    "subject recall, 1000 probes": "{subject_recall:.3f}",
    "every reference of the subject, p50; mate recall": "{references_p50_ms:.1f} ms; {mate_recall:.4f}",
    "memory a face; with refinement on disk": "{bytes_a_face:.0f} bytes; {bytes_a_face_refined_on_disk:.1f} bytes",
    "build from templates in memory": "{build_s:.0f} s",
    "cold start from an encrypted snapshot": "{cold_start_s:.1f} s",
    "removal of a subject, slowest of 10": "{slowest_removal_ms:.2f} ms",
}
REPORT = "The whole report, its conditions and what is weaker are in [benchmarks/index.md](benchmarks/index.md)."


def headline(row: dict[str, Any]) -> str:
    """What is promised of one gallery, in a few lines of markdown."""
    lines = [
        f"{REPORT} From it, for {row['faces']:,}",
        f"simulated faces of {row['dimensions']} dimensions, {row['each']} references each, measured "
        f"{row['when_utc']} UTC at a load of {row['load_before']}:",
        "",
        "| | measured |",
        "|---|---|",
    ]
    return "\n".join(lines + [f"| {name} | {shown.format(**row)} |" for name, shown in HEADLINE.items()])


GROWTH = {"100k": 100_000, "300k": 300_000, "1M": 1_000_000, "3M": 3_000_000, "10M": 10_000_000}
OTHERS = {
    "1M isotropic": Identities(subjects=200_000, effective_dimensions=None),
    "1M one each": Identities(subjects=1_000_000, each=1),
    "1M 512-d": Identities(dimensions=512, subjects=200_000, effective_dimensions=424.0),
    "10M isotropic": Identities(subjects=2_000_000, effective_dimensions=None),
}
SCANS = {"scan 128-d": (128, 8_000_000), "scan 512-d": (512, 2_000_000)}
LARGE = {"3M", "10M", "10M isotropic"}


def part(name: str) -> dict[str, Any]:
    """One part, with when and beside what load it ran."""
    said = {"when_utc": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "load_before": round(os.getloadavg()[0], 1)}
    bandwidth = read_bandwidth()
    said["read_bandwidth_gb_a_second"] = round(bandwidth / 1e9, 1)
    if name in SCANS:
        return said | scan(*SCANS[name], bandwidth)
    people = OTHERS[name] if name in OTHERS else Identities(subjects=GROWTH[name] // 5)
    return said | gallery(people, exact_time=name not in LARGE, lasting=name in GROWTH)


def main() -> None:
    """Run what was asked for, keep it, and print the tables of everything that is kept."""
    parser = argparse.ArgumentParser(description="The index against an exact search")
    every = [*GROWTH, *OTHERS, *SCANS]
    parser.add_argument("--full", action="store_true", help="also the parts of 3 and 10 million faces")
    parser.add_argument("--only", choices=every, action="append", help="these parts")
    parser.add_argument("--kept", action="store_true", help="no part; print what is kept")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    asked = parser.parse_args()
    path = asked.out / "index.json"
    kept = json.loads(path.read_text()).get("parts", {}) if path.exists() else {}
    wanted = asked.only or [name for name in every if asked.full or name not in LARGE]
    for name in () if asked.kept else wanted:
        kept[name] = part(name)
        path.write_text(json.dumps({"parts": kept}, indent=1) + "\n")
    galleries = {name: kept[name] for name in [*GROWTH, *OTHERS] if name in kept}
    growth = [kept[name] for name in GROWTH if name in kept]
    if "10M" in kept:
        print(headline(kept["10M"]), end="\n\n")
    print(table(galleries), end="\n\n")
    print(table({name: kept[name] for name in SCANS if name in kept}), end="\n\n")
    if len(growth) > 1:
        print(f"log-log slopes, {growth[0]['faces']:,} to {growth[-1]['faces']:,}: {json.dumps(slopes(growth))}")
        plotted(growth, asked.out)


if __name__ == "__main__":
    main()
