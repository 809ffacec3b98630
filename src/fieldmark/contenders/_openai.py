"""What contenders behind an OpenAI-compatible server share: endpoints, and weights that a child serves."""

from __future__ import annotations

import time
import uuid
from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fieldmark.contenders._base import Contender, Delta, Finish
from fieldmark.contenders._http import Lease
from fieldmark.contenders._request import prepare, wants_usage
from fieldmark.contenders._spec import ContenderSpec, Message
from fieldmark.contenders._wire import Piece, Reply, Usage
from fieldmark.errors import ContenderFailure

if TYPE_CHECKING:
    from fieldmark.contenders._shelf import Shelf


class OpenAIContender(Contender):
    """Turns what is asked into a chat-completions body, and the answer's pieces into what was asked for."""

    def __init__(self, spec: ContenderSpec, *, shelf: Shelf | None = None) -> None:
        super().__init__(spec, shelf=shelf)
        self._lease = Lease()

    @abstractmethod
    def _ask(self, body: Mapping[str, Any]) -> AsyncGenerator[Piece, None]:
        """Send the body where it belongs now. Raises ContenderFailure."""

    @property
    @abstractmethod
    def _model(self) -> str:
        """The model's name there."""

    @property
    def _stops(self) -> Sequence[str]:
        """Stop texts that always hold."""
        return ()

    async def close(self) -> None:
        await self._lease.close()

    async def stream(
        self, conversation: Sequence[Message], *, max_tokens: int | None = None
    ) -> AsyncGenerator[Delta | Finish, None]:
        wrote, finish, usage = False, "", Usage()
        async with aclosing(
            self._pieces({"messages": list(conversation), "max_tokens": max_tokens})
        ) as pieces:
            async for piece in pieces:
                finish, usage = piece.finish or finish, piece.usage or usage
                if text := piece.text or piece.refusal:
                    wrote = wrote or not text.isspace()
                    yield Delta(text)
        if not wrote:
            raise ContenderFailure("empty", "the answer has no text")
        yield Finish("length" if finish == "length" else "stop", usage.prompt, usage.answer)

    async def complete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        reply = Reply()
        async with aclosing(self._pieces(request)) as pieces:
            async for piece in pieces:
                reply.add(piece)
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
        if reply.refusal:
            message["refusal"] = reply.refusal
        if reply.tool_calls:
            message["tool_calls"] = reply.tool_calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}
        return {**self._envelope("chat.completion"), "choices": [choice], "usage": _usage(reply.usage)}

    async def complete_stream(self, request: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        envelope = self._envelope("chat.completion.chunk")
        first, usage = True, Usage()
        async with aclosing(self._pieces(request)) as pieces:
            async for piece in pieces:
                usage = piece.usage or usage
                if delta := _delta(piece, first=first):
                    first = False
                    yield {**envelope, "choices": [_choice(delta, None)]}
                if piece.finish:
                    yield {**envelope, "choices": [_choice({}, piece.finish)]}
        if wants_usage(request):
            yield {**envelope, "choices": [], "usage": _usage(usage)}

    def _pieces(self, request: Mapping[str, Any]) -> AsyncGenerator[Piece, None]:
        return self._ask({"model": self._model, **prepare(request, self.spec, self._stops)})

    def _envelope(self, kind: str) -> dict[str, Any]:
        """Our own id and the contender's name: the server's would tell who answers."""
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": self.spec.name,
        }


def _delta(piece: Piece, *, first: bool) -> dict[str, Any]:
    delta: dict[str, Any] = {"content": piece.text} if piece.text else {}
    if piece.refusal:
        delta["refusal"] = piece.refusal
    if piece.tool_calls:
        delta["tool_calls"] = list(piece.tool_calls)
    return {"role": "assistant", **delta} if first and (delta or piece.finish) else delta


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _usage(usage: Usage) -> dict[str, int] | None:
    if usage.prompt is None or usage.answer is None:
        return None
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.answer,
        "total_tokens": usage.prompt + usage.answer,
    }
