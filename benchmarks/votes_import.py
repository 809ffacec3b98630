"""A file of a million votes: from CSV into a fresh ledger with its leaderboard's counts, and out again."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from unittest.mock import patch

from benchmarks._row import Row, at_most, benchmark, unbounded

MILLION = 1_000_000
CONTENDERS, VOTERS, CATEGORIES = 100, 20_000, 3
T = TypeVar("T")


@benchmark("a million votes from a CSV file into a fresh ledger; counts checked; export of them beside it")
def run(fault: bool) -> Iterator[Row]:
    """With `fault`, each vote is appended on its own."""
    votes = MILLION // 50 if fault else MILLION
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_votes(folder / "votes.csv", votes)
        if fault:
            with patch("fieldmark.ledger._transaction.append_many", _one_by_one):
                yield from _figures(folder, votes)
        else:
            yield from _figures(folder, votes)


def _figures(folder: Path, votes: int) -> Iterator[Row]:
    from fieldmark.arena import Wanted, export_votes, import_votes, read_votes
    from fieldmark.ledger import Ledger, Signer, every_projection

    scale = MILLION / votes
    signer = Signer(folder / "head.key")
    with Ledger.open(
        folder / "ledger.db", field="benchmark", projections=every_projection(), signer=signer
    ) as ledger:
        seconds, done = _timed(lambda: import_votes(ledger, folder / "votes.csv"))
        assert done.votes == votes
        yield at_most("import of a million votes from CSV", seconds * scale, "s", 30, f"{done.voters} voters")
        with ledger.read() as snapshot:
            target = folder / "out.csv"
            seconds, out = _timed(lambda: export_votes(snapshot, target, "csv", Wanted(("imported",))))
        assert out.votes == votes
        yield unbounded(
            "export of them as CSV", seconds * scale, "s", f"{target.stat().st_size / 1e6:.0f} MB"
        )
    seconds, again = _timed(lambda: read_votes(folder / "out.csv"))
    assert again.counts().votes == votes
    yield unbounded("reading that file for `fieldmark rank`", seconds * scale, "s", "no ledger")


def _one_by_one(log: Any, pieces: Iterable[Any], now: Any, refs: Mapping[str, str]) -> int:
    from fieldmark.ledger import Transaction

    transaction, first = Transaction(log, now), log.size
    for piece in pieces:
        transaction.append(piece.evidence, actor=piece.actor, refs=refs, texts=piece.texts)
    return int(log.size - first)


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def write_votes(path: Path, votes: int) -> None:
    """Votes of random people on random pairs."""
    chance = Random(7)
    names = [f"contender {n}" for n in range(CONTENDERS)]
    with path.open("w", encoding="utf-8") as file:
        file.write("model_a,model_b,winner,voter_id,category,at\n")
        for _ in range(votes):
            a, b = chance.sample(names, 2)
            winner = chance.choices(("model_a", "model_b", "tie", "tie (bothbad)"), (4, 4, 1, 1))[0]
            voter, category = chance.randrange(VOTERS), chance.randrange(CATEGORIES)
            file.write(f"{a},{b},{winner},v{voter},sort-{category},2026-01-31T09:30:00Z\n")
