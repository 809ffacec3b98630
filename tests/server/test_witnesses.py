"""A served field hands signed heads to its witnesses, and a witness that fails is in nobody's way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fieldmark.ledger import witnessed_heads
from tests.house import Browser, Served, two
from tests.upstream import Upstream


async def test_heads_go_to_the_witness_while_people_work(tmp_path: Path, upstream: Upstream) -> None:
    folder = two(tmp_path, upstream)
    with (folder / "field.toml").open("a") as file:
        file.write(
            '\n[[witnesses]]\nname = "away"\nkind = "git"\ntarget = "no-repository"\nevery_minutes = 0.01\n'
            '\n[[witnesses]]\nname = "notary"\nkind = "file"\ntarget = "heads.jsonl"\nevery_minutes = 0.01\n'
        )
    with Served(folder) as served:
        await (await Browser(served.url).begin()).battle()
        ledger = served.house.ledger
        async with asyncio.timeout(30):
            while "notary" not in ledger.verify().witnessed:  # noqa: ASYNC110 - it comes from another task's thread
                await asyncio.sleep(0.1)
        held = list(witnessed_heads(folder / "heads.jsonl", ledger.field))
        found = ledger.verify(held=held)
        assert found.compared == len(held) >= 1
        assert set(found.witnessed) == {"notary"}
