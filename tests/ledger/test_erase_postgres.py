"""Erasing on PostgreSQL: gone from every file of the server's tables; what the write-ahead log keeps, and how long."""

from __future__ import annotations

import base64
import hashlib
import secrets
from pathlib import Path

import psycopg
import pytest

from fieldmark.ledger import Ledger, Transaction, erase
from fieldmark.ledger.evidence import BattleStarted, Remark
from tests.ledger.parts import FIELD, Wins, vote
from tests.ledger.test_erase import content, files_with
from tests.pg import PostgresServer


def said(ledger: Ledger) -> tuple[str, list[bytes]]:
    """Somebody with a prompt and a comment; their pseudonym, and what must go."""
    secret, texts = (
        secrets.token_urlsafe(24),
        [base64.b64encode(secrets.token_bytes(96)).decode() for _ in range(2)],
    )

    def work(now: Transaction) -> str:
        me = now.pseudonym(secret)
        started = BattleStarted(mode="blind", a="alpha", b="beta", propensity=1)
        battle = now.append(started, actor=me, texts={"prompt": texts[0]}).record.id
        cast = now.append(vote("a"), actor=me, refs={"battle": battle}).record.id
        now.append(Remark(), actor=me, refs={"battle": battle, "vote": cast}, texts={"comment": texts[1]})
        return me

    pseudonym = ledger.write(work)
    with ledger.read() as snapshot:
        salts = [
            bytes(row) for row in snapshot.connection.exec_driver_sql("SELECT salt FROM texts").scalars()
        ]
    return pseudonym, [*(t.encode() for t in texts), *salts[-2:], hashlib.sha256(secret.encode()).digest()]


@pytest.mark.parametrize("recycle", ["on", "off"])
def test_the_bytes_leave_the_tables_and_then_the_write_ahead_log(recycle: str) -> None:
    with PostgresServer(wal_recycle=recycle, min_wal_size="32MB") as server:
        data = _data(server.folder)
        with Ledger.open(server.url(), field=FIELD, projections=(Wins(),)) as ledger:
            people = [said(ledger) for _ in range(6)]
            (pseudonym, needles), (_, kept) = people[2], people[4]
            with psycopg.connect(server.url(), autocommit=True) as admin:
                admin.execute("CHECKPOINT")
            assert _tables_with(data, needles[0])
            done = erase(ledger, "person", pseudonym, reason="request", register=None)
            assert (done.texts, done.links, done.swept) == (2, 1, True)
            assert _tables_with(data, *needles) == []
            assert _tables_with(data, kept[0])
            assert files_with(data / "pg_wal", *needles) != [], "the log still has what was once written"
            with psycopg.connect(server.url(), autocommit=True) as admin:
                admin.execute("SELECT pg_switch_wal()")
                admin.execute("CHECKPOINT")
            left = files_with(data / "pg_wal", *needles)
            assert (left == []) == (recycle == "off"), (
                "recycled segments keep old bytes until they are written over"
            )
            assert ledger.verify().types["erasure"] == 1
        assert _tables_with(data, *needles) == []


def _data(folder: Path) -> Path:
    return next(path.parent for path in folder.rglob("PG_VERSION") if (path.parent / "pg_wal").is_dir())


def _tables_with(data: Path, *needles: bytes) -> list[str]:
    """Files of the server other than its write-ahead log."""
    files = [path for path in data.rglob("*") if path.is_file() and "pg_wal" not in path.parts]
    return [str(path) for path in files if any(each in content(path) for each in needles)]
