"""Files that can be made again: folded graphs and compiled networks, kept so that the next start is quick.

Rules kept here: a file is used only when its SHA-256 is the one written beside it, so damage is never run;
what is damaged, missing or half written is made again without a word; a cache that cannot be written costs
time, not function. No personal data ever comes here.

The digest guards against damage and against mixing versions up. It does not guard against somebody who may
write in the cache folder: that folder is the user's own and is made readable by the user alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class CheckedCache:
    """Named byte strings in one folder, each with a small JSON record of its digest beside it."""

    folder: Path

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The bytes kept under ``name``, or what ``make`` returns, which is then kept."""
        kept = self._read(name)
        if kept is not None:
            return kept
        made = make()
        self.put(name, made)
        return made

    def put(self, name: str, data: bytes) -> None:
        """Keep ``data`` under ``name``. A folder that cannot be written, or a full disk, keeps nothing."""
        record = {
            "schema_version": _RECORD_VERSION,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_bytes": len(data),
        }
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.folder / name, data)
            write_whole(self._record(name), json.dumps(record).encode())

    def forget(self, name: str) -> None:
        """Remove what is kept under ``name``, if anything."""
        with contextlib.suppress(OSError):
            self._record(name).unlink(missing_ok=True)
            (self.folder / name).unlink(missing_ok=True)

    def _read(self, name: str) -> bytes | None:
        try:
            record = json.loads(self._record(name).read_bytes())
            data = (self.folder / name).read_bytes()
        except (OSError, ValueError):
            return None
        expected = {
            "schema_version": _RECORD_VERSION,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_bytes": len(data),
        }
        return data if record == expected else None

    def _record(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def write_whole(path: Path, data: bytes) -> None:
    """Write ``path`` so that a reader sees the old file or the new one, never a part. Raises ``OSError``."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
