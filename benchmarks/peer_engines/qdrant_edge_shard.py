"""qdrant-edge: HNSW over 8-bit vectors in memory, float32 on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import qdrant_edge as q
from harness import WANTED, Engine, files_in, run

AT_ONCE = 10_000


class Qdrant(Engine):
    """16 links, 100 candidates: the engine's own defaults; scored again from float32."""

    name = "qdrant-edge"
    settings = (16, 64, 128, 256, 512, 1024)
    setting_name = "hnsw_ef"

    def _config(self) -> q.EdgeConfig:
        return q.EdgeConfig(
            vectors=q.EdgeVectorParams(size=128, distance=q.Distance.Dot),
            hnsw_config=q.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=10_000),
            quantization_config=q.ScalarQuantizationConfig(type=q.ScalarType.Int8, always_ram=True),
            optimizers=q.EdgeOptimizersConfig(
                deleted_threshold=0.0001, vacuum_min_vector_number=1, default_segment_number=1
            ),
        )

    def build(self, templates: np.ndarray, owners: np.ndarray, home: Path) -> None:
        """Upsert, then let the optimiser build the graph."""
        shard = q.EdgeShard.create(str(home / "shard"), self._config())
        for first in range(0, len(owners), AT_ONCE):
            rows = range(first, min(len(owners), first + AT_ONCE))
            shard.update(q.UpdateOperation.upsert_points([q.Point(row, templates[row].tolist()) for row in rows]))
        while shard.optimize():
            pass
        shard.flush()
        shard.close()

    def open(self, home: Path) -> None:
        """Open the shard."""
        self.home = home
        self.shard = q.EdgeShard.load(str(home / "shard"), self._config())

    def ask(self, probe: np.ndarray, setting: int) -> np.ndarray:
        """Nearest references."""
        request = q.QueryRequest(
            limit=WANTED, query=q.Query.Nearest(probe.tolist()), params=q.SearchParams(hnsw_ef=setting)
        )
        return np.array([point.id for point in self.shard.query(request)], np.int64)

    def forget(self, rows: np.ndarray) -> None:
        """Delete, then let the optimiser vacuum."""
        self.shard.update(q.UpdateOperation.delete_points(rows.tolist()))
        while self.shard.optimize():
            pass
        self.shard.flush()

    def kept(self) -> Iterable[bytes]:
        """Every file of the shard."""
        self.shard.close()
        return files_in(self.home)


run(Qdrant())
