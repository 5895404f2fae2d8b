"""Where a gallery lives and the limits it keeps. Read once at the door; nothing below reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

GALLERY_VARIABLE = "COUNTENANCE_GALLERY"
KEYS_VARIABLE = "COUNTENANCE_KEYS"
CACHE_VARIABLE = "COUNTENANCE_CACHE"
ENGINE_TOKEN_VARIABLE = "COUNTENANCE_ENGINE_TOKEN"  # noqa: S105 - the name of a variable
"""``user:password`` or an API token of a search engine on a server; in the environment only, never stored."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Checked against a file's header before a pixel is decoded."""

    size_bytes: int = 100 * 1024 * 1024
    pixels: int = 250_000_000
    """Above the largest medium-format cameras of 2026 (about 150 megapixels), below what fills the memory."""
    side_pixels: int = 40_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about a gallery that is decided outside the program."""

    folder: Path
    """The data folder: database, sealed images, encrypted index snapshots."""
    keys: Path
    """The key folder. Apart from the data, so that a copy of the data folder opens nothing."""
    cache: Path
    """Prepared models. Holds no personal data; may be deleted at any time."""
    limits: ImageLimits = field(default_factory=ImageLimits)
    engine_token: str = field(default="", repr=False)
    """What a search engine on a server wants to see; empty when it wants nothing."""

    @classmethod
    def of(cls, folder: str | Path, *, keys: str | Path | None = None, cache: str | Path | None = None) -> Settings:
        """Settings for the gallery in ``folder``.

        ``keys`` defaults to ``COUNTENANCE_KEYS``, else to the sibling folder ``<folder>.keys``; ``cache`` to
        ``COUNTENANCE_CACHE``, else to ``countenance`` in the user's cache folder (XDG base directories).
        """
        place = Path(folder).expanduser().absolute()
        key_place = keys or os.environ.get(KEYS_VARIABLE) or place.with_name(place.name + ".keys")
        token = os.environ.get(ENGINE_TOKEN_VARIABLE, "")
        return cls(place, Path(key_place).expanduser().absolute(), cache_folder(cache), engine_token=token)


def cache_folder(cache: str | Path | None = None) -> Path:
    """The folder for prepared models: ``cache``, else ``COUNTENANCE_CACHE``, else the user's cache folder."""
    named = cache or os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "countenance"
