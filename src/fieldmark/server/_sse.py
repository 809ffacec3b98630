"""Server-sent events: numbered, with a heartbeat so that a dead connection is noticed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from fieldmark.server._shared import Places

HEARTBEAT_SECONDS = 15.0


def event(data: str, number: int | None = None) -> bytes:
    """One event; `data` is one line of JSON."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}data: {data}\n\n".encode()


def stream(
    batches: AsyncIterator[Sequence[tuple[int, BaseModel]]], until: asyncio.Event, places: Places
) -> StreamingResponse:
    """Events as they come, each with its number, `until` the server stops; 429 when there is no place.

    `batches` gives an empty one now and then while nothing happens, so that no task of its own watches the time.
    """
    places.check()
    return StreamingResponse(
        _placed(batches, until, places),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


async def _placed(
    batches: AsyncIterator[Sequence[tuple[int, BaseModel]]], until: asyncio.Event, places: Places
) -> AsyncIterator[bytes]:
    with places.taken():
        async with aclosing(_lines(batches, until)) as lines:
            async for line in lines:
                yield line


async def _lines(
    batches: AsyncIterator[Sequence[tuple[int, BaseModel]]], until: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    yield b"retry: 1000\n\n"
    said = time.monotonic()
    async for batch in batches:
        if until.is_set():
            return
        now = time.monotonic()
        if batch:
            yield b"".join(event(body.model_dump_json(), number) for number, body in batch)
            said = now
        elif now - said >= HEARTBEAT_SECONDS:
            yield b": still here\n\n"
            said = now
