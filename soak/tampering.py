"""Change an export at random, again and again: `python -m soak.tampering --tries 10000`.

Each try changes one byte, drops, doubles, swaps, moves or replaces a record, or cuts the end off and signs a head that
fits with the field's own key. Each must be found: the record named that is wrong first, or the header, or the tail; a
cut end by a head kept earlier. With `--sabotage` the verifier skips a check, and tries that are not found must be told.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from fieldmark.errors import BrokenLedger, FieldmarkError
from fieldmark.ledger import Head, Ledger, Signer, checkpoint, leaf, verify_export
from fieldmark.ledger._canonical import encode
from fieldmark.ledger._tree import Frontier
from fieldmark.ledger._walk import Walk
from fieldmark.ledger.evidence import Remark, VoteCast

FIELD = "tampering"
RECORDS = 120
TAIL = -1
"""In place of a record's index: the header or the tail must be named."""


@dataclass(frozen=True)
class Case:
    """A changed export, and what of it must be named."""

    lines: list[bytes]
    named: set[int]
    """Indices of records, any of which may be named; `TAIL` for the header or the tail."""


@dataclass
class Result:
    """What came of the tries."""

    tries: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    """Changes that were not found, or at the wrong place."""


class Export:
    """One sound export, with the key that signed it and the head to keep."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = Signer(folder / "head.key")
        with Ledger.open(folder / "ledger.db", field=FIELD, signer=self.signer) as ledger:
            for n in range(RECORDS // 4):
                _write(ledger, n)
                if n == RECORDS // 8:
                    ledger.rotate_key()
            with ledger.read() as snapshot:
                self.head = snapshot.head()
                self.key = str(snapshot.signed_head().key)
            ledger.export(folder / "export.jsonl")
        self.header, *self.records, self.tail = (
            (folder / "export.jsonl").read_bytes().splitlines(keepends=True)
        )

    def with_records(self, records: list[bytes], named: set[int]) -> Case:
        """The same header and tail around other records."""
        return Case([self.header, *records, self.tail], named)

    def signed_tail(self, records: list[bytes]) -> bytes:
        """A tail that fits these records, as only the holder of the key can make it."""
        frontier = Frontier()
        frontier.extend([bytes.fromhex(line[9:73].decode()) for line in records])
        head = Head(frontier.size, frontier.root().hex())
        signature = self.signer.sign(self.key, checkpoint(FIELD, head))
        tail = {"head": {"hash": head.hash, "size": head.size}, "key": self.key, "signature": signature}
        return encode(tail) + b"\n"


def _write(ledger: Ledger, n: int) -> None:
    vote = VoteCast(
        choice=("a", "b", "tie", "both_bad")[n % 4], a="a" * 64, b="b" * 64, mode="blind", propensity=1 / (n + 2),
        decision_ms=n, counts=True,
    )  # fmt: skip
    for _ in range(2):
        ledger.write(lambda now: now.append(vote, actor="p_x", texts={"comment": f"Größe {n} 🎈"}))
    for _ in range(2):
        ledger.write(lambda now: now.append(Remark(tags={"a": ("klar", "gut")}), actor="p_x"))


def _byte(export: Export, chance: random.Random) -> Case:
    content = bytearray(b"".join([export.header, *export.records, export.tail]))
    at = chance.randrange(len(content))
    line = content[:at].count(b"\n")
    content[at] ^= chance.randrange(1, 256)
    named = TAIL if line in (0, len(export.records) + 1) else line - 1
    # An end of line that is gone joins two lines: what stands on either side of it may be named.
    ends = {TAIL, 0} if line == 0 else {named, len(export.records)} if named == TAIL else {named}
    return Case([bytes(content)], ends)


def _drop(export: Export, chance: random.Random) -> Case:
    at = chance.randrange(len(export.records))
    rest = export.records[:at] + export.records[at + 1 :]
    return export.with_records(rest, {at if at < len(rest) else TAIL})


def _double(export: Export, chance: random.Random) -> Case:
    at = chance.randrange(len(export.records))
    return export.with_records([*export.records[: at + 1], *export.records[at:]], {at + 1})


def _swap(export: Export, chance: random.Random) -> Case:
    one, other = sorted(chance.sample(range(len(export.records)), 2))
    records = export.records.copy()
    records[one], records[other] = records[other], records[one]
    return export.with_records(records, {one})


def _move(export: Export, chance: random.Random) -> Case:
    one, other = chance.sample(range(len(export.records)), 2)
    records = export.records.copy()
    records.insert(other, records.pop(one))
    return export.with_records(records, {min(one, other)})


def _renumbered(line: bytes, index: int) -> bytes:
    before, raw = line.split(b',"record":', 1)
    return before[: before.index(b'"index":')] + b'"index":%d,"record":' % index + raw


def _replace(export: Export, chance: random.Random) -> Case:
    """By another of the same log, number and hash made to fit: the id stands there twice, or the root is another.

    Without a key's record the next key is the first that nothing vouches for.
    """
    at, other = chance.sample(range(len(export.records)), 2)
    records = export.records.copy()
    keys = [n for n, line in enumerate(records) if b'"type":"key"' in line]
    orphan = set(keys[keys.index(at) + 1 :][:1]) if at in keys else set()
    records[at] = _renumbered(records[other], at)
    return export.with_records(records, {at, max(at, other), TAIL} | orphan)


def _forge(export: Export, chance: random.Random) -> Case:
    """Another record, its hash made to fit: the tail's root and signature are of the one before."""
    at = chance.randrange(len(export.records))
    records = export.records.copy()
    record = json.loads(records[at])["record"]
    record["actor"] = f"p_{chance.randrange(10**9)}"
    raw = encode(record)
    records[at] = b'{"hash":"%s","index":%d,"record":%s}\n' % (leaf(raw).hex().encode(), at, raw)
    return export.with_records(records, {at, TAIL})


def _cut(export: Export, chance: random.Random) -> Case:
    last_key = max(n for n, line in enumerate(export.records) if b'"type":"key"' in line)
    size = chance.randrange(last_key + 1, len(export.records))
    records = export.records[:size]
    return Case([export.header, *records, export.signed_tail(records)], {TAIL})


CHANGES: dict[str, Callable[[Export, random.Random], Case]] = {
    "byte": _byte, "drop": _drop, "double": _double, "swap": _swap, "move": _move, "replace": _replace,
    "forge": _forge, "cut": _cut,
}  # fmt: skip


def run(folder: Path, tries: int, seed: int = 1) -> Result:
    """So many random changes of one export."""
    export, chance, result = Export(folder), random.Random(seed), Result()
    changed = folder / "changed.jsonl"
    for number in range(tries):
        name = chance.choice(sorted(CHANGES))
        case = CHANGES[name](export, chance)
        changed.write_bytes(b"".join(case.lines))
        found = _named(changed, export.head if name == "cut" else None)
        result.tries[name] += 1
        if found not in case.named:
            result.missed.append(f"try {number} ({name}): named {found}, not {sorted(case.named)}")
    return result


def _named(path: Path, kept: Head | None) -> int | None:
    """Index of the record that verification names, `TAIL` for header or tail, None when it finds nothing."""
    try:
        verify_export(path, kept=kept)
    except BrokenLedger as error:
        return TAIL if error.index is None else error.index
    except FieldmarkError as error:  # a header that states another format
        return TAIL if error.message.startswith("line 1") else None
    return None


@contextmanager
def sabotaged() -> Iterator[None]:
    """A verifier that does not look at the head."""
    with patch.object(Walk, "finish", lambda *_: None):
        yield


def main() -> int:
    """0: everything was found and named."""
    parser = argparse.ArgumentParser(prog="python -m soak.tampering", description=__doc__)
    parser.add_argument("--tries", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sabotage", action="store_true", help="skip a check, to see that it is noticed")
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if given.sabotage:
            with sabotaged():
                result = run(Path(folder), given.tries, given.seed)
        else:
            result = run(Path(folder), given.tries, given.seed)
    said = ", ".join(f"{name} {count}" for name, count in sorted(result.tries.items()))
    print(
        f"{given.tries} tries in {time.monotonic() - began:.0f} s ({said}): {len(result.missed)} not found or misnamed"
    )
    print(*result.missed[:10], sep="\n")
    return 1 if result.missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
