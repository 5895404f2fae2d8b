"""Amazon Rekognition's collection calls over a permission-bound gallery: ``mount`` gives /compat/rekognition.

Rules kept here: the contract is Amazon's (AWS JSON 1.1, Signature Version 4, shapes and exceptions), the rules are
the gallery's: a collection is a compartment, whose terms name the purpose, the standing permission and the case.
"""

from __future__ import annotations

from countenance.http.compat.rekognition.application import endpoint, mount

__all__ = ["endpoint", "mount"]
