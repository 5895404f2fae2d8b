"""Countenance: face search that asks first.

>>> from countenance import Countenance
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Countenance", "CountenanceError", "Evaluating", "TemplateRow", "__version__"]

if TYPE_CHECKING:
    from countenance.engine import Countenance, Evaluating
    from countenance.errors import CountenanceError
    from countenance.recognition.gallery.bulk import TemplateRow

_HOMES = {
    "Countenance": "countenance.engine",
    "CountenanceError": "countenance.errors",
    "Evaluating": "countenance.engine",
    "TemplateRow": "countenance.recognition.gallery.bulk",
}


def __getattr__(name: str) -> Any:  # PEP 562: the engine is loaded when it is first named, so --help stays quick
    if name not in _HOMES:
        raise AttributeError(f"module 'countenance' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
