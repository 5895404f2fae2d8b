"""What clients of other engines ask of a gallery, in the gallery's words; the doors under /compat translate."""

from __future__ import annotations

from countenance.engine.legacy.answers import (
    Collection,
    Comparison,
    Deleted,
    HeldFace,
    Indexed,
    Likeness,
    Listed,
    Looked,
    Moved,
    NotMoved,
    Recognised,
    SeenFace,
    Unkept,
)
from countenance.engine.legacy.changing import Legacy
from countenance.engine.legacy.looking import ALL
from countenance.engine.legacy.shelves import DEFAULT_TERMS, LegacyParts

__all__ = [
    "ALL",
    "DEFAULT_TERMS",
    "Collection",
    "Comparison",
    "Deleted",
    "HeldFace",
    "Indexed",
    "Legacy",
    "LegacyParts",
    "Likeness",
    "Listed",
    "Looked",
    "Moved",
    "NotMoved",
    "Recognised",
    "SeenFace",
    "Unkept",
]
