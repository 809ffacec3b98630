"""Agents behind an A2A card, asked over real HTTP: on tasks, in the arena, and when they go wrong."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from a2a.helpers import get_message_text, new_raw_part, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, TaskState, TaskStatus
from a2a.types import Task as A2ATask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fieldmark.contenders import ContenderSpec, Reach, make_contender, probe
from fieldmark.fields import Member
from fieldmark.scorecards import Bench, Budget, Played, Scene, Task, play
from fieldmark.scorecards.agents import agent_for
from tests.scorecards.stub import Passes

Does = Callable[[RequestContext, EventQueue, TaskUpdater], Awaitable[None]]


class Executor(AgentExecutor):
    def __init__(self, does: Does) -> None:
        self.does = does

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id
        assert context.context_id
        await self.does(context, event_queue, TaskUpdater(event_queue, context.task_id, context.context_id))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise NotImplementedError


@asynccontextmanager
async def serving(app: Any) -> AsyncGenerator[str, None]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app(held.getsockname()[1]), log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[held]))
        while not server.started:  # noqa: ASYNC110 (uvicorn sets no event)
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{held.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


def agent_app(does: Does, *, streaming: bool) -> Callable[[int], Starlette]:
    def app(port: int) -> Starlette:
        card = AgentCard(
            name="Helper",
            description="Helps.",
            version="1",
            supported_interfaces=[
                AgentInterface(
                    url=f"http://127.0.0.1:{port}/rpc", protocol_binding="JSONRPC", protocol_version="1.0"
                )
            ],
            capabilities=AgentCapabilities(streaming=streaming),
            default_input_modes=["text/plain"],
            default_output_modes=["text/plain"],
            skills=[],
        )
        handler = DefaultRequestHandler(Executor(does), InMemoryTaskStore(), card)
        return Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/rpc")])

    return app


@asynccontextmanager
async def remote(does: Does, *, streaming: bool = True) -> AsyncGenerator[Member, None]:
    async with serving(agent_app(does, streaming=streaming)) as url:
        yield member(url)


def member(url: str, **spec: Any) -> Member:
    contender = make_contender(ContenderSpec(name="helper", kind="agent", card=url, **spec))
    return Member(contender, contender.identity.digest)


async def played(who: Member, **task: Any) -> Played:
    return await play(Task("t", "What time is it?", Passes(), **task), agent_for(who), Bench())


async def says_back(context: RequestContext, queue: EventQueue, updater: TaskUpdater) -> None:
    said = get_message_text(context.message) if context.message else ""
    await queue.enqueue_event(new_text_message(f"You said: {said}", context_id=context.context_id))


async def begin(context: RequestContext, queue: EventQueue) -> None:
    if context.current_task is None:
        status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
        await queue.enqueue_event(A2ATask(id=context.task_id, context_id=context.context_id, status=status))


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_message_is_the_answer(streaming: bool) -> None:
    async with remote(says_back, streaming=streaming) as who:
        attempt = (await played(who)).attempt
    assert (attempt.answer, attempt.ended, attempt.steps) == ("You said: What time is it?", "answered", 1)


@pytest.mark.parametrize("streaming", [True, False])
async def test_artifacts_of_a_task_are_the_answer_and_its_files_are_taken(streaming: bool) -> None:
    async def works(context: RequestContext, queue: EventQueue, updater: TaskUpdater) -> None:
        await begin(context, queue)
        await updater.start_work()
        sent = [part.filename for part in context.message.parts if part.raw] if context.message else []
        await updater.add_artifact([new_text_part("It is ")], artifact_id="a")
        await updater.add_artifact([new_text_part(f"12:31 {sent}")], artifact_id="a", append=True)
        await updater.add_artifact([new_raw_part(b"heron", filename="out.txt")], artifact_id="b")
        await updater.complete()

    async with remote(works, streaming=streaming) as who:
        attempt = (
            await played(who, uses=frozenset({"sandbox"}), files={"in.txt": b"x"}, artifacts=["out.txt"])
        ).attempt
    assert (attempt.answer, attempt.files) == ("It is 12:31 ['in.txt']", {"out.txt": b"heron"})


async def test_a_talk_stays_in_its_context_and_its_open_task() -> None:
    seen: list[tuple[str, str]] = []

    async def asks(context: RequestContext, queue: EventQueue, updater: TaskUpdater) -> None:
        seen.append((context.context_id or "", context.task_id or ""))
        await begin(context, queue)
        if len(seen) == 1:
            await updater.requires_input(updater.new_agent_message([new_text_part("Which city?")]))
        else:
            await updater.add_artifact([new_text_part("It is 7 there.")])
            await updater.complete()

    class Desk(Scene):
        async def hear(self, text: str) -> str | None:
            return None if "7" in text else "Vienna."

    async with remote(asks) as who:
        attempt = (await played(who, scene=Desk)).attempt
    assert [m["content"] for m in attempt.messages[1:]] == ["Which city?", "Vienna.", "It is 7 there."]
    assert len(set(seen)) == 1


@pytest.mark.parametrize(
    ("end", "kind", "void"),
    [("failed", "cut_off", None), ("reject", "unsupported", None), ("requires_auth", "refused", "endpoint")],
)
async def test_a_task_that_fails_fails(end: str, kind: str, void: str | None) -> None:
    async def fails(context: RequestContext, queue: EventQueue, updater: TaskUpdater) -> None:
        await begin(context, queue)
        await getattr(updater, end)(updater.new_agent_message([new_text_part("of glass")]))

    async with remote(fails) as who:
        result = await played(who)
    assert (result.attempt.failure, result.verdict.void) == (kind, void)
    assert "of glass" in result.attempt.detail


async def test_an_agent_that_breaks_or_hangs_fails() -> None:
    async def breaks(context: RequestContext, queue: EventQueue, updater: TaskUpdater) -> None:
        raise RuntimeError("broken")

    async def hangs(context: RequestContext, queue: EventQueue, updater: TaskUpdater) -> None:
        await begin(context, queue)
        await asyncio.sleep(3)

    async with remote(breaks) as who:
        result = await played(who)
        assert (result.attempt.ended, result.verdict.void) == ("failed", None)
    async with remote(hangs) as who:
        assert (await played(who, budget=Budget(seconds=0.5))).attempt.ended == "seconds"


async def test_nobody_there_and_a_limit_are_void() -> None:
    result = await played(member("http://127.0.0.1:9"))
    assert (result.verdict.void, result.attempt.failure) == ("endpoint", "unreachable")

    async def limited(_: Request) -> Response:
        return JSONResponse({}, status_code=429, headers={"Retry-After": "30"})

    def app(_: int) -> Starlette:
        made = Starlette()
        made.add_route("/{path:path}", limited)
        return made

    async with serving(app) as url:
        result = await played(member(url))
    assert (result.verdict.void, result.attempt.status, result.attempt.retry_after) == ("endpoint", 429, 30)


async def test_it_answers_conversations_as_any_contender() -> None:
    async with remote(says_back) as who:
        assert who.contender.converses
        found = await probe(who.contender)
        assert (found.ok, found.text) == (True, "You said: Say hello in one short sentence.")
        messages = [{"role": r, "content": c} for r, c in (("user", "a"), ("assistant", "b"), ("user", "c"))]
        reply = await who.contender.complete({"messages": messages})
        assert reply["choices"][0]["message"]["content"] == "You said: User: a\n\nAssistant: b\n\nUser: c"
        chunks = [c async for c in who.contender.complete_stream({"messages": messages})]
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_confined_it_stays_outside_this_network() -> None:
    async with remote(says_back) as who:
        who.contender.confine(Reach())
        result = await played(who)
    assert (result.attempt.failure, "inside this network" in result.attempt.detail) == ("refused", True)
