"""The index beside other engines on the same templates: ``python -m benchmarks.peers [--faces N] [--only NAME]``.

Every engine runs in a process of its own (benchmarks/peer_engines; harness.py says what is measured and how), the
peers with interpreters of their own under ``build/peers``, installed from the package index for this run only.
Each is asked for 50 references of a new picture. The subject is found when a reference of the subject that an exact
float32 search ranks first is among them; our index, which ranks subjects, must rank that subject *first*.

Everything in one go takes more than an hour on two cores. ``--only NAME`` runs one peer, and our index beside it in
the same call, so that ratios are always of one call; ``--phase build`` and ``--phase ask`` part a long build from
the timed questions. ``docs/benchmarks/index-peers.json`` keeps every part with its date and load; the table is
printed from what is there, and says what was not run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.identities import Identities

HOME = Path("build/peers")
ENGINES = Path(__file__).with_name("peer_engines")
PROBES = 500
LEVEL = 0.999
OURS = "countenance"


@dataclass(frozen=True, slots=True)
class Peer:
    """A script, and what its interpreter needs; none where it is ours."""

    script: str
    packages: tuple[str, ...] = ()
    called: str = ""


PEERS = {
    OURS: Peer("countenance_embedded.py", called="Countenance"),
    "hnsw": Peer("faiss_hnsw.py", called="FAISS HNSW32,SQ8"),
    "usearch": Peer("usearch_i8.py", ("usearch==2.*", "numpy>=2"), "usearch i8"),
    "qdrant": Peer("qdrant_edge_shard.py", ("qdrant-edge-py==0.9.*", "numpy>=2"), "qdrant-edge, int8"),
    "lance": Peer("lance_table.py", ("lancedb==0.40.*", "pylance", "numpy>=2"), "LanceDB IVF_PQ"),
    "milvus": Peer(
        "milvus_standalone.py",
        ("milvus==2.3.5", "setuptools<81", "pymilvus==3.0.*", "numpy>=2"),
        "Milvus 2.3.5, HNSW",
    ),
}


def interpreter(name: str) -> Path:
    """The Python that runs this engine; its environment is made when it is not there yet."""
    if not PEERS[name].packages:
        return Path(sys.executable)
    place = HOME / "interpreters" / name
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS[name].packages], check=True)
    return python


def prepared(faces: int, folder: Path) -> Path:
    """Templates, owners, probes and what an exact search ranks first, as files."""
    data = folder / f"data-{faces}"
    if (data / "truth.npy").exists():
        return data
    data.mkdir(parents=True, exist_ok=True)
    people = Identities(subjects=faces // 5)
    owners, templates = people.all()
    _, probes = people.probes(PROBES)
    _, first = faiss.knn(probes, templates, 1, metric=faiss.METRIC_INNER_PRODUCT)
    for name, array in (("owners", owners), ("templates", templates), ("probes", probes)):
        np.save(data / f"{name}.npy", array)
    np.save(data / "truth.npy", owners[first[:, 0]])
    return data


def phase(name: str, which: str, data: Path, folder: Path) -> dict[str, Any]:
    """One phase of one engine; what it printed last."""
    command = [interpreter(name), ENGINES / PEERS[name].script, which, data, folder / name]
    environment = os.environ | {"PYTHONPATH": f"{Path.cwd() / 'src'}"} if name == OURS else os.environ
    load = os.getloadavg()[0]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"when_utc": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "load_before": round(load, 1)}


def measured(name: str, which: str, faces: int, folder: Path, parts: dict[str, Any]) -> None:
    """Run what was asked for of one peer, with ours beside it where something is timed."""
    data = prepared(faces, folder)
    part = parts.setdefault(name, {})
    if which in ("build", "all"):
        shutil.rmtree(folder / name, ignore_errors=True)
        part["build"] = phase(name, "build", data, folder)
    if which in ("ask", "all"):
        if "build" not in parts.get(OURS, {}) or not (folder / OURS / "snapshot").exists():
            parts.setdefault(OURS, {})["build"] = phase(OURS, "build", data, folder)
        beside = phase(OURS, "ask", data, folder)
        parts.setdefault(OURS, {}).setdefault("ask", beside)
        if name != OURS:
            part["ask"], part["beside"] = phase(name, "ask", data, folder), beside
            shutil.rmtree(folder / name, ignore_errors=True)


def at_level(ask: dict[str, Any]) -> dict[str, Any] | None:
    """The quickest setting that reaches the level; None where none does."""
    good = [point for point in ask["points"] if point["subject_recall"] >= LEVEL]
    return min(good, key=lambda point: point["p50_ms"], default=None)


def forgetting_s(part: dict[str, Any]) -> float:
    """Seconds to forget 1%; where that is building again, the build's processor seconds over two cores."""
    ask = part["ask"]
    if ask["rebuilt_to_forget"]:
        return 0.99 * float(part["build"]["build_processor_s"]) / 2
    return float(ask["forget_1_percent_s"])


def table(parts: dict[str, Any]) -> list[str]:
    """One line an engine at the level, with our figure of the same call where something was timed."""
    lines = [
        "| engine | setting | subject recall | query p50 ms | ours in that call | build, processor s "
        "| memory, bytes a face | files, bytes a face | 1% forgotten, s | ours in that call | bytes found after |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, peer in PEERS.items():
        part = parts.get(name, {})
        if "ask" not in part or "build" not in part:
            lines.append(f"| {peer.called} | **not run** | | | | | | | | | |")
            continue
        ask, beside = part["ask"], part.get("beside", part["ask"])
        best, own = at_level(ask), at_level(beside)
        if best is None:
            most = max(point["subject_recall"] for point in ask["points"])
            shown = f"none reached it | {most:.4f} at most | "
        else:
            shown = f"{best['setting']} | {best['subject_recall']:.4f} | {best['p50_ms']:.2f}"
        if ask["rebuilt_to_forget"]:
            left = "built again"
        else:
            left = f"{ask['forgotten_still_found']} of {ask['looked_for']} (kept: {ask['kept_found']})"
            if ask["forgotten_found_in_queue"]:
                left += f", {ask['forgotten_found_in_queue']} in the queue's files"
        lines.append(
            f"| {peer.called} | {shown} | {'' if own is None else format(own['p50_ms'], '.2f')} "
            f"| {part['build']['build_processor_s']:.0f} | {ask['memory_bytes_a_face']:.0f} "
            f"| {part['build']['disk_bytes_a_face']:.0f} | {forgetting_s(part):.1f} "
            f"| {forgetting_s({'ask': beside, 'build': {}}):.1f} | {left} |"
        )
    return lines


def verdicts(parts: dict[str, Any]) -> list[str]:
    """For each peer, in what it is better than ours: query time, build time, memory, time to forget."""
    lines = []
    for name, peer in PEERS.items():
        part = parts.get(name, {})
        if name == OURS or "ask" not in part or "build" not in part:
            continue
        best, own = at_level(part["ask"]), at_level(part["beside"])
        wins = []
        if best is not None and own is not None and best["p50_ms"] < own["p50_ms"]:
            wins.append(f"query time ({own['p50_ms'] / best['p50_ms']:.1f} times)")
        ours = parts[OURS]
        for what, theirs, mine in (
            ("build time", part["build"]["build_processor_s"], ours["build"]["build_processor_s"]),
            ("memory", part["ask"]["memory_bytes_a_face"], part["beside"]["memory_bytes_a_face"]),
            ("time to forget", forgetting_s(part), float(part["beside"]["forget_1_percent_s"])),
        ):
            if theirs < mine:
                wins.append(f"{what} ({mine / theirs:.1f} times)")
        lines.append(f"- {peer.called} is better in {len(wins)} of four{': ' if wins else ''}{', '.join(wins)}.")
    return lines


def plotted(parts: dict[str, Any], path: Path) -> None:
    """Query time against recall."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "countenance"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.5, 4.2))
    for name, peer in PEERS.items():
        if "ask" in parts.get(name, {}):
            points = parts[name]["ask"]["points"]
            # Recall of 1 has no place on a scale of missed subjects: half a probe stands for it.
            missed = [max(1 - point["subject_recall"], 0.5 / PROBES) for point in points]
            axes.plot(missed, [point["p50_ms"] for point in points], marker="o", label=peer.called)
    axes.set_xlabel(f"subjects missed (of 1; the leftmost is none of {PROBES})")
    axes.set_ylabel("one query, p50 (ms)")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main() -> None:
    """Run what was asked for, keep it, and print the page's table."""
    parser = argparse.ArgumentParser(description="The index beside its peers")
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--only", choices=list(PEERS), action="append")
    parser.add_argument("--phase", choices=["build", "ask", "all", "none"], default="all")
    parser.add_argument("--folder", type=Path, default=HOME, help="for data and indexes; several GB")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    asked = parser.parse_args()
    path = asked.out / "index-peers.json"
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    parts = document.setdefault(str(asked.faces), {})
    for name in [] if asked.phase == "none" else asked.only or list(PEERS):
        measured(name, asked.phase, asked.faces, asked.folder, parts)
        path.write_text(json.dumps(document, indent=1) + "\n")
    plotted(parts, asked.out / "index-peers.svg")
    print(f"{asked.faces:,} x 128, {PROBES} probes; at a subject recall of {LEVEL}\n")
    print("\n".join([*table(parts), "", *verdicts(parts), ""]))
    for name, part in parts.items():
        runs = [f"{which} {part[which]['when_utc']} (load {part[which]['load_before']})" for which in part]
        print(f"- {PEERS[name].called}: {', '.join(runs)}")


if __name__ == "__main__":
    main()
