"""A server that is told to stop (SIGTERM, as service managers do) first writes down what it has given."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks import _load, gateway
from fieldmark.fields import load_field, open_ledger
from fieldmark.ledger.evidence import CaseAnswered


async def test_answers_given_before_sigterm_are_written_down(tmp_path: Path) -> None:
    with _load.stub(tokens=2, rate=1000, first=1) as port:
        field = _load.write_field(tmp_path, port, gateway.MORE)
        key = gateway.make_key(field)
        with _load.server(field, "--slow-commit", "300") as server:
            async with _load.pool() as session:
                asks = (gateway._ask_bare(session, f"{server.url}/v1", key, number) for number in range(3))
                await asyncio.gather(*asks)
    assert server.process.returncode == 0
    with open_ledger(load_field(field)) as ledger, ledger.read() as snapshot:
        bodies = [entry.record.body for entry in snapshot.entries(types=[CaseAnswered])]
    assert [body.finish for body in bodies if isinstance(body, CaseAnswered)] == ["stop"] * 3
