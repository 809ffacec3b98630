"""A stub endpoint: `python -m benchmarks._stub [--tokens N] [--rate R] [--first MS]` prints its port and serves until
its standard input ends.

Bare sockets, so that it takes little of the cores it shares with the server under test. A stream's tokens are released
on a schedule fixed when the request is in; each says its number and when it was due (`time.monotonic_ns`, which all
processes of a machine share), so that whoever reads them can tell how late they come.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from typing import cast

TOKEN = re.compile(r"(\d{4})@(\d{16}) ")
"""A token: its number from 0, and the nanosecond it was due."""
WIDTH = 22
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"


def token(number: int, due: int) -> str:
    """One token, always `WIDTH` characters."""
    return f"{number:04d}@{due:016d} "


class Stub(asyncio.Protocol):
    """One connection."""

    def __init__(self, tokens: int, rate: float, first: float) -> None:
        self._tokens, self._rate, self._first = tokens, rate, first
        self._buffer = b""
        self._transport: asyncio.Transport
        self._streaming: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def connection_lost(self, _: Exception | None) -> None:
        if self._streaming:
            self._streaming.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._buffer, 0, end)
            stop = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < stop:
                return
            body, self._buffer = self._buffer[end + 4 : stop], self._buffer[stop:]
            self._answer(json.loads(body) if body else {})

    def _answer(self, request: dict[str, object]) -> None:
        now = time.monotonic_ns()
        if request.get("stream"):
            self._streaming = asyncio.get_running_loop().create_task(self._stream(now))
            return
        text = "".join(token(number, now) for number in range(self._tokens))
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 7, "completion_tokens": self._tokens, "total_tokens": 7 + self._tokens}
        reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "stub", "choices": [choice]}
        body = json.dumps({**reply, "usage": usage}).encode()
        self._transport.write(_HEAD % (b"application/json", b"content-length: %d" % len(body)) + body)

    async def _stream(self, began: int) -> None:
        self._transport.write(_HEAD % (b"text/event-stream", b"transfer-encoding: chunked"))
        for number in range(self._tokens):
            due = began + round((self._first + number / self._rate) * 1e9)
            await asyncio.sleep(max(0.0, (due - time.monotonic_ns()) / 1e9))
            self._event({"delta": {"content": token(number, due)}, "finish_reason": None})
        self._event({"delta": {}, "finish_reason": "stop"})
        usage = {"prompt_tokens": 7, "completion_tokens": self._tokens, "total_tokens": 7 + self._tokens}
        self._chunk(json.dumps({"choices": [], "usage": usage}).encode())
        self._chunk(b"[DONE]")
        self._transport.write(b"0\r\n\r\n")

    def _event(self, choice: dict[str, object]) -> None:
        envelope = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
        self._chunk(json.dumps({**envelope, "choices": [{"index": 0, **choice}]}).encode())

    def _chunk(self, data: bytes) -> None:
        line = b"data: " + data + b"\n\n"
        self._transport.write(b"%x\r\n%s\r\n" % (len(line), line))


async def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._stub")
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--first", type=float, default=100.0, help="milliseconds to the first token")
    given = parser.parse_args()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Stub(given.tokens, given.rate, given.first / 1000), "127.0.0.1", 0, backlog=2048
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
