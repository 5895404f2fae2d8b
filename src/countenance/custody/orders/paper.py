"""A paper that something rests on, wherever it comes from: a file of the operator's, or an upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, repr=False)
class Paper:
    """A paper's name and bytes. Neither is kept: an order remembers its title and SHA-256."""

    name: str
    data: bytes

    @classmethod
    def of(cls, given: Path | str | Paper) -> Paper:
        """The paper in a file, or the paper itself. Raises OSError when the file cannot be read."""
        if isinstance(given, Paper):
            return given
        file = Path(given)
        return cls(file.name, file.read_bytes())
