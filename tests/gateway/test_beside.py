"""What happens beside the answers: second answers for shadow battles, and monitors."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from fieldmark.ledger import erase
from fieldmark.ledger.evidence import BattleStarted, CaseAnswered, MonitorFound
from tests.gateway.desk import desk, field, text_of
from tests.house import Browser, Served, endpoint, until, write_field
from tests.upstream import Upstream

SHADOW = "shadow_share = 1.0\n"


async def test_a_case_is_answered_a_second_time(tmp_path: Path, upstream: Upstream) -> None:
    behaviours = {"alder": "echo", "birch": "whole", "cedar": "whole"}
    with Served(field(tmp_path, upstream, SHADOW, **behaviours)) as served:
        app = desk(served)
        case = await app.case("Mail a@b.example", headers={"x-fieldmark-category": "letters"})
        (battle,) = served.records(BattleStarted)
        first, second = served.records(CaseAnswered)
        assert (first.role, second.role) == ("served", "shadow")
        assert (battle.a, battle.b) == (first.contender, second.contender)
        assert (battle.source, battle.mode, battle.prompt_source) == ("shadow", "blind", "case")
        assert (battle.propensity, battle.category) == (0.5, "letters")
        with served.house.ledger.read() as snapshot:
            (entry,) = snapshot.entries(types=[BattleStarted])
            assert (entry.record.refs["case"], entry.record.actor) == (case, "system")
            texts = {n: snapshot.text(c.text_id) for n, c in entry.record.commitments.items()}
            kept = snapshot.entry(case).record.commitments["request"]
            assert entry.record.commitments["prompt"] == kept
        assert texts["a"] == "You said: Mail [email]"
        assert texts["b"] == "All at once."
        assert json.loads(texts["prompt"] or "")["messages"][0]["content"] == "Mail [email]"
        browser = await Browser(served.url).begin()
        assert (await browser.get(f"/api/v1/cases/{case}")).json["shadow"] is True
        assert (await browser.get("/api/v1/outcomes/busy")).json["shadows_done"] == 1
        served.house.ledger.verify()


@pytest.mark.parametrize(
    ("second", "failure"),
    [("refuse:500", "refused"), ("cut-off", "cut_off"), ("empty", None), ("tools", None)],
)
async def test_only_two_whole_texts_make_a_battle(
    tmp_path: Path, upstream: Upstream, second: str, failure: str | None
) -> None:
    with Served(field(tmp_path, upstream, SHADOW, alder="echo", birch=second)) as served:
        app = desk(served)
        tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
        await app.case(tools=[tool])
        await app.case(model="birch", tools=[tool]) if failure is None else await app.ask(model="birch")
        await app.settle()
        assert served.records(BattleStarted) == []
        shadows = [a for a in served.records(CaseAnswered) if a.role == "shadow"]
        assert [a.failure for a in shadows] == [failure]


async def test_consent_withdrawn_before_the_second_answer(tmp_path: Path) -> None:
    with (
        Upstream() as upstream,
        Served(field(tmp_path, upstream, SHADOW, alder="echo", birch="gated")) as served,
    ):
        app = desk(served)
        reply = await app.ask("a needle")
        case = reply.headers["x-fieldmark-case"]
        await until(lambda: served.house.gateway.busy().shadows_running)
        assert (await app.send("DELETE", f"/api/v1/cases/{case}")).status == 204
        upstream.release()
        await app.settle()
        assert served.records(BattleStarted) == []
        assert [a.role for a in served.records(CaseAnswered)] == ["served"]


@pytest.mark.parametrize("here", [True, False])
async def test_an_erased_case_is_sent_to_nobody(tmp_path: Path, here: bool) -> None:
    """Two cases are being answered a second time when all are erased, by this process or another one; two wait."""
    with (
        Upstream() as upstream,
        Served(field(tmp_path, upstream, SHADOW, alder="echo", birch="gated")) as served,
    ):
        app = desk(served)
        cases = [(await app.ask(model="alder")).headers["x-fieldmark-case"] for _ in range(4)]
        await until(lambda: len(upstream.seen) == 6)
        for case in reversed(cases):  # those that wait first: one that ends makes room for the next
            if here:
                assert (await app.send("DELETE", f"/api/v1/cases/{case}")).status == 204
            else:
                await asyncio.to_thread(
                    erase, served.house.ledger, "case", case, reason="consent", register=None
                )
        if here:  # what was being written is given up at once
            await until(lambda: not served.house.gateway.busy().shadows_running)
        upstream.release()
        await app.settle()
        assert len(upstream.seen) == 6
        assert (await app.ask(model="alder")).status == 200  # others are answered as before
        await until(lambda: len(upstream.seen) == 8)


async def test_the_rest_is_dropped_and_counted(tmp_path: Path) -> None:
    with (
        Upstream() as upstream,
        Served(field(tmp_path, upstream, SHADOW, alder="echo", birch="gated")) as served,
    ):
        app = desk(served)
        async with asyncio.TaskGroup() as asking:
            for _ in range(60):
                asking.create_task(app.ask())
        await until(lambda: served.house.gateway.busy().shadows_dropped >= 8)
        busy = served.house.gateway.busy()
        assert (busy.shadows_running, busy.shadows_dropped) == (2, 8)
        upstream.release()
        await app.settle()
        assert len(served.records(BattleStarted)) == 52


async def test_a_cap_holds_for_second_answers(tmp_path: Path, upstream: Upstream) -> None:
    capped = "price = { input = 1000.0, output = 1000.0 }\nspend_cap = 0.005"
    tables = endpoint("alder", upstream.url, "whole") + endpoint("capped", upstream.url, "echo", capped)
    with Served(write_field(tmp_path, f"{tables}[gateway]\n{SHADOW}")) as served:
        app = desk(served)
        for _ in range(3):
            await app.case()
        assert len(served.records(BattleStarted)) == 1
        assert served.house.gateway.busy().shadows_dropped == 2


MONITORS = """
[[monitors]]
name = "no-mail"
kind = "forbidden"
settings = { patterns = ["\\\\S+@\\\\S+"] }

[[monitors]]
name = "json"
kind = "json_schema"
settings = { schema = { type = "object" } }
categories = ["letters"]

[[monitors]]
name = "cites"
kind = "citation"
settings = { pattern = "[A-Z]-\\\\d+", in_request = true }

[[monitors]]
name = "own"
kind = "python"
settings = { function = "checks.py:short" }

[[monitors]]
name = "crashes"
kind = "python"
settings = { function = "checks.py:crash" }

[[monitors]]
name = "hangs"
kind = "python"
settings = { function = "checks.py:hang" }
seconds = 0.5

[[monitors]]
name = "dies"
kind = "python"
settings = { function = "checks.py:die" }

[[monitors]]
name = "odd"
kind = "python"
settings = { function = "checks.py:odd" }
"""
CHECKS = """
import os
from fieldmark.monitors import CaseFacts, Finding

def short(case: CaseFacts) -> Finding:
    print("a monitor may print")
    words = len(case.answer.split())
    return Finding(words < 9, 1 / words, f"{words} words, mail {case.messages[0]['content']}")

def crash(case):
    raise RuntimeError("with a secret in it")

def hang(case):
    while True:
        pass

def die(case):
    os._exit(3)

def odd(case):
    return os.environ.get("A_KEY", "hidden")
"""


async def test_monitors_look_at_no_erased_case(tmp_path: Path, upstream: Upstream) -> None:
    folder = write_field(tmp_path, endpoint("alder", upstream.url, "echo") + NOTES)
    (folder / "checks.py").write_text(NOTING)
    with Served(folder) as served:
        app = desk(served)
        cases = [(await app.ask(f"number {n}")).headers["x-fieldmark-case"] for n in range(2)]
        await until((folder / "seen").exists)
        assert (await app.send("DELETE", f"/api/v1/cases/{cases[1]}")).status == 204
        (folder / "go on").touch()
        await app.settle()
        assert (folder / "seen").read_text() == "number 0\n"


NOTES = """
[[monitors]]
name = "notes"
kind = "python"
settings = { function = "checks.py:note" }
seconds = 30
"""
NOTING = """
import pathlib, time

def note(case):
    folder = pathlib.Path(__file__).parent
    with (folder / "seen").open("a") as seen:
        seen.write(case.messages[0]["content"] + "\\n")
    while not (folder / "go on").exists():
        time.sleep(0.01)
    return True
"""


async def test_monitors_look_at_every_answer(
    tmp_path: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "sk-secret")
    folder = write_field(tmp_path, endpoint("alder", upstream.url, "echo") + MONITORS)
    (folder / "checks.py").write_text(CHECKS)
    with Served(folder) as served:
        app = desk(served)
        case = await app.case("Order A-17, a@b.example")
        found = {f.monitor: f for f in served.records(MonitorFound)}
        said = {name: (f.passed, f.score, f.error) for name, f in found.items()}
        assert said == {
            "no-mail": (False, 0.0, None),
            "cites": (True, 1.0, None),
            "own": (True, 0.2, None),
            "crashes": (None, None, "RuntimeError"),
            "hangs": (None, None, "timeout"),
            "dies": (None, None, "crashed"),
            "odd": (None, None, "TypeError"),
        }
        assert text_of(served, "explanation", "monitor", 0) == "it says: [email]"
        browser = await Browser(served.url).begin()
        seen = (await browser.get(f"/api/v1/cases/{case}")).json["monitors"]
        assert seen[2]["explanation"] == "5 words, mail Order A-17, [email]"
        (row,) = (await browser.get("/api/v1/outcomes")).json["rows"]
        rates = {m["monitor"]: (m["passed"] and m["passed"]["value"], m["errors"]) for m in row["monitors"]}
        assert rates["own"] == (1.0, 0)
        assert rates["hangs"] == (None, 1)
        version = found["own"].version
        (folder / "checks.py").write_text(CHECKS.replace("< 9", "< 3"))
        await app.case("Order A-17", headers={"x-fieldmark-category": "letters"})
        again = {f.monitor: f for f in served.records(MonitorFound)[7:]}
        assert again["own"].version != version
        assert again["own"].passed is False
        assert again["json"].passed is False
        assert served.records(MonitorFound)[0].version == again["no-mail"].version
        served.house.ledger.verify()
