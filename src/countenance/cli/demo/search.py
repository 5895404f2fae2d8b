"""Looking for bytes in every file of a folder: how the demonstration checks the engine's word.

Rules kept here: it looks at the raw files, knows nothing of their formats, and reads each of them whole.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Traces:
    """What was looked through, and how often each thing was found."""

    files: int
    size_bytes: int
    found: dict[str, int]


def occurrences(folder: Path, pieces: Mapping[str, bytes]) -> Traces:
    """How often each of ``pieces`` occurs in the files under ``folder``, write-ahead logs and all."""
    found = dict.fromkeys(pieces, 0)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    size_bytes = 0
    for path in files:
        size = path.stat().st_size
        size_bytes += size
        if size == 0:
            continue
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for name, piece in pieces.items():
                place = content.find(piece)
                while place >= 0:
                    found[name] += 1
                    place = content.find(piece, place + 1)
    return Traces(len(files), size_bytes, found)
