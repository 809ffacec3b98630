"""What the ledger's tests share: a vote, a projection that counts votes, and direct access to a database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select, update

from fieldmark.ledger import Entry, Head, Ledger, Projection, Signer, Snapshot, Transaction, checkpoint
from fieldmark.ledger._tree import Frontier
from fieldmark.ledger.evidence import Choice, VoteCast

FIELD = "letters"

metadata = MetaData()
wins = Table(
    "test_wins",
    metadata,
    Column("digest", String, primary_key=True),
    Column("wins", Integer, nullable=False),
)
seen = Table("test_seen", metadata, Column("type", String), Column("at", Integer, primary_key=True))


class Wins(Projection):
    """How often each contender won, and which records were seen."""

    name = "wins"
    version = 1
    tables = (wins, seen)

    def apply(self, connection: Connection, entry: Entry) -> None:
        connection.execute(insert(seen), {"type": entry.record.type, "at": entry.index})
        body = entry.record.body
        if not isinstance(body, VoteCast) or body.choice not in ("a", "b"):
            return
        winner = body.a if body.choice == "a" else body.b
        counted = update(wins).where(wins.c.digest == winner).values(wins=wins.c.wins + 1)
        if connection.execute(counted).rowcount == 0:
            connection.execute(insert(wins), {"digest": winner, "wins": 1})


def vote(choice: Choice = "a", *, a: str = "alpha", b: str = "beta", propensity: float = 0.25) -> VoteCast:
    return VoteCast(
        choice=choice, a=a, b=b, mode="blind", propensity=propensity, decision_ms=1200, counts=True
    )


def cast(ledger: Ledger, choice: Choice = "a", **texts: str) -> Entry:
    return ledger.write(lambda now: now.append(vote(choice), actor="p_someone", texts=texts))


def append_then_fail(now: Transaction) -> NoReturn:
    now.append(vote("b"), actor="p_someone", texts={"comment": "never stored"})
    raise ZeroDivisionError("this work fails after appending")


def tally(snapshot: Snapshot) -> dict[str, int]:
    return {digest: count for digest, count in snapshot.connection.execute(select(wins)).all()}  # noqa: C416


def open_ledger(path: Path, projections: Sequence[Projection] = (Wins(),), *, patience: float = 5) -> Ledger:
    return Ledger.open(path, field=FIELD, projections=projections, patience=patience)


@contextmanager
def tampered(path: Path) -> Iterator[sqlite3.Connection]:
    """The database itself, past everything that protects it."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def cut_back(connection: sqlite3.Connection, size: int, key: Path | None = None) -> None:
    """Bring a database to the state before the records from `size` on; with the key's file, the head is signed."""
    frontier = Frontier()
    for (digest,) in connection.execute(
        'SELECT hash FROM records WHERE "index" < ? ORDER BY "index"', (size,)
    ):
        frontier.append(digest)
    connection.execute('DELETE FROM records WHERE "index" >= ?', (size,))
    connection.execute("DELETE FROM nodes WHERE ((position + 1) << height) > ?", (size,))
    field, public = connection.execute("SELECT field, key FROM heads").fetchone()
    signature = None
    if key is not None:
        text = checkpoint(field, Head(size, frontier.root().hex()))
        signature = bytes.fromhex(Signer(key).sign(public, text))
    row = size, frontier.root(), frontier.pack(), signature
    connection.execute("UPDATE heads SET size = ?, hash = ?, frontier = ?, signature = ?", row)
