"""Who answers `model="field"`: the policy's choice, those after it when it fails, and what the caps allow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import openai
import pytest

from fieldmark.gateway import outcome_table
from fieldmark.ledger.evidence import CaseAnswered, CaseOpened
from tests.gateway.desk import desk, field
from tests.house import Browser, Served, endpoint, write_field
from tests.upstream import Upstream

WHO = "x-fieldmark-contender"


async def test_without_a_policy_the_first_contender_answers(tmp_path: Path, upstream: Upstream) -> None:
    with Served(write_field(tmp_path, endpoint("one", upstream.url, "echo"))) as served:
        with openai.OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0) as client:
            asked = client.chat.completions.with_raw_response.create(
                model="field", messages=[{"role": "user", "content": "?"}]
            )
        assert asked.headers[WHO] == "one"
        assert "x-fieldmark-case" not in asked.headers


async def test_by_category(tmp_path: Path, upstream: Upstream) -> None:
    rules = 'answer = "by_category"\nchampion = "birch"\ncategories = { letters = "alder" }'
    with Served(field(tmp_path, upstream, rules)) as served:
        app = desk(served)
        told = [
            (await app.ask(headers={"x-fieldmark-category": c} if c else {})).headers[WHO]
            for c in ("letters", "notes", "")
        ]
        assert told == ["alder", "birch", "birch"]
        await app.settle()
        assert [c.route for c in served.records(CaseOpened)] == ["by_category", "champion", "champion"]


async def test_weighted_writes_its_chance_down(tmp_path: Path, upstream: Upstream) -> None:
    with Served(
        field(tmp_path, upstream, 'answer = "weighted"\nweights = { alder = 1.0, birch = 3.0 }')
    ) as served:
        app = desk(served)
        told = Counter([(await app.ask()).headers[WHO] for _ in range(60)])
        assert set(told) == {"alder", "birch"}, "all 60 from one has a chance of 3e-8"
        await app.settle()
        alder = served.house.roster.named("alder").digest
        for case in served.records(CaseOpened):
            assert case.propensity == (0.25 if case.contender == alder else 0.75)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_one_is_asked_when_one_fails(tmp_path: Path, upstream: Upstream, stream: bool) -> None:
    behaviours = {"first": "refuse:500", "second": "cut-at-once", "third": "echo"}
    rules = 'champion = "first"\nfallback = ["second", "first", "third"]'
    with Served(field(tmp_path, upstream, rules, **behaviours)) as served:
        app = desk(served)
        reply = await app.ask(stream=stream)
        assert (reply.status, reply.headers[WHO]) == (200, "third")
        await app.settle()
        (answered,) = served.records(CaseAnswered)
        assert [t.kind for t in answered.tried] == ["refused", "cut_off"]
        digests = {m.name: m.digest for m in served.house.roster.members}
        assert [t.contender for t in answered.tried] == [digests["first"], digests["second"]]
        assert answered.contender == digests["third"]
        assert served.records(CaseOpened)[0].contender == digests["first"]
        with served.house.ledger.read() as snapshot:
            assert [row.name for row in outcome_table(snapshot).rows] == ["third"]
        assert (await app.ask(model="first", stream=stream)).status == 502, (
            "who is named is the only one asked"
        )


async def test_all_fail(tmp_path: Path, upstream: Upstream) -> None:
    behaviours = {"first": "refuse:500", "second": "cut-at-once"}
    with Served(field(tmp_path, upstream, 'fallback = ["second"]', **behaviours)) as served:
        app = desk(served)
        reply = await app.ask()
        assert reply.status == 502
        assert "none of 2 contenders answered (refused, cut_off)" in reply.json["error"]["message"]
        await app.settle()
        assert served.records(CaseAnswered)[0].failure == "cut_off"
        browser = await Browser(served.url).begin()
        seen = (await browser.get(f"/api/v1/cases/{reply.headers['x-fieldmark-case']}")).json
        assert (seen["state"], seen["failure"]) == ("failed", "cut_off")
        assert (await browser.get("/api/v1/cases")).json["waiting"] == 0


async def test_a_broken_stream_is_not_begun_again(tmp_path: Path, upstream: Upstream) -> None:
    with Served(field(tmp_path, upstream, 'fallback = ["echo"]', cut="cut-off", echo="echo")) as served:
        reply = await desk(served).ask(stream=True)
        assert reply.headers[WHO] == "cut"
        assert "before the end" in reply.text


CAPPED = "price = { input = 1000.0, output = 1000.0 }\nspend_cap = 0.005"


async def test_a_cap_that_is_reached_falls_back_and_outlives_a_restart(
    tmp_path: Path, upstream: Upstream
) -> None:
    tables = endpoint("capped", upstream.url, "echo", CAPPED) + endpoint("free", upstream.url, "whole")
    folder = write_field(tmp_path, tables + '[gateway]\nfallback = ["free"]\n')
    with Served(folder) as served:
        app = desk(served)
        assert (await app.ask()).headers[WHO] == "capped"
        assert (await app.ask()).headers[WHO] == "free"
        assert (await app.ask(model="capped")).status == 402
        await app.settle()
        assert served.records(CaseAnswered)[0].cost == pytest.approx(0.012)
        assert [t.kind for t in served.records(CaseAnswered)[1].tried] == ["over_budget"]
    with Served(folder) as served:
        assert served.house.roster.named("capped").spent == pytest.approx(0.012)
        assert (await Browser(served.url).get("/api/v1/contenders")).status == 200


async def test_what_broke_off_is_estimated(tmp_path: Path, upstream: Upstream) -> None:
    with Served(write_field(tmp_path, endpoint("cut", upstream.url, "cut-off", CAPPED))) as served:
        app = desk(served)
        await app.ask("x" * 400, stream=True)
        await app.settle()
        (answered,) = served.records(CaseAnswered)
        assert answered.estimated
        assert (answered.prompt_tokens, answered.answer_tokens) == (None, None)
        assert answered.cost == pytest.approx((100 + -(-answered.characters // 4)) / 1000)
        assert served.house.roster.named("cut").spent == pytest.approx(answered.cost)


async def test_weights_that_are_not_here_are_passed_over(tmp_path: Path, upstream: Upstream) -> None:
    absent = '[[contenders]]\nname = "absent"\nkind = "weights"\nmodel = "missing.gguf"\n'
    rules = '[gateway]\nchampion = "absent"\n'
    folder = write_field(tmp_path, absent + endpoint("here", upstream.url, "echo") + rules)
    with Served(folder) as served:
        app = desk(served)
        reply = await app.ask()
        assert reply.status == 502
        assert "nobody that the policy names can be asked" in reply.json["error"]["message"]
        toml = folder / "field.toml"
        toml.write_text(toml.read_text() + 'fallback = ["here"]\n')
        served.refresh()
        assert (await app.ask()).headers[WHO] == "here"
