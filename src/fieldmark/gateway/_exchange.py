"""One request while contenders are asked in turn: the chunks as they come, and what is to be said of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

from fieldmark.contenders import checked_messages
from fieldmark.errors import ContenderFailure
from fieldmark.fields import Member
from fieldmark.ledger.evidence import CaseAnswered, Tried

CHARACTERS_PER_TOKEN = 4
"""To estimate what an answer cost whose contender sent no counts."""
Finished = Literal["stop", "length", "tool_calls", "stopped", "failed"]


class Exchange:
    """Asks the members in their order until one begins to answer."""

    def __init__(self, request: Mapping[str, Any], members: Sequence[Member]) -> None:
        self.request = request
        self.member = members[0]
        self.tried: list[Tried] = []
        self.failure: ContenderFailure | None = None
        self.calls: list[dict[str, Any]] = []
        self._members = members
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self._finish = ""
        self._usage: dict[str, int] | None = None
        self._asked = self._ended = time.monotonic()
        self._first: float | None = None
        self._envelope: dict[str, Any] = {}
        options = request.get("stream_options") or {}
        self._tells_usage = not isinstance(options, Mapping) or bool(options.get("include_usage"))
        if not self._tells_usage:  # counts are needed for the spend cap all the same
            self.request = {**request, "stream_options": {**options, "include_usage": True}}

    async def chunks(self) -> AsyncGenerator[dict[str, Any], None]:
        """OpenAI's chunks. When nobody answers, it raises before the first one.

        Raises:
            InputError: the request asks for what does not pass through.
            ContenderFailure: of the last one asked.
        """
        checked_messages(self.request.get("messages"))
        for place, member in enumerate(self._members):
            self.member, self.failure = member, None
            self._asked = time.monotonic()
            try:
                async with aclosing(self._ask(member)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except ContenderFailure as failure:
                self.failure = failure
                if self._first is not None or place + 1 == len(self._members):
                    raise self._told(failure) from None
                ms = round((time.monotonic() - self._asked) * 1000)
                self.tried.append(Tried(contender=member.digest, kind=failure.kind, ms=ms))
            finally:
                self._ended = time.monotonic()

    async def _ask(self, member: Member) -> AsyncGenerator[dict[str, Any], None]:
        member.check_budget()
        begun = False
        try:
            async with member.asked(), aclosing(member.contender.complete_stream(self.request)) as chunks:
                begun = True
                async for chunk in chunks:
                    self._take(chunk)
                    if self._tells_usage or chunk.get("choices"):
                        yield chunk
        finally:
            if begun:
                member.spent += self.cost or 0.0

    def _take(self, chunk: Mapping[str, Any]) -> None:
        usage = chunk.get("usage")
        if usage:
            self._usage = usage
        for choice in chunk.get("choices") or ():
            self._finish = choice.get("finish_reason") or self._finish
            delta = choice.get("delta") or {}
            if not self._envelope:
                self._envelope = {name: chunk[name] for name in ("id", "created", "model") if name in chunk}
            if self._first is None:
                self._first = time.monotonic()
            if text := delta.get("content"):
                self._texts.append(text)
            if refused := delta.get("refusal"):
                self._refusals.append(refused)
            for part in delta.get("tool_calls") or ():
                _add_call(self.calls, part)

    def _told(self, failure: ContenderFailure) -> ContenderFailure:
        """The last failure; after others, it says that there were others."""
        if not self.tried:
            return failure
        kinds = ", ".join(t.kind for t in self.tried)
        what = (
            f"none of {len(self.tried) + 1} contenders answered ({kinds}, {failure.kind}): {failure.message}"
        )
        return ContenderFailure(failure.kind, what, status=failure.status, hint=failure.hint)

    @property
    def text(self) -> str:
        """The answer so far, a refusal's words where it has no others."""
        return "".join(self._texts) or "".join(self._refusals)

    @property
    def finished(self) -> bool:
        """Whether the answer came to its end."""
        return bool(self._finish) and self.failure is None

    @property
    def cost(self) -> float | None:
        """Currency units; estimated when no counts came."""
        prompt, answer = self._tokens
        if prompt is None or answer is None:
            if self._first is None and not self._finish:
                return None
            prompt = -(-sum(map(len, _texts(self.request))) // CHARACTERS_PER_TOKEN)
            answer = -(-len(self.text) // CHARACTERS_PER_TOKEN)
        return self.member.cost(prompt, answer)

    def reply(self) -> dict[str, Any]:
        """The whole answer as OpenAI's `chat.completion`."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) or None}
        if self._refusals:
            message["refusal"] = "".join(self._refusals)
        if self.calls:
            message["tool_calls"] = self.calls
        envelope = self._envelope or {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": self.member.name,
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish or None}
        return {**envelope, "object": "chat.completion", "choices": [choice], "usage": self._usage}

    def evidence(self, role: Literal["served", "shadow"], *, leak: bool = False) -> CaseAnswered:
        """What is recorded of it."""
        prompt, answer = self._tokens
        cost = self.cost
        return CaseAnswered(
            role=role,
            contender=self.member.digest,
            tried=tuple(self.tried),
            ms_to_first=None if self._first is None else round((self._first - self._asked) * 1000),
            ms=round((self._ended - self._asked) * 1000),
            prompt_tokens=prompt,
            answer_tokens=answer,
            characters=len(self.text),
            finish=self._evidence_finish(),
            failure=self.failure.kind if self.failure else None,
            cost=cost,
            estimated=cost is not None and (prompt is None or answer is None),
            leak=leak,
        )

    @property
    def _tokens(self) -> tuple[int | None, int | None]:
        usage = self._usage or {}
        return usage.get("prompt_tokens"), usage.get("completion_tokens")

    def _evidence_finish(self) -> Finished:
        if self.failure is not None:
            return "failed"
        match self._finish:
            case "":
                return "stopped"
            case "length" | "tool_calls" as reason:
                return reason
            case _:
                return "stop"


def _add_call(calls: list[dict[str, Any]], part: Mapping[str, Any]) -> None:
    while len(calls) <= part["index"]:
        calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
    call = calls[part["index"]]
    call["id"] = part.get("id") or call["id"]
    for name in ("name", "arguments"):
        call["function"][name] += part["function"].get(name) or ""


def _texts(request: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a conversation, and nothing of its pictures."""
    for message in request.get("messages") or ():
        content = message.get("content")
        for part in content if isinstance(content, list) else [content]:
            text = part.get("text") if isinstance(part, Mapping) else part
            if isinstance(text, str):
                yield text
