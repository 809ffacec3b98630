"""A model behind real HTTP that says what a test's function says."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from fieldmark.contenders import ContenderSpec, Price, make_contender
from fieldmark.fields import Member
from fieldmark.scorecards import Attempt, Grading, Verdict, Verifier


@dataclass(frozen=True)
class Refusal:
    status: int
    message: str
    headers: Mapping[str, str]


Body = dict[str, Any]
Said = Mapping[str, Any] | Refusal | str
Says = Callable[[Body], Said]
"""From a chat-completions body to the message that is answered, to an error, or to a page (a text)."""


class Passes(Verifier):
    """Passes everything: these tests look at attempts."""

    kind = "passes"
    digest = "passes"

    async def verify(self, attempt: Attempt, grading: Grading) -> Verdict:
        return Verdict.of(True)


def text(content: str) -> Said:
    return {"role": "assistant", "content": content}


def calls(*wanted: tuple[str, Any]) -> Said:
    """A message with these calls; arguments that are a text are sent as they are."""
    made = [
        {
            "id": f"call-{place}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
            },
        }
        for place, (name, arguments) in enumerate(wanted)
    ]
    return {"role": "assistant", "content": None, "tool_calls": made}


def step(**said: Any) -> Said:
    """One step as a grammar would force it."""
    return text(json.dumps(said))


def refusal(status: int, message: str = "no", **headers: str) -> Refusal:
    return Refusal(status, message, headers)


@asynccontextmanager
async def stub(says: Says) -> AsyncGenerator[tuple[str, list[Body]], None]:
    """Base URL, and the bodies as they came."""
    seen: list[Body] = []

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        seen.append(body)
        said = says(body)
        if isinstance(said, str):
            return web.Response(text=said, content_type="text/html")
        if isinstance(said, Refusal):
            error = {"error": {"message": said.message}}
            return web.json_response(error, status=said.status, headers=said.headers)
        finish = "tool_calls" if said.get("tool_calls") else said.get("finish", "stop")
        choice = {"index": 0, "message": dict(said), "finish_reason": finish}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        return web.json_response(
            {"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}
        )

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", seen
    finally:
        await runner.cleanup()


@asynccontextmanager
async def member(says: Says, **spec: Any) -> AsyncGenerator[tuple[Member, list[Body]], None]:
    """A contender behind such a model, and the bodies it was sent."""
    async with stub(says) as (url, seen):
        price = spec.pop("price", Price(input=1e6, output=2e6))
        made = ContenderSpec(name="stub", kind="endpoint", url=url, model="stub", price=price, **spec)
        contender = make_contender(made)
        try:
            yield Member(contender, contender.identity.digest), seen
        finally:
            await contender.close()


def in_turn(*said: Said) -> Says:
    """Each once, the last one for ever."""
    left = list(said)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
