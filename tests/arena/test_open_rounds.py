"""What leaves the house while a blind round is open says nothing of who answers in it."""

from __future__ import annotations

import json
from pathlib import Path

from fieldmark.ledger import verify_export
from tests.house import Browser, Served


async def answers(voter: Browser) -> dict[str, int]:
    names = [c["name"] for c in (await voter.get("/api/v1/contenders")).json]
    cards = {name: (await voter.get(f"/api/v1/cards/{name}")).json for name in names}
    return {name: card["failures"]["answers"] for name, card in cards.items()}


async def test_answers_are_counted_on_the_card_once_the_round_is_closed(voter: Browser) -> None:
    before = await answers(voter)
    battle = await voter.battle()
    assert await answers(voter) == before
    await voter.act(battle["id"], "abandon")
    assert sum((await answers(voter)).values()) == sum(before.values()) + 2


async def test_an_export_ends_before_the_oldest_open_round(
    voter: Browser, served: Served, tmp_path: Path
) -> None:
    ledger = served.house.ledger
    battle = await voter.battle()
    kept_back = ledger.export(tmp_path / "now.jsonl")
    lines = (tmp_path / "now.jsonl").read_text().splitlines()
    assert battle["id"] not in {json.loads(line)["record"]["id"] for line in lines[1:-1]}
    assert verify_export(tmp_path / "now.jsonl").head == kept_back
    whole = ledger.export(tmp_path / "all.jsonl", withheld=True)
    assert whole.size > kept_back.size
    await voter.vote(battle["id"], "tie")
    assert ledger.export(tmp_path / "later.jsonl").size > whole.size
