"""Prompts of every kind: taken as they are where they are text, refused with a reason where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fieldmark.ledger.evidence import BattleStarted
from tests.house import Browser, Served, two
from tests.upstream import Upstream

TAKEN = [
    "اكتب رسالة قصيرة إلى المريض.",
    "שלום \u202eabc\u202c עולם",
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "'; DROP TABLE votes; -- {{7*7}} ${7*7} %s %n",
    "e\u0301 é 👩‍👩‍👧 \U0001f9d1\u200d⚕️ \ufeff\u00a0",
    "tabs\tand\r\nlines\n\n```python\nprint('x')\n```",
    "x" * 8000,
]


@pytest.mark.parametrize("prompt", TAKEN, ids=range(len(TAKEN)))
async def test_any_text_comes_back_as_it_was(voter: Browser, upstream: Upstream, prompt: str) -> None:
    battle = await voter.battle(prompt)
    assert battle["turns"][0]["prompt"] == prompt
    assert battle["turns"][0]["a"]["text"] == "You said: " + prompt
    assert upstream.seen[-1].body["messages"][-1]["content"] == prompt


@pytest.mark.parametrize(
    ("prompt", "status", "said"),
    [
        ("", 400, "the prompt is empty"),
        (" \n\t ", 400, "the prompt is empty"),
        ("x" * 8001, 413, "the prompt has 8,001 characters; this field takes 8,000"),
        ("a\0b", 400, "control character U+0000"),
        ("%PDF-1.7\x1b\x02\x03", 400, "control character U+001B"),
    ],
)
async def test_what_is_no_prompt_is_refused(
    voter: Browser, served: Served, prompt: str, status: int, said: str
) -> None:
    before = len(served.records(BattleStarted))
    reply = await voter.post("/api/v1/battles", {"prompt": prompt})
    assert reply.status == status
    assert said in reply.json["error"]["message"]
    assert reply.json["error"]["hint"]
    assert len(served.records(BattleStarted)) == before


@pytest.mark.parametrize(
    "body",
    [
        b'{"prompt": "half \\ud800 a pair"}',
        b'{"prompt": "\xff\xfe"}',
        b'{"prompt": 7}',
        b'{"prompt": "x", "\\ud800": 1}',
        b"[]",
        b"{",
        b"[" * 50_000,
        b"",
    ],
)
async def test_broken_json_is_refused_in_the_one_shape(voter: Browser, body: bytes) -> None:
    reply = await voter.send(
        "POST", "/api/v1/battles", data=body, headers={"Content-Type": "application/json"}
    )
    assert reply.status in {400, 422}
    assert set(reply.json["error"]) == {"code", "message", "hint", "problems"}


async def test_a_follow_up_is_checked_too(voter: Browser) -> None:
    battle = await voter.battle()
    await voter.act(battle["id"], "turns", {"prompt": " "}, status=400)
    await voter.act(battle["id"], "turns", {"prompt": "x" * 9000}, status=413)


async def test_the_fields_own_prompts(tmp_path: Path, upstream: Upstream) -> None:
    with Served(two(tmp_path, upstream, more="[policy]\nown_prompts = false")) as served:
        voter = await Browser(served.url).begin()
        refused = await voter.post("/api/v1/battles", {"prompt": "My own."})
        assert "takes only its own prompts" in refused.json["error"]["message"]
        refused = await voter.post("/api/v1/battles", {"prompt": "My own.", "prompt_source": "field"})
        assert "not one of the field's prompts" in refused.json["error"]["message"]
        await voter.battle("Say hello.", prompt_source="field", category="letters")
        started = served.records(BattleStarted)[-1]
        assert (started.prompt_source, started.category, started.language) == ("field", "letters", "en")


async def test_categories_are_the_fields_own(voter: Browser) -> None:
    refused = await voter.post("/api/v1/battles", {"prompt": "x", "category": "poems"})
    assert refused.status == 400
    assert "categories of this field: letters, notes" in refused.json["error"]["hint"]
    assert (await voter.get("/api/v1/board?category=poems")).status == 404
    assert (await voter.get("/api/v1/board/matrix?category=poems")).status == 404
