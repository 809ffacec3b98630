"""Agents that are a command in the sandbox: told on standard input, with the task's tools and a model of their own."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fieldmark.contenders import ContenderSpec, Price, make_contender
from fieldmark.errors import ContenderFailure, FieldError, InputError
from fieldmark.fields import Member, load_field
from fieldmark.scorecards import AgentContender, Bench, Budget, Played, Scene, Task, Tool, ToolRefusal, play
from fieldmark.scorecards.agents import agent_for
from fieldmark.scorecards.agents._command import _last_words
from tests.house import write_field
from tests.scorecards.stub import Passes, Says, calls, in_turn, refusal, stub, text

SANDBOX = frozenset({"sandbox"})


def clock(zone: str) -> str:
    """The time in a zone."""
    if zone != "Europe/Vienna":
        raise ToolRefusal("no such zone")
    return "12:31"


def task(**more: Any) -> Task:
    return Task("t", "What time is it?", Passes(), **{"tools": [Tool.of(clock)], **more})


@asynccontextmanager
async def agent(*command: str, **spec: Any) -> AsyncGenerator[Member, None]:
    contender = make_contender(ContenderSpec(name="mine", kind="agent", command=command, **spec))
    try:
        yield Member(contender, contender.identity.digest)
    finally:
        await contender.close()


async def played(what: Task, *command: str, **spec: Any) -> Played:
    async with agent(*command, **spec) as member:
        return await play(what, agent_for(member), Bench())


async def test_what_it_writes_is_its_answer_and_it_is_told_both_ways() -> None:
    attempt = (
        await played(task(), "sh", "-c", 'cat; echo; echo "$1"; echo log >&2', "x", "[{instruction}]")
    ).attempt
    assert attempt.answer == "What time is it?\n[What time is it?]"
    assert (attempt.ended, attempt.steps) == ("answered", 1)
    assert [e.data["text"] for e in attempt.events if e.kind == "note"] == ["standard error: log\n"]


async def test_the_tasks_tools_are_a_program_inside() -> None:
    script = """
        fieldmark-tool list | grep -c '"name"'
        fieldmark-tool call clock '{"zone": "Vienna"}' || echo "refused: $?"
        fieldmark-tool call clock '{"zone": "Europe/Vienna"}'
    """
    attempt = (await played(task(uses=SANDBOX), "sh", "-c", script)).attempt
    assert attempt.answer == "1\nno such zone\nrefused: 1\n12:31", (
        "it has hands of its own, so only the task's tool"
    )
    assert [(c.arguments["zone"], c.error) for c in attempt.calls] == [
        ("Vienna", True), ("Europe/Vienna", False)
    ]  # fmt: skip


async def test_they_are_an_mcp_server_too() -> None:
    wanted = [
        ("initialize", {"protocolVersion": "2025-06-18"}),
        ("tools/list", {}),
        ("tools/call", {"name": "clock", "arguments": {"zone": "Europe/Vienna"}}),
        ("prompts/list", {}),
    ]
    asked = "\\n".join(
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        for number, (method, params) in enumerate(wanted)
    )
    attempt = (await played(task(), "sh", "-c", f"printf '{asked}\\n' | fieldmark-tool mcp")).attempt
    first, tools, called, unknown = attempt.answer.splitlines()
    assert '"serverInfo": {"name": "fieldmark"' in first
    assert '"inputSchema": {"additionalProperties": false' in tools
    assert '"text": "12:31"' in called
    assert "unknown method" in unknown


async def test_its_own_files_are_shown_and_the_tasks_files_are_its_working_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "main.py").write_text(
        "import sys; open('out.txt', 'w').write(open('in.txt').read().upper()); print('ok')"
    )
    what = task(uses=SANDBOX, files={"in.txt": b"heron"}, artifacts=["out.txt"])
    attempt = (await played(what, "python3", "/agent/main.py", files=str(folder))).attempt
    assert (attempt.answer, attempt.files) == ("ok", {"out.txt": b"HERON"})
    async with agent("python3", "/agent/main.py", files=str(folder)) as before:
        (folder / "main.py").write_text("print('other')")
    async with agent("python3", "/agent/main.py", files=str(folder)) as after:
        assert before.digest != after.digest


ASK = """
import json, os, urllib.request
def ask(messages, **more):
    body = json.dumps({"model": os.environ["OPENAI_MODEL"], "messages": messages, **more}).encode()
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as reply:
        return reply.read().decode()
"""


async def with_model(says: Says, code: str, **more: Any) -> tuple[Played, float, list[Any]]:
    async with (
        stub(says) as (url, seen),
        agent(
            "python3", "-c", ASK + code, url=url, model="inner", price=Price(input=1e6, output=1e6)
        ) as member,
    ):
        return await play(task(**more), agent_for(member), Bench()), member.spent, seen


async def test_it_asks_its_model_and_what_that_costs_is_counted() -> None:
    code = "print(json.loads(ask([{'role': 'user', 'content': 'hi'}]))['choices'][0]['message']['content'])"
    done, spent, seen = await with_model(in_turn(text("Hello.")), code)
    assert (done.attempt.answer, done.attempt.steps) == ("Hello.", 1)
    assert (done.attempt.prompt_tokens, done.attempt.answer_tokens, done.attempt.cost) == (10, 5, 15.0)
    assert spent == 15.0
    assert [body["messages"][0]["content"] for body in seen] == ["hi"]


async def test_it_may_ask_for_a_stream_and_for_calls() -> None:
    code = "print(ask([{'role': 'user', 'content': 'hi'}], stream=True, tools=[]))"
    done, _, _ = await with_model(in_turn(calls(("clock", {"zone": "x"}))), code)
    assert '"tool_calls": [{"id": "call-0"' in done.attempt.answer
    assert done.attempt.answer.endswith("data: [DONE]")


async def test_a_model_that_cannot_be_asked_makes_it_void_and_one_that_loops_is_stopped() -> None:
    code = "print(ask([{'role': 'user', 'content': 'hi'}]))"
    done, _, _ = await with_model(in_turn(refusal(402)), code)
    assert (done.verdict.void, done.attempt.failure) == ("endpoint", "refused")
    loop = "\nwhile True: ask([{'role': 'user', 'content': 'again'}])"
    done, _, seen = await with_model(in_turn(text("no")), loop, budget=Budget(steps=3))
    assert (done.attempt.ended, len(seen)) == ("steps", 3)


@pytest.mark.parametrize(
    ("command", "kind", "words"),
    [
        (("sh", "-c", "echo bad >&2; exit 4"), "cut_off", "the command ended with status 4: bad"),
        (("true",), "empty", "the command said nothing"),
        (("no-such-program",), "cut_off", "the command ended with status 127"),
        (("sh", "-c", "kill -9 $PPID; sleep 5"), "cut_off", "the command ended what carries its calls"),
    ],
)
async def test_how_it_fails_is_its_own_failure(command: tuple[str, ...], kind: str, words: str) -> None:
    done = await played(task(), *command)
    assert (done.attempt.failure, done.verdict.void) == (kind, None)
    assert words in done.attempt.detail


async def test_it_cannot_make_its_failure_a_void() -> None:
    """Neither by a question that its endpoint refuses, nor by one that failed before others were answered."""
    bad = "import sys\ntry: ask('no list')\nexcept Exception: sys.exit(1)"
    done, _, _ = await with_model(in_turn(refusal(400)), bad)
    assert done.verdict.result != "void", done.verdict
    assert done.attempt.failure == "cut_off"
    early = "import sys\ntry: ask([])\nexcept Exception: pass\nask([])\nsys.exit(1)"
    done, _, _ = await with_model(in_turn(refusal(401), text("Hello.")), early)
    assert done.attempt.failure == "cut_off"


async def test_last_words_that_are_none_are_its_own_failure() -> None:
    for words in ('{"done": null}', '{"done": "soon", "out": "", "err": ""}', '{"done": 0}'):
        with pytest.raises(ContenderFailure) as caught:
            _last_words(json.loads(words))
        assert caught.value.kind == "garbage"


async def test_it_has_no_network_and_its_time_is_limited() -> None:
    attempt = (await played(task(budget=Budget(seconds=1.5)), "sh", "-c", "sleep 60")).attempt
    assert attempt.ended == "seconds"
    reach = "import socket; socket.create_connection(('1.1.1.1', 53), 1)"
    attempt = (await played(task(), "python3", "-c", reach)).attempt
    assert "Network is unreachable" in attempt.detail


async def test_somebody_answers_and_it_is_run_again() -> None:
    class Desk(Scene):
        async def hear(self, text: str) -> str | None:
            return None if "7" in text else "Which number?"

    script = 'if [ "$FIELDMARK_TURN" = 1 ]; then echo Hello; else read q; echo "$q 7"; fi'
    attempt = (await played(task(scene=Desk), "sh", "-c", script)).attempt
    assert (attempt.answer, attempt.steps) == ("Which number? 7", 2)


async def test_it_is_never_drawn_to_talk() -> None:
    async with agent("true") as member:
        assert not member.contender.converses
        with pytest.raises(ContenderFailure, match="does not talk"):
            await member.contender.complete({"messages": [{"role": "user", "content": "hi"}]})


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("", "needs either 'command' or 'card'"),
        ('command = ["x"]\ncard = "http://127.0.0.1:9"', "needs either 'command' or 'card'"),
        ('card = "http://127.0.0.1:9"\nfiles = "x"', "go with 'command'"),
        ('card = "ftp://x"', "begins with http"),
        ('command = ["x"]\nurl = "http://127.0.0.1:9/v1"', "needs 'model'"),
        ('command = ["x"]\nfiles = "nowhere"', "there is no folder 'nowhere'"),
        ('command = ["x"]\nsystem = "Be kind."', "'system' is no key of kind 'agent'"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path: Path, table: str, wrong: str) -> None:
    write_field(tmp_path, f'[[contenders]]\nname = "mine"\nkind = "agent"\n{table}\n')
    with pytest.raises(FieldError, match=wrong):
        load_field(tmp_path)


def test_files_are_meant_from_the_fields_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    write_field(tmp_path, '[[contenders]]\nname = "mine"\nkind = "agent"\ncommand = ["x"]\nfiles = "mine"\n')
    (spec,) = load_field(tmp_path).contenders
    assert spec.files == str(tmp_path / "mine")


def test_only_agents_have_commands() -> None:
    with pytest.raises(InputError, match="'command' or 'card'"):
        AgentContender(ContenderSpec(name="mine", kind="agent"))
