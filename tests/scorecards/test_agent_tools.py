"""Tools of Python functions, of the sandbox, and of MCP servers over every way they can be reached."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import uvicorn
from mcp.server import MCPServer
from pydantic import BaseModel, Field

from fieldmark.errors import InputError, SandboxError
from fieldmark.sandbox import Sandbox
from fieldmark.scorecards import (
    Bench,
    Solution,
    Stage,
    Task,
    Tool,
    ToolRefusal,
    load_set,
    mcp_scene,
    mcp_tools,
    play,
)
from fieldmark.scorecards.agents import Scripted
from tests.scorecards.stub import Passes


class Guest(BaseModel):
    name: str
    age: int = 0


async def book(
    day: date,
    guests: list[Guest],
    room: Literal["single", "double"] = "single",
    nights: Annotated[int, Field(ge=1, description="how many")] = 1,
    schema: str = "",
) -> dict[str, Any]:
    """Book a room.

    For some nights.
    """
    await asyncio.sleep(0)
    if not guests:
        raise ToolRefusal("nobody comes")
    return {"from": day, "guests": guests, "room": room, "nights": nights, "schema": schema}


async def attempt(task: Task, *calls: tuple[str, dict[str, Any]]) -> list[tuple[str, bool]]:
    done = (await play(task, Scripted(Solution(calls=calls)), Bench())).attempt
    assert not done.sandbox_fault, done.sandbox_fault
    return [(call.result, call.error) for call in done.calls]


async def test_a_function_is_a_tool_with_its_schema_and_checks() -> None:
    tool = Tool.of(book)
    assert (tool.name, tool.description) == ("book", "Book a room.\n\nFor some nights.")
    properties = tool.parameters["properties"]
    assert properties["room"] == {"default": "single", "enum": ["single", "double"], "type": "string"}
    assert properties["nights"] == {"default": 1, "description": "how many", "minimum": 1, "type": "integer"}
    assert tool.parameters["required"] == ["day", "guests"]
    assert tool.parameters["additionalProperties"] is False
    assert "title" not in str(tool.parameters)
    task = Task("t", "Book.", Passes(), tools=[tool])
    guests = [{"name": "Ada", "age": "36"}]
    results = await attempt(
        task,
        ("book", {"day": "2026-11-23", "guests": guests}),
        ("book", {"day": "soon", "guests": guests, "beds": 1, "nights": 0}),
        ("book", {"day": "2026-11-23", "guests": []}),
    )
    assert results[0] == (
        '{"from": "2026-11-23", "guests": [{"name": "Ada", "age": 36}], "room": "single", "nights": 1,'
        ' "schema": ""}',
        False,
    )
    assert results[1][1]
    assert "day: " in results[1][0]
    assert "nights: Input should be greater than or equal to 1" in results[1][0]
    assert results[2] == ("nobody comes", True)


def test_a_function_that_cannot_be_told_is_refused() -> None:
    def bare(city) -> str:  # type: ignore[no-untyped-def]
        return str(city)

    def many(*cities: str) -> str:
        return str(cities)

    with pytest.raises(InputError, match="parameter 'city' has no annotation"):
        Tool.of(bare)
    with pytest.raises(InputError, match="'\\*cities' takes any number"):
        Tool.of(many)


async def test_a_tool_that_breaks_is_told_and_the_trial_goes_on() -> None:
    def odd() -> object:
        """Gives what is no JSON."""
        return {"a": {1, 2} and object}

    def slow() -> None:
        """Takes too long, it says."""
        raise TimeoutError("too long")

    task = Task("t", "Go.", Passes(), tools=[Tool.of(odd), Tool.of(slow)])
    odd_result, slow_result = await attempt(task, ("odd", {}), ("slow", {}))
    assert odd_result[1] is False
    assert slow_result == ("TimeoutError: too long", True)


async def test_in_a_sandbox_there_are_hands() -> None:
    task = Task(
        "t", "Fix it.", Passes(), uses=frozenset({"sandbox"}), artifacts=["*.txt"],
        files={"a/b.py": b"print('hello')\n", "long.txt": b"".join(b"line %d\n" % n for n in range(900))},
    )  # fmt: skip
    results = await attempt(
        task,
        ("list_files", {}),
        ("shell", {"command": "python3 a/b.py; echo oops >&2; exit 3"}),
        ("read_file", {"path": "long.txt", "start": 400, "lines": 2}),
        ("write_file", {"path": "new/c.txt", "content": "grüß"}),
        ("read_file", {"path": "new/c.txt"}),
        ("read_file", {"path": "missing.txt"}),
        ("read_file", {"path": "/etc/shadow"}),
        ("shell", {"command": "printf '\\377' > bin; true"}),
        ("read_file", {"path": "bin"}),
        ("list_files", {"folder": "nowhere"}),
        ("shell", {"command": "sleep 30", "seconds": 0.2}),
        ("shell", {"command": "yes | head -c 50000"}),
    )
    texts = [result for result, _ in results]
    assert texts[0] == "a/b.py\nlong.txt"
    assert texts[1] == "hello\noops\n[exit status 3]"
    assert texts[2] == "line 399\nline 400\n[499 more lines, from 402 on]"
    assert texts[3] == "6 bytes written to new/c.txt"
    assert texts[4] == "grüß"
    assert results[5] == ("there is no file 'missing.txt'", True)
    assert results[6][1]
    assert texts[7] == "[no output]"
    assert results[8] == ("'bin' is no text: 1 bytes", True)
    assert results[9][1]
    assert "[killed after" in texts[10]
    assert "characters left out]" in texts[11]
    assert len(texts[11]) < 9_000


SERVER = '''
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("desk")


@server.tool()
def add(a: int, b: int) -> int:
    """The sum."""
    return a + b


@server.tool()
def fail(why: str) -> str:
    """Fails."""
    raise ToolError(why)


if __name__ == "__main__":
    server.run()
'''


def scope() -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "server"}
    exec(SERVER, names)
    return names


@pytest.fixture
def server_file(tmp_path: Path) -> Path:
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    return path


async def use(tools: list[Tool]) -> None:
    by_name = {tool.name: tool for tool in tools}
    assert set(by_name) == {"add", "fail"}
    assert by_name["add"].description == "The sum."
    assert set(by_name["add"].parameters["properties"]) == {"a", "b"}
    assert await by_name["add"].run({"a": 2, "b": 3}) == "5"
    with pytest.raises(ToolRefusal, match="of glass"):
        await by_name["fail"].run({"why": "of glass"})
    with pytest.raises(ToolRefusal):
        await by_name["add"].run({"a": "x"})


async def test_an_mcp_server_beside_gives_its_tools(server_file: Path) -> None:
    async with mcp_tools([sys.executable, str(server_file)]) as tools:
        await use(tools)


async def test_an_mcp_server_behind_a_url_gives_its_tools() -> None:
    server: MCPServer = scope()["server"]
    async with listening(server) as url, mcp_tools(url) as tools:
        await use(tools)


@asynccontextmanager
async def listening(server: MCPServer) -> AsyncGenerator[str, None]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        config = uvicorn.Config(
            server.streamable_http_app(), log_level="warning", timeout_graceful_shutdown=1
        )
        running = uvicorn.Server(config)
        serving = asyncio.create_task(running.serve(sockets=[held]))
        while not running.started:  # noqa: ASYNC110 (uvicorn sets no event)
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{port}/mcp"
        running.should_exit = True
        await serving


async def test_one_that_is_not_trusted_runs_in_the_sandbox_of_its_trial() -> None:
    class Look(Scripted):
        async def take(self, stage: Stage) -> None:
            assert isinstance(stage.scene.sandbox, Sandbox)
            assert {"add", "fail", "shell"} <= set(stage.tools)
            assert (await stage.call("add", {"a": 20, "b": 22})).result == "42"
            await super().take(stage)

    task = Task(
        "t", "Add.", Passes(), uses=frozenset({"sandbox"}), files={"server.py": PLAIN.encode()},
        scene=mcp_scene(["python3", "server.py"]),
    )  # fmt: skip
    played = await play(task, Look(Solution("done")), Bench())
    assert (played.attempt.sandbox_fault, played.attempt.answer) == ("", "done")


PLAIN = """
import json, sys

for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    method, answer = asked["method"], {}
    if method == "initialize":
        answer = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "plain", "version": "1"}}
    elif method == "tools/list":
        schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}
        answer = {"tools": [{"name": n, "inputSchema": schema} for n in ("add", "fail")]}
    elif method == "tools/call":
        given = asked["params"]["arguments"]
        answer = {"content": [{"type": "text", "text": str(given["a"] + given["b"])}]}
    else:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "no"}}), flush=True)
        continue
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answer}), flush=True)
"""


async def test_a_server_that_is_not_there_is_the_infrastructures_fault() -> None:
    with pytest.raises(SandboxError, match="does not answer"):
        async with mcp_tools(["no-such-program"]):
            pass
    with pytest.raises(SandboxError, match="does not answer"):
        async with mcp_tools("http://127.0.0.1:9/mcp"):
            pass
    task = Task("t", "Add.", Passes(), scene=mcp_scene(["python3", "x.py"]))
    played = await play(task, Scripted(None), Bench())
    assert (played.verdict.void, "needs a sandbox" in played.verdict.explanation) == ("sandbox", True)


async def test_only_wanted_tools_are_given(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    command = [sys.executable, str(tmp_path / "plain.py")]
    async with mcp_tools(command, only=["add"]) as tools:
        assert [tool.name for tool in tools] == ["add"]
    with pytest.raises(InputError, match="has no tool 'sub'"):
        async with mcp_tools(command, only=["sub"]):
            pass


async def test_a_task_in_a_folder_names_its_server(tmp_path: Path) -> None:
    folder = tmp_path / "sums"
    files = {
        "scorecard.toml": 'name = "sums"\n[defaults]\nuses = ["sandbox"]\n',
        "tasks/add/task.toml": (
            '[mcp]\ncommand = ["python3", "server.py"]\nonly = ["add"]\n\n'
            '[[checks]]\nkind = "exact"\nequals = "42"\n'
        ),
        "tasks/add/instruction.md": "Add 20 and 22.",
        "tasks/add/files/server.py": PLAIN,
        "tasks/add/oracle/calls.json": '[["add", {"a": 20, "b": 22}]]',
        "tasks/add/oracle/answer.md": "42",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (task,) = load_set(folder).tasks
    played = await play(task, Scripted(task.oracle), Bench())
    assert [call.result for call in played.attempt.calls] == ["42"]
    assert played.verdict.result == "pass", played.verdict.explanation
