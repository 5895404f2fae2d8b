"""CompreFace's REST API over a permission-bound gallery: ``mount`` gives the application for /compat/compreface.

Rules kept here: the contract is CompreFace's (paths, parameters, answers, error codes), the rules are the
gallery's: the key is bound to one compartment, whose terms name the purpose, the standing permission and the case.
"""

from __future__ import annotations

from countenance.http.compat.compreface.application import mount

__all__ = ["mount"]
