"""usearch, 8-bit. It marks entries and keeps their bytes: forgetting is building again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import WANTED, Engine, run
from usearch.index import Index


class Usearch(Engine):
    """The library's own 16 links and 128 candidates."""

    name = "usearch i8"
    settings = (16, 64, 128, 256, 512, 1024)
    setting_name = "expansion"
    rebuilt_to_forget = True

    def build(self, templates: np.ndarray, owners: np.ndarray, home: Path) -> None:
        """Build on two threads."""
        index = Index(ndim=templates.shape[1], metric="ip", dtype="i8")
        index.add(np.arange(len(owners)), templates, threads=2)
        index.save(str(home / "index"))

    def open(self, home: Path) -> None:
        """Read the file."""
        self.index = Index(ndim=128, metric="ip", dtype="i8")
        self.index.load(str(home / "index"))

    def ask(self, probe: np.ndarray, setting: int) -> np.ndarray:
        """Nearest references."""
        self.index.expansion_search = setting
        return self.index.search(probe, WANTED).keys.astype(np.int64)


run(Usearch())
