"""Images that wait for long work, on the disk: sealed under a key that only this process's memory holds.

Rules kept here:

* When the process ends, however it ends, nobody can open what it staged; the next opening removes the files.
* Every file lies in a folder named by its subject's number, so that an erasure in any process finds it.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from countenance.holding import Absence, Holding, Target
from countenance.terms import ArtefactClass, SubjectId
from countenance.vault.files import disk_errors

FOLDER = "staged"
_NONCE_BYTES = 12


class StagedImages:
    """What waits in one data folder; also the Holder of it. Thread-safe."""

    name = "staged"

    def __init__(self, folder: Path) -> None:
        """``folder`` is the data folder."""
        self._folder = folder / FOLDER
        self._cipher = AESGCM(secrets.token_bytes(32))

    def put(self, owner: int, subject_id: SubjectId, data: bytes) -> Path:
        """Stage an image; returns where it lies. Raises DiskFull."""
        place = self._folder / f"{owner:016x}" / str(int(subject_id))
        path = place / f"{secrets.token_hex(16)}.sealed"
        nonce = secrets.token_bytes(_NONCE_BYTES)
        with disk_errors():
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                path.write_bytes(nonce + self._cipher.encrypt(nonce, data, path.name.encode()))
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return path

    def take(self, path: Path) -> bytes | None:
        """A staged image, which is removed; None when its subject was erased meanwhile."""
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            return None
        self.drop(path)
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], path.name.encode())

    def drop(self, path: Path) -> None:
        """Remove a staged image that is not wanted any more."""
        path.unlink(missing_ok=True)

    def owners(self) -> list[int]:
        """Numbers of the engines that have staged something."""
        return [int(path.name, 16) for path in self._folder.glob("*") if path.is_dir()]

    def remove(self, owner: int) -> None:
        """Remove all that an engine has staged."""
        shutil.rmtree(self._folder / f"{owner:016x}", ignore_errors=True)

    # -- Holder ---------------------------------------------------------------------------------------------

    def describe(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """How many images of the targets wait."""
        return (Holding(self.name, "waiting images", len(self._of(targets))),)

    def erase(self, targets: Sequence[Target]) -> tuple[Holding, ...]:
        """Remove them."""
        found = self._of(targets)
        for path in found:
            self.drop(path)
            with suppress(OSError):  # others may lie there, of a permission given meanwhile
                path.parent.rmdir()
        return (Holding(self.name, "waiting images", len(found)),)

    def confirm_absent(self, targets: Sequence[Target]) -> Absence:
        """Look into the folders again."""
        left = len(self._of(targets))
        return Absence(self.name, left == 0, "no image of an erased subject waits in the data folder", left)

    def _of(self, targets: Sequence[Target]) -> list[Path]:
        numbers = [target.subject_id for target in targets if ArtefactClass.IMAGE in target.artefacts]
        return [path for number in numbers for path in self._folder.glob(f"*/{int(number)}/*.sealed")]
