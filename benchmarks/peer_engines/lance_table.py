"""LanceDB: inverted lists of 8-bit HNSW graphs, scored again from float32."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import lancedb
import numpy as np
import pyarrow as pa
from harness import WANTED, Engine, files_in, run


class Lance(Engine):
    """IVF_HNSW_SQ with the library's own sizes; ``ef`` and probed lists grow together."""

    name = "LanceDB IVF_HNSW_SQ"
    settings = (1, 2, 4, 8, 16)
    setting_name = "nprobes"

    def build(self, templates: np.ndarray, owners: np.ndarray, home: Path) -> None:
        """Write the table and its index."""
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(templates.reshape(-1)), templates.shape[1])
        rows = pa.table({"reference": pa.array(np.arange(len(owners))), "vector": vectors})
        table = lancedb.connect(str(home)).create_table("faces", rows, mode="overwrite")
        table.create_index(metric="dot", index_type="IVF_HNSW_SQ", vector_column_name="vector")

    def open(self, home: Path) -> None:
        """Open the table."""
        self.home = home
        self.table = lancedb.connect(str(home)).open_table("faces")

    def ask(self, probe: np.ndarray, setting: int) -> np.ndarray:
        """Nearest references."""
        found = (
            self.table.search(probe)
            .distance_type("dot")
            .nprobes(setting)
            .ef(100 * setting)
            .refine_factor(2)
            .select(["reference"])
            .limit(WANTED)
            .to_arrow()
        )
        return found["reference"].to_numpy()

    def forget(self, rows: np.ndarray) -> None:
        """Delete, write the rest anew, and drop older versions."""
        for part in np.array_split(rows, 10):
            self.table.delete(f"reference IN ({', '.join(map(str, part.tolist()))})")
        data = self.table.to_lance()
        data.optimize.compact_files(materialize_deletions_threshold=0.0)
        data.optimize.optimize_indices()
        data.cleanup_old_versions(timedelta(0), delete_unverified=True)

    def kept(self) -> Iterable[bytes]:
        """Every file of the table."""
        return files_in(self.home)


run(Lance())
