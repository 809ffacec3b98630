"""Server-sent events: numbered, with a heartbeat so that a dead connection is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from fieldmark.server._shared import Places

HEARTBEAT_SECONDS = 15.0


def event(data: str, number: int | None = None) -> bytes:
    """One event; `data` is one line of JSON."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}data: {data}\n\n".encode()


def stream(
    numbered: AsyncIterator[tuple[int, BaseModel]], until: asyncio.Event, places: Places
) -> StreamingResponse:
    """Events as they come, each with its number, `until` the server stops; 429 when there is no place."""
    places.check()
    return StreamingResponse(
        _placed(numbered, until, places),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


async def _placed(
    numbered: AsyncIterator[tuple[int, BaseModel]], until: asyncio.Event, places: Places
) -> AsyncIterator[bytes]:
    with places.taken():
        async with aclosing(_lines(numbered, until)) as lines:
            async for line in lines:
                yield line


async def _lines(
    numbered: AsyncIterator[tuple[int, BaseModel]], until: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    yield b"retry: 1000\n\n"
    stopped = asyncio.ensure_future(until.wait())
    pending: asyncio.Future[tuple[int, BaseModel]] = asyncio.ensure_future(anext(numbered))
    try:
        while True:
            either: list[asyncio.Future[Any]] = [pending, stopped]
            await asyncio.wait(either, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if stopped.done():
                return
            if not pending.done():
                yield b": still here\n\n"
                continue
            try:
                number, body = pending.result()
            except StopAsyncIteration:
                return
            yield event(body.model_dump_json(), number)
            pending = asyncio.ensure_future(anext(numbered))
    finally:
        stopped.cancel()
        pending.cancel()
