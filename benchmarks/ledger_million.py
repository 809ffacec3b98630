"""A million votes: import of their export, and verification of the ledger with signatures and counts recomputed."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from benchmarks._row import Row, at_most, benchmark, unbounded

MILLION = 1_000_000
FIELD = "benchmark"
CONTENDERS, VOTERS, CATEGORIES = 20, 20_000, 3


@benchmark(
    "a million votes: import of their export, ledger verify with signatures and counts; raw hashing beside it"
)
def run(fault: bool) -> Iterator[Row]:
    """With `fault`, no record is taken for canonical at a glance, so that the slow encoder decides on each."""
    votes = MILLION // 50 if fault else MILLION
    with tempfile.TemporaryDirectory() as folder, patch_if(fault):
        yield from _figures(Path(folder), votes, workers=1 if fault else None)


def patch_if(fault: bool) -> Any:
    """The slow way for every record."""
    from contextlib import nullcontext

    name = "fieldmark.ledger._canonical._is_exactly"
    return patch(name, lambda *_: False) if fault else nullcontext()


def _figures(folder: Path, votes: int, workers: int | None) -> Iterator[Row]:
    from fieldmark.ledger import Ledger, Signer, every_projection, verify_export

    scale = MILLION / votes
    export = folder / "export.jsonl"
    write_export(export, folder / "head.key", votes)
    with Ledger.open(folder / "ledger.db", field=FIELD, projections=every_projection()) as ledger:
        seconds, head = _timed(lambda: ledger.import_(export, workers=workers))
        yield at_most("import of a million votes", seconds * scale, "s", 30, f"{head.size} records measured")
    signer = Signer(folder / "head.key")
    with Ledger.open(
        folder / "ledger.db", field=FIELD, projections=every_projection(), signer=signer
    ) as ledger:
        seconds, found = _timed(lambda: ledger.verify(workers=workers))
        said = f"{len(found.projections)} projections recomputed, signed by {str(found.key)[:8]}"
        yield at_most("ledger verify of a million votes", seconds * scale, "s", 10, said)
        seconds, _ = _timed(lambda: ledger.verify(workers=1))
        yield unbounded("the same in one process", seconds * scale, "s")
    seconds, _ = _timed(lambda: verify_export(export, workers=workers))
    yield unbounded(
        "verify of the export file", seconds * scale, "s", f"{export.stat().st_size / 1e6:.0f} MB"
    )
    seconds, _ = _timed(lambda: _hash(export))
    yield unbounded("peer: reading the file and hashing its leaves", seconds * scale, "s", "no checks")


def _timed(work: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    return_value = work()
    return time.perf_counter() - began, return_value


def _hash(export: Path) -> None:
    with export.open("rb") as file:
        for line in file:
            hashlib.sha256(b"\x00" + line[84:-2]).digest()


def write_export(path: Path, key: Path, votes: int) -> None:
    """An export of the first key and so many imported votes, signed."""
    from fieldmark.ledger import Head, Signer, checkpoint, leaf
    from fieldmark.ledger._canonical import encode
    from fieldmark.ledger._tree import Frontier

    signer, frontier, leaves = Signer(key), Frontier(), []
    public = signer.make()
    with path.open("wb") as file:
        file.write(b'{"field":"%s","format":"fieldmark-ledger/2"}\n' % FIELD.encode())
        for index, raw in enumerate(_raws(public, votes)):
            leaves.append(leaf(raw))
            file.write(b'{"hash":"%s","index":%d,"record":%s}\n' % (leaves[-1].hex().encode(), index, raw))
        frontier.extend(leaves)
        head = Head(frontier.size, frontier.root().hex())
        signature = signer.sign(public, checkpoint(FIELD, head))
        tail = {"head": {"hash": head.hash, "size": head.size}, "key": public, "signature": signature}
        file.write(encode(tail) + b"\n")


def _raws(public: str, votes: int) -> Iterator[bytes]:
    from fieldmark.ledger import Record
    from fieldmark.ledger._ids import record_id
    from fieldmark.ledger.evidence import KeyInForce, VoteCast

    def record(body: Any, actor: str) -> bytes:
        at = "2026-01-31T09:30:00.000000Z"
        return Record(
            v=1, type=body.type, id=record_id(), field=FIELD, at=at, actor=actor, refs={}, commitments={}, body=body
        ).encode()  # fmt: skip

    yield record(KeyInForce(public=public, reason="first"), "system")
    chance = Random(7)
    digests = [hashlib.sha256(bytes([n])).hexdigest() for n in range(CONTENDERS)]
    voters = [f"p_{hashlib.sha256(b'%d' % n).hexdigest()[:26]}" for n in range(VOTERS)]
    template = _template(record, VoteCast, digests)
    for _ in range(votes):
        a, b = chance.sample(digests, 2)
        choice = chance.choices(("a", "b", "tie", "both_bad"), (4, 4, 1, 1))[0]
        category = f"sort-{chance.randrange(CATEGORIES)}"
        given = (chance.choice(voters), a, b, category, choice, record_id())
        yield template % tuple(each.encode() for each in given)


def _template(record: Any, cast: Any, digests: list[str]) -> bytes:
    """The bytes of a vote with holes: voter, a, b, category, choice, id; making a model for each would take longest."""
    body = cast(
        choice="a", a=digests[0], b=digests[1], mode="blind", source="imported", propensity=0.125,
        category="sort-0", language="en", decision_ms=9000, counts=True,
    )  # fmt: skip
    raw: bytes = record(body, "p_someone")
    identity = raw.split(b'"id":"', 1)[1][:36]
    for hole in (
        b"p_someone",
        digests[0].encode(),
        digests[1].encode(),
        b"sort-0",
        b'"choice":"a"',
        identity,
    ):
        new = b'"choice":"%s"' if hole == b'"choice":"a"' else b"%s"
        assert raw.count(hole) == 1
        raw = raw.replace(hole, new)
    return raw
