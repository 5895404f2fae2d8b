"""The tree is RFC 9162's: known vectors, an independent implementation, and properties of every proof."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.log import merkle

# The vectors of Certificate Transparency's own test suites: eight leaves, and the root after each.
LEAVES = [bytes.fromhex(h) for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]  # fmt: skip  # noqa: E501
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 300)


def tree_of(size: int) -> merkle.LeafHashes:
    return merkle.LeafHashes(merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(size))


def plain_root(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word: slow, and obviously right."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return sha256(b"\x01" + plain_root(hashes[:k]) + plain_root(hashes[k:])).digest()


@pytest.mark.parametrize("size", range(9), ids=lambda n: f"{n}-leaves")
def test_roots_are_those_of_the_known_vectors(size: int) -> None:
    hashes = merkle.LeafHashes(merkle.leaf_hash(leaf) for leaf in LEAVES[:size])
    assert merkle.root(hashes, size).hex() == ROOTS[size]


def test_known_inclusion_path_is_produced() -> None:
    # Path for leaf 5 (0-based) of the eight-leaf tree, and for leaf 2 of the three-leaf tree.
    tree = merkle.LeafHashes(merkle.leaf_hash(leaf) for leaf in LEAVES)
    assert [step.hex() for step in merkle.inclusion(tree, 5, 8)] == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert [step.hex() for step in merkle.inclusion(tree, 2, 3)] == [ROOTS[2]]


def test_known_consistency_proofs_are_produced() -> None:
    tree = merkle.LeafHashes(merkle.leaf_hash(leaf) for leaf in LEAVES)
    assert [step.hex() for step in merkle.consistency(tree, 1, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [step.hex() for step in merkle.consistency(tree, 6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


@given(SIZES)
def test_root_is_the_plain_recursion_of_the_specification(size: int) -> None:
    hashes = [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(size)]
    assert merkle.root(merkle.LeafHashes(hashes), size) == plain_root(hashes)


@given(SIZES, st.data())
def test_every_inclusion_proof_verifies_and_none_with_a_flipped_byte(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree = tree_of(size)
    leaf, root = tree.complete(0, index), merkle.root(tree, size)
    proof = merkle.inclusion(tree, index, size)
    assert merkle.verify_inclusion(leaf, index, size, proof, root)
    for forged in flipped(proof, data):
        assert not merkle.verify_inclusion(leaf, index, size, forged, root)
    assert not merkle.verify_inclusion(flip(leaf, data), index, size, proof, root)
    assert not merkle.verify_inclusion(leaf, index, size, proof, flip(root, data))
    assert not merkle.verify_inclusion(leaf, index, size, (*proof, root), root)
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index)) if size > 1 else size
    assert not merkle.verify_inclusion(leaf, other, size, proof, root)


@given(st.integers(0, 300), SIZES, st.data())
def test_every_consistency_proof_verifies_and_none_with_a_flipped_byte(a: int, b: int, data: st.DataObject) -> None:
    old, new = min(a, b), max(a, b)
    tree = tree_of(new)
    old_root, new_root = merkle.root(tree, old), merkle.root(tree, new)
    proof = merkle.consistency(tree, old, new)
    assert merkle.verify_consistency(old, new, old_root, new_root, proof)
    for forged in flipped(proof, data):
        assert not merkle.verify_consistency(old, new, old_root, new_root, forged)
    assert not merkle.verify_consistency(old, new, flip(old_root, data), new_root, proof)
    if old:
        assert not merkle.verify_consistency(old, new, old_root, flip(new_root, data), proof)
    assert not merkle.verify_consistency(old, new, old_root, new_root, (*proof, new_root))


@given(st.integers(2, 300), st.data())
def test_a_rewritten_history_has_no_consistency_proof(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    honest = tree_of(new)
    hashes = [honest.complete(0, number) for number in range(new)]
    hashes[changed] = merkle.leaf_hash(b"rewritten")
    forged = merkle.LeafHashes(hashes)
    proof = merkle.consistency(forged, old, new)
    assert not merkle.verify_consistency(old, new, merkle.root(honest, old), merkle.root(forged, new), proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)], ids=["negative", "beyond", "empty tree"])
def test_no_path_is_made_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion(tree_of(3), index, size)


def test_an_independent_implementation_agrees() -> None:
    pymerkle = pytest.importorskip("pymerkle", reason="pymerkle, the oracle, is not installed")
    oracle = pymerkle.InmemoryTree(algorithm="sha256")
    # Release 7 needs Python 3.12 and has other names than release 5, which the lock gives to Python 3.11.
    append = getattr(oracle, "append_entry", None) or oracle.append
    root_of = getattr(oracle, "get_root", None) or oracle.get_state
    tree = tree_of(70)
    for size in range(1, 71):
        append((size - 1).to_bytes(4, "big"))
        assert bytes(root_of(size)) == merkle.root(tree, size)
    for old in range(1, 71):
        theirs = oracle.prove_consistency(old, 70)
        pymerkle.verify_consistency(merkle.root(tree, old), merkle.root(tree, 70), theirs)
        path = oracle.prove_inclusion(old, 70)
        pymerkle.verify_inclusion(tree.complete(0, old - 1), merkle.root(tree, 70), path)


def flip(value: bytes, data: st.DataObject) -> bytes:
    at = data.draw(st.integers(0, len(value) - 1))
    return value[:at] + bytes([value[at] ^ data.draw(st.integers(1, 255))]) + value[at + 1 :]


def flipped(proof: tuple[bytes, ...], data: st.DataObject) -> list[tuple[bytes, ...]]:
    """The proof with one byte changed in each of its hashes, one after the other, and with one hash dropped."""
    forged = [(*proof[:n], flip(proof[n], data), *proof[n + 1 :]) for n in range(len(proof))]
    return forged + [(*proof[:n], *proof[n + 1 :]) for n in range(len(proof))]
