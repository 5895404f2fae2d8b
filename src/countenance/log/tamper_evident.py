"""The log itself: one folder, one origin, one writer at a time, as many readers as like.

Rules kept here:

* The checkpoint is the commit. Everything that it covers is on the disk before it is written; killed at any
  point, the folder holds either the old tree or the new one, and the next start sweeps up the rest.
* A checkpoint is on the disk (as ``checkpoint.next``) before anybody can read it, so one that was ever seen is
  never taken back and no two inconsistent ones are ever signed.
* Readers take no lock: what a checkpoint covers is never rewritten, so an old checkpoint stays readable.
* Partial tiles are kept until full ones replace them, so that every checkpoint that was published stays provable.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countenance.errors import CheckpointInvalid, InputInvalid, LogDamaged, LogExists, LogMissing, LogReadOnly
from countenance.log import durable, merkle, tiles
from countenance.log.entry import Entry
from countenance.log.fsck import Report, examine
from countenance.log.note import (
    Checkpoint,
    Cosignature,
    SignatureLine,
    SignedNote,
    VerifierKey,
    cosignatures,
    encode_base64,
    open_checkpoint,
)

CHECKPOINT = "checkpoint"
NEXT = "checkpoint.next"
LOCK = "lock"
_TIMEOUT_SECONDS = 30.0


class TamperEvidentLog:
    """An append-only log whose every past state can be proven to be the beginning of every later one.

    Safe from many threads and processes. Opened with the public key alone it can be read and checked.
    """

    def __init__(
        self, folder: Path, verifier: VerifierKey, signer: Ed25519PrivateKey | None, timeout_seconds: float
    ) -> None:
        self._folder = folder
        self._verifier = verifier
        self._signer = signer
        self._timeout_seconds = timeout_seconds
        self._edge = tiles.Edge()
        self._inside = threading.Lock()

    @classmethod
    def create(
        cls,
        folder: Path,
        origin: str,
        signing_key: Ed25519PrivateKey,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> TamperEvidentLog:
        """A new, empty log in ``folder``, which may exist but must not hold a log.

        ``origin`` is the log's name for ever, best a URL without scheme. Raises LogExists, LogKeyWrong.
        """
        verifier = VerifierKey.of(origin, signing_key)
        folder.mkdir(parents=True, exist_ok=True)
        log = cls(folder, verifier, signing_key, timeout_seconds)
        with durable.only_writer(folder / LOCK, timeout_seconds):
            if (folder / CHECKPOINT).exists() or (folder / NEXT).exists():
                raise LogExists("there already is a log in that folder; nothing was changed")
            log._commit(Checkpoint(origin, 0, merkle.EMPTY_ROOT))
            durable.flush_folder(folder.parent)
        return log

    @classmethod
    def open(
        cls,
        folder: Path,
        origin: str,
        key: Ed25519PrivateKey | Ed25519PublicKey,
        *,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> TamperEvidentLog:
        """The log in ``folder``. With the signing key, what a crash left half done is settled first.

        Raises LogMissing, CheckpointInvalid (forged, or of another log), LogDamaged, GalleryBusy.
        """
        signer = key if isinstance(key, Ed25519PrivateKey) else None
        log = cls(folder, VerifierKey.of(origin, key), signer, timeout_seconds)
        if not (folder / CHECKPOINT).exists() and not (folder / NEXT).exists():
            raise LogMissing("there is no log in that folder")
        if signer is not None:
            with log._inside, durable.only_writer(folder / LOCK, timeout_seconds):
                log._settle()
                log._sweep()
        else:
            log.head()
        return log

    # -- reading ------------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """The log's name, the first line of every checkpoint."""
        return self._verifier.name

    @property
    def verifier_key(self) -> VerifierKey:
        """The public key that checks this log's checkpoints; give it to whoever shall check."""
        return self._verifier

    def checkpoint(self) -> str:
        """The current checkpoint: a signed note, with any cosignatures. Raises CheckpointInvalid."""
        return self._read()[0]

    def head(self) -> Checkpoint:
        """Size and root that the current checkpoint commits to. Raises CheckpointInvalid."""
        return self._read()[1]

    @property
    def size(self) -> int:
        """Number of entries in the current checkpoint."""
        return self.head().size

    def root(self, size: int) -> bytes:
        """Root of the tree when it had ``size`` entries. Raises InputInvalid, LogDamaged."""
        return merkle.root(self._reader(size), size)

    def checkpoint_at(self, size: int) -> str:
        """A checkpoint for an earlier state of this log, signed now; never inconsistent with what was signed.

        Raises LogReadOnly, InputInvalid, LogDamaged.
        """
        signer = self._must_sign()
        if size == self.head().size:
            return self.checkpoint()
        return Checkpoint(self.origin, size, self.root(size)).sign(signer).as_text()

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Proof that entry ``index`` is in the tree of ``size`` entries. Raises InputInvalid, LogDamaged."""
        if not 0 <= index < size:
            raise InputInvalid(f"there is no entry {index} in a log of {size}")
        return merkle.inclusion(self._reader(size), index, size)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Proof that the log of ``old`` entries begins that of ``new``. Raises InputInvalid, LogDamaged."""
        if not 0 <= old <= new:
            raise InputInvalid(f"a log of {old} entries cannot be the beginning of one of {new}")
        return merkle.consistency(self._reader(new), old, new)

    def prove(self, index: int) -> str:
        """Entry ``index`` is in the log, as a file for strangers: C2SP tlog-proof with checkpoint and cosignatures.

        Raises InputInvalid, LogDamaged.
        """
        note, head = self._read()
        path = "".join(encode_base64(step) + "\n" for step in self.inclusion(index, head.size))
        return f"c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{note}"

    def prove_consistency(self, old: int) -> str:
        """The log of ``old`` entries begins the present one: base64 hashes, one a line. Raises InputInvalid."""
        return "".join(encode_base64(step) + "\n" for step in self.consistency(old, self.head().size))

    def raw_entries(self, start: int, stop: int) -> tuple[bytes, ...]:
        """The leaves ``start`` to ``stop`` (exclusive) as bytes. Raises InputInvalid, LogDamaged."""
        size = self.head().size
        if not 0 <= start <= stop <= size:
            raise InputInvalid(f"the log has the entries 0 to {size}, not {start} to {stop}")
        found: list[bytes] = []
        for index in range(start // tiles.TILE_WIDTH, -(-stop // tiles.TILE_WIDTH)):
            width = min(tiles.TILE_WIDTH, size - index * tiles.TILE_WIDTH)
            bundle = tiles.unpack_bundle(tiles.read_tile(self._folder, tiles.ENTRIES, index, width))
            if len(bundle) < width:
                raise LogDamaged(f"{tiles.tile_path(tiles.ENTRIES, index, width)} is cut short")
            first = index * tiles.TILE_WIDTH
            found.extend(bundle[max(start - first, 0) : stop - first])
        return tuple(found)

    def tile(self, level: int | str, index: int, width: int) -> bytes:
        """A tile as it lies on disk, or a bundle of entries (tlog-tiles). Raises InputInvalid when there is
        none."""
        complete = self.size if level == tiles.ENTRIES else self.size // tiles.TILE_WIDTH ** int(level)
        if index * tiles.TILE_WIDTH + width > complete:
            raise InputInvalid("The log has no such tile.")
        data = tiles.read_tile(self._folder, level, index, width)  # a fuller one may have taken its place
        if level == tiles.ENTRIES:
            return tiles.pack_bundle(tiles.unpack_bundle(data)[:width])
        return data[: width * merkle.HASH_BYTES]

    def entries(self, start: int, stop: int) -> tuple[Entry, ...]:
        """The entries ``start`` to ``stop`` (exclusive). Raises InputInvalid, LogDamaged, EntryInvalid."""
        return tuple(Entry.from_bytes(raw) for raw in self.raw_entries(start, stop))

    def fsck(self) -> Report:
        """Rebuild the root from the raw entries and say exactly what is damaged; see :func:`fsck.examine`."""
        return examine(self._folder, self._verifier)

    # -- writing ------------------------------------------------------------------------------------------

    def append(self, entries: Sequence[Entry]) -> range:
        """Append all of ``entries`` or none; when this returns they survive a power cut. Returns their numbers.

        Raises LogReadOnly, EntryInvalid, GalleryBusy, DiskFull, LogDamaged; then nothing was appended.
        """
        self._must_sign()
        leaves = [entry.as_bytes() for entry in entries]
        with self._inside, durable.only_writer(self._folder / LOCK, self._timeout_seconds):
            head = self._settle()
            if not leaves:
                return range(head.size, head.size)
            before = self._edge_at(head)
            after, files = before.grow(leaves)
            durable.place_all(self._folder, files)
            self._commit(Checkpoint(self.origin, after.size, after.root()))
            self._edge = after
            for name in before.superseded(after):
                shutil.rmtree(self._folder / name, ignore_errors=True)
            return range(before.size, after.size)

    def accept_cosignatures(
        self, lines: Sequence[str], witnesses: Sequence[VerifierKey]
    ) -> tuple[Cosignature, ...]:
        """Add witnesses' signature lines to the current checkpoint; returns all that it bears then.

        Lines of witnesses that are not in ``witnesses`` are passed over. Raises CheckpointInvalid for a line
        that does not verify (perhaps because the log has grown meanwhile), and then nothing is changed.
        """
        with self._inside, durable.only_writer(self._folder / LOCK, self._timeout_seconds):
            note = SignedNote.from_text(self.checkpoint())
            offered = tuple(SignatureLine.from_text(line) for line in lines)
            known = tuple(line for line in offered if any(line.is_by(witness) for witness in witnesses))
            kept = tuple(
                line
                for line in note.signatures
                if not any((line.name, line.key_id) == (n.name, n.key_id) for n in known)
            )
            grown = SignedNote(note.text, kept + known)
            found = cosignatures(grown, witnesses)
            if known:
                durable.place(self._folder / CHECKPOINT, grown.as_text().encode())
        return found

    # -- inside -------------------------------------------------------------------------------------------

    def _must_sign(self) -> Ed25519PrivateKey:
        if self._signer is None:
            raise LogReadOnly("the log was opened without its signing key")
        return self._signer

    def _read(self) -> tuple[str, Checkpoint]:
        try:
            text = (self._folder / CHECKPOINT).read_bytes().decode()
        except FileNotFoundError as error:
            raise LogMissing("there is no log in that folder") from error
        except UnicodeDecodeError as error:
            raise CheckpointInvalid("the checkpoint is not text") from error
        return text, open_checkpoint(text, self._verifier)

    def _reader(self, size: int) -> merkle.Subtrees:
        now = self.head().size
        if not 0 <= size <= now:
            raise InputInvalid(f"the log has {now} entries, not {size}")
        return tiles.TileReader(self._folder, now)

    def _edge_at(self, head: Checkpoint) -> tiles.Edge:
        """The right edge for ``head``, from memory when no other process has written since."""
        if (self._edge.size, self._edge.root()) != (head.size, head.root):
            edge = tiles.Edge.read(self._folder, head.size)
            if edge.root() != head.root:
                raise LogDamaged("the tiles of the log do not add up to its checkpoint")
            self._edge = edge
        return self._edge

    def _commit(self, checkpoint: Checkpoint) -> None:
        """Make ``checkpoint`` the current one: first durable, then visible."""
        text = checkpoint.sign(self._must_sign()).as_text()
        durable.place(self._folder / NEXT, text.encode())
        (self._folder / NEXT).replace(self._folder / CHECKPOINT)
        durable.flush_folder(self._folder)

    def _settle(self) -> Checkpoint:
        """Finish a commit that a crash interrupted, and answer with the current checkpoint.

        ``checkpoint.next`` has its name only when it and all that it covers are on the disk, so it counts.
        """
        waiting = self._folder / NEXT
        if waiting.exists():
            coming = open_checkpoint(waiting.read_bytes().decode("utf-8", "replace"), self._verifier)
            tree = tiles.TileReader(self._folder, coming.size)
            now = (
                self.head()
                if (self._folder / CHECKPOINT).exists()
                else Checkpoint(self.origin, 0, merkle.EMPTY_ROOT)
            )
            if coming.size < now.size or [merkle.root(tree, c.size) for c in (now, coming)] != [
                now.root,
                coming.root,
            ]:
                raise LogDamaged("the log's next checkpoint does not continue its present one")
            waiting.replace(self._folder / CHECKPOINT)
            durable.flush_folder(self._folder)
        return self.head()

    def _sweep(self) -> None:
        """Remove what an interrupted append left: files without a name, and tiles beyond the checkpoint."""
        allowed = {tiles.tile_path(level, i): width for level, i, width in tiles.expected_paths(self.head().size)}
        for path in sorted((self._folder / "tile").rglob("*"), reverse=True):
            full, partial, width = path.relative_to(self._folder).as_posix().partition(".p/")
            if path.is_dir():
                if path.suffix == ".p" and not any(path.iterdir()):
                    path.rmdir()
                continue
            most = allowed.get(full, 0)
            if partial:
                stays = most < tiles.TILE_WIDTH and width.isdigit() and int(width) <= most
            else:
                stays = most == tiles.TILE_WIDTH
            if not stays:
                path.unlink()
        for name in (CHECKPOINT, NEXT):
            (self._folder / (name + durable.ASIDE)).unlink(missing_ok=True)
