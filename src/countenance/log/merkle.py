"""The Merkle tree of RFC 9162 over SHA-256: roots, inclusion proofs, consistency proofs, and their checks.

Rules kept here:

* Pure arithmetic on hashes: no file, no key, no entry format.
* Proofs are made from :class:`Subtrees`, which knows only *complete* subtrees; whoever keeps them on disk
  (:mod:`countenance.log.tiles`) or in memory (:class:`LeafHashes`) is of no concern.
* A check answers with a truth value and never raises for a proof that is merely wrong: it is the normal case
  of a check to be given something false.

Source: RFC 9162 (Certificate Transparency 2.0), sections 2.1.1, 2.1.3 and 2.1.4; named at each step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""RFC 9162, 2.1.1: the hash of an empty list is the hash of an empty string."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf: SHA-256 of 0x00 and the entry (RFC 9162, 2.1.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256 of 0x01 and both children (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


class Subtrees(Protocol):
    """Whoever can say the hash of a complete subtree."""

    def complete(self, height: int, index: int) -> bytes:
        """Hash of the ``index``-th subtree of ``2**height`` leaves, counted from the left, all of them present."""
        ...


class LeafHashes:
    """The subtrees of a tree whose leaf hashes are all in memory."""

    def __init__(self, hashes: Iterable[bytes]) -> None:
        self._levels: list[list[bytes]] = [list(hashes)]
        while len(below := self._levels[-1]) > 1:
            self._levels.append([node_hash(a, b) for a, b in zip(below[::2], below[1::2], strict=False)])

    def __len__(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    def complete(self, height: int, index: int) -> bytes:
        """See :class:`Subtrees`."""
        return self._levels[height][index]


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (RFC 9162, 2.1.1: k)."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_hash(tree: Subtrees, start: int, stop: int) -> bytes:
    """MTH(D[start:stop]); ``start`` is a multiple of the smallest power of two that covers the range."""
    width = stop - start
    if width & (width - 1) == 0:
        height = width.bit_length() - 1
        return tree.complete(height, start >> height)
    middle = start + _split(width)
    return node_hash(_range_hash(tree, start, middle), _range_hash(tree, middle, stop))


def root(tree: Subtrees, size: int) -> bytes:
    """Root of the tree over the first ``size`` leaves."""
    if size < 0:
        raise ValueError("a tree cannot have fewer than 0 leaves")
    return EMPTY_ROOT if size == 0 else _range_hash(tree, 0, size)


def inclusion(tree: Subtrees, index: int, size: int) -> tuple[bytes, ...]:
    """The path that proves leaf ``index`` in the tree of ``size`` leaves, from the leaf's sibling up (2.1.3.1).

    Raises ValueError unless ``0 <= index < size``.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_range_hash(tree, middle, stop))
            stop = middle
        else:
            path.append(_range_hash(tree, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency(tree: Subtrees, old: int, new: int) -> tuple[bytes, ...]:
    """The proof that the tree of ``old`` leaves is the beginning of the tree of ``new`` leaves (2.1.4.1).

    Empty when ``old`` is 0 or equal to ``new``. Raises ValueError unless ``0 <= old <= new``.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves cannot be the beginning of one of {new}")
    if old in (0, new):
        return ()
    proof: list[bytes] = []
    start, stop, whole = 0, new, True
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            proof.append(_range_hash(tree, middle, stop))
            stop = middle
        else:
            proof.append(_range_hash(tree, start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(_range_hash(tree, start, stop))
    return tuple(reversed(proof))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether ``proof`` shows the leaf hash ``leaf`` at ``index`` under the root ``expected`` (2.1.3.2)."""
    if not 0 <= index < size or any(len(step) != HASH_BYTES for step in proof):
        return False
    position, last, reached = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            reached = node_hash(step, reached)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            reached = node_hash(reached, step)
        position >>= 1
        last >>= 1
    return last == 0 and reached == expected


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that the tree ``new_root`` begins with all of the tree ``old_root`` (2.1.4.2)."""
    if not 0 <= old <= new or any(len(step) != HASH_BYTES for step in proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    reached_old = reached_new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            reached_old = node_hash(step, reached_old)
            reached_new = node_hash(step, reached_new)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            reached_new = node_hash(reached_new, step)
        position >>= 1
        last >>= 1
    return last == 0 and reached_old == old_root and reached_new == new_root
