"""The loop around a model: it is asked, its calls are made, the results are told, until it says its answer."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldmark.contenders import Message
from fieldmark.errors import ContenderFailure
from fieldmark.scorecards._stage import Stage
from fieldmark.scorecards._task import Tool
from fieldmark.scorecards.agents import _grammar
from fieldmark.scorecards.agents._asking import Reply, ask

if TYPE_CHECKING:
    from fieldmark.fields import Member
    from fieldmark.scorecards.views import Calling

ANSWER_TOKENS = 8192
"""Longest answer of one turn; the contender's own sampler may set a lower one."""
_SEEDS = 2**31
_REFUSES_SEED = (400, 422)


class ModelAgent:
    """A contender that answers conversations, given tools.

    The conversation is kept in OpenAI's form on the stage, however the model is asked.
    """

    def __init__(self, member: Member, calling: Calling = "native") -> None:
        self.member = member
        self.calling: Calling = calling
        self._takes_seed = True

    async def take(self, stage: Stage) -> None:
        """Go on until the answer is said and nobody answers it."""
        while True:
            stage.may_step()
            tools = list(stage.tools.values())
            if tools and self.calling == "grammar":
                over = await self._step_by_grammar(stage, tools)
            else:
                over = await self._step(stage, tools if self.calling == "native" else [])
            if over:
                return

    async def _step(self, stage: Stage, tools: Sequence[Tool]) -> bool:
        request: dict[str, Any] = {"messages": [*stage.messages, *self._screen(stage)]}
        if tools:
            request["tools"] = [tool.as_openai() for tool in tools]
        reply = await self._ask(stage, request)
        if not reply.calls and reply.cut:
            stage.answer = reply.text
            stage.note("said", text=reply.text)
            _count(stage, reply)
            raise ContenderFailure("cut_off", f"the answer {_cut(reply)}")
        if not reply.calls:
            return await _answer(stage, reply, reply.text)
        if reply.text:
            stage.note("said", text=reply.text)
        calls = [_named(call) for call in reply.calls]
        stage.messages.append({"role": "assistant", "content": reply.text or None, "tool_calls": calls})
        _count(stage, reply)
        for call in calls:
            await _call(stage, call, _arguments(call["function"]["arguments"]))
        return False

    async def _step_by_grammar(self, stage: Stage, tools: Sequence[Tool]) -> bool:
        stuck = _stuck(stage)
        form = {"name": "step", "schema": _grammar.step_schema([t for t in tools if t.name not in stuck])}
        request = {
            "messages": [*_grammar.as_told(stage.messages, tools), *self._screen(stage)],
            "response_format": {"type": "json_schema", "json_schema": form},
        }
        reply = await self._ask(stage, request)
        try:
            said = _grammar.parse_step(reply.text, [tool.name for tool in tools])
        except ValueError as error:
            _tell_back(stage, reply, str(error))
            _count(stage, reply)
            return False
        if isinstance(said, str):
            return await _answer(stage, reply, said)
        name, arguments = said
        function = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
        call = _named({"type": "function", "function": function})
        stage.messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        _count(stage, reply)
        await _call(stage, call, arguments)
        return False

    def _screen(self, stage: Stage) -> list[Message]:
        """The screen as it is now, for who takes pictures. Not kept: earlier ones would fill the context."""
        picture = stage.scene.picture
        if picture is None or not self.member.spec.vision:
            return []
        url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        content = [
            {"type": "text", "text": "The screen now:"},
            {"type": "image_url", "image_url": {"url": url}},
        ]
        return [{"role": "user", "content": content}]

    async def _ask(self, stage: Stage, request: Mapping[str, Any]) -> Reply:
        used = (stage.prompt_tokens or 0) + (stage.answer_tokens or 0)
        asked = {**request, "max_tokens": max(1, min(ANSWER_TOKENS, stage.budget.tokens - used))}
        if not self._takes_seed:
            return await ask(self.member, stage, asked)
        try:
            return await ask(self.member, stage, {**asked, "seed": (stage.scene.seed + stage.steps) % _SEEDS})
        except ContenderFailure as failure:
            # Some endpoints know no seed and refuse what they do not know.
            if failure.status not in _REFUSES_SEED or "seed" not in failure.message:
                raise
            self._takes_seed = False
            return await ask(self.member, stage, asked)


def _count(stage: Stage, reply: Reply) -> None:
    stage.step(reply.prompt_tokens, reply.answer_tokens, reply.cost)


async def _answer(stage: Stage, reply: Reply, text: str) -> bool:
    """Say it; whether the attempt is over. Silence is a failure only of who has done nothing either."""
    silent = not text.strip() and not stage.calls
    over = silent or await stage.say(text) is None
    _count(stage, reply)
    if silent:
        raise ContenderFailure("empty", "the answer has no text")
    return over


def _tell_back(stage: Stage, reply: Reply, what: str) -> None:
    words = f"Your answer {_cut(reply)}." if reply.cut else f"Invalid: {what}."
    stage.note("said", text=reply.text)
    stage.messages.append({"role": "assistant", "content": reply.text})
    stage.messages.append({"role": "user", "content": words})
    stage.note("told", text=words)


def _cut(reply: Reply) -> str:
    counted = "" if reply.answer_tokens is None else f" after {reply.answer_tokens} tokens"
    return f"was cut off{counted}"


def _stuck(stage: Stage) -> set[str]:
    """Tools that were called twice running with the same arguments and result, since somebody last said something:
    small models do nothing else until their steps are used up. The next steps' form leaves them out.
    """
    found: set[str] = set()
    before: tuple[Any, Any] | None = None
    call: Any = None
    for message in stage.messages:
        if message["role"] == "tool":
            now = call, message["content"]
            found |= {str(call["name"])} if now == before else set()
            before = now
        elif calls := message.get("tool_calls"):
            call = calls[0]["function"]
        elif message["role"] == "user":
            found, before = set(), None
    return found


def _named(call: Mapping[str, Any]) -> dict[str, Any]:
    """The call with an id, which some servers leave out and others insist on."""
    return {**call, "id": call.get("id") or f"call_{uuid.uuid4().hex[:24]}", "type": "function"}


def _arguments(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError):
        given = None
    return given if isinstance(given, dict) else {"": text}


async def _call(stage: Stage, call: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    name = call["function"]["name"]
    done = await stage.call(name, arguments)
    stage.messages.append({"role": "tool", "tool_call_id": call["id"], "name": name, "content": done.result})
