"""The answers that are being streamed, so that those of a revoked account or key can be ended."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CALLER = "fieldmark.caller"
"""Key of a request's scope under which whoever checks an account or key leaves its id."""


class Calls:
    """Streams by the account or key that asked. A stream may last for hours, longer than the right to it."""

    def __init__(self) -> None:
        self._streams: dict[str, set[_Call]] = {}

    def cut(self, caller: str) -> None:
        """End every stream of an account or key; the browser asks again and is refused."""
        for call in list(self._streams.get(caller, ())):
            call.cut()

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; its stream, if it becomes one of a known caller, can be cut."""
        task = asyncio.current_task()
        assert task is not None
        call = _Call(self, scope, send, task)
        try:
            await app(scope, receive, call.send)
        except asyncio.CancelledError:
            if not call.was_cut:
                raise
            task.uncancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._leave(call)

    def _enter(self, call: _Call) -> None:
        if call.caller is not None:
            self._streams.setdefault(call.caller, set()).add(call)

    def _leave(self, call: _Call) -> None:
        calls = self._streams.get(call.caller or "", set())
        calls.discard(call)
        if not calls:
            self._streams.pop(call.caller or "", None)


class _Call:
    def __init__(self, calls: Calls, scope: Scope, send: Send, task: asyncio.Task[Any]) -> None:
        self._calls = calls
        self._scope = scope
        self._send = send
        self._task = task
        self.caller: str | None = None
        self.was_cut = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _streams(message):
            self.caller = self._scope.get(CALLER)
            self._calls._enter(self)
        await self._send(message)

    def cut(self) -> None:
        if not self.was_cut:
            self.was_cut = True
            self._task.cancel()


def _streams(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message.get("headers", ())
    )
