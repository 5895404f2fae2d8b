"""Rebuild the whole log from its raw entries, and say exactly what does not fit.

Rules kept here:

* Nothing is trusted but the public key: every hash is computed again, from the entries up to the signed root.
* Nothing is changed and nothing stops the examination; every fault is found in one run.
* Where entries and tiles disagree, the signed root is the judge of which of them was altered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from countenance.errors import CheckpointInvalid, EntryInvalid, LogDamaged
from countenance.log import tiles
from countenance.log.entry import Entry
from countenance.log.merkle import LeafHashes, leaf_hash, root
from countenance.log.note import Checkpoint, SignedNote, VerifierKey, cosignatures, open_checkpoint


class Fault(StrEnum):
    """What can be wrong with a log."""

    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_MALFORMED = "checkpoint_malformed"
    CHECKPOINT_SIGNATURE = "checkpoint_signature"
    COSIGNATURE = "cosignature"
    MISSING = "missing"
    TRUNCATED = "truncated"
    TOO_LONG = "too_long"
    ENTRY_ALTERED = "entry_altered"
    ENTRY_MALFORMED = "entry_malformed"
    TILE_ALTERED = "tile_altered"
    STALE_COPY = "stale_copy_altered"
    UNDECIDED = "entry_or_tile_altered"
    SIZE = "size_larger_than_data"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: what kind, in which file, which entry if it can be told, and a sentence."""

    fault: Fault
    path: str
    detail: str
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The result of an examination."""

    size: int | None
    """Entries that the checkpoint speaks of; None when it cannot be read."""
    entries: int
    """Entries that were found and hashed, counted up to the first that is missing."""
    root_signed: bytes | None
    root_rebuilt: bytes | None
    """Root over the raw entries; None when some are missing."""
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """True when nothing is wrong."""
        return not self.findings


def _stale_copies(folder: Path) -> list[Finding]:
    """Partial tiles that are kept for older checkpoints must be the beginning of the wider ones beside them."""
    findings: list[Finding] = []
    for place in sorted((folder / "tile").rglob("*.p")):
        copies = sorted(((p.stat().st_size, p) for p in place.iterdir() if p.name.isdigit()), reverse=True)
        widest = copies[0][1].read_bytes() if copies else b""
        for _, path in copies[1:]:
            if not widest.startswith(path.read_bytes()):
                name = path.relative_to(folder).as_posix()
                detail = "this copy for an older checkpoint differs from the present one"
                findings.append(Finding(Fault.STALE_COPY, name, detail))
    return findings


@dataclass(frozen=True, slots=True)
class _Disagreement:
    path: str
    bundle: str
    entries: tuple[int, ...]


def examine(folder: Path, verifier: VerifierKey, *, witnesses: Sequence[VerifierKey] = ()) -> Report:
    """Examine the log in ``folder``: its checkpoint, every entry, every tile. Changes nothing, raises nothing."""
    findings: list[Finding] = []
    checkpoint = _read_checkpoint(folder, verifier, witnesses, findings)
    findings.extend(_stale_copies(folder))
    if checkpoint is None:
        return Report(None, 0, None, None, tuple(findings))
    size = checkpoint.size
    from_entries, found = _leaf_hashes(folder, size, findings)
    from_tiles, disagreements = _tile_hashes(folder, size, from_entries, findings)
    complete = [leaf for leaf in from_entries if leaf is not None]
    rebuilt = root(LeafHashes(complete), size) if len(complete) == size else None
    tile_leaves = [leaf for leaf in from_tiles if leaf is not None]
    tile_root = root(LeafHashes(tile_leaves), size) if len(tile_leaves) == size else None
    for clash in disagreements:
        findings.extend(_judge(clash, rebuilt == checkpoint.root, tile_root == checkpoint.root))
    if found < size:
        detail = f"the checkpoint speaks of {size} entries; without a gap there are {found}"
        findings.append(Finding(Fault.SIZE, "checkpoint", detail))
    if rebuilt is not None and rebuilt != checkpoint.root and tile_root != checkpoint.root:
        detail = "the root rebuilt from the entries is not the one that the checkpoint commits to"
        findings.append(Finding(Fault.ROOT, "checkpoint", detail))
    return Report(size, found, checkpoint.root, rebuilt, tuple(findings))


def _read_checkpoint(
    folder: Path, verifier: VerifierKey, witnesses: Sequence[VerifierKey], findings: list[Finding]
) -> Checkpoint | None:
    """The checkpoint, even when its signature is wrong, so that the rest can still be examined."""
    path = "checkpoint"
    try:
        text = (folder / path).read_bytes().decode()
        note = SignedNote.from_text(text)
        checkpoint = Checkpoint.from_text(note.text)
    except FileNotFoundError:
        findings.append(Finding(Fault.CHECKPOINT_MISSING, path, "there is no checkpoint"))
        return None
    except (CheckpointInvalid, UnicodeDecodeError) as error:
        findings.append(Finding(Fault.CHECKPOINT_MALFORMED, path, f"the checkpoint cannot be read: {error}"))
        return None
    try:
        open_checkpoint(text, verifier)
    except CheckpointInvalid as error:
        findings.append(Finding(Fault.CHECKPOINT_SIGNATURE, path, str(error)))
    try:
        cosignatures(note, witnesses)
    except CheckpointInvalid as error:
        findings.append(Finding(Fault.COSIGNATURE, path, str(error)))
    return checkpoint


def _leaf_hashes(folder: Path, size: int, findings: list[Finding]) -> tuple[list[bytes | None], int]:
    """Leaf hashes of the raw entries, None where one is missing, and how many there are before the first gap."""
    hashes: list[bytes | None] = []
    # A forged size must exhaust neither memory nor patience: what lies beyond the last file is missing as a whole.
    reach = min(size, (_last_bundle(folder) + 1) * tiles.TILE_WIDTH)
    if reach < size:
        path = tiles.tile_path(tiles.ENTRIES, reach // tiles.TILE_WIDTH, min(tiles.TILE_WIDTH, size - reach))
        findings.append(Finding(Fault.MISSING, path, f"the {size - reach} entries from {reach} are missing", reach))
    for index in range(-(-reach // tiles.TILE_WIDTH)):
        first = index * tiles.TILE_WIDTH
        width = min(tiles.TILE_WIDTH, size - first)
        path = tiles.tile_path(tiles.ENTRIES, index, width)
        bundle = _bundle(folder, index, width, path, findings)
        for offset, leaf in enumerate(bundle):
            try:
                Entry.from_bytes(leaf)
            except EntryInvalid as error:
                findings.append(Finding(Fault.ENTRY_MALFORMED, path, str(error), first + offset))
        hashes.extend(leaf_hash(leaf) for leaf in bundle)
        hashes.extend([None] * (width - len(bundle)))
    found = next((at for at, leaf in enumerate(hashes) if leaf is None), len(hashes))
    return hashes, found


def _last_bundle(folder: Path) -> int:
    """Index of the last bundle of entries that is on the disk in any width; -1 without one."""
    entries = folder / "tile" / tiles.ENTRIES
    last = -1
    for path in entries.rglob("*"):
        digits = path.relative_to(entries).as_posix().partition(".")[0].replace("x", "").replace("/", "")
        if path.is_file() and digits.isdigit():
            last = max(last, int(digits))
    return last


def _bundle(folder: Path, index: int, width: int, path: str, findings: list[Finding]) -> tuple[bytes, ...]:
    """As many entries of a bundle as can be read."""
    try:
        data = tiles.read_tile(folder, tiles.ENTRIES, index, width)
    except LogDamaged:
        findings.append(
            Finding(Fault.MISSING, path, f"{width} entries from {index * tiles.TILE_WIDTH} are missing")
        )
        return ()
    entries: list[bytes] = []
    at = 0
    while at + 2 <= len(data) and len(entries) < width:
        length = int.from_bytes(data[at : at + 2], "big")
        if at + 2 + length > len(data):
            break
        entries.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    if len(entries) < width:
        detail = f"the bundle ends after {len(entries)} of {width} entries"
        findings.append(Finding(Fault.TRUNCATED, path, detail, index * tiles.TILE_WIDTH + len(entries)))
    elif at < len(data) and not (folder / tiles.tile_path(tiles.ENTRIES, index)).exists():
        findings.append(Finding(Fault.TOO_LONG, path, f"{len(data) - at} bytes follow the last entry"))
    return tuple(entries)


def _tile_hashes(
    folder: Path, size: int, leaves: Sequence[bytes | None], findings: list[Finding]
) -> tuple[list[bytes | None], list[_Disagreement]]:
    """Leaf hashes as the tiles have them, and where the entries differ; upper tiles are checked at once."""
    below: list[bytes | None] = list(leaves)
    bottom: list[bytes | None] = []
    clashes: list[_Disagreement] = []
    level, count = 0, min(size, len(leaves))
    while count:
        row: list[bytes | None] = []
        for index in range(-(-count // tiles.TILE_WIDTH)):
            first = index * tiles.TILE_WIDTH
            width = min(tiles.TILE_WIDTH, count - first)
            path = tiles.tile_path(level, index, width)
            hashes = _tile(folder, level, index, width, path, findings)
            wrong = tuple(
                first + at
                for at, (own, other) in enumerate(zip(hashes, below[first : first + width], strict=False))
                if own is not None and other is not None and own != other
            )
            if wrong and level == 0:
                bundle = tiles.tile_path(tiles.ENTRIES, index, width)
                clashes.append(_Disagreement(path, bundle, wrong))
            elif wrong:
                detail = f"{len(wrong)} hashes are not those of the tiles below, the first at {wrong[0] - first}"
                findings.append(Finding(Fault.TILE_ALTERED, path, detail))
            row.extend(hashes)
        if level == 0:
            bottom = row
        below = [_full_root(row[at : at + tiles.TILE_WIDTH]) for at in range(0, len(row), tiles.TILE_WIDTH)]
        count //= tiles.TILE_WIDTH
        below, level = below[:count], level + 1
    return bottom, clashes


def _full_root(hashes: Sequence[bytes | None]) -> bytes | None:
    present = [one for one in hashes if one is not None]
    return tiles.tile_root(present) if len(present) == tiles.TILE_WIDTH else None


def _tile(
    folder: Path, level: int, index: int, width: int, path: str, findings: list[Finding]
) -> list[bytes | None]:
    """The hashes of a tile, None where the file does not reach."""
    try:
        data = tiles.read_tile(folder, level, index, width)
    except LogDamaged:
        findings.append(Finding(Fault.MISSING, path, f"a tile of {width} hashes is missing"))
        return [None] * width
    whole = len(data) // 32
    hashes: list[bytes | None] = [data[at * 32 : at * 32 + 32] for at in range(min(whole, width))]
    if len(hashes) < width:
        findings.append(Finding(Fault.TRUNCATED, path, f"the tile ends after {len(hashes)} of {width} hashes"))
    return hashes + [None] * (width - len(hashes))


def _judge(clash: _Disagreement, entries_right: bool, tiles_right: bool) -> list[Finding]:
    """Who of the two was altered, by the signed root."""
    if entries_right:
        detail = f"{len(clash.entries)} leaf hashes differ from the entries, which fit the signed root"
        return [Finding(Fault.TILE_ALTERED, clash.path, detail, clash.entries[0])]
    fault = Fault.ENTRY_ALTERED if tiles_right else Fault.UNDECIDED
    detail = (
        "differs from its leaf hash, which fits the signed root" if tiles_right else "differs from its leaf hash"
    )
    return [Finding(fault, clash.bundle, f"entry {number} {detail}", number) for number in clash.entries]
