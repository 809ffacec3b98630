"""The Merkle tree against the RFC's own recursive definitions, and its published test vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.ledger import extends, includes, leaf
from fieldmark.ledger._tree import EMPTY, Frontier, Memory, node

# Inputs and roots of the test vectors that certificate-transparency's merkle_tree_test gives for RFC 6962 and 9162.
INPUTS = [bytes.fromhex(each) for each in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = [leaf(str(n).encode()) for n in range(700)]


def mth(leaves: Sequence[bytes]) -> bytes:
    """Section 2.1.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = _k(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = _k(len(leaves))
    return [*path(m, leaves[:k]), mth(leaves[k:])] if m < k else [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """Section 2.1.4.1."""
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = _k(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def _k(n: int) -> int:
    return max(1 << bit for bit in range(n.bit_length()) if 1 << bit < n)


def filled(size: int) -> Memory:
    memory = Memory()
    memory.take(LEAVES[:size], Frontier().extend(LEAVES[:size]))
    return memory


def test_roots_are_those_of_the_published_vectors() -> None:
    frontier = Frontier()
    assert frontier.root() == EMPTY
    for raw, root in zip(INPUTS, ROOTS, strict=True):
        frontier.append(leaf(raw))
        assert frontier.root().hex() == root


@given(st.lists(st.sampled_from([1, 2, 3, 100, 255, 256, 257]), max_size=6))
def test_appending_one_by_one_or_many_at_once_is_the_same(parts: list[int]) -> None:
    one, many, kept, at = Frontier(), Frontier(), [], 0
    for count in parts:
        part = (LEAVES * 4)[at : at + count]
        kept += [each for hashed in part for each in one.append(hashed)]
        at += count
    again = many.extend((LEAVES * 4)[:at])
    assert (one.size, one.peaks, kept) == (many.size, many.peaks, again)
    assert one.root() == mth((LEAVES * 4)[:at])
    assert Frontier.unpack(at, one.pack()).peaks == one.peaks
    assert [(height, position) for height, position, _ in kept] == [(8, n) for n in range(at >> 8)]


def test_a_frontier_that_does_not_fit_its_size_is_refused() -> None:
    for size, packed in ((1, b""), (3, bytes(32)), (1, bytes(31)), (0, bytes(32))):
        with pytest.raises(ValueError, match="peaks"):
            Frontier.unpack(size, packed)


@settings(deadline=None)
@given(st.data())
def test_inclusion_proofs_are_those_of_the_rfc_and_prove_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 700))
    index = data.draw(st.integers(0, size - 1))
    proof, root = filled(700).tree.inclusion(index, size), mth(LEAVES[:size])
    assert proof == path(index, LEAVES[:size])
    assert includes(LEAVES[index], index, size, proof, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index)) if size > 1 else size
    assert not includes(LEAVES[index], other, size, proof, root)
    assert not includes(LEAVES[-1 - index] if index != 699 - index else EMPTY, index, size, proof, root)
    assert not includes(LEAVES[index], index, size, [*proof, root], root)
    assert not includes(LEAVES[index], index, size, proof, LEAVES[0] if size > 1 else EMPTY)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not includes(LEAVES[index], index, size, proof[:at] + proof[at + 1 :], root)
        assert not includes(LEAVES[index], index, size, [*proof[:at], EMPTY, *proof[at + 1 :]], root)


@settings(deadline=None)
@given(st.data())
def test_consistency_proofs_are_those_of_the_rfc_and_prove_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 700))
    old = data.draw(st.integers(0, size))
    proof = filled(700).tree.consistency(old, size)
    before, after = mth(LEAVES[:old]), mth(LEAVES[:size])
    assert proof == ([] if old == 0 else subproof(old, LEAVES[:size], whole=True))
    assert extends(old, before, size, after, proof)
    assert not extends(old, node(before, before), size, after, proof)
    assert not extends(old, before, size, node(after, after), proof) or old == 0
    assert not extends(old, before, size, after, [*proof, after])
    assert not extends(size + 1, before, size, after, proof)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not extends(old, before, size, after, [*proof[:at], EMPTY, *proof[at + 1 :]])
        assert not extends(old, before, size, after, proof[:at] + proof[at + 1 :])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 700))
def test_any_size_has_its_frontier_and_root(size: int) -> None:
    tree = filled(700).tree
    assert tree.root(size) == mth(LEAVES[:size]) == tree.frontier(size).root()


def test_impossible_proofs_are_not_made() -> None:
    tree = filled(10).tree
    with pytest.raises(ValueError, match="leaf 5 is not among 5"):
        tree.inclusion(5, 5)
    with pytest.raises(ValueError, match="not a beginning"):
        tree.consistency(6, 5)
