"""FAISS HNSW over 8-bit vectors, 32 links. It cannot delete: forgetting is building again."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
from harness import WANTED, Engine, run


class Hnsw(Engine):
    """HNSW32,SQ8."""

    name = "FAISS HNSW32,SQ8"
    settings = (16, 32, 64, 128, 256, 512)
    setting_name = "efSearch"
    rebuilt_to_forget = True

    def build(self, templates: np.ndarray, owners: np.ndarray, home: Path) -> None:
        """Build with the library's own 40 candidates."""
        index = faiss.index_factory(templates.shape[1], "HNSW32,SQ8", faiss.METRIC_INNER_PRODUCT)
        index.train(templates[:50_000])
        index.add(templates)
        faiss.write_index(index, str(home / "index"))

    def open(self, home: Path) -> None:
        """Read the file."""
        self.index = faiss.read_index(str(home / "index"))

    def ask(self, probe: np.ndarray, setting: int) -> np.ndarray:
        """Nearest references."""
        self.index.hnsw.efSearch = setting
        return self.index.search(probe[None], WANTED)[1][0]


run(Hnsw())
