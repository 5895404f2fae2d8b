"""What a person may ask of the tamper-evident log: ``gallery.log``."""

from __future__ import annotations

from countenance.custody.proof.witness import GalleryWitness
from countenance.errors import InputInvalid
from countenance.log.fsck import Report


class Record:
    """The log of one gallery."""

    def __init__(self, witness: GalleryWitness) -> None:
        self._witness = witness

    def checkpoint(self) -> str:
        """The newest checkpoint: a signed note with the tree's size and root (C2SP tlog-checkpoint)."""
        return self._witness.log.checkpoint()

    def keys(self) -> str:
        """The public keys that check this gallery's checkpoints and certificates."""
        return self._witness.keys()

    def prove(self, entry: int) -> str:
        """A proof that entry number ``entry`` is in the log (C2SP tlog-proof). Raises InputInvalid."""
        if not 0 <= entry < self._witness.log.size:
            raise InputInvalid(f"The log has {self._witness.log.size} entries; there is no entry {entry}.")
        return self._witness.log.prove(entry)

    def prove_consistency(self, size: int) -> str:
        """A proof that the log of ``size`` entries is the beginning of the present one. Raises InputInvalid."""
        if not 0 < size <= self._witness.log.size:
            raise InputInvalid(f"The log has {self._witness.log.size} entries, and never had {size}.")
        return self._witness.log.prove_consistency(size)

    def fsck(self) -> Report:
        """Rebuild the root from the raw entries and say what does not fit."""
        return self._witness.log.fsck()
