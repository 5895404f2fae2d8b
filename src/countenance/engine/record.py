"""What a person may ask of the tamper-evident log: ``gallery.log``."""

from __future__ import annotations

from countenance.custody.proof.witness import GalleryWitness
from countenance.errors import InputInvalid
from countenance.log.fsck import Report
from countenance.log.note import Cosignature, VerifierKey
from countenance.log.tiles import ENTRIES, parse_path


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

    def tile(self, path: str) -> bytes:
        """A tile of hashes as C2SP tlog-tiles names it: ``tile/0/000``. Raises InputInvalid.

        Bundles of entries are not given: whoever may see them asks for :meth:`entries`.
        """
        level, index, width = parse_path(path)
        if level == ENTRIES:
            raise InputInvalid("Bundles of entries are not published.")
        return self._witness.log.tile(level, index, width)

    def entries(self, path: str) -> bytes:
        """A bundle of entries: ``tile/entries/000``. They name customers and accounts by number, and say when each
        did what; so they are for those who supervise. Raises InputInvalid.
        """
        level, index, width = parse_path(path)
        if level != ENTRIES:
            raise InputInvalid("That is a tile of hashes.")
        return self._witness.log.tile(level, index, width)

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

    def accept_cosignatures(self, lines: bytes, witnesses: bytes) -> tuple[Cosignature, ...]:
        """Put witnesses' cosignatures under the newest checkpoint; returns all that it bears then.

        ``lines`` are signature lines as witnesses send them (C2SP tlog-cosignature), ``witnesses`` their keys, one
        a line, with or without the role ``witness`` before each. Lines of other witnesses are passed over.
        Raises CheckpointInvalid when a line does not verify (the log may have grown meanwhile); nothing is changed.
        """
        try:
            known = [VerifierKey.from_text(line.removeprefix("witness ").strip()) for line in _lines(witnesses)]
            offered = [line for line in _lines(lines) if line.startswith("\u2014 ")]
        except UnicodeDecodeError as error:
            raise InputInvalid("Cosignatures and keys are text, one a line.") from error
        return self._witness.log.accept_cosignatures(offered, known)

    def fsck(self) -> Report:
        """Rebuild the root from the raw entries and say what does not fit."""
        return self._witness.log.fsck()


def _lines(data: bytes) -> list[str]:
    return [line for line in data.decode().splitlines() if line.strip() and not line.lstrip().startswith("#")]
