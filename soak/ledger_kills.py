"""Kill a writing process again and again: `python -m soak.ledger_kills --kills 20`.

A child appends from several threads and says each record's id only once it was acknowledged. It is killed at
a random moment; everything it said must be there, and the ledger must verify. A kill leaves the operating
system's page cache whole, so this says nothing of power cuts. With `--sabotage` the child says ids before the
commit, and losses must be found.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from fieldmark.ledger import Ledger, Transaction, Verification
from fieldmark.ledger.evidence import VoteCast

FIELD = "kills"
THREADS = 8


@dataclass
class Result:
    """What became of the acknowledged records."""

    kills: int
    acknowledged: int
    lost: list[str]
    verified: Verification


def main() -> int:
    """0: nothing acknowledged was lost."""
    parser = argparse.ArgumentParser(prog="python -m soak.ledger_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--sabotage", action="store_true", help="acknowledge too early, to see losses found")
    parser.add_argument("--append-to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.append_to:
        append_for_ever(given.append_to, early=given.sabotage)
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder), given.kills, sabotage=given.sabotage)
    print(
        f"{result.kills} kills in {time.monotonic() - began:.0f} s: {result.acknowledged} acknowledged, "
        f"{len(result.lost)} lost; verified, head {result.verified.head}"
    )
    return 1 if result.lost else 0


def run(folder: Path, kills: int, *, sabotage: bool = False) -> Result:
    """Kill a writer of the ledger in `folder` so often, then look what is there."""
    database = folder / "ledger.db"
    acknowledged: list[str] = []
    for _ in range(kills):
        acknowledged += _killed(database, sabotage=sabotage)
    with Ledger.open(database, field=FIELD) as ledger:
        verified = ledger.verify()
        with ledger.read() as snapshot:
            present = {entry.record.id for entry in snapshot.entries()}
    return Result(kills, len(acknowledged), [each for each in acknowledged if each not in present], verified)


def _killed(database: Path, *, sabotage: bool) -> list[str]:
    """What one child said before it was killed."""
    command = [sys.executable, "-m", "soak.ledger_kills", "--append-to", str(database)]
    child = subprocess.Popen(command + ["--sabotage"] * sabotage, stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child, child.stdout as stream:
        first = stream.readline()  # it is up
        killer = threading.Timer(random.uniform(0.05, 0.4), child.kill)
        killer.start()
        said = first + stream.read()
        killer.join()
    if not said:
        raise RuntimeError("the child wrote nothing: its own output above says why")
    return [line.decode().strip() for line in said.splitlines(keepends=True) if line.endswith(b"\n")]


def append_for_ever(database: Path, *, early: bool) -> None:
    """Append from several threads, saying each id once it is acknowledged (`early`: before that)."""
    ledger = Ledger.open(database, field=FIELD, patience=30)

    def work(now: Transaction) -> str:
        body = VoteCast(
            choice="a", a="alpha", b="beta", mode="blind", propensity=0.5, decision_ms=9, counts=True
        )
        record_id = now.append(body, actor="p_x", texts={"comment": "x" * 200}).record.id
        if early:
            os.write(1, f"{record_id}\n".encode())
        return record_id

    def append() -> None:
        while True:
            record_id = ledger.write(work)
            if not early:
                os.write(1, f"{record_id}\n".encode())

    for _ in range(THREADS):
        threading.Thread(target=append).start()


if __name__ == "__main__":
    raise SystemExit(main())
