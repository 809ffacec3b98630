"""An OpenAI-compatible server with faults to order: real HTTP on a free loopback port, in a thread.

The model's name says how it behaves; some take a number after a colon: `refuse:429`, `echo:50` (tokens/s).
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from fieldmark.contenders import ContenderSpec


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


class Upstream:
    """`with Upstream() as upstream:` serves until the block ends."""

    def __init__(self, port: int = 0, models: tuple[str, ...] = ("echo", "slow")) -> None:
        self.models = models
        self.seen: list[Seen] = []
        self.left = threading.Event()
        """Set when a client has closed the connection of an unfinished answer."""
        self._port = port
        self._gate = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    def spec(self, model: str, name: str | None = None, **more: Any) -> ContenderSpec:
        """A contender behind one of the behaviours."""
        name = name or model.replace(":", "-")
        return ContenderSpec(name=name, kind="endpoint", url=self.url, model=model, **more)

    def release(self) -> None:
        """Let every `gated` answer go on."""
        self._gate.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list)
        quiet = logging.getLogger("upstream")
        quiet.propagate, quiet.handlers = False, [logging.NullHandler()]
        runner = web.AppRunner(app, access_log=None, logger=quiet, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self._port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _list(self, _: web.Request) -> web.Response:
        data = [{"id": model, "object": "model", "owned_by": "upstream"} for model in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(Seen(request.path, dict(request.headers), body))
        behaviour, _, number = body["model"].partition(":")
        turn = Turn(self, request, body, float(number) if number else None)
        try:
            return await _BEHAVIOURS[behaviour](turn)
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise

    async def gate(self) -> None:
        """Wait for `release`."""
        await asyncio.to_thread(self._gate.wait)


class Turn:
    """One request being answered."""

    def __init__(
        self, up: Upstream, request: web.Request, body: dict[str, Any], number: float | None
    ) -> None:
        self.up, self.request, self.body, self.number = up, request, body, number
        self.response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})

    @property
    def prompt(self) -> str:
        """The last message."""
        return str(self.body["messages"][-1]["content"])

    async def open(self, content_type: str = "text/event-stream") -> None:
        self.response.headers["Content-Type"] = content_type
        await self.response.prepare(self.request)

    async def write(self, data: bytes) -> None:
        transport = self.request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        await self.response.write(data)

    async def chunk(self, delta: dict[str, Any], finish: str | None = None) -> None:
        await self.write(
            event(self.envelope() | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        )

    async def words(self, text: str, rate: float | None = None) -> int:
        """Write a text word by word at `rate` words a second; gives the number of words."""
        if not self.response.prepared:
            await self.open()
        words = _words(text)[: self.body.get("max_tokens")]
        for word in words:
            await self.chunk({"content": word})
            if rate:
                await asyncio.sleep(1 / rate)
        return len(words)

    async def end(self, words: int, finish: str = "stop") -> web.StreamResponse:
        await self.chunk({}, finish)
        if self.body.get("stream_options", {}).get("include_usage"):
            usage = {"prompt_tokens": 7, "completion_tokens": words, "total_tokens": 7 + words}
            await self.write(event(self.envelope() | {"choices": [], "usage": usage}))
        await self.write(b"data: [DONE]\n\n")
        return self.response

    def envelope(self) -> dict[str, Any]:
        return {
            "id": "chatcmpl-upstream",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "secret-upstream-name",
            "system_fingerprint": "fp_secret",
        }

    async def drop(self) -> web.StreamResponse:
        """Close the connection without a word."""
        assert self.request.transport is not None
        self.request.transport.abort()
        return self.response


def event(payload: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def _words(text: str) -> list[str]:
    first, *rest = text.split(" ")
    return [first, *(" " + word for word in rest)]


async def _echo(turn: Turn) -> web.StreamResponse:
    return await turn.end(await turn.words("You said: " + turn.prompt, turn.number))


async def _slow(turn: Turn) -> web.StreamResponse:
    return await turn.end(await turn.words("I take my time to say anything at all.", turn.number or 5))


async def _hang(turn: Turn) -> web.StreamResponse:
    """No header ever; with a number, that many words and then nothing."""
    if turn.number is not None:
        await turn.words(" ".join(["word"] * int(turn.number)))
    while True:
        await asyncio.sleep(0.05)
        if turn.request.transport is None or turn.request.transport.is_closing():
            raise ConnectionResetError


async def _keep_alive(turn: Turn) -> web.StreamResponse:
    """Comments for ever, but no token."""
    await turn.open()
    while True:
        await turn.write(b": still here\n\n")
        await asyncio.sleep(0.05)


async def _gated(turn: Turn) -> web.StreamResponse:
    """One word, then the rest after `Upstream.release()`."""
    await turn.words("Well,")
    await turn.up.gate()
    return await turn.end(1 + await turn.words(" here I am."))


async def _refuse(turn: Turn) -> web.StreamResponse:
    error = {"message": f"No. You sent {turn.request.headers.get('Authorization')}", "type": "error"}
    return web.json_response({"error": error}, status=int(turn.number or 500))


async def _too_long(turn: Turn) -> web.StreamResponse:
    message = "This model's maximum context length is 16 tokens. However, you requested 900 tokens."
    error = {"message": message, "type": "invalid_request_error", "code": "context_length_exceeded"}
    return web.json_response({"error": error}, status=400)


async def _redirect(_: Turn) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://example.invalid/"})


async def _garbage(turn: Turn) -> web.StreamResponse:
    return web.Response(body=bytes(range(256)) * 20, content_type="application/octet-stream")


async def _web_page(turn: Turn) -> web.StreamResponse:
    return web.Response(text="<!doctype html><title>Welcome</title>", content_type="text/html")


async def _not_json(turn: Turn) -> web.StreamResponse:
    await turn.words("Up to here it is fine")
    await turn.write(b"data: {nonsense\n\n")
    return turn.response


async def _not_chunks(turn: Turn) -> web.StreamResponse:
    await turn.open()
    await turn.write(event({"choices": [{"delta": {"content": {"not": "a text"}}}]}))
    return turn.response


async def _error_inside(turn: Turn) -> web.StreamResponse:
    await turn.words("It began well,")
    await turn.write(event({"error": {"message": "out of memory", "code": 503}}))
    return turn.response


async def _cut_off(turn: Turn) -> web.StreamResponse:
    await turn.words("This sentence will never be")
    return await turn.drop()


async def _cut_cleanly(turn: Turn) -> web.StreamResponse:
    """The stream ends in good form, but no finish reason came."""
    await turn.words("This sentence will never be")
    await turn.write(b"data: [DONE]\n\n")
    return turn.response


async def _cut_at_once(turn: Turn) -> web.StreamResponse:
    return await turn.drop()


async def _empty(turn: Turn) -> web.StreamResponse:
    await turn.open()
    await turn.chunk({"role": "assistant", "content": ""})
    return await turn.end(0)


async def _nothing(turn: Turn) -> web.StreamResponse:
    await turn.open()
    return turn.response


async def _names_itself(turn: Turn) -> web.StreamResponse:
    return await turn.end(await turn.words("I am names-itself, a model made by Upstream Labs.", turn.number))


async def _halves(turn: Turn) -> web.StreamResponse:
    """One character in two halves of a surrogate pair, each in a piece of its own."""
    await turn.open()
    for piece in ("hi ", "\ud83d", "\ude00"):
        await turn.chunk({"content": piece})
    return await turn.end(1)


async def _long(turn: Turn) -> web.StreamResponse:
    """Many words; the number says how many."""
    count = int(turn.number or 2_000)
    written = await turn.words(" ".join(f"word{i}" for i in range(count)))
    return await turn.end(written, "stop" if written == count else "length")


async def _endless(turn: Turn) -> web.StreamResponse:
    await turn.open()
    while True:
        await turn.chunk({"content": "x" * 10_000})


async def _big_line(turn: Turn) -> web.StreamResponse:
    await turn.open()
    for _ in range(6 * 16):
        await turn.write(b"data: " + b"x" * (1 << 16))
    return turn.response


async def _whole(turn: Turn) -> web.StreamResponse:
    """Does not stream, although asked to."""
    message = {"role": "assistant", "content": "All at once."}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return web.json_response(turn.envelope() | {"choices": [choice], "usage": usage})


async def _odd_form(turn: Turn) -> web.StreamResponse:
    """Valid, in rarer forms: comments, CRLF, other fields, data over two lines, no blank line last."""
    await turn.open("text/event-stream; charset=utf-8")
    await turn.write(b"\xef\xbb\xbf: hello\r\n\r\nevent: message\r\nid: 1\r\nretry: 10\r\n")
    await turn.write(b'data: {"choices": [{"index": 0,\r\ndata:  "delta": {"content": "Odd"}}]}\r\n\r')
    await turn.write(b'\ndata:{"choices": [{"delta": {"content": " but fine"}, "finish_reason": "eos"}]}')
    return turn.response


async def _thinks(turn: Turn) -> web.StreamResponse:
    await turn.open()
    for _ in range(6):
        await turn.chunk({"reasoning_content": "hmm "})
        await asyncio.sleep(0.1)
    return await turn.end(await turn.words("Four."))


async def _filtered(turn: Turn) -> web.StreamResponse:
    return await turn.end(await turn.words("I would rather not"), "content_filter")


async def _tools(turn: Turn) -> web.StreamResponse:
    await turn.open()
    name = turn.body["tools"][0]["function"]["name"]
    start = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": ""}}
    await turn.chunk({"role": "assistant", "content": None, "tool_calls": [start]})
    for part in ('{"city": ', '"Graz"}'):
        await turn.chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
    return await turn.end(5, "tool_calls")


_BEHAVIOURS: dict[str, Callable[[Turn], Awaitable[web.StreamResponse]]] = {
    "echo": _echo,
    "slow": _slow,
    "hang": _hang,
    "keep-alive": _keep_alive,
    "gated": _gated,
    "refuse": _refuse,
    "too-long": _too_long,
    "redirect": _redirect,
    "garbage": _garbage,
    "web-page": _web_page,
    "not-json": _not_json,
    "not-chunks": _not_chunks,
    "error-inside": _error_inside,
    "cut-off": _cut_off,
    "cut-cleanly": _cut_cleanly,
    "cut-at-once": _cut_at_once,
    "empty": _empty,
    "nothing": _nothing,
    "names-itself": _names_itself,
    "halves": _halves,
    "long": _long,
    "endless": _endless,
    "big-line": _big_line,
    "whole": _whole,
    "odd-form": _odd_form,
    "thinks": _thinks,
    "filtered": _filtered,
    "tools": _tools,
}
BEHAVIOURS = tuple(_BEHAVIOURS)
