"""``make bench``: run the benchmarks one after the other and keep their tables in docs/benchmarks.md.

``python -m benchmarks`` runs all, which takes hours, the peers more than one of them; ``python -m benchmarks
pipeline index`` only those named. Each runs in a process of its own, one at a time; its table replaces the one
between its two marks in the page, with the load that the machine was under, so that a reader can tell a quiet run
from a disturbed one.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
SUITES = {
    "pipeline": "Photograph to template",
    "orl": "Identification on real photographs",
    "index": "Search",
    "scale": "The engine at a million references",
    "service": "The service under load",
    "proof": "Certificates",
    "erasure": "Orders and erasure",
    "evaluation": "Evaluation",
    "evaluation_at_size": "Evaluation of 10,000 pictures",
    "collection": "Bystanders",
    "imports": "An album of 12-megapixel photographs",
    "many_files": "A million small files",
    "enrolment": "The minimum quality of an enrolment",
    "clips": "Clips",
    "peers": "The index beside other engines",
}
ARGUMENTS = {"index": ["--full"]}
"""What a suite is given to measure everything that is promised: ten million faces take 11 GB and ten minutes."""

_INTRODUCTION = """# Benchmarks

Each section is what its suite printed, under the day of its run. `make bench` writes them all; some were run by
themselves or in parts, because the whole takes hours. Figures of one run are comparable with each other;
between machines and days only ratios are. The load average says how many other processes wanted the processors
at the same time.

Longer reports have pages of their own: [the index beside an exact search and other
engines](benchmarks/index.md), [the engine at a million references](benchmarks/scale.md), [what an order
costs](benchmarks/erasure.md).
"""


def run(name: str) -> str:
    """The section of one suite: its table, or what it said when it failed."""
    before = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *ARGUMENTS.get(name, [])],
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    machine = f"{platform.machine()}, {os.cpu_count()} processors"
    load = f"load average {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    failed = "" if done.returncode == 0 else f"\n**It ended with status {done.returncode}.**\n"
    title = f"## {SUITES[name]}\n\n{when}, {machine}, {load}; `python -m benchmarks.{name}`"
    return f"{title}\n\n{done.stdout.strip()}\n{failed}"


def keep(name: str, section: str) -> None:
    """Put a section between its marks in the page."""
    page = PAGE.read_text("utf-8") if PAGE.exists() else _INTRODUCTION
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    block = f"{start}\n{section}\n{end}"
    if start in page:
        page = re.sub(re.escape(start) + ".*?" + re.escape(end), lambda _: block, page, flags=re.DOTALL)
    else:
        page = f"{page.rstrip()}\n\n{block}\n"
    PAGE.write_text(page, "utf-8")


def main() -> int:
    """Run what was asked for; the exit status tells whether everything could be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="suites to run; all without any")
    failed = 0
    for name in parser.parse_args().names or list(SUITES):
        print(f"== {name}", file=sys.stderr, flush=True)
        section = run(name)
        failed += "**It ended with status" in section
        keep(name, section)
        print(section, flush=True)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
