"""Milvus 2.3.5 standalone, from its wheel: HNSW, one collection, asked over the loopback."""

from __future__ import annotations

import lzma
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import milvus
import numpy as np
from harness import WANTED, Engine, files_in, run
from milvus import MilvusServerConfig
from pymilvus import DataType, MilvusClient

NAME = "faces"
AT_ONCE = 10_000
PORT, HEALTH = 29_530, 29_091


class Milvus(Engine):
    """16 links, 100 candidates."""

    name = "Milvus 2.3.5 HNSW"
    settings = (64, 128, 256, 512, 1024)
    setting_name = "ef"

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        binaries = home / "bin"
        if not binaries.exists():
            binaries.mkdir()
            for source in (Path(milvus.__file__).parent / "data" / "bin").glob("*.lzma"):
                (binaries / source.stem).write_bytes(lzma.decompress(source.read_bytes()))
                (binaries / source.stem).chmod(0o755)
            MilvusServerConfig(data_dir=str(home / "server"), proxy_port=PORT).resolve()
            self._configure(home / "server" / "configs" / "milvus.yaml")
        self._start(binaries)
        self.client = MilvusClient(f"http://127.0.0.1:{PORT}", timeout=120)

    def _configure(self, path: Path) -> None:
        """Garbage collection and compaction in seconds, as a purge wants them."""
        text = path.read_text()
        for pattern, value in (
            (r"(  gc:\n    interval: )\d+", r"\g<1>5"),
            (r"(dropTolerance: )\d+", r"\g<1>5"),
            (r"(    enableAutoCompaction: true[^\n]*\n)", r"\g<1>    check:\n      interval: 1\n"),
        ):
            text, times = re.subn(pattern, value, text)
            assert times, pattern
        path.write_text(text)

    def _start(self, binaries: Path) -> None:
        environment = os.environ | {
            "MILVUSCONF": str(self.home / "server" / "configs"),
            "LD_LIBRARY_PATH": str(binaries),
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(HEALTH),
        }
        with (self.home / "server.log").open("ab") as log:
            command = [str(binaries / "milvus"), "run", "standalone"]
            self.process = subprocess.Popen(command, cwd=self.home, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{HEALTH}/healthz", timeout=5) as answer:
                    if b"OK" in answer.read():
                        return
            except (urllib.error.URLError, OSError):
                pass
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit("Milvus did not start")
            time.sleep(0.2)

    def server_process(self) -> int:
        """The server's process id."""
        return self.process.pid

    def build(self, templates: np.ndarray, owners: np.ndarray, home: Path) -> None:
        """Insert, flush, and wait for the index."""
        schema = self.client.create_schema(auto_id=False)
        schema.add_field("reference", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=templates.shape[1])
        self.client.create_collection(NAME, schema=schema, consistency_level="Bounded")
        for first in range(0, len(owners), AT_ONCE):
            rows = range(first, min(len(owners), first + AT_ONCE))
            self.client.insert(NAME, [{"reference": row, "vector": templates[row]} for row in rows])
        self.client.flush(NAME)
        how = self.client.prepare_index_params()
        how.add_index("vector", index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 100})
        self.client.create_index(NAME, how)
        self._wait_for_index(len(owners))
        self.client.load_collection(NAME)

    def _wait_for_index(self, rows: int) -> None:
        while True:
            state = self.client.describe_index(NAME, "vector")
            if int(state.get("indexed_rows", 0)) >= rows and int(state.get("pending_index_rows", 0)) == 0:
                return
            time.sleep(1)

    def open(self, home: Path) -> None:
        """Load the collection."""
        self.client.load_collection(NAME)

    def ask(self, probe: np.ndarray, setting: int) -> np.ndarray:
        """Nearest references."""
        found = self.client.search(
            NAME, [probe.tolist()], limit=WANTED, search_params={"metric_type": "IP", "params": {"ef": setting}}
        )
        return np.array(found[0].ids, np.int64)

    def forget(self, rows: np.ndarray) -> None:
        """Delete, flush, compact, and wait: no deleted row in the segments, old segments collected."""
        left = int(self.client.query(NAME, "", output_fields=["count(*)"])[0]["count(*)"]) - len(rows)
        for part in np.array_split(rows, 5):
            self.client.delete(NAME, filter=f"reference in {part.tolist()}")
        self.client.flush(NAME)
        self.client.compact(NAME)
        deadline = time.monotonic() + 400
        while int(self.client.get_collection_stats(NAME)["row_count"]) != left and time.monotonic() < deadline:
            time.sleep(1)
            self.client.compact(NAME)
        segments = self.home / "server" / "data" / "insert_log"
        before = -1
        while before != (size := sum(p.stat().st_size for p in segments.rglob("*") if p.is_file())):
            before = size
            time.sleep(12)  # twice the garbage collection's interval

    def kept(self) -> Iterable[bytes]:
        """Every file of the segments and of their indexes."""
        for name in ("insert_log", "index_files"):
            yield from files_in(self.home / "server" / "data" / name)

    def elsewhere(self) -> Iterable[bytes]:
        """The message queue's files."""
        for path in (self.home / "server").rglob("rdb_data*"):
            yield from files_in(path)

    def close(self) -> None:
        """End the server."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:  # everything was flushed
            self.process.kill()
            self.process.wait(20)


run(Milvus(Path(sys.argv[3]).resolve()))
