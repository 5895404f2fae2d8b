"""Our embedded index, put through what its peers are put through."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from harness import Engine, run

from countenance.index.coarse import Effort
from countenance.index.embedded import EmbeddedIndex
from countenance.index.protocol import Batch, Filter, pack_labels
from countenance.index.refinement import to_records

MODEL = "0" * 64


class Embedded(Engine):
    """8-bit records in memory."""

    name = "countenance"
    settings = (1, 2, 4, 8, 16, 32, 64, 256)
    setting_name = "candidates"

    def build(self, templates: np.ndarray, owners: np.ndarray, home: Path) -> None:
        """Build, and keep it as an encrypted snapshot."""
        index = EmbeddedIndex(MODEL, templates.shape[1])
        index.add(Batch(np.arange(len(owners)), owners, templates, pack_labels(len(owners))))
        key = secrets.token_bytes(32)
        (home / "key").write_bytes(key)
        index.write_snapshot(home / "snapshot", key, b"peers")

    def open(self, home: Path) -> None:
        """Read the snapshot."""
        self.index = EmbeddedIndex(MODEL, 128)
        self.index.read_snapshot(home / "snapshot", (home / "key").read_bytes(), b"peers")

    def ask(self, probe: np.ndarray, setting: int) -> np.ndarray:
        """The best subject's best reference: this index ranks subjects."""
        self.index.effort = Effort(setting)
        return self.index.search(probe[None], 1, Filter()).reference_ids[0]

    def forget(self, rows: np.ndarray) -> None:
        """Out of every search, then out of memory."""
        self.index.remove(rows)
        self.index.compact()

    def patterns(self, rows: np.ndarray, templates: np.ndarray) -> list[bytes]:
        """8-bit records."""
        return [record.tobytes() for record in to_records(np.array(templates[rows]), exact=False)]

    def kept(self) -> Iterable[bytes]:
        """The records of all segments."""
        for segment in self.index.segments:
            yield segment.refinement.span(0, len(segment)).tobytes()


run(Embedded())
