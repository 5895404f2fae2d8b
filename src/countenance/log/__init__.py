"""The tamper-evident log: what was done, in what order, provable to a stranger, naming nobody.

Rules kept here:

* Knows no SQL, no recognition and no custody: whoever has something to record makes an :class:`Entry` of it.
* Entries hold keyed commitments only (:func:`commitment`); erasing a subject's commitment key unlinks them.
* The formats are public ones (RFC 9162, C2SP), so the log can be checked with tools that are not ours.
"""

from __future__ import annotations

from countenance.log.entry import Entry, commitment
from countenance.log.fsck import Fault, Finding, Report
from countenance.log.note import Checkpoint, Cosignature, SignatureType, VerifierKey
from countenance.log.tamper_evident import TamperEvidentLog

__all__ = [
    "Checkpoint",
    "Cosignature",
    "Entry",
    "Fault",
    "Finding",
    "Report",
    "SignatureType",
    "TamperEvidentLog",
    "VerifierKey",
    "commitment",
]
