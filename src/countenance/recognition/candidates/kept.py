"""The gallery's own calibrations: one file for each model and recipe in ``calibrations/`` of the data folder.

Rules kept here:

* A file is believed when its digest, its fingerprint under the gallery's keys, its model and its recipe are
  those expected. Otherwise it is refused aloud: falling back to the shipped calibration in silence would move
  every threshold without anybody having decided it.
* The gallery's own calibration goes before the one that comes with the program.
* A calibration holds statistics of comparison scores of labelled pictures: no template, no picture, no name and
  no file name of a person. So there is nothing in it to erase, and it is no ``Holder``.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from countenance.clock import to_text
from countenance.errors import CalibrationUnreadable
from countenance.recognition.candidates.calibrate import Calibration, shipped
from countenance.vault.files import disk_errors, write_whole
from countenance.vault.keys import KeyRing

FOLDER = "calibrations"
RECORD_VERSION = 1
_LARGEST_BYTES = 4 * 1024 * 1024
"""A calibration has about 40 kB; a file a hundred times that size was not written here."""
_USE = "calibration"


@dataclass(frozen=True, slots=True)
class Cited:
    """What an answer says of the calibration that it rests on, so that it can be checked later."""

    digest: str
    """SHA-256 of the calibration's document."""
    measured_utc: str
    model: str
    recipe: str
    description: str
    data: str
    """SHA-256 over the labelled pictures."""
    people: int
    pictures: int
    supported_score: float
    """Up to this score the sample itself shows how rare it is; beyond, figures are extrapolated."""
    supported_rate: float
    """The smallest false match rate that the sample can show."""
    ratio_limit: float
    """Natural logarithm of the strongest likelihood ratio that the sample allows."""

    @classmethod
    def of(cls, calibration: Calibration) -> Cited:
        """The citation of ``calibration``."""
        sample = calibration.sample
        return cls(
            calibration.digest,
            to_text(calibration.measured_at),
            calibration.model,
            calibration.recipe,
            sample.description,
            sample.data,
            sample.people,
            sample.pictures,
            calibration.supported_score,
            calibration.supported_rate,
            calibration.ratios.limit,
        )

    def as_dict(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "digest": self.digest,
            "measured_at": self.measured_utc,
            "model": self.model,
            "recipe": self.recipe,
            "description": self.description,
            "data": self.data,
            "people": self.people,
            "pictures": self.pictures,
            "supported_score": round(self.supported_score, 4),
            "supported_false_match_rate": float(f"{self.supported_rate:.3g}"),
            "log_likelihood_ratio_limit": round(self.ratio_limit, 2),
        }


class KeptCalibrations:
    """Reads and writes the calibrations of one gallery. Thread-safe: a file is replaced whole."""

    def __init__(self, folder: Path, ring: KeyRing) -> None:
        """``folder`` is the data folder; ``ring`` makes a file of another gallery, or an altered one, known."""
        self._folder = folder / FOLDER
        self._ring = ring
        self._read: dict[Path, tuple[tuple[int, int, int], Calibration]] = {}

    def keep(self, calibration: Calibration) -> Path:
        """Write ``calibration`` in place of the one for its model and recipe. Raises DiskFull, GalleryError."""
        document = calibration.as_document()
        text = _canonical(document)
        record = {
            "schema_version": RECORD_VERSION,
            "sha256": sha256(text).hexdigest(),
            "fingerprint": self._ring.fingerprint(_USE, text).hex(),
            "calibration": document,
        }
        path = self._path(calibration.model, calibration.recipe)
        with disk_errors():
            self._folder.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, json.dumps(record, allow_nan=False).encode())
        return path

    def own(self, model: str, recipe: str) -> Calibration | None:
        """The gallery's own calibration, or None when there is none. Raises CalibrationUnreadable."""
        path = self._path(model, recipe)
        try:
            found = path.stat()
            mark = (found.st_ino, found.st_size, found.st_mtime_ns)
            known = self._read.get(path)
            if known is not None and known[0] == mark:
                return known[1]
            data = path.read_bytes() if found.st_size <= _LARGEST_BYTES else b""
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CalibrationUnreadable(f"{path.name} cannot be read: {error.strerror}.") from error
        calibration = self._believed(path.name, data)
        if (calibration.model, calibration.recipe) != (model, recipe):
            raise CalibrationUnreadable(
                f"{path.name} is the calibration of model {calibration.model[:12]}, {calibration.recipe}, "
                f"and not of {model[:12]}, {recipe}."
            )
        self._read[path] = (mark, calibration)
        return calibration

    def find(self, model: str, recipe: str) -> Calibration | None:
        """The gallery's own calibration, else the shipped one, else None. Raises CalibrationUnreadable."""
        own = self.own(model, recipe)
        return _shipped(model, recipe) if own is None else own

    def _path(self, model: str, recipe: str) -> Path:
        return self._folder / f"{model[:16]}-{recipe}.json"

    def _believed(self, name: str, data: bytes) -> Calibration:
        try:
            record: Any = json.loads(data)
            version, document = record["schema_version"], record["calibration"]
            digest, fingerprint = str(record["sha256"]), str(record["fingerprint"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CalibrationUnreadable(f"{name} is no calibration of a gallery.") from error
        if version != RECORD_VERSION:
            raise CalibrationUnreadable(f"{name} has version {version!r}; this program reads {RECORD_VERSION}.")
        text = _canonical(document)
        if sha256(text).hexdigest() != digest:
            raise CalibrationUnreadable(f"{name} is damaged: its digest is not that of its content.")
        if not hmac.compare_digest(self._ring.fingerprint(_USE, text).hex().encode(), fingerprint.encode()):
            raise CalibrationUnreadable(f"{name} was not written by this gallery, or was altered afterwards.")
        return Calibration.from_document(document)


def _canonical(document: object) -> bytes:
    """The bytes that digest and fingerprint are taken of; :attr:`Calibration.digest` uses the same form."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


@cache
def _shipped(model: str, recipe: str) -> Calibration | None:
    return shipped(model, recipe)
