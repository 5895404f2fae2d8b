"""The story of the demonstration."""

from __future__ import annotations

from pathlib import Path

from countenance.cli.door import Door


def tell(door: Door, out: Path) -> None:
    """Run the whole story and write what a person can look at into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
