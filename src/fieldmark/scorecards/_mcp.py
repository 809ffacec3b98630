"""Tools of MCP servers, as tasks and contenders know tools."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO

from fieldmark.errors import InputError, SandboxError
from fieldmark.scorecards._function import ToolRefusal
from fieldmark.scorecards._stage import Scene
from fieldmark.scorecards._task import SceneMaker, Task, Tool, Variant

if TYPE_CHECKING:
    from mcp import Client

    from fieldmark.sandbox import Running, Sandbox

SECONDS = 60.0
"""How long one call may take."""
_LINE = 8 << 20
_MOST_PAGES = 50


@asynccontextmanager
async def mcp_tools(
    server: str | Sequence[str],
    *,
    sandbox: Sandbox | None = None,
    only: Sequence[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> AsyncGenerator[list[Tool], None]:
    """The tools of an MCP server, for as long as the context lasts.

    Args:
        server: URL of one that speaks streamable HTTP, or the command (program and arguments) of one that speaks over
            its standard input and output.
        sandbox: Where the command runs; None: beside Fieldmark, as its user, for servers that are trusted.
        only: Names of the tools wanted; None: all.
        env: Environment variables of the command, besides the few that every program needs.

    Raises:
        InputError: the extra `agents` is not installed; a URL together with a sandbox; a wanted tool is not there.
        SandboxError: the server cannot be reached or does not speak the protocol.
    """
    async with _client(server, sandbox, dict(env or {})) as client:
        tools = [_tool(client, found) for found in await _found(client)]
        if only is not None:
            tools = _chosen(tools, only)
        yield tools


def mcp_scene(
    server: str | Sequence[str], *, trusted: bool = False, only: Sequence[str] | None = None
) -> SceneMaker:
    """What a task gives as its `scene` to offer the tools of an MCP server of its own in each trial.

    Args:
        server: URL or command, as for `mcp_tools`.
        trusted: The command runs beside Fieldmark and not in the task's sandbox.
        only: Names of the tools wanted; None: all.
    """

    def make(task: Task, variant: Variant | None, seed: int) -> McpScene:
        return McpScene(task, variant, seed, server=server, trusted=trusted, only=only)

    return make


class McpScene(Scene):
    """A scene with the tools of one MCP server, which lives as long as the trial."""

    def __init__(
        self,
        task: Task,
        variant: Variant | None = None,
        seed: int = 0,
        *,
        server: str | Sequence[str],
        trusted: bool = False,
        only: Sequence[str] | None = None,
    ) -> None:
        super().__init__(task, variant, seed)
        self._server = server
        self._trusted = trusted
        self._only = only
        self._tools: list[Tool] = []
        self._opened: AbstractAsyncContextManager[list[Tool]] | None = None

    @property
    def tools(self) -> Sequence[Tool]:
        return (*super().tools, *self._tools)

    async def open(self) -> None:
        inside = None if self._trusted or isinstance(self._server, str) else self.sandbox
        if inside is None and not self._trusted and not isinstance(self._server, str):
            raise SandboxError(
                "an MCP server that is not trusted needs a sandbox",
                hint='uses = ["sandbox"], or trusted = true',
            )
        opened = mcp_tools(self._server, sandbox=inside, only=self._only)
        try:
            self._tools = await opened.__aenter__()
        except InputError as error:
            raise SandboxError(error.message, hint=error.hint) from None
        self._opened = opened

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.__aexit__(None, None, None)


@asynccontextmanager
async def _client(
    server: str | Sequence[str], sandbox: Sandbox | None, env: dict[str, str]
) -> AsyncGenerator[Client, None]:
    try:
        from mcp import Client, StdioServerParameters
        from mcp.client.stdio import stdio_client
    except ImportError:
        raise InputError(
            "MCP servers need the extra 'agents'", hint="pip install 'fieldmark[agents]'"
        ) from None
    logging.getLogger("mcp").setLevel(logging.ERROR)
    target: Any = server
    if not isinstance(server, str):
        program, *arguments = server
        if sandbox is not None:
            target = _inside(sandbox, [program, *arguments], env)
        else:
            said = StdioServerParameters(command=program, args=arguments, env=env)
            target = stdio_client(said, errlog=_nowhere())
    elif sandbox is not None:
        raise InputError("an MCP server behind a URL does not run in the sandbox")
    opened = Client(target, read_timeout_seconds=SECONDS, cache=None)
    try:
        client = await opened.__aenter__()
    except Exception as error:
        raise SandboxError(f"the MCP server does not answer: {_first(error)}"[:300]) from error
    try:
        yield client
    except asyncio.CancelledError as error:  # its task groups have to see that
        await opened.__aexit__(type(error), error, error.__traceback__)
        raise
    except BaseException:  # they would wrap anything else into a group
        await opened.__aexit__(None, None, None)
        raise
    else:
        await opened.__aexit__(None, None, None)


@lru_cache(1)
def _nowhere() -> TextIO:
    """Where servers' own logs go: they are not Fieldmark's."""
    return open(os.devnull, "w")


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def _found(client: Client) -> list[Any]:
    tools: list[Any] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


def _chosen(tools: Sequence[Tool], only: Sequence[str]) -> list[Tool]:
    by_name = {tool.name: tool for tool in tools}
    if missing := [name for name in only if name not in by_name]:
        known = ", ".join(by_name) or "none"
        raise InputError(f"the MCP server has no tool '{missing[0]}'", hint=f"it has: {known}")
    return [by_name[name] for name in only]


def _tool(client: Client, found: Any) -> Tool:
    async def run(arguments: Mapping[str, Any]) -> str:
        from mcp import MCPError

        try:
            result = await client.call_tool(found.name, dict(arguments))
        except MCPError as error:
            raise ToolRefusal(str(error)) from None
        text = _text(result)
        if result.is_error:
            raise ToolRefusal(text or "the tool failed")
        return text

    return Tool(found.name, found.description or found.title or "", dict(found.input_schema), run)


def _text(result: Any) -> str:
    parts = [_part(block) for block in result.content]
    if not parts and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(parts)


def _part(block: Any) -> str:
    if block.type == "text":
        return str(block.text)
    if block.type == "resource" and hasattr(block.resource, "text"):
        return str(block.resource.text)
    return f"[{block.type}: {getattr(block, 'mime_type', None) or getattr(block, 'uri', '')}]"


@asynccontextmanager
async def _inside(
    sandbox: Sandbox, command: Sequence[str], env: Mapping[str, str]
) -> AsyncGenerator[tuple[Any, Any], None]:
    """A transport of the SDK over the pipes of a command in the sandbox."""
    import anyio

    running = await sandbox.start(command, env=env)
    to_client, from_server = anyio.create_memory_object_stream[Any](16)
    to_server, from_client = anyio.create_memory_object_stream[Any](16)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_read, running, to_client)
            group.start_soon(_write, running, from_client)
            yield from_server, to_server
            group.cancel_scope.cancel()
    finally:
        for stream in (to_client, from_server, to_server, from_client):
            stream.close()
        with anyio.CancelScope(shield=True):
            await running.stop()


async def _read(running: Running, to_client: Any) -> None:
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    async with to_client:
        while True:
            try:
                line = await running.line(seconds=3600, limit=_LINE)
            except (ValueError, TimeoutError, SandboxError):
                return
            if line is None:
                return
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError as error:
                await to_client.send(error)
                continue
            await to_client.send(SessionMessage(message))


async def _write(running: Running, from_client: Any) -> None:
    async for message in from_client:
        line = message.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
        try:
            await running.send(line.encode())
        except SandboxError:
            return
