"""The Merkle tree of RFC 9162, section 2.1: compact ranges, roots, proofs and their verification. No I/O.

Heights count from the leaves; the node at `(height, position)` covers the leaves `[position << height, ...)`. Every
eighth height is kept, so that any node can be had by reading at most 128 hashes of one kept height.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

EMPTY = hashlib.sha256(b"").digest()
"""Root of the tree without leaves."""
STRIDE = 8
"""Heights between two that are kept."""

Kept = tuple[int, int, bytes]
"""Height, position and hash of a node that is kept."""
Fetch = Callable[[int, int, int], Sequence[bytes]]
"""`(height, start, stop)` to the hashes at the positions from `start` to before `stop` of a kept height."""


def leaf(raw: bytes) -> bytes:
    """SHA-256(0x00 || raw): the leaf hash."""
    return hashlib.sha256(b"\x00" + raw).digest()


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right): an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The peaks of the first `size` leaves, largest first: all that appending and the root need."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count():
            raise ValueError(f"{size} leaves have {size.bit_count()} peaks, not {len(peaks)}")
        self.size, self.peaks = size, list(peaks)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """From `pack`.

        Raises:
            ValueError: it does not fit the size.
        """
        if len(packed) % 32:
            raise ValueError("peaks have 32 bytes each")
        return cls(size, [packed[at : at + 32] for at in range(0, len(packed), 32)])

    def pack(self) -> bytes:
        """The peaks, 32 bytes each."""
        return b"".join(self.peaks)

    def append(self, hashed: bytes) -> list[Kept]:
        """Add a leaf; the nodes of kept heights (without height 0) that it completes."""
        kept = []
        height, position, digest = 0, self.size, hashed
        while position & 1:
            digest = node(self.peaks.pop(), digest)
            height, position = height + 1, position >> 1
            if height % STRIDE == 0:
                kept.append((height, position, digest))
        self.peaks.append(digest)
        self.size += 1
        return kept

    def extend(self, leaves: Sequence[bytes]) -> list[Kept]:
        """Add many leaves; the same, many times faster for a whole aligned block of 256."""
        kept, at = [], 0
        block = 1 << STRIDE
        while at < len(leaves):
            if self.size % block == 0 and len(leaves) - at >= block:
                kept += self._append_block(perfect(leaves[at : at + block]))
                at += block
            else:
                kept += self.append(leaves[at])
                at += 1
        return kept

    def _append_block(self, digest: bytes) -> list[Kept]:
        height, position = STRIDE, self.size >> STRIDE
        kept = [(height, position, digest)]
        while position & 1:
            digest = node(self.peaks.pop(), digest)
            height, position = height + 1, position >> 1
            if height % STRIDE == 0:
                kept.append((height, position, digest))
        self.peaks.append(digest)
        self.size += 1 << STRIDE
        return kept

    def root(self) -> bytes:
        """The root over all leaves."""
        if not self.peaks:
            return EMPTY
        *larger, digest = self.peaks
        for peak in reversed(larger):
            digest = node(peak, digest)
        return digest


def perfect(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of nodes of one height."""
    sha256 = hashlib.sha256
    row = list(hashes)
    while len(row) > 1:
        row = [sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, len(row), 2)]
    return row[0]


class Tree:
    """Roots and proofs of a log whose kept nodes can be fetched."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def frontier(self, size: int) -> Frontier:
        """The peaks at that size."""
        peaks, start = [], 0
        for height in reversed(range(size.bit_length())):
            if size >> height & 1:
                peaks.append(self._full(height, start >> height))
                start += 1 << height
        return Frontier(size, peaks)

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves."""
        return self._range(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[size]) of section 2.1.3.1: proof that leaf `index` is in the tree of that size."""
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is not among {size}")
        start, stop, path = 0, size, []
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._range(middle, stop))
                stop = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, size: int) -> list[bytes]:
        """PROOF(old, D[size]) of section 2.1.4.1: proof that the tree of size `old` is the beginning of this one."""
        if not 0 <= old <= size:
            raise ValueError(f"{old} leaves are not a beginning of {size}")
        if old in (0, size):
            return []
        start, stop, whole, path = 0, size, True, []
        while stop != old:
            middle = start + _split(stop - start)
            if old <= middle:
                path.append(self._range(middle, stop))
                stop = middle
            else:
                path.append(self._range(start, middle))
                start, whole = middle, False
        return ([] if whole else [self._range(start, stop)]) + path[::-1]

    def _range(self, start: int, stop: int) -> bytes:
        """Root over the leaves from `start`, a multiple of the largest power of two that fits."""
        peaks = []
        while start < stop:
            height = (stop - start).bit_length() - 1
            peaks.append(self._full(height, start >> height))
            start += 1 << height
        return Frontier((1 << len(peaks)) - 1, peaks).root()

    def _full(self, height: int, position: int) -> bytes:
        above = height % STRIDE
        return perfect(self._fetch(height - above, position << above, (position + 1) << above))


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


class Memory:
    """Kept nodes in memory, 32 bytes each."""

    def __init__(self) -> None:
        self.heights: dict[int, bytearray] = {0: bytearray()}
        self.tree = Tree(self._fetch)

    def take(self, leaves: Sequence[bytes], kept: Sequence[Kept]) -> None:
        """What `Frontier.extend` was given and gave."""
        self.heights[0] += b"".join(leaves)
        for height, _, digest in kept:
            self.heights.setdefault(height, bytearray()).extend(digest)

    def _fetch(self, height: int, start: int, stop: int) -> list[bytes]:
        packed = bytes(self.heights[height][32 * start : 32 * stop])
        return [packed[at : at + 32] for at in range(0, len(packed), 32)]


def includes(hashed: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Verify an inclusion proof (section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, digest = index, size - 1, hashed
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            digest = node(sibling, digest)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            digest = node(digest, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and digest == root


def extends(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Verify a consistency proof (section 2.1.4.2)."""
    if not 0 <= old <= size:
        return False
    if old == size:
        return not path and old_root == root
    if old == 0:
        return not path and old_root == EMPTY
    given = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not given:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = given[0]
    for sibling in given[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node(sibling, before), node(sibling, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == root


__all__ = [
    "EMPTY", "STRIDE", "Frontier", "Memory", "Tree", "extends", "includes", "leaf", "node", "perfect",
]  # fmt: skip
